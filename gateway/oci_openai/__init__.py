"""OCI's models on OpenAI's APIs: the compatible endpoint of Generative AI, and deployments of Data Science.

Importing a module here loads neither the SDK of OCI nor that of OpenAI.
"""

"""OCI Generative AI: chat, embeddings, reranking, guardrails.

Of the modules here only `plane`, `failures` and `wire` may be imported at start-up: the others load the OCI
SDK, which takes seconds.
"""

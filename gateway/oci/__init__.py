"""OCI Generative AI: chat, embeddings, reranking, guardrails. Importing a module here loads the SDK, which is slow."""

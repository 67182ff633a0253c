"""Endpoints with OpenAI's chat completions API. Importing a module here does not load the `openai` SDK."""

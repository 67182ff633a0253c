"""Writes the generated parts of the clients from the OpenAPI document of the server; `make docs` runs it.

`clients/openapi.json` is the document. The Python client's models come from `datamodel-code-generator` and its methods
from `python_methods`; the TypeScript client's types come from `openapi-typescript`. Nothing here needs a network.
"""

from __future__ import annotations

from clients.generator.document import openapi_text
from clients.generator.python_methods import python_methods
from clients.generator.python_models import python_models
from clients.generator.typescript import typescript_types

__all__ = ["openapi_text", "python_methods", "python_models", "typescript_types"]

"""A vector store of OCI's OpenAI-compatible endpoint as a managed source. Import it inside functions."""

from __future__ import annotations

from dataclasses import replace

from openai import AsyncOpenAI
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.openai.endpoint import Endpoint
from gateway.provider_error import ProviderError, ProviderFailure
from gateway.replies.reply import request_id_in
from gateway.source_answer import SourceAnswer, SourcePassage

_POLICY = "`allow group … to use generative-ai-family in compartment …`"
_NOT_FOUND = (
    f"check `sources.{{name}}.vector_store` and SIXPLANE_OCI__REGION, which must be the store's, and the policies: "
    f"{_POLICY}"
)


class _Read(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class _Chunk(_Read):
    text: str | None = None


class _Found(_Read):
    file_id: str = ""
    filename: str = ""
    content: list[_Chunk]


class _Page(_Read):
    data: list[_Found]


class VectorStoreSource:
    """One vector store.

    Args:
        endpoint: signs and sends the requests.
        name: of the source, for errors.
        store_id: id of the vector store.
        most: how many results are asked for, 1 to 50.
    """

    def __init__(self, endpoint: Endpoint, name: str, store_id: str, most: int) -> None:
        self._endpoint, self._name, self._store_id, self._most = endpoint, name, store_id, most
        self._client = AsyncOpenAI(
            api_key=endpoint.key.get_secret_value(),
            base_url=endpoint.base_url,
            http_client=endpoint.client,
            timeout=endpoint.timeout,
            default_headers=dict(endpoint.headers),
            max_retries=0,  # retrying is the governor's task
        )

    async def __call__(self, question: str, call_id: str) -> SourceAnswer:
        """Return the chunks that the store finds for `question`, best first.

        Raises:
            ProviderError: the service failed, or broke its format.
        """
        del call_id  # a search changes nothing, so that it can be repeated
        try:
            # The SDK builds its types without checking them, so the answer is read here.
            raw = await self._client.vector_stores.with_raw_response.search(
                self._store_id, query=question, max_num_results=self._most
            )
            page = _Page.model_validate_json(raw.content)
        except ValidationError as error:
            raise ProviderError(_malformed(error)) from None  # the error quotes values
        except Exception as error:  # inspected only: what is no failure of the service is raised again
            failure = self._endpoint.failure_of(error)
            if failure is None:
                raise
            hint = _NOT_FOUND.format(name=self._name) if getattr(error, "status_code", 0) == 404 else failure.hint
            raise ProviderError(replace(failure, hint=hint)) from error
        passages = (_passage(each, chunk) for each in page.data for chunk in each.content)
        kept = dict.fromkeys(passage for passage in passages if passage.text.strip())
        return SourceAnswer(passages=tuple(kept), request_id=request_id_in(raw.headers))


def _passage(found: _Found, chunk: _Chunk) -> SourcePassage:
    return SourcePassage(text=chunk.text or "", title=found.filename, source=found.filename, document_id=found.file_id)


def _malformed(error: ValidationError) -> ProviderFailure:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the body"
    return ProviderFailure(
        f"its answer is malformed: `{place}`: {first['type']}",
        transient=False,
        billed=True,
        kind="malformed",
        hint="check SIXPLANE_OCI__OPENAI__BASE_URL and the proxy in between; else report the request id to Oracle",
    )

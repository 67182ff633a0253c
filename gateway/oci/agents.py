"""OCI Generative AI Agents as a managed source. Import it inside functions: the SDK is slow to load.

Only what the agent cites is taken. What it writes is a model's text without offsets into a document, so that nothing
could verify it. Each question is asked without a session: by the SDK's reference it is then asked "without any prior
context", so that no answer depends on what somebody else has asked before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from oci.generative_ai_agent_runtime import GenerativeAiAgentRuntimeClient
from oci.generative_ai_agent_runtime.models import ChatDetails
from oci.retry import NoneRetryStrategy

from gateway.oci.answers import Wire, malformed, read
from gateway.oci.failures import classify_oci
from gateway.provider_error import ProviderError, ProviderFailure
from gateway.replies.reply import hear, request_id_in
from gateway.source_answer import SourceAnswer, SourcePassage
from settings.connections.oci_inference import new_request_id
from settings.connections.oci_session import OCISession

_POLICY = "`allow group … to use genai-agent-family in compartment …`"
_NOT_FOUND = (
    f"check `sources.{{name}}.agent` and SIXPLANE_OCI__REGION, which must be the agent's, and the policies: {_POLICY}"
)
_NOT_ACCEPTED = f"the credentials are not accepted: `sixplane doctor`; or a policy is missing: {_POLICY}"
_MALFORMED_HINT = (
    "check SIXPLANE_OCI__AGENTS_ENDPOINT and the proxy in between; else report the request id to Oracle: the service "
    "broke its own format"
)
_ENDPOINT_HINT = "check SIXPLANE_OCI__AGENTS_ENDPOINT, the network and the proxy"


class _Location(Wire):
    url: str | None = None


class _Citation(Wire):
    source_text: str | None = None
    source_location: _Location | None = None
    title: str | None = None
    doc_id: str | None = None
    page_numbers: list[int] | None = None


class _ParagraphCitation(Wire):
    citations: list[_Citation] | None = None


class _Content(Wire):
    text: str | None = None
    citations: list[_Citation] | None = None
    paragraph_citations: list[_ParagraphCitation] | None = None


class _Message(Wire):
    content: _Content


class AgentAnswer(Wire):
    """A `ChatResult` of the SDK, as far as it is read."""

    message: _Message | None = None
    required_actions: list[Mapping[str, Any]] | None = None


class AgentSource:
    """One endpoint of an agent.

    Args:
        session: signs the requests.
        name: of the source, for errors and the circuit breaker.
        endpoint_id: OCID of the agent's endpoint.
        endpoint: replaces the service's address in the session's region.
    """

    def __init__(self, session: OCISession, name: str, endpoint_id: str, endpoint: str = "") -> None:
        self._name, self._endpoint_id = name, endpoint_id

        def raw(config: dict[str, Any], **options: Any) -> GenerativeAiAgentRuntimeClient:
            return GenerativeAiAgentRuntimeClient(config, skip_deserialization=True, **options)

        self._client = session.client(raw, name=f"source-{name}", endpoint=endpoint)

    async def __call__(self, question: str, call_id: str) -> SourceAnswer:
        """Return what the agent cites in its answer to `question`, each passage once, in the order of its answer.

        Raises:
            ProviderError: the service failed or broke its format, or the agent wants something done first.
        """
        try:
            # In a thread: the SDK's client of this service blocks. Its timeouts end a call that nobody waits for.
            data, headers = await asyncio.to_thread(self._chat, question, call_id)
        except UnicodeError:
            raise malformed("it is not UTF-8") from None
        except Exception as error:  # inspected only: what is no failure of the service is raised again
            failure = classify_oci(error)
            if failure is None:
                raise
            raise ProviderError(self._told(failure, getattr(error, "status", 0))) from error
        content = _read(data)
        passages = dict.fromkeys(passage for each in _cited(content) if (passage := _passage(each)))
        return SourceAnswer(
            passages=tuple(passages), said_chars=len(content.text or ""), request_id=request_id_in(headers)
        )

    def _chat(self, question: str, call_id: str) -> tuple[Any, Mapping[str, str]]:
        answer = self._client.chat(
            self._endpoint_id,
            ChatDetails(user_message=question, should_stream=False),
            opc_request_id=new_request_id(),
            opc_retry_token=call_id,  # asked again after a lost answer, the service repeats the answer
            retry_strategy=NoneRetryStrategy(),
        )
        hear(answer.headers)
        return answer.data, answer.headers

    def _told(self, failure: ProviderFailure, status: int) -> ProviderFailure:
        """Return `failure` with the remedy for a source: the failure table speaks of models."""
        if status == 404:
            return replace(failure, hint=_NOT_FOUND.format(name=self._name))
        if status == 401 or failure.kind == "credentials":
            return replace(failure, hint=_NOT_ACCEPTED)
        return replace(failure, hint=_ENDPOINT_HINT) if "SIXPLANE_OCI__ENDPOINT" in failure.hint else failure


def _read(data: Any) -> _Content:
    """Return the content of the agent's message. Raises `ProviderError` for any other answer."""
    try:
        # Of another content type the SDK returns the open response.
        answer = read(AgentAnswer, data if isinstance(data, Mapping | str) else "<")
    except ProviderError as error:
        raise ProviderError(replace(error.failure, hint=_MALFORMED_HINT)) from None
    if answer.required_actions:
        raise ProviderError(_WANTS_ACTION)
    if answer.message is None:
        raise ProviderError(replace(malformed("`message`: missing").failure, hint=_MALFORMED_HINT))
    return answer.message.content


_WANTS_ACTION = ProviderFailure(
    "its agent wants a tool called or an approval given before it answers",
    transient=False,
    billed=True,
    hint="use an endpoint of an agent that searches a knowledge base and needs nothing else",
)


def _cited(content: _Content) -> Iterator[_Citation]:
    yield from content.citations or ()
    for paragraph in content.paragraph_citations or ():
        yield from paragraph.citations or ()


def _passage(citation: _Citation) -> SourcePassage | None:
    """Return what is cited; `None` without a text, which could not be quoted."""
    if not (citation.source_text or "").strip():
        return None
    return SourcePassage(
        text=citation.source_text or "",
        title=citation.title or "",
        source=(citation.source_location and citation.source_location.url) or "",
        document_id=citation.doc_id or "",
        pages=tuple(page for page in citation.page_numbers or () if page > 0),
    )

"""The two services behind managed sources: what they answer is read strictly, and their failures name the remedy."""

from __future__ import annotations

import pytest
from oci.generative_ai_agent_runtime import GenerativeAiAgentRuntimeClient
from oci.generative_ai_agent_runtime.models import ChatDetails
from openai import AsyncOpenAI

from gateway.oci.agents import AgentSource
from gateway.oci_openai.plane import open_compatible
from gateway.oci_openai.vector_stores import VectorStoreSource
from gateway.provider_error import ProviderError
from gateway.source_answer import SourcePassage
from settings import load_settings
from tests.doubles.oci import Fault, LocalOCI
from tests.doubles.oci.managed import AGENT, SAID, VECTOR_STORE, Cited, Managed
from tests.doubles.oci.session import local_session

URL = "https://example.org/falcon.pdf"
FALCON = Cited("The Falcon started in 2019.", "falcon.pdf", URL, "doc-1", (3,))
QUESTION = "When did the Falcon start?"
MESSAGE = {"message": {"content": {"text": "x", "citations": [{"sourceText": 7}]}}}


@pytest.fixture(scope="module")
def served():
    held = Managed({AGENT: [FALCON, FALCON]}, {VECTOR_STORE: [FALCON]})
    with LocalOCI(managed=held, embed="hash", api_key="sk-local") as oci:
        yield oci


@pytest.fixture
def oci(served):
    served.forget()
    return served


def agent(oci, ocid=AGENT):
    return AgentSource(local_session(oci), f"archive-{ocid[-4:]}", ocid, oci.url)


async def store(oci, store_id=VECTOR_STORE):
    settings = load_settings(oci={"openai": {"api_key": "sk-local", "base_url": f"{oci.url}/openai/v1"}})
    compatible = open_compatible(settings, None)
    try:
        return await VectorStoreSource(compatible.stores(), "hulls", store_id, 3)(QUESTION, "")
    finally:
        await compatible.aclose()


async def test_the_local_services_answer_what_the_sdks_read(oci):
    client = GenerativeAiAgentRuntimeClient(oci.config, service_endpoint=oci.url)
    content = client.chat(AGENT, ChatDetails(user_message=QUESTION)).data.message.content
    assert (content.text, content.citations[0].source_text) == (SAID, FALCON.text)
    assert (content.citations[0].source_location.url, content.citations[0].page_numbers) == (URL, [3])
    async with AsyncOpenAI(api_key="sk-local", base_url=f"{oci.url}/openai/v1") as openai:
        page = await openai.vector_stores.search(VECTOR_STORE, query=QUESTION)
    assert (page.data[0].content[0].text, page.data[0].file_id) == (FALCON.text, "doc-1")


async def test_both_return_what_can_be_cited_once(oci):
    cited = SourcePassage(text=FALCON.text, title="falcon.pdf", source=URL, document_id="doc-1", pages=(3,))
    answer = await agent(oci)(QUESTION, "token")
    assert (answer.passages, answer.said_chars) == ((cited,), len(SAID))
    assert answer.request_id == oci.of("agent_chat")[0].request_id
    found = await store(oci)
    assert found.passages == (cited.model_copy(update={"source": "falcon.pdf", "pages": ()}),)
    assert found.request_id == oci.of("search")[0].request_id


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (MESSAGE, "malformed", "`message.content.citations.0.sourceText`"),
        ({"message": None}, "malformed", "`message`: missing"),
        ({"requiredActions": [{"actionId": "a"}]}, "outage", "wants a tool called"),
        ("<html>", "outage", "a page"),
    ],
)
async def test_an_agent_that_answers_otherwise_is_a_failure(oci, body, kind, said):
    oci.faults.add(Fault("status", "agent_chat", status=200, body=body))
    with pytest.raises(ProviderError) as caught:
        await agent(oci)(QUESTION, "token")
    assert (caught.value.failure.kind, said in caught.value.failure.reason) == (kind, True)


@pytest.mark.parametrize("body", [{"data": [{"content": [{"text": 7}]}]}, {"data": 1}])
async def test_a_vector_store_that_answers_otherwise_is_a_failure(oci, body):
    oci.faults.add(Fault("status", "search", status=200, body=body))
    with pytest.raises(ProviderError, match="malformed: `data") as caught:
        await store(oci)
    assert "7" not in caught.value.failure.reason


async def test_what_does_not_exist_is_told_with_setting_and_policy(oci):
    with pytest.raises(ProviderError) as caught:
        await agent(oci, f"{AGENT}x")(QUESTION, "token")
    assert "`sources.archive-calx.agent`" in caught.value.failure.hint
    with pytest.raises(ProviderError) as caught:
        await store(oci, "vs_other")
    assert "`sources.hulls.vector_store`" in caught.value.failure.hint
    assert "generative-ai-family" in caught.value.failure.hint

"""What OCI says of a model that it is about to retire reaches the span and the report."""

import pytest
from langchain_core.documents import Document

from gateway import Governor, Ledger, load_catalog
from gateway.classification import classify
from gateway.ledger.account import Account, accounted
from gateway.oci.plane import GUARDRAILS, OCIModels
from gateway.retirement import notice_retirement
from observability import collected_notices
from settings.connections.oci_inference import InferenceClients
from state.values import MODEL_RETIRING
from tests.doubles.oci import Fault, LocalOCI, Reply
from tests.doubles.oci.management import Tenancy, TenancyModel
from tests.doubles.oci.session import local_model, local_session, local_settings
from tests.gateway.oci_openai.asking import Asked

COHERE, GENERIC, EMBED, RERANK = (
    "cohere.command-a-03-2025",
    "openai.gpt-oss-120b",
    "cohere.embed-v4.0",
    "cohere.rerank-v4.0-fast",
)
FREE = {"oci.guardrails": (0, 0)}
SAID = "on-demand retirement on 2027-01-31"


@pytest.fixture
def oci():
    models = tuple(TenancyModel(name, notice=SAID) for name in (COHERE, GENERIC, EMBED, RERANK))
    with LocalOCI(lambda _: Reply("yes"), embed="hash", tenancy=Tenancy(models)) as served:
        yield served


def test_a_notice_is_printable_and_bounded():
    with collected_notices() as noticed:
        notice_retirement(COHERE, {"model-retirement-info": "2027-01-01\x1b[31m\n" + "x" * 500})
        notice_retirement(GENERIC, {"opc-request-id": "A"})
    (event,) = noticed
    assert event.kind == MODEL_RETIRING
    assert event.detail.startswith(f"OCI is about to retire {COHERE}: 2027-01-01 [31m xxx")
    assert event.detail.isprintable()
    assert len(event.detail) < 300


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("model_id", [COHERE, GENERIC])
async def test_a_chat_model_says_so_whole_or_streamed(oci, model_id, streamed):
    clients = InferenceClients(local_session(oci), name=f"retiring-{model_id}-{streamed}", seen=notice_retirement)
    model = local_model(oci, model_id, clients=clients)
    with collected_notices() as noticed:
        if streamed:
            assert "".join([part.text async for part in model.astream("Is it?")]) == "yes"
        else:
            assert (await model.ainvoke("Is it?")).text == "yes"
    await clients.aclose()
    assert {event.detail for event in noticed} == {f"OCI is about to retire {model_id}: {SAID}"}


async def test_embeddings_and_rerankers_say_so_too(oci, tmp_path):
    settings = local_settings(oci, tmp_path / "home", oci={"rerank_model": RERANK})
    ledger = Ledger(settings)
    plane = OCIModels(settings, local_session(oci), Governor(settings, ledger, classify), load_catalog(prices={}))
    with accounted(Account("local", "run")), collected_notices() as noticed:
        await plane.embeddings().aembed_query("which?")
        await plane.reranker().acompress_documents([Document(page_content="this")], "which?")
    await plane.aclose()
    await ledger.aclose()
    assert [event.detail.split(":")[0] for event in noticed] == [
        f"OCI is about to retire {EMBED}",
        f"OCI is about to retire {RERANK}",
    ]


async def test_guardrails_say_so_too(oci, tmp_path):
    settings = local_settings(oci, tmp_path / "home")
    ledger = Ledger(settings)
    plane = OCIModels(settings, local_session(oci), Governor(settings, ledger, classify), load_catalog(prices=FREE))
    checked = {"contentModeration": {"categories": [{"name": "OVERALL", "score": 0.0}]}}
    told = {"model-retirement-info": SAID}
    oci.faults.add(Fault("status", "applyGuardrails", status=200, body={"results": checked}, headers=told))
    with accounted(Account("local", "run")), collected_notices() as noticed:
        assert (await plane.guardrails()("a text"))["contentModeration"]["categories"][0]["score"] == 0.0
    await plane.aclose()
    await ledger.aclose()
    assert [event.detail for event in noticed] == [f"OCI is about to retire {GUARDRAILS}: {SAID}"]


@pytest.mark.parametrize("openai", [{"surface": "chat"}, {"surface": "responses"}, {"stream": True}])
async def test_the_compatible_endpoint_says_so_too(oci, tmp_path, openai):
    asked = Asked(oci, tmp_path / "home", f"oci-openai:{GENERIC}", oci={"openai": openai})
    with collected_notices() as noticed:
        assert (await asked.model().ainvoke("Is it?")).text == "yes"
    await asked.compatible.aclose()
    await asked.gateway.aclose()
    assert [(event.kind, event.detail) for event in noticed] == [
        (MODEL_RETIRING, f"OCI is about to retire {GENERIC}: {SAID}")
    ]

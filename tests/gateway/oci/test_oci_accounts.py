"""Embeddings, reranking and guardrails are charged to the account of the task that calls them."""

import asyncio

import pytest
import sqlalchemy as sa
from langchain_core.documents import Document

from gateway import Ledger, load_catalog
from gateway.classification import classify
from gateway.governor import Governor
from gateway.ledger.account import Account, accounted, current_account
from gateway.ledger.tables import calls
from gateway.oci.plane import OCIModels
from state.errors import BudgetExceeded
from tests.doubles.oci import LocalOCI
from tests.doubles.oci.session import local_session, local_settings

PRICES = {"cohere.rerank-v4.0-fast": (2_000_000, 0), "oci.guardrails": (10_000, 0)}


@pytest.fixture
def oci():
    with LocalOCI(delay=0.1) as served:
        yield served


@pytest.fixture
async def plane(oci, tmp_path):
    settings = local_settings(
        oci, tmp_path / "home", models={"prices_micro_usd": PRICES}, oci={"rerank_model": "cohere.rerank-v4.0-fast"}
    )
    ledger = Ledger(settings)
    made = OCIModels(settings, local_session(oci), Governor(settings, ledger, classify), load_catalog(prices=PRICES))
    made.ledger = ledger
    yield made
    await made.aclose()
    await ledger.aclose()


def rows(ledger):
    with ledger._database.transaction() as connection:
        return connection.execute(sa.select(calls)).mappings().all()


async def test_equal_calls_at_once_are_each_settled(plane):
    embeddings = plane.embeddings()
    with accounted(Account("local", "run")):
        await asyncio.gather(*(embeddings.aembed_query("the same question") for _ in range(5)))
    assert [(row["state"], row["operation"]) for row in rows(plane.ledger)] == [("completed", "embeddings")] * 5
    assert (await plane.ledger.usage("local", "run")).calls == 5


async def test_each_task_pays_for_itself(plane):
    guardrails, reranker = plane.guardrails(), plane.reranker()

    async def work(tenant):
        with accounted(Account(tenant, "run")):
            await guardrails(f"text of {tenant}")
            await reranker.acompress_documents([Document(page_content="a"), Document(page_content="b")], "a")

    await asyncio.gather(work("one"), work("three"))
    assert current_account().tenant == "local"
    for tenant in ("one", "three"):
        usage = await plane.ledger.usage(tenant, "run")
        chars = len(f"text of {tenant}") + 3
        assert (usage.calls, usage.input_chars) == (2, chars)
        assert usage.cost_micro_usd == len(f"text of {tenant}") + 2_000  # one search unit
    assert (await plane.ledger.usage("local", "run")).calls == 0


async def test_a_run_s_limit_holds_for_them_too(plane, oci):
    with accounted(Account("local", "run", run_limit_micro_usd=10)), pytest.raises(BudgetExceeded):
        await plane.guardrails()("x" * 11)
    assert not oci.calls

"""A guard that cannot answer is a service that is unavailable, over HTTP and MCP; no client takes it for an answer."""

from __future__ import annotations

import openai
import pytest

from experience.mcp.serving import create_mcp_app
from policy import Stage
from tests.experience.http.conftest import chat, client, served
from tests.experience.mcp.test_mcp import called, over_http
from tests.experience.service.helpers import PRICE


@pytest.mark.parametrize("stage", Stage)
async def test_over_http_it_is_a_503_that_says_when_to_come_back(home, broken, stage):
    async with served(home) as url, client(url) as ann:
        broken(stage)
        told = await ann.post("/v1/chat", json=chat())
        assert (told.status_code, told.json()["code"]) == (503, "guard_unavailable")
        assert int(told.headers["retry-after"]) > 0
        (item,) = (await ann.post("/v1/batch", json={"requests": [chat()]})).json()["items"]
        assert (item["status"], item["problem"]["code"]) == ("failed", "guard_unavailable")
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="ann", max_retries=0) as official:
            asked = {"model": "sixplane/small", "messages": [{"role": "user", "content": PRICE}]}
            with pytest.raises(openai.InternalServerError, match="guard") as caught:
                await official.chat.completions.create(**asked)
            assert (caught.value.status_code, caught.value.code) == (503, "guard_unavailable")
            with pytest.raises(openai.APIError, match="guard"):
                async for _ in await official.chat.completions.create(**asked, stream=True):
                    pass


async def test_a_search_that_could_not_be_screened_is_a_503(home, broken):
    async with served(home) as url, client(url) as ann:
        broken(Stage.EVIDENCE)
        told = await ann.post("/v1/corpora/small/search", json={"query": "tariff"})
    assert (told.status_code, told.json()["code"]) == (503, "guard_unavailable")


async def test_over_mcp_it_is_an_error_or_a_run_that_stopped(home, broken):
    async with served(home, make=create_mcp_app) as url, over_http(url) as mcp:
        broken(Stage.QUESTION)
        told = await called(mcp, "research_start", question=PRICE, corpus="small")
        assert told["code"] == "guard_unavailable"
        broken(Stage.ANSWER)
        begun = await called(mcp, "research_start", question=PRICE, corpus="small")
        ended = await called(mcp, "research_result", run_id=begun["run_id"])
        assert (ended["status"], ended["message"]) == ("stopped", "guard_unavailable")

"""The clients that chat front ends and programs use besides OpenAI's own: `langchain-openai` and `litellm`."""

from __future__ import annotations

import logging

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

QUESTION = "What is the price of Tariff A?"
TURNS = [
    SystemMessage("Answer in French."),
    HumanMessage("What is the price of Tariff B?"),
    AIMessage("Tariff B costs 20 dollars a month."),
    HumanMessage("And what does it include?"),
]


@pytest.fixture
def langchain(url):
    return ChatOpenAI(base_url=f"{url}/v1", api_key="ann", model="sixplane/small", max_retries=0)


@pytest.fixture
def litellm(monkeypatch, url):
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "true")  # otherwise the import fetches prices
    import litellm as module

    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)

    async def ask(messages, **more):
        given = {"api_base": f"{url}/v1", "api_key": "ann", "num_retries": 0, **more}
        return await module.acompletion(**{"model": "openai/sixplane/small", "messages": messages, **given})

    return ask


async def test_langchain_asks_streams_and_binds(langchain):
    answer = await langchain.ainvoke(TURNS)
    assert "support around the clock" in answer.text
    assert answer.usage_metadata["total_tokens"] > 0
    pieces = [piece async for piece in langchain.astream(QUESTION)]
    assert len(pieces) > 2
    assert "12 dollars" in "".join(piece.text for piece in pieces)
    stopped = await langchain.bind(stop=["dollars"], max_tokens=1).ainvoke(QUESTION)
    assert stopped.text.endswith("12 ")
    with pytest.raises(openai.BadRequestError, match="tools are not supported"):
        await langchain.bind_tools([{"name": "f", "description": "d", "parameters": {}}]).ainvoke(QUESTION)


@pytest.mark.long  # its import alone takes seconds
@pytest.mark.filterwarnings("ignore::UserWarning")
async def test_litellm_asks_streams_and_maps_errors(litellm, url):
    asked = [{"role": "user", "content": QUESTION}]
    answer = await litellm(asked, max_tokens=1)
    assert "12 dollars" in answer.choices[0].message.content
    pieces = [chunk.choices[0].delta.content or "" async for chunk in await litellm(asked, stream=True)]
    assert "12 dollars" in "".join(pieces)
    import litellm as module

    given = {"api_base": url + "/v1", "api_key": "ann"}
    vectors = await module.aembedding(model="openai/sixplane", input=["x"], encoding_format="float", **given)
    assert len(vectors.data[0]["embedding"]) > 100
    told = await module.aresponses(model="openai/sixplane/small", input=QUESTION, **given)
    assert "12 dollars" in told.output[0].content[0].text
    with pytest.raises(module.AuthenticationError):
        await litellm(asked, api_key="nobody")
    with pytest.raises(module.BadRequestError, match="tools are not supported"):
        await litellm(asked, tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}])
    with pytest.raises(module.NotFoundError):
        await litellm(asked, model="openai/sixplane/none")

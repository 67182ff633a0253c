"""A scripted provider behind the governed model, and what its tests share."""

import asyncio

import httpx
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.runnables import RunnableLambda

from gateway import CallScope, Gateway, Ledger, ScriptedChatModel
from gateway.schemas import wire_text
from settings import load_settings
from state.roles import ResearchPlan
from state.values import Role

PLAN = ResearchPlan(standalone_question="Why?", sub_questions=["Why now?"])
MODEL = "scripted:one"
PROMPT = [SystemMessage("Plan."), HumanMessage("Why?")]
SENT = 9 + len(wire_text(ResearchPlan))
"""Characters of the request for a plan: the prompt, and the schema beside it."""
RESERVED = -(-(SENT + 2 * sum(map(str.isdigit, wire_text(ResearchPlan)))) // 3) + 100
"""For a plan: the request at three characters a token, and one digit a token, and 100 tokens of answer."""

DOWN = ConnectionRefusedError("refused")


async def watched(model, messages):
    """Return the answer of a model to a caller who watches it write, as who streams a graph does."""

    async def ask(given):
        return await model.ainvoke(given)

    events = [event async for event in RunnableLambda(ask).astream_events(messages)]
    return events[-1]["data"]["output"]


class StatusError(Exception):
    """What an SDK raises for an HTTP status."""

    def __init__(self, status, headers=None):
        super().__init__("what the server said")
        self.status_code, self.response = status, httpx.Response(status, headers=headers)


class Asked:
    """A gateway with one scripted model, priced one micro-dollar a token."""

    def __init__(self, home, *script, log=None, telemetry=None, price=(1_000_000, 1_000_000), **models):
        self.scripted = ScriptedChatModel(script=list(script), log=log)
        models = {"timeout_seconds": 5, "prices_micro_usd": {MODEL: price}, **models}
        self.settings = load_settings(home=home, models=models, telemetry=telemetry or {"jsonl": False})
        given = {MODEL: self.scripted}
        self.gateway = Gateway(self.settings, ledger=Ledger(self.settings), embeddings=None, models=given)

    def model(self, task="task", limit=None, run="run"):
        scope = CallScope(
            "local", run, "thread", task, 1, Role.RESEARCHER, MODEL, max_output_tokens=100, run_limit_micro_usd=limit
        )
        return self.gateway.chat_model(scope)

    async def plan(self, prompt=PROMPT, **scope):
        return await self.model(**scope).with_structured_output(ResearchPlan).ainvoke(prompt)

    @property
    def calls(self):
        return self.scripted.calls

    async def first_call(self):
        for _ in range(500):
            if self.calls:
                return
            await asyncio.sleep(0.01)
        raise TimeoutError("nothing was asked")

    async def usage(self):
        return await self.gateway.usage("local", "run")

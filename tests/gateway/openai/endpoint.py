"""A gateway of one OpenAI-compatible endpoint on 127.0.0.1, and what its tests ask."""

import json

from langchain_core.messages import HumanMessage, SystemMessage

from gateway import CallScope, Gateway, Ledger
from settings import load_settings
from state.roles import ResearchPlan
from state.values import Role

PLAN = ResearchPlan(standalone_question="Why?", sub_questions=["Why now?"])
JSON = PLAN.model_dump_json()
MODEL = "openai:small"
PROMPT = [SystemMessage("Plan."), HumanMessage("Why?")]


def sent_chars(request):
    """What was sent of the model's input: the messages, and the schema beside them."""
    beside = request.get("response_format")
    return sum(len(each["content"]) for each in request["messages"]) + (len(json.dumps(beside)) if beside else 0)


class Asked:
    """A gateway of one endpoint, and the one question that the tests ask."""

    def __init__(self, home, base_url, **given):
        self.openai = {"base_url": base_url, **given.pop("openai", {})}
        models = {"timeout_seconds": 5, "prices_micro_usd": {MODEL: (1_000_000, 2_000_000)}, **given}
        self.settings = load_settings(home=home, openai=self.openai, models=models)
        self.gateway = Gateway(self.settings, ledger=Ledger(self.settings), embeddings=None)

    def model(self, task="task", role=Role.RESEARCHER, limit=None):
        scope = CallScope(
            "local", "run", "thread", task, 1, role, MODEL, max_output_tokens=500, run_limit_micro_usd=limit
        )
        return self.gateway.chat_model(scope)

    async def plan(self, prompt=PROMPT, task="task"):
        return await self.ask(ResearchPlan, prompt, task=task)

    async def ask(self, schema, prompt=PROMPT, **chosen):
        return await self.model(**chosen).with_structured_output(schema).ainvoke(prompt)

    async def usage(self):
        return await self.gateway.usage("local", "run")

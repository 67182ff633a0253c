"""A gateway of a local OCI on OpenAI's APIs, and what its tests ask."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import HumanMessage, SystemMessage

from gateway import CallScope, Gateway, Ledger
from gateway.oci_openai.plane import open_compatible
from settings import Settings
from settings.connections.oci_session import open_oci_session
from settings.tree import uses_oci
from state.roles import ResearchPlan
from state.values import Role
from tests.doubles.oci import LocalOCI
from tests.doubles.oci.server import DEPLOYMENT
from tests.doubles.oci.session import local_settings

PLAN = ResearchPlan(standalone_question="Why?", sub_questions=["Why now?"])
JSON = PLAN.model_dump_json()
MODEL = "oci-openai:openai.gpt-oss-120b"
PROMPT = [SystemMessage("Plan."), HumanMessage("Why?")]
INPUT_PRICE, OUTPUT_PRICE = 150_000, 600_000
"""Of the model's entry in the catalogue, per 1,000,000 tokens: it is the same on every API."""


class Asked:
    """A gateway of a local OCI, and the one question that the tests ask."""

    def __init__(
        self, server: LocalOCI, home: Any, model: str = MODEL, *, session: Any = None, **sections: Any
    ) -> None:
        self.model_id = model
        self.settings: Settings = local_settings(server, home, **sections)
        if session is None and uses_oci(self.settings):
            session = open_oci_session(self.settings)
        self.compatible = open_compatible(self.settings, session)
        self.gateway = Gateway(self.settings, ledger=Ledger(self.settings), embeddings=None, compatible=self.compatible)

    def model(self, task: str = "task") -> Any:
        scope = CallScope("local", "run", "thread", task, 1, Role.RESEARCHER, self.model_id, max_output_tokens=500)
        return self.gateway.chat_model(scope)

    async def plan(self, task: str = "task") -> Any:
        return await self.model(task).with_structured_output(ResearchPlan).ainvoke(PROMPT)

    async def usage(self) -> Any:
        return await self.gateway.usage("local", "run")


def deployment(server: LocalOCI, **given: Any) -> dict[str, Any]:
    """Return the settings of a deployment `local` of the server."""
    table = {"endpoint": f"{server.url}/{DEPLOYMENT}/predict", **given}
    return {"oci": {"deployments": {"local": table}}}

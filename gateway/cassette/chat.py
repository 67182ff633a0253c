"""The cassette chat model: replays one run of a cassette, and notices when its prompts have changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from pydantic import Field

from gateway.cassette.recording import recorded
from gateway.cassette.replay import Replay
from gateway.cassette.tape import load_cassette, name_of
from gateway.local_chat import LocalChatModel, chat_result, cut_at, usage_of
from observability import notice
from state.channels import ResearchContext

_KEPT_RUNS = 64
"""Most runs of a process whose place in their cassettes is kept. A chosen value: a run that ends is removed."""


class CassetteChatModel(LocalChatModel):
    """Answers from a cassette.

    Attributes:
        replay: the run; two models of one run share it.
        recorded: the prompts that the answers were written for, by label; `None` compares nothing.
    """

    replay: Any = Field(exclude=True)
    recorded: Mapping[str, str] | None = None

    @property
    def _llm_type(self) -> str:
        return "cassette"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        role_schema: str = "",
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager, kwargs
        replay: Replay = self.replay
        content = cut_at(replay.answer(messages, role_schema), stop)
        self._compare(replay)
        return chat_result(content, usage_of(messages, content), model_name=replay.cassette.model_id)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager  # here and not in LangChain's thread: a replay is no object for two threads
        return self._generate(messages, stop, None, **kwargs)

    def _compare(self, replay: Replay) -> None:
        """Notice a prompt that differs from the one that the answer was written for."""
        if self.recorded is None:
            return
        asked = replay.asked[-1]
        if self.recorded.get(asked.label) != asked.text:
            name = replay.cassette.name
            what = "its prompt has changed since the answer was written" if self.recorded else "no prompt was recorded"
            notice("gateway", "cassette_stale", f"{name}: {asked.label}: {what}; `make cassette NAME={name}` shows it")


class Shelf:
    """The cassettes of a folder, and how far each run of this process is in its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs: OrderedDict[tuple[str, str, str], Replay] = OrderedDict()

    def check(self, model_id: str) -> None:
        """Raise `CassetteUnusable` if there is no such cassette or it is not valid."""
        load_cassette(self._folder, name_of(model_id))

    def check_run(self, model_id: str, context: ResearchContext, question: str, k: int) -> None:
        """Raise `CassetteUnusable` if the answers were written for another question, or for other options.

        Args:
            model_id: the cassette's model.
            context: the options of the run.
            question: the question as it was asked.
            k: the passages per sub-question of a run whose context sets none.
        """
        load_cassette(self._folder, name_of(model_id)).check_run(context, question, k)

    def model(self, model_id: str, tenant: str, run_id: str) -> CassetteChatModel:
        """Return the model of one run. Raises `CassetteUnusable`."""
        name = name_of(model_id)
        cassette = load_cassette(self._folder, name)
        replay = self._runs.setdefault((tenant, run_id, name), Replay(cassette))
        while len(self._runs) > _KEPT_RUNS:
            self._runs.popitem(last=False)
        # Of a run with a judge of its own nothing was recorded: the roles are asked otherwise.
        compared = None if "#" in model_id else recorded(self._folder, name)
        return CassetteChatModel(replay=replay, recorded=compared)

    def end(self, tenant: str, run_id: str) -> None:
        """Forget a run."""
        for key in [key for key in self._runs if key[:2] == (tenant, run_id)]:
            del self._runs[key]

"""Remedies for agents: they call tools, and run no commands."""

from __future__ import annotations

import re

from state.errors import (
    BadInput,
    CorpusEmpty,
    CorpusMissing,
    Forbidden,
    ModelNotServed,
    ModelRetired,
    ModelUnknown,
    ReviewPending,
    RunMissing,
    RunStopped,
    SixplaneError,
    ThreadBusy,
    ThreadMissing,
    ThreadNotResumable,
)

_COMMAND = re.compile(r"\bsixplane [a-z]|(?<![\w-])--[a-z]|SIXPLANE_|\bmake [a-z]")
"""What only a person at the server's machine can do: a command, its options, a variable of the environment."""

_TOOLS: dict[type[SixplaneError], str] = {
    CorpusMissing: "`list_corpora` lists the corpora; `ingest` makes one",
    CorpusEmpty: "add documents with `ingest`; `list_corpora` shows which corpora have passages",
    ThreadMissing: "`list_threads` lists the threads",
    RunMissing: "`list_threads` lists the threads with their latest runs",
    ThreadNotResumable: "`research_status` tells the state of a run; a `decision` answers only a waiting review",
    ThreadBusy: "wait until `research_result` returns a report, answer a review or continue a stopped run with "
    "`research_resume`, or ask without `thread_id`",
    ModelUnknown: "leave out `model` and `models` to use the configured model",
    ModelRetired: "leave out `model` and `models`, or name the replacement",
    ModelNotServed: "leave out `model` and `models` to use the configured model",
    RunStopped: "`research_resume` continues it",
    ReviewPending: "`research_resume` with a `decision` answers it",
    Forbidden: "tell the user that the key lacks a role for this",
    BadInput: "the schema of the tool describes valid arguments",
}


def hint_for_agents(kind: type[SixplaneError], hint: str) -> str:
    """Return `hint`, or one that names tools if it names a command; `kind` is the class of the error."""
    if hint and not _COMMAND.search(hint):
        return hint
    for base in kind.__mro__:
        if base in _TOOLS and (base is kind or not hint):
            return _TOOLS[base]
    return f"tell the user: {hint}" if hint else "tell the user; the log of the server names the time and the tool"

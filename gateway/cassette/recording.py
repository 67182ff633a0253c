"""The recorded prompts of a cassette, `NAME.prompts.md`: what each role was asked when its answer was written.

A prompt is compared in the form in which it is recorded. That form leaves out what differs between machines and days:
the nonce of the evidence, the date, earlier answers of the same home, scores, and with them the order and the aliases
of passages of almost equal score.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from state.evidence_block import EvidenceItem

_NONCE = re.compile(r"(?<=evidence nonce=)[0-9a-f]{16}")
_VARYING = re.compile(r"^(## (?:today|prior_work)\n)[^\n]*", re.MULTILINE)
_ALIAS = re.compile(r"⟦[^⟧]*⟧|\bE\d{1,4}\b")
_NUMBER = re.compile(r"\d+")
_CALL = re.compile(r"^<!-- call: (?P<label>[^\n]*) -->\n", re.MULTILINE)
_DIFF_LINES = 60
"""Most lines of a difference that are shown. A chosen value: one screen tells what changed."""
_DIFF_CHARS = 300

_HEAD = """\
# Prompts of the cassette `{name}`

Recorded by `make cassette NAME={name}`; do not edit. The answers in `{name}.toml` were written for these prompts: read
them again before you record prompts that changed. Aliases are replaced by digests of their passages, passages are
sorted, and dates, scores and earlier answers are left out, because they differ between machines and days.
"""


@dataclass(frozen=True)
class Asked:
    """One call of a run: who was asked, for the how-manieth time, and what.

    Args:
        label: role or roles and number, for example `analyzer 2`.
        system: the system message.
        human: the human message.
        names: a stable name for each alias that the run has shown so far.
        seen: the stable names of passages whose text an earlier call shows.
    """

    label: str
    system: str
    human: str
    names: Mapping[str, str]
    seen: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The prompt as it is recorded and compared."""
        human = _readable(self.human, self.names, self.seen)
        return f"**System**\n\n{self.system.strip()}\n\n**Human**\n\n{human.strip()}\n"


def stable_name(item: EvidenceItem) -> str:
    """Return a name for a passage that depends on its text alone."""
    return "E·" + hashlib.sha256(item.text.encode()).hexdigest()[:6]


def rendered(name: str, calls: Iterable[Asked]) -> str:
    """Return the text of `NAME.prompts.md`."""
    shown = [f"<!-- call: {each.label} -->\n{each.text}" for each in in_order(calls)]
    return "\n".join([_HEAD.format(name=name), *shown])


def in_order(calls: Iterable[Asked]) -> list[Asked]:
    """Return the calls in an order that does not depend on which of several at once came first."""
    runs = groupby(calls, lambda call: call.label.startswith("judge of "))
    return [call for at_once, run in runs for call in (sorted(run, key=_part) if at_once else run)]


def _part(call: Asked) -> list[int]:
    """Return the numbers in `judge of c12 1`: which time, then which claim."""
    return [int(number) for number in reversed(_NUMBER.findall(call.label))]


def recorded(folder: Path, name: str) -> dict[str, str]:
    """Return the recorded prompts by label; empty if none were recorded."""
    path = folder / f"{name}.prompts.md"
    if not path.is_file():
        return {}
    pieces = _CALL.split(path.read_text("utf-8"))
    return {label: text.strip("\n") + "\n" for label, text in zip(pieces[1::2], pieces[2::2], strict=True)}


def difference(before: str, now: str, label: str) -> str:
    """Return a bounded unified difference of two prompts, empty if they are equal."""
    if before == now:
        return ""
    lines = list(
        difflib.unified_diff(
            before.split("\n"), now.split("\n"), f"{label} (recorded)", f"{label} (now)", "", "", 2, ""
        )
    )
    cut = [line if len(line) <= _DIFF_CHARS else f"{line[:_DIFF_CHARS]} …" for line in lines[:_DIFF_LINES]]
    return "\n".join([*cut, f"… {len(lines) - _DIFF_LINES} more lines"] if len(lines) > _DIFF_LINES else cut)


def _readable(text: str, names: Mapping[str, str], seen: frozenset[str]) -> str:
    """Return a human message with its JSON spread over lines, and without what differs between machines and days."""
    for nonce in set(_NONCE.findall(text)):
        text = text.replace(nonce, "…")
    shown: list[str] = []
    passages: list[str] = []
    for line in _VARYING.sub(r'\1"…"', text).split("\n"):
        value = _json(line)
        if isinstance(value, dict) and {"alias", "text"} <= value.keys():
            passages.append(_passage(value, names, seen))
            continue
        shown += [*sorted(passages), line if value is None else _stable(_spread(value), names)]
        passages = []
    return "\n".join([*shown, *sorted(passages)])


def _json(line: str) -> Any:
    """Return the value of a line of JSON; `None` for any other line."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def _passage(item: dict[str, Any], names: Mapping[str, str], seen: frozenset[str]) -> str:
    """Return a passage as a line of its own and its text below; the text is shown once in a recording."""
    name = names.get(item["alias"], item["alias"])
    rest = {key: "…" if key == "score" else value for key, value in item.items() if key not in ("alias", "text")}
    text = "    (its text stands above)" if name in seen else _indented(item["text"])
    return f"{name} {json.dumps(rest, ensure_ascii=False)}\n{text}"


def _spread(value: Any) -> str:
    if isinstance(value, str) and "\n" in value:
        return _indented(value)
    return json.dumps(_without_scores(value), ensure_ascii=False, indent=2)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.split("\n"))


def _stable(text: str, names: Mapping[str, str]) -> str:
    return _ALIAS.sub(lambda alias: names.get(alias[0], alias[0]), text)


def _without_scores(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: "…" if key == "score" else _without_scores(each) for key, each in value.items()}
    return [_without_scores(each) for each in value] if isinstance(value, list) else value

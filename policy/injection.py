"""Injected instructions: texts that give orders to the model instead of asking or telling a reader something.

Three checks look at every reading of a text (`policy.views`): a few phrases that no honest document needs, the control
tokens of chat templates, and the classifier of `policy.classifier`. `policy/classifier/model_card.md` has the figures.
What they miss has to be harmless: evidence is passed as data, and every claim needs a verbatim quote.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from policy.classifier.features import Array
from policy.classifier.model import DIMENSIONS, Embed, Kind, Place, Scored, Watch, heads, judge
from policy.guard import PROBE, Guard
from policy.normalise import Folded
from policy.verdict import Action, Stage, Verdict, strictest
from policy.views import Reading, readings
from settings.policy import PolicySettings
from settings.pools import CPU
from state.errors import GuardUnavailable
from state.values import Mask, Value

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

_EARLIER = (
    r"(?:(?:all|any|every|the|your|of|my|these|those|this|and|other) ){0,4}"
    r"(?:previous|prior|earlier|above|preceding|foregoing|existing|original|initial|system)"
)
_ORDERS = r"(?:instruction|direction|directive|prompt|command|order|guideline|rule|message|context|task|constraint)s?"
_DROP = r"(?:ignore|disregard|forget|override|bypass|discard|do not follow|don't follow|stop following)"
_SAID = r"(?:that )?(?:(?:was|is|you were|you have been|i) )?(?:said|told|written|stated|above|before)"
_TELL = r"(?:reveal|print|repeat|output|show|leak|disclose|display|tell)"
_HIDDEN_PROMPT = r"(?:system|hidden|initial|original|secret) (?:prompt|instructions?|message)"
_ROLES = r"(?:a|an|in|going|called|the|dan|bound|free|my|acting|required|restricted)"
_CALL = r"(?:attention|note|message|important)"
_MODEL = r"(?:ai|llm|language model|assistant|chatbot)"
_INSTRUCTIONS = tuple(
    re.compile(pattern.replace(" ", r"\s+"))
    for pattern in (
        rf"\b{_DROP} {_EARLIER} (?:\w+ ){{0,2}}{_ORDERS}\b",
        rf"\b(?:ignore|disregard|forget) (?:everything|anything|all|what) {_SAID}\b",
        rf"\b{_TELL} (?:me )?(?:your|the) (?:\w+ ){{0,2}}{_HIDDEN_PROMPT}\b",
        rf"(?:^|[.!?:\n\"'\[(])\s{{0,20}}(?:from now on,? )?you are (?:now|no longer) {_ROLES}\b",
        r"\b(?:new|updated|real|actual)(?: system)? instructions?(?: for (?:you|the (?:ai|assistant|model)))?\s*:",
        rf"(?:^|[.!?\n])\W{{0,20}}{_CALL}(?: (?:to|for))?:? (?:(?:the|any|all) )?{_MODEL}s?\s*[:,!]",
        r"\bdo not (?:tell|inform|alert|(?:mention|reveal) (?:(?:this|it) )?to) the (?:user|human|person)\b",
    )
)
_TEMPLATE_TOKENS = re.compile(
    r"<\|im_start\|>|<\|(?:system|developer)\|>|<<sys>>|<start_of_turn>\s*model\b"
    r"|<\|start_header_id\|>\s*(?:system|assistant|ipython)\b|<｜assistant｜>|(?:^|\n)### ?(?:system|assistant) ?:"
)
_PAYLOAD = re.compile(
    "[\U000e0020-\U000e007e]{8,}|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}|[\u200b-\u200d\u2060-\u2064\ufeff]{16,}"
)


_EMBEDDED = 8
"""How many readings of a text get a second opinion. A text of 100 kB can have 200; words alone decide on the others."""

_KEPT = 4_096
"""How many verdicts on passages are kept, the latest ones. A chosen value: it takes a few megabytes."""

_WHAT = {
    Kind.INJECTION: "what reads like an instruction to a model",
    Kind.REQUEST: "a request to an assistant that does not belong to the text around it",
}
_NAMES = {Stage.QUESTION: "question", Stage.EVIDENCE: "passage"}


class SeenWindow(Value):
    """A window of a text that the classifier scored, for an explanation; it quotes nothing.

    `start` and `end` are offsets into the text that the guard got, and `reading` says how it was read there: `plain`,
    `decoded`, `rot13`. `words` is the score by the words alone and `second_opinion` that with the embedding, if one was
    asked for. `score`, the later one, is held against the thresholds.
    """

    reading: str
    kind: str
    start: int
    end: int
    words: float
    second_opinion: float | None
    score: float
    flag_above: float
    refuse_above: float
    action: Action


class InjectionGuard(Guard):
    """Flags a text that seems to hold an instruction to a model, and refuses one that surely does.

    The spans of the verdict are every part of the text that led to it.

    In evidence a known phrase is enough to refuse; a question may speak to the model, so there it only flags. Answers
    pass: the model wrote them. `settings` holds the thresholds and the kinds that the classifier looks for.
    `embeddings` gives a second opinion on what words alone find suspicious, if it is the model that the classifier was
    trained with; without it, words alone decide.
    """

    name = "injection"

    def __init__(self, settings: PolicySettings, embeddings: Embeddings | None = None) -> None:
        self._embeddings = embeddings
        self._flag_above = settings.injection_flag_above
        self._refuse_above = {
            Stage.EVIDENCE: settings.injection_drop_evidence_above,
            Stage.QUESTION: settings.injection_refuse_question_above,
        }
        self._kinds = frozenset(map(Kind, settings.injection_kinds))
        self._verdicts: OrderedDict[bytes, Verdict] = OrderedDict()

    async def prepare(self) -> None:
        """Load the weights, and let the embedding model run once."""
        await CPU.run(self._load)

    async def check(self, text: str, stage: Stage) -> Verdict:
        """Return the verdict on `text` at `stage`."""
        if stage is Stage.ANSWER:
            return self.allow()
        if stage is Stage.QUESTION:
            return await CPU.run(self._judged, text, stage)
        # Searches of a corpus find the same passages again and again, and a verdict follows from the text alone.
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        verdict = self._verdicts.get(digest)
        if verdict is None:
            verdict = await CPU.run(self._judged, text, stage)
        self._verdicts[digest] = verdict
        self._verdicts.move_to_end(digest)
        if len(self._verdicts) > _KEPT:
            self._verdicts.popitem(last=False)
        return verdict

    def _load(self) -> None:
        heads()
        if self._knows_meaning():
            self._embed(PROBE)

    def _judged(self, text: str, stage: Stage) -> Verdict:
        found = (self.allow(), *self._hidden(text, stage), *self._found(text, stage))
        verdict = strictest(found)
        # All of them, and not only the first: whoever keeps a flagged text has to know every part that is suspicious.
        spans = dict.fromkeys(span for each in found if each.action is verdict.action for span in each.spans)
        return verdict.model_copy(update={"spans": tuple(spans)})

    def _hidden(self, text: str, stage: Stage) -> Iterator[Verdict]:
        if payload := _PAYLOAD.search(text):
            yield self._known(stage, "hidden_message", "hidden characters that can carry a message", payload.span())

    def windows(self, text: str, stage: Stage) -> list[SeenWindow]:
        """Return the windows of each reading that were scored on the way to the verdict; blocks."""
        seen: list[SeenWindow] = []
        if stage is not Stage.ANSWER:
            for _ in self._found(text, stage, lambda reading, window: seen.append(self._seen(reading, window, stage))):
                pass
        return seen

    def _seen(self, reading: Reading, window: Scored, stage: Stage) -> SeenWindow:
        start, end = reading.folded.source_span(*window.span)
        return SeenWindow(
            reading=reading.how,
            kind=window.kind.value,
            start=start,
            end=end,
            words=window.words,
            second_opinion=window.second_opinion,
            score=window.score,
            flag_above=self._flag_above,
            refuse_above=self._refuse_above[stage],
            action=self._action(window.score, stage) if window.kind in self._kinds else Action.ALLOW,
        )

    def _action(self, score: float, stage: Stage) -> Action:
        if score <= self._flag_above:
            return Action.ALLOW
        return Action.REFUSE if score > self._refuse_above[stage] else Action.FLAG

    def _found(
        self, text: str, stage: Stage, watch: Callable[[Reading, Scored], None] | None = None
    ) -> Iterator[Verdict]:
        for number, reading in enumerate(readings(text)):
            skeleton = reading.folded
            if reading.too_deep:
                span = skeleton.source_span(0, len(skeleton.text))
                yield self._known(stage, "nested_encoding", "more encodings inside each other than are undone", span)
                continue
            if token := _TEMPLATE_TOKENS.search(skeleton.text):
                span = skeleton.source_span(*token.span())
                yield self._known(stage, Kind.INJECTION, "a chat template's control token", span)
            if order := next(filter(None, (each.search(skeleton.text) for each in _INSTRUCTIONS)), None):
                span = skeleton.source_span(*order.span())
                yield self._known(stage, Kind.INJECTION, "an instruction to a model", span)
            embed = self._embed if number < _EMBEDDED and self._knows_meaning() else None
            yield from self._classified(skeleton, stage, embed, None if watch is None else partial(watch, reading))

    def _known(self, stage: Stage, category: str, what: str, span: tuple[int, int]) -> Verdict:
        return self._verdict(Action.REFUSE if stage is Stage.EVIDENCE else Action.FLAG, stage, category, what, span)

    def _classified(
        self, skeleton: Folded, stage: Stage, embed: Embed | None, watch: Watch | None
    ) -> Iterator[Verdict]:
        place: Place = "evidence" if stage is Stage.EVIDENCE else "question"
        for each in judge(skeleton.text, place, self._flag_above, embed, watch):
            if each.kind in self._kinds:
                action = self._action(each.score, stage)
                yield self._verdict(action, stage, each.kind, _WHAT[each.kind], skeleton.source_span(*each.span))

    def _knows_meaning(self) -> bool:
        meaning = heads()[Kind.INJECTION, "question"].meaning
        return meaning is not None and getattr(self._embeddings, "model_id", "") == meaning.model

    def _embed(self, text: str) -> Array:
        vector = np.asarray(self._embeddings.embed_query(text) if self._embeddings else (), dtype=np.float64)
        if vector.shape != (DIMENSIONS,) or not np.isfinite(vector).all():
            raise GuardUnavailable("the embedding model gave no valid vector")
        return vector

    def _verdict(self, action: Action, stage: Stage, category: str, what: str, span: tuple[int, int]) -> Verdict:
        return Verdict(
            action=action,
            policy=self.name,
            category=str(category),
            reason=f"the {_NAMES[stage]} contains {what}",
            spans=(Mask(start=span[0], end=span[1], kind="INJECTION"),),
        )

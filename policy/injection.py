"""Indirect injection: passages that address the model instead of the reader.

A small explicit heuristic, tuned for precision: a false alarm drops evidence. A learned classifier can implement the
same port. Measured on 2026-11-23:

- Oracle documentation (720 text files in 4,764 pieces of 1,000 characters): 14 refused, all of them documentation
  that shows a chat template's `system` or `assistant` token; SciFact (5,183 abstracts): none.
- Benign prompts, train halves: none of 343 (deepset), 366 (CyberSecEval), 190 (NotInject), 66 (BIPIA), 1 of 484
  (WildGuard).
- Attacks, train halves: 17 of 203 (deepset), 34 of 286 (in the wild), and **0 of 195 of BIPIA**, whose attacks are
  harmless-looking requests off the topic, without any of these phrases. So this guard stops crude attacks only. The
  defence against the others is that evidence is passed as data and that every claim needs a verbatim quote.
"""

from __future__ import annotations

import re

from policy.guard import Guard
from policy.normalise import fold
from policy.verdict import Action, Stage, Verdict
from state.values import Mask

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


class InjectionGuard(Guard):
    """Refuses a passage that contains an instruction to a model, chat-template tokens, or a hidden message.

    Only evidence is screened: users may instruct the model as they like.
    """

    name = "indirect_injection"

    async def check(self, text: str, stage: Stage) -> Verdict:
        """Return the verdict on `text` at `stage`."""
        if stage is not Stage.EVIDENCE:
            return self.allow()
        if payload := _PAYLOAD.search(text):
            return self._refused("hidden characters that can carry a message", payload.span())
        skeleton = fold(text)
        if token := _TEMPLATE_TOKENS.search(skeleton.text):
            return self._refused("a chat template's control token", skeleton.source_span(*token.span()))
        for pattern in _INSTRUCTIONS:
            if order := pattern.search(skeleton.text):
                return self._refused("an instruction to a model", skeleton.source_span(*order.span()))
        return self.allow()

    def _refused(self, what: str, span: tuple[int, int]) -> Verdict:
        return Verdict(
            action=Action.REFUSE,
            policy=self.name,
            category="indirect_injection",
            reason=f"the passage contains {what}",
            spans=(Mask(start=span[0], end=span[1], kind="INJECTION"),),
        )

"""Detects keys and tokens by their format. They must neither be sent to a model nor shown in an answer."""

from __future__ import annotations

import re

from policy.guard import Guard
from policy.masks import merge_masks
from policy.verdict import Action, Stage, Verdict
from state.values import Mask

_KEY_LABEL = r"(?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
# The lookaheads require a digit, so that long words and paths are not redacted.
_SECRETS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"-----BEGIN {_KEY_LABEL}[\s\S]*?(?:-----END {_KEY_LABEL}|\Z)",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        r"(?i)\baws_?secret_?(?:access_?)?key\W{1,5}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])",
        r"(?i:\bbearer )(?=[A-Za-z._~+/-]*\d)[A-Za-z0-9._~+/-]{20,}=*",
        r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})\b",
        r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
        r"(?<![\w-])sp_[0-9a-f]{12}_[A-Za-z0-9_-]{43}(?![\w-])",
        r"(?<![\w-])sk-(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{20,}",
    )
)


class CredentialsGuard(Guard):
    """Redacts secrets of known formats in questions and answers, as masks of kind `SECRET`. Evidence passes."""

    name = "credentials"

    async def check(self, text: str, stage: Stage) -> Verdict:
        """Return the verdict on `text` at `stage`."""
        if stage is Stage.EVIDENCE:
            return self.allow()
        found = [match.span() for pattern in _SECRETS for match in pattern.finditer(text)]
        if not found:
            return self.allow()
        return Verdict(
            action=Action.REDACT,
            policy=self.name,
            category="secret",
            reason=f"the {stage.value} contains what looks like a key or token",
            spans=merge_masks(Mask(start=start, end=end, kind="SECRET") for start, end in found),
        )

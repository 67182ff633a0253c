"""Detects keys, tokens and passwords. They must neither be sent to a model nor shown in an answer.

By format with the patterns of `detect-secrets`, and with our own where those end too early or know nothing of it; by
context and entropy where a value has no format: `password = "…"`.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from policy.guard import Guard
from policy.masks import merge_masks
from policy.verdict import Action, Stage, Verdict
from settings.pools import CPU, unmeasured
from state.values import Mask

_KEY_LABEL = r"(?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
# The lookaheads require a digit, so that long words and paths are not redacted.
_OURS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"-----BEGIN {_KEY_LABEL}[\s\S]*?(?:-----END {_KEY_LABEL}|\Z)",
        r"(?i:\bbearer )(?=[A-Za-z._~+/-]*\d)[A-Za-z0-9._~+/-]{20,}=*",
        r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
        r"\bgithub_pat_[A-Za-z0-9_]{40,}\b",
        r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
        r"(?<![\w-])sp_[0-9a-f]{12}_[A-Za-z0-9_-]{43}(?![\w-])",
        r"(?<![\w-])sk-(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{20,}",
        r"(?i:\bauthorization:\s*basic\s+)(?=[A-Za-z]*[0-9+/=])[A-Za-z0-9+/]{8,}={0,2}",
        r"(?<![\w-])AIza[A-Za-z0-9_-]{35}(?![\w-])",
        r"(?<![\w-])(?:npm|hf)_(?=[A-Za-z]*\d)[A-Za-z0-9]{34,36}(?![\w-])",
    )
)
_OCID = re.compile(r"\bocid1\.[a-z]{2,40}\.oc\d{1,3}\.[a-z0-9-]{0,40}\.[a-z0-9]{20,}")

# Those whose findings are no secrets, or whose format another pattern here covers whole.
_LEFT_OUT = frozenset({"IPPublicDetector", "JwtTokenDetector", "PrivateKeyDetector"})
_LINE = 1_000
_OVERLAP = 200
"""Characters that the library's patterns see at once, and how far two such windows overlap. They are made for lines of
code: one of them needs quadratic time (17 s for 100,000 characters of `://a:`), and no secret is longer than 200."""

_NAMED = re.compile(
    r"(?i)(?:pass(?:word|wd|phrase)?|pwd|passwort|kennwort|mot de passe|contraseñ?a|secret|token|api[_ -]?key"
    r"|(?:access|auth|account|client|private)[_ -]?key|credentials?)"
    r"[\"'`*_]{0,3}\s{0,3}(?::=|=>?|:|\bis\b|\bist\b|\best\b)\s{0,3}[\"'`]{0,3}(?P<value>[^\s\"'`<>{}()\[\],;]{8,200}+)(?!\()"
)
_LEAST_ENTROPY = 2.8  # bits a character. A chosen value: `correcthorse` has 2.9, `password` 2.75, `xxxxxxxx` 0
_KINDS = (re.compile(r"[a-z]"), re.compile(r"[A-Z]"), re.compile(r"\d"), re.compile(r"[^\w\s]"))
_LEAST_KINDS = 2  # lower case, capitals, digits, symbols: a word of prose has one
_NAME = re.compile(r"[A-Za-z_]+(?:[._][A-Za-z_]+)+")  # a variable or attribute
_STAND_IN = re.compile(r"(?i)(?:user)?(?:pass(?:word|wd)?|pwd|secret|token|key)")
_REFERENCE = re.compile(
    r"(?i)\A(?:ocid1|[~.]?/|\$|%|\*{3}|\.{3}|your|my[_-]|os\.|env|example|change|x{4}|https?:)|[(\[]|\.(?:get|env|pem|json|toml|ini|ya?ml)\b"
)
_TAIL = re.compile(r"[A-Za-z0-9_-]*")


class CredentialsGuard(Guard):
    """Redacts secrets in questions and answers, as masks of kind `SECRET`. Evidence passes: the answer is screened.

    Args:
        ocids: whether OCIDs are redacted too, as `OCID`. They identify a resource and open none.

    `warm` loads the patterns in a worker thread, or else the first text does: importing `detect-secrets` takes half a
    second.
    """

    name = "credentials"

    def __init__(self, *, ocids: bool = False) -> None:
        self._ocids = ocids

    async def warm(self) -> None:
        """Load the library's patterns."""
        await CPU.run(_library)

    async def check(self, text: str, stage: Stage) -> Verdict:
        """Return the verdict on `text` at `stage`."""
        if stage is Stage.EVIDENCE:
            return self.allow()
        found = await CPU.run(find_secrets, text, ocids=self._ocids)
        if not found:
            return self.allow()
        return Verdict(
            action=Action.REDACT,
            policy=self.name,
            category="secret",
            reason=f"the {stage.value} contains what looks like a key, token or password",
            spans=found,
        )


def find_secrets(text: str, *, ocids: bool = False) -> tuple[Mask, ...]:
    """Return the secrets of `text` as masks, sorted and without overlaps. Time is linear in the text's length."""
    spans = [match.span() for pattern in _OURS for match in pattern.finditer(text)]
    spans += [match.span("value") for match in _NAMED.finditer(text) if _is_random(match["value"])]
    spans += _by_library(text)
    masks = [Mask(start=start, end=end, kind="SECRET") for start, end in spans]
    if ocids:
        masks += [Mask(start=match.start(), end=match.end(), kind="OCID") for match in _OCID.finditer(text)]
    return merge_masks(masks)


def _by_library(text: str) -> Iterator[tuple[int, int]]:
    for start, piece in _windows(text):
        for pattern in _library():
            for match in pattern.finditer(piece):
                # The group is the secret where the pattern has one: `https://user:SECRET@host`.
                group = next((n for n, value in enumerate(match.groups(), 1) if value), 0)
                begin = match.start(group)
                value = match[group].split()[0]
                # Some patterns take the rest of the line, others have a fixed length that today's tokens exceed.
                tail = _TAIL.match(piece, begin + len(value))
                if not _STAND_IN.fullmatch(value):
                    yield start + begin, start + (tail.end() if tail else begin + len(value))


def _windows(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.split("\n"):
        for start in range(0, max(len(line) - _OVERLAP, 1), _LINE - _OVERLAP):
            yield at + start, line[start : start + _LINE]
        at += len(line) + 1


@cache
def _library() -> tuple[re.Pattern[str], ...]:
    """Return the patterns of `detect-secrets`; its own scan returns values without their places."""
    with unmeasured():
        from detect_secrets import plugins
        from detect_secrets.plugins.base import RegexBasedDetector

        for module in pkgutil.iter_modules(plugins.__path__):
            importlib.import_module(f"{plugins.__name__}.{module.name}")
    found = [each for each in _subclasses(RegexBasedDetector) if each.__name__ not in _LEFT_OUT]
    return tuple(pattern for each in sorted(found, key=lambda each: each.__name__) for pattern in each().denylist)


def _subclasses(kind: Any) -> Iterator[Any]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


def _is_random(value: str) -> bool:
    """Whether a value could be a password: no reference to one, and not a word."""
    bare = value.rstrip(".:!?")
    kinds = sum(bool(kind.search(bare)) for kind in _KINDS)
    if _REFERENCE.search(bare) or _NAME.fullmatch(bare):
        return False
    return kinds >= _LEAST_KINDS and _entropy(bare) >= _LEAST_ENTROPY


def _entropy(value: str) -> float:
    """Return the Shannon entropy of the characters of `value`, in bits a character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)

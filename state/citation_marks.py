"""The one grammar of citation marks: `[E3]` in a draft, `[3]` in a report.

Every place that finds, counts or writes a mark uses this module. Two grammars would disagree about some text, and a
document whose words one of them takes for a mark would be published as a claim of a source that never said it.
"""

from __future__ import annotations

import re

ALIAS = re.compile(r"E\d{1,4}")
"""An alias of a passage within a run."""

DRAFT_MARK = re.compile(r"[\[【]\s*\^?(E\d{1,4}(?:\s*[,;]\s*\^?E\d{1,4})*)\s*[\]】]")
"""A mark in a draft: `[E1]`, `[E1, E2]`, `[E1; E2]`, footnote-like `[^E1]`, and the brackets that some models write."""

REPORT_MARK = re.compile(r"\[(\d{1,4})\]")
"""A mark in a published report."""

_INSIDE = r"\s*\^?[Ee]?\d{1,6}(?:\s*[,;–-]\s*\^?[Ee]?\d{1,6})*\s*"
MARK_LIKE = rf"[\[【⟦]{_INSIDE}[\]】⟧]"
"""The pattern of what looks like a mark, also of one that `neutralised` changed."""

_FOREIGN_MARK = re.compile(rf"[\[【]({_INSIDE})[\]】]")
_NEUTRAL = re.compile(rf"⟦({_INSIDE})⟧")


def aliases_in(text: str) -> tuple[str, ...]:
    """Return the aliases that the marks of `text` cite, each once, in order.

    >>> aliases_in("Ten a minute [E1, E2][E1].")
    ('E1', 'E2')
    """
    return tuple(dict.fromkeys(alias for mark in DRAFT_MARK.finditer(text) for alias in ALIAS.findall(mark[1])))


def neutralised(text: str) -> str:
    """Return `text` with the brackets of everything that looks like a mark replaced by `⟦` and `⟧`.

    Evidence passes it before a model sees it, so that a mark in a document is never taken for a citation. The length
    stays the same: offsets into the text remain valid.

    >>> neutralised("Ten a minute [E1, E2], see [3] and a[i].")
    'Ten a minute ⟦E1, E2⟧, see ⟦3⟧ and a[i].'
    """
    return _FOREIGN_MARK.sub(r"⟦\1⟧", text)


def with_brackets(code: str) -> str:
    """Return `code` with the brackets that `neutralised` took away.

    A model copies code from evidence as it was shown: `row⟦0⟧`. Inside of code nothing is a mark, and only with its
    brackets is it the code of the document.

    >>> with_brackets("first = row⟦0⟧")
    'first = row[0]'
    """
    return _NEUTRAL.sub(r"[\1]", code)

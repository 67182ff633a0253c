"""Text of a web page that its reader does not see, and that a model would read: it is left out.

Someone who can edit a page can hide words in it that address the model. What a page shows after a click, such as a
closed `<details>`, is visible text. A style that only a script sets cannot be seen here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

_ZERO = r"0+(?:\.0*)?(?![\d.])"
_HIDING = re.compile(
    r"display\s*:\s*none"
    r"|visibility\s*:\s*(?:hidden|collapse)"
    rf"|(?:opacity|font-size)\s*:\s*{_ZERO}"
    r"|(?:text-indent|left|top|right|margin-left|margin-top)\s*:\s*-(?:999|\d{4})"
    r"|clip(?:-path)?\s*:\s*(?:rect\(\s*0\w*[\s,]+0\w*[\s,]+0\w*[\s,]+0|inset\(\s*(?:50|100)%)",
    re.IGNORECASE,
)
_WHITE_TEXT = re.compile(
    r"(?:\A|[;\s])color\s*:\s*(?:#fff(?:fff)?\b|white\b|transparent\b|rgba?\(\s*255\D+255\D+255)", re.IGNORECASE
)
_GROUND = re.compile(r"background(?:-color)?\s*:", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_RULE = re.compile(r"(?P<selectors>[^{}@;]+)\{(?P<style>[^{}]*)\}")
_MOST_RULES = 200
"""Rules of a page that are applied. A chosen value: each costs a walk through the page, and real ones hide with few."""


def hidden_in(tree: LexborHTMLParser) -> set[int]:
    """Return the memory addresses of the elements that are hidden; what is within them is hidden too."""
    sheet = _COMMENT.sub("", "\n".join(node.text(deep=True) or "" for node in tree.css("style")))
    on_paper = not _GROUND.search(sheet) and not any(_GROUND.search(_style(node)) for node in tree.css("[style]"))
    hidden = [*tree.css("[hidden], [aria-hidden=true], dialog:not([open])")]
    hidden += [node for node in tree.css("[style]") if _HIDING.search(_style(node))]
    # White text is hidden on a white page only: where anything has a ground of its own, it may stand on that.
    hidden += [node for node in tree.css("[style]") if on_paper and _WHITE_TEXT.search(_style(node))]
    hidden += [node for selector in _hiding_selectors(sheet) for node in _selected(tree, selector)]
    return {node.mem_id for node in hidden if node.tag not in ("html", "body")}


def _style(node: LexborNode) -> str:
    return node.attributes.get("style") or ""


def _hiding_selectors(sheet: str) -> Iterator[str]:
    """Yield the selectors of the page's own rules that hide. Rules for print and other media are not told apart."""
    hiding = (rule["selectors"].strip() for rule in _RULE.finditer(sheet) if _HIDING.search(rule["style"]))
    for _, selector in zip(range(_MOST_RULES), hiding, strict=False):
        if ":" not in selector:  # `:hover` and `::before` speak of a state or of no text of the page
            yield selector


def _selected(tree: LexborHTMLParser, selector: str) -> list[LexborNode]:
    try:
        return tree.css(selector)
    except SelectolaxError:
        return []  # a rule that this parser does not know hides nothing here

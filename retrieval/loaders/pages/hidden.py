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
_MEDIA = re.compile(r"@media\b(?P<query>[^{}]*)\{(?P<rules>(?:[^{}]*\{[^{}]*\})*)[^{}]*\}", re.IGNORECASE)
_NARROW = re.compile(r"max(?:-device)?-width\s*:\s*(\d+)")
_USUAL_WIDTH = 1000
"""Pixels. What a page hides on narrower screens, or on paper, its readers see. A chosen value."""
_MOST_RULES = 200
"""Rules of a page that are applied. A chosen value: each costs a walk through the page, and real ones hide with few."""

_BANNERS = (
    *("#BorlabsCookieBox", "#CybotCookiebotDialog", "#cmpbox", "#cookie-law-info-bar", "#cookiescript_injected"),
    *("#didomi-host", "#hs-eu-cookie-confirmation", "#iubenda-cs-banner", "#klaro", "#moove_gdpr_cookie_info_bar"),
    *("#onetrust-banner-sdk", "#onetrust-consent-sdk", "#qc-cmp2-container", "#shopify-pc__banner"),
    *("#tarteaucitronRoot", "#termly-code-snippet-support", "#truste-consent-track", "#usercentrics-root"),
    *("#cmplz-cookiebanner-container", ".cc-window.cc-banner", ".cky-consent-container", ".cmplz-cookiebanner"),
    *(".fc-consent-root", ".osano-cm-window"),
)
"""The ids and classes under which programs for consent put their banner; no page calls its own text so."""


def beside_the_text(tree: LexborHTMLParser) -> set[int]:
    """Return the memory addresses of navigation and of banners that ask for consent.

    Libraries that look for the main text of a page (trafilatura, resiliparse, readability-lxml, jusText) find between
    0.35 and 0.93 of the words of real pages: they take short texts, lists of links and tables for navigation.
    """
    found = tree.css(", ".join(("[role=navigation]", *_BANNERS)))
    return {node.mem_id for node in found if node.tag not in ("html", "body", "main")}


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
    """Yield the selectors of the page's own rules that hide on a screen of usual width."""
    sheet = _MEDIA.sub(lambda media: media["rules"] if _is_for_screens(media["query"]) else "", sheet)
    hiding = (rule["selectors"].strip() for rule in _RULE.finditer(sheet) if _HIDING.search(rule["style"]))
    for _, selector in zip(range(_MOST_RULES), hiding, strict=False):
        if ":" not in selector:  # `:hover` and `::before` speak of a state or of no text of the page
            yield selector


def _is_for_screens(query: str) -> bool:
    query = query.lower()
    if ("print" in query or "speech" in query) and "screen" not in query and "not" not in query:
        return False
    return not any(int(width[:6]) < _USUAL_WIDTH for width in _NARROW.findall(query))


def _selected(tree: LexborHTMLParser, selector: str) -> list[LexborNode]:
    try:
        return tree.css(selector)
    except SelectolaxError:
        return []  # a rule that this parser does not know hides nothing here

"""Text that a reader of the document does not see, and that a model would read: it is left out.

Someone who can edit a page can hide words in it that address the model. What a page shows after a click, such as a
closed `<details>`, is visible text. A style that only a script sets cannot be seen here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from docx.document import Document
from docx.oxml.ns import qn
from docx.shared import Pt
from docx.text.hyperlink import Hyperlink
from docx.text.paragraph import Paragraph
from docx.text.run import Run
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

HIDDEN = "hidden_characters"
"""Key of a document's metadata: how many characters of text, white space aside, were left out as hidden."""

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

_SMALLEST = Pt(2)  # smaller text is a dot on paper
_WHITE = "FFFFFF"
_CODE_OR_COMMENT = re.compile(r"(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)|(?P<comment><!--.*?-->)", re.DOTALL)
_MARKDOWN = MarkdownIt("commonmark")


def drop_hidden(tree: LexborHTMLParser) -> int:
    """Remove the elements of the page that are hidden, and return how many characters of text they held."""
    sheet = _COMMENT.sub("", "\n".join(node.text(deep=True) or "" for node in tree.css("style")))
    on_paper = not _GROUND.search(sheet) and not any(_GROUND.search(_style(node)) for node in tree.css("[style]"))
    hidden = [*tree.css("[aria-hidden=true], dialog:not([open])")]
    hidden += [node for node in tree.css("[style]") if _HIDING.search(_style(node))]
    # White text is hidden on a white page only: where anything has a ground of its own, it may stand on that.
    hidden += [node for node in tree.css("[style]") if on_paper and _WHITE_TEXT.search(_style(node))]
    hidden += [node for selector in _hiding_selectors(sheet) for node in _selected(tree, selector)]
    for node in hidden:
        node.attrs["hidden"] = ""
    # The outermost alone: an element inside a removed one no longer exists.
    outermost = [node for node in tree.css("[hidden]") if not _in_hidden(node) and node.tag not in ("html", "body")]
    dropped = sum(len("".join((node.text(deep=True) or "").split())) for node in outermost)
    for node in outermost:
        node.decompose()
    return dropped


def visible_text(paragraph: Paragraph) -> str:
    """Return the text of a DOCX paragraph without its hidden runs."""
    found = []
    for inner in paragraph.iter_inner_content():
        runs = inner.runs if isinstance(inner, Hyperlink) else [inner]
        found += [run.text for run in runs if not is_hidden(run)]
    return "".join(found)


def hidden_chars(docx: Document) -> int:
    """Return how many characters of the body's paragraphs and tables are hidden."""
    runs = (Run(element, docx) for element in docx.element.body.iter(qn("w:r")))
    return sum(len("".join(run.text.split())) for run in runs if is_hidden(run))


def is_hidden(run: Run) -> bool:
    """Return whether a run of a DOCX file is hidden, white on no ground of its own, or too small to read."""
    if run.element.rPr is None:
        return False
    font = run.font
    if font.hidden or font.web_hidden:
        return True
    if font.size is not None and font.size < _SMALLEST:
        return True
    white = font.color is not None and font.color.rgb is not None and str(font.color.rgb) == _WHITE
    return white and font.highlight_color is None and not run.element.xpath("./w:rPr/w:shd")


def without_comments(text: str) -> str:
    """Return Markdown without its comments, those in code aside.

    >>> without_comments("a <!-- b --> c `<!-- d -->`")
    'a  c `<!-- d -->`'
    """
    if "<!--" not in text:
        return text
    lines = text.split("\n")
    code = [token.map for token in _MARKDOWN.parse(text) if token.type in ("fence", "code_block") and token.map]
    pieces, at = [], 0
    for start, end in code:
        pieces += [_uncommented("\n".join([*lines[at:start], ""])), "\n".join([*lines[start:end], ""])]
        at = end
    return "".join([*pieces, _uncommented("\n".join(lines[at:]))])


def _uncommented(text: str) -> str:
    return _CODE_OR_COMMENT.sub(lambda found: "" if found["comment"] else found[0], text)


def _style(node: LexborNode) -> str:
    return node.attributes.get("style") or ""


def _in_hidden(node: LexborNode) -> bool:
    parent = node.parent
    while parent is not None:
        if "hidden" in parent.attributes and parent.tag not in ("html", "body"):
            return True
        parent = parent.parent
    return False


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

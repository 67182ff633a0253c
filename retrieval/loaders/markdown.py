"""Markdown: the canonical text is what its reader sees, without marks, targets of links and comments.

The text is turned into a web page and read as one, so that tables, code, entities and HTML within it are what they are
on any other page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from html import escape
from importlib.metadata import version
from typing import Any

from lxml.html.defs import tags as html_tags
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock, reference
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import HIDDEN, TextBuilder, document, read_text
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.html import add_page
from retrieval.loaders.source import Source
from retrieval.loaders.sphinx.names import CODE, NAMES, UNSEEN

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<fields>.*?)^(?:---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"^title:[ \t]*[\"']?(?P<title>[^\n]*?)[\"']?[ \t]*$", re.MULTILINE)
_STATED = re.compile(
    r"^(?P<key>date|published|modified|updated|version):[ \t]*[\"']?(?P<value>[^\n\"']{1,64}?)[\"']?[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
"""What front matter says of the document's date and version: kept as metadata, for prompts, reports and filters."""
_MARKER = re.compile(r">|(?:[-+*]|\d{1,9}[.)])[ \t]")
_MARKERS = re.compile(rf"^(?:[ \t]*(?:{_MARKER.pattern})){{100,}}", re.MULTILINE)
"""Lists and quotations that begin in one line, each within the one before: the parser's time is the square of them."""
_TOO_DEEP = "its lists and quotations are nested too deep; save it again with fewer levels"
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_ALERT = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]")
_TAG = re.compile(r"</?(?P<name>[a-zA-Z][\w-]*)\s*/?>")
_DIRECTIVE = re.compile(r"\{(?P<name>[\w:+.-]+)\}[ \t]*(?P<title>.*)", re.DOTALL)
_OPTIONS = re.compile(r"\A(?:[ \t]*:[\w-]+:[^\n]*\n)+")

Environment = MutableMapping[str, Any]


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document with its headings."""
    read = read_text(given)
    front = _FRONT_MATTER.match(read.text)
    fields = front["fields"] if front else ""
    named = _TITLE.search(fields)
    built = TextBuilder()
    built.add(fields, kind="table")
    hidden = add_markdown(built, read.text[front.end() :] if front else read.text, given.settings.limits.nesting)
    yield document(
        given.path,
        built.text,
        parser="markdown-it-py",
        version=f"3 on {version('markdown-it-py')}",
        title=named["title"] if named else "",
        headings=built.headings,
        blocks=built.blocks,
        metadata={**read.about, **_stated(fields), **({HIDDEN: hidden} if hidden else {})},
    )


def add_markdown(built: TextBuilder, source: str, nesting: int) -> int:
    """Add a text in Markdown; return how many characters of it are hidden.

    Raises:
        LoadFault: its lists and quotations are nested more than `nesting` deep.
    """
    env: Environment = {"nesting": nesting, "hidden": 0}
    if any(len(_MARKER.findall(markers[0])) > nesting for markers in _MARKERS.finditer(source)):
        raise LoadFault(_TOO_DEEP)
    try:
        page = _parser(nesting).render(source.replace("\f", " "), env)
    except RecursionError as error:
        raise LoadFault(_TOO_DEEP) from error
    _, metadata = add_page(built, page, nesting)
    return int(env["hidden"] + metadata.get(HIDDEN, 0))


def _stated(fields: str) -> dict[str, str]:
    return {each["key"].lower(): each["value"] for each in _STATED.finditer(fields)}


def _parser(nesting: int) -> MarkdownIt:
    # The parser leaves out what is nested deeper than it is told. The page is refused first: a level of a list is an
    # element of the page and two levels of the parser.
    parser = MarkdownIt("commonmark", {"maxNesting": 3 * nesting}).enable(["table", "strikethrough"])
    parser.validateLink = lambda url: bool(url) or True  # type: ignore[method-assign]  # nobody follows the links
    parser.block.ruler.at("reference", _reference)
    parser.core.ruler.push("alerts", _alerts)
    for name, rule in (("image", _image), ("fence", _fence), ("html_inline", _html), ("html_block", _html)):
        parser.add_render_rule(name, rule)
    return parser


def _reference(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read the target of a link. A footnote of one word is none; it stays where it stands, as those of DOCX do."""
    at = state.bMarks[start] + state.tShift[start]
    return not state.src.startswith("[^", at) and reference(state, start, end, silent)


def _alerts(state: StateCore) -> None:
    """Name the alerts of GitHub as a reader sees them."""
    for quote, inline in zip(state.tokens, state.tokens[2:], strict=False):
        found = _ALERT.match(inline.content) if quote.type == "blockquote_open" and inline.children else None
        if found and inline.children:
            inline.children[0].content = f"{NAMES[found[1].lower()]}:{inline.children[0].content[found.end() :]}"


def _image(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: Environment) -> str:
    return escape(renderer.renderInlineAsText(tokens[at].children or (), options, env))


def _fence(_: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, env: Environment) -> str:
    """Return code, or what a directive of MyST shows."""
    content = tokens[at].content
    directive = _DIRECTIVE.match(tokens[at].info.strip())
    name = directive["name"].lower() if directive else ""
    if name in UNSEEN:
        return ""
    if directive:
        content = _OPTIONS.sub("", content)
    if directive is None or name in CODE:
        return f"<pre>\n{escape(content)}</pre>\n"
    title = " ".join(filter(None, (NAMES.get(name, ""), directive["title"])))
    return f"<p>{escape(title)}</p>{_parser(env['nesting']).render(content, env)}"


def _html(_: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, env: Environment) -> str:
    """Return HTML without its comments; `<name>` is text unless HTML has an element of that name."""
    content = tokens[at].content
    seen = _COMMENT.sub("", content)
    env["hidden"] += len("".join(content.split())) - len("".join(seen.split()))
    return _TAG.sub(lambda tag: tag[0] if tag["name"].lower() in html_tags else escape(tag[0]), seen)

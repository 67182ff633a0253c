"""Parses reStructuredText with docutils, whatever directives and roles a text uses.

docutils knows its own directives and roles only, and reports all others as errors. Those that a text names are
registered before it is parsed. Nothing is read from files or addresses that a text names.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any, ClassVar

from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.parsers.rst import Directive, Parser, directives, roles
from docutils.parsers.rst.directives.tables import ListTable
from docutils.transforms.references import Footnotes, Substitutions
from docutils.utils import new_document, unescape

from retrieval.loaders.sphinx.names import CODE, NAMES, UNSEEN

_NAMED = re.compile(r"\.\.[ ]+(?:\|[^|\n]+\|[ ]+)?(?P<name>[a-zA-Z][\w.:+-]{0,60}?)[ ]?::(?=\s|\Z)")
_ROLE = re.compile(r":(?P<name>[a-zA-Z][\w.:+-]{0,60}):`|`:(?P<after>[a-zA-Z][\w.:+-]{0,60}):")
_KEPT = frozenset(
    (
        *("admonition", "attention", "caution", "danger", "error", "hint", "important", "note", "tip", "warning"),
        *("image", "figure", "table", "csv-table", "list-table", "replace", "unicode", "epigraph", "highlights"),
        *("pull-quote", "compound", "container", "topic", "sidebar", "line-block", "rubric", "header", "footer"),
    )
)
"""The directives of docutils that are left to it."""
_KEPT_ROLES = frozenset(
    (
        *("emphasis", "strong", "literal", "math", "subscript", "superscript", "sub", "sup", "title-reference"),
        *("title", "t", "pep", "rfc", "pep-reference", "rfc-reference", "abbreviation", "acronym", "ab", "ac"),
    )
)
_VERBATIM_ROLES = frozenset(
    ("file", "samp", "kbd", "code", "command", "program", "guilabel", "menuselection", "regexp")
)
_TITLED = re.compile(r"(?P<title>.+?)\s*(?<!\x00)<[^<]*>\Z", re.DOTALL)
_MOST_NAMES = 2000
"""docutils keeps a name for as long as the process lives. A chosen value: Sphinx and its extensions have some 300."""
_SEEN_OPTIONS = ("caption", "title", "alt", "summary", "header")

_known: set[str] = set()


class _AnyOption(dict[str, Callable[[str], str]]):
    """Takes every option of a directive as text."""

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, name: str) -> Callable[[str | None], str]:
        return lambda text: text or ""


class _Foreign(Directive):  # type: ignore[misc]  # untyped in docutils
    """A directive that docutils does not know: its name if a reader sees it, its argument and its content."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = _AnyOption()

    def run(self) -> list[nodes.Node]:
        """Return the nodes of what a reader sees."""
        name = self.name.lower()
        given = self.arguments[0] if self.arguments else ""
        if name in UNSEEN:
            return []
        if name in CODE or name.rpartition(":")[2] in CODE:
            return [*self._options(), *_code(given if self._is_named() else f"\n{given}", list(self.content))]
        if name == "raw":
            return [nodes.raw("", "\n".join(self.content), format=given)]
        told = nodes.container("")
        label = NAMES.get(name.rpartition(":")[2], "")
        if label or given:
            told += nodes.paragraph("", "", *self._title(label, given))
        told += self._options()
        self.state.nested_parse(self.content, self.content_offset, told)
        return [told]

    def _is_named(self) -> bool:
        """Return whether the argument stands in the line of the directive, not right below it."""
        return not self.block_text.partition("\n")[0].rstrip().endswith("::")

    def _options(self) -> list[nodes.Node]:
        return [nodes.paragraph("", self.options[each]) for each in _SEEN_OPTIONS if self.options.get(each)]

    def _title(self, label: str, given: str) -> list[nodes.Node]:
        # A signature may hold asterisks and underscores that are no marks.
        if not label and "`" not in given:
            return [nodes.Text(given)]
        parsed, _ = self.state.inline_text(given, self.lineno)
        return [nodes.Text(f"{label} " if given else label), *parsed] if label else list(parsed)


def _code(given: str, content: list[str]) -> list[nodes.Node]:
    """Return the code of a directive; what stands right below its name counts as its argument."""
    language, _, below = given.partition("\n")
    lines = [*([below] if below else []), *content]
    if not lines and len(language.split()) > 1:
        lines = [language]
    return [nodes.literal_block("", "\n".join(lines))] if lines else []


class _SummarisedTable(ListTable):  # type: ignore[misc]  # untyped in docutils
    """A `list-table` with options that docutils does not know."""

    option_spec: ClassVar = {**ListTable.option_spec, "summary": directives.unchanged}


def _role(
    name: str,
    rawtext: str,
    text: str,
    _lineno: int,
    _inliner: Any,
    _options: Any = None,
    _content: Any = None,
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """Return what a reader sees of a role: its title if it has one, and the last part of a name with a tilde."""
    titled = None if name.lower().rpartition(":")[2] in _VERBATIM_ROLES else _TITLED.fullmatch(text)
    shown = unescape(titled["title"] if titled else text).removeprefix("!")
    if shown.startswith("~") and not titled:
        shown = shown[1:].rpartition(".")[2] or shown
    return [nodes.inline(rawtext, shown)], []


def parsed(text: str) -> nodes.document:
    """Return the tree of a text, with substitutions and numbers of footnotes filled in."""
    _register("list-table-with-summary", directives.register_directive, _SummarisedTable)
    for found in _NAMED.finditer(text):
        if found["name"].lower() not in _KEPT:
            _register(found["name"].lower(), directives.register_directive, _Foreign)
    for found in _ROLE.finditer(text):
        name = (found["name"] or found["after"]).lower()
        if name not in _KEPT_ROLES:
            _register(name, roles.register_local_role, _role)
    settings = get_default_settings(Parser)
    settings.report_level = settings.halt_level = 5  # nothing is printed, and nothing ends the parsing
    settings.file_insertion_enabled = settings.raw_enabled = False
    settings.syntax_highlight = "none"
    settings.line_length_limit = sys.maxsize
    document = new_document("text", settings)
    Parser().parse(text, document)
    for transform in (Substitutions, Footnotes):
        transform(document).apply()
    return document


def _register(name: str, register: Callable[[str, Any], None], handler: Any) -> None:
    key = f"{register.__name__} {name}"
    if key not in _known and len(_known) < _MOST_NAMES:
        _known.add(key)
        register(name, handler)

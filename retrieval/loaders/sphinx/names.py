"""What is done with a directive that docutils does not know, by its name."""

from __future__ import annotations

CODE = frozenset(
    (
        *("code-block", "sourcecode", "code", "code-cell", "code-tab", "highlight-block", "parsed-literal", "prompt"),
        *("doctest", "testcode", "testoutput", "testsetup", "ipython", "jupyter-execute", "jupyter-input", "plot"),
        *("jupyter-output", "graphviz", "digraph", "graph", "mermaid", "uml", "plantuml", "math", "productionlist"),
        *("exec", "program-output", "command-output", "asciinema", "try_examples", "terminal", "cli", "console"),
    )
)
"""Directives whose content is code: it stays as it is."""

UNSEEN = frozenset(
    (
        *("toctree", "include", "literalinclude", "index", "highlight", "default-domain", "default-role", "module"),
        *("currentmodule", "py:currentmodule", "py:module", "program", "sectionauthor", "codeauthor", "moduleauthor"),
        *("tabularcolumns", "autosummary", "bibliography", "todolist", "meta", "role", "rst-class", "cssclass"),
        *("ifconfig", "no-toc", "sectnum", "contents", "raw-file", "literal-include", "image-sg", "minigallery"),
    )
)
"""Directives that show nothing of their own text: settings, lists of files, places of an index."""

NAMES = {
    "versionadded": "Added in version",
    "versionadd": "Added in version",
    "versionchanged": "Changed in version",
    "versionremoved": "Removed in version",
    "deprecated": "Deprecated since version",
    "deprecated-removed": "Deprecated since version",
    "seealso": "See also",
    "todo": "Todo",
    "note": "Note",
    "warning": "Warning",
    "tip": "Tip",
    "hint": "Hint",
    "important": "Important",
    "caution": "Caution",
    "danger": "Danger",
    "error": "Error",
    "attention": "Attention",
    "information": "Information",
    "info": "Info",
}
"""Directives that a reader sees with a name of their own before their text."""

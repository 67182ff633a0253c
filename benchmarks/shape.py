"""Figures of the code's shape: lines per file and function, docstrings, comments, blind excepts.

`python -m benchmarks.shape [FOLDER]` (or `make shape`) prints one row for each top-level package, and one for all.
The columns are those of the table in `docs/measurements.md`; FOLDER is another checkout to compare with.
"""

from __future__ import annotations

import ast
import statistics
import sys
import tokenize
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = ("experience", "graphs", "nodes", "policy", "retrieval", "gateway", "observability", "settings", "state")
_DIRECTIVES = ("# noqa", "# type:", "# ruff:", "# pragma:", "#!")
_BLIND = frozenset({"Exception", "BaseException"})
_HEADER = (
    "package",
    "files",
    "lines",
    "file median",
    "file p90",
    "file max",
    "function median",
    "function p90",
    "function max",
    "docstrings %",
    "comments / kLOC",
    "blind excepts / kLOC",
    "folder max",
)


@dataclass
class Shape:
    """What was counted in a set of files.

    `public` and `documented` count public modules, classes, functions and methods. A function's length includes its
    signature, and leaves out its docstring and decorators. A comment is a `#` line or tail that is no directive.
    """

    files: list[int] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    folders: dict[Path, int] = field(default_factory=dict)
    public: int = 0
    documented: int = 0
    comments: int = 0
    blind: int = 0

    def read(self, path: Path) -> None:
        """Count one file."""
        text = path.read_text(encoding="utf-8")
        self.files.append(len(text.splitlines()))
        self.folders[path.parent] = self.folders.get(path.parent, 0) + (path.name != "__init__.py")
        self.comments += _comments_in(path)
        self._visit(ast.parse(text), public=True)

    def _visit(self, node: ast.AST, *, public: bool) -> None:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            public = public and not getattr(node, "name", "").startswith("_")
            self._count(node, public=public)
        self.blind += isinstance(node, ast.ExceptHandler) and _is_blind(node)
        inside_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            self._visit(child, public=public and not inside_function)

    def _count(self, node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, *, public: bool) -> None:
        docstring = ast.get_docstring(node, clean=False)
        self.public += public
        self.documented += public and docstring is not None
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            self.functions.append(lines - (docstring.count("\n") + 1 if docstring is not None else 0))

    def row(self, name: str) -> list[str]:
        """Return the figures as the cells of one row."""
        thousands = sum(self.files) / 1000
        cells = [
            len(self.files),
            sum(self.files),
            *_spread(self.files),
            *_spread(self.functions),
            round(100 * self.documented / self.public),
        ]
        rates = [f"{self.comments / thousands:.1f}", f"{self.blind / thousands:.2f}"]
        return [name, *map(str, cells), *rates, str(max(self.folders.values()))]


def _spread(lengths: list[int]) -> tuple[int, int, int]:
    ordered = sorted(lengths)
    return round(statistics.median(ordered)), ordered[int(0.9 * (len(ordered) - 1))], ordered[-1]


def _comments_in(path: Path) -> int:
    with path.open("rb") as file:
        found = [token.string for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]
    return sum(not text.startswith(_DIRECTIVES) for text in found)


def _is_blind(handler: ast.ExceptHandler) -> bool:
    """Whether the handler catches everything and does not raise it again."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    everything = any(kind is None or (isinstance(kind, ast.Name) and kind.id in _BLIND) for kind in kinds)
    return everything and not any(isinstance(inner, ast.Raise) for inner in ast.walk(handler))


def measured(root: Path) -> list[list[str]]:
    """Return the table: the header, one row for each package, and one for all of them together."""
    rows, everything = [[*_HEADER]], Shape()
    for package in PACKAGES:
        shape = Shape()
        for path in sorted((root / package).rglob("*.py")):
            shape.read(path)
            everything.read(path)
        rows.append(shape.row(package))
    return [*rows, everything.row("all")]


def main() -> None:
    """Print the table as Markdown."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    header, *rows = measured(root)
    for cells in (header, ["---"] * len(header), *rows):
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()

"""The drawings of the packages in `docs/architecture.md`, made from the imports.

One drawing shows the planes, one each the rooms of a plane: its sub-packages and modules. An arrow is an import. Arrows
that follow from others are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter

import grimp

PLANES = ("experience", "graphs", "nodes", "policy", "retrieval", "gateway", "observability", "settings", "state")
WITH_ROOMS = ("experience", "graphs", "nodes", "policy", "retrieval", "gateway", "settings", "state")
"""The planes that have sub-packages."""

Imports = Mapping[str, set[str]]


def package_diagrams() -> str:
    """Return the drawings as Mermaid code blocks, each under its heading."""
    graph = grimp.build_graph(*PLANES)
    parts = ["### The planes\n", _drawn(_imports(graph, lambda module: module.partition(".")[0]))]
    for plane in WITH_ROOMS:
        parts += [f"### The rooms of `{plane}/`\n", _drawn(_imports(graph, _room_of(plane)))]
    return "\n".join(parts)


def _room_of(plane: str) -> Callable[[str], str]:
    """Return the function that names a module's room: its sub-package, or its own name; `""` outside the plane.

    The plane's `__init__` is no room: it only re-exports.
    """

    def room(module: str) -> str:
        parts = module.split(".")
        return parts[1] if parts[0] == plane and len(parts) > 1 else ""

    return room


def _imports(graph: grimp.ImportGraph, box: Callable[[str], str]) -> dict[str, set[str]]:
    """Return which box imports which; boxes without a name and imports within a box are left out."""
    found: dict[str, set[str]] = {name: set() for module in sorted(graph.modules) if (name := box(module))}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            source, target = box(module), box(imported)
            if source and target and source != target:
                found[source].add(target)
    return found


def _drawn(imports: Imports) -> str:
    order = _ordered(imports)
    lines = [f"\t{name}[{name}]" for name in order]
    lines += [f"\t{source} --> {target}" for source in order for target in sorted(_nearest(imports, source))]
    return "\n".join(["```mermaid", "flowchart TD", *lines, "```", ""])


def _ordered(imports: Imports) -> list[str]:
    """Return the boxes, importers first and by name within a level. Raises `CycleError`: rooms form no circle."""
    sorter = TopologicalSorter(imports)
    sorter.prepare()
    levels: list[list[str]] = []
    while sorter.is_active():
        ready = sorter.get_ready()
        levels.append(sorted(ready))
        sorter.done(*ready)
    return [name for level in reversed(levels) for name in level]


def _nearest(imports: Imports, source: str) -> set[str]:
    """Return what `source` imports and reaches by no other way."""
    direct = imports[source]
    return {name for name in direct if not any(name in _reached(imports, other) for other in direct - {name})}


def _reached(imports: Imports, source: str) -> set[str]:
    seen: set[str] = set()
    waiting = [source]
    while waiting:
        for name in imports[waiting.pop()] - seen:
            seen.add(name)
            waiting.append(name)
    return seen

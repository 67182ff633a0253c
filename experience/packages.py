"""Detects a module of the user's that hides one of Sixplane's top-level packages.

The packages have common names (`settings`, `state`, …), and Python puts a script's folder first on `sys.path`. A
`settings.py` beside the script would otherwise fail deep inside with "cannot import name".
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("graphs", "nodes", "policy", "retrieval", "gateway", "observability", "settings", "state")


def check_packages() -> None:
    """Check that each package of Sixplane is the one that was installed beside this one. Imports none of them.

    Raises:
        ImportError: another module has the name of one of them.
    """
    here = Path(__file__)
    # Also without resolving links: an installation may link each package from a folder of its own.
    homes = {here.parent.parent, here.resolve().parent.parent}
    for name in PACKAGES:
        found = _location_of(name)
        if found is not None and not homes & {found.parent.parent, found.resolve().parent.parent}:
            raise ImportError(
                f"{str(found)!r} hides the package {name!r} of Sixplane; "
                f"rename it, or start from another folder (Sixplane needs the names {', '.join(PACKAGES)})",
                name=name,
                path=str(found),
            )


def _location_of(name: str) -> Path | None:
    """Return the file that `import name` would load, `None` if it is unknown."""
    try:
        spec = find_spec(name)
    except ValueError:  # a module that was put into `sys.modules` by hand has no spec
        return None
    if spec is None:
        return None
    if spec.origin is None and spec.submodule_search_locations:  # a folder without `__init__.py`
        return Path(next(iter(spec.submodule_search_locations))) / "__init__.py"
    return Path(spec.origin) if spec.origin else None

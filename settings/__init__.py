"""The settings: one frozen tree. Only this package reads the environment.

`Settings` and `load_settings` are imported on first use: importing pydantic-settings takes longer than printing the
command line's help.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from settings.names import MEMORY_CORPUS, checked_name
from settings.process import set_process_defaults

if TYPE_CHECKING:
    from settings.serving import OIDCSettings, ServerSettings
    from settings.tree import Settings, load_settings

__all__ = ["MEMORY_CORPUS", "OIDCSettings", "ServerSettings", "Settings", "checked_name", "load_settings"]

set_process_defaults()


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from settings import serving, tree

    return getattr(tree if hasattr(tree, name) else serving, name)

"""Optional packages that only some commands need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from state.errors import SettingsInvalid


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turn a failed import in the block into an error that says how to install the extra `name`.

    Raises:
        SettingsInvalid: a package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise SettingsInvalid(
            f"the package {error.name!r} is not installed", hint=f"run `pip install 'sixplane[{name}]'`"
        ) from error

"""What only some commands need, and how it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from state.errors import SettingsInvalid


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Say how the extra `name` is installed, where an import of the block fails.

    Raises:
        SettingsInvalid: a package is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise SettingsInvalid(
            f"the package {error.name!r} is missing", hint=f"run `pip install 'sixplane[{name}]'`"
        ) from error

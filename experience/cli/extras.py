"""Optional packages that only some commands need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from state.errors import SettingsInvalid


@contextmanager
def extra(name: str, *elsewhere: str) -> Iterator[None]:
    """Turn a failed import in the block into an error that says how to install the extra `name`.

    Args:
        name: the extra.
        elsewhere: packages of it that the block does not import, because another process of the command does.

    Raises:
        SettingsInvalid: a package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise _missing(str(error.name), name) from error
    for package in elsewhere:
        if find_spec(package) is None:
            raise _missing(package, name)


def _missing(package: str, name: str) -> SettingsInvalid:
    return SettingsInvalid(f"the package {package!r} is not installed", hint=f"run `pip install 'sixplane[{name}]'`")

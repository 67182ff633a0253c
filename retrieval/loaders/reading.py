"""Reads one file with the loader of its format; whatever goes wrong is reported for that file."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders.canonical import well_formed
from retrieval.loaders.containers.member import Item
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.source import Source

_NO_PERMISSION = "no permission to read it; change its permissions and ingest again"


def read(module: str, source: Source) -> Iterator[Item]:
    """Yield what the loader in `module` finds. Whatever it raises is reported: no file ends the ingest of others.

    The module is imported on first use: the Office, PDF and HTML libraries are slow to import.
    """
    try:
        for item in import_module(module).load(source):
            yield _within(item, source)
    except LoadFault as fault:
        yield failed(source.path, fault.reason)
    except OSError as error:
        yield failed(source.path, reason_of(error))
    except MemoryError:
        yield out_of_memory(source)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        yield failed(source.path, f"the package {package!r} that reads it is not installed; install Sixplane again")
    except Exception as error:  # noqa: BLE001 - a library may raise anything for a file that its authors never saw
        # The type alone: a message may hold text of the file.
        reason = f"its reader failed with {type(error).__name__}; save it again, or in another format"
        yield failed(source.path, reason)


def _within(item: Item, source: Source) -> Item:
    most = source.settings.limits.characters
    if not isinstance(item, LoadedDocument) or len(item.text) <= most:
        return item
    reason = over(f"its text has {len(item.text):,} characters, more than {most:,}", "characters")
    return FailedFile(source=item.source, reason=reason)


def over(what: str, limit: str) -> str:
    """Return the reason for which a file over a limit is refused."""
    return f"{what}; split it, or raise SIXPLANE_DATA__LIMITS__{limit.upper()}"


def out_of_memory(source: Source) -> FailedFile:
    """Return the report of a file that needs more memory than its reader may have."""
    most = source.settings.limits.memory_bytes
    return failed(source.path, over(f"reading it takes more than {most:,} bytes of memory", "memory_bytes"))


def failed(path: Path, reason: str) -> FailedFile:
    """Return the report of a file that is not read."""
    return FailedFile(source=well_formed(path.as_posix()), reason=reason)


def reason_of(error: OSError) -> str:
    """Return what the system says of a file that it does not give."""
    if isinstance(error, PermissionError):
        return _NO_PERMISSION
    return f"it cannot be read: {error.strerror or type(error).__name__}"

"""Limits of what is read from one file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ReadingLimits(BaseModel):
    """A file over one of these limits is refused, with the limit's name.

    The values are chosen: ten times what the largest files of the public collections hold, and still read in minutes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float = Field(300.0, gt=0)
    """Seconds until the next document of a file is read; most files hold one."""
    characters: int = Field(100_000_000, ge=1)
    """Characters of the text of one document."""
    memory_bytes: int = Field(2 * 1024 * 1024 * 1024, ge=128 * 1024 * 1024)
    """Memory of the process in which a file is read, where the system can limit it."""
    unpacked_bytes: int = Field(256 * 1024 * 1024, ge=1)
    """Bytes of an Office file or an archive after unpacking, archives within it included."""
    members: int = Field(10_000, ge=1)
    """Files in an archive or a mail, those in archives within it included."""
    containers: int = Field(4, ge=1, le=20)
    """How deep archives and mails may be nested in each other."""
    cells: int = Field(5_000_000, ge=1)
    """Cells of a workbook that hold something."""
    nesting: int = Field(1000, ge=1, le=5000)
    """How deep the elements of a web page are nested; the time of the parser grows with the square of it."""


class OcrSettings(BaseModel):
    """OCR of PDF pages without text, by tesseract."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = False
    languages: str = Field("eng", pattern=r"^\w+(/\w+)?(\+\w+(/\w+)?)*$")
    """Names of tesseract's languages, joined by `+`."""
    page_seconds: float = Field(120.0, gt=0)
    """Seconds for a page. A chosen value: a dense page takes five."""


class RemoteSettings(BaseModel):
    """Documents at addresses, over HTTP(S) and in OCI Object Storage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    web: bool = False
    """Whether HTTP(S) addresses are fetched at all. Private networks are never asked."""
    seconds: float = Field(60.0, gt=0)
    """Seconds for a file over HTTP(S), redirects included."""
    storage_endpoint: str = ""
    """Endpoint of Object Storage, for private endpoints and tests; empty: the endpoint of the region."""

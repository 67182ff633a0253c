"""Mails in MIME (`.eml`): the mail is a document, and so is each of its attachments. Quoted replies are part of it.

The policy `compat32` of Python's `email` is used: the newer one raises for headers that are not as the standard asks.
"""

from __future__ import annotations

import codecs
import io
import mimetypes
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import compat32
from email.utils import parsedate_to_datetime

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders.canonical import decode, lf
from retrieval.loaders.containers.letter import Header, Part, letter
from retrieval.loaders.containers.member import FreeNames, Member, Unpacking, last_part
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.html import WIDER_ENCODINGS
from retrieval.loaders.source import Source

_HEADERS = ("from", "to", "date", "subject", "received", "message-id", "mime-version", "content-type")
"""A mail has one of them at least; a draft, or a mail that was cut out of another, may have no other than the last."""
_SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
_SEALED = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_ENCRYPTED = "it is encrypted or wrapped in its signature; save its text with the mail program"
_NO_TEXT = ("calendar", "directory", "vcard", "x-vcard")
_MOST_REPLACED = 0.01
"""The share of a text's characters that may be undecodable. A chosen value."""
_SINGLE_BYTES = ("us-ascii", "iso-8859-1", "windows-1252")
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_START = 64
_STATUS = ("message/delivery-status", "message/disposition-notification", "text/rfc822-headers")


def load(given: Source) -> Iterator[LoadedDocument | Member | FailedFile]:
    """Yield the mail and its attachments."""
    message = message_from_bytes(_in_bytes_of_ascii(given.path.read_bytes()), policy=compat32)
    if not any(name in message for name in _HEADERS):
        raise LoadFault("it has no header, as mails have; save it again with the mail program")
    try:
        mail = _Mail(message, given.settings.encoding)
    except RecursionError as error:
        raise LoadFault("its parts are nested too deeply; save it again with the mail program") from error
    names = [name for name, _ in mail.attachments]
    nesting = given.settings.limits.nesting
    yield letter(given.path, _header(message), mail.parts, names, parser="email", nesting=nesting)
    unpacking = Unpacking(given)
    for name, part in mail.attachments:
        yield unpacking.unpacked(name, io.BytesIO(_content(part)))
    if mail.is_sealed:
        yield FailedFile(source=given.path.as_posix(), reason=_ENCRYPTED)


def _in_bytes_of_ascii(data: bytes) -> bytes:
    """Return a file in which the syntax of mails can be read: some programs save them in UTF-16."""
    return decode(data).text.encode() if data.startswith(_MARKS) or b"\0" in data[:_START] else data


class _Mail:
    """The parts of a mail, sorted into what its body is made of and what is attached."""

    def __init__(self, message: Message, encoding: str | None) -> None:
        self.parts: list[Part] = []
        self.attachments: list[tuple[str, Message]] = []
        self.is_sealed = False
        self._names = FreeNames()
        self._encoding = encoding
        self._sort(message, self.parts)

    def _sort(self, part: Message, body: list[Part], within: str = "") -> None:
        kind = part.get_content_type()
        if kind == "multipart/encrypted" or kind in _SEALED:
            self.is_sealed = True
        elif kind == "multipart/alternative":
            forms: list[Part] = []
            for child in _children(part):
                self._sort(child, forms, kind)
            body.append(Part("\n\n".join(each.plain for each in forms), "\n".join(each.html for each in forms)))
        elif kind in _STATUS:
            body.append(Part(plain=_status(part)))
        elif part.is_multipart() and kind != "message/rfc822":
            for child in _children(part):
                self._sort(child, body, kind)
        elif _is_body(part):
            text = text_of(part, self._encoding)
            body.append(Part(html=text) if kind == "text/html" else Part(plain=text))
        elif not _is_aside(part, within):
            self.attachments.append((self._name(part), part))

    def _name(self, part: Message) -> str:
        given = last_part(_decoded(part.get_filename() or "")) or _name_by_kind(part, len(self.attachments) + 1)
        return self._names.free(given)


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def _is_body(part: Message) -> bool:
    """Return whether a part is shown with the mail: text that is no file."""
    if part.get_content_maintype() != "text" or part.get_content_subtype() in _NO_TEXT:
        return False
    return part.get_content_disposition() != "attachment" and not part.get_filename()


def _is_aside(part: Message, within: str) -> bool:
    """Return whether a part holds nothing to read: a signature, a picture of a page, another form of the same text."""
    if part.get_content_type() in _SIGNATURES:
        return True
    if within == "multipart/alternative":
        return part.get_content_disposition() != "attachment"
    is_shown = within == "multipart/related" or part.get_content_disposition() == "inline" or part["Content-ID"]
    return part.get_content_maintype() == "image" and bool(is_shown)


def _name_by_kind(part: Message, number: int) -> str:
    if part.get_content_type() == "message/rfc822":
        subjects = (last_part(_header_of(child, "subject")) for child in _children(part))
        return f"{next(filter(None, subjects), f'message-{number}')}.eml"
    return f"part-{number}{mimetypes.guess_extension(part.get_content_type()) or ''}"


def _content(part: Message) -> bytes:
    if part.get_content_type() == "message/rfc822":
        return b"".join(child.as_bytes() for child in _children(part))
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _status(part: Message) -> str:
    """Return the fields of a report about delivery, which is a list of headers."""
    if not part.is_multipart():
        return text_of(part, None)
    blocks = (
        "\n".join(f"{name}: {' '.join(str(text).split())}" for name, text in each.items()) for each in _children(part)
    )
    return "\n\n".join(blocks)


def text_of(part: Message, encoding: str | None) -> str:
    """Return the text of a part in the encoding that it states, or in a guessed one."""
    content = part.get_payload(decode=True)
    data = content if isinstance(content, bytes) else b""
    text = _text_of(data, part.get_content_charset(), encoding)
    if str(part.get_param("format", "")).lower() == "flowed" and part.get_content_type() == "text/plain":
        return _unflowed(text, delsp=str(part.get_param("delsp", "")).lower() == "yes")
    return text


def _text_of(data: bytes, charset: str | None, encoding: str | None) -> str:
    if charset in _SINGLE_BYTES and not data.isascii():
        # Nearly no text in one of these is valid UTF-8, and many programs state them for it.
        with suppress(UnicodeDecodeError):
            return data.decode("utf-8")
    if charset and data.strip():
        try:
            text = data.decode(WIDER_ENCODINGS.get(charset, charset), "replace")
        except (LookupError, UnicodeError):
            text = ""
        # A mail program replaces a few bytes that are no text; many mean that the header is wrong.
        if text and text.count("\ufffd") <= _MOST_REPLACED * len(text):
            return text
    return decode(data, encoding).text


def _unflowed(text: str, *, delsp: bool) -> str:
    """Return a text whose lines were broken for display with its paragraphs in one line each, see RFC 3676."""
    lines: list[str] = []
    depth_before, is_open = 0, False
    for line in lf(text).split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        content = line[depth:].removeprefix(" ")
        flows = content.endswith(" ") and content != "-- "
        content = content[:-1] if flows and delsp else content
        if is_open and depth == depth_before:
            lines[-1] += content
        else:
            lines.append(f"{'>' * depth} {content}" if depth else content)
        depth_before, is_open = depth, flows
    return "\n".join(lines)


def _header(message: Message) -> Header:
    date = _header_of(message, "date")
    try:
        moment: datetime | None = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        moment = None
    return Header(
        subject=_header_of(message, "subject"),
        sender=_header_of(message, "from"),
        to=_header_of(message, "to"),
        cc=_header_of(message, "cc"),
        bcc=_header_of(message, "bcc"),
        date=moment,
        stated_date=date,
        message_id=_header_of(message, "message-id"),
        in_reply_to=_header_of(message, "in-reply-to"),
    )


def _header_of(message: Message, name: str) -> str:
    """Return the values of a field, each decoded."""
    return ", ".join(_decoded(str(value)) for key, value in message.raw_items() if key.lower() == name)


def _decoded(raw: str) -> str:
    """Return a field with its encoded words decoded. One that holds other bytes than ASCII is decoded as a text is."""
    data = raw.encode("utf-8", "surrogateescape")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        try:
            text = decode(data).text
        except LoadFault:
            text = data.decode("utf-8", "replace")
    try:
        pieces = decode_header(text)
    except HeaderParseError:
        return text
    found = []
    for piece, charset in pieces:
        if isinstance(piece, bytes):
            try:
                piece = piece.decode(WIDER_ENCODINGS.get(charset or "", charset or "utf-8"), "replace")
            except (LookupError, UnicodeError):
                piece = piece.decode("utf-8", "replace")
        found.append(piece)
    return " ".join("".join(found).split())

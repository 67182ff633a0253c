"""Mails in MIME: the body as a reader sees it, the header as metadata, each attachment a document of its own."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from retrieval.documents import FailedFile, LoadedDocument
from tests.retrieval.formats.loading import blocks, headings, loaded, one, saved
from tests.retrieval.formats.test_archives import found, zipped

HEADER = "From: Ann <ann@example.org>\nTo: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\nSubject: Plan\n"


def body(given: bytes | str, tmp_path) -> str:
    """Return what follows the header of a mail."""
    text = one(saved(tmp_path, "a.eml", given)).text
    return text.partition("example.org>\n\n")[2]


def test_a_mail_has_its_header_as_metadata_and_in_the_text(tmp_path):
    given = HEADER + "Date: Mon, 2 Mar 2026 10:00:00 +0100\nCc: c@example.org\nMessage-ID: <1@x>\n\nHello.\n> quoted\n"
    document = one(saved(tmp_path, "a.eml", given))
    assert document.text == (
        "Plan\n\nFrom: Ann <ann@example.org>\nTo: Jürgen <j@example.org>\nCc: c@example.org\n"
        "Date: 2026-03-02 10:00 +0100\n\nHello.\n> quoted"
    )
    assert (document.title, headings(document)) == ("Plan", [(1, "Plan")])
    assert document.metadata == {
        "subject": "Plan",
        "from": "Ann <ann@example.org>",
        "to": "Jürgen <j@example.org>",
        "cc": "c@example.org",
        "date": "2026-03-02T10:00:00+01:00",
        "message_id": "<1@x>",
    }


def test_a_mail_with_no_header_but_its_type_is_read(tmp_path):
    given = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>Hello\n--b--\n"
    assert one(saved(tmp_path, "a.eml", given)).text == "Hello"


@pytest.mark.parametrize(
    ("header", "content", "text"),
    [
        ("Content-Type: text/plain; charset=koi8-r", "Привет, мир".encode("koi8-r"), "Привет, мир"),
        ("Content-Type: text/plain; charset=gb2312", "镕基".encode("gb18030"), "镕基"),
        (
            "Content-Type: text/plain; charset=utf-8",
            "wrong: été, déjà, où, là".encode("cp1252"),
            "wrong: été, déjà, où, là",
        ),
        ("Content-Type: text/plain; charset=iso-8859-1", "I’m ok".encode(), "I’m ok"),
        ("Content-Type: text/plain; charset=no-such", b"plain", "plain"),
        ("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64", b"w6TDtg==", "äö"),
        ("Content-Type: text/plain; charset=latin1\nContent-Transfer-Encoding: quoted-printable", b"=FC=\nx", "üx"),
        ("Content-Type: text/plain; format=flowed", b"one \ntwo\n> a \n> b\n-- \nAnn", "one two\n> a b\n-- \nAnn"),
        ("Content-Type: text/html; charset=utf-8", "<p>Hi<p>ä &amp; b".encode(), "Hi\n\nä & b"),
        ("Content-Type: text/plain; charset", b"odd", "odd"),
    ],
)
def test_the_charset_of_a_part_is_honoured(tmp_path, header, content, text):
    assert body(f"{HEADER}{header}\n\n".encode() + content, tmp_path) == text


def alternative(plain: str, html: str) -> bytes:
    mail = EmailMessage()
    mail["Subject"], mail["To"], mail["From"] = "s", "x@example.org", "A <a@example.org>"
    mail.set_content(plain)
    mail.add_alternative(html, subtype="html")
    return mail.as_bytes()


def test_the_plain_part_is_preferred_when_it_says_the_same(tmp_path):
    table = "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"
    assert one(saved(tmp_path, "a.eml", alternative("One two.", "<p>One <b>two</b>."))).text.endswith("\n\nOne two.")
    document = one(saved(tmp_path, "a.eml", alternative("View in your browser", f"<h2>Sums</h2>{table}")))
    assert document.text.endswith("\n\nSums\n\na: 1; b: 2")
    assert headings(document) == [(1, "s"), (2, "Sums")]
    assert blocks(document)[-1] == ("table", "a: 1; b: 2")


def test_attachments_are_read_by_the_loaders_of_their_formats(tmp_path):
    mail = EmailMessage()
    mail["Subject"] = "Outer"
    mail.set_content("See attached.")
    mail.add_attachment(b"x,y\n1,2\n", maintype="text", subtype="csv", filename="Zahlen für März.csv")
    mail.add_attachment(zipped({"in.txt": "In."}), maintype="application", subtype="zip", filename="C:\\box.zip")
    mail.add_attachment("Note.", filename="../note.txt")
    mail.add_attachment("Other.", filename="note.txt")
    mail.add_attachment(b"MZ", maintype="application", subtype="octet-stream", filename="a.exe")
    inner = EmailMessage()
    inner["Subject"] = "Inner: mail"
    inner.set_content("Forwarded.")
    mail.add_attachment(inner)
    texts = found(saved(tmp_path, "a.eml", mail.as_bytes()))
    assert texts.pop("a.eml").startswith("Outer\n\nAttachments: Zahlen für März.csv, box.zip, note.txt, note (2).txt,")
    assert "unsupported format" in texts.pop("a.eml!/a.exe")
    assert texts == {
        "a.eml!/Zahlen für März.csv": "x: 1; y: 2",
        "a.eml!/box.zip!/in.txt": "In.",
        "a.eml!/note.txt": "Note.\n",
        "a.eml!/note (2).txt": "Other.\n",
        "a.eml!/Inner: mail.eml": "Inner: mail\n\nForwarded.",
    }


def test_pictures_of_the_page_and_signatures_are_no_attachments(tmp_path):
    mail = EmailMessage()
    mail["Subject"] = "s"
    mail.set_content("<p>Logo: <img src='cid:1'>", subtype="html")
    mail.add_related(b"\x89PNG", maintype="image", subtype="png", cid="<1>", filename="logo.png")
    mail.add_attachment(b"sig", maintype="application", subtype="pgp-signature", filename="signature.asc")
    assert one(saved(tmp_path, "a.eml", mail.as_bytes())).text == "s\n\nLogo:"


def test_an_encrypted_mail_is_reported(tmp_path):
    given = HEADER + "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nMII"
    document, reported = loaded(saved(tmp_path, "a.eml", given))
    assert isinstance(document, LoadedDocument)
    assert isinstance(reported, FailedFile)
    assert "it is encrypted" in reported.reason


def test_a_report_about_delivery_is_part_of_the_text(tmp_path):
    given = (
        f"{HEADER}Content-Type: multipart/report; boundary=x\n\n--x\n\nFailed.\n--x\n"
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\nStatus: 5.1.1\n--x--\n"
    )
    assert body(given, tmp_path) == "Failed.\n\nReporting-MTA: dns; a\n\nStatus: 5.1.1"


@pytest.mark.parametrize(
    "subject", ["=?utf-8?b?4pyT?=", "=?no-such?q?=E2=9C=93?=", "=?utf-8?q?=E2=9C=93?=\n ", "✓".encode()]
)
def test_odd_headers_are_read(tmp_path, subject):
    given = subject if isinstance(subject, bytes) else subject.encode()
    assert one(saved(tmp_path, "a.eml", b"Date: never\nSubject: " + given + b"\n\nx")).title == "✓"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_a_mail_that_was_saved_in_another_encoding_is_read(tmp_path, encoding):
    given = HEADER + "Content-Type: text/plain; charset=utf-8\n\nGrüße"
    assert body(given.encode(encoding), tmp_path) == "Grüße"


def test_a_date_that_is_none_stands_as_it_is(tmp_path):
    assert one(saved(tmp_path, "a.eml", "Date: never\nSubject: s\n\nx")).metadata["date"] == "never"


def test_what_is_no_mail_is_refused(tmp_path):
    (reported,) = loaded(saved(tmp_path, "a.eml", "just text\n"))
    assert isinstance(reported, FailedFile)
    assert "no header" in reported.reason

"""Files over HTTP(S): only from the public internet, within limits, and only if the settings say so."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders.errors import LoadFault
from retrieval.preparation import prepare
from retrieval.remote import reading, web
from retrieval.remote.fetched import file_name
from retrieval.remote.formats import charset_of, suffix_of
from retrieval.remote.public import is_public, public_addresses
from retrieval.remote.reading import load_addresses
from settings import Settings
from state.errors import BadInput

ON = {"remote": {"web": True}}
HOSTS = {"example.org": ["93.184.215.14"], "old.example.org": ["93.184.215.15"], "inside.example.org": ["10.0.0.7"]}


async def resolved(host, _port):
    """Resolve a name of `HOSTS` as `public_addresses` does."""
    if not all(map(is_public, HOSTS[host])):
        raise LoadFault("private")
    return HOSTS[host]


class Server:
    """Answers by host and path, and keeps what it was asked."""

    def __init__(self, answers):
        self.answers, self.asked = answers, []

    def __call__(self, request):
        self.asked.append((request.url.host, request.headers["host"], request.extensions["sni_hostname"]))
        status, headers, body = self.answers[f"{request.headers['host']}{request.url.path}"]
        return httpx.Response(status, headers=headers, content=body)


def fetch(server, folder, address="https://example.org/a", **data):
    settings = Settings(data={**ON, **data}).data
    return asyncio.run(web.fetch(address, settings, folder, transport=httpx.MockTransport(server), resolve=resolved))


def refusal(server, folder, address="https://example.org/a", **data):
    with pytest.raises(LoadFault) as raised:
        fetch(server, folder, address, **data)
    return raised.value.reason


def to(location):
    return (302, {"location": location}, b"")


PAGE = (200, {"content-type": "text/html; charset=windows-1251"}, "<p>Гавань</p>".encode("cp1251"))


def test_nothing_is_fetched_unless_the_settings_say_so():
    with pytest.raises(BadInput) as raised:
        list(load_addresses(["https://example.org/a"], Settings()))
    assert "SIXPLANE_DATA__REMOTE__WEB" in raised.value.hint
    with pytest.raises(BadInput):
        list(prepare(["https://example.org/a"], Settings(), "local", "default"))


def test_a_redirect_is_followed_and_the_given_address_cited(tmp_path):
    # Where files are stored, redirects are signed anew each time: the document would double, its signature be stored.
    server = Server({"old.example.org/x": to("https://example.org/harbour?sig=1#top"), "example.org/harbour": PAGE})
    found = fetch(server, tmp_path, "http://old.example.org/x?p=1#end")
    assert found.address == "http://old.example.org/x?p=1"
    assert (found.path.name, found.encoding) == ("harbour.html", "windows-1251")
    # The connection goes to the address that was checked; name and certificate are those of the host.
    assert server.asked == [
        ("93.184.215.15", "old.example.org", "old.example.org"),
        ("93.184.215.14", "example.org", "example.org"),
    ]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("https://inside.example.org/", "private"),
        ("http://example.org/a", "https to http"),
        ("ftp://example.org/a", "something else"),
        ("file:///etc/passwd", "something else"),
        ("https://ann:secret@example.org/a", "password"),
        ("https://example.org/a", "more than 5 times"),
        ("https://[::1", "it cannot be fetched"),
        ("http://xn--/", "it is no address"),
        ("https://example.org:99999/a", "port"),
        ("https://example.org:0/a", "port"),
    ],
)
def test_each_redirect_is_checked(tmp_path, location, reason):
    server = Server({"example.org/a": to(location)})
    assert reason in refusal(server, tmp_path)
    assert {host for host, _, _ in server.asked} == {"93.184.215.14"}


@pytest.mark.parametrize(
    ("answer", "data", "reason"),
    [
        ((200, {"content-type": "text/html"}, b"x" * 200), {"max_file_bytes": 100}, "more than 100 bytes"),
        ((404, {"content-type": "text/html"}, b"no"), {}, "status 404"),
        ((200, {"content-type": "image/png"}, b"x"), {}, "'image/png', which is not read"),
        ((200, {}, b"x"), {}, "does not say"),
    ],
)
def test_what_is_over_a_limit_or_of_no_format_is_refused(tmp_path, answer, data, reason):
    assert reason in refusal(Server({"example.org/a": answer}), tmp_path, **data)


def test_a_slow_server_is_given_up(tmp_path):
    async def never(_):
        await asyncio.Event().wait()

    assert "0.01 seconds" in refusal(never, tmp_path, remote={"web": True, "seconds": 0.01})


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.RemoteProtocolError("nonsense")])
def test_a_server_that_fails_is_reported(tmp_path, error):
    def fails(_):
        raise error

    assert type(error).__name__ in refusal(fails, tmp_path)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:4700::1111", True),
        ("64:ff9b::5db8:d70e", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::a9fe:a9fe", False),
        ("::7f00:1", False),
    ],
)
def test_private_addresses_are_known(address, public):
    assert is_public(address) is public


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "::1"])
def test_hosts_are_resolved_before_they_are_judged(host):
    with pytest.raises(LoadFault) as raised:
        asyncio.run(public_addresses(host, 80))
    assert "private network" in raised.value.reason


def test_this_machine_is_never_asked():
    (failed,) = load_addresses(["http://127.0.0.1:9/a"], Settings(data=ON))
    assert isinstance(failed, FailedFile)
    assert (failed.source, "private network" in failed.reason) == ("http://127.0.0.1:9/a", True)


def test_a_password_is_not_shown():
    (failed,) = load_addresses(["https://ann:se@cret@example.org/a?b=c@d"], Settings(data=ON))
    assert (failed.source, "password" in failed.reason) == ("https://…@example.org/a?b=c@d", True)


@pytest.mark.parametrize(
    ("media_type", "path", "suffix"),
    [
        ("text/html; charset=utf-8", "/report.pdf", ".html"),
        ("application/pdf", "/x", ".pdf"),
        ("application/octet-stream", "/a/report.docx", ".docx"),
        ("text/plain", "/README.md", ".md"),
        ("text/plain", "/robots", ".txt"),
        ("application/rss+xml", "/feed", ".xml"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "/x", ".docx"),
        ("application/ld+json", "/x", ".json"),
    ],
)
def test_the_media_type_decides_the_format(media_type, path, suffix):
    assert suffix_of(media_type, path) == suffix


def test_names_of_files_stay_in_their_folder():
    assert file_name("/a/..%2F..%2Fetc%2Fpasswd", ".txt") == "etc-passwd.txt"
    assert file_name("/.hidden.pdf") == "hidden.pdf"
    assert len(file_name("/" + "x" * 500 + ".pdf")) == 100
    assert charset_of("text/html; charset='no-such'") is None


def test_the_document_is_named_by_its_address(tmp_path, monkeypatch):
    def stored(folder):
        (folder / "harbour.txt").write_bytes("Гавань открыта.".encode("cp1251"))
        return folder / "harbour.txt"

    async def fetched(address, _settings, folder):
        return web.Fetched(stored(folder), f"{address}?final", "cp1251")

    monkeypatch.setattr(reading.web, "fetch", fetched)
    (document,) = load_addresses(["https://example.org/harbour"], Settings(data=ON))
    assert isinstance(document, LoadedDocument)
    assert document.document_id == document.source == "https://example.org/harbour?final"
    assert (document.text, document.title) == ("Гавань открыта.", "harbour")

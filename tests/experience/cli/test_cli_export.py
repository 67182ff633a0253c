"""`sixplane export` and `sixplane verify` of a bundle."""

import json
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from typer.testing import CliRunner

from experience.cli.app import app


def run(home, *arguments):
    return CliRunner().invoke(app, list(map(str, arguments)), env={"SIXPLANE_HOME": str(home)})


@pytest.fixture
def asked(home):
    assert run(home, "research", "What is the price of Tariff A?", "--corpus", "small", "--thread", "t").exit_code == 0
    return home


def test_a_bundle_is_written_once_and_verified_where_there_is_no_corpus(asked, tmp_path):
    out, elsewhere = tmp_path / "bundle.zip", tmp_path / "elsewhere"
    told = json.loads(run(asked, "export", "t", "--out", out, "--json").stdout)
    assert (told["thread"], told["file"], told["documents"]) == ("t", str(out), {"whole": 1})
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".bundle*"))
    done = run(elsewhere, "verify", out)
    assert (done.exit_code, f"sha256: {told['sha256']}" in done.stdout) == (0, True)
    assert "outcome: verified" in done.stdout
    assert json.loads(run(elsewhere, "verify", out, "--json").stdout)["digest"] == told["sha256"]
    assert not elsewhere.exists()

    before = out.read_bytes()
    again = run(asked, "export", "t", "--out", out)
    assert (again.exit_code, "--force" in again.stderr) == (2, True)
    assert out.read_bytes() == before
    out.write_bytes(b"old")
    assert f"sha256: {told['sha256']}" in run(asked, "export", "t", "--out", out, "--force").stdout
    assert out.read_bytes() == before

    out.write_bytes(before.replace(b"12 dollars", b"21 dollars"))
    changed = run(elsewhere, "verify", out)
    assert (changed.exit_code, "member: report.json: it was changed" in changed.stdout) == (2, True)
    out.write_bytes(b"PK but no bundle")
    broken = run(elsewhere, "verify", out)
    assert (broken.exit_code, "hint: " in broken.stderr) == (2, True)


def test_a_bundle_is_signed_and_the_key_of_its_sender_is_asked_for(asked, tmp_path):
    key = Ed25519PrivateKey.generate()
    private, public, out = (tmp_path / name for name in ("key.pem", "key.pub.pem", "bundle.zip"))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert run(asked, "export", "t", "--out", out, "--sign-key", private).exit_code == 0
    assert "nobody has said whose key that is" in run(asked, "verify", out).stdout
    known = run(asked, "verify", out, "--public-key", public)
    assert (known.exit_code, "signed: " in known.stdout, "nobody" in known.stdout) == (0, True, False)
    assert run(asked, "export", "t", "--out", out, "--force").exit_code == 0
    bare = run(asked, "verify", out, "--public-key", public)
    assert (bare.exit_code, "the bundle is not signed" in bare.stdout) == (2, True)


def test_bad_input_is_named_with_its_remedy(asked, tmp_path):
    for arguments, status, told in (
        (("export", "none", "--out", tmp_path / "a.zip"), 2, "there is no thread 'none'"),
        (("export", "../t", "--out", tmp_path / "a.zip"), 2, "is not a thread name"),
        (("export", "t", "--out", tmp_path / "none" / "a.zip"), 5, "No such file"),
        (("export", "t", "--out", tmp_path / "a.zip", "--texts", "all"), 2, "readable"),
        (("export", "t", "--out", tmp_path / "a.zip", "--tenant", "other"), 2, "there is no thread 't'"),
        (("export", "t", "--out", tmp_path / "a.zip", "--sign-key", tmp_path / "none.pem"), 2, "openssl genpkey"),
        (("verify", tmp_path / "none.zip"), 2, "cannot be read"),
    ):
        done = run(asked, *arguments)
        assert (done.exit_code, told in " ".join(done.stderr.split())) == (status, True), done.stderr
    assert not (tmp_path / "a.zip").exists()


def test_a_bundle_with_what_nobody_could_compare_exits_with_5_and_says_why(asked, tmp_path):
    out = tmp_path / "bundle.zip"
    page = tmp_path / "tariffs.md"
    assert run(asked, "research", "Who paints the gate?", "--corpus", "gates", "--docs", gate(page), "--thread", "g")
    page.write_text("# Gate\n\nNobody paints it.\n")
    run(asked, "ingest", page, "--corpus", "gates")
    run(asked, "corpus", "prune", "gates")
    assert "1 only as the report quotes them" in run(asked, "export", "g", "--out", out).stdout
    done = run(tmp_path / "elsewhere", "verify", out)
    assert (done.exit_code, "outcome: pruned" in done.stdout, "hint: " in done.stderr) == (5, True, True)


def gate(page):
    page.write_text("# Gate\n\nAda Byron paints the gate of the harbour green.\n")
    return page

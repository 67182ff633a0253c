"""Texts that state no encoding: read right or refused, never stored as other characters."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from experience.cli.app import app
from retrieval.loaders.encodings import guess
from settings import load_settings
from state.errors import SettingsInvalid
from tests.retrieval.test_loaders import fault, one, saved

RUSSIAN = "Договор аренды помещения заключён между сторонами. Арендная плата вносится ежемесячно.\n"
CHINESE = "本合同自双方签字之日起生效，有效期一年。付款方式为银行转账。\n"
JAPANESE = "本契約は、双方の署名の日から効力を生じるものとする。支払いは銀行振込によるものとする。\n"
POLISH = "Umowa została zawarta. Łódź, dnia pierwszego stycznia. Najemca płaci czynsz zgodnie z załącznikiem.\n"
CZECH = "Smlouva se uzavírá na dobu určitou. Nájemce je povinen platit nájemné každý měsíc, nejpozději však do konce.\n"
HUNGARIAN = (
    "A szerződés felmondása írásban történik. Az őszi időszakban a bérlő köteles a fűtési költségeket fizetni.\n"
)
FRENCH = "Le loyer est payé à la fin de chaque mois – après réception de la facture à l’adresse indiquée.\n"
GERMAN = "Der Vertrag läuft für ein Jahr; größere Änderungen bedürfen der Schriftform.\n"
ENGLISH = "It’s the tenant’s duty – “always”.\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *[(RUSSIAN, name) for name in ("cp1251", "koi8-r", "utf-16-le", "utf-16-be")],
        *[(CHINESE, name) for name in ("gbk", "gb18030", "utf-16-le")],
        *[(JAPANESE, name) for name in ("shift_jis", "euc-jp", "utf-16-be")],
        *[(text, name) for text in (POLISH, CZECH, HUNGARIAN) for name in ("iso8859-2", "cp1250")],
        *[(text, "cp1252") for text in (FRENCH, GERMAN, ENGLISH)],
        (ENGLISH, "utf-16-le"),
    ],
)
def test_the_encoding_is_guessed_and_recorded(tmp_path, text, encoding):
    document = one(saved(tmp_path, "a.txt", ("ASCII first.\n" * 20 + text).encode(encoding)))
    assert document.text == "ASCII first.\n" * 20 + text
    guessed = document.metadata["encoding_guessed"]
    assert text.encode(guessed) == text.encode(encoding)


@pytest.mark.parametrize(
    "data", ["naïve".encode("cp1252"), "Привет, мир".encode("cp1251"), b"a\x81\xfe\xfdb", bytes(range(128, 256))]
)
def test_an_encoding_that_is_not_certain_is_refused(tmp_path, data):
    assert "--encoding NAME" in fault(saved(tmp_path, "a.txt", data))


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.rst", "a.html", "a.csv"])
def test_the_encoding_that_is_named_is_used_for_what_is_not_utf_8(tmp_path, name):
    path = saved(tmp_path, name, "Привет".encode("cp1251"))
    assert "Привет" in one(path, encoding="cp1251").text
    assert "Łódź" in one(saved(tmp_path, name, "Łódź"), encoding="cp1251").text


def test_a_named_encoding_that_does_not_fit_is_refused(tmp_path):
    assert "not text in shift_jis" in fault(saved(tmp_path, "a.txt", b"\xe9\x20\xff"), encoding="shift_jis")


@pytest.mark.parametrize("name", ["no-such", "rot13"])
def test_an_unknown_encoding_is_refused(name):
    with pytest.raises(SettingsInvalid, match="no such encoding"):
        load_settings(data={"encoding": name})


def test_the_command_names_the_encoding(tmp_path):
    path = saved(tmp_path, "a.txt", "Привет".encode("cp1251"))
    given = ["ingest", str(path), "--home", str(tmp_path / "home")]
    assert CliRunner().invoke(app, given).exit_code != 0
    done = CliRunner().invoke(app, [*given, "--encoding", "cp1251"])
    assert done.exit_code == 0, done.output
    assert "1 added" in done.output


def test_a_long_line_is_sampled():
    assert guess((RUSSIAN.strip() + " ").encode("cp1251") * 2000) == "cp1251"

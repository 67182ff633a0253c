"""What a text becomes in the keyword index, and that an index of another analyser is built anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tantivy
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding

import retrieval.embedded.indexes as indexes
from retrieval import open_corpus
from retrieval.embedded.analyser import ANALYSER, indexed_terms, queried_words, single_characters, stemmers_of
from retrieval.embedded.analyser.terms import _LATIN_TOKEN, _TOKEN
from settings import Settings

EMBEDDINGS = DeterministicFakeEmbedding(size=16)


@pytest.mark.parametrize(
    ("text", "stemmer", "terms"),
    [
        ("The runners' tables", "english", "the runner tabl"),
        ("Prüfungen", "german", "prufung"),
        ("Straße", "german", "strass"),
        ("nationalité", "french", "national nationalit"),
        ("œuvre ﬁle Ångström", "none", "oeuvre file angstrom"),
        ("ＦＵＬＬ　ｗｉｄｔｈ １２", "none", "full width 12"),
        ("Daten\u00adbank Zu\u00ad\nsatz zero\u200bwidth", "none", "datenbank zusatz zerowidth"),
        ("DBMS_VECTOR.CREATE_INDEX", "none", "dbms_vector.create_index dbms vector create index"),
        ("use --dry-run or -v", "none", "use --dry-run dry-run dry run or -v v"),
        ("ORA-00942", "none", "ora-00942 ora 00942 942"),
        ("getUserName HTTPServer", "none", "getusername get user name httpserver http server"),
        ("IL-10 and IL10", "none", "il-10 il 10 and il10 il 10"),
        ("the 1970s", "none", "the 1970s"),
        ("Mueller und Müller", "german", "mull und mull"),
        ("v23.26.1", "none", "v23.26.1 v23 v 23 26 1"),
        ("/etc/hosts.d/a.conf", "none", "a.conf etc/hosts.d/a.conf hosts.d etc hosts d a conf"),
        ("6,000 or 6000", "none", "6000 6.000 or 6000"),
        ("1.234.567,89", "none", "1234567.89 1.234.567.89"),
        ("0,5", "none", "0.5"),
        ("C++, C# and C", "none", "c++ c c# c and c"),
        ("向量索引", "none", "向量 量索 索引"),
        ("ﾃﾞｰﾀ", "none", "デー ータ"),
        ("검색 기능", "none", "검색 기능"),
        ("हिन्दी भाषा", "none", "हिन्दी भाषा"),
        ("الكِتَابُ كتاب", "english", "كتاب كتاب"),
        ("שָׁלוֹם", "english", "שלום"),
        ("русский языки", "english", "русск язык"),
        ("٣٢٤", "english", "324"),
        ("___ --- ...", "english", ""),
    ],
)
def test_a_text_becomes_these_terms(text: str, stemmer: str, terms: str) -> None:
    assert indexed_terms(text, stemmer).split() == terms.split()


def test_a_long_word_is_not_left_out() -> None:
    digest = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
    assert indexed_terms(digest, "english").split() == [digest, "<" + digest[::-1]]
    longer = "a" * 70_000  # more than tantivy takes for a term
    assert len(indexed_terms(longer, "none")) == 65
    assert [asked.terms[0] for asked in queried_words(longer, ["none"])] == [indexed_terms(longer, "none")]


def test_a_query_asks_for_the_stems_of_every_language_and_for_single_characters() -> None:
    german = queried_words("Prüfungen 猫", ["english", "german"])
    assert [(each.field, each.terms) for each in german] == [
        ("words", ("prufungen", "prufung")),
        ("characters", ("猫",)),
    ]
    assert single_characters("ein 猫の") == "猫 の"
    assert not single_characters("Über")


@pytest.mark.parametrize(
    "text",
    [
        "Call a.b_c(--dry-run, -v) at /etc/x:1, C++; Müller-Lüdenscheidt -- œuvre.net .NET #top a#b",
        "x-y--z---w----v _a_ __init__ a..b...c....d 1,5 %done $HOME 50% §3 e.g.,and/or “quoted”—dash",
    ],
)
def test_both_patterns_split_latin_text_alike(text: str) -> None:
    assert _LATIN_TOKEN.findall(text) == _TOKEN.findall(text)


def test_a_passage_without_a_language_of_its_own_gets_that_of_its_document() -> None:
    german = "Die Frist beginnt mit dem Tag, an dem der Antrag gestellt wird, und endet nach einem Monat."
    rows = [{"version": 1, "text": german}, {"version": 1, "text": "Gebühr: 12"}, {"version": 2, "text": "Fee: 12"}]
    assert stemmers_of(rows) == ["german", "german", "english"]


async def found(home: Path, query: str) -> list[str]:
    async with open_corpus(Settings(home=home), "c", embeddings=EMBEDDINGS) as corpus:
        return [passage.document_id for passage in await corpus.search(query, k=3, mode="keyword")]


async def test_a_corpus_of_the_last_release_gets_new_words_and_keeps_its_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "EXACT_BELOW", 1)  # so that there is a graph
    async with open_corpus(Settings(home=tmp_path), "c", embeddings=EMBEDDINGS) as corpus:
        texts = [
            "建立向量索引",
            "the run 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752 ended",
            "other",
        ]
        await corpus.ingest([Document(page_content=text, id=f"d{n}") for n, text in enumerate(texts)])
    folder = tmp_path / "corpora/local/c"
    as_the_last_release_left_it(folder)
    graph = {path.name: path.stat().st_ino for path in folder.glob("vectors-*")}
    assert graph
    assert await found(tmp_path, "索引") == ["d0"]
    assert await found(tmp_path, "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752") == ["d1"]
    assert {path.name: path.stat().st_ino for path in folder.glob("vectors-*")} == graph
    assert [path.name for path in folder.glob("keyword-*")] == [f"keyword-{ANALYSER}-0"]
    assert json.loads((folder / "indexes.json").read_text())["analyser"] == ANALYSER


def as_the_last_release_left_it(folder: Path) -> None:
    """Replace the words by those of tantivy's English analyser."""
    state = json.loads((folder / "indexes.json").read_text())
    del state["analyser"]
    (folder / "indexes.json").write_text(json.dumps(state))
    (folder / f"keyword-{ANALYSER}-0").rename(folder / "moved")
    (folder / "keyword-0").mkdir()
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", stored=False, fast=True, indexed=True)
    builder.add_text_field("text", stored=False, tokenizer_name="en_stem")
    writer = tantivy.Index(builder.build(), path=str(folder / "keyword-0")).writer(num_threads=1)
    writer.add_document(tantivy.Document(text="建立向量索引"))
    writer.commit()

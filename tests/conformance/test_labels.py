"""Access labels on every backend: what a label is, who reads and who writes, and corpora of earlier releases."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing

import pytest
from langchain_core.documents import Document

from retrieval import open_corpus
from retrieval.documents import evidence_id
from settings import load_settings
from state.errors import BadInput, CorpusEmpty, Forbidden
from tests.conformance.planes import ORACLE, Hashed, opened_plane

KEPT = ["finance", ["finance"], ["legal", "finance"], ["finance", "finance"]]
REFUSED = [
    "",
    " finance",
    [],
    {},
    {"finance": True},
    5,
    True,
    [5],
    ["finance", None],
    [["finance"]],
    ["finance", "*"],
    "fin\u200bance",
    "a\nb",
    "x" * 201,
    [f"group {n}" for n in range(51)],
]

LOOKING_LIKE = [
    {"audiences": ["finance"]},
    {"Audience": "finance"},
    {"_audience": "finance"},
    {"metadata.audience": "finance"},
    {"\uff41udience": "finance"},
    {"audi\u200bence": "finance"},
    {"access": {"audience": ["finance"]}},
    {"rules": [{"read": {"Audience": ["finance"]}}]},
]


@pytest.fixture(params=["embedded", "played back", ORACLE])
async def corpus(request, tmp_path):
    async with opened_plane(request.param, tmp_path) as plane, plane.opened() as opened:
        yield opened


def in_a_line(folder, label):
    path = folder / "records.jsonl"
    path.write_text(json.dumps({"_id": "pay", "text": "The salary is 9100.", **label}) + "\n")
    return [path]


def in_metadata(_, label):
    return [Document("The salary is 9100.", metadata={"source": "pay", **label})]


WAYS = [in_a_line, in_metadata]


@pytest.mark.parametrize("way", WAYS)
async def test_a_label_in_any_shape_limits_who_reads(corpus, tmp_path, way):
    for label in KEPT:
        told = await corpus.ingest(way(tmp_path, {"audience": label}))
        assert told.failed == (), label
        (entry,) = [each for each in (await corpus.manifest()).entries if not each.superseded]
        assert set(entry.audience) == ({label} if isinstance(label, str) else set(label))
        for held, finds in (((), False), (("staff",), False), (("finance", "staff"), True), (None, True)):
            seen = corpus.seen_by(held)
            found = await seen.search("salary") if finds else await nothing(seen)
            assert bool(found) is finds, (label, held)


async def nothing(seen):
    """Whoever may read none of the documents finds the corpus empty."""
    with pytest.raises(CorpusEmpty):
        await seen.search("salary")
    return []


@pytest.mark.parametrize("way", WAYS)
async def test_a_label_of_an_unknown_shape_refuses_the_record(corpus, tmp_path, way):
    for label in [*({"audience": value} for value in REFUSED), *LOOKING_LIKE]:
        told = await corpus.ingest(way(tmp_path, label))
        assert (told.added, len(told.failed)) == (0, 1), label
        assert "audience" in told.failed[0].reason.lower(), label
    assert (await corpus.manifest()).entries == ()


# --- writing ----------------------------------------------------------------------------------------------------------


def named(text, **more):
    return [Document(text, id="pay", metadata={"source": "pay", **more})]


async def live(corpus):
    return sorted((each.audience, each.chars) for each in (await corpus.manifest()).entries if not each.superseded)


async def test_a_hidden_document_of_the_same_name_is_neither_replaced_nor_told(corpus):
    secret, public = "The salary is 9100.", "The salary is a secret of the house."
    await corpus.ingest(named(secret), audience="finance")
    (hidden,) = await corpus.search("salary")
    outsider, member = corpus.seen_by(()), corpus.seen_by(["finance"])
    first = await outsider.ingest(named(secret))
    assert (first.added, first.updated, first.unchanged, first.superseded, first.failed) == (1, 0, 0, 0, ())
    second = await outsider.ingest(named(public))
    assert (second.added, second.updated, second.superseded) == (0, 1, 1)
    assert await live(corpus) == [((), len(public)), (("finance",), len(secret))]
    assert [entry.audience for entry in (await outsider.manifest()).entries] == [(), ()]
    assert {hit.text for hit in await outsider.search("salary")} == {public}
    assert {hit.text for hit in await member.search("salary")} == {public, secret}
    assert (await outsider.passages([hidden.evidence_id]), await outsider.neighbours(hidden)) == ({}, [])
    assert (await member.passages([hidden.evidence_id])).keys() == {hidden.evidence_id}
    assert await outsider.prune() == 1
    assert await outsider.canonical_text("pay", hidden.text_hash) is None
    assert await member.canonical_text("pay", hidden.text_hash) == secret
    assert (await outsider.live_texts(["none", "pay"]), len(await outsider.titles())) == ([public], 1)
    assert ({*await member.live_texts(["pay"])}, len(await member.titles())) == ({public, secret}, 2)


async def test_who_may_change_several_of_one_name_has_to_name_the_label_of_the_next(corpus):
    await corpus.ingest(named("old text"), audience="finance")
    await corpus.seen_by(()).ingest(named("open text"))
    told = await corpus.ingest(named("new text"))
    assert "audience" in told.failed[0].reason
    assert len(await live(corpus)) == 2
    told = await corpus.ingest(named("new text"), audience="finance")
    assert (told.added, told.updated, told.superseded) == (0, 1, 2)
    assert await live(corpus) == [(("finance",), len("new text"))]


async def test_an_old_version_keeps_its_label_when_the_document_is_opened(corpus):
    await corpus.ingest(named("old salary"), audience="finance")
    (old,) = await corpus.search("salary")
    await corpus.ingest(named("new salary"), audience="*")
    outsider = corpus.seen_by(())
    assert await outsider.passages([old.evidence_id]) == {}
    assert [(entry.superseded, entry.chars) for entry in (await outsider.manifest()).entries] == [(False, 10)]
    assert (await outsider.prune(), await corpus.seen_by(["finance"]).prune()) == (0, 1)


@pytest.mark.parametrize(
    ("before", "after", "text", "readers"),
    [
        (None, "finance", "old salary", "finance"),  # the same text: its old passages have gone for all
        (None, "finance", "new salary", "finance"),
        (["finance", "board"], "finance", "new salary", "finance"),
        ("finance", "board", "new salary", ""),
        ("finance", "*", "new salary", "finance"),
        ("finance", ["finance", "board"], "new salary", "finance"),
    ],
)
async def test_old_versions_can_be_read_by_no_more_than_both_labels_allow(corpus, before, after, text, readers):
    await corpus.ingest(named("oldest salary"), audience=before)
    await corpus.ingest(named("old salary"))
    old = {hit.evidence_id for hit in await corpus.search("salary")}
    await corpus.ingest(named(text), audience=after)
    for held in ("finance", "board", "staff"):
        caller = corpus.seen_by([held])
        found = {key for key, passage in (await caller.passages(old)).items() if passage.superseded}
        versions = [each for each in (await caller.manifest()).entries if each.superseded]
        assert bool(versions) is (held == readers)
        assert found == (old if held == readers and text != "old salary" else set())
    assert len(await corpus.passages(old)) == (text != "old salary")  # an operator reads them all
    assert await corpus.prune() == 1 + (text != "old salary")


async def test_old_versions_of_a_document_that_one_may_not_change_stay_as_they_are(corpus):
    await corpus.ingest(named("the salary"), audience=["finance", "board"])
    await corpus.ingest(named("the new salary"), audience="board")
    await corpus.ingest(named("the old rule"), audience="board")
    before = {each.fingerprint: each.audience for each in (await corpus.manifest()).entries}
    assert set(before.values()) == {("board",)}
    await corpus.seen_by(["staff"]).ingest(named("a note"), audience="staff")
    after = {each.fingerprint: each.audience for each in (await corpus.manifest()).entries}
    assert before.items() <= after.items()


async def test_two_old_versions_that_get_one_label_become_one(corpus):
    for audience in ("*", "finance"):
        await corpus.ingest(named("the salary"), audience=audience)
        await corpus.ingest(named("the new salary"), audience=audience)
    await corpus.ingest(named("the newest salary"), audience="finance")
    kept = [(each.chars, each.audience) for each in (await corpus.manifest()).entries]
    assert len(kept) == len(set(kept)) == 3


async def test_a_view_can_be_narrowed_and_never_widened(corpus):
    await corpus.ingest(named("the salary"), audience=["finance", "board"])
    view = corpus.seen_by(["finance", "board"]).seen_by(["board", "staff"])
    assert len(await view.search("salary")) == 1
    for narrow in (view.seen_by(["finance"]), view.seen_by(()), view.seen_by(()).seen_by(None)):
        await nothing(narrow)
    with pytest.raises(Forbidden):
        await view.copy_into(corpus)


async def test_a_vector_store_follows_the_labels(corpus):
    everything, member, outsider = (corpus.seen_by(held).vector_store for held in (None, ["finance"], ()))
    await everything.aadd_texts(["the salary", "a memo"], [{"audience": ["finance", "board"]}, {}], ids=["pay", "memo"])
    assert [found.id for found in await outsider.asimilarity_search("salary")] == ["memo"]
    assert [found.id for found in await outsider.aget_by_ids(["pay", "memo"])] == ["memo"]
    assert {found.id for found in await member.asimilarity_search("salary")} == {"pay", "memo"}
    with pytest.raises(Forbidden):
        await member.adelete(["memo", "pay"])
    for given in ({"audience": "board"}, {"audience": 5}, {"Audience": "finance"}):
        with pytest.raises(BadInput, match=r"(?i)audience"):
            await member.aadd_texts(["x"], [given], ids=["x"])
    with pytest.raises(BadInput, match=r"(?i)audience"):
        await member.aadd_texts(["the raise"], ids=["pay"])
    await outsider.aadd_texts(["the salary"], ids=["pay"])
    await outsider.adelete(["pay", "memo"])
    assert [found.page_content for found in await everything.aget_by_ids(["pay", "memo"])] == ["the salary"]


async def test_a_copy_holds_documents_of_one_name_under_their_labels(corpus, tmp_path):
    await corpus.ingest(named("old salary"), audience="finance")
    await corpus.ingest(named("the salary"), audience="board")
    await corpus.seen_by(()).ingest(named("the salary"))
    await corpus.seen_by(()).ingest(named("the new salary"))
    (tmp_path / "other").mkdir()
    async with opened_plane("embedded", tmp_path / "other") as plane:
        target = await plane.corpora().create("local", "d")
        report = await corpus.copy_into(target)
        assert (report.copied, await live(target)) == (4, await live(corpus))
        assert (await corpus.copy_into(target)).unchanged == 4
        assert len(await target.seen_by(["board"]).search("salary")) == 2


# --- hashes and corpora of earlier releases ---------------------------------------------------------------------------


async def test_a_text_cannot_be_found_by_its_hash_in_a_manifest(corpus):
    await corpus.ingest(named("9100"), audience="finance")
    manifest = await corpus.manifest()
    guessed = [hashlib.new(name, b"9100").hexdigest() for name in ("sha256", "md5", "sha1", "sha512")]
    assert not any(each in manifest.model_dump_json() for each in guessed)
    assert (await corpus.manifest()).entries == manifest.entries  # the key stays
    assert len(manifest.entries[0].fingerprint) == 64


async def test_a_corpus_of_an_earlier_release_opens_and_keeps_its_labels(tmp_path):
    settings = load_settings(home=tmp_path)
    async with open_corpus(settings, "c", embeddings=Hashed()) as corpus:
        await corpus.ingest(named("the salary is 9100"), audience="finance")
        old = await corpus._backend.inventory()
    evidence = evidence_id("local", "c", "pay", old[1][0]["text_hash"], 0, 18)  # the label was no part of it
    with closing(sqlite3.connect(tmp_path / "corpora" / "local" / "c" / "corpus.db")) as database:
        metadata = '{"source": "pay", "audience": "finance"}'
        database.execute("UPDATE passages SET evidence_id = ?, metadata = ?", (evidence, metadata))
        database.execute("DELETE FROM meta WHERE key = 'hash_key'")
        database.commit()
    async with open_corpus(settings, "c", embeddings=Hashed()) as corpus:
        assert [entry.audience for entry in (await corpus.manifest()).entries] == [("finance",)]
        assert (await corpus.ingest(named("the salary is 9100"))).unchanged == 1
        outsider, member = corpus.seen_by(()), corpus.seen_by(["finance"])
        assert await outsider.passages([evidence]) == {}
        assert (await outsider.ingest(named("the salary is 9100"))).added == 1  # of the same id, had it no label
        assert [hit.evidence_id for hit in await outsider.search("salary")] == [evidence]
        (hit,) = await member.search("salary")  # one text, under two labels
        assert len(hit.also_in) == 1
        # A report that cites the id still resolves, to the same words.
        assert (await member.passages([evidence]))[evidence].text == "the salary is 9100"

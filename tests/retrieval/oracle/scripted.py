"""A corpus of Oracle Database on scripted answers: what the tests of its statements and of its behaviour share."""

from __future__ import annotations

import array
import hashlib
from itertools import count
from typing import Any

from langchain_core.embeddings import DeterministicFakeEmbedding

from retrieval import Corpora
from retrieval.documents import evidence_id
from retrieval.oracle.backend import OracleBackend
from retrieval.oracle.embeddings import DatabaseEmbeddings
from retrieval.preparation import PreparedDocument, PreparedPassage
from retrieval.roots import Root
from retrieval.roots.stamps import Content, Noted
from settings import Settings
from settings.oracle import OracleSettings
from tests.doubles.oracle import RecordingPool
from tests.doubles.oracle.leases import WriterRow

EMBEDDINGS = DeterministicFakeEmbedding(size=3)
MODEL = "DeterministicFakeEmbedding"
HOSTILE = "x' OR '1'='1 ]] -- :x {P} {WHERE} \"; DROP"


GIVES_BACK = "SET c.writer = NULL"
"""The end of a lease: an error there is not told, since the lease ends by itself."""

LEASE = 2
"""The commits of a lease: it is claimed, and given back."""


def changes(pool: RecordingPool) -> list[str]:
    """Return the statements that change something, but for the lease of the writer."""
    texts = [statement.text for statement in pool.statements]
    return [text for text in texts if text.startswith(("INSERT", "UPDATE", "DELETE")) and "SET c.writer" not in text]


def document(name: str, text: str, **metadata: Any) -> PreparedDocument:
    digest = hashlib.sha256(text.encode()).hexdigest()
    span = PreparedPassage(evidence_id("local", "c", name, digest, 0, len(text)), 0, len(text))
    return PreparedDocument(name, f"{name}.txt", name, text, digest, (span,), metadata=metadata)


def passage_row(number: int) -> tuple[Any, ...]:
    place = (number, f"E{number}", f"d{number}", None, "d.txt", None, None, 0, 5, "apple")
    return (*place, "0" * 64, 0, '["Fruit"]', "table", '{"n":1}')


def scripted() -> RecordingPool:
    """Return a pool that holds one corpus of two passages, 11 and 12."""
    pool, numbers = RecordingPool(), count(8)
    listed = [passage_row(11), passage_row(12)]
    pool.answer(r"SELECT c.generation, c.epoch, c.embedding_model, CASE", [(3, 1, MODEL, 1)])
    pool.answer(r"SELECT c.generation, c.epoch, c.embedding_model, \(SELECT", [(3, 1, MODEL, 2, 2)])
    version = ("d11", "d.txt", None, "text", "1", "0" * 64, None, 5, 1, "2026-01-01T00:00:00+00:00", 0, None)
    pool.answer(r"SELECT c.generation, c.epoch, c.embedding_model, d.document_id", [(3, 1, MODEL, *version, "{}")])
    pool.answer(r"^SELECT c.hash_key", lambda _: _keyed(pool))
    WriterRow(pool, 3)
    pool.answer(r"^SELECT d.document_id, d.text_hash, d.version_no", _stored)
    pool.answer(r"^INSERT INTO SIXPLANE_DOCUMENTS", lambda _: _all_live(pool, next(numbers)))
    pool.answer(r"CONTAINS", [(12, 40), (11, 8)])
    pool.answer(r"^SELECT p.id, VECTOR_DISTANCE", [(11, 0.25), (12, None)])
    pool.answer(r"FETCH APPROX", [(11, 0.25)])
    pool.answer(r"DBMS_HYBRID_VECTOR", [(11, 8, 0.25), (12, 40, 0.5), (13, 0, 0.75), (14, None, None)])
    pool.answer(r"^SELECT p.id, p.evidence_id", listed)
    pool.answer(r"^SELECT o.evidence_id", [("E11", *passage_row(13))])
    pool.answer(r"^SELECT d.version_no", [(7, "{}", None)])
    pool.answer(r"^SELECT d.version_no, d.splitting", [(7, None, "0" * 64, "text", "1", "{}", "d11")])
    pool.answer(r"^SELECT r.name", [("docs", "/srv/docs")])
    pool.answer(r"^SELECT f.name", lambda s: [(s.items[0], None, "0" * 64, "1" * 32, _GAVE)])
    pool.answer(r"^SELECT DISTINCT d.document_id", [("docs/a.txt",)])
    pool.answer(r"^SELECT \(SELECT JSON_SERIALIZE.* d.text FROM", [("{}", None)])
    pool.answer(
        r"^SELECT d.document_id, \(SELECT JSON_SERIALIZE.* d.text FROM", lambda s: [(s.items[0], "{}", "apple")]
    )
    pool.answer(r"^SELECT d.source", [("d.txt", None, "apple", "text", "1", None, "2026-01-01T00:00:00+00:00", None)])
    pool.answer(
        r"^SELECT p.evidence_id", [("E11", 0, 5, None, None, "[]", "prose", "{}", "apple", array.array("f", [1, 2, 3]))]
    )
    pool.answer(r"^SELECT VECTOR_EMBEDDING", lambda s: [(array.array("f", [1, 2, 3]),) for _ in s.binds["items"]])
    pool.answer(r"^SELECT c.name", [("c",)])
    pool.answer(r"^SELECT n.evidence_id, n.embedding_model", [("E11", "earlier")])
    pool.answer(
        r"^SELECT n.evidence_id, n.embedding ",
        lambda s: [(name, array.array("f", [1, 2, 3])) for name in s.items],
    )
    return pool


_GAVE = '[["d11", "2", "3", "4", ["finance"]], ["d12", "2", "3", "4", null]]'


def _stored(statement: Any) -> list[Any]:
    """Return the first of the documents, twice: live, and with the text of `document` under another label."""
    if not statement.items:
        return [("d11", "0" * 64, 6, 1, 1, "{}", None)]
    first = statement.items[0]
    other = (first, hashlib.sha256(HOSTILE.encode()).hexdigest(), 5, 1, 1, '{"audience":["board"]}', None)
    same, split = (first, other[1], 4, 1, 1, "{}", None), (first, other[1], 3, 1, 1, "{}", "0" * 16)
    return [(first, "0" * 64, 7, 0, 2, "{}", None), other, same, split]


def _all_live(pool: RecordingPool, number: int) -> list[Any]:
    pool.answer(
        r"^SELECT d.document_id, d.text_hash, d.version_no",
        lambda s: [(name, "0" * 64, number, 0, 1, "{}", None) for name in s.items] if s.items else _stored(s),
    )
    return []


def _keyed(pool: RecordingPool) -> list[Any]:
    """Answer that the corpus has no key yet; from then on, that it has one."""
    pool.answer(r"^SELECT c.hash_key", [("ab" * 32,)])
    return [(None,)]


def backend(pool: RecordingPool, **oracle: Any) -> OracleBackend:
    return OracleBackend(pool, OracleSettings(**oracle), "local", "c")


def opened(pool: RecordingPool) -> Corpora:
    return Corpora(Settings(), embeddings=EMBEDDINGS, pool=pool)


async def everything(pool: RecordingPool) -> None:
    """Issue every statement that a corpus can."""
    corpora = opened(pool)
    await corpora.names("local")
    corpus = await corpora.get("local", "c")
    await corpus.ingest([document(HOSTILE, HOSTILE, kind=HOSTILE), document("b", "green pear")])
    await corpus.ingest([document("r", "red plum", audience=HOSTILE)])  # its old version gets the label too
    await corpus.search(HOSTILE, 2)
    await corpus.search("apple", 2, "dense", {"kind": HOSTILE, "n": {"$gt": 1, "$ne": 3}, "flag": True})
    await corpus.search("apple", 2, "keyword", {"n": {"$in": [1, 2.5, "", HOSTILE]}, "gone": None})
    found = await corpus.passages([HOSTILE])
    await corpus.neighbours(found["E11"])
    await corpus.canonical_text(HOSTILE, HOSTILE)
    await corpus.live_texts([HOSTILE])
    await corpus.manifest()
    await corpus.summary()
    seen = corpus.seen_by(["finance", HOSTILE[:40]])
    await seen.search("apple", 2, where={"audience": {"$in": [HOSTILE, None]}, "kind": "x"})
    await seen.summary()
    await seen.canonical_text(HOSTILE, HOSTILE)
    await backend(pool, hybrid_search=True).legs(HOSTILE, [1, 2, 3], 2, {"kind": HOSTILE}, ("finance",))
    await backend(pool).version("d11", "0" * 64, (), None)
    async with backend(pool).writer() as writer:
        large = document(HOSTILE, "a large text")
        await writer.kept(large, MODEL)
        await writer.keep(HOSTILE, {large.vector_id(each): [1, 2, 3] for each in large.passages}, MODEL)
        await writer.put([(large, None)], MODEL, lambda *_: True)
        await writer.record([Root("docs", "/srv/docs"), Root(HOSTILE, HOSTILE)])
        note = Noted(HOSTILE, "", "0" * 64, "1" * 32, (Content(HOSTILE, "2" * 64, "3" * 32, "4" * 32, ("finance",)),))
        await writer.remember([note])
    await backend(pool).remembered([HOSTILE])
    await corpus.prune()
    store = corpus.vector_store
    await store.aadd_texts([HOSTILE], [{"kind": HOSTILE}], ids=[HOSTILE])
    await store.aget_by_ids([HOSTILE])
    await store.asimilarity_search("apple", k=1, filter={"kind": HOSTILE})
    await store.adelete([HOSTILE])
    await corpus.remove(["d11"])
    await backend(pool).destroy(lambda *_: True)
    await DatabaseEmbeddings(pool, OracleSettings(embedding_model="minilm")).aembed_documents([HOSTILE, ""])
    pool.answer(r"SELECT c.generation, c.epoch, c.embedding_model, CASE", [])
    await corpora.create("local", "new")

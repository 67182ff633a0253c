"""Retrieval quality on SciFact: each backend against the embedded one, on the same passages and vectors.

Judged abstracts among others, copied as `sixplane corpus copy` does it. `pytest -m long` asks some of the queries, and
all. `pytest -m oracle` runs it on a database; the played-back table has no text search of Oracle's, so its keyword leg
is not judged.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.scifact import DATA, judgements, quality
from retrieval import Corpora, load_embeddings
from settings import load_settings
from tests.conformance.planes import ORACLE, opened_plane

DIMENSIONS = 384
TOLERANCE = {"keyword": 0.05, "dense": 0.005, "hybrid": 0.03}
"""How far nDCG@10 may be below the embedded backend's: text searches rank differently, and the vector index is
approximate."""

pytestmark = [
    pytest.mark.long,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the evaluation data is not beside the checkout"),
]


@dataclass(frozen=True)
class Part:
    """How many of the queries are asked, and how many abstracts stand beside those that are relevant to them."""

    queries: int
    others: int

    @property
    def judged(self) -> dict[str, dict[str, int]]:
        return dict(itertools.islice(judgements().items(), self.queries))


WHOLE, SOME = Part(300, 500), Part(25, 60)


@pytest.fixture(scope="module", params=[SOME, WHOLE], ids=["some", "whole"])
def part(request: pytest.FixtureRequest) -> Part:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def home(part: Part, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with the abstracts in an embedded corpus."""
    folder = tmp_path_factory.mktemp("scifact")
    wanted = {name for relevant in part.judged.values() for name in relevant}
    lines = (DATA / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    judged = [line for line in lines if json.loads(line)["_id"] in wanted]
    others = itertools.islice((line for line in lines if json.loads(line)["_id"] not in wanted), part.others)
    (folder / "corpus.jsonl").write_text("\n".join([*judged, *others]), encoding="utf-8")

    async def ingest() -> None:
        async with Corpora(load_settings(home=folder)) as corpora:
            report = await (await corpora.create("local", "scifact")).ingest(folder / "corpus.jsonl")
            assert report.added == len(judged) + part.others

    asyncio.run(ingest())
    return folder


@pytest.mark.parametrize("kind", ["played back", ORACLE])
async def test_a_backend_ranks_as_well_as_the_embedded_one(kind: str, part: Part, home: Path, tmp_path: Path) -> None:
    modes = ["dense"] if kind == "played back" else list(TOLERANCE)
    async with Corpora(load_settings(home=home)) as corpora, opened_plane(kind, tmp_path, DIMENSIONS) as plane:
        source = await corpora.get("local", "scifact")
        async with Corpora(plane.settings, embeddings=load_embeddings(plane.settings), pool=plane.pool) as others:
            target = await others.create("local", "scifact")
            report = await source.copy_into(target)
            assert report.copied > part.others
            for mode in modes:
                expected = await quality(source, mode, part.judged)
                found = await quality(target, mode, part.judged)
                assert expected > 0.6, "the embedded figure itself"
                assert found >= expected - TOLERANCE[mode], mode

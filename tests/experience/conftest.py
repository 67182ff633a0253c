"""A small corpus, and a home folder that already holds it, copied for each test."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from policy import Stage
from policy.pii import PersonalDataGuard
from retrieval import open_corpus
from settings import Settings

DOCUMENTS = {
    "tariffs.md": (
        "# Tariffs\n\nTariff A costs 12 dollars a month. Tariff A includes unlimited calls and a spare battery.\n\n"
        "Tariff B costs 20 dollars a month. Tariff B includes support around the clock.\n"
    ),
    "falcon.md": (
        "# Falcon\n\nThe Falcon project started in 2019. The budget of the Falcon project was 40 million dollars.\n"
    ),
    "heron.txt": "The Heron project ended in 2021. The Heron used a titanium hull.\n",
}


def write_documents(folder: Path, documents: dict[str, str] = DOCUMENTS) -> Path:
    """Write `documents` to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `docs` and a `home` that holds them as the corpus `small`."""
    root = tmp_path_factory.mktemp("prepared")
    docs = write_documents(root / "docs")

    async def ingest() -> None:
        async with open_corpus(Settings(home=root / "home"), "small") as corpus:
            await corpus.ingest([docs])

    asyncio.run(ingest())
    return root


@pytest.fixture
def home(prepared: Path, tmp_path: Path) -> Path:
    """A home folder of the test's own that holds the corpus `small`."""
    return shutil.copytree(prepared / "home", tmp_path / "home")


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder of the test's own with the documents of `small`."""
    return write_documents(tmp_path / "docs")


@pytest.fixture
def broken(monkeypatch):
    """Break a guard for texts of one stage, until the returned function is called with `None`."""
    check, stages = PersonalDataGuard.check, set()

    async def breaks(self, text, stage):
        if stage in stages:
            raise RuntimeError(text)
        return await check(self, text, stage)

    monkeypatch.setattr(PersonalDataGuard, "check", breaks)

    def at(stage: Stage | None) -> None:
        stages.clear()
        stages.update({stage} if stage else ())

    return at

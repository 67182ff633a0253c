"""One passage that was kept for different audiences."""

import pytest
from langchain_core.documents import Document

from retrieval import Corpora
from retrieval.managed.passages import taken
from settings import load_settings
from settings.sources import SourceSettings
from state.errors import Forbidden

STORE = {"corpus": "c", "tenant": "t", "vector_store": "vs_1"}


async def test_a_text_kept_for_two_audiences_is_read_by_both_and_deleted_by_neither(tmp_path):
    settings = load_settings(home=tmp_path, sources={"archive": STORE})
    async with Corpora(settings) as corpora:
        for name in ("red", "blue"):
            declared = SourceSettings(**STORE, audience=(name,))
            found, _ = taken("archive", declared, [Document("A text.", metadata={"document_id": "d"})])
            await corpora.kept.keep("t", "c", f"t/{name}", found)
        for name, text in (("red", "A text."), ("blue", "A text."), ("green", None)):
            corpus = await corpora.get("t", "c", [name])
            assert await corpus.canonical_text(found[0].document_id, found[0].text_hash) == text
        with pytest.raises(Forbidden):
            await corpora.delete("t", "c", ["red"])
        assert await corpora.kept.count("t", "c", "archive") == 2
        await corpora.delete("t", "c", ["red", "blue"])
        assert await corpora.kept.count("t", "c", "archive") == 0

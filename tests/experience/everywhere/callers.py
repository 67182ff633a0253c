"""The surfaces as callers with different audiences use them, for the test of access labels."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx
from langchain_core.documents import Document
from typer.testing import CliRunner

from experience.bundle import WholeTexts
from experience.cli.app import app
from experience.http.app import create_app
from experience.mcp.serving import create_mcp_app
from experience.service.exporting import Reader
from experience.verification import verify_report
from observability.audit import operator
from policy.identity import Permission, Principal
from retrieval import Corpora, Corpus, IngestReport, open_corpus
from settings import Settings
from state.errors import BadInput, Forbidden, Unauthenticated
from state.report import Report
from tests.experience.everywhere.exports import FILLING, thread_of, unquoted
from tests.experience.http.conftest import client, running
from tests.experience.mcp.test_mcp import called, over_http
from tests.experience.service.helpers import ask, service_of

LABELS: dict[str, tuple[str, ...]] = {
    "open": (),
    "own": ("finance",),
    "foreign": ("board",),
    "mixed": ("board", "finance"),
}
CALLERS: dict[str, tuple[str, ...] | None] = {
    "outsider": (),
    "member": ("finance",),
    "other": ("staff",),
    "operator": None,
}
OLD = "The gate of the harbour is green."
NEW = "The gate of the harbour is painted blue since the spring."
QUESTION = "List all that a berth at a harbour costs a month."
QUERY = "berth at a harbour"

_ROLES = (Permission.ASK, Permission.INGEST)
PRINCIPALS = {
    name: Principal(
        id=name,
        tenant="local",
        roles=_ROLES if held is not None else (Permission.ADMIN,),
        audiences=held or (),
        method="api_key",
    )
    for name, held in CALLERS.items()
}


async def authenticate(header: str | None, _: str = "") -> Principal:
    name = (header or "").partition(" ")[2]
    if name not in PRINCIPALS:
        raise Unauthenticated("no valid credentials")
    return PRINCIPALS[name]


@asynccontextmanager
async def corpus_of(home: Path, name: str, caller: str = "operator") -> AsyncIterator[Corpus]:
    async with open_corpus(Settings(home=home), name, audiences=CALLERS[caller]) as corpus:
        yield corpus


async def prepared(home: Path) -> None:
    """Store a document under each label in the corpus `small`, and each once more in a corpus of its own."""
    for number, (label, audience) in enumerate(LABELS.items(), 1):
        text = f"A berth at the {label.title()} harbour costs {number * 11} dollars a month."
        document = Document(text, id=label, metadata={"source": label, "title": label})
        # In a passage of its own: only the first is cited.
        long = document.model_copy(update={"page_content": f"{text}\n\n{FILLING}\n\n{unquoted(label)}"})
        for name, given in (("small", document), (f"only.{label}", document), ("long", long)):
            async with corpus_of(home, name) as corpus:
                await corpus.ingest([given], audience=audience or "*")


class Surface(Protocol):
    """One way to use a home folder. The reading methods return the labels that a caller finds."""

    home: Path
    callers: tuple[str, ...]

    async def store(
        self, caller: str, corpus: str, texts: Mapping[str, str], audience: tuple[str, ...] | None
    ) -> IngestReport | None:
        """Store texts by name; `None` if the request was refused as a whole."""
        ...


class ByPython:
    callers = tuple(CALLERS)

    def __init__(self, home: Path, corpora: Corpora) -> None:
        self.home, self._corpora = home, corpora

    async def _corpus(self, caller: str, name: str = "small") -> Corpus:
        return await self._corpora.create("local", name, CALLERS[caller])

    async def search(self, caller: str) -> set[str]:
        return {hit.source for hit in await (await self._corpus(caller)).search(QUERY, 10)}

    async def ask(self, caller: str) -> set[str]:
        async with service_of(self.home) as service:
            return cited((await service.run(ask(QUESTION, audiences=CALLERS[caller]))).model_dump(mode="json"))

    async def passage(self, caller: str) -> set[str]:
        ids = await evidence_ids(self.home)
        corpus, everything = await self._corpus(caller), await self._corpus("operator")
        found = await corpus.passages(ids.values())
        for key, passage in (await everything.passages(ids.values())).items():
            text = await corpus.canonical_text(passage.document_id, passage.text_hash)
            assert (text is not None) is (key in found)
        return {label for label, key in ids.items() if key in found}

    async def count(self, caller: str) -> set[str]:
        counted = {label: await (await self._corpus(caller, f"only.{label}")).summary() for label in LABELS}
        assert all(each.documents == each.passages for each in counted.values())
        return {label for label, each in counted.items() if each.documents}

    async def list(self, caller: str) -> set[str]:
        manifest = await (await self._corpus(caller)).manifest()
        return listed(manifest.model_dump(mode="json"))

    async def verify(self, caller: str) -> set[str]:
        report = await full_report(self.home)
        result = await verify_report(report, await self._corpus(caller))
        assert result.outcome == ("pruned" if result.pruned else "verified")
        return {item.source for item in report.evidence if item.id not in result.pruned}

    async def export(self, caller: str, *texts: str) -> list[bytes]:
        thread = await thread_of(self.home, caller, QUESTION)
        found = []
        async with service_of(self.home) as service:
            for each in texts:
                reader = Reader(CALLERS[caller], caller)
                given = operator("local"), thread, reader, WholeTexts(each)
                async with service.exported(*given) as bundle:
                    found.append(bundle.data)
        return found

    async def store(
        self, caller: str, corpus: str, texts: Mapping[str, str], audience: tuple[str, ...] | None
    ) -> IngestReport | None:
        given = [Document(text, id=name, metadata={"source": name}) for name, text in texts.items()]
        try:
            return await (await self._corpus(caller, corpus)).ingest(given, audience=audience)
        except BadInput:
            return None

    async def delete(self, caller: str) -> dict[str, str]:
        everything = await self._corpus("operator", "deletes")
        found = {}
        for label, audience in LABELS.items():
            await everything.ingest([Document(f"{OLD} {caller}", id=label)], audience=audience or "*")
            before = len(await everything.vector_store.aget_by_ids([label]))
            try:
                await (await self._corpus(caller, "deletes")).vector_store.adelete([label])
            except Forbidden:
                found[label] = "refused"
            else:
                gone = before == 1 and not await everything.vector_store.aget_by_ids([label])
                found[label] = "deleted" if gone else "nothing happens"
        return found

    async def prune(self, caller: str, name: str) -> int:
        return await (await self._corpus(caller, name)).prune()


class ByCommandLine:
    callers = ("operator",)

    def __init__(self, home: Path) -> None:
        self.home = home

    async def _run(self, *arguments: str) -> Any:
        done = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--json", "--home", str(self.home)])
        return json.loads(done.stdout) if done.exit_code == 0 else done.exit_code

    async def search(self, _: str) -> set[str]:
        return {hit["source"] for hit in (await self._run("search", QUERY, "--corpus", "small"))["passages"]}

    async def ask(self, _: str) -> set[str]:
        return cited(await self._run("research", QUESTION, "--corpus", "small"))

    async def count(self, _: str) -> set[str]:
        counted = {each["name"]: each["documents"] for each in await self._run("corpus", "list")}
        return {label for label in LABELS if counted[f"only.{label}"]}

    async def list(self, _: str) -> set[str]:
        return listed(await self._run("corpus", "show", "small"))

    async def verify(self, _: str) -> set[str]:
        report = await full_report(self.home)
        pruned = (await self._run("verify", str(self.home / "report.json")))["pruned"]
        return {item.source for item in report.evidence if item.id not in pruned}

    async def export(self, caller: str, *texts: str) -> list[bytes]:
        thread = await thread_of(self.home, caller, QUESTION)
        found, out = [], self.home / "bundle.zip"
        for each in texts:
            told = await self._run("export", thread, "--out", str(out), "--texts", each, "--force")
            found.append(out.read_bytes())
            assert told["sha256"] == hashlib.sha256(found[-1]).hexdigest()
        return found

    async def store(
        self, _: str, corpus: str, texts: Mapping[str, str], audience: tuple[str, ...] | None
    ) -> IngestReport | None:
        folder = self.home / "files"
        folder.mkdir(exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text)
        options = [each for name in audience or () for each in ("--audience", name)]
        told = await self._run("ingest", *(str(folder / name) for name in texts), "--corpus", corpus, *options)
        if isinstance(told, int):
            assert told == 2
            return None
        return IngestReport.model_validate({name: told[name] for name in IngestReport.model_fields})

    async def prune(self, _: str, name: str) -> int:
        return int((await self._run("corpus", "prune", name))["removed"])


class ByHttp:
    callers = tuple(CALLERS)

    def __init__(self, home: Path, url: str) -> None:
        self.home, self._url = home, url

    async def _sent(self, caller: str, method: str, path: str, **given: Any) -> httpx.Response:
        async with client(self._url, caller) as one:
            return await one.request(method, f"/v1/{path}", **given)

    async def search(self, caller: str) -> set[str]:
        found = await self._sent(caller, "POST", "corpora/small/search", json={"query": QUERY, "k": 10})
        return {hit["source"] for hit in found.json()["passages"]}

    async def ask(self, caller: str) -> set[str]:
        # The audiences of the request must not count.
        context = {"corpus": "small", "audiences": ["finance", "board"]}
        answer = await self._sent(caller, "POST", "chat", json={"question": QUESTION, "context": context})
        return cited(answer.json())

    async def count(self, caller: str) -> set[str]:
        refs = {each["name"]: each for each in (await self._sent(caller, "GET", "corpora")).json()["corpora"]}
        found = set()
        for label in LABELS:
            manifest = (await self._sent(caller, "GET", f"corpora/only.{label}")).json()
            counts = (refs[f"only.{label}"]["documents"], refs[f"only.{label}"]["passages"])
            assert counts == (manifest["documents"], manifest["passages"])
            if counts != (0, 0):
                found.add(label)
        return found

    async def list(self, caller: str) -> set[str]:
        return listed((await self._sent(caller, "GET", "corpora/small")).json())

    async def export(self, caller: str, *texts: str) -> list[bytes]:
        thread = await thread_of(self.home, caller, QUESTION)
        path = f"threads/{thread}/export"
        return [(await self._sent(caller, "GET", path, params={"texts": each})).content for each in texts]

    async def store(
        self, caller: str, corpus: str, texts: Mapping[str, str], audience: tuple[str, ...] | None
    ) -> IngestReport | None:
        files = [("files", (name, text.encode())) for name, text in texts.items()]
        data = {"audience": list(audience)} if audience else {}
        answer = await self._sent(caller, "POST", f"corpora/{corpus}/documents", files=files, data=data)
        if answer.status_code != 200:
            assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
            return None
        return IngestReport.model_validate(answer.json())


class ByOpenAI(ByHttp):
    async def ask(self, caller: str) -> set[str]:
        asked = {"model": "sixplane/small", "messages": [{"role": "user", "content": QUESTION}]}
        answer = (await self._sent(caller, "POST", "chat/completions", json=asked)).json()
        text = answer["choices"][0]["message"]["content"]
        return {label for label in LABELS if label.title() in text}


class ByMcp:
    callers = tuple(CALLERS)

    def __init__(self, home: Path, url: str) -> None:
        self.home, self._url = home, url

    async def _called(self, caller: str, tool: str, **arguments: Any) -> Any:
        async with over_http(self._url, caller) as agent:
            return await called(agent, tool, **arguments)

    async def search(self, caller: str) -> set[str]:
        found = await self._called(caller, "search", query=QUERY, corpus="small", k=10)
        return {hit["source"] for hit in found["passages"]}

    async def ask(self, caller: str) -> set[str]:
        async with over_http(self._url, caller) as agent:
            begun = await called(agent, "research_start", question=QUESTION, corpus="small")
            result = await called(agent, "research_result", run_id=begun["run_id"], wait_seconds=55)
        return cited(result["report"])

    async def passage(self, caller: str) -> set[str]:
        from mcp import MCPError

        found = set()
        async with over_http(self._url, caller) as agent:
            for label, key in (await evidence_ids(self.home)).items():
                try:
                    await agent.read_resource(f"sixplane://passages/small/{key}")
                except MCPError:
                    continue
                found.add(label)
        return found

    async def store(
        self, caller: str, corpus: str, texts: Mapping[str, str], audience: tuple[str, ...] | None
    ) -> IngestReport | None:
        label = {"audience": list(audience)} if audience else {}
        documents = [{"name": name, "text": text, **label} for name, text in texts.items()]
        return IngestReport.model_validate(await self._called(caller, "ingest", corpus=corpus, documents=documents))


@asynccontextmanager
async def opened_surface(name: str, home: Path) -> AsyncIterator[Any]:
    """Yield a surface on a home folder."""
    settings = Settings(home=home)
    if name == "Python":
        async with Corpora(settings) as corpora:
            yield ByPython(home, corpora)
    elif name == "command line":
        yield ByCommandLine(home)
    elif name == "MCP":
        async with running(create_mcp_app(settings, authenticate)) as url:
            yield ByMcp(home, url)
    else:
        async with running(create_app(settings, authenticate)) as url:
            yield (ByHttp if name == "HTTP" else ByOpenAI)(home, url)


def cited(report: Mapping[str, Any]) -> set[str]:
    """Return the labels of the documents that a report cites. No other may be named anywhere in it."""
    found = {item["source"] for item in report["evidence"]}
    assert not {label for label in set(LABELS) - found if f"{label.title()} harbour" in json.dumps(report)}
    assert (report["corpus"]["documents"], report["corpus"]["passages"]) == (len(found), len(found))
    return found


def listed(manifest: Mapping[str, Any]) -> set[str]:
    """Return the labels of the documents of a manifest, which must show them as they are."""
    found = {entry["document_id"]: entry for entry in manifest["entries"]}
    assert {name: tuple(entry["audience"]) for name, entry in found.items()} == {name: LABELS[name] for name in found}
    assert (manifest["documents"], manifest["passages"]) == (len(found), len(found))
    return set(found)


async def evidence_ids(home: Path) -> dict[str, str]:
    """Return the evidence id of the document of each label."""
    async with corpus_of(home, "small") as corpus:
        return {hit.source: hit.evidence_id for hit in await corpus.search(QUERY, 10)}


async def full_report(home: Path) -> Report:
    """Return a report that cites the document of each label."""
    path = home / "report.json"
    if not path.exists():
        async with service_of(home) as service:
            path.write_text((await service.run(ask(QUESTION))).model_dump_json())
    return Report.model_validate_json(path.read_text())

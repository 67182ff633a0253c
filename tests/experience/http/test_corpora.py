"""Corpora over HTTP: upload, search, manifest, audiences."""

from __future__ import annotations

import json

import pytest

from policy import InjectionGuard
from tests.doubles.poison import DOCUMENTS, POLICY, QUERY, checked
from tests.experience.http.conftest import chat, client, served

BODY = b"# Staff\n\nTariff S costs 5 dollars a month and is for staff alone.\n"


async def upload(to, *files, corpus="fresh", **form):
    parts = [("files", (name, body)) for name, body in files]
    return await to.post(f"/v1/corpora/{corpus}/documents", files=parts, data=form)


async def test_an_upload_is_ingested_once_and_found(ann):
    first = (await upload(ann, ("staff.md", BODY), ("note.txt", b"The Falcon is red.\n"))).json()
    again = (await upload(ann, ("staff.md", BODY))).json()
    assert (first["added"], first["failed"], again["added"], again["unchanged"]) == (2, [], 0, 1)
    manifest = (await ann.get("/v1/corpora/fresh")).json()
    assert {entry["source"] for entry in manifest["entries"]} == {"staff.md", "note.txt"}
    found = (await ann.post("/v1/corpora/fresh/search", json={"query": "price of Tariff S", "k": 1})).json()["passages"]
    assert (found[0]["source"], "5 dollars" in found[0]["text"]) == ("staff.md", True)
    assert found[0]["scores"]["fused"] is not None
    report = (await ann.post("/v1/chat", json=chat("What does Tariff S cost?", corpus="fresh"))).json()
    assert report["evidence"][0]["source"] == "staff.md"
    names = {corpus["name"] for corpus in (await ann.get("/v1/corpora")).json()["corpora"]}
    assert names == {"small", "fresh"}


async def test_who_may_ask_but_not_ingest_sees_the_counts_of_a_corpus_and_no_document_names(url):
    async with client(url, "asker") as asker, client(url, "ann") as ann:
        seen, whole = [(await one.get("/v1/corpora/small")).json() for one in (asker, ann)]
    assert seen["entries"] == []
    assert len(whole["entries"]) == whole["documents"] == seen["documents"] == 3


async def test_a_search_leaves_out_what_a_guard_refuses_and_marks_what_one_flags(home):
    async with served(home, policy=POLICY) as url, client(url) as ann:
        await upload(ann, *((name, text.encode()) for name, text in DOCUMENTS.items()))
        asked = {"query": QUERY, "mode": "keyword"}
        checked((await ann.post("/v1/corpora/fresh/search", json=asked)).json())


async def test_a_search_without_its_guards_is_an_outage_and_quotes_nothing(home, monkeypatch):
    async def broken(*_):
        raise RuntimeError("the text was: zorglub")

    async with served(home, policy=POLICY) as url, client(url) as ann:
        await upload(ann, *((name, text.encode()) for name, text in DOCUMENTS.items()))
        monkeypatch.setattr(InjectionGuard, "check", broken)
        found = await ann.post("/v1/corpora/fresh/search", json={"query": QUERY, "mode": "keyword"})
    assert (found.status_code, found.json()["code"]) == (503, "guard_unavailable")
    assert "zorglub" not in found.text


async def test_a_bad_file_is_reported_and_the_others_are_ingested(ann):
    report = (await upload(ann, ("good.txt", b"Good.\n"), ("bad.exe", b"MZ"), ("empty.txt", b""))).json()
    assert (report["added"], [failed["source"] for failed in report["failed"]]) == (1, ["bad.exe", "empty.txt"])
    assert "unsupported format" in report["failed"][0]["reason"]


async def test_an_upload_streams_its_progress_and_ends_with_the_report_or_an_error(url):
    files = [("files", (name, body)) for name, body in (("a.md", BODY), ("bad.exe", b"MZ"), ("c.txt", b"Red.\n"))]
    async with client(url, "ann") as ann, client(url, "asker") as asker:
        answer = await ann.post("/v1/corpora/fresh/documents/stream", files=files)
        refused = await asker.post("/v1/corpora/fresh/documents/stream", files=files)
        invalid = await ann.post("/v1/corpora/fresh/documents/stream", files=files, data={"audience": " x"})
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [each["type"] for each in events] == ["progress", "failed", "report"]
    assert (events[0]["all_files"], events[1]["source"]) == (3, "bad.exe")
    assert (events[2]["report"]["added"], len(events[2]["report"]["failed"])) == (2, 1)
    assert [(each.status_code, each.json()["code"]) for each in (refused, invalid)] == [
        (403, "forbidden"),
        (422, "bad_input"),
    ]


@pytest.mark.parametrize("name", ["../../escape.txt", "C:\\x\\escape.txt", "/etc/escape.txt"])
async def test_a_file_name_cannot_leave_the_upload_folder(ann, home, name):
    report = (await upload(ann, (name, b"Text.\n"))).json()
    assert report["added"] == 1
    assert {entry["source"] for entry in (await ann.get("/v1/corpora/fresh")).json()["entries"]} == {"escape.txt"}
    assert not list(home.parent.rglob("escape.txt"))


async def test_the_second_file_of_one_name_is_reported(ann):
    report = (await upload(ann, ("a.txt", b"One.\n"), ("x/a.txt", b"Two.\n"))).json()
    assert (report["added"], [failed["source"] for failed in report["failed"]]) == (1, ["a.txt"])


async def test_a_file_needs_a_name(ann):
    answer = await upload(ann, (".hidden", b"x"))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    assert answer.json()["hint"]


async def test_only_their_audience_sees_guarded_documents(url):
    async with client(url, "ann") as ann, client(url, "bob") as bob, client(url, "root") as root:
        await upload(ann, ("staff.md", BODY), corpus="small", audience="staff")
        seen = {}
        for name, one in (("ann", ann), ("bob", bob), ("root", root)):
            widened = {"query": "Tariff S staff", "where": {"audience": {"$in": ["staff"]}}}
            found = (await one.post("/v1/corpora/small/search", json=widened)).json()["passages"]
            asked = (await one.post("/v1/chat", json=chat("What does Tariff S cost?", audiences=["staff"]))).json()
            seen[name] = (len(found), "staff.md" in {item["source"] for item in asked["evidence"]})
    assert seen == {"ann": (1, True), "bob": (0, False), "root": (1, True)}


async def test_a_corpus_of_hidden_documents_is_like_an_empty_one(url):
    async with client(url, "ann") as ann, client(url, "bob") as bob:
        await upload(ann, ("staff.md", BODY), corpus="hidden", audience="staff")
        await upload(ann, ("empty.md", b""), corpus="vacant")
        told = {}
        for corpus in ("hidden", "vacant"):
            asked = chat("What does Tariff S cost?", corpus=corpus)
            answers = [
                await bob.post(f"/v1/corpora/{corpus}/search", json={"query": "Tariff S"}),
                await bob.post("/v1/chat", json=asked),
                await bob.get(f"/v1/corpora/{corpus}"),
            ]
            told[corpus] = [
                (each.status_code, each.json().get("code"), each.json().get("documents")) for each in answers
            ]
            refs = (await bob.get("/v1/corpora")).json()["corpora"]
            told[corpus] += [(each["documents"], each["passages"]) for each in refs if each["name"] == corpus]
    assert told["hidden"] == told["vacant"]


async def test_uploading_an_open_document_again_with_an_audience_guards_it_until_it_is_opened_by_name(url):
    async with client(url, "ann") as ann, client(url, "bob") as bob:
        seen = []
        for form in ({}, {"audience": "staff"}, {"audience": "staff"}, {}, {"audience": "*"}):
            told = (await upload(ann, ("staff.md", BODY), corpus="small", **form)).json()
            found = (await bob.post("/v1/corpora/small/search", json={"query": "Tariff S staff"})).json()["passages"]
            seen.append((told["updated"], told["unchanged"], "staff.md" in {item["source"] for item in found}))
    assert seen == [(0, 0, True), (1, 0, False), (0, 1, False), (0, 1, False), (1, 0, True)]


@pytest.mark.parametrize("name", ["x" * 300 + ".txt", "\u00e4" * 130 + ".txt"])
async def test_a_name_too_long_for_the_file_system_is_bad_input(ann, name):
    answer = await upload(ann, (name, b"Text.\n"))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    assert "/tmp" not in answer.text
    assert "shorter" in answer.json()["hint"]


async def test_a_server_without_authentication_refuses_pages_of_other_sites(home):
    async with served(home, server={"auth": "off"}) as url, client(url) as ann:
        files = [("files", ("planted.md", BODY))]
        for headers in (
            {"origin": "https://evil.example"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:9"},
            {"origin": "null"},
        ):
            answer = await ann.post("/v1/corpora/small/documents", files=files, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
            assert answer.json()["hint"]
        own = await ann.post("/v1/corpora/small/documents", files=files, headers={"origin": url})
        assert own.json()["added"] == 1


async def test_an_upload_beyond_the_limit_is_refused(home):
    async with served(home, server={"max_upload_bytes": 2048}) as url, client(url) as ann:
        answer = await upload(ann, ("big.txt", b"x" * 4096))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert (await ann.get("/v1/corpora/fresh")).status_code == 404


async def test_documents_are_removed_and_a_corpus_is_deleted_by_the_role_delete(url):
    async with client(url, "ann") as ann, client(url, "asker") as asker:
        await upload(ann, ("staff.md", BODY), ("note.txt", b"The Falcon is red.\n"))
        path = "/v1/corpora/fresh"
        for refused in (asker.delete(f"{path}/documents", params={"document": "note.txt"}), asker.delete(path)):
            assert (await refused).status_code == 403
        removed = (await ann.delete(f"{path}/documents", params={"document": ["note.txt"]})).json()
        assert (removed["documents"], removed["document_ids"]) == (1, ["note.txt"])
        unknown = await ann.delete(f"{path}/documents", params={"document": ["staff.md", "note.txt"]})
        assert unknown.status_code == 422
        assert (await ann.delete(f"{path}/documents")).status_code == 422
        assert (await ann.get(path)).json()["documents"] == 1
        assert (await ann.delete(path)).status_code == 204
        assert [(await one).status_code for one in (ann.get(path), ann.delete(path))] == [404, 404]
        assert (await ann.delete("/v1/corpora/memory.reports")).status_code == 422

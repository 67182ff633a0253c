"""Corpora over HTTP: upload, search, manifest, audiences."""

from __future__ import annotations

import pytest

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


async def test_a_bad_file_is_reported_and_the_rest_goes_in(ann):
    report = (await upload(ann, ("good.txt", b"Good.\n"), ("bad.exe", b"MZ"), ("empty.txt", b""))).json()
    assert (report["added"], [failed["source"] for failed in report["failed"]]) == (1, ["bad.exe", "empty.txt"])
    assert "unsupported format" in report["failed"][0]["reason"]


@pytest.mark.parametrize("name", ["../../escape.txt", "C:\\x\\escape.txt", "/etc/escape.txt"])
async def test_a_file_s_name_is_no_path(ann, home, name):
    report = (await upload(ann, (name, b"Text.\n"))).json()
    assert report["added"] == 1
    assert {entry["source"] for entry in (await ann.get("/v1/corpora/fresh")).json()["entries"]} == {"escape.txt"}
    assert not list(home.parent.rglob("escape.txt"))


async def test_two_texts_of_one_name_are_told_apart(ann):
    report = (await upload(ann, ("a.txt", b"One.\n"), ("x/a.txt", b"Two.\n"))).json()
    assert (report["added"], [failed["source"] for failed in report["failed"]]) == (1, ["a.txt"])


async def test_a_file_needs_a_name(ann):
    answer = await upload(ann, (".hidden", b"x"))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    assert answer.json()["hint"]


async def test_guarded_documents_are_seen_by_their_audience_alone(url):
    async with client(url, "ann") as ann, client(url, "bob") as bob, client(url, "root") as root:
        await upload(ann, ("staff.md", BODY), corpus="small", audience="staff")
        seen = {}
        for name, one in (("ann", ann), ("bob", bob), ("root", root)):
            widened = {"query": "Tariff S staff", "where": {"audience": {"$in": ["staff"]}}}
            found = (await one.post("/v1/corpora/small/search", json=widened)).json()["passages"]
            asked = (await one.post("/v1/chat", json=chat("What does Tariff S cost?", audiences=["staff"]))).json()
            seen[name] = (len(found), "staff.md" in {item["source"] for item in asked["evidence"]})
    assert seen == {"ann": (1, True), "bob": (0, False), "root": (1, True)}


async def test_an_upload_beyond_the_limit_is_refused(home):
    async with served(home, server={"max_upload_bytes": 2048}) as url, client(url) as ann:
        answer = await upload(ann, ("big.txt", b"x" * 4096))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert (await ann.get("/v1/corpora/fresh")).status_code == 404

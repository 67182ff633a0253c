"""What a bundle holds, and what its check finds in one whose hashes all fit."""

from __future__ import annotations

import hashlib
import json

import pytest

from experience.bundle import AuditScope, WholeTexts, verify_bundle
from experience.bundle.archive import unpack
from observability.audit.chain import GENESIS, seal
from state.errors import BadInput
from state.report import Report
from state.values import Event, Mask, Refusal, Status, Usage, Verification
from tests.experience.bundle.bundles import audit_lines, bundle_of, checked_report, edited, faults, forged
from tests.experience.reports import E1, E2, FIRST, TEXT, CorpusStub, make_report


def json_of(data: bytes, name: str):
    return json.loads(unpack(data)[name])


class Restricted(CorpusStub):
    """The corpus, with an audience on its document."""

    def __init__(self) -> None:
        super().__init__()
        self.known = {
            key: each.model_copy(update={"metadata": {"audience": ["board"]}}) for key, each in self.known.items()
        }


class Pruned(CorpusStub):
    """The corpus, without the first passage."""

    def __init__(self) -> None:
        super().__init__()
        del self.known[E1]


async def test_a_bundle_holds_report_texts_verdicts_provenance_and_audit_lines_and_is_verified():
    bundle = await bundle_of()
    members = unpack(bundle.data)
    assert set(members) == {
        "audit.jsonl",
        "documents/0001.txt",
        "manifest.json",
        "provenance.json",
        "report.html",
        "report.json",
        "sources.json",
        "verdicts.json",
    }
    assert members["documents/0001.txt"].decode() == TEXT
    assert Report.model_validate_json(members["report.json"]) == checked_report()
    assert members["audit.jsonl"] == b"".join(audit_lines())
    told = json.loads(members["provenance.json"])
    assert (told["policy"], told["models"], told["costs"]["run"]["calls"]) == (
        {"version": "7", "hash": "ab", "candidate_version": "", "candidate_hash": ""},
        {"writer": "extractive"},
        4,
    )
    result = verify_bundle(bundle.data)
    assert (result.outcome, result.html, result.members, result.events) == ("verified", "same", 8, 3)
    assert (result.documents, bundle.shown, bundle.events) == ({"whole": 1}, {"whole": 1}, 3)
    assert (result.report.claims, result.report.citations, result.report.evidence) == (2, 2, 2)


async def test_verdicts_have_reasons_of_the_program_and_no_word_of_a_model_or_of_what_was_left_out():
    data = (await bundle_of()).data
    *_, left_out = json_of(data, "verdicts.json")["verdicts"]
    assert (left_out["fault"], left_out["reason"]) == ("number", "a number is not in the sources")
    assert (left_out["verdict"], left_out["published"]) == ("unsupported", False)
    assert b"Nobody said so" not in data


@pytest.mark.parametrize(
    ("corpus", "whole", "shown", "reason", "outcome"),
    [
        (CorpusStub, WholeTexts.OPEN, "whole", "", "verified"),
        (CorpusStub, WholeTexts.NONE, "excerpts", "request", "verified"),
        (Restricted, WholeTexts.OPEN, "excerpts", "restricted", "verified"),
        (Restricted, WholeTexts.READABLE, "whole", "", "verified"),
        (Restricted, WholeTexts.NONE, "excerpts", "restricted", "verified"),
    ],
)
async def test_the_whole_text_of_a_restricted_document_is_given_on_request_only(corpus, whole, shown, reason, outcome):
    data = (await bundle_of(corpus=corpus(), whole=whole)).data
    (document,) = json_of(data, "sources.json")["documents"]
    assert (document["shown"], document["reason"]) == (shown, reason)
    assert (document["sha256"] != "") is ("documents/0001.txt" in unpack(data)) is (shown == "whole")
    texts = [each["text"] for each in document["passages"]]
    assert texts == (["", ""] if shown == "whole" else [item.text for item in checked_report().evidence])
    assert verify_bundle(data).outcome == outcome


async def test_what_was_pruned_stands_as_the_report_quotes_it_and_counts_as_not_compared():
    data = (await bundle_of(corpus=Pruned())).data
    first, second = json_of(data, "sources.json")["documents"]
    assert (first["shown"], first["reason"], first["passages"][0]["evidence_id"]) == ("quoted", "unavailable", E1)
    assert (second["shown"], second["passages"][0]["evidence_id"]) == ("whole", E2)
    result = verify_bundle(data)
    assert (result.outcome, result.report.pruned, result.documents) == ("pruned", (E1,), {"quoted": 1, "whole": 1})
    lied = edited(data, "report.json", lambda report: report["claims"][1]["citations"][0].update(quote=FIRST.upper()))
    assert ("quote_differs", "report") in faults(lied)


async def test_a_report_that_differs_from_its_document_fails_also_where_only_excerpts_are_given():
    evidence = checked_report().evidence
    other = evidence[0].model_copy(update={"text": evidence[0].text.replace("six", "ten")})
    report = checked_report(evidence=(other, evidence[1]))
    for whole in WholeTexts:
        data = (await bundle_of(report, whole=whole)).data
        found = faults(data)
        expected = ("evidence_differs", "report") if whole is not WholeTexts.NONE else ("source", "sources.json")
        assert expected in found
    assert json_of(data, "sources.json")["documents"][0]["reason"] == "differs"


async def test_what_a_report_masks_stays_masked_in_its_excerpts():
    shown = FIRST.replace("planes", "██████")
    plain = checked_report()
    first = plain.claims[1].model_copy(
        update={
            "text": shown,
            "citations": (plain.claims[1].citations[0].model_copy(update={"quote": shown}),),
        }
    )
    evidence = tuple(each.model_copy(update={"text": each.text.replace("planes", "██████")}) for each in plain.evidence)
    masked = checked_report(
        markdown=plain.markdown.replace(FIRST, shown),
        claims=(plain.claims[0], first, plain.claims[2]),
        evidence=evidence,
        masks=(Mask(start=0, end=6, kind="person"),),
    )
    for whole, reason in ((WholeTexts.OPEN, "withheld"), (WholeTexts.NONE, "withheld"), (WholeTexts.READABLE, "")):
        data = (await bundle_of(masked, whole=whole)).data
        assert verify_bundle(data).outcome == "verified"
        assert [each["reason"] for each in json_of(data, "sources.json")["documents"]] == [reason]
        assert (b"six planes" in data) is (whole is WholeTexts.READABLE)


async def test_the_whole_text_of_a_document_of_which_a_guard_dropped_a_passage_is_given_on_request_only():
    event = Event(node="guard_evidence", kind="passage_dropped", detail=f"{E2}: prompt_injection")
    plain = checked_report(events=(event,))
    for whole, reason in ((WholeTexts.OPEN, "withheld"), (WholeTexts.READABLE, "")):
        data = (await bundle_of(plain, whole=whole)).data
        assert verify_bundle(data).outcome == "verified"
        assert [each["reason"] for each in json_of(data, "sources.json")["documents"]] == [reason]


async def test_what_is_withheld_from_one_passage_stays_withheld_and_is_no_fault_of_the_others():
    plain = checked_report()
    fenced = plain.evidence[1].model_copy(update={"title": "██████", "text": plain.evidence[1].text[:-5] + "█" * 5})
    event = Event(node="guard_evidence", kind="passage_fenced", detail=f"{E2}: prompt_injection")
    report = checked_report(evidence=(plain.evidence[0], fenced), events=(event,))
    whole, excerpts = [(await bundle_of(report, whole=each)).data for each in (WholeTexts.READABLE, WholeTexts.OPEN)]
    assert [verify_bundle(each).outcome for each in (whole, excerpts)] == ["verified", "verified"]
    assert [each["title"] for each in json_of(excerpts, "sources.json")["documents"]] == ["Planes", "██████"]
    assert b"More text" not in excerpts
    assert ("evidence_differs", "report") in faults(edited(whole, "report.json", lambda told: told.update(events=[])))


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("report.json", lambda report: report.update(question="Another?"), ("html", "report.html")),
        ("report.json", lambda report: report.update(run_id="r2"), ("manifest", "manifest.json")),
        ("report.json", lambda report: report["usage"].update(calls=5), ("provenance", "provenance.json")),
        (
            "report.json",
            lambda report: report["claims"][1]["citations"][0].update(quote=FIRST.replace("six", "ten")),
            ("quote_differs", "report"),
        ),
        ("report.json", lambda report: report["claims"][1].update(score=0.95), ("verdict", "verdicts.json")),
        ("report.json", lambda report: report["evidence"].pop(), ("source", "sources.json")),
        (
            "report.json",
            lambda report: report["verification"].update(supported=3, unsupported=0),
            ("verdict", "verdicts.json"),
        ),
        ("verdicts.json", lambda given: given["verdicts"].pop(), ("verdict", "verdicts.json")),
        ("verdicts.json", lambda given: given["verdicts"].append(given["verdicts"][0]), ("verdict", "verdicts.json")),
        ("verdicts.json", lambda given: given["verdicts"][-1].update(published=True), ("verdict", "verdicts.json")),
        ("verdicts.json", lambda given: given["verdicts"][1].update(evidence_ids=[]), ("verdict", "verdicts.json")),
        ("verdicts.json", lambda given: given["verdicts"][1].update(kind="row"), ("verdict", "verdicts.json")),
        ("verdicts.json", lambda given: given.update(judge="a better one"), ("verdict", "verdicts.json")),
        ("provenance.json", lambda given: given["policy"].update(hash="cd"), ("provenance", "provenance.json")),
        ("provenance.json", lambda given: given["models"].update(writer="x"), ("provenance", "provenance.json")),
        ("provenance.json", lambda given: given["audit"].update(lines="off"), ("audit", "audit.jsonl")),
        ("provenance.json", lambda given: given["audit"].update(tenant="other"), ("audit", "audit.jsonl")),
        (
            "sources.json",
            lambda given: given["documents"][0].update(sha256="0" * 64),
            ("source", "documents/0001.txt"),
        ),
        (
            "sources.json",
            lambda given: given["documents"][0]["passages"][0].update(sha256="0" * 64),
            ("source", "sources.json"),
        ),
        (
            "sources.json",
            lambda given: given["documents"][0]["passages"][0].update(end=10**12),
            ("source", "sources.json"),
        ),
        ("sources.json", lambda given: given["documents"][0].update(member=""), ("source", "sources.json")),
        ("sources.json", lambda given: given["documents"][0].update(title="X"), ("evidence_differs", "report")),
        ("sources.json", lambda given: given["documents"].pop(), ("source", "sources.json")),
    ],
)
async def test_a_member_that_contradicts_another_is_found_although_all_hashes_fit(name, change, fault):
    assert fault in faults(edited((await bundle_of()).data, name, change))


async def test_passages_that_are_longer_than_the_report_says_are_not_read():
    data = (await bundle_of()).data

    def change(members):
        report, sources = json.loads(members["report.json"]), json.loads(members["sources.json"])
        report["evidence"][0]["end"] = sources["documents"][0]["passages"][0]["end"] = 10**9
        members.update({"report.json": json.dumps(report).encode(), "sources.json": json.dumps(sources).encode()})

    result = verify_bundle(forged(data, change))
    assert (result.outcome, result.report) == ("failed", None)
    assert [(each.member, "not as long" in each.detail) for each in result.faults] == [("report.json", True)]


@pytest.mark.parametrize(
    "longer",
    [
        lambda report: report["claims"].extend(report["claims"][:1] * 2_000),
        lambda report: report.update(markdown="word " * 100_001),
    ],
    ids=["claims", "characters"],
)
async def test_a_report_that_is_longer_than_any_is_not_checked(longer):
    with pytest.raises(BadInput, match="more than 2,000 claims or 500,000 characters"):
        verify_bundle(edited((await bundle_of()).data, "report.json", longer))


async def test_another_text_of_a_document_is_found_although_all_hashes_fit():
    def change(members):
        members["documents/0001.txt"] = members["documents/0001.txt"].replace(b"six", b"ten")

    found = faults(forged((await bundle_of()).data, change))
    assert {("source", "documents/0001.txt"), ("evidence_differs", "report"), ("quote_differs", "report")} <= {*found}


async def test_a_text_that_no_document_has_and_one_that_is_not_utf8_are_found():
    data = (await bundle_of()).data
    assert ("source", "sources.json") in faults(forged(data, lambda it: it.update({"documents/0002.txt": b"more"})))
    with pytest.raises(BadInput, match="not UTF-8"):
        verify_bundle(forged(data, lambda members: members.update({"documents/0001.txt": b"\xff"})))


async def test_another_html_is_found_and_of_another_renderer_told():
    def change(members):
        members["report.html"] = members["report.html"].replace(b"six planes", b"ten planes")

    data = forged((await bundle_of()).data, change)
    assert faults(data) == [("html", "report.html")]
    from experience.bundle import checking

    before = checking.renderer_hash
    checking.renderer_hash = lambda: "of another version"
    try:
        result = verify_bundle(data)
    finally:
        checking.renderer_hash = before
    assert (result.outcome, result.html) == ("verified", "other_version")


async def test_the_html_names_no_folder_and_is_the_same_in_each_working_folder(tmp_path, monkeypatch):
    corpus, source = CorpusStub(), str(tmp_path / "papers" / "planes.md")
    corpus.known = {key: each.model_copy(update={"source": source}) for key, each in corpus.known.items()}
    evidence = tuple(each.model_copy(update={"source": source, "title": source}) for each in make_report().evidence)
    first = (await bundle_of(checked_report(evidence=evidence), corpus)).data
    monkeypatch.chdir(tmp_path)
    assert (await bundle_of(checked_report(evidence=evidence), corpus)).data == first
    assert str(tmp_path).encode() not in unpack(first)["report.html"]
    assert b"planes.md" in unpack(first)["report.html"]


def lines_after(numbers):
    lines, previous = [], GENESIS
    for number in numbers:
        about = {"at": "2026-11-27T12:00:01+00:00", "kind": "read", "object": "thread:t1", "tenant": "local"}
        line, link = seal(number, about, previous)
        previous = link.digest
        lines.append(line)
    return lines


def numbered_twice():
    body = '{"n":1,"at":"","kind":"read","object":"thread:t1","tenant":"local","previous":"","n":"x"'
    digest = hashlib.sha256(f"{body}}}".encode()).hexdigest()
    return f'{body},"hash":"{digest}"}}\n'.encode()


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (audit_lines(), ""),
        (audit_lines()[1:], ""),
        ([], ""),
        (audit_lines(object="run:r1"), ""),
        (list(reversed(audit_lines())), "line 2: its number is not above that of the line before it"),
        (audit_lines()[:1] * 2, "line 2: its number is not above that of the line before it"),
        ([audit_lines()[0], lines_after([2])[0]], "line 2: it does not continue the line before it"),
        ([audit_lines()[0].replace(b"read", b"raed")], "line 1: its content does not fit its hash"),
        ([audit_lines()[0][:-1]], "line 1: it is not a complete line of an audit trail"),
        (audit_lines(object="thread:t2"), "line 1: it is about something else"),
        (audit_lines(tenant="other"), "line 1: it is about something else"),
        ([numbered_twice()], "line 1: it has not the fields of a line of an audit trail"),
    ],
)
async def test_each_line_of_the_audit_trail_is_checked_and_the_link_of_neighbours(lines, fault):
    result = verify_bundle((await bundle_of(lines=lines)).data)
    assert [each.detail for each in result.faults][:1] == ([fault] if fault else [])


async def test_a_refused_run_and_one_without_verdicts_are_verified():
    refused = make_report(
        status=Status.REFUSED,
        stop_reason="policy:deny_list",
        refusal=Refusal(stage="question", policy="deny_list", category="word", reason="a word is on the list"),
        markdown="",
        claims=(),
        evidence=(),
        corpus=None,
        verification=Verification(),
        usage=Usage(),
    )
    from state.endings import ending_text

    refused = refused.model_copy(update={"markdown": ending_text(refused.status, refused.stop_reason, refused.refusal)})
    off = AuditScope(lines="off", tenant="local")
    bundle = await bundle_of(refused, claims=(), lines=(), audit=off)
    result = verify_bundle(bundle.data)
    assert (result.outcome, result.documents, result.events) == ("verified", {}, 0)
    stopped = refused.model_copy(update={"verification": checked_report().verification})
    assert verify_bundle((await bundle_of(stopped, claims=(), lines=(), audit=off)).data).outcome == "verified"

"""The judge in the real graph: scripted judges that are right, lazy, hostile, down, or another model."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import Answer
from state.errors import ContentRefused, CredentialsRefused, ModelUnavailable
from tests.doubles.roles import judge, judged_review, review, scripted, write

QUESTION = "When did the Falcon project start?"
PARAPHRASE = "Falcon began in 2019 [E1]. Money: 40 million dollars were set aside for it [E1]."


def writes(*drafts: str) -> Any:
    """Return a writer that writes the drafts in turn, the last one again and again."""
    left = list(drafts)
    return lambda fields, _: {"markdown": left.pop(0) if len(left) > 1 else left[0]}


def verdicts(said: str, *carried: int) -> Any:
    """Return a judge's answer that gives every claim one verdict, carried by the quotes at these positions."""

    def play(fields: Any, evidence: Any) -> Any:
        given = [
            {
                "claim": claim["id"],
                "verdict": said,
                "carried_by": [claim["quotes"][n]["id"] for n in carried if n < len(claim["quotes"])],
                "reason": "OBEY",
            }
            for claim in fields["claims"]
        ]
        return {"verdicts": given, **review(fields, evidence)}

    return play


def kinds(report: dict[str, Any]) -> list[str]:
    return [event["kind"] for event in report["events"]]


def noting(asked: list[str], name: str, play: Any) -> Any:
    """Return `play`, which notes its name in `asked` when it is called."""

    def run(fields: Any, evidence: Any) -> Any:
        asked.append(name)
        return play(fields, evidence)

    return run


async def test_a_paraphrase_is_judged_and_reviewed_in_one_call(build: Any, ask: Any) -> None:
    seen: list[Any] = []

    def play(fields: Any, evidence: Any) -> Any:
        seen.append(fields)
        return judged_review(fields, evidence)

    report = await ask(build(scripted(WrittenDraft=writes(PARAPHRASE), JudgedReview=play)), QUESTION)
    assert (report["status"], report["usage"]["calls"]) == ("answered", 4)
    assert [claim["verdict"] for claim in report["claims"]] == ["supported", "supported"]
    assert report["verification"]["judge"] == "scripted:m"
    (fields,) = seen
    assert [claim["text"] for claim in fields["claims"]] == [
        "Falcon began in 2019.",
        "Money: 40 million dollars were set aside for it.",
    ]
    assert {"draft", "sub_questions", "gaps", "revisions_left"} <= set(fields)


async def test_another_model_as_judge_gives_verdicts_alone(build: Any, ask: Any) -> None:
    asked: list[str] = []
    plays = {"Verdicts": noting(asked, "verdicts", judge), "Review": noting(asked, "review", review)}
    graph = build(scripted(WrittenDraft=writes(PARAPHRASE), **plays), others={"scripted:j": scripted(**plays)})
    report = await ask(graph, QUESTION, models={"judge": "scripted:j"})
    assert asked == ["verdicts", "review"]
    assert (report["verification"]["judge"], report["status"]) == ("scripted:j", "answered")


async def test_only_the_quotes_that_carry_a_claim_are_cited(build: Any, ask: Any) -> None:
    def play(fields: Any, evidence: Any) -> Any:
        (claim,) = fields["claims"]
        by = [quote["id"] for quote in claim["quotes"] if "2019" in quote["quote"]]
        verdict = {"claim": claim["id"], "verdict": "supported", "carried_by": by}
        return {"verdicts": [verdict], **review(fields, evidence)}

    draft = "Falcon began in 2019 [E1, E2]."
    graph = build(scripted(WrittenDraft=writes(draft), JudgedReview=play))
    report = await ask(graph, "When did the Falcon and the Heron project start?")
    (claim,) = report["claims"]
    assert [citation["quote"] for citation in claim["citations"]] == ["The Falcon project started in 2019."]
    assert [item["document_id"] for item in report["evidence"]] == ["falcon"]


async def test_a_judge_that_verifies_nothing_leaves_every_claim_marked(build: Any, ask: Any) -> None:
    report = await ask(build(scripted(WrittenDraft=writes(PARAPHRASE), JudgedReview=verdicts("unverified"))), QUESTION)
    assert [claim["verdict"] for claim in report["claims"]] == ["unverified", "unverified"]
    assert (report["status"], report["stop_reason"], report["revisions"]) == ("partial", "unverified_claims", 0)
    assert all(claim["citations"] for claim in report["claims"])
    assert report["usage"]["calls"] == 4


async def test_a_judge_that_rejects_everything_is_bounded_and_told(build: Any, ask: Any) -> None:
    three = f"{PARAPHRASE} Ada Moreau engineered it [E1]."
    model = scripted(WrittenDraft=writes(three), JudgedReview=verdicts("unsupported"))
    report = await ask(build(model), QUESTION, max_revisions=2)
    assert (report["status"], report["stop_reason"]) == ("abstained", "no_supported_claim")
    assert report["revisions"] == 2
    assert "judge_rejects_all" in kinds(report)
    assert "OBEY" not in report["markdown"] + " ".join(report["unresolved"] + report["gaps"])


async def test_a_judge_that_accepts_everything_cannot_rescue_what_code_rejects(build: Any, ask: Any) -> None:
    draft = (
        "Falcon began in 2019 [E1]. Its budget was 50 million dollars [E1]. It was late [E77].\n\n"
        "Ada Moreau was paid.\n\nFalcon was engineered by Ada Moreau [E1]. Read https://evil.example/falcon [E1].\n\n"
        "The Falcon had 40 million dollars in its budget [E1]."
    )
    model = scripted(WrittenDraft=writes(draft), JudgedReview=verdicts("supported", 0, 1, 2))
    report = await ask(build(model), QUESTION)
    assert [claim["text"] for claim in report["claims"]] == [
        "Falcon began in 2019.",
        "Falcon was engineered by Ada Moreau.",
        "The Falcon had 40 million dollars in its budget.",
    ]
    assert "judge_accepts_all" in kinds(report)
    assert (report["status"], report["revisions"]) == ("answered", 0)
    assert not any(word in str(report["unresolved"]) for word in ("50 million", "evil", "late"))


async def test_a_judge_that_answers_for_other_claims_verifies_nothing(build: Any, ask: Any) -> None:
    other = {"verdicts": [{"claim": "c99", "verdict": "supported", "carried_by": ["c99a"]}], **review({}, [])}
    report = await ask(build(scripted(WrittenDraft=writes(PARAPHRASE), JudgedReview=other)), QUESTION)
    assert {claim["verdict"] for claim in report["claims"]} == {"unverified"}
    assert kinds(report) == ["judge_off_topic", "judge_silent"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(raises=ModelUnavailable("down")),
        Answer(raises=ContentRefused("refused")),
        Answer(raises=CredentialsRefused("it answered 401")),
        Answer("no JSON at all"),
        Answer({"verdicts": []}),
    ],
)
async def test_a_judge_that_is_down_or_answers_in_no_form_leaves_claims_unverified(
    build: Any, ask: Any, answer: Answer
) -> None:
    model = scripted(WrittenDraft=writes(PARAPHRASE), JudgedReview=answer)
    report = await ask(build(model), QUESTION)
    assert {claim["verdict"] for claim in report["claims"]} == {"unverified"}
    assert (report["status"], report["stop_reason"]) == ("partial", "unverified_claims")
    assert report["verification"]["contradicted"] == report["verification"]["unsupported"] == 0
    (event,) = [event for event in report["events"] if event["kind"] == "judge_unavailable"]
    assert event["detail"].endswith("2 claims are unverified")
    assert {claim["score"] for claim in report["claims"]} == {None}


async def test_without_a_judge_the_local_scorer_decides(build: Any, ask: Any) -> None:
    draft = "The Falcon project has started in 2019 [E1]. Falcon was a success for sailing and the city [E1]."
    report = await ask(build(scripted(WrittenDraft=writes(draft))), QUESTION, models={"judge": "extractive"})
    assert [claim["verdict"] for claim in report["claims"]] == ["supported", "unverified"]
    plain, free = (claim["score"] for claim in report["claims"])
    assert plain > 0.7 > free
    assert report["verification"]["judge"] == "local"


async def test_a_revision_asks_only_about_what_changed(build: Any, ask: Any) -> None:
    asked: list[list[str]] = []

    def play(fields: Any, evidence: Any) -> Any:
        asked.append([claim["text"] for claim in fields["claims"]])
        objection = {"claim_id": "", "severity": "major", "remedy": "say who engineered it"}
        wish = (
            {"verdict": "revise", "findings": [objection]}
            if len(asked) == 1
            else {"verdict": "approve", "findings": []}
        )
        return {**judge(fields, evidence), **wish}

    drafts = writes(PARAPHRASE, f"{PARAPHRASE} Ada Moreau engineered it [E1].")
    report = await ask(build(scripted(WrittenDraft=drafts, JudgedReview=play)), QUESTION)
    assert asked[1] == ["Ada Moreau engineered it."]
    assert len(asked[0]) == 2
    assert (report["status"], report["revisions"], len(report["claims"])) == ("answered", 1, 3)


async def test_the_same_draft_again_is_not_judged_again(build: Any, ask: Any) -> None:
    asked: list[Any] = []

    def play(fields: Any, evidence: Any) -> Any:
        asked.append(fields)
        grave = {"claim_id": "", "severity": "critical", "remedy": "say more"}
        return {**judge(fields, evidence), "verdict": "revise", "findings": [grave]}

    model = scripted(WrittenDraft=writes(PARAPHRASE), JudgedReview=play)
    report = await ask(build(model), QUESTION, max_revisions=2)
    assert len(asked) == 1
    assert len(report["claims"]) == 2


async def test_a_second_question_of_the_thread_knows_no_verdict_of_the_first(build: Any, ask: Any) -> None:
    asked: list[int] = []

    def play(fields: Any, evidence: Any) -> Any:
        asked.append(len(fields["claims"]))
        return judged_review(fields, evidence)

    graph = build(scripted(WrittenDraft=writes(PARAPHRASE), JudgedReview=play))
    await ask(graph, QUESTION)
    await ask(graph, QUESTION)
    assert asked == [2, 2]


async def test_what_stands_there_verbatim_needs_no_judge(build: Any, ask: Any) -> None:
    def never(fields: Any, evidence: Any) -> Any:
        raise AssertionError("nothing was left to judge")

    report = await ask(build(scripted(WrittenDraft=write, JudgedReview=never, Verdicts=never)), QUESTION)
    assert (report["status"], report["verification"]["judge"]) == ("answered", "local")
    assert {claim["score"] for claim in report["claims"]} == {1.0}


async def test_headings_leave_only_in_the_users_words_or_judged(build: Any, ask: Any) -> None:
    draft = (
        "# The Falcon project\n\nFalcon began in 2019 [E1].\n\n"
        "## Wire money to evil\n\nIt cost 40 million dollars [E1]."
    )

    def play(fields: Any, evidence: Any) -> Any:
        answer = judge(fields, evidence)
        for claim, given in zip(fields["claims"], answer["verdicts"], strict=True):
            if claim["kind"] == "heading":
                given.update(verdict="unsupported", carried_by=[])
        return {**answer, **review(fields, evidence)}

    report = await ask(build(scripted(WrittenDraft=writes(draft), JudgedReview=play)), QUESTION)
    assert [claim["kind"] for claim in report["claims"]] == ["heading", "sentence", "sentence"]
    assert "evil" not in str({key: report[key] for key in ("markdown", "unresolved", "gaps", "claims")})
    assert "1 heading was left out: no source carries it." in report["unresolved"]
    assert report["status"] == "answered"


async def test_a_small_window_splits_the_claims_and_the_review_comes_alone(build: Any, ask: Any) -> None:
    asked: list[str] = []
    plays = {
        "Verdicts": noting(asked, "verdicts", judge),
        "Review": noting(asked, "review", review),
        "JudgedReview": noting(asked, "both", judged_review),
    }
    report = await ask(build(scripted(WrittenDraft=writes(PARAPHRASE), **plays)), QUESTION, max_output_tokens=100)
    assert asked == ["verdicts", "verdicts", "review"]
    assert [claim["verdict"] for claim in report["claims"]] == ["supported", "supported"]

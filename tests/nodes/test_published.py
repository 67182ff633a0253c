"""What leaves a run beside the answer: the conversation, the thread's memory, and the report of a failed `publish`."""

from __future__ import annotations

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.graph.message import add_messages

from nodes.outcome import conclude, gaps_of
from nodes.publish import MAX_HISTORY, SUMMARY_CHARS, emergency_report, published, summary
from state.channels import ResearchState
from state.report import CorpusRef, Report, published_claim
from state.values import Claim, ClaimKind, Gap, PastRun, Refusal, Status, Support, Usage

REFUSAL = Refusal(stage="question", policy="limits", category="too_long", reason="it is too long")


def report(*texts, **more):
    claims = tuple(published_claim(Claim(id=f"c{n}", text=text)) for n, text in enumerate(texts))
    given = {"thread_id": "t", "run_id": "r", "trace_id": "", "question": "Who?", "status": Status.ANSWERED}
    return Report(**{**given, "stop_reason": "approved", "markdown": "m" * 900, "claims": claims, **more})


def test_a_summary_is_whole_claims_up_to_its_length():
    assert summary(report("One.", "Two.")) == "One. Two."
    exact, more = "x" * (SUMMARY_CHARS - 4), "y" * (SUMMARY_CHARS - 3)
    assert summary(report("One.", exact)) == f"One. {exact}"
    assert summary(report("One.", more, "Two.")) == "One."
    assert summary(report("z" * 900)) == "z" * 900
    assert summary(report()) == "m" * SUMMARY_CHARS


def test_a_summary_holds_no_headings():
    heading = published_claim(Claim(id="c9", text="Costs", kind=ClaimKind.HEADING))
    said = report("One.").claims
    assert summary(report(claims=(heading, *said))) == "One."


def test_the_thread_keeps_the_question_the_answer_and_the_run():
    update = published(report("One.", usage=Usage(calls=3)), {"refusal": REFUSAL, "question": "Who?"})
    asked, answered = update["messages"]
    assert (asked.content, asked.id, answered.content, answered.id) == ("Who?", "r-q", "m" * 900, "r-a")
    assert isinstance(asked, HumanMessage)
    assert isinstance(answered, AIMessage)
    assert update["history"] == (PastRun(run_id="r", question="Who?", status=Status.ANSWERED, summary="One."),)
    assert (update["status"], update["usage"].calls) == (Status.ANSWERED, 3)
    assert (update["refusal"], update["question"]) == (None, "")
    assert update["report"]["run_id"] == "r"


def test_a_question_that_came_as_a_message_is_not_said_twice():
    by_message: ResearchState = {"messages": [AIMessage("Hello."), HumanMessage("Who?")]}
    assert [type(each) for each in published(report("One."), by_message)["messages"]] == [AIMessage]
    after_an_answer: ResearchState = {"messages": [HumanMessage("Who?"), AIMessage("Hello.")]}
    assert len(published(report("One."), after_an_answer)["messages"]) == 2


def test_a_thread_remembers_its_latest_runs():
    past = tuple(
        PastRun(run_id=f"old{n}", question="q", status=Status.ANSWERED, summary="s") for n in range(MAX_HISTORY)
    )
    kept = published(report("One."), {"history": past})["history"]
    assert [each.run_id for each in kept] == [*[f"old{n}" for n in range(1, MAX_HISTORY)], "r"]


def test_a_thread_of_questions_keeps_the_messages_of_its_latest_runs_and_one_of_messages_all() -> None:
    said: list[AnyMessage] = []
    for number in range(MAX_HISTORY + 4):
        update = published(report("One.").model_copy(update={"run_id": f"r{number}"}), {"messages": said})
        said = add_messages(said, update["messages"])  # type: ignore[assignment,arg-type]
    kept = range(4, MAX_HISTORY + 4)
    assert [each.id for each in said] == [f"r{number}-{end}" for number in kept for end in "qa"]
    asked = [*said, *said, HumanMessage("Who?")]
    assert [type(each) for each in published(report("One."), {"messages": asked})["messages"]] == [AIMessage]


def test_the_report_of_a_failed_publish_says_what_is_known():
    gap = Gap(sub_question="q1", missing="the year")
    corpus = CorpusRef(name="c", version=1, documents=1, passages=2)
    state: ResearchState = {"run_id": "first", "question": "Who?", "gaps": (gap, gap), "corpus": corpus}
    found = emergency_report(state, "t", "this", "internal")
    assert (found.thread_id, found.run_id, found.question) == ("t", "first", "Who?")
    assert (found.status, found.stop_reason, found.gaps, found.claims) == (
        Status.STOPPED,
        "internal",
        ("the year",),
        (),
    )
    assert (found.usage, found.corpus) == (Usage(), corpus)
    bare = emergency_report({}, "t", "this", "internal")
    assert (bare.run_id, bare.question, bare.gaps, bare.corpus) == ("this", "", (), None)


def test_gaps_are_named_once_and_an_abstention_by_the_question_as_it_was_asked():
    gaps = tuple(Gap(sub_question="q", missing=text) for text in ("a", "b", "a"))
    assert gaps_of({"gaps": gaps}, Status.ABSTAINED) == ("a", "b")
    state: ResearchState = {"question": "And then?", "standalone_question": "And what then?"}
    assert gaps_of(state, Status.ABSTAINED) == ("The corpus does not answer: And then?",)


def test_a_partial_end_without_claims_is_a_stop():
    ended: ResearchState = {"status": Status.PARTIAL, "stop_reason": "budget_exceeded"}
    assert conclude(ended, ()) == (Status.STOPPED, "budget_exceeded")
    assert conclude({"status": Status.REFUSED, "stop_reason": "refused"}, ()) == (Status.REFUSED, "refused")
    approved: ResearchState = {"stop_reason": "approved_by_person"}
    claim = Claim(id="c1", text="One.", verdict=Support.SUPPORTED)
    assert conclude(approved, (claim,)) == (Status.ANSWERED, "approved_by_person")
    assert conclude({}, (claim,)) == (Status.ANSWERED, "approved")
    assert conclude({"draft": "any"}, ()) == (Status.ABSTAINED, "no_supported_claim")  # type: ignore[typeddict-item]

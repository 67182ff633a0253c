"""A draft over the wire: asked for as plain text, continued once where it is cut off, never parsed as if whole."""

import json

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from observability import collected_notices
from state.errors import ContentRefused, ModelOutputInvalid
from state.roles import WrittenDraft
from state.values import Role
from tests.doubles.openai_server import OpenAIServer, Reply
from tests.gateway.openai.endpoint import MODEL, Asked

ASKED = [SystemMessage("Write."), HumanMessage("How many?")]
FIRST = "Ten requests a minute are free [E1]. Sixty an hour are fr"
REST = "Sixty an hour are free [E2]."
KEPT = "Ten requests a minute are free [E1]."
WHOLE = "Ten requests a minute are free [E1]. Sixty an hour are free [E2]."


@pytest.fixture(autouse=True)
def _no_waiting(waits):
    """Take no time for back-off."""


def cut(text, **more):
    return Reply(text, finish_reason="length", **more)


async def written(home, server, prompt=ASKED, **given):
    asked = Asked(home, server.base_url, **given)
    with collected_notices() as notices:
        draft = await asked.ask(WrittenDraft, prompt, role=Role.WRITER)
    return draft, [(event.node, event.kind) for event in notices], await asked.usage()


@pytest.mark.parametrize("said", [WHOLE, f"```markdown\n{WHOLE}\n```", json.dumps({"markdown": WHOLE})])
async def test_a_draft_is_asked_for_as_text_and_taken_as_it_comes(tmp_path, said):
    with OpenAIServer(Reply(said)) as server:
        draft, notices, usage = await written(tmp_path, server)
    assert (draft.markdown, draft.cut_off, notices, usage.calls) == (WHOLE, False, [], 1)
    (request,) = server.requests
    assert "response_format" not in request
    assert [message["content"] for message in request["messages"]] == ["Write.", "How many?"]


async def test_a_draft_that_is_cut_off_is_continued_once(tmp_path):
    with OpenAIServer(cut(FIRST), Reply(REST)) as server:
        draft, notices, usage = await written(tmp_path, server)
    assert (draft.markdown, draft.cut_off, notices, usage.calls) == (WHOLE, False, [], 2)
    first, second = (request["messages"] for request in server.requests)
    assert second[: len(first)] == first
    said, told = second[len(first) :]
    assert (said["role"], said["content"]) == ("assistant", "Ten requests a minute are free [E1].")
    assert (told["role"], "Go on exactly where it ends" in told["content"]) == ("user", True)
    assert all("response_format" not in request for request in server.requests)


async def test_a_draft_that_is_cut_off_again_ends_with_its_last_whole_sentence_and_says_so(tmp_path):
    with OpenAIServer(cut(FIRST), cut(f"{REST} A thousand a d")) as server:
        draft, notices, usage = await written(tmp_path, server)
    assert (draft.markdown, draft.cut_off, usage.calls) == (WHOLE, True, 2)
    assert notices == [("writer", "draft_truncated")]


async def test_a_continuation_that_does_not_fit_is_not_asked_for(tmp_path):
    long = "Ten requests a minute are free [E1]. " * 50
    with OpenAIServer(cut(f"{long}Sixty an ho")) as server:
        draft, notices, _ = await written(
            tmp_path, server, [HumanMessage("x" * 4_000)], openai={"context_tokens": 1_900}
        )
    assert (draft.markdown, draft.cut_off) == (long.strip(), True)
    assert notices == [("writer", "draft_truncated")]
    assert len(server.requests) == 1


async def test_a_continuation_that_the_budget_does_not_cover_is_not_made_and_the_paid_part_stays(tmp_path):
    with OpenAIServer(cut(FIRST, usage=(5, 500))) as server:
        asked = Asked(tmp_path, server.base_url)
        model = asked.model(role=Role.WRITER, limit=1_800)
        with collected_notices() as notices:
            draft = await model.with_structured_output(WrittenDraft).ainvoke(ASKED)
    assert (draft.markdown, draft.cut_off) == (KEPT, True)
    assert [event.kind for event in notices] == ["draft_truncated"]
    assert "the run budget" in notices[0].detail
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "failed",
    [Reply(status=401), Reply("", finish_reason="content_filter"), Reply(REST, finish_reason="content_filter")],
)
async def test_a_continuation_that_fails_leaves_the_paid_part(tmp_path, failed):
    with OpenAIServer(cut(FIRST), failed) as server:
        draft, notices, usage = await written(tmp_path, server)
    assert (draft.markdown, draft.cut_off, usage.calls) == (KEPT, True, 2)
    assert notices == [("writer", "draft_truncated")]
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "said",
    [
        "",
        "  \n",
        "<think>On with sixty?</think>",
        "<think>On with sixty?",
        "I'm sorry, but I can't help with that.",
        "Das kann ich leider nicht beantworten.\n\nBitte frage etwas anderes.",
        "```\n```",
    ],
)
async def test_a_continuation_that_adds_nothing_leaves_the_paid_part_and_its_mark(tmp_path, said):
    with OpenAIServer(cut(FIRST), Reply(said)) as server:
        draft, notices, usage = await written(tmp_path, server)
    assert (draft.markdown, draft.cut_off, usage.calls) == (KEPT, True, 2)
    assert notices == [("writer", "draft_truncated")]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (f"Here is the whole answer again:\n\n{WHOLE}", WHOLE),
        (f"```markdown\n{WHOLE}\n```", WHOLE),
        (json.dumps({"markdown": f"**Ten** {WHOLE[4:]}"}), f"**Ten** {WHOLE[4:]}"),
    ],
)
async def test_a_continuation_that_starts_over_is_the_answer(tmp_path, said, expected):
    with OpenAIServer(cut(f"{KEPT} Up to sixty requests an hour are free [E2]. A thousand a d"), Reply(said)) as server:
        draft, notices, _ = await written(tmp_path, server)
    assert (draft.markdown, draft.cut_off, notices) == (expected, False, [])


async def test_a_continuation_that_starts_over_with_fewer_claims_leaves_the_paid_part(tmp_path):
    with OpenAIServer(cut(f"{WHOLE} A thousand a d"), Reply(KEPT)) as server:
        draft, notices, _ = await written(tmp_path, server)
    assert (draft.markdown, draft.cut_off, notices) == (WHOLE, True, [("writer", "draft_truncated")])


async def test_a_continuation_that_starts_over_and_is_cut_off_earlier_leaves_the_first_part(tmp_path):
    with OpenAIServer(cut(f"{WHOLE} A thousand a d"), cut(f"{KEPT} Sixty a")) as server:
        draft, notices, _ = await written(tmp_path, server)
    assert (draft.markdown, draft.cut_off, notices) == (WHOLE, True, [("writer", "draft_truncated")])


async def test_thoughts_that_take_the_whole_answer_are_asked_for_again(tmp_path):
    with OpenAIServer(cut("<think>Ten or sixty? The quote"), Reply(WHOLE)) as server:
        draft, notices, usage = await written(tmp_path, server)
    assert (draft.markdown, notices, usage.calls) == (WHOLE, [], 2)
    assert "cut off; make it shorter" in server.requests[1]["messages"][-1]["content"]


async def test_thoughts_before_a_cut_draft_are_left_out_of_its_continuation(tmp_path):
    with OpenAIServer(cut(f"<think>Ten?</think>\n\n{FIRST}"), Reply(f"<think>On.</think>\n{REST}")) as server:
        draft, _, _ = await written(tmp_path, server)
    assert draft.markdown == WHOLE
    assert "think" not in server.requests[1]["messages"][-2]["content"]


async def test_json_that_is_cut_off_is_never_a_draft(tmp_path):
    half = json.dumps({"markdown": WHOLE})[:40]
    with OpenAIServer(cut(half), Reply(WHOLE)) as server:
        draft, _, _ = await written(tmp_path / "first", server)
    assert draft.markdown == WHOLE
    assert [message["role"] for message in server.requests[1]["messages"][2:]] == ["assistant", "user"]
    assert "text alone, complete" in server.requests[1]["messages"][-1]["content"]
    with OpenAIServer(cut(half)) as server, pytest.raises(ModelOutputInvalid, match="writer"):
        await written(tmp_path / "second", server)
    assert len(server.requests) == 2


async def test_a_repair_that_is_cut_off_is_not_continued(tmp_path):
    with OpenAIServer(Reply(""), cut(FIRST)) as server:
        draft, notices, usage = await written(tmp_path, server)
    assert (draft.markdown, draft.cut_off, usage.calls) == ("Ten requests a minute are free [E1].", True, 2)
    assert notices == [("writer", "draft_truncated")]


@pytest.mark.parametrize("said", ["", "{}", "How many?\nHow many?", '## question\n"How many?"'])
async def test_an_echo_or_nothing_is_no_draft(tmp_path, said):
    prompt = [SystemMessage("Write."), HumanMessage('## question\n"How many?"\nHow many?')]
    with OpenAIServer(Reply(said)) as server, pytest.raises(ModelOutputInvalid, match=MODEL):
        await written(tmp_path, server, prompt)
    assert len(server.requests) == 2


async def test_after_a_crash_a_continued_draft_is_neither_asked_nor_charged_again(tmp_path):
    with OpenAIServer(cut(FIRST), Reply(REST)) as server:
        before = await written(tmp_path, server)
        after = await written(tmp_path, server)
    assert len(server.requests) == 2
    assert after == before


@pytest.mark.parametrize("said", ["", FIRST, json.dumps({"markdown": WHOLE})])
async def test_an_answer_that_a_content_filter_ended_is_never_a_draft(tmp_path, said):
    filtered = Reply(said, finish_reason="content_filter")
    with OpenAIServer(filtered) as server, pytest.raises(ContentRefused, match="content filter") as raised:
        await written(tmp_path, server)
    assert "another model" in raised.value.hint
    assert len(server.requests) == 1

"""A draft as plain text: what is taken off it, where a cut one is cut back, and how a continuation is joined."""

import re
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bare_text import continued, joined, unwrapped, whole_part, without_thoughts

DRAFT = "Ten a minute [E1].\n\n- Sixty an hour [E2]."


@pytest.mark.parametrize(
    "text",
    [
        f"<think>Ten, {{sixty}}.\n\nYes.</think>\n\n{DRAFT}",
        f"<Thinking>Ten.</Thinking>{DRAFT}",
        f"  <reasoning>\nTen.\n</reasoning>\n{DRAFT}",
        f"Ten, I think.\nOr sixty.\n</think>\n\n{DRAFT}",  # the opening tag stands in the server's chat template
        DRAFT,
    ],
)
def test_thoughts_before_the_answer_are_taken_off(text):
    assert without_thoughts(text) == DRAFT


def test_thoughts_without_an_end_leave_nothing():
    assert without_thoughts("<think>Ten a minute [E1]. Or") == ""


@pytest.mark.parametrize(
    "text", [f"{DRAFT}\n\nThe tag <think> opens one [E3].", f"```\n<think>x</think>\n```\n{DRAFT}"]
)
def test_tags_inside_an_answer_stay(text):
    assert without_thoughts(text) == text


CODE = "Do [E1]:\n\n```python\nrun()\n```\n\nThen stop [E2]."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"```markdown\n{DRAFT}\n```", DRAFT),
        (f"```md\n{DRAFT}\n```\n", DRAFT),
        (f"~~~markdown\n{DRAFT}\n~~~", DRAFT),
        (f"Here is the report:\n\n```markdown\n{DRAFT}\n```\n\nI hope that helps!", DRAFT),
        (f"```markdown\n{CODE}\n```", CODE),
        (f"````markdown\n{CODE}\n````", CODE),
        (f"```markdown\n{DRAFT}", DRAFT),
        (CODE, CODE),
        (f"\n{DRAFT}\n", DRAFT),
    ],
)
def test_a_fence_around_the_whole_answer_is_taken_off(text, expected):
    assert unwrapped(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Write this [E1]:\n\n```markdown\n# Title\n```",  # an example of Markdown, not a fence around the answer
        "```markdown\n# Title\n```\n\nThat is a heading [E1].",
        f"{'A long introduction. ' * 20}\n```markdown\n{DRAFT}\n```",
    ],
)
def test_a_fence_that_is_part_of_the_answer_stays(text):
    assert unwrapped(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ten a minute [E1]. Sixty an hour [E2", "Ten a minute [E1]."),
        ("Ten a minute [E1]. Sixty an ho", "Ten a minute [E1]."),
        ("Ten a minute [E1]. Sixty an hour [E2].", "Ten a minute [E1]. Sixty an hour [E2]."),
        ("Ten a minute. [E1] Sixty an ho", "Ten a minute. [E1]"),
        ("Ten a minute. [E1, E2] Sixty an ho", "Ten a minute. [E1, E2]"),
        ("Ten a minute. [E1] Sixty an hour. [E2", "Ten a minute. [E1]"),
        ("Ten a minute. [E1", ""),
        ("Ten a minute", ""),
        ("", ""),
        ("Ten [E1].\n\nSixty an ho", "Ten [E1].\n\n"),
        ("Ten [E1].\n\n", "Ten [E1].\n\n"),
        ("- Ten [E1].\n- Sixty an ho", "- Ten [E1].\n"),
        ("- Ten [E1].\n- Sixty [E2]. An ho", "- Ten [E1].\n- Sixty [E2]."),
        ("| a | b |\n|---|---|\n| 1 | 2 [E1] |\n| 3 | 4 [E", "| a | b |\n|---|---|\n| 1 | 2 [E1] |\n"),
        ("Ten [E1].\n\n## What it co", "Ten [E1].\n\n"),
        ("Do [E1]:\n\n```python\nrun()\nst", "Do [E1]:\n\n"),
        ("Do [E1]:\n\n```python\nrun()\n```\n[E2]\n\nThen st", "Do [E1]:\n\n```python\nrun()\n```\n[E2]\n\n"),
        ("```markdown\nTen [E1].\n\nSixty an ho", "Ten [E1].\n\n"),
        ("```markdown\nDo [E1]:\n```python\nrun()", "Do [E1]:\n"),
        ("十件です [E1]。六十件です [E2]。一時", "十件です [E1]。六十件です [E2]。"),
    ],
)
def test_a_cut_text_ends_with_what_is_whole(text, expected):
    assert whole_part(text) == expected


@pytest.mark.parametrize(
    ("text", "more", "expected"),
    [
        ("Ten [E1].", "Sixty [E2].", "Ten [E1]. Sixty [E2]."),
        ("Ten [E1].", "\n\nSixty [E2].", "Ten [E1].\n\nSixty [E2]."),
        ("Ten [E1].", "## More\n\nSixty [E2].", "Ten [E1].\n\n## More\n\nSixty [E2]."),
        ("Ten [E1].\n\n", "Sixty [E2].", "Ten [E1].\n\nSixty [E2]."),
        ("- Ten [E1].\n", "- Sixty [E2].", "- Ten [E1].\n- Sixty [E2]."),
        ("- Ten [E1].", "- Sixty [E2].", "- Ten [E1].\n- Sixty [E2]."),
        ("2. Ten [E1].", "3. Sixty [E2].", "2. Ten [E1].\n3. Sixty [E2]."),
        ("| 1 | 2 [E1] |\n", "| 3 | 4 [E2] |", "| 1 | 2 [E1] |\n| 3 | 4 [E2] |"),
        ("| 1 | 2 [E1] |\n", "Sixty [E2].", "| 1 | 2 [E1] |\n\nSixty [E2]."),
        ("## More\n\n", "Sixty [E2].", "## More\n\nSixty [E2]."),
        ("Do [E1]:\n\n", "```python\nrun()\n```", "Do [E1]:\n\n```python\nrun()\n```"),
        ("Ten a minute [E1].", "Ten a minute [E1]. Sixty [E2].", "Ten a minute [E1]. Sixty [E2]."),  # repeats the end
        ("Ten [E1].", "Sixty [E2].\n```", "Ten [E1]. Sixty [E2].\n"),  # the end of a fence around the whole
        ("Ten [E1].", "  ", "Ten [E1]."),
        ("Ten [E1]", ". Sixty [E2].", "Ten [E1]. Sixty [E2]."),
        ("", "Sixty [E2].", "Sixty [E2]."),
    ],
)
def test_a_continuation_goes_on_where_the_text_ends(text, more, expected):
    assert joined(text, more) == expected


def test_an_answer_that_begins_anew_replaces_the_text():
    text = "Up to ten requests a minute are free for everybody [E1]."
    again = f"{text} Sixty requests an hour are free too [E2]."
    for said in (again, f"```markdown\n{again}\n```", f"Sure, once more.\n\n{again}"):
        assert continued(text, said, cut_off=False) == (again, False)
    # A shorter one would drop what is paid for, even if it has its end.
    assert continued(again, text, cut_off=False) == (again, True)
    assert continued(again, text, cut_off=True) == (again, True)
    # What stands behind other claims is a repetition, not a beginning.
    assert continued(again, f"A thousand a day [E3]. {text}", cut_off=False)[0].startswith(f"{again} A thousand")


@pytest.mark.parametrize("said", ["", "<think>On.</think>", "I cannot help with that.", "```\n\n```", "## More", "{}"])
def test_a_continuation_that_adds_nothing_leaves_the_end_missing(said):
    assert continued("Ten a minute [E1].", said, cut_off=False) == ("Ten a minute [E1].", True)


def test_code_goes_on_without_a_mark():
    assert continued("Do this [E1]:\n\n", "```\nrun()\n```", cut_off=False) == (
        "Do this [E1]:\n\n```\nrun()\n```",
        False,
    )


WORDS = st.sampled_from(["Ten a minute", "sixty an hour", "the limit", "of 3.5 MB", "see Fig. 3"])
SENTENCE = st.builds("{} is {} [E#].".format, WORDS, WORDS)
BLOCK = st.one_of(
    st.lists(SENTENCE, min_size=1, max_size=3).map(" ".join),
    st.lists(SENTENCE.map("- {}".format), min_size=1, max_size=3).map("\n".join),
    SENTENCE.map("| a | b |\n|---|---|\n| x | {} |".format),
    st.just("```python\nrun()\n```\n[E#]"),
    st.just("## About"),
)


@given(st.lists(BLOCK, min_size=1, max_size=5).map("\n\n".join), st.data())
def test_wherever_a_draft_is_cut_the_rest_completes_it(draft, data):
    # A mark of its own for each sentence: one that follows itself would count as a repetition.
    numbers = count(1)
    draft = re.sub("E#", lambda _: f"E{next(numbers)}", draft)
    cut = draft[: data.draw(st.integers(0, len(draft)))]
    kept = whole_part(cut)
    assert draft.startswith(kept)
    assert cut.startswith(kept)
    rest = draft[len(kept) :]
    assert joined(kept, rest).split() == draft.split()

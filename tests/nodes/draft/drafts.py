"""Generated drafts: paragraphs, lists, tables, code, quotes and headings in each other, each word at one place only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

from hypothesis import strategies as st

SENTENCES = (
    "W w w [E1].",
    "W w. [E2]",
    "W w.[^E3]",
    "W w",
    "W w.",
    "W w 【E2】 w.",
    "[E4] W w.",
    "**W w [E1].**",
    "**W w.** W w [E2].",
    "*W w. W __w__ [E3].*",
    "***W w.** W w.* [E1]",
    "__W w__ w [E1, E2]!",
    "W *w w* w `w w` w [E1][E2].",
    "W [w w](https://x.example/a) w [E1].",
    "[W w. W w](https://x.example/b) [E2].",
    "W \\*w &amp; w &lt;w> [E2].",
    "W “w w.” [E1]",
    "W w (w w [E1]).",
    "W: w w; w… [E5]",
    "# W of w is 1\\. W [E1].",
    "数W六。[E2]",
    "W [E1] 数w。",
    "2019. W w [E1].",
    "- w W [E2].",
    "W https://x.example/w_w w [E1].",
    "W w *",
    "`W. w` w [E1].",
)
GAPS = (" ", " ", "\n", "  \n", "\\\n")
QUESTIONS = ("W w?", "*W w?*", "…")
CODE = ("w w\n  w", "W [E1]", "# w\n\n- w", "w ``` w", "| w | w |")

_MARK = r"(?:\[\d+\]|[\[【]\^?E\d+(?:, E\d+)*[\]】])"


def filled(template: str) -> str:
    """Return `template` with another word in the place of each `W` and `w`."""
    numbers = count(1)
    return re.sub(r"(?<![A-Za-z/])[Ww](?![A-Za-z/])", lambda found: f"{found[0]}ord{next(numbers)}x", template)


def sentences(*, questions: bool) -> st.SearchStrategy[str]:
    return st.sampled_from(SENTENCES + QUESTIONS if questions else SENTENCES)


@st.composite
def paragraphs(draw: st.DrawFn, *, questions: bool) -> str:
    parts = draw(st.lists(st.tuples(sentences(questions=questions), st.sampled_from(GAPS)), min_size=1, max_size=4))
    text = "".join(sentence + gap for sentence, gap in parts)[: -len(parts[-1][1])]
    # Words that begin a line as a list or heading would make another block of it.
    return re.sub(r"(?m)^(?=(?:#|-) |\d+\. )", "W ", text)


@st.composite
def tables(draw: st.DrawFn, *, questions: bool) -> str:
    columns = draw(st.integers(1, 3))
    cells = st.sampled_from(("w", "W w [E1]", "**w** [E2]", "`w`", "w \\| w", "", "[E3]", "60"))
    rows = draw(st.lists(st.lists(cells, min_size=columns, max_size=columns), min_size=1, max_size=3))
    rows = [["w", *cells[1:]] if not any(map(_shows, cells)) else cells for cells in rows]
    lines = [["H"] * columns, [draw(st.sampled_from(("---", ":-:"))) for _ in range(columns)], *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return table + draw(st.sampled_from(("", "\n\n[E1]", "\n\nSource: [E2]")))


def _shows(cell: str) -> bool:
    return cell not in ("", "[E3]")


@st.composite
def codes(draw: st.DrawFn, *, questions: bool) -> str:
    lead = draw(st.sampled_from(("", "W w [E1]:\n\n", "W w:\n\n")))
    # Indented code is only code behind words: behind a list it would be a part of the list.
    code, fence = draw(st.sampled_from(CODE)), draw(st.sampled_from(("````", "~~~", *[""] * bool(lead))))
    text = f"{fence}sql\n{code}\n{fence}" if fence else "\n".join(f"    {line}".rstrip() for line in code.split("\n"))
    return lead + text + draw(st.sampled_from(("", "\n\n[E1]", "\n\n[E2] [E3]")))


def indented(text: str, marker: str) -> str:
    """Return `text` as the content of a list item."""
    space = " " * len(marker)
    return marker + "\n".join(f"{space}{line}" if line else "" for line in text.split("\n"))[len(space) :]


@st.composite
def lists(draw: st.DrawFn, inner: st.SearchStrategy[str], *, questions: bool) -> str:
    lead = draw(st.sampled_from(("", "W w:\n\n", "W w w [E1]:\n", "**W** w\n\n")))
    ordered, style = draw(st.booleans()), draw(st.sampled_from("-*+" + ".)"))
    between = draw(st.sampled_from(("\n", "\n", "\n\n")))
    items: list[str] = []
    for n in range(draw(st.integers(1, 4))):
        text = draw(paragraphs(questions=questions))
        if draw(st.integers(0, 3)) == 0:
            text += draw(st.sampled_from(("\n", "\n\n"))) + draw(inner)
        if draw(st.integers(0, 5)) == 0:
            text = f"[{draw(st.sampled_from('x '))}] {text}"
        marker = f"{1 + n}{style if style in '.)' else '.'} " if ordered or style in ".)" else f"{style} "
        items.append(indented(text, marker))
    return lead + between.join(items)


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def headings() -> st.SearchStrategy[str]:
    forms = ("# W w", "## W *w*", "### W `w` w ##", "W w\n===", "W\n---", "**W w**")
    return st.sampled_from(forms).map(lambda form: f"{form}\n\nW w [E3].")


def blocks(*, questions: bool) -> st.SearchStrategy[str]:
    """Return blocks of every kind, nested up to some depth."""
    leaves = st.one_of(
        paragraphs(questions=questions),
        tables(questions=questions),
        codes(questions=questions),
        headings(),
        st.just("***\n\nW w [E3]."),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            lists(inner, questions=questions),
            st.lists(inner, min_size=1, max_size=2).map(lambda each: quoted("\n\n".join(each))),
        ),
        max_leaves=5,
    )


def drafts(*, questions: bool = True, most: int = 5) -> st.SearchStrategy[str]:
    """Return whole drafts."""
    several = st.lists(blocks(questions=questions), min_size=1, max_size=most)
    return several.map(lambda each: filled("\n\n".join(each)))


def lines_of(markdown: str) -> Iterator[str]:
    """Yield the lines with something on them, without marks and numbers and the white space that belongs to these."""
    text = re.sub(rf"(?m)^([ >]*){_MARK} ?", r"\1", markdown)
    for line in re.sub(rf"[ \t]*{_MARK}", "", text).split("\n"):
        if line.strip(" >") not in ("", "Source:"):
            yield line[: len(line) - len(line.lstrip())] + " ".join(line.split())

"""Markdown: what its reader sees, and every word of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.documents import FailedFile
from retrieval.loaders import load_paths
from retrieval.loaders.canonical import TextBuilder
from retrieval.loaders.markdown import add_markdown
from settings import Settings
from tests.retrieval.office.packages import loaded

WORDS = st.lists(st.from_regex(r"[a-z]{2,6}[0-9]{3}", fullmatch=True), min_size=1, max_size=4).map(" ".join)


def seen(source: str) -> str:
    built = TextBuilder()
    add_markdown(built, source, 1000)
    return built.text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Some **bold**, *em* and ~~old~~ text", "Some bold, em and old text"),
        ("A [link](http://x.y 'tip') and <https://auto.link>", "A link and https://auto.link"),
        ("See [that][ref] and [ref].\n\n[ref]: http://x.y 'tip'\n", "See that and ref."),
        ("![A *plan*](i.png)", "A plan"),
        ("[![build](b.svg)](http://x.y)", "build"),
        ("Fish &amp; chips &copy; 5&nbsp;kg", "Fish & chips © 5\u00a0kg"),
        (r"a\*b and 2 \< 3", "a*b and 2 < 3"),
        ("Use `<b> &amp;  x`", "Use <b> &amp; x"),
        ("one\ntwo\n\nthree", "one two\n\nthree"),
        ("# Top #\n\nUnder\n-----\n", "Top\n\nUnder"),
        ("***\n\ntext\n\n---\n", "text"),
        ("> [!WARNING]\n> Hot.", "Warning: Hot."),
        ("> quoted\n> more", "quoted more"),
        ("- one\n- two\n  - deep", "- one\n\n- two\n\n  - deep"),
        ("3. three\n4. four", "3. three\n\n4. four"),
        ("- [ ] open\n- [x] done", "- [ ] open\n\n- [x] done"),
        ("A[^1] b.\n\n[^1]: word\n\n[^2]: Two words.", "A[^1] b.\n\n[^1]: word\n\n[^2]: Two words."),
        ("| a | b |\n|:--|--:|\n| 1 | **2** |\n| | x \\| y |\n", "a: 1; b: 2\na:; b: x | y"),
        ("Put <ocid> and <your-key> in <b>it</b><br>now", "Put <ocid> and <your-key> in it now"),
        ("<details><summary>Sum</summary>\n\ninner *text*\n\n</details>", "Sum\n\ninner text"),
        ("<p align='center'>mid</p>\n\n<!-- note -->\nend", "mid\n\nend"),
        ("<div hidden>\n\nsecret\n\n</div>\n\nseen", "seen"),
        ("```python\n  if a:\n      b = '*'\n```\nafter", "      if a:\n          b = '*'\n\nafter"),
        ("```{note} Hot\n:class: x\n\nInner *md*.\n```", "Note Hot\n\nInner md."),
        ("```{code-block} python\n:linenos:\nx = 1\n```", "    x = 1"),
        ("```{toctree}\na\nb\n```\nend", "end"),
        ("[x](javascript:y) z", "x z"),
    ],
)
def test_the_text_is_what_a_reader_sees(source: str, text: str) -> None:
    assert seen(source) == text


def test_code_and_tables_are_blocks_and_comments_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# T\n\n<!-- out -->\n\n    a = 1\n\n|a|b|\n|-|-|\n|1|2|\n\n- x\n")
    document = loaded(tmp_path / "a.md")
    found = [(block.kind, document.text[block.start : block.end]) for block in document.blocks]
    assert found == [("heading", "T"), ("code", "    a = 1"), ("table", "a: 1; b: 2"), ("list", "- x")]
    assert document.metadata == {"hidden_characters": len("<!--out-->")}


@pytest.mark.parametrize("source", ["> " * 1500 + "x", "".join(f"{'  ' * n}- x\n" for n in range(1500))])
def test_text_that_is_nested_too_deep_is_refused_and_not_cut_off(tmp_path: Path, source: str) -> None:
    (tmp_path / "a.md").write_text(source)
    (found,) = load_paths([tmp_path / "a.md"], Settings())
    assert isinstance(found, FailedFile)
    assert "nested" in found.reason


@st.composite
def texts(draw: st.DrawFn) -> str:
    forms = [
        "{}",
        "# {}",
        "- {}\n- {}",
        "1. {}\n\n   {}",
        "> {}",
        "**{}** and *{}*",
        "[{}](http://x.y) {}",
        "![{}](a.png)",
        "`{}`",
        "```\n{}\n```",
        "    {}",
        "| {} | {} |\n|--|--|\n| {} | {} |",
        "<div>{}</div>",
        "<p>{}</p>\n\n{}",
        "{}\n===",
        "~~{}~~ <b>{}</b>",
        "a[^1]\n\n[^1]: {}",
        "<{}",
        "{}\\\n{}",
        "*{} **{}",
    ]
    chosen = draw(st.lists(st.sampled_from(forms), min_size=1, max_size=6))
    pieces = [form.format(*(draw(WORDS) for _ in range(form.count("{}")))) for form in chosen]
    return draw(st.sampled_from(["\n\n", "\n"])).join(pieces)


@given(texts())
def test_every_word_that_is_no_mark_is_in_the_text(source: str) -> None:
    marked = re.compile(r"[a-z]{2,6}[0-9]{3}")
    assert sorted(set(marked.findall(source))) == sorted(set(marked.findall(seen(source))))

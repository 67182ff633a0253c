"""reStructuredText: what its reader sees, whatever directives and roles it uses, and every word of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.documents import FailedFile
from retrieval.loaders import load_paths
from retrieval.loaders.canonical import TextBuilder
from retrieval.loaders.sphinx.directives import parsed
from retrieval.loaders.sphinx.doctree import Walk
from settings import Settings
from tests.retrieval.office.packages import loaded

WORDS = st.lists(st.from_regex(r"[a-z]{2,6}[0-9]{3}", fullmatch=True), min_size=1, max_size=4).map(" ".join)


def seen(source: str) -> str:
    built = TextBuilder()
    Walk(built, 1000).add(parsed(source))
    return built.text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("*****\nTitle\n*****\n\nPart\n====\n\ntext", "Title\n\nPart\n\ntext"),
        ("Some **bold**, *em*, ``x  y`` and `this`", "Some bold, em, x  y and this"),
        ("See :meth:`~a.b.c()`, :ref:`the pool <pool>` and :py:class:`!X`.", "See c(), the pool and X."),
        ("See :nobody:`knows` and :file:`/usr/<name>`.", "See knows and /usr/<name>."),
        ("A `link <http://x.y>`_, `other`__ and http://z.w.\n\n__ http://q", "A link, other and http://z.w."),
        (".. _here:\n\nText here_.", "Text here."),
        ("The |x| and |unknown|.\n\n.. |x| replace:: *real* thing", "The real thing and unknown."),
        (".. a comment\n   of two lines\n\ntext", "text"),
        (".. note:: Take care.\n\n   More.", "Note: Take care.\n\nMore."),
        (".. seealso::\n\n   That.", "See also\n\nThat."),
        (".. versionadded:: 2.1\n\n   It is *new*.", "Added in version 2.1\n\nIt is new."),
        (".. deprecated:: 2.1 Use ``x``.", "Deprecated since version 2.1 Use x."),
        (
            ".. py:function:: f(a, *b, **c)\n\n   Does it.\n\n   :param a: what",
            "f(a, *b, **c)\n\nDoes it.\n\n- param a: what",
        ),
        (".. unheard-of:: words\n   :option: value\n\n   Content *here*.", "words\n\nContent here."),
        (".. toctree::\n   :maxdepth: 2\n\n   a\n   b\n\nend", "end"),
        (".. literalinclude:: /etc/passwd\n   :language: text\n\nend", "end"),
        (".. include:: /etc/passwd\n\nend", "end"),
        (".. raw:: html\n\n   <p>Raw <b>words</b></p>\n\nend", "Raw words\n\nend"),
        (".. raw:: html\n   :file: /etc/passwd\n\nend", "end"),
        (".. csv-table:: T\n   :file: /etc/passwd\n\nend", "end"),
        (".. code-block:: python\n   :caption: It\n\n   if a:\n       *b*\n", "It\n\n    if a:\n        *b*"),
        (".. code::\n   a\n     b\n", "    a\n      b"),
        ("So::\n\n    a |b|\n      c\n", "So:\n\n    a |b|\n      c"),
        (">>> 1 + 1\n2\n\nend", "    >>> 1 + 1\n    2\n\nend"),
        (".. math:: a_b * c", "    a_b * c"),
        ("3. three\n4. four\n\n   more", "3. three\n\n4. four\n\n  more"),
        ("a) one\nb) two", "a) one\n\nb) two"),
        (
            "- one\n\n  - deep\n\n    more\n\n    - deeper\n- two",
            "- one\n\n  - deep\n\n   more\n\n   - deeper\n\n- two",
        ),
        ("- Run::\n\n    a = 1\n\n  .. note:: Not so.", "- Run:\n\n      a = 1\n\n  Note: Not so."),
        ("term\n  ::\n\n    a = 1\n\n  It.", "- term:\n\n      a = 1\n\n  It."),
        ("* ::\n\n    a = 1\n\n*\n\n* b", "      a = 1\n\n- b"),
        ("term : kind\n    What it is.\n\nother\n    More.", "- term : kind: What it is.\n\n- other: More."),
        (":Author: Ann\n:Date: 2020\n\ntext", "- Author: Ann\n\n- Date: 2020\n\ntext"),
        ("-a, --all  Show all.\n-b         Be brief.", "- -a, --all Show all.\n\n- -b Be brief."),
        ("| one\n|   two\n| three", "one\n  two\nthree"),
        ("A [#n]_ b [1]_.\n\n.. [#n] auto\n.. [1] first", "A [^2] b [^1].\n\n[^2]: auto\n\n[^1]: first"),
        (".. figure:: a.png\n   :alt: plan\n\n   The caption.\n\n   Legend.", "plan\n\nThe caption.\n\nLegend."),
        (".. image:: a.png\n   :alt: plan", "plan"),
        ("== ==\na  b\n== ==\n1  2\n\\  x\n== ==", "a: 1; b: 2\na:; b: x"),
        ("+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n+   +---+\n|   | 3 |\n+---+---+", "a: 1; b: 2\na: 1; b: 3"),
        (".. list-table:: T\n   :header-rows: 1\n\n   * - a\n     - b\n   * - 1\n     - 2", "T\n\na: 1; b: 2"),
        (".. csv-table::\n   :header: a, b\n\n   1, 2", "a: 1; b: 2"),
        ("=====\na b c\n== ==\n1  2\n", "a b c\n\n1  2"),
        (".. note::\n   :nonsense: x\n\n   Kept text.", ":nonsense: x\n\nKept text."),
        ("a \\* b", "a * b"),
        ("long " * 3000 + "end", "long " * 3000 + "end"),
    ],
)
def test_the_text_is_what_a_reader_sees(source: str, text: str) -> None:
    assert seen(source) == text


def test_headings_nest_and_blocks_are_marked(tmp_path: Path) -> None:
    source = "=====\nTitle\n=====\n\nPart\n====\n\n- x\n\nSub\n---\n\n::\n\n  code\n\nPart two\n========\n\n.. note\n"
    (tmp_path / "a.rst").write_text(source)
    document = loaded(tmp_path / "a.rst")
    assert [(each.level, each.title) for each in document.headings] == [
        (1, "Title"),
        (2, "Part"),
        (3, "Sub"),
        (2, "Part two"),
    ]
    kinds = [(block.kind, document.text[block.start : block.end]) for block in document.blocks]
    assert [each for each in kinds if each[0] != "heading"] == [("list", "- x"), ("code", "    code")]
    assert (document.title, document.metadata) == ("Title", {"hidden_characters": 4})


def test_what_one_text_defines_is_unknown_to_the_next(tmp_path: Path) -> None:
    assert seen(".. role:: html(raw)\n   :format: html\n\nA :html:`<b>` c") == "A <b> c"
    assert seen("A :html:`<b>` c") == "A <b> c"


def test_text_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.rst").write_text("".join(f"{' ' * n}- x\n\n" for n in range(0, 1000, 2)))
    (found,) = load_paths([tmp_path / "a.rst"], Settings())
    assert isinstance(found, FailedFile)
    assert "nested too deep" in found.reason


@st.composite
def texts(draw: st.DrawFn) -> str:
    forms = [
        "{}",
        "{}\n" + "=" * 40,
        "- {}\n- {}",
        "1. {}\n\n   {}",
        "**{}** and *{}*",
        "`{} <http://x.y>`_ {}",
        ":meth:`{}` {}",
        ".. note:: {}\n\n   {}",
        ".. code-block:: python\n\n   {}\n",
        "{}::\n\n   {}\n",
        ".. unknown:: {}\n\n   {}",
        "{}\n   {}",
        ":{}: {}",
        "| {}\n| {}",
        ".. list-table::\n\n   * - {}\n     - {}",
        "== ==\n{}\n== ==",
        "*{} **{} ``{}",
        "|{}| `{}",
        ".. figure:: x\n   :bad: y\n\n   {}",
        "  {}\n {}\n{}",
    ]
    chosen = draw(st.lists(st.sampled_from(forms), min_size=1, max_size=6))
    pieces = [form.format(*(draw(WORDS) for _ in range(form.count("{}")))) for form in chosen]
    return draw(st.sampled_from(["\n\n", "\n"])).join(pieces)


@given(texts())
def test_every_word_that_is_no_mark_is_in_the_text(source: str) -> None:
    marked = re.compile(r"[a-z]{2,6}[0-9]{3}")
    assert sorted(set(marked.findall(source))) == sorted(set(marked.findall(seen(source))))

"""RTF: one small input per property, each with its right value."""

from __future__ import annotations

import pytest

from tests.retrieval.formats.loading import blocks, headings, one, refused, saved

STYLES = r"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 heading 1;}{\s2 heading 2;}{\*\cs9 Char;}}"
FONTS = (
    r"{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial Cyr;}{\f2\fcharset128 MS Mincho;}{\f3\fcharset2 Symbol;}}"
)
ROW = r"\trowd\cellx1\cellx2 "


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (r"One.\par Two\line three.\par", "One.\n\nTwo\nthree."),
        (r"caf\'e9 \u8364?5 \uc2\u8364 ab\uc0\u39318 c\emdash \~\bullet", "café €5 €首c—\xa0•"),
        (r"\u-10179?\u-8704? ok", "\U0001f600 ok"),
        (r"{\f1 \'cf\'f0\'e8\'e2\'e5\'f2} {\f2 \'93\'fa\'96\'7b a}", "Привет 日本 a"),
        (r"one {\deleted gone }{\v hidden }two", "one two"),
        (r"{\field{\*\fldinst{HYPERLINK http://x}}{\fldrslt{link}}} and {\*\unknown{\b gone}}rest", "link and rest"),
        (r"{\pict\bin5 }{\\} {\nonshppict x}}a{\object{\*\objdata 0a}{\result shown}}", "ashown"),
        (r"text{\footnote{\chftn} The note.} goes on.\par Next.", "text[^1] goes on.\n\n[^1]: The note.\n\nNext."),
        (r"a{\*\annotation A comment.}b", "ab"),
        (r"{\header Top\par}{\footer Bottom\par}Body.\par{\header Top\par}", "Top\n\nBody.\n\nBottom"),
        (
            r"Para{\shp{\*\shpinst{\sp{\sn x}}{\shptxt In a box.\par}}{\shprslt z}} end.\par",
            "Para end.\n\nIn a box.",
        ),
        (r"a\-b\_c \{x\} \\", "ab-c {x} \\"),
        ("line one\r\nline\\\ntwo", "line oneline\n\ntwo"),
    ],
)
def test_text_is_that_which_a_reader_sees(tmp_path, given, text):
    content = rf"{{\rtf1\ansi\ansicpg1252\deff0{FONTS}{{\info{{\author X}}}}{given}}}"
    assert one(saved(tmp_path, "a.rtf", content)).text == text


def test_headings_lists_title_and_hidden_text_are_known(tmp_path):
    given = (
        rf"{{\rtf1{STYLES}{{\info{{\title The title}}}}\pard\s1 First\par\pard\s2 Second\par\pard Text.\par"
        r"\pard{\listtext\'b7\tab}item\par\pard\outlinelevel2 Third\par\pard{\v xy }z\par}}after"
    )
    document = one(saved(tmp_path, "a.rtf", given))
    assert document.text == "First\n\nSecond\n\nText.\n\n· item\n\nThird\n\nz"
    assert (document.title, headings(document)) == ("The title", [(1, "First"), (2, "Second"), (3, "Third")])
    assert ("list", "· item") in blocks(document)
    assert document.metadata == {"hidden_characters": 2}


def test_rows_of_tables_are_lines(tmp_path):
    given = (
        rf"{{\rtf1 Before.\par{ROW}\trhdr\pard\intbl Name\cell Size\cell\row{ROW}\pard\intbl x\par y\cell 1\cell\row"
        r"\trowd\clvmrg\cellx1\cellx2\pard\intbl\cell 2\cell\row\trowd\cellx1\clmrg\cellx2\pard\intbl all\cell\cell\row"
        r"\pard After.\par}"
    )
    document = one(saved(tmp_path, "a.rtf", given))
    assert document.text == ("Before.\n\nName: x y; Size: 1\nName: x y; Size: 2\nName: all; Size: all\n\nAfter.")
    assert [kind for kind, _ in blocks(document)] == ["table"]


def test_a_table_within_a_cell_is_part_of_the_cell(tmp_path):
    given = (
        rf"{{\rtf1{ROW}\pard\intbl\itap2 a\nestcell b\nestcell{{\*\nesttableprops\trowd\cellx9\nestrow}}"
        r"\pard\intbl\cell c\cell\row\pard x\par}"
    )
    assert one(saved(tmp_path, "a.rtf", given)).text == "a, b, ; | c\n\nx"


def test_comments_are_read_where_asked_for(tmp_path):
    given = saved(tmp_path, "a.rtf", r"{\rtf1 a{\*\annotation A comment.}b}")
    assert one(given, comments=True).text == "ab\n\n[comment: A comment.]"


@pytest.mark.parametrize(("given", "reason"), [("plain", "it is not RTF"), (r"{\rtf1}", "it contains no text")])
def test_what_is_no_rtf_is_refused(tmp_path, given, reason):
    assert reason in refused(saved(tmp_path, "a.rtf", given))


def test_groups_may_be_nested_deeply_or_not_be_closed(tmp_path):
    assert one(saved(tmp_path, "a.rtf", r"{\rtf1 " + "{" * 100_000 + "x")).text == "x"

"""PPTX: titles, shapes by position, groups, tables, charts, notes."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pptx
import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from retrieval.splitting import split_document
from tests.retrieval.office.packages import PREFIXES, loaded

BLANK, TITLED, COMPARED = 6, 1, 4


@pytest.fixture
def deck() -> Any:
    return pptx.Presentation()


def slide_of(deck: Any, layout: int = BLANK) -> Any:
    return deck.slides.add_slide(deck.slide_layouts[layout])


def box(shapes: Any, text: str, left: float, top: float) -> Any:
    made = shapes.add_textbox(Inches(left), Inches(top), Inches(1), Inches(1))
    made.text_frame.text = text
    return made


def saved(deck: Any, folder: Path) -> Path:
    deck.save(folder / "a.pptx")
    return folder / "a.pptx"


def test_shapes_stand_in_the_order_of_their_places(deck: Any, tmp_path: Path) -> None:
    slide = slide_of(deck)
    for text, left, top in (("low", 0, 5), ("right", 4, 1.1), ("left", 1, 1.2), ("top", 3, 0)):
        box(slide.shapes, text, left, top)
    assert loaded(saved(deck, tmp_path)).text == "top\n\nleft\n\nright\n\nlow"


def test_the_title_comes_first_and_is_a_heading(deck: Any, tmp_path: Path) -> None:
    slide = slide_of(deck, TITLED)
    box(slide.shapes, "above", 0, 0)
    slide.placeholders[1].text = "body\nof two"
    slide.shapes.title.text = "Title"
    box(slide_of(deck).shapes, "untitled", 0, 0)
    slide_of(deck)
    document = loaded(saved(deck, tmp_path))
    assert document.text == "Title\n\nabove\n\nbody\nof two\funtitled\f"
    assert [(each.title, each.start) for each in document.headings] == [("Title", 0), ("Slide 2", 26)]
    assert document.text[26:] == "untitled\f"
    assert (document.title, len(document.page_starts)) == ("Title", 3)


def test_a_placeholder_is_where_its_layout_puts_it(deck: Any, tmp_path: Path) -> None:
    slide = slide_of(deck, COMPARED)
    for index, text in ((4, "right body"), (2, "left body"), (3, "right head"), (1, "left head")):
        slide.placeholders[index].text = text
    slide.shapes.title.text = "Two"
    tree = slide.shapes._spTree
    for shape in list(tree)[2:]:  # the file holds them in another order
        tree.insert(2, shape)
    assert loaded(saved(deck, tmp_path)).text == "Two\n\nleft head\n\nright head\n\nleft body\n\nright body"


def test_groups_are_read_as_one_place(deck: Any, tmp_path: Path) -> None:
    slide = slide_of(deck)
    box(slide.shapes, "between", 3, 2)
    group = slide.shapes.add_group_shape()
    inner = group.shapes.add_group_shape()
    box(inner.shapes, "second", 0, 4)
    box(group.shapes, "first", 0, 1)
    assert loaded(saved(deck, tmp_path)).text == "first\n\nsecond\n\nbetween"


@pytest.mark.parametrize(
    ("first_row", "text"),
    [(True, "k: a; v: 1; w:\nk: b; v: 1\nk: c; v:; w: c"), (False, "k | v | w\na | 1 |\nb | 1 |\nc |  | c")],
)
def test_rows_of_tables_are_lines(deck: Any, tmp_path: Path, first_row: bool, text: str) -> None:
    frame = slide_of(deck).shapes.add_table(4, 3, 0, 0, Inches(5), Inches(2))
    table = frame.table
    table.first_row = first_row
    for at, row in enumerate((("k", "v", "w"), ("a", "1", ""), ("b", "", ""), ("c", "", "c"))):
        for column, cell in enumerate(row):
            table.cell(at, column).text = cell
    table.cell(1, 1).merge(table.cell(2, 1))
    assert loaded(saved(deck, tmp_path)).text == text


def test_charts_give_their_titles_and_series(deck: Any, tmp_path: Path) -> None:
    data = CategoryChartData()
    data.categories = ["Q1", "Q2"]
    data.add_series("Tea", (1, 2.5))
    data.add_series("Milk", (3, None))
    chart = slide_of(deck).shapes.add_chart(XL_CHART_TYPE.LINE, 0, 0, Inches(4), Inches(3), data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Sales"
    chart.value_axis.has_title = True
    chart.value_axis.axis_title.text_frame.text = "Euros"
    assert loaded(saved(deck, tmp_path)).text == "Sales\nEuros\nQ1; Tea: 1; Milk: 3\nQ2; Tea: 2.5"


def test_notes_stand_below_their_slide(deck: Any, tmp_path: Path) -> None:
    slide = slide_of(deck, TITLED)
    slide.shapes.title.text = "Title"
    slide.notes_slide.notes_text_frame.text = "Say this."
    assert loaded(saved(deck, tmp_path)).text == "Title\n\nNotes: Say this."


def rewritten(path: Path, part: str, old: str, new: str) -> Path:
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    assert old.encode() in parts[part]
    parts[part] = parts[part].replace(old.encode(), new.encode())
    with zipfile.ZipFile(path, "w") as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return path


ALTERNATIVES = (
    f'<mc:AlternateContent xmlns:mc="{PREFIXES["mc"]}" xmlns:m="{PREFIXES["m"]}"><mc:Choice><m:oMath><m:r>'
    "<m:t>x</m:t></m:r></m:oMath></mc:Choice><mc:Fallback><a:r><a:t>picture</a:t></a:r></mc:Fallback>"
    "</mc:AlternateContent>"
)
FIELD = '<a:fld id="{00000000-0000-0000-0000-000000000000}" type="%s"><a:t>7</a:t></a:fld>'


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ("<a:r><a:t>a</a:t></a:r><a:br/><a:r><a:t>b</a:t></a:r>", "a\nb"),
        (f"<a:r><a:t>page </a:t></a:r>{FIELD % 'slidenum'}", "page"),
        (FIELD % "datetime1", "7"),
        (ALTERNATIVES, "x"),
    ],
)
def test_what_a_paragraph_holds(deck: Any, tmp_path: Path, inner: str, text: str) -> None:
    box(slide_of(deck).shapes, "here", 0, 0)
    path = rewritten(saved(deck, tmp_path), "ppt/slides/slide1.xml", "<a:r><a:t>here</a:t></a:r>", inner)
    assert loaded(path).text == text


def test_shapes_that_are_switched_off_stay_out_and_are_counted(deck: Any, tmp_path: Path) -> None:
    slide = slide_of(deck)
    box(slide.shapes, "seen", 0, 0)
    box(slide.shapes, "not this", 0, 1)._element.nvSpPr.cNvPr.set("hidden", "1")
    document = loaded(saved(deck, tmp_path))
    assert (document.text, document.metadata["hidden_characters"]) == ("seen", 7)


def test_a_missing_picture_harms_nothing(deck: Any, tmp_path: Path) -> None:
    box(slide_of(deck).shapes, "text", 0, 0)
    path = saved(deck, tmp_path)
    uri = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
    entry = f'<Relationship Id="rId99" Type="{uri}" Target="../media/NULL"/></Relationships>'
    assert loaded(rewritten(path, "ppt/slides/_rels/slide1.xml.rels", "</Relationships>", entry)).text == "text"


def test_passages_are_the_text_at_their_offsets(deck: Any, tmp_path: Path) -> None:
    for number in range(4):
        slide = slide_of(deck, TITLED)
        slide.shapes.title.text = f"Slide of {number}"
        slide.placeholders[1].text = "word " * 80
    document = loaded(saved(deck, tmp_path))
    spans = split_document(document, chunk_chars=200, overlap=0)
    assert {(each.page, each.heading_path) for each in spans} == {(n + 1, (f"Slide of {n}",)) for n in range(4)}
    together = "".join(document.text[each.start : each.end] for each in spans)
    assert "".join(together.split()) == "".join(document.text.split())

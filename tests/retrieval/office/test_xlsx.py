"""XLSX: tables with their columns, values as a person sees them, nothing that hangs."""

from __future__ import annotations

import re
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Font

from retrieval.splitting import split_document
from tests.retrieval.office.packages import loaded, refused


def book_of(path: Path, rows: list[list[Any]], **formats: str) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "S"
    for row in rows:
        sheet.append(row)
    for place, code in formats.items():
        sheet[place].number_format = code
    book.save(path)
    return path


def changed(path: Path, part: str, pattern: str, by: str) -> Path:
    """Change the XML of one part of a workbook."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    text, count = re.subn(pattern, by, parts[part].decode())
    assert count, parts[part]
    parts[part] = text.encode()
    with zipfile.ZipFile(path, "w") as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return path


SHEET = "xl/worksheets/sheet1.xml"
AT = datetime(2024, 3, 1, 15, 4, 5)  # noqa: DTZ001 - a workbook has no time zones


def test_the_size_that_a_sheet_states_is_not_trusted(tmp_path: Path) -> None:
    path = book_of(tmp_path / "a.xlsx", [["a", "b"], ["c", "d"]])
    changed(path, SHEET, r'<dimension ref="[^"]*"', '<dimension ref="A1"')
    assert loaded(path).text == "S\n\na | b\nc | d"


@pytest.mark.parametrize("merged", [None, "B2:XFD1048576", "A1:XFD1048576"])
def test_one_cell_in_the_last_corner_does_not_hang(tmp_path: Path, merged: str | None) -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "first"
    book.active["XFD1048576"] = "last"
    book.save(tmp_path / "a.xlsx")
    if merged:
        reference = f'</sheetData><mergeCells><mergeCell ref="{merged}"/></mergeCells>'
        changed(tmp_path / "a.xlsx", SHEET, "</sheetData>", reference)
    repeated = {"A1:XFD1048576": "first | first\n\nfirst | last"}.get(merged or "", "first\n\nlast")
    assert loaded(tmp_path / "a.xlsx").text == f"Sheet\n\n{repeated}"


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (0.25, "0%", "25%"),
        (0.1234, "0.0%", "12.3%"),
        (-0.5, "0.00%;[Red]-0.00%", "-50.00%"),
        (0.5, '0.0" %"', "0.5"),
        (0.1 + 0.2, "General", "0.3"),
        (1234.5, "#,##0.00", "1234.5"),
        (12345678901, "0", "12345678901"),
        (1e21, "General", "1e+21"),
        (date(2024, 3, 1), "yyyy-mm-dd", "2024-03-01"),
        (date(2024, 3, 1), "d-mmm-yy", "1-Mar-24"),
        (date(2024, 3, 1), "dddd, d mmmm yyyy", "Friday, 1 March 2024"),
        (date(2024, 3, 1), "[$-409]mmmm\\ d\\,\\ yyyy;@", "March 1, 2024"),
        (date(2024, 3, 1), "mm-dd-yy", "2024-03-01"),
        (AT, "dd/mm/yyyy hh:mm", "01/03/2024 15:04"),
        (AT, "h:mm:ss AM/PM", "3:04:05 PM"),
        (time(9, 5), "h:mm", "9:05"),
        (timedelta(hours=30, minutes=5), "[h]:mm:ss", "30:05:00"),
        (True, "General", "TRUE"),
        ("00123", "@", "00123"),
        (-5.0, "yyyy-mm-dd", "-5"),
    ],
)
def test_values_are_shown_as_a_person_sees_them(tmp_path: Path, value: Any, code: str, text: str) -> None:
    assert loaded(book_of(tmp_path / "a.xlsx", [[value]], A1=code)).text == f"S\n\n{text}"


def test_dates_since_1904(tmp_path: Path) -> None:
    path = book_of(tmp_path / "a.xlsx", [[43890]], A1="yyyy-mm-dd")
    changed(path, "xl/workbook.xml", "<workbookPr */>", '<workbookPr date1904="1"/>')
    assert loaded(path).text == "S\n\n2024-03-01"


def test_a_formula_without_a_result_is_shown_as_the_formula(tmp_path: Path) -> None:
    path = book_of(tmp_path / "a.xlsx", [["=SUM(B1:C1)", 1, 2], ["=1+1", 3, 4], ["=2+2", 5, 6]])
    changed(path, SHEET, r"<f>1\+1</f><v></v>", '<f t="shared" si="0" ref="A2:A3">SUM(B2:C2)</f><v/>')
    changed(path, SHEET, r"<f>2\+2</f><v></v>", '<f t="shared" si="0"/><v></v>')
    assert loaded(path).text == "S\n\n=SUM(B1:C1) | 1 | 2\n=SUM(B2:C2) | 3 | 4\n=SUM(B3:C3) | 5 | 6"
    changed(path, SHEET, r"<v></v>|<v/>", "<v>7</v>")
    assert loaded(path).text.split("\n")[2] == "7 | 1 | 2"


def test_hidden_sheets_are_named_as_such(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Open"
    for name, state in (("Aside", "hidden"), ("Deep", "veryHidden")):
        sheet = book.create_sheet(name)
        sheet.sheet_state = state
        sheet["A1"] = f"in {name}"
    book.save(tmp_path / "a.xlsx")
    document = loaded(tmp_path / "a.xlsx")
    assert document.text == "Open\fAside (hidden sheet)\n\nin Aside\fDeep (hidden sheet)\n\nin Deep"
    assert [document.text[each.start :].split("\n")[0].split("\f")[0] for each in document.headings] == [
        "Open",
        "Aside (hidden sheet)",
        "Deep (hidden sheet)",
    ]


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ([["name", "price"], ["tea", 3.5]], "name: tea; price: 3.5"),
        ([["Prices of 2024"], ["name", "price"], ["tea", 3.5]], "Prices of 2024\nname: tea; price: 3.5"),
        (
            [["Prices"], ["in euros"], ["a", "b", "c"], ["x", None, 1], ["y", "z"]],
            "Prices\nin euros\na: x; b:; c: 1\na: y; b: z",
        ),
        ([["name", "note"], [None, None], ["tea", "green"]], "name | note\n\ntea | green"),
        ([["Name", "Ann"], ["City", "Rome"]], "Name | Ann\nCity | Rome"),
        ([[1, 2], [3, None], [None, 4]], "1 | 2\n3 |\n| 4"),
        ([["k", "v", "empty"], ["a", 1, None]], "k: a; v: 1; empty:"),
        ([["", "2023", "2024"], ["tea", 1, 2]], "| 2023 | 2024\ntea | 1 | 2"),
    ],
)
def test_rows_are_lines_below_their_header(tmp_path: Path, rows: list[list[Any]], lines: str) -> None:
    assert loaded(book_of(tmp_path / "a.xlsx", rows)).text == f"S\n\n{lines}"


@pytest.mark.parametrize("how", ["bold", "frozen", "filter"])
def test_a_header_that_the_sheet_shows_is_one(tmp_path: Path, how: str) -> None:
    book = openpyxl.load_workbook(book_of(tmp_path / "a.xlsx", [["Title"], ["k", "v"], ["a", "b"], ["c", "d"]]))
    sheet = book.active
    if how == "bold":
        sheet["A2"].font = sheet["B2"].font = Font(bold=True)
    elif how == "frozen":
        sheet.freeze_panes = "A3"
    else:
        sheet.auto_filter.ref = "A2:B4"
    book.save(tmp_path / "a.xlsx")
    assert loaded(tmp_path / "a.xlsx").text == "S\n\nTitle\n\nk: a; v: b\nk: c; v: d"


@pytest.mark.parametrize(
    ("bold", "lines"),
    [
        ((3,), "k | v\na | 1\nsum | 9\nb | 2"),
        ((1, 3), "k: a; v: 1\nk: sum; v: 9\nk: b; v: 2"),
        ((1, 2), "k a: sum; v 1: 9\nk a: b; v 1: 2"),
        ((1, 2, 3, 4), "k: a; v: 1\nk: sum; v: 9\nk: b; v: 2"),
    ],
)
def test_bold_rows_above_the_others_are_the_header_and_sums_are_not(
    tmp_path: Path, bold: tuple[int, ...], lines: str
) -> None:
    rows: list[list[Any]] = [["k", "v"], ["a", 1], ["sum", 9], ["b", 2]]
    if bold == (3,):
        rows[0] = ["k", "v" * 81]  # too long for a name
        lines = lines.replace("v", "v" * 81)
    book = openpyxl.load_workbook(book_of(tmp_path / "a.xlsx", rows))
    for number in bold:
        for cell in book.active[number]:
            cell.font = Font(bold=True)
    book.save(tmp_path / "a.xlsx")
    assert loaded(tmp_path / "a.xlsx").text == f"S\n\n{lines}"


def test_merged_cells_are_repeated(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(book_of(tmp_path / "a.xlsx", [["T"], ["x", 1, 2], [None, 3, 4], [5, None, 6]]))
    for reference in ("A1:C1", "A2:A3", "A4:B4"):
        book.active.merge_cells(reference)
    book.save(tmp_path / "a.xlsx")
    assert loaded(tmp_path / "a.xlsx").text == "S\n\nT\nx | 1 | 2\nx | 3 | 4\n5 | 5 | 6"


def test_charts_and_strings_of_several_runs_are_read(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(book_of(tmp_path / "a.xlsx", [["k", "n"], ["a", 1], ["runs", 2]]))
    chart = BarChart()
    chart.title = "Growth"
    chart.add_data(Reference(book.active, min_col=2, max_col=2, min_row=1, max_row=3), titles_from_data=True)
    book.active.add_chart(chart, "E5")
    book.save(tmp_path / "a.xlsx")
    runs = "<r><t>r</t></r><rPh sb='0' eb='1'><t>no</t></rPh><r><t>uns</t></r>"
    changed(tmp_path / "a.xlsx", SHEET, "<t>runs</t>", runs)
    assert loaded(tmp_path / "a.xlsx").text == "S\n\nk: a; n: 1\nk: runs; n: 2\n\nGrowth"


def test_strings_that_cells_share_are_read(tmp_path: Path) -> None:
    path = book_of(tmp_path / "a.xlsx", [["x"], ["y"], ["x"]])
    changed(path, SHEET, r't="inlineStr"><is><t>x</t></is>', 't="s"><v>1</v>')
    uri = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    entry = f'<Relationship Id="rId99" Type="{uri}" Target="sharedStrings.xml"/></Relationships>'
    changed(path, "xl/_rels/workbook.xml.rels", "</Relationships>", entry)
    with zipfile.ZipFile(path, "a") as package:
        main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        strings = "<si><t>no</t></si><si><r><t>in </t></r><r><rPr><b/></rPr><t>runs</t></r></si>"
        package.writestr("xl/sharedStrings.xml", f'<sst xmlns="{main}">{strings}</sst>')
    assert loaded(path).text == "S\n\nin runs\ny\nin runs"


def test_more_cells_than_the_limit_are_refused(tmp_path: Path) -> None:
    path = book_of(tmp_path / "a.xlsx", [[1, 2, 3]] * 4)
    assert "SIXPLANE_DATA__LIMITS__CELLS" in refused(path, limits={"cells": 11})
    assert loaded(path, limits={"cells": 12}).text.count("|") == 8


def test_strict_workbooks_are_read(tmp_path: Path) -> None:
    path = book_of(tmp_path / "a.xlsx", [["a", 0.5]], B1="0%")
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name).decode() for name in package.namelist()}
    with zipfile.ZipFile(path, "w") as package:
        for name, text in parts.items():
            for part in ("officeDocument", "spreadsheetml"):
                text = text.replace(f"schemas.openxmlformats.org/{part}/2006", f"purl.oclc.org/ooxml/{part}")
            package.writestr(name, text)
    assert loaded(path).text == "S\n\na | 50%"


def test_passages_are_the_text_at_their_offsets(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["name", "price"], *([f"n{n}", n] for n in range(50))]
    document = loaded(book_of(tmp_path / "a.xlsx", rows))
    spans = split_document(document, chunk_chars=200, overlap=0)
    together = "".join(document.text[each.start : each.end] for each in spans)
    assert "".join(together.split()) == "".join(document.text.split())
    assert {each.heading_path for each in spans} == {("S",)}
    assert {each.page for each in spans} == {1}

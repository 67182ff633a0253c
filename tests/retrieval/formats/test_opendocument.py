"""ODT, ODS and ODP: one small input per property, each with its right value."""

from __future__ import annotations

import pytest

from tests.retrieval.formats.loading import blocks, headings, one, refused, saved
from tests.retrieval.formats.opendocuments import content, odf, part

HIDDEN = "<style:style style:name='H' style:family='text'><style:text-properties text:display='none'/></style:style>"
NUMBERED = (
    "<text:list-style style:name='N'><text:list-level-style-number text:level='1' style:num-format='1' "
    "style:num-suffix='.'/><text:list-level-style-number text:level='2' style:num-format='a' style:num-suffix=')'/>"
    "<text:list-level-style-bullet text:level='3'/></text:list-style>"
)


def p(text: str) -> str:
    return f"<text:p>{text}</text:p>"


def item(*inner: str) -> str:
    return f"<text:list-item>{''.join(inner)}</text:list-item>"


def cell(text: str = "", attributes: str = "") -> str:
    return f"<table:table-cell {attributes}>{p(text) if text else ''}</table:table-cell>"


def row(*cells: str, attributes: str = "") -> str:
    return f"<table:table-row {attributes}>{''.join(cells)}</table:table-row>"


INDEX = (
    "<text:table-of-content><text:table-of-content-source><text:p>no</text:p></text:table-of-content-source>"
    "<text:index-body><text:p>1 Start</text:p></text:index-body></text:table-of-content>"
)
COVERED = "<table:covered-table-cell/>"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (p("a<text:s text:c='2'/>b<text:tab/>c<text:line-break/>d  \n e"), "a  b\tc\nd e"),
        (p("<text:span>A <text:a xlink:href='x'>link</text:a></text:span>, <text:date>May</text:date>"), "A link, May"),
        (p("seen <text:span text:style-name='H'>not</text:span><text:hidden-text>x</text:hidden-text>end"), "seen end"),
        (
            "<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p></text:deletion>"
            "</text:changed-region></text:tracked-changes>" + p("kept<text:change text:change-id='1'/>"),
            "kept",
        ),
        (
            p("Text<text:note text:note-class='footnote'><text:note-citation>1</text:note-citation><text:note-body>"
              "<text:p>The note.</text:p></text:note-body></text:note> goes on.") + p("Next."),
            "Text[^1] goes on.\n\n[^1]: The note.\n\nNext.",
        ),
        (p("a<draw:frame><draw:text-box><text:p>In a box.</text:p></draw:text-box></draw:frame>b"), "ab\n\nIn a box."),
        (p("a<office:annotation><dc:creator>Ann</dc:creator><text:p>Why?</text:p></office:annotation>b"), "ab"),
        ("<text:section text:display='none'><text:p>x</text:p></text:section>" + p("y"), "y"),
        (INDEX, "1 Start"),
        (p("<text:ruby><text:ruby-base>漢</text:ruby-base><text:ruby-text>かん</text:ruby-text></text:ruby>"), "漢"),
    ],
)  # fmt: skip
def test_text_is_that_which_a_reader_sees(tmp_path, body, text):
    assert one(odf(tmp_path / "a.odt", "text", body, HIDDEN)).text == text


def test_headings_lists_and_title_are_known(tmp_path):
    inner = f"<text:list>{item(p('deep'))}</text:list>"
    body = (
        "<text:h text:outline-level='1'>First</text:h><text:h text:outline-level='2'>Second</text:h>"
        f"<text:list text:style-name='N'>{item(p('one'), p('more'), inner)}{item(p('two'))}</text:list>"
        f"<text:list text:style-name='N' text:continue-numbering='true'>{item(p('three'))}</text:list>"
        f"<text:list text:style-name='N'>{item(p('anew'))}</text:list>"
        f"<text:list>{item(p('dot'))}</text:list>"
    )
    meta = part("document-meta", "<office:meta><dc:title>The title</dc:title></office:meta>")
    found = one(odf(tmp_path / "a.odt", "text", body, NUMBERED, meta_xml=meta))
    assert found.text.split("\n\n") == [
        *("First", "Second", "1. one", "  more", "  a) deep", "2. two", "3. three", "1. anew", "- dot")
    ]
    assert (found.title, headings(found)) == ("The title", [(1, "First"), (2, "Second")])
    assert blocks(found)[2] == ("list", "1. one")


def test_hidden_characters_are_counted_and_headers_are_read_once(tmp_path):
    master = "<style:master-page><style:header><text:p>Top</text:p></style:header></style:master-page>"
    styles = part("document-styles", f"<office:master-styles>{master * 2}</office:master-styles>")
    found = one(
        odf(tmp_path / "a.odt", "text", p("a<text:span text:style-name='H'>b c</text:span>"), HIDDEN, styles_xml=styles)
    )
    assert found.text == "Top\n\na"
    assert found.metadata == {"hidden_characters": 2}


def test_comments_are_read_where_asked_for(tmp_path):
    body = p("a<office:annotation><dc:creator>Ann</dc:creator><text:p>Why?</text:p></office:annotation>b")
    assert one(odf(tmp_path / "a.odt", "text", body), comments=True).text == "ab\n\n[Ann: Why?]"


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (
            "<table:table-header-rows>"
            + (row(cell("Name"), cell("Size")) + "</table:table-header-rows>")
            + (row(cell("x"), cell()) + row(cell("y"), cell("2"))),
            "Name: x; Size:\nName: y; Size: 2",
        ),
        (
            row(cell("all", "table:number-columns-spanned='2'"), COVERED, cell("c"))
            + row(cell("1"), cell("2"), cell("3")),
            "all | all | c\n1 | 2 | 3",
        ),
        (
            row(cell("tall", "table:number-rows-spanned='2'"), cell("b"))
            + row(COVERED, cell("c"))
            + row(cell("d"), cell("e")),
            "tall | b\ntall | c\nd | e",
        ),
        (row(cell("same", "table:number-columns-repeated='2'"), cell("b")), "same | same | b"),
        (
            row(cell("across", "table:number-columns-spanned='2'"), COVERED) + row(cell("a"), cell("b")),
            "across\na | b",
        ),
        (row(cell("a frame")) + row(cell("around text")), "a frame\n\naround text"),
    ],
)
def test_rows_of_tables_are_lines(tmp_path, rows, text):
    assert one(odf(tmp_path / "a.odt", "text", f"<table:table>{rows}</table:table>")).text == text


def sheet(name: str, rows: str, attributes: str = "") -> str:
    return f"<table:table table:name='{name}' {attributes}>{rows}</table:table>"


SHEET_STYLES = (
    "<style:style style:name='T' style:family='table'><style:table-properties table:display='false'/></style:style>"
    "<style:style style:name='B' style:family='table-cell'><style:text-properties fo:font-weight='bold'/></style:style>"
    "<style:style style:name='C' style:family='table-cell' style:parent-style-name='B'/>"
)


@pytest.mark.parametrize(
    ("attributes", "shown", "text"),
    [
        ("office:value-type='percentage' office:value='0.125'", "12.50%", "12.50%"),
        ("office:value-type='percentage' office:value='0.125'", "", "12.5%"),
        ("office:value-type='date' office:date-value='2026-03-02'", "02.03.26", "02.03.26"),
        ("office:value-type='date' office:date-value='2026-03-02'", "", "2026-03-02"),
        ("office:value-type='float' office:value='3.5'", "", "3.5"),
        ("table:formula='of:=SUM([.A1:.B1])'", "", "=SUM(A1:B1)"),
        ("table:formula='of:=1+1' office:value-type='float' office:value='2'", "2", "2"),
    ],
)
def test_cells_are_shown_as_a_person_sees_them(tmp_path, attributes, shown, text):
    body = sheet("S", row(cell("x"), cell(shown, attributes)))
    assert one(odf(tmp_path / "a.ods", "spreadsheet", body)).text == f"S\n\nx | {text}"


def test_sheets_are_pages_with_headers_repetitions_and_merged_cells(tmp_path):
    empty = row(cell("", "table:number-columns-repeated='16384'"), attributes="table:number-rows-repeated='1048000'")
    first = (
        row(cell("Report 2026"))
        + row(cell("Name", "table:style-name='C'"), cell("Sum", "table:style-name='B'"))
        + row(cell("a", "table:number-rows-spanned='2'"), cell("1"))
        + row(COVERED, cell("2"))
        + row(cell("b"), cell("3"), attributes="table:number-rows-repeated='2'")
        + empty
        + row(cell("below"))
    )
    second = sheet("Old", row(cell("x")), "table:style-name='T'")
    found = one(odf(tmp_path / "a.ods", "spreadsheet", sheet("Now", first) + second, SHEET_STYLES))
    assert found.text == (
        "Now\n\nReport 2026\n\nName: a; Sum: 1\nName: a; Sum: 2\nName: b; Sum: 3\nName: b; Sum: 3\n\nbelow\f"
        "Old (hidden sheet)\n\nx"
    )
    assert headings(found) == [(1, "Now"), (1, "Old (hidden sheet)")]
    assert found.page_starts == (0, found.text.index("Old"))


def test_repeated_cells_are_bounded(tmp_path):
    body = sheet(
        "S", row(cell("x", "table:number-columns-repeated='9999'"), attributes="table:number-rows-repeated='99999'")
    )
    assert "SIXPLANE_DATA__LIMITS__CELLS" in refused(odf(tmp_path / "a.ods", "spreadsheet", body))


def frame(inner: str, top: float, kind: str = "", left: float = 0) -> str:
    place = f"svg:y='{top}cm' svg:x='{left}cm' presentation:class='{kind}'"
    return f"<draw:frame {place}><draw:text-box>{inner}</draw:text-box></draw:frame>"


def test_slides_are_pages_with_titles_shapes_in_order_tables_and_notes(tmp_path):
    table = f"<draw:frame svg:y='9cm'><table:table>{row(cell('a'), cell('b'))}</table:table><draw:image/></draw:frame>"
    first = (
        frame(p("low"), 5)
        + frame(p("right"), 2, left=9)
        + frame(p("left"), 2.1)
        + frame(p("The title"), 0, "title")
        + f"<draw:g>{frame(p('grouped'), 7)}</draw:g>"
        + table
        + f"<presentation:notes>{frame(p('Say this.'), 1, 'notes')}</presentation:notes>"
    )
    body = f"<draw:page>{first}</draw:page><draw:page>{frame(p('only text'), 1)}</draw:page>"
    found = one(odf(tmp_path / "a.odp", "presentation", body))
    assert found.text == ("The title\n\nleft\n\nright\n\nlow\n\ngrouped\n\na | b\n\nNotes: Say this.\fonly text")
    assert (found.title, headings(found)) == ("The title", [(1, "The title"), (1, "Slide 2")])
    assert len(found.page_starts) == 2


def test_the_titles_and_figures_of_charts_are_read(tmp_path):
    rows = row(cell(), cell("2025")) + row(cell("Sales"), cell("7"))
    chart = content(
        "chart",
        f"<chart:chart><chart:title>{p('Sales by year')}</chart:title><table:table>"
        f"<table:table-header-rows>{row(cell(), cell('Total'))}</table:table-header-rows>"
        f"<table:table-rows>{rows}</table:table-rows></table:table></chart:chart>",
    )
    body = p("<draw:frame><draw:object xlink:href='./Object 1'/><draw:image/></draw:frame>")
    found = one(odf(tmp_path / "a.odt", "text", body, **{"Object 1__content_xml": chart}))
    assert found.text == "Sales by year\n\nTotal: 2025\nSales; Total: 7"


def test_a_document_in_one_xml_file_is_read(tmp_path):
    meta = "<office:meta><dc:title>Flat</dc:title></office:meta>"
    found = one(saved(tmp_path, "a.fodt", content("text", p("Text."), "", "document", meta)))
    assert (found.text, found.title) == ("Text.", "Flat")


ENCRYPTED = "<manifest><file-entry><encryption-data/></file-entry></manifest>"


@pytest.mark.parametrize(
    ("kind", "parts", "reason"),
    [
        ("text", {"META-INF__manifest_xml": ENCRYPTED}, "it is encrypted; save it again without a password"),
        ("spreadsheet", {}, "it holds a spreadsheet document, which its name does not say"),
        ("text", {"styles_xml": "<a>"}, "it is damaged or encrypted"),
        ("text", {}, "it contains no text"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, kind, parts, reason):
    assert reason in refused(odf(tmp_path / "a.odt", kind, "", **parts))


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path):
    path = odf(tmp_path / "a.odt", "text", p("x" * 9000))
    assert "UNPACKED_BYTES" in refused(path, limits={"unpacked_bytes": 5000})


def test_entities_are_bounded_and_load_nothing(tmp_path):
    saved(tmp_path, "secret.txt", "SECRET")
    entity = f"<!DOCTYPE x [<!ENTITY e SYSTEM 'file://{tmp_path}/secret.txt'>]>"
    path = saved(tmp_path, "a.fodt", entity + content("text", p("a &e; b"), "", "document"))
    assert one(path).text == "a &e; b"
    bomb = "<!DOCTYPE x [<!ENTITY a0 'lol'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))
    path = saved(tmp_path, "b.fodt", f"{bomb}]>{content('text', p('&a11;'), '', 'document')}")
    assert "its entities expand" in refused(path)

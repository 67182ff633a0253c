"""DOCX: every word that a reader sees, in reading order; each fault of a public report with its right value."""

from __future__ import annotations

import zipfile
from pathlib import Path

import docx
import pytest

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders import load_paths
from retrieval.loaders.office.numbering import formatted
from retrieval.splitting import split_document
from settings import Settings
from tests.retrieval.office.packages import docx_of, element, loaded, refused


def p(text: str, properties: str = "", run: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:rPr>{run}</w:rPr><w:t>{text}</w:t></w:r></w:p>"


def r(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


def row(*cells: str, properties: str = "") -> str:
    return f"<w:tr>{properties}{''.join(cells)}</w:tr>"


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{p(text)}</w:tc>"


def box(text: str) -> str:
    return f"<w:txbxContent>{p(text)}</w:txbxContent>"


SHAPE = "<w:drawing><a:graphic><wps:wsp><wps:spPr/><wps:txbx>{}</wps:txbx></wps:wsp></a:graphic></w:drawing>"
PICT = "<w:pict><v:shape><v:textbox>{}</v:textbox></v:shape></w:pict>"
BOTH = "<mc:AlternateContent><mc:Choice>{}</mc:Choice><mc:Fallback>{}</mc:Fallback></mc:AlternateContent>"
FIELD = (
    '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> DATE </w:instrText></w:r>'
    '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>'
    f'{r("inner")}<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{r("today")}<w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>'
)


RUBY = f"<w:ruby><w:rt>{r('にほん')}</w:rt><w:rubyBase>{r('日本')}</w:rubyBase></w:ruby>"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (f"<w:sdt><w:sdtPr/><w:sdtContent>{p('block')}</w:sdtContent></w:sdt>", "block"),
        (f"<w:p>{r('a ')}<w:sdt><w:sdtContent>{r('inline')}</w:sdtContent></w:sdt>{r(' b')}</w:p>", "a inline b"),
        (f"<w:sdt><w:sdtContent><w:sdt><w:sdtContent>{p('x')}</w:sdtContent></w:sdt></w:sdtContent></w:sdt>", "x"),
        (f"<w:customXml>{p('custom')}</w:customXml>", "custom"),
        (f"<w:p>{r('at ')}<w:smartTag><w:smartTag>{r('Paris')}</w:smartTag></w:smartTag></w:p>", "at Paris"),
        (f"<w:p><w:ins>{r('added')}</w:ins><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>", "added"),
        (f"<w:p><w:moveFrom>{r('here')}</w:moveFrom></w:p><w:p><w:moveTo>{r('there')}</w:moveTo></w:p>", "there"),
        (f"<w:ins>{p('whole')}</w:ins>", "whole"),
        (f"<w:p><w:hyperlink>{r('a link')}</w:hyperlink></w:p>", "a link"),
        (f"<w:p><w:fldSimple w:instr='PAGE'>{r('7')}</w:fldSimple></w:p>", "7"),
        (FIELD, "today"),
        (f"<w:p><w:r><w:fldChar w:fldCharType='begin'/></w:r>{r('no end')}</w:p>", "no end"),
        (f"<w:p>{r('see')}<w:r>{SHAPE.format(box('boxed'))}</w:r></w:p>", "see\n\nboxed"),
        (f"<w:p><w:r>{BOTH.format(SHAPE.format(box('once')), PICT.format(box('once')))}</w:r></w:p>", "once"),
        (f"<w:p><w:r>{PICT.format(box('old'))}</w:r></w:p>", "old"),
        (f"<w:p><w:r>{BOTH.format('', '<w:t>☺</w:t>')}</w:r></w:p>", "☺"),
        (BOTH.format(p("new"), p("former")), "new"),
        (
            "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/><w:t>d</w:t></w:r></w:p>",
            "a\tb\nc-d",
        ),
        (f"<w:p><w:r>{RUBY}</w:r></w:p>", "日本(にほん)"),
        (f"<w:p><w:bdo>{r('bidi')}</w:bdo><w:later>{r(' later')}</w:later></w:p>", "bidi later"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_all_text_is_read_in_order(tmp_path: Path, body: str, text: str, strict: bool) -> None:
    document = loaded(docx_of(tmp_path / "a.docx", p("before") + body + p("after"), strict=strict))
    assert document.text == f"before\n\n{text}\n\nafter"


NOTES = (
    "<w:{0}note w:id='0' w:type='separator'>"
    + p("no")
    + "</w:{0}note><w:{0}note w:id='2'>"
    + p("{0} text")
    + "</w:{0}note>"
)


def test_notes_stand_below_the_paragraph_that_refers_to_them(tmp_path: Path) -> None:
    body = (
        f"<w:p>{r('One')}<w:r><w:footnoteReference w:id='2'/></w:r>{r(' two')}<w:r><w:endnoteReference w:id='2'/></w:r>"
        f"</w:p>{p('After.')}"
    )
    related = {
        f"{kind}notes.xml": (f"{kind}notes", element(f"w:{kind}notes", NOTES.format(kind))) for kind in ("foot", "end")
    }
    document = loaded(docx_of(tmp_path / "a.docx", body, related))
    assert document.text == "One[^1] two[^2]\n\n[^1]: foot text\n\n[^2]: end text\n\nAfter."


@pytest.mark.parametrize(("asked", "text"), [(False, "Said."), (True, "Said.\n\n[Ann: why?]")])
def test_comments_are_read_where_they_are_asked_for(tmp_path: Path, asked: bool, text: str) -> None:
    comments = element("w:comments", f"<w:comment w:id='3' w:author='Ann'>{p('why?')}</w:comment>")
    body = f"<w:p>{r('Said.')}<w:r><w:commentReference w:id='3'/></w:r></w:p>"
    path = docx_of(tmp_path / "a.docx", body, {"comments.xml": ("comments", comments)})
    assert loaded(path, comments=asked).text == text


STYLES = element(
    "w:styles",
    "<w:style w:styleId='berschrift1'><w:name w:val='heading 1'/></w:style>"
    "<w:style w:styleId='Own'><w:name w:val='House'/><w:basedOn w:val='berschrift1'/></w:style>"
    "<w:style w:styleId='Level'><w:name w:val='Chapter'/><w:pPr><w:outlineLvl w:val='1'/></w:pPr></w:style>"
    "<w:style w:styleId='T'><w:name w:val='Title'/></w:style>"
    "<w:style w:styleId='Loop'><w:name w:val='x'/><w:basedOn w:val='Loop'/></w:style>"
    "<w:style w:styleId='Ghost'><w:name w:val='g'/><w:rPr><w:vanish/></w:rPr></w:style>",
)


@pytest.mark.parametrize(
    ("properties", "level"),
    [
        ("<w:pStyle w:val='berschrift1'/>", 1),
        ("<w:pStyle w:val='Own'/>", 1),
        ("<w:pStyle w:val='Level'/>", 2),
        ("<w:pStyle w:val='T'/>", 1),
        ("<w:outlineLvl w:val='2'/>", 3),
        ("<w:pStyle w:val='Level'/><w:outlineLvl w:val='9'/>", None),
        ("<w:pStyle w:val='Loop'/>", None),
        ("<w:pStyle w:val='none such'/>", None),
    ],
)
def test_headings_are_known_by_style_and_by_outline_level(tmp_path: Path, properties: str, level: int | None) -> None:
    body = p("Text.") + p("Heading", properties)
    document = loaded(docx_of(tmp_path / "a.docx", body, {"styles.xml": ("styles", STYLES)}))
    assert [(each.level, document.text[each.start :]) for each in document.headings] == (
        [] if level is None else [(level, "Heading")]
    )


NESTED = f"<w:tbl>{row(cell('n1'), cell('n2'))}{row(cell('n3'), cell('n4'))}</w:tbl>"


def level(at: int, form: str, text: str, start: int = 1) -> str:
    return (
        f"<w:lvl w:ilvl='{at}'><w:start w:val='{start}'/><w:numFmt w:val='{form}'/><w:lvlText w:val='{text}'/></w:lvl>"
    )


NUMBERING = element(
    "w:numbering",
    f"<w:abstractNum w:abstractNumId='7'>{level(0, 'decimal', '%1.')}{level(1, 'lowerLetter', '%1.%2)')}"
    "</w:abstractNum>"
    f"<w:abstractNum w:abstractNumId='8'>{level(0, 'bullet', '')}{level(1, 'upperRoman', '(%2)', 4)}</w:abstractNum>"
    "<w:num w:numId='1'><w:abstractNumId w:val='7'/></w:num><w:num w:numId='2'><w:abstractNumId w:val='8'/></w:num>"
    "<w:num w:numId='3'><w:abstractNumId w:val='7'/><w:lvlOverride w:ilvl='0'><w:startOverride w:val='5'/>"
    "</w:lvlOverride></w:num>",
)


@pytest.mark.parametrize(
    ("items", "labels"),
    [
        (((1, 0), (1, 0), (1, 1), (1, 1), (1, 0), (1, 1)), "1. 2. 2.a) 2.b) 3. 3.a)"),
        (((2, 0), (2, 1), (2, 1), (2, 0), (2, 1)), "- (IV) (V) - (IV)"),
        (((1, 0), (3, 0), (3, 0), (1, 0)), "1. 5. 6. 7."),
        (((0, 0), (9, 0), (1, 5)), ""),
    ],
)
def test_items_have_the_numbers_that_word_shows(
    tmp_path: Path, items: tuple[tuple[int, int], ...], labels: str
) -> None:
    numbers = (f"<w:numPr><w:ilvl w:val='{at}'/><w:numId w:val='{name}'/></w:numPr>" for name, at in items)
    path = docx_of(tmp_path / "a.docx", "".join(p("x", each) for each in numbers), {"n.xml": ("numbering", NUMBERING)})
    assert " ".join(loaded(path).text.replace("x", "").split()) == labels


def test_a_style_numbers_its_headings(tmp_path: Path) -> None:
    number = "<w:numPr><w:numId w:val='1'/></w:numPr>"
    style = f"<w:style w:styleId='H'><w:name w:val='heading 1'/><w:pPr>{number}</w:pPr></w:style>"
    related = {"n.xml": ("numbering", NUMBERING), "s.xml": ("styles", element("w:styles", style))}
    body = "".join(p(text, "<w:pStyle w:val='H'/>") for text in ("Scope", "", "Terms"))
    document = loaded(docx_of(tmp_path / "a.docx", body, related))
    assert [each.title for each in document.headings] == ["1. Scope", "3. Terms"]


@pytest.mark.parametrize(
    ("count", "form", "text"),
    [
        (28, "lowerLetter", "bb"),
        (0, "lowerLetter", "0"),
        (1994, "upperRoman", "MCMXCIV"),
        (7, "decimalZero", "07"),
        (3, "ideograph", "3"),
    ],
)
def test_counts_are_written_in_their_format(count: int, form: str, text: str) -> None:
    assert formatted(count, form) == text


CUT = f"{'long ' * 15}long…"
"""What stands of a long text in the further columns and rows that its cell spans."""


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ([row(cell("a"), cell(""), cell("c")), row(cell("d"), cell("e"), cell(""))], "a |  | c\nd | e |"),
        (
            [
                row(cell("m", '<w:gridSpan w:val="2"/>'), cell("x")),
                row(cell("v", '<w:vMerge w:val="restart"/>'), cell("1"), cell("2")),
                row(cell("", "<w:vMerge/>"), cell("3"), cell("4")),
            ],
            "m | m | x\nv | 1 | 2\nv | 3 | 4",
        ),
        (
            [
                row(cell("long " * 50, '<w:gridSpan w:val="2"/><w:vMerge w:val="restart"/>'), cell("x")),
                row(cell("", '<w:gridSpan w:val="2"/><w:vMerge/>'), cell("y")),
            ],
            f"{'long ' * 49}long | {CUT} | x\n{CUT} | {CUT} | y",
        ),
        ([row(cell("name"), cell("price")), row(cell("tea"), cell("3.50")), row(cell("milk"), cell(""))], None),
        ([row(cell("odd", '<w:gridSpan w:val="many"/>'), cell("b")), row(cell("c"), cell("d"))], "odd | b\nc | d"),
        ([row(cell("a"), cell("b"), properties="<w:trPr><w:gridBefore w:val='1'/></w:trPr>")], "| a | b"),
        ([row(cell("", "<w:vMerge/>"), cell("b")), row(cell("c"), cell("d"))], "| b\nc | d"),
        ([row(f"<w:sdt><w:sdtContent>{cell('in')}</w:sdtContent></w:sdt>", cell("b"))], "in | b"),
        ([row(cell("gone"), cell("x"), properties="<w:trPr><w:del/></w:trPr>"), row(cell("a"), cell("b"))], "a | b"),
        ([row(f"<w:tc>{p('outer')}{NESTED}</w:tc>", cell("b"))], "outer n1, n2; n3, n4 | b"),
        ([row(cell("framed"))], "framed"),
        (
            [row(cell("k"), cell("v")), row(cell("part", '<w:gridSpan w:val="2"/>')), row(cell("a"), cell("1"))],
            "part\nk: a; v: 1",
        ),
    ],
)  # fmt: skip
def test_rows_are_lines_and_cells_stay_in_their_columns(tmp_path: Path, rows: list[str], lines: str | None) -> None:
    body = f"{p('above')}<w:tbl>{''.join(rows)}</w:tbl>{p('below')}"
    expected = "name: tea; price: 3.50\nname: milk" if lines is None else lines
    assert loaded(docx_of(tmp_path / "a.docx", body)).text == f"above\n\n{expected}\n\nbelow"


@pytest.mark.parametrize("how", ["marked", "bold"])
def test_a_header_that_the_file_shows_is_one(tmp_path: Path, how: str) -> None:
    made = docx.Document()
    table = made.add_table(rows=2, cols=2)
    for each, text in zip((each for line in table.rows for each in line.cells), ("k", "v", "a", "b"), strict=True):
        each.text = text
    if how == "bold":
        for each in table.rows[0].cells:
            each.paragraphs[0].runs[0].bold = True
    else:
        table.style = "Light Grid"
    made.save(tmp_path / "a.docx")
    assert loaded(tmp_path / "a.docx").text == "k: a; v: b"


WHITE = "<w:color w:val='FFFFFF'/>"
DARK = "<w:shd w:fill='112233'/>"
HEAD = p("white", "", WHITE)
FILLED = "<w:drawing><a:graphic><wps:wsp><wps:spPr><a:solidFill/></wps:spPr></wps:wsp></a:graphic></w:drawing>"
WHITE_BOX = f"<w:txbxContent>{HEAD}</w:txbxContent>"
BOX = f"<v:rect filled='f'><v:textbox>{WHITE_BOX}</v:textbox></v:rect>"


@pytest.mark.parametrize(
    ("body", "text", "hidden"),
    [
        (p("ghost", "<w:pStyle w:val='Ghost'/>"), "", 5),
        (p("back", "<w:pStyle w:val='Ghost'/>", "<w:vanish w:val='0'/>"), "back", 0),
        (p("char", "", "<w:rStyle w:val='Ghost'/>"), "", 4),
        (HEAD, "", 5),
        (p("on dark", DARK, WHITE), "on dark", 0),
        (p("screen only", "", "<w:webHidden/>"), "screen only", 0),
        (f"<w:tbl>{row(f'<w:tc><w:tcPr>{DARK}</w:tcPr>{HEAD}</w:tc>', cell('b'))}</w:tbl>", "white | b", 0),
        (f"<w:tbl>{row(f'<w:tc>{HEAD}</w:tc>', cell('b'))}</w:tbl>", "| b", 5),
        (f"<w:p><w:r>{SHAPE.format(WHITE_BOX)}</w:r></w:p>", "", 5),
        (f"<w:p><w:r>{FILLED}</w:r><w:r>{SHAPE.format(WHITE_BOX)}</w:r></w:p>", "white", 0),
        (f"<w:p><w:r>{FILLED}</w:r></w:p><w:p><w:r>{SHAPE.format(WHITE_BOX)}</w:r></w:p>", "", 5),
        (f"<w:p><w:r><w:pict><v:group><v:rect fillcolor='navy'/>{BOX}</v:group></w:pict></w:r></w:p>", "white", 0),
    ],
)
def test_what_a_reader_does_not_see_stays_out(tmp_path: Path, body: str, text: str, hidden: int) -> None:
    path = docx_of(tmp_path / "a.docx", p("seen") + body + p("end"), {"styles.xml": ("styles", STYLES)})
    document = loaded(path)
    assert document.text == "\n\n".join(filter(None, ("seen", text, "end")))
    assert document.metadata.get("hidden_characters", 0) == hidden


def test_a_chart_is_read_and_a_missing_picture_harms_nothing(tmp_path: Path) -> None:
    points = "<c:pt idx='0'><c:v>{}</c:v></c:pt><c:pt idx='1'><c:v>{}</c:v></c:pt>"
    chart = element(
        "c:chartSpace",
        "<c:title><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:title><c:ser><c:tx><c:v>Tea</c:v></c:tx>"
        f"<c:cat>{points.format('Q1', 'Q2')}</c:cat><c:val>{points.format('3', '4')}</c:val></c:ser>",
    )
    body = f"{p('before')}<w:p><w:r><w:drawing><c:chart r:id='rId1'/></w:drawing></w:r></w:p>{p('after')}"
    related = {"chart1.xml": ("chart", chart), "NULL": ("image", "")}
    document = loaded(docx_of(tmp_path / "a.docx", body, related))
    assert document.text == "before\n\nSales\nQ1; Tea: 3\nQ2; Tea: 4\n\nafter"


def test_a_package_with_backslashes_in_the_names_of_its_parts_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    with zipfile.ZipFile(docx_of(tmp_path / "b.docx", p("read"))) as package, zipfile.ZipFile(path, "w") as written:
        for name in package.namelist():
            written.writestr(name.replace("/", "\\"), package.read(name))
    assert loaded(path).text == "read"


@pytest.mark.parametrize("suffix", [".docm", ".dotx", ".dotm"])
def test_macros_and_templates_are_documents(tmp_path: Path, suffix: str) -> None:
    assert loaded(docx_of(tmp_path / f"a{suffix}", p("read"))).text == "read"


def test_a_style_is_looked_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from retrieval import loaders
    from retrieval.loaders.office import docx_styles

    monkeypatch.setattr(loaders, "read_apart", loaders.read)
    asked: list[object] = []
    level_of = docx_styles._level_of
    monkeypatch.setattr(docx_styles, "_level_of", lambda style: asked.append(style) or level_of(style))
    body = p("word", "<w:pStyle w:val='Own'/>") * 300
    document = loaded(docx_of(tmp_path / "a.docx", body, {"styles.xml": ("styles", STYLES)}))
    assert len(document.headings) == 300
    assert len(asked) == 2  # the style and the one that it is based on


def test_a_file_that_unpacks_to_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    path = docx_of(tmp_path / "a.docx", p("x" * 10_000))
    assert path.stat().st_size < 5000
    assert "SIXPLANE_DATA__LIMITS__UNPACKED_BYTES" in refused(path, limits={"unpacked_bytes": 9000})
    assert len(loaded(path, limits={"unpacked_bytes": 20_000}).text) == 10_000


def test_passages_are_the_text_at_their_offsets(tmp_path: Path) -> None:
    body = "".join(p(f"Heading {n}", "<w:outlineLvl w:val='0'/>") + p("word " * 60) for n in range(5))
    document = loaded(docx_of(tmp_path / "a.docx", f"{body}<w:tbl>{row(cell('a'), cell('b')) * 40}</w:tbl>"))
    spans = split_document(document, chunk_chars=200, overlap=0)
    assert "".join("".join(document.text[each.start : each.end].split()) for each in spans) == "".join(
        document.text.split()
    )
    assert {each.heading_path for each in spans} == {(f"Heading {n}",) for n in range(5)}


@pytest.mark.parametrize(("body", "texts"), [(p("read"), ["read"]), ("", [])])
def test_a_document_that_is_embedded_is_reported(tmp_path: Path, body: str, texts: list[str]) -> None:
    found = list(load_paths([docx_of(tmp_path / "a.docx", f"{body}<w:altChunk r:id='rId1'/>")], Settings()))
    assert [item.text for item in found if isinstance(item, LoadedDocument)] == texts
    (failed,) = (item for item in found if isinstance(item, FailedFile))
    assert failed.source == (tmp_path / "a.docx").as_posix()
    assert "embedded in it is not read" in failed.reason


def test_elements_that_are_nested_too_deeply_are_named(tmp_path: Path) -> None:
    path = docx_of(tmp_path / "a.docx", "<w:sdt>" * 300 + p("deep") + "</w:sdt>" * 300)
    assert "nested too deeply" in refused(path)


@pytest.mark.parametrize(
    ("section", "settings", "text"),
    [
        ("", "", "Secret\n\nbody\n\nPage 1"),
        ("<w:titlePg/>", "", "Secret\n\nCover\n\nbody\n\nPage 1"),
        ("", "<w:evenAndOddHeaders/>", "Secret\n\nLeft\n\nbody\n\nPage 1"),
    ],
)
def test_what_stands_above_and_below_the_pages_is_read_once(
    tmp_path: Path, section: str, settings: str, text: str
) -> None:
    names = (("default", "header", "Secret"), ("first", "header", "Cover"), ("even", "header", "Left"))
    parts = (*names, ("default", "footer", "Page 1"))
    references = "".join(
        f"<w:{kind}Reference w:type='{type_}' r:id='rId{n}'/>" for n, (type_, kind, _) in enumerate(parts, 1)
    )
    related = {f"m{n}.xml": (kind, element("w:hdr", p(words))) for n, (_, kind, words) in enumerate(parts)}
    related["settings.xml"] = ("settings", element("w:settings", settings))
    body = p("body") + f"<w:sectPr>{references}{section}</w:sectPr>"
    twice = f"<w:p><w:pPr><w:sectPr>{references}</w:sectPr></w:pPr></w:p>"
    assert loaded(docx_of(tmp_path / "a.docx", twice + body, related)).text == text

"""What is read of a PDF: a small file for each fault, with its right value."""

from __future__ import annotations

import pytest
from reportlab.pdfgen.canvas import Canvas

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders import load_paths
from settings import Settings
from state.page_labels import label_of
from tests.retrieval.pdf.files import drawn, lines, read, refused, stream, written

BODY = ["This is a line of the usual text of the page, in small letters.", "It goes on for another line of words."] * 4


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["The field Build-", "Depends names it."], "The field Build-Depends\nnames it."),
        (["The option --dry-", "run shows it."], "The option --dry-run\nshows it."),
        (["This is an exam-", "ple of a word."], "This is an example\nof a word."),
        (["Its EXAM-", "PLE is an example."], "Its EXAMPLE\nis an example."),
        (["A dual-", "encoder is an encoder, and it is dual."], "A dual-encoder\nis an encoder, and it is dual."),
        (["It can in-", "form, as to inform in a form."], "It can inform,\nas to inform in a form."),
        (["The self-moti-", "vated were motivated."], "The self-motivated\nwere motivated."),
        (["A well-", "known or well-known thing"], "A well-known\nor well-known thing"),
        (["See https://example.org/foo-", "bar for it."], "See https://example.org/foo-bar\nfor it."),
        (["The error ORA-", "00942 says so."], "The error ORA-00942\nsays so."),
        (["It ends with mul-", "8"], "It ends with mul-\n8"),
        (["It was said -", "and written"], "It was said -\nand written"),
        (["The last line ends with co-"], "The last line ends with co-"),
        (["one fi-", "nal", "word"], "one final\nword"),
    ],
)
def test_a_hyphen_at_the_end_of_a_line_stays_if_it_belongs_to_the_word(tmp_path, texts, expected):
    assert read(drawn(tmp_path / "a.pdf", lines(texts))).text == expected


def headings(document: LoadedDocument) -> list[tuple[int, str, str, int]]:
    """Return level, title, the text there and the page of each heading."""
    return [
        (
            each.level,
            each.title,
            document.text[each.start :].split("\n")[0],
            sum(at <= each.start for at in document.page_starts),
        )
        for each in document.headings
    ]


def test_headings_are_those_of_the_outline(tmp_path):
    first = lines(["Small print", "1 Introduction", *BODY, "2 A long heading that", "goes on", *BODY])
    marks = [("Introduction", 0, 0), ("A long heading that goes on", 0, 1), ("No such line", 1, 0)]
    document = read(drawn(tmp_path / "a.pdf", first, lines(BODY), marks=marks))
    assert headings(document) == [
        (1, "Introduction", "1 Introduction", 1),
        (2, "A long heading that goes on", "2 A long heading that", 1),
        (1, "No such line", BODY[0], 2),
    ]
    assert document.title == "Introduction"
    assert "of words.\n\n2 A long heading that\ngoes on\n\nThis is" in document.text
    # The bookmark that no line repeats parts no paragraph.
    assert document.text.endswith("\n".join(BODY))
    blocks = [(each.kind, document.text[each.start : each.end]) for each in document.blocks]
    assert blocks == [("heading", "1 Introduction"), ("heading", "2 A long heading that\ngoes on")]


def test_without_an_outline_headings_are_lines_in_larger_letters(tmp_path):
    page = [
        *lines(["The whole report"], y=780, size=20),
        *lines(["1 Introduction"], y=740, size=14),
        *lines(BODY),
        *lines(["2 Methods and", "materials"], y=500, size=14),
        *lines(BODY, y=450),
    ]
    stamp = lines(["Annual report"], y=800, size=16)
    document = read(drawn(tmp_path / "a.pdf", stamp + page, *[stamp + lines(BODY)] * 3))
    assert headings(document) == [
        (1, "The whole report", "The whole report", 1),
        (2, "1 Introduction", "1 Introduction", 1),
        (2, "2 Methods and materials", "2 Methods and", 1),
    ]


def test_text_of_one_size_has_no_headings(tmp_path):
    assert read(drawn(tmp_path / "a.pdf", lines(["Short", *BODY]))).headings == ()


LEFT = [
    "The left column tells of the harbour",
    "where ships are loaded each morn-",
    "ing before the tide turns and the",
]
RIGHT = [
    "The right column tells of the hills",
    "where sheep are counted at night by",
    "shepherds who walk along the fences",
]
ACROSS = "This line goes across both of the columns and stands below them on the page."


def test_columns_that_are_drawn_line_by_line_are_read_one_after_the_other(tmp_path):
    rows = zip(lines(LEFT), lines(RIGHT, x=320), strict=True)
    page = [
        *lines(["A title above both of the columns of this page"], y=760, size=14),
        *(one for row in rows for one in row),
    ]
    document = read(drawn(tmp_path / "a.pdf", [*page, *lines([ACROSS], y=600)]))
    _, *words = document.text.replace("morning\n", "morning ").split("\n\n")
    assert "\n".join(words).split("\n") == [
        LEFT[0],
        "where ships are loaded each morning " + LEFT[2][4:],
        *RIGHT,
        ACROSS,
    ]


def test_three_columns_are_read_one_after_the_other(tmp_path):
    texts = [[f"the {name} column, line {n}" for n in ("one", "two", "six")] for name in ("first", "other", "third")]
    columns = [lines(text, x=40 + 180 * n) for n, text in enumerate(texts)]
    document = read(drawn(tmp_path / "a.pdf", [one for row in zip(*columns, strict=True) for one in row]))
    assert document.text.split("\n") == [line for text in texts for line in text]


def test_rows_of_a_table_stay_together(tmp_path):
    rows = [("Apples from the north", "12.50"), ("Pears", "8.00"), ("Plums and damsons", "101.00"), ("Figs", "7.25")]
    cells = zip(lines([name for name, _ in rows]), lines([price for _, price in rows], x=320), strict=True)
    document = read(drawn(tmp_path / "a.pdf", [one for row in cells for one in row]))
    assert [line for line in document.text.split("\n") if line] == [f"{name} {price}" for name, price in rows]


def test_columns_that_are_drawn_one_after_the_other_stay_so(tmp_path):
    document = read(drawn(tmp_path / "a.pdf", [*lines(LEFT[:1]), *lines(RIGHT, x=320)]))
    assert document.text.replace("\n\n", "\n").split("\n") == [LEFT[0] + " " + RIGHT[0], *RIGHT[1:]]


NAMELESS = "<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[6 0 R]{}>>"
GLYPHS = "<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(A)/Ordering(I)/Supplement 0>>/DW 600>>"
TO_UNICODE = """/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def
1 begincodespacerange <0000><FFFF> endcodespacerange {} endcmap end end"""
SHOWN = "BT /F 12 Tf 72 700 Td <00260027002800290030> Tj ET"


@pytest.mark.parametrize(
    "mapped",
    [
        None,
        "1 beginbfrange <0026><0030><E026> endbfrange",
        "5 beginbfchar <0026><FFFD><0027><0041><0028><FFFD><0029><0042><0030><0043> endbfchar",
        "1 beginbfrange <0026><0030><0001> endbfrange",
    ],
    ids=["no map", "private use", "replacement characters", "control characters"],
)
def test_text_that_does_not_decode_is_reported(tmp_path, mapped):
    objects = [NAMELESS.format("" if mapped is None else "/ToUnicode 7 0 R"), GLYPHS]
    objects += [stream(TO_UNICODE.format(mapped))] if mapped else []
    reason = refused(written(tmp_path / "a.pdf", SHOWN, *objects))
    assert "of its characters did not decode" in reason
    assert "OCR" in reason


def test_cids_in_the_text_did_not_decode(tmp_path):
    assert "did not decode" in refused(drawn(tmp_path / "a.pdf", lines(["(cid:12)(cid:7) and (cid:9)", "more"])))


def test_a_few_characters_that_did_not_decode_are_no_reason(tmp_path):
    assert "(cid:7)" in read(drawn(tmp_path / "a.pdf", lines([*BODY, "one (cid:7) only"]))).text


def test_bullets_of_symbol_fonts_are_bullets(tmp_path):
    named = "2 beginbfchar <0026><F0B7><0027><0041> endbfchar"
    objects = [NAMELESS.format("/ToUnicode 7 0 R"), GLYPHS, stream(TO_UNICODE.format(named))]
    shown = "BT /F 12 Tf 72 700 Td <00260027> Tj ET"
    assert read(written(tmp_path / "a.pdf", shown, *objects)).text == "\u2022A"


def test_codes_that_are_letters_without_a_name_are_text(tmp_path):
    names = "/".join(f"g{n}" for n in range(32, 127))
    differences = f"<</Differences[32/{names}]>>"
    font = (
        f"<</Type/Font/Subtype/Type1/BaseFont/X/FirstChar 32/LastChar 126/Widths[{'600 ' * 95}]/Encoding{differences}>>"
    )
    shown = "BT /F 12 Tf 72 700 Td (A font without names of its letters) Tj ET"
    assert read(written(tmp_path / "a.pdf", shown, font)).text == "A font without names of its letters"


@pytest.mark.parametrize(
    ("stated", "title"),
    [
        ("untitled", "Harbours"),
        ("Untitled-1", "Harbours"),
        ("Microsoft Word - x.docx", "Harbours"),
        ("A\x01B\x02", "Harbours"),
        ("C:\\papers\\final.indd", "Harbours"),
        ("PowerPoint Presentation", "Harbours"),
        ("price list.xlsx", "Harbours"),
        ("", "Harbours"),
        ("Untitled memories", "Untitled memories"),
        ("Introduction to robots.txt", "Introduction to robots.txt"),
        ("Of  two\nlines", "Of two lines"),
        ("港湾", "港湾"),
    ],
)
def test_a_title_that_no_author_wrote_gives_way_to_the_first_heading(tmp_path, stated, title):
    page = [*lines(["Harbours"], y=740, size=18), *lines(BODY)]
    assert read(drawn(tmp_path / "a.pdf", page, title=stated)).title == title


def test_without_a_heading_the_title_is_the_name_of_the_file(tmp_path):
    assert read(drawn(tmp_path / "harbours of 1900.pdf", lines(BODY), title="untitled")).title == "harbours of 1900"


def test_pages_that_hold_pictures_only_are_named(tmp_path):
    path = tmp_path / "a.pdf"
    canvas = Canvas(str(path))
    for page in "t..b.t":  # text, a picture, or nothing at all
        if page == "t":
            canvas.drawString(72, 700, "Words.")
        elif page == ".":
            canvas.rect(72, 72, 200, 200, fill=1)
        canvas.showPage()
    canvas.save()
    document, failed = load_paths([path], Settings())
    assert isinstance(document, LoadedDocument)
    assert (document.text, len(document.page_starts)) == ("Words.\f\f\f\f\fWords.", 6)
    assert failed == FailedFile(
        source=path.as_posix(),
        reason="no text on pages 2 to 3, 5, only pictures, and OCR was not asked for: ingest it with --ocr",
    )


def test_page_labels_stand_beside_the_count_of_the_pages(tmp_path):
    path = tmp_path / "a.pdf"
    canvas = Canvas(str(path))
    canvas.addPageLabel(0, style="ROMAN_LOWER")
    canvas.addPageLabel(2, style="ARABIC", start=1, prefix="A-")
    for n in range(4):
        canvas.drawString(72, 700, f"Page {n}.")
        canvas.showPage()
    canvas.save()
    document = read(path)
    assert [label_of(document.metadata, page) for page in range(1, 5)] == ["i", "ii", "A-1", "A-2"]
    assert len(document.page_starts) == 4
    assert read(drawn(tmp_path / "b.pdf", lines(BODY))).metadata == {}


@pytest.mark.parametrize(("kids", "pages"), [("3 0 R 9 0 R 3 0 R", 3), ("9 0 R", 0)])
def test_a_damaged_page_does_not_keep_the_others_from_being_read(tmp_path, kids, pages):
    path = written(
        tmp_path / "a.pdf",
        "BT /F 12 Tf 72 700 Td (Words.) Tj ET",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    path.write_bytes(path.read_bytes().replace(b"[3 0 R]/Count 1", f"[{kids}]/Count {pages or 1}".encode()))
    document, *failed = load_paths([path], Settings())
    if not pages:
        assert isinstance(document, FailedFile)
        assert "pages are damaged" in document.reason
        return
    assert isinstance(document, LoadedDocument)
    assert document.text == "Words.\f\fWords."
    assert [each.reason for each in failed] == ["page 2 cannot be read; open and save it again with a PDF program"]


def test_what_is_filled_into_a_form_is_read_beside_its_name(tmp_path):
    canvas = Canvas(str(tmp_path / "a.pdf"))
    for n, name in enumerate(("Family name:", "First name:", "Remarks:")):
        canvas.drawString(72, 700 - 60 * n, name)
    canvas.acroForm.textfield(name="first", value="Ada", x=180, y=634, height=20, borderWidth=0)
    canvas.acroForm.textfield(name="family", value="Lovelace", x=180, y=694, height=20, borderWidth=0)
    canvas.save()
    assert read(tmp_path / "a.pdf").text.split() == ["Family", "name:", "Lovelace", "First", "name:", "Ada", "Remarks:"]


def test_a_field_that_the_file_does_not_draw_is_read(tmp_path):
    field = "<</Type/Annot/Subtype/Widget/FT/Tx/T(city)/V(Paris)/DA(/F 12 Tf)/Rect[150 690 300 710]/F 4/P 3 0 R>>"
    path = written(
        tmp_path / "a.pdf",
        "BT /F 12 Tf 72 695 Td (City:) Tj ET",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        field,
        page="/Annots[6 0 R]",
        catalog="/AcroForm<</Fields[6 0 R]/DR<</Font<</F 5 0 R>>>>/DA(/F 12 Tf)/NeedAppearances true>>",
    )
    assert read(path).text.split() == ["City:", "Paris"]


def test_two_bookmarks_that_lead_to_one_line_make_one_block(tmp_path):
    marks = [("Foo", 0, 0), ("Foo", 0, 0)]
    document = read(drawn(tmp_path / "a.pdf", lines(["1 Foo", *BODY]), marks=marks))
    assert [(each.start, each.end) for each in document.blocks] == [(0, 5)]

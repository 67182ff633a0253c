from __future__ import annotations

import codecs
import json
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document
from reportlab.lib import pdfencrypt
from reportlab.pdfgen.canvas import Canvas

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders import load_langchain, load_loader, load_paths
from retrieval.loaders.canonical import decode
from settings import Settings
from state.errors import BadInput


def all_of(path, **data):
    return list(load_paths([path], Settings(data=data)))


def one(path, **data) -> LoadedDocument:
    (found,) = all_of(path, **data)
    assert isinstance(found, LoadedDocument), found
    return found


def fault(path, **data) -> str:
    (found,) = all_of(path, **data)
    assert isinstance(found, FailedFile), found
    assert found.source == path.as_posix()
    return found.reason


def saved(tmp_path, name, content) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def pdf(tmp_path, pages=("First page.", "Second page.", "Third page."), encrypt=None):
    path = tmp_path / "a.pdf"
    canvas = Canvas(str(path), encrypt=encrypt)
    canvas.setTitle("The title")
    for page in pages:
        canvas.drawString(72, 700, page)
        canvas.showPage()
    canvas.save()
    return path


def at_headings(document):
    return [(h.level, h.title, document.text[h.start :].split("\n")[0]) for h in document.headings]


def test_pdf_pages_are_joined_by_form_feeds(tmp_path):
    document = one(pdf(tmp_path))
    assert [page.strip() for page in document.text.split("\f")] == ["First page.", "Second page.", "Third page."]
    assert [document.text[at : at + 5] for at in document.page_starts] == ["First", "Secon", "Third"]
    assert (document.title, document.parser) == ("The title", "pypdfium2")


def test_pdf_with_an_empty_user_password_opens(tmp_path):
    encrypted = pdfencrypt.StandardEncryption("", ownerPassword="owner")
    assert "First page." in one(pdf(tmp_path, encrypt=encrypted)).text


def test_pdf_with_a_password_is_reported(tmp_path):
    reason = fault(pdf(tmp_path, encrypt=pdfencrypt.StandardEncryption("secret")))
    assert "encrypted" in reason
    assert "password" in reason


def test_pdf_of_images_asks_for_ocr(tmp_path):
    path = tmp_path / "scan.pdf"
    canvas = Canvas(str(path))
    canvas.rect(72, 72, 200, 200, fill=1)
    canvas.save()
    assert "OCR" in fault(path)


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.pptx", "a.xlsx"])
@pytest.mark.parametrize("kept", [1, 30, 400])
def test_truncated_containers_are_reported(tmp_path, name, kept):
    full = {"a.pdf": pdf, "a.docx": docx_file, "a.pptx": pptx_file, "a.xlsx": xlsx_file}[name](tmp_path).read_bytes()
    reason = fault(saved(tmp_path, name, full[:kept]))
    assert "open and save it again" in reason


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.pptx", "a.xlsx"])
def test_flipped_bytes_never_raise(tmp_path, name):
    full = {"a.pdf": pdf, "a.docx": docx_file, "a.pptx": pptx_file, "a.xlsx": xlsx_file}[name](tmp_path).read_bytes()
    for at in range(0, len(full), max(len(full) // 60, 1)):
        damaged = full[:at] + bytes(byte ^ 0x55 for byte in full[at : at + 8]) + full[at + 8 :]
        found = all_of(saved(tmp_path, name, damaged))
        assert found
        assert all(isinstance(each, LoadedDocument) or each.reason for each in found)


def docx_file(tmp_path):
    made = docx.Document()
    made.add_heading("Report", 1)
    made.add_paragraph("Before the table.")
    table = made.add_table(rows=2, cols=2)
    for cell, text in zip((cell for row in table.rows for cell in row.cells), "abcd", strict=True):
        cell.text = text
    made.add_heading("Details", 2)
    made.add_paragraph("After the table.")
    made.save(tmp_path / "a.docx")
    return tmp_path / "a.docx"


def test_docx_keeps_the_order_of_paragraphs_tables_and_headings(tmp_path):
    document = one(docx_file(tmp_path))
    assert document.text == "Report\n\nBefore the table.\n\na | b\nc | d\n\nDetails\n\nAfter the table."
    assert at_headings(document) == [(1, "Report", "Report"), (2, "Details", "Details")]
    assert document.page_starts == ()


def pptx_file(tmp_path):
    made = pptx.Presentation()
    for text in ("One", "Two"):
        slide = made.slides.add_slide(made.slide_layouts[1])
        slide.shapes.title.text = f"Slide {text}"
        slide.placeholders[1].text = f"Body {text}"
    made.save(tmp_path / "a.pptx")
    return tmp_path / "a.pptx"


def test_pptx_slides_are_pages(tmp_path):
    document = one(pptx_file(tmp_path))
    assert document.text == "Slide One\n\nBody One\fSlide Two\n\nBody Two"
    assert document.text[document.page_starts[1] :].startswith("Slide Two")


def xlsx_file(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Prices"
    book.active.append(["name", "price"])
    book.active.append(["tea", 3.5])
    book.create_sheet("Empty")
    book.save(tmp_path / "a.xlsx")
    return tmp_path / "a.xlsx"


def test_xlsx_sheets_are_pages(tmp_path):
    document = one(xlsx_file(tmp_path))
    assert document.text == "Prices\n\nname: tea; price: 3.5\fEmpty"
    assert document.page_starts == (0, document.text.index("Empty"))


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_table_rows_carry_their_names(tmp_path, mark):
    text = f'name{mark}price\r\ntea{mark}3\r\n"black\r\ncoffee"{mark}4\r\n'
    assert one(saved(tmp_path, "a.csv", text)).text == "name: tea; price: 3\nname: black coffee; price: 4"


def test_html_keeps_blocks_and_drops_scripts_and_navigation(tmp_path):
    page = (
        "<html><head><title>A &amp; B</title><style>p{}</style></head><body><nav>Home</nav><script>var x</script>"
        "<h1>Top <em>title</em></h1><p>Caf&eacute;\n  &lt;b&gt;<br>next</p><div>loose<p>inner</p>tail</div>"
        "<h2>Sub</h2><pre>a\n  b</pre></body></html>"
    )
    document = one(saved(tmp_path, "a.html", page))
    assert document.title == "A & B"
    assert document.text == "Top title\n\nCafé <b> next\n\nloose\n\ninner\n\ntail\n\nSub\n\n    a\n      b"
    assert at_headings(document) == [(1, "Top title", "Top title"), (2, "Sub", "Sub")]


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("iso-8859-2", "iso-8859-2"), ("utf-16", "utf-8"), ("nonsense", "utf-8"), ("idna", "utf-8")],
)
def test_html_charset(tmp_path, charset, encoding):
    page = f'<meta charset="{charset}"><p>Łódź and more</p>'.encode(encoding)
    assert one(saved(tmp_path, "a.html", page)).text == "Łódź and more"


def test_json_lines_report_a_bad_line_and_go_on(tmp_path):
    records = [{"_id": "x", "title": "T", "text": "one", "year": 2020}, {"text": "bad \ud800 half"}]
    lines = [json.dumps(records[0]), "{", '{"text": 3}', '{"text": " "}', "", json.dumps(records[1])]
    path = saved(tmp_path, "a.jsonl", "\n".join(lines))
    found = all_of(path)
    good = [item for item in found if isinstance(item, LoadedDocument)]
    assert [item.text for item in good] == ["T\n\none", "bad ? half"]
    assert good[0].document_id == f"{tmp_path.name}/a.jsonl#x"
    assert good[0].metadata == {"year": 2020, "id": "x"}
    assert [item.source for item in found if isinstance(item, FailedFile)] == [
        f"{path.as_posix()}:{n}" for n in (2, 3, 4)
    ]


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + "naïve €".encode(),
        "naïve €".encode("utf-16"),
        codecs.BOM_UTF16_BE + "naïve €".encode("utf-16-be"),
        "naïve €".encode("utf-32"),
        "naïve €".encode(),
    ],
)
def test_text_encodings(tmp_path, data):
    assert one(saved(tmp_path, "a.txt", data)).text == "naïve €"


def test_line_breaks_become_lf():
    assert decode(b"a\r\nb\rc\nd").text == "a\nb\nc\nd"
    assert decode("e\u0301 \u2028".encode()).text == "e\u0301 \u2028"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n\t", "no text"),
        ("a.txt", bytes(range(256)) * 4, "not text"),
        ("a.txt", codecs.BOM_UTF16_LE + b"a", "not text"),
        ("a.md", b"\x01\x02\x03abc", "binary"),
        ("a.exe", b"MZ", "unsupported format '.exe'"),
        ("UNKNOWN", b"x", "without a suffix"),
        ("a.csv", b"\n\n", "no text"),
        ("a.html", b"<script>x</script>", "no text"),
    ],
)
def test_bad_files_are_reported(tmp_path, name, content, said):
    assert said in fault(saved(tmp_path, name, content))


def test_a_file_over_the_limit_is_reported_and_one_at_it_loads(tmp_path):
    path = saved(tmp_path, "a.txt", "12345")
    assert "more than 4" in fault(path, max_file_bytes=4)
    assert one(path, max_file_bytes=5).text == "12345"


def test_a_path_that_does_not_exist_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="no file or folder"):
        all_of(tmp_path / "none.txt")


@pytest.mark.parametrize(("method", "name"), [("iterdir", ""), ("read_bytes", "a.txt"), ("is_dir", "a.txt")])
def test_missing_permission_is_reported(tmp_path, monkeypatch, method, name):
    saved(tmp_path, "a.txt", "x")

    def refused(self, *args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, method, refused)
    assert "permission" in fault(tmp_path / name if name else tmp_path)


def test_folders_are_walked_in_order_without_hidden_files(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("c.txt", "b/z.md", ".hidden.txt", "a.txt"):
        saved(tmp_path, name, "text")
    assert [Path(item.source).name for item in all_of(tmp_path)] == ["a.txt", "z.md", "c.txt"]


def test_links_that_loop_or_dangle_are_reported_once(tmp_path):
    saved(tmp_path, "a.txt", "text")
    (tmp_path / "folder").symlink_to(tmp_path)
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    (tmp_path / "self.txt").symlink_to(tmp_path / "self.txt")
    found = {Path(item.source).name: item for item in all_of(tmp_path)}
    assert len(all_of(tmp_path)) == 4
    assert isinstance(found["a.txt"], LoadedDocument)
    assert "link to a folder that contains it" in found["folder"].reason
    assert found["gone.txt"].reason == found["self.txt"].reason == "it is not a regular file"


def test_a_name_that_is_not_utf8_is_reported(tmp_path):
    path = Path(str(tmp_path) + "/a\udcff.txt")
    path.write_text("text")
    (found,) = all_of(path)
    assert "not UTF-8" in found.reason
    assert found.source.encode().endswith(b"a?.txt")


def test_langchain_pages_are_joined():
    pages = [Document(text, metadata={"source": "s.pdf", "page": n, "title": "S"}) for n, text in enumerate("ab")]
    whole, lone, blank = load_langchain([*pages, Document("c\r\nd", id="own"), Document(" ")])
    assert (whole.text, whole.page_starts, whole.title) == ("a\fb", (0, 2), "S")
    assert (lone.text, lone.document_id, lone.page_starts) == ("c\nd", "own", ())
    assert isinstance(blank, FailedFile)
    assert blank.reason == "it contains no text"


class Failing(BaseLoader):
    """Raises after two documents."""

    def lazy_load(self):
        yield Document("one")
        yield Document("two")
        raise OSError("secret detail")


class FailingAtOnce(BaseLoader):
    """Raises before it gives an iterator."""

    def load(self):
        raise KeyError("x")


def test_a_loader_that_raises_keeps_what_it_gave():
    one, two, failed = load_loader(Failing())
    assert (one.text, two.text) == ("one", "two")
    assert failed == FailedFile(source="Failing", reason="the loader failed with OSError")


def test_a_loader_that_raises_at_once_is_reported():
    (failed,) = load_loader(FailingAtOnce())
    assert failed.reason == "the loader failed with KeyError"


def test_merged_cells_stand_in_each_column_that_they_span(tmp_path):
    made = docx.Document()
    table = made.add_table(rows=2, cols=4)
    for cell, text in zip(table.rows[0].cells, ("Revenue", "5", "5", "7"), strict=True):
        cell.text = text
    table.cell(1, 0).merge(table.cell(1, 2)).text = "Total"
    table.cell(1, 3).text = "17"
    made.save(tmp_path / "a.docx")
    assert one(tmp_path / "a.docx").text == "Revenue | 5 | 5 | 7\nTotal | Total | Total | 17"


def test_front_matter_names_the_title_and_is_no_heading(tmp_path):
    text = '---\ntitle: "A: guide"\ntags: [x]\n---\n\n# First\n\nText.\n'
    loaded = one(saved(tmp_path, "a.md", text.encode()))
    assert (loaded.title, loaded.text) == ("A: guide", 'title: "A: guide"\ntags: [x]\n\nFirst\n\nText.')
    assert [(h.title, h.start) for h in loaded.headings] == [("First", loaded.text.index("First"))]


def test_what_a_document_says_of_its_date_and_version_is_metadata(tmp_path):
    front = b'---\ntitle: T\nDate: 2025-03-01\nversion: "2.0"\nowner: x\n---\n\ndate: 1999\n'
    assert one(saved(tmp_path, "a.md", front)).metadata == {"date": "2025-03-01", "version": "2.0"}
    assert one(saved(tmp_path, "b.md", b"date: 2025\n\nText.\n")).metadata == {}
    page = (
        b"<html><head><meta property='article:modified_time' content='2025-03-01T10:00:00Z'><meta name='DATE' "
        b"content='2024'><meta name='version'><meta name='author' content='x'></head><body>Text</body></html>"
    )
    assert one(saved(tmp_path, "a.html", page)).metadata == {"modified": "2025-03-01T10:00:00Z", "date": "2024"}


def test_a_single_nul_is_not_text(tmp_path):
    assert "not text" in fault(saved(tmp_path, "a.txt", b"a" * 1000 + b"\0"))


def test_a_null_id_falls_back_to_the_line(tmp_path):
    assert one(saved(tmp_path, "a.jsonl", b'{"id": null, "text": "t"}\n')).document_id.endswith("#1")


def test_chunks_of_one_source_are_documents_of_their_own():
    chunks = [Document(page_content=text, metadata={"source": "s"}) for text in ("one", "two", "three")]
    assert [d.document_id for d in load_langchain(chunks)] == ["s", "s#2", "s#3"]


def test_pages_that_stand_apart_are_reported():
    pages = [
        Document(page_content=f"{s}{p}", metadata={"source": s, "page": p}) for s, p in (("a", 0), ("b", 0), ("a", 1))
    ]
    loaded = list(load_langchain(pages))
    assert [type(item).__name__ for item in loaded] == ["LoadedDocument", "LoadedDocument", "FailedFile"]
    assert "sort the documents" in loaded[2].reason

import importlib.util
import io
import json
import re
from pathlib import Path

import pypdfium2
import pytest
from docx import Document

from policy import Action, Stage, build_guards
from retrieval import load_embeddings
from settings import load_settings

DOCS = Path(__file__).parents[2] / "docs"
SAMPLE = DOCS / "sample"
FILES = sorted(path for path in SAMPLE.iterdir() if path.is_file())
FORMATS = {".md", ".rst", ".html", ".txt", ".jsonl", ".pdf", ".docx"}


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("build_sample", DOCS / "build_sample.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pdf_pages(data):
    with pypdfium2.PdfDocument(data) as document:
        return [" ".join(page.get_textpage().get_text_bounded().split()) for page in document]


def docx_text(data):
    return [paragraph.text for paragraph in Document(io.BytesIO(data)).paragraphs]


def test_the_corpus_is_of_substance():
    assert len(FILES) >= 12
    assert {path.suffix for path in FILES} == FORMATS
    for path in FILES:
        if path.suffix not in {".pdf", ".docx"}:
            assert 300 <= len(path.read_text(encoding="utf-8").split()) <= 700, path.name


def test_the_pdf_is_what_the_script_writes(script):
    pages = pdf_pages((SAMPLE / "price-guide.pdf").read_bytes())
    assert pages == pdf_pages(script.build_pdf(script.PRICE_GUIDE))
    assert len(pages) >= 3
    assert "which is 0.012 dollars" in pages[1]


def test_the_word_document_is_what_the_script_writes(script):
    text = docx_text((SAMPLE / "retrieval-answer-rule.docx").read_bytes())
    assert text == docx_text(script.build_docx(script.ANSWER_RULE))
    assert 300 <= len(" ".join(text).split()) <= 700


def test_writing_twice_gives_the_same_bytes(script, tmp_path):
    for folder in ("one", "two"):
        script.build(tmp_path / folder)
    for name in ("price-guide.pdf", "retrieval-answer-rule.docx"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_questions_are_json_lines():
    rows = [json.loads(line) for line in (SAMPLE / "faq.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) >= 10
    assert all(set(row) == {"id", "title", "text"} for row in rows)


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix in {".md", ".rst", ".txt", ".html", ".jsonl"}])
def test_sentences_stand_alone_and_name_no_machine(path):
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"(?:^|[.!?] )(?:It|They|This|These|He|She) [a-z]+", text)
    assert not re.search(r"/(?:work|home|root)/|localhost|https?://", text)


@pytest.mark.parametrize("stage", [Stage.EVIDENCE, Stage.ANSWER])
async def test_the_guards_pass_the_whole_corpus(script, stage):
    guards = build_guards(load_settings(), embeddings=load_embeddings(load_settings()))
    texts = [path.read_text(encoding="utf-8") for path in FILES if path.suffix not in {".pdf", ".docx"}]
    for text in (*texts, script.PRICE_GUIDE, script.ANSWER_RULE):
        verdict = (await guards.screen(text, stage)).verdict
        assert verdict.action is Action.ALLOW, text

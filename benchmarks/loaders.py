"""Reads a folder of documents of every format and tells where words are lost: `python -m benchmarks.loaders FOLDER`.

It prints for each format the files that were read, those that were refused with the reasons, the share of the expected
words that were found, and the seconds for a megabyte; then each file with a share under 0.95. `--json` prints the same
as JSON.

The expected text of a file is `NAME.SUFFIX.md` or `NAME.md` (or `.txt`) in a folder `expected…` or `groundtruth…`
within FOLDER. A DOCX, PPTX or XLSX file without one is compared with the text elements of its XML, and a web page with
the text of its elements, navigation and hidden ones aside. This module collects them with other code than the loaders'.
"""

from __future__ import annotations

import argparse
import html
import json
import posixpath
import re
import sys
import time
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path

import lxml.html
from lxml import etree

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders import FORMATS, load_paths
from settings import Settings

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "documents"
LOW = 0.95
_ABOUT_THE_SET = frozenset({"SOURCE.md", "manifest.tsv"})
_EXPECTED = ("expected", "groundtruth")
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_NUMBER = re.compile(r"\d[\d,]*")
_BLOCKS = frozenset({"p", "tc"})
_XML_LINE = re.compile(r"\A\s*<\?xml[^>]*\?>")
_UNSEEN = (
    "//comment()|//head|//script|//style|//template|//noscript|//iframe|//nav|//*[@role='navigation']|//*[@hidden]"
    "|//*[@aria-hidden='true']|//dialog[not(@open)]|//datalist"
    "|//*[contains(translate(@style, 'DISPLAYNOE ', 'displaynoe'), 'display:none')]"
)
_FORMULAS = frozenset({"num", "den", "e", "sup", "sub"})
_MARKUP = re.compile(r"<!--.*?-->|!\[[^\]]*\]\([^)]*\)|(?<=\])\([^)\s]*(?: \"[^\"]*\")?\)|</?[a-zA-Z][^>]*>", re.DOTALL)
"""What an expected text in Markdown holds beside the words: comments, pictures, targets of links, tags."""


@dataclass
class Outcome:
    """One file: its format, its size, the seconds it took, and its words against the expected ones."""

    path: str
    format: str
    size: int
    seconds: float
    reasons: list[str]
    origin: str = ""
    recall: float | None = None
    missing: list[str] = field(default_factory=list)


def words(text: str) -> Counter[str]:
    """Return how often each word stands in `text`; a character of Chinese, Japanese or Korean is a word."""
    return Counter(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def measured(root: Path) -> list[Outcome]:
    """Return the outcome of each file under `root`, expected texts and notes about the set left out."""
    for name in set(FORMATS.values()):  # so that no file pays for the import of a library
        import_module(f"retrieval.loaders.{name}")
    expected = _expected_texts(root)
    return [_outcome(path, root, expected) for path in sorted(root.rglob("*")) if _is_document(path, root)]


def _is_document(path: Path, root: Path) -> bool:
    folders = path.relative_to(root).parts[:-1]
    aside = path.name in _ABOUT_THE_SET or path.name.startswith(".")
    return path.is_file() and not aside and not any(name.startswith(_EXPECTED) for name in folders)


def _expected_texts(root: Path) -> dict[str, Path]:
    """Return the expected texts by the name of the file that they belong to, without `.md` or `.txt`."""
    found = (path for path in sorted(root.rglob("*")) if path.suffix in (".md", ".txt"))
    return {path.stem: path for path in found if any(name.startswith(_EXPECTED) for name in path.parts)}


def _outcome(path: Path, root: Path, expected: dict[str, Path]) -> Outcome:
    began = time.perf_counter()
    loaded = list(load_paths([path], Settings()))
    seconds = time.perf_counter() - began
    outcome = Outcome(
        path.relative_to(root).as_posix(),
        path.suffix.lower() or "none",
        path.stat().st_size,
        seconds,
        [item.reason for item in loaded if isinstance(item, FailedFile)],
    )
    documents = [item for item in loaded if isinstance(item, LoadedDocument)]
    reference = _reference(path, expected) if documents else None
    if reference is not None:
        outcome.origin, text = reference
        wanted, found = words(text), words("\n".join(item.text for item in documents))
        missing = wanted - found
        outcome.recall = 1 - missing.total() / wanted.total() if wanted else None
        outcome.missing = [word for word, _ in missing.most_common(12)]
    return outcome


def _reference(path: Path, expected: dict[str, Path]) -> tuple[str, str] | None:
    """Return where the expected text comes from, and the text."""
    # In MarkItDown's set, `test.md` is the text of `test.pdf`, beside which `test.docx` and others lie.
    shared = path.suffix.lower() != ".pdf" and path.with_suffix(".pdf").is_file()
    given = expected.get(path.name) or (None if shared else expected.get(path.stem))
    if given is not None:
        return "expected text", html.unescape(_MARKUP.sub(" ", given.read_text("utf-8")).replace("\\", ""))
    if path.suffix.lower() in (".html", ".htm"):
        return "its elements", _html_text(path.read_bytes())
    collect = {".docx": _docx_text, ".pptx": _pptx_text, ".xlsx": _xlsx_text}.get(path.suffix.lower())
    if collect is None:
        return None
    with zipfile.ZipFile(path) as package:
        return "its XML", "\n".join(collect(package))


def _html_text(data: bytes) -> str:
    try:
        given = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8")
    except UnicodeDecodeError:
        page = lxml.html.fromstring(data)  # as the page itself states its encoding
    else:
        page = lxml.html.fromstring(_XML_LINE.sub("", given))
    for element in page.xpath(_UNSEEN):
        if element.getparent() is not None:
            element.drop_tree()
    return " ".join(page.itertext())


def _docx_text(package: zipfile.ZipFile) -> Iterator[str]:
    # Deleted text stands in `w:delText`. A moved paragraph stands twice: `moveFrom` holds where it was.
    skipped = {"Fallback", "moveFrom", "rPr", "pPr", "delText", "instrText", "del"}
    for root in _parts(package, r"word/(document|footnotes|endnotes)\d*\.xml"):
        yield _joined(root, skipped, _BLOCKS | _FORMULAS)


def _pptx_text(package: zipfile.ZipFile) -> Iterator[str]:
    for root in _parts(package, r"ppt/(slides|notesSlides)/\w+\.xml"):
        yield _joined(root, {"Fallback", "fld"}, _BLOCKS)


def _xlsx_text(package: zipfile.ZipFile) -> Iterator[str]:
    strings = [
        _joined(item, {"rPh"}, frozenset()) for root in _parts(package, r"xl/sharedStrings\.xml") for item in root
    ]
    for root in _parts(package, r"xl/worksheets/\w+\.xml"):
        for cell in root.iter("{*}c"):
            value = cell.findtext("{*}v") or ""
            if cell.get("t") == "s":
                yield strings[int(value)]
            elif cell.get("t") in ("inlineStr", "str"):
                yield value or _joined(cell, {"f"}, frozenset())


def _parts(package: zipfile.ZipFile, pattern: str) -> Iterator[etree._Element]:
    """Yield the root elements of the package's parts with a name like `pattern`."""
    for name in package.namelist():
        if re.fullmatch(pattern, posixpath.normpath(name)):
            yield etree.fromstring(package.read(name), etree.XMLParser(huge_tree=True, resolve_entities=False))


def _joined(root: etree._Element, skipped: set[str], blocks: frozenset[str]) -> str:
    """Return the text elements below `root` in order; elements named in `skipped` are left out."""
    found: list[str] = []
    within: list[etree._Element] = []
    for event, element in etree.iterwalk(root, events=("start", "end")):
        name = etree.QName(element).localname if isinstance(element.tag, str) else ""
        if event == "end":
            if within and within[-1] is element:
                within.pop()
        elif name in skipped:
            within.append(element)
        elif not within:
            found.append(_text_of(element, name, blocks))
    return "".join(found)


def _text_of(element: etree._Element, name: str, blocks: frozenset[str]) -> str:
    if name == "t":
        return element.text or ""
    if name == "noBreakHyphen":
        return "-"
    return " " if name in blocks or name in ("tab", "br", "cr") else ""


@dataclass
class FormatFigures:
    """The figures of one format; `recall` is the mean over the files that were compared."""

    format: str
    files: int
    read: int
    refused: dict[str, int]
    compared: int
    recall: float | None
    lowest: float | None
    seconds_per_megabyte: float


def summary(outcomes: list[Outcome]) -> list[FormatFigures]:
    """Return the figures of each format, supported ones first."""
    rows = []
    for name in sorted({outcome.format for outcome in outcomes}, key=lambda name: (name not in FORMATS, name)):
        of_format = [outcome for outcome in outcomes if outcome.format == name]
        recalls = [outcome.recall for outcome in of_format if outcome.recall is not None]
        size = sum(outcome.size for outcome in of_format)
        rows.append(
            FormatFigures(
                name,
                len(of_format),
                sum(not outcome.reasons for outcome in of_format),
                _reasons(of_format),
                len(recalls),
                sum(recalls) / len(recalls) if recalls else None,
                min(recalls, default=None),
                sum(outcome.seconds for outcome in of_format) / max(size, 1) * 1e6,
            )
        )
    return rows


def _reasons(outcomes: list[Outcome]) -> dict[str, int]:
    """Return how many files were refused for each reason; a file of lines counts once, with its first reason."""
    return dict(Counter(_NUMBER.sub("N", outcome.reasons[0]) for outcome in outcomes if outcome.reasons).most_common())


def _low(outcomes: list[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.recall is not None and outcome.recall < LOW]


def _print(outcomes: list[Outcome]) -> None:
    print("| format | files | read | refused | compared | word recall | lowest | s per MB |\n" + "|---" * 8 + "|")
    rows = summary(outcomes)
    for row in rows:
        shares = ["" if share is None else f"{share:.3f}" for share in (row.recall, row.lowest)]
        figures = [row.format, row.files, row.read, sum(row.refused.values()), row.compared, *shares]
        print("| " + " | ".join(map(str, figures)) + f" | {row.seconds_per_megabyte:.2f} |")
    print("\nRefused:")
    for row in rows:
        for reason, count in row.refused.items():
            print(f"- {row.format}: {count} × {reason}")
    print(f"\nUnder {LOW}:")
    for outcome in sorted(_low(outcomes), key=lambda each: each.recall or 0):
        print(f"- {outcome.recall:.3f} {outcome.path} (against {outcome.origin}): {' '.join(outcome.missing)}")


def main() -> None:
    """Print the figures as tables, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, nargs="?", default=DATA, help="a folder of documents")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    if not given.folder.is_dir():
        sys.exit(f"there is no folder {str(given.folder)!r}")
    outcomes = measured(given.folder)
    if given.json:
        rows, low = [asdict(row) for row in summary(outcomes)], [asdict(each) for each in _low(outcomes)]
        print(json.dumps({"formats": rows, f"under_{LOW}": low}, indent=1))
    else:
        _print(outcomes)


if __name__ == "__main__":
    main()

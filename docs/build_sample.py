"""Writes the two binary documents of `docs/sample/`: `price-guide.pdf` and `retrieval-answer-rule.docx`.

    python docs/build_sample.py [FOLDER]

The same versions of the libraries give the same bytes. `tests/docs/test_sample.py` compares the texts.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from docx import Document
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.styles import getSampleStyleSheet  # type: ignore[import-untyped]
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate  # type: ignore[import-untyped]

SAMPLE = Path(__file__).parent / "sample"
DATE = datetime(2026, 11, 23)  # noqa: DTZ001 - the file formats hold no zone
ZIP_DATE = (1980, 1, 1, 0, 0, 0)

PRICE_GUIDE = """
# What a model call costs

## The unit of price

On-demand Cohere and Meta models are priced by the character. The characters of a chat call are the characters of the
prompt plus the characters of the response. One character is one transaction. The price is quoted for 10,000
transactions, so a price of 0.015 dollars means 0.015 dollars for 10,000 characters of prompt and response together.

Embeddings are priced by the characters of the input only. An embedding has no response in characters, so the length of
the documents alone decides the cost of embedding a collection.

Some newer model families are priced by the token instead of the character. A cost calculation therefore needs a unit
beside each price, and a price without a unit is unusable.

## Circulating prices

The circulating price of Command R+ is 0.015 dollars per 10,000 characters. The list price that second-hand sources give
for the same group of models is 0.0156 dollars per 10,000 characters, so the circulating price of Command R+ is about
right.

The circulating price of Llama 3.3 70B is 0.025 dollars per 10,000 characters, and this price is doubtful. Second-hand
sources point to a list price of 0.0018 dollars per 10,000 characters for Llama 3.3 70B. The circulating price of
Llama 3.3 70B would be about fourteen times too high if the list price is right.

The circulating price of the Grok code model is 0.02 dollars per 10,000 characters, and this price is doubtful too. Grok
models are priced by the token in the sources that were checked, so a price by the character does not fit them.

No price in this guide was read from an official price page. The price list of the provider decides in every case.

---

# A worked example

## One call

The worked example uses Command R+ at 0.015 dollars per 10,000 characters. The prompt of the example has 6,000
characters, of which 400 are the question and 5,600 are retrieved passages. The response of the example has 2,000
characters.

The call in the worked example has 6,000 plus 2,000 characters, which makes 8,000 transactions. The number 8,000 divided
by 10,000 is 0.8. The call in the worked example therefore costs 0.8 times 0.015 dollars, which is 0.012 dollars. In
short, a Command R+ call with a prompt of 6,000 characters and a response of 2,000 characters costs 0.012 dollars.

## One thousand calls

One thousand calls like the call in the worked example cost 12 dollars. A monthly budget of 100 dollars pays for 8,333
calls of this size. A team of twenty people with twenty questions a day each would make 400 calls a day, and 400 calls
cost 4.80 dollars. A month of twenty working days would then cost 96 dollars.

## What changes the cost

The retrieved passages are the largest part of the prompt in the worked example. A prompt with half of the retrieved
passages has 3,200 characters, and the call then has 5,200 transactions and costs 0.0078 dollars. Halving the retrieved
passages saves 35 percent of the cost of the call in the worked example.

A research question needs more than one call. A workflow with a researcher, an analyzer, a writer and a reviewer makes
at least four calls for one question. Four calls of 8,000 characters cost 0.048 dollars at the price of the worked
example.

---

# From price to budget

## The estimate before the call

A budget check needs an estimate before the call. The estimate adds the characters of the prompt and the longest
permitted response. A prompt of 6,000 characters with a permitted response of 16,000 characters has an estimate of
22,000 characters. The estimate at the price of Command R+ is 2.2 times 0.015 dollars, which is 0.033 dollars.

The estimate of 0.033 dollars is larger than the real cost of 0.012 dollars, because the response was shorter than
permitted. The difference of 0.021 dollars becomes available again after the call. A tight limit on the length of the
response brings the estimate nearer to the real cost.

## What to record

A cost record should hold the model, the unit, the price, the source of the price and the date of the price. A price
without a date cannot be checked later. Retried calls, guard calls and embedding calls belong in the cost record as
well, because the provider charges for them too.

## What to do with a model without a price

A model without a known price should be refused and not be treated as free. A budget that treats an unknown price as
zero has no limit. An operator who knows the price can enter the price in the configuration, together with its unit.
"""

ANSWER_RULE = """
# The retrieval answer rule

## The rule

The retrieval answer rule has two sentences. A model answers from the context only. When the context does not hold the
answer, the model says that there is not enough information.

The context is the set of passages that retrieval has found for the question. The general knowledge of a model is no
part of the context, even where the general knowledge is correct. A reader can check a passage, and a reader cannot
check what a model remembers.

## What an answer returns

An answer under the retrieval answer rule returns three things: the answer, the identifiers of the sources and the
number of passages that were retrieved. The identifiers of the sources lead the reader to the documents. The number of
retrieved passages tells the reader how much material stood behind the answer. An answer that rests on one passage
deserves more care than an answer that rests on ten passages.

## Abstaining

An abstention is a correct result and not an error. A platform that abstains tells the reader that the collection does
not hold the answer, and the reader can then add a document or ask somewhere else. A platform that never abstains
invents answers, and the reader cannot tell the invented answers from the supported ones.

An abstention should name what is missing. The sentence that a price for one model is missing from the collection helps
the reader more than the sentence that no answer was found. A question with two parts can be answered in one part and
abstained from in the other part.

## Two kinds of error

The retrieval answer rule can fail in two ways. The first failure is an answer without support, which means that a model
has said more than the passages say. The second failure is a needless abstention, which means that the passages held the
answer and the model did not use them. Both failures have to be measured together, because a platform that always
abstains makes no unsupported statement at all.

## Putting the rule into practice

A prompt alone does not enforce the retrieval answer rule. The platform checks after the writing that every quotation is
found word for word in the passage that is cited. A statement without a citation is marked or removed before the report
is published. A passage that contradicts a statement counts as more serious than a passage that is silent.

The retrieval answer rule also protects against hostile documents. A passage that asks the model to do something else is
still only a passage, and a request in a passage is no evidence for an answer.
"""


def blocks(prose: str) -> Iterator[str]:
    """Yield the headings, paragraphs and page breaks (`---`) of `prose`, each on one line."""
    return (" ".join(block.split()) for block in prose.strip().split("\n\n"))


def build_pdf(prose: str) -> bytes:
    """Return `prose` as a PDF, one page or more for each part between page breaks."""
    target = io.BytesIO()
    document = SimpleDocTemplate(target, pagesize=A4, title="Price guide", author="Sixplane", invariant=1)
    document.build([_flowable(block) for block in blocks(prose)])
    return target.getvalue()


def _flowable(block: str) -> Flowable:
    if block == "---":
        return PageBreak()
    level, text = _heading(block)
    return Paragraph(text, getSampleStyleSheet()[f"Heading{level}" if level else "BodyText"])


def build_docx(prose: str) -> bytes:
    """Return `prose` as a Word document without the time at which it was made."""
    document = Document()
    for block in blocks(prose):
        level, text = _heading(block)
        document.add_heading(text, level) if level else document.add_paragraph(text)
    properties = document.core_properties
    properties.title, properties.author = "The retrieval answer rule", "Sixplane"
    properties.created = properties.modified = DATE
    packed = io.BytesIO()
    document.save(packed)
    return _without_times(packed.getvalue())


def _heading(block: str) -> tuple[int, str]:
    """Return the heading level, 0 for a paragraph, and the text."""
    marks, _, text = block.partition(" ")
    return (len(marks), text) if set(marks) == {"#"} else (0, block)


def _without_times(packed: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as fixed:
        for name in source.namelist():
            fixed.writestr(zipfile.ZipInfo(name, ZIP_DATE), source.read(name), zipfile.ZIP_DEFLATED)
    return target.getvalue()


def build(folder: Path) -> None:
    """Write both documents into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "price-guide.pdf").write_bytes(build_pdf(PRICE_GUIDE))
    (folder / "retrieval-answer-rule.docx").write_bytes(build_docx(ANSWER_RULE))


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE)

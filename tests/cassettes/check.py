"""Checks cassettes against their documents, without a run: `python -m tests.cassettes.check [NAME…]`, by default all.

With paths of documents instead of names it prints their passages, for the author of a cassette.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from gateway.cassette.places import begun_by, holders, loose, plain
from gateway.cassette.tape import Cassette, load_cassette, with_aliases
from nodes.draft import draft_claims, prepared_draft
from retrieval.documents import FailedFile
from retrieval.preparation import prepare
from settings import Settings
from state.errors import CassetteUnusable
from state.values import Support

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
HAND_WRITTEN = "# Hand-written as a strong model would answer; no model wrote these answers."


def names() -> list[str]:
    """Return the names of all cassettes."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def passages_of(documents: Iterable[str]) -> dict[str, str]:
    """Return the text of each passage of `documents` by its evidence id: what `Corpus.search` finds."""
    found: dict[str, str] = {}
    for document in prepare([ROOT / path for path in documents], Settings(), "local", "cassettes"):
        if isinstance(document, FailedFile):
            raise CassetteUnusable(f"{document.source} cannot be read: {document.reason}")
        found |= {each.evidence_id: document.text[each.start : each.end] for each in document.passages}
    return found


def faults_of(name: str) -> list[str]:
    """Return everything that is wrong with a cassette."""
    try:
        cassette = load_cassette(FOLDER, name)
        passages = passages_of(cassette.documents)
    except CassetteUnusable as error:
        return [error.message]
    first_line = (FOLDER / f"{name}.toml").read_text("utf-8").split("\n", 1)[0]
    return [
        *([] if first_line == HAND_WRITTEN else [f"the first line must be {HAND_WRITTEN!r}"]),
        *_handle_faults(cassette, passages),
        *_quote_faults(cassette, passages),
        *_claim_faults(cassette),
    ]


def claims_of(cassette: Cassette, draft: int = 0, *, headings: bool = False) -> list[str]:
    """Return the texts of the claims of a hand-written draft as the graph finds them, on demand of headings too."""
    aliases = {handle: f"E{n}" for n, handle in enumerate(cassette.passages, 1)}
    prepared = prepared_draft(with_aliases(cassette.writer[draft].markdown, aliases))
    return [claim.text for claim in draft_claims(prepared) if headings or claim.kind.states]


def _handle_faults(cassette: Cassette, passages: dict[str, str]) -> Iterator[str]:
    used = set(cassette.used_handles())
    for handle, words in cassette.passages.items():
        found = holders(words, passages)
        if len(found) != 1:
            yield f"the words of the handle {handle!r} stand in {len(found)} passages: {words!r}"
        if handle not in used:
            yield f"no answer uses the handle {handle!r}"


def _quote_faults(cassette: Cassette, passages: dict[str, str]) -> Iterator[str]:
    for finding in (each for analysis in cassette.analyzer for each in analysis.findings):
        for quote in finding.quotes:
            for key in holders(cassette.passages[quote.evidence], passages)[:1]:
                if loose(quote.quote) not in loose(passages[key]):
                    yield f"{quote.quote!r} does not stand in the passage of {quote.evidence!r}: {passages[key]!r}"


def _claim_faults(cassette: Cassette) -> Iterator[str]:
    if not cassette.writer:
        if cassette.mark or cassette.judge:
            yield "it has marks or verdicts, but no draft"
        return
    yield from _cover("mark", [mark.sentence for mark in cassette.mark], claims_of(cassette), whole=True)
    drafts = [claims_of(cassette, n, headings=True) for n in range(len(cassette.writer))]  # a judge sees headings too
    everything = list(dict.fromkeys(claim for draft in drafts for claim in draft))
    for n, judged in enumerate(cassette.judge):
        yield from _cover(
            f"verdict of judge {n + 1}", [each.claim for each in judged.verdicts], everything, whole=False
        )
    for verdict in (each for judged in cassette.judge for each in judged.verdicts):
        if verdict.verdict is Support.SUPPORTED and not verdict.carried_by:
            yield f"the verdict on {verdict.claim!r} is `supported`, but `carried_by` is empty"


def _cover(what: str, beginnings: list[str], claims: list[str], *, whole: bool) -> Iterator[str]:
    """Yield beginnings that begin no claim or several, and, if `whole`, claims that none begins."""
    for beginning in beginnings:
        begun = [claim for claim in claims if begun_by(claim, beginnings) == beginning]
        if len({plain(claim) for claim in begun}) != 1:
            yield f"the {what} {beginning!r} begins {len(begun)} claims; the claims are {claims}"
    if whole:
        yield from (f"no {what} begins the claim {claim!r}" for claim in claims if begun_by(claim, beginnings) is None)


def main(asked: list[str]) -> int:
    """Print the faults of the named cassettes, or the passages of documents; return how many cassettes have faults."""
    say = sys.stdout.write
    if any("/" in each for each in asked):
        for text in passages_of(asked).values():
            say(f"{'-' * 120}\n{text}\n")
        return 0
    failed = 0
    for name in asked or names():
        faults = faults_of(name)
        failed += bool(faults)
        say(f"{name}: {'good' if not faults else f'{len(faults)} faults'}\n")
        for fault in faults:
            say(f"  - {fault}\n")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

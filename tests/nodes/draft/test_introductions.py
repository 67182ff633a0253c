"""What leads to a quotation or a list, and the numbers that it is given."""

from __future__ import annotations

from collections.abc import Iterable

from nodes.draft import Kept, draft_claims, prepared_draft, publish_draft

QUOTED = """\
The handbook insists on a check beforehand:

> A budget that is compared afterwards is a report [E1].

Alerts are sent once [E2]."""


def published(draft: str, without: Iterable[str] = ()) -> str:
    prepared = prepared_draft(draft)
    kept = {
        (claim.start, claim.end): Kept(claim.aliases)
        for claim in draft_claims(prepared)
        if not any(words in claim.text for words in without)
    }
    return publish_draft(prepared, kept).markdown


def test_what_leads_to_a_quotation_cites_what_the_quotation_cites() -> None:
    lead, quoted, after = draft_claims(prepared_draft(QUOTED))
    assert (lead.aliases, quoted.aliases, after.aliases) == (("E1",), ("E1",), ("E2",))
    assert published(QUOTED).startswith("The handbook insists on a check beforehand [1]:\n\n> A budget")


def test_what_leads_to_a_quotation_goes_with_it_and_not_the_other_way_round() -> None:
    assert published(QUOTED, ["A budget"]) == "Alerts are sent once [1]."
    assert published(QUOTED, ["The handbook"]).startswith("> A budget that is compared afterwards is a report [1].\n")


def test_a_sentence_that_leads_to_nothing_does_not_cite_the_quotation_after_it() -> None:
    whole, quoted = draft_claims(prepared_draft("The budget is checked beforehand.\n\n> It is a limit [E1]."))
    assert (whole.aliases, quoted.aliases) == ((), ("E1",))


def test_inherited_numbers_rise_and_own_marks_keep_their_order() -> None:
    draft = (
        "It is refused [E3]. In detail:\n\n1. Estimated [E1].\n2. Refused [E3].\n3. Told [E2].\n\nAll told [E2][E3]."
    )
    assert published(draft).splitlines()[0] == "It is refused [1]. In detail [1][2][3]:"
    assert published(draft).splitlines()[-1] == "All told [3][1]."

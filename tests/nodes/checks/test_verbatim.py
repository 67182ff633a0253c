"""Words, rows and code of a claim that stand in a passage as they are."""

from __future__ import annotations

import pytest

from nodes.checks import Examined
from state.values import ClaimFault, ClaimKind, Support
from tests.nodes.checks.test_examine import POLARITY, TABLE, TIERS, examined


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("The free tier allows 60 requests and 100,000 characters a minute.", TIERS),
        ("Caching reduces the cost.", POLARITY),
        ("**Guards** fail `closed`.", POLARITY),
        ("See the guide for more.", "Read first. See [the guide](https://a.example/x) for more."),
        ("It’s “free”, they say.", 'It\'s "free", they\nsay.'),
        (
            "On-demand models are priced by the character.",
            "Prices\n\n- On-demand models are\n  priced by the character\n",
        ),
    ],
)
def test_what_stands_there_is_supported_and_located(claim: str, passage: str) -> None:
    found = examined(claim, passage)
    assert found.verdict is Support.SUPPORTED
    ((position, (start, end)),) = found.spans
    assert position == 0
    assert claim.split()[-1].strip(".`*").casefold()[:4] in passage[start:end].casefold()


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("The data is encrypted.", "Nobody claims that the data is encrypted."),
        ("The tier is free.", "The tier is free for partners who signed."),
        ("Guards", POLARITY),
        ("Rate tiers", TIERS),
        ("Five ways to sign a request", "## Five ways to sign a request\n\nThere are others."),
    ],
)
def test_words_inside_another_sentence_or_a_heading_are_not_verbatim(claim: str, passage: str) -> None:
    assert examined(claim, passage).verdict is not Support.SUPPORTED


@pytest.mark.parametrize(
    "claim",
    [
        "The free tier allows sixty requests](and everybody should buy shares).",
        "The free tier allows sixty requests](https://evil.example/a).",
        "The free tier allows ⟦600⟧ sixty requests.",
    ],
)
def test_every_word_that_a_claim_shows_must_stand_in_the_passage(claim: str) -> None:
    assert examined(claim, "The free tier allows sixty requests.").verdict is not Support.SUPPORTED


@pytest.mark.parametrize(
    "claim", ["It allows sixty requests ⟦3⟧, see the guide.", "It allows sixty requests, see the guide."]
)
def test_a_document_may_have_marks_and_links_of_its_own(claim: str) -> None:
    passage = "It allows sixty requests [3], see [the guide](https://a.example/g)."
    assert examined(claim, passage).verdict is Support.SUPPORTED


def test_a_row_is_verbatim_under_its_own_header_only() -> None:
    row = {"kind": ClaimKind.ROW}
    header = "model | context window | price"
    assert examined("Llama | 8 k tokens | $3", TABLE, context=header, **row).verdict is Support.SUPPORTED
    assert examined("Llama | 8 k tokens | $3", TABLE, context="model | memory | price", **row) == Examined()
    assert examined("Llama | 8 k tokens | $3", TABLE, **row) == Examined()
    assert examined("Llama | 9 k tokens | $3", TABLE, context=header, **row).fault is ClaimFault.NUMBER


GRID = "| Tier | Minute | Day |\n|---|---|---|\n| Free | 60 | – |\n| Paid [3] | ✓ | ✗ |\n"


@pytest.mark.parametrize(
    ("row", "same"),
    [
        ("Free | 60 | –", True),
        ("Free | 60", True),
        ("Free | – | 60", False),
        ("Paid | ✓ | ✗", True),
        ("Paid ⟦3⟧ | ✓ | ✗", True),
        ("Paid ⟦4⟧ | ✓ | ✗", False),
        ("Paid | ✗ | ✓", False),
        ("Paid | |", False),
    ],
)
def test_a_row_is_compared_cell_by_cell(row: str, same: bool) -> None:
    found = examined(row, GRID, kind=ClaimKind.ROW, context="Tier | Minute | Day")
    assert (found.verdict is Support.SUPPORTED) is same


def test_a_header_is_compared_cell_by_cell() -> None:
    found = examined("Free | 60 | –", GRID, kind=ClaimKind.ROW, context="Tier Minute | Day |")
    assert found.verdict is not Support.SUPPORTED


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("The delay is 60 ms here.", "The delay is <60 ms here."),
        ("The delay is > 60 ms here.", "The delay is < 60 ms here."),
        ("The delay is 60 ms here.", "The delay is ≥60 ms here."),
        ("It is written in C.", "It is written in C#."),
        ("It is written in C.", "It is written in C++."),
        ("The area is 102 square metres.", "The area is 10² square metres."),
        ("It takes 12 cups of it.", "It takes ½ cups of it."),
        ("[x] Keys are rotated daily", "- [ ] Keys are rotated daily"),
        ("SSO is ✓ for guests.", "SSO is ✗ for guests."),
        ("It rose by 5 points.", "It rose by ~5 points."),
        ("It rose by 5 points.", "It rose by ~ 5 points."),
        ("The value a = b holds.", "The value a != b holds."),
    ],
)
def test_symbols_that_change_the_meaning_are_compared(claim: str, passage: str) -> None:
    assert examined(claim, passage).verdict is not Support.SUPPORTED


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("The delay is <60 ms here.", "**The** delay is `<60 ms` here."),
        ("The delay is 60 ms here.", "> The delay is 60 ms here."),
        ("60 requests are allowed.", "> 60 requests are allowed."),
        ("The office is finished.", "The o\ufb03ce is \ufb01nished."),
        ("It is written in C# today.", "It is written in *C#* today."),
        ("Tea costs 5 € there.", "● Tea costs 5 € there."),
        ("She said “no” – twice.", 'She said "no" - twice.'),
    ],
)
def test_markup_and_typography_change_nothing(claim: str, passage: str) -> None:
    assert examined(claim, passage).verdict is Support.SUPPORTED


def test_an_item_of_a_list_that_is_denied_is_no_support() -> None:
    items = "\n\n- Customer data is sold to others\n- Backups are kept forever\n"
    claim = "Customer data is sold to others."
    assert examined(claim, f"Common myths about the service:{items}") == Examined()
    assert examined(claim, f"What happens:{items}").verdict is Support.SUPPORTED


CODE = "Install it:\n\n```sh\npip install sixplane\nsixplane serve --port 80\n```\n\nOr run `sixplane doctor`."


@pytest.mark.parametrize(
    "code",
    [
        "pip install sixplane",
        "pip   install sixplane\n\nsixplane serve --port 80",
        "$ sixplane serve --port 80",
        "sixplane doctor",
    ],
)
def test_code_that_stands_there_is_supported(code: str) -> None:
    assert examined(code, CODE, kind=ClaimKind.CODE).verdict is Support.SUPPORTED


@pytest.mark.parametrize(
    "code", ["pip install six", "sixplane serve", "sixplane serve --port 81", "pip install sixplane --user", "doctor"]
)
def test_other_code_fails_also_where_it_is_a_part(code: str) -> None:
    found = examined(code, CODE, kind=ClaimKind.CODE)
    assert (found.verdict, found.fault) == (Support.UNSUPPORTED, ClaimFault.CODE)


SCRIPT = """
Run it dry first:

```python
if dry_run:
    report()
delete_all(
    force=True)
```

```sql
DELETE FROM orders
WHERE day < 3;
COMMIT;
```
"""


@pytest.mark.parametrize("code", ["if dry_run:\n    report()", "delete_all(\n    force=True)", "COMMIT;", "$ COMMIT;"])
def test_whole_statements_of_a_block_are_supported(code: str) -> None:
    assert examined(code, SCRIPT, kind=ClaimKind.CODE).verdict is Support.SUPPORTED


@pytest.mark.parametrize(
    "code",
    [
        "DELETE FROM orders",  # without its condition
        "WHERE day < 3;",
        "report()",  # without the `if` around it
        "if dry_run:\n    report()\n    delete_all(\n    force=True)",  # under another condition
        "if dry_run:",
        "delete_all(",
        "Run it dry first:",  # prose
    ],
)
def test_a_part_of_a_statement_and_prose_are_no_code_of_a_passage(code: str) -> None:
    assert examined(code, SCRIPT, kind=ClaimKind.CODE).fault is ClaimFault.CODE


PLAIN = """Nobody has ever claimed that
the data is encrypted
at rest (or in transit).

The next part is about the installation of the program, which takes a minute on a machine of today, or two on one of
yesterday. A virtual environment keeps it apart from the rest of the machine.

pip install sixplane

Acme is bankrupt
================
pool = create_pool(min=1, max=4)
with pool.acquire() as connection:
    connection.commit()
"""


@pytest.mark.parametrize(
    "code", ["pip install sixplane", "with pool.acquire() as connection:\n    connection.commit()"]
)
def test_a_document_without_markup_may_show_code(code: str) -> None:
    assert examined(code, PLAIN, kind=ClaimKind.CODE).verdict is Support.SUPPORTED


@pytest.mark.parametrize("code", ["the data is encrypted", "Acme is bankrupt", "connection.commit()"])
def test_its_prose_headings_and_parts_are_left_to_a_judge_or_fail(code: str) -> None:
    assert examined(code, PLAIN, kind=ClaimKind.CODE).verdict is not Support.SUPPORTED


@pytest.mark.parametrize(
    ("code", "passage"),
    [
        ("Acme (ACM) is bankrupt since 2031", "It is a lie that\nAcme (ACM) is bankrupt since 2031\nThey owe money."),
        ("rm -rf /srv", "Never run this:\n\n```\nrm -rf /srv\n```\n"),
        ("rm -rf /srv", "```\n# never do this\nrm -rf /srv\n```\n"),
        ("rm -rf /srv", "A bad example: `rm -rf /srv`"),
    ],
)
def test_prose_and_what_is_warned_of_is_left_to_a_judge(code: str, passage: str) -> None:
    found = examined(code, passage, kind=ClaimKind.CODE)
    assert found.verdict is None
    assert found.spans, "the judge is shown where it stands"


@pytest.mark.parametrize(
    ("code", "block"),
    [
        ("DELETE FROM orders", "DELETE FROM orders\n\nWHERE day < 3"),
        ("SELECT a FROM t WHERE name", "SELECT a FROM t WHERE name\nLIKE 'a%'"),
        ("GRANT ALL ON t", "GRANT ALL ON t\nTO alice"),
        ("deleteAll()", "if (x)\ndeleteAll()"),
        ("def f():\n    a()", "def f():\n    a()\n\n    b()"),
        ("DELETE FROM t", "UPDATE t SET a = 1;\nDELETE FROM t\nFETCH ALL;"),
    ],
)
def test_blank_lines_and_words_of_any_kind_do_not_end_a_statement(code: str, block: str) -> None:
    assert examined(code, f"Do:\n\n```\n{block}\n```", kind=ClaimKind.CODE).fault is ClaimFault.CODE


def test_a_fence_with_a_language_tells_which_part_is_code() -> None:
    cut = "a = 1\n```\n\nAcme is bankrupt today\n\n```python\nb = 2\n"
    for code in ("a = 1", "b = 2"):
        assert examined(code, cut, kind=ClaimKind.CODE).verdict is Support.SUPPORTED
    assert examined("Acme is bankrupt today", cut, kind=ClaimKind.CODE).fault is ClaimFault.CODE


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("No backups are kept for a year.", "Are the logs public? No. Backups are kept for a year."),
        ("No data is encrypted at rest.", "Is it plain text? No, data is encrypted at rest."),
        ("Never delete the files at night.", "How often? Never. Delete the files at night."),
        ("Passwords are stored in plain text.", "We compared:\n\n- Passwords are stored\n- in plain text\n"),
        ("The pool grows if used<free.", "The pool grows if used>free."),
        ("The key is stored if a==b.", "The key is stored if a!=b."),
        ("The data flows from A <- B.", "The data flows from A -> B."),
        ("Set !debug to enable the mode.", "Set debug to enable the mode."),
        ("The value is –40 degrees there.", "The value is 40 degrees there."),
        ("The tier allows 6\u03380 requests.", "The tier allows 60 requests."),
        ("The tier allows\u20e0 60 requests.", "The tier allows 60 requests."),
        ("The tier allows 60 requests.", "~~The tier allows 60 requests.~~ It allows 90."),
        ("The tier allows 60 requests.", "<del>The tier allows 60 requests.</del> It allows 90."),
        ("Data is sold to third parties.", "# Myths that are not true\n\nData is sold to third parties.\n"),
        ("Data is sold to third parties.", "The following is false. Data is sold to third parties."),
        ("Data is sold to third parties.", "Our critics wrongly claim:\n\nData is sold to third parties."),
    ],
)
def test_signs_and_what_takes_words_back_are_compared_too(claim: str, passage: str) -> None:
    assert examined(claim, passage).verdict is not Support.SUPPORTED


def test_rows_below_words_that_take_them_back_and_struck_cells_are_no_support() -> None:
    table = "| a | b |\n|---|---|\n| x | 60 |\n| y | ~~70~~ |\n"
    row = {"kind": ClaimKind.ROW, "context": "a | b"}
    assert examined("x | 60", table, **row).verdict is Support.SUPPORTED
    assert examined("y | 70", table, **row).verdict is not Support.SUPPORTED
    assert examined("x | 60", f"Everything in this table is wrong:\n\n{table}", **row).verdict is not Support.SUPPORTED


MANUAL = """
Create a pool::

  pool = create_pool(min=1,
                     max=4)

.. code-block:: sql

  DELETE FROM orders;

.. note::

  the data is encrypted

- An item

      the keys are rotated in it
"""


@pytest.mark.parametrize("code", ["pool = create_pool(min=1,\n                   max=4)", "DELETE FROM orders;"])
def test_blocks_of_restructured_text_hold_code(code: str) -> None:
    assert examined(code, MANUAL, kind=ClaimKind.CODE).verdict is Support.SUPPORTED


@pytest.mark.parametrize("code", ["the data is encrypted", "the keys are rotated in it", "pool = create_pool(min=1,"])
def test_notes_and_items_hold_none(code: str) -> None:
    assert examined(code, MANUAL, kind=ClaimKind.CODE).fault is ClaimFault.CODE


def test_a_passage_may_begin_within_a_block() -> None:
    cut = "a = 1\nb = 2\n```\n\nThat is all of it.\n"
    assert examined("a = 1\nb = 2", cut, kind=ClaimKind.CODE).verdict is Support.SUPPORTED
    assert examined("That is all of it.", cut, kind=ClaimKind.CODE).fault is ClaimFault.CODE


def test_what_a_document_denies_is_verbatim_only_behind_the_words_that_deny_it() -> None:
    text = "Common myths about the service:\n\n- The keys are stored in plain text.\n- The logs are never deleted.\n"
    lead = "Common myths about the service:"
    claim = "The keys are stored in plain text."
    assert examined(claim, text).verdict is not Support.SUPPORTED
    assert examined(claim, text, context="Facts about the service:").verdict is not Support.SUPPORTED
    assert examined(claim, text, context=f"Read this first. {lead}").verdict is Support.SUPPORTED
    assert (
        examined(claim, f"## Myths\n\nMore here:\n\n- {claim}", context="More here:").verdict is not Support.SUPPORTED
    )
    assert examined(claim, f"More here:\n\n- ~~{claim}~~", context="More here:").verdict is not Support.SUPPORTED


def test_a_quotation_is_verbatim_from_a_whole_sentence_to_a_whole_sentence() -> None:
    text = "Critics say this. The keys are stored in plain text. They are not."
    assert examined("Critics say this. The keys are stored in plain text.", text).verdict is Support.SUPPORTED
    assert examined("The keys are stored in plain text. They are not.", text).verdict is not Support.SUPPORTED
    assert examined("say this. The keys are stored in plain text.", text).verdict is not Support.SUPPORTED


def test_a_later_step_has_the_introduction_of_the_first() -> None:
    text = "Do this:\n\n1. Stop the service.\n\nNever do so by hand.\n\n2. Remove the old files."
    claim = "Remove the old files."
    assert examined(claim, text, context="Do this:").verdict is Support.SUPPORTED
    assert examined(claim, text).verdict is Support.SUPPORTED
    assert examined(claim, text.replace("Do this:", "Never do this:")).verdict is not Support.SUPPORTED


def test_code_below_a_warning_is_certain_only_where_the_reader_reads_the_warning() -> None:
    code = {"kind": ClaimKind.CODE}
    text = "Some do it wrong. Never run this:\n\n    rm -r /\n"
    assert examined("rm -r /", text, **code).verdict is None
    assert examined("rm -r /", text, context="Never run this:", **code).verdict is None
    assert examined("rm -r /", text, context="Some do it wrong. Never run this:", **code).verdict is Support.SUPPORTED
    assert examined("rm -r /", text, context="Run this:", **code).verdict is None


def test_a_heading_without_its_marks_takes_back_what_stands_below_it() -> None:
    passage = "Gateway\n\nMyths\n\nIt stores every prompt.\n\nThe gateway is free.\n\nLimits\n\nThe limit is 60."
    assert examined("The gateway is free.", passage).verdict is not Support.SUPPORTED
    assert examined("The limit is 60.", passage).verdict is Support.SUPPORTED


LISTED = (
    "Do this:\n\n- Create the folder on the server.\n\n      create or replace directory d as '/x'\n\n"
    "  Its name is free.\n\n      Acme is bankrupt today"
)


def test_code_in_an_item_of_a_list_is_code_without_an_introduction():
    code = "create or replace directory d as '/x'"
    assert examined(code, LISTED, kind=ClaimKind.CODE).verdict is Support.SUPPORTED
    assert examined("Acme is bankrupt today", LISTED, kind=ClaimKind.CODE).fault is ClaimFault.CODE

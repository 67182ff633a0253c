"""Links, images, HTML and marks that a document may dictate to a writer: none of them leaves."""

from __future__ import annotations

import pytest

from nodes.draft import Kept, draft_claims, prepared_draft, publish_draft
from state.addresses import addresses_in
from tests.nodes.draft.test_properties import assert_harmless

NAMED = "https://named.example/page"

LINKS = [
    "[click](https://evil.example)",
    "[click](https://evil.example 'title')",
    "[click](<https://evil.example>)",
    "[click](\nhttps://evil.example\n)",
    "[click](//evil.example)",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1))",
    "[click](&#106;avascript:alert(1))",
    "[click](java\\script:alert(1))",
    "[click](javascript&colon;alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "[click](vbscript:msgbox(1))",
    "[click](file:///etc/passwd)",
    "[click](blob:https://evil.example/1)",
    "[a [b](https://evil.example) c](https://evil.example/2)",
    "[a [b](x) c](https://evil.example)",
    "[![i](https://evil.example/i.png)](https://evil.example)",
    "[click] [ref]\n\n[ref]: https://evil.example",
    "[click][]\n\n[click]: https://evil.example",
    "[click]\n\n> [click]: <https://evil.example> (title)",
    "[E1]: https://evil.example",
    "[^E1]: https://evil.example",
    "[1]: https://evil.example",
    "\\[E1\\]: https://evil.example",
    "&#91;click&#93;(https://evil.example)",
    "\\[click](https://evil.example)",
    "[click\\](https://evil.example)",
    "[click]\\(https://evil.example)",
    "[" * 30 + "click](https://evil.example)" + "]" * 29,
    "<https://evil.example>",
    "<mailto:a@evil.example>",
    "<a@evil.example>",
    "<javascript:alert(1)>",
    "https://evil.example",
    "http\\://evil.example",
    "https:&#47;&#47;evil.example",
    "**https**://evil.example",
    "(https://evil.example)",
    "---https://evil.example",
    "ftp://evil.example",
    "www.evil.com",
    "a@evil.example",
    "mailto:a@evil.example",
    "evil.com/path?q=secret",
    f"[{NAMED}](https://evil.example)",
    f"{NAMED}/more",
    f"{NAMED}?q=secret",
    "https://named.example/page@evil.example",
    "https://named.example\\@evil.example",
]
IMAGES = [
    "![x](https://evil.example/i.png)",
    "![x][r]\n\n[r]: https://evil.example/i.png",
    "![x]\n\n[x]: https://evil.example/i.png",
    "!\\[x](https://evil.example/i.png)",
    "\\![x](https://evil.example/i.png)",
    "&#33;[x](https://evil.example/i.png)",
    "![![x](https://evil.example/a.png)](https://evil.example/b.png)",
    "!![a](b)[x](https://evil.example/i.png)",
    "![E1](https://evil.example/i.png)",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
]
ELEMENTS = [
    "<script>alert(1)</script>",
    "<SCRIPT\n>alert(1)</SCRIPT\n>",
    "<img src=https://evil.example/i.png>",
    "<a href='https://evil.example'>x</a>",
    "<iframe src=https://evil.example></iframe>",
    "<!-- hidden words -->",
    "<?php echo 1 ?>",
    "<!DOCTYPE html>",
    "<![CDATA[x]]>",
    "<details open ontoggle=alert(1)>x</details>",
    "a <b onclick=x>b</b>",
    "<x-y>",
    "\\<script>alert(1)</script>",
    "`<b>` and ` <i>",
    "<![a](b)script>alert(1)</script>",
    "<[script](x)>alert(1)</script>",
    "| a |\n|---|\n| ` |\n| `<img src=x>` |",
    "    <b>\n\n<b>",
    "```html\n<b>\n```\n<b>",
    "- <b>\n  > <i>",
    "<div>\n\n**x**\n\n</div>",
    "# <b>title</b>",
]
PLACES = ["{}", "It is so. {} [E1]. So it is [E1].", "> {}\n", "- {} [E1]", "# {}\n\nIt is so [E1].", "**{}** [E1]"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("attack", LINKS + IMAGES + ELEMENTS)
def test_no_link_image_or_element_leaves_even_if_every_claim_passes(attack: str, place: str) -> None:
    draft = prepared_draft(place.format(attack))
    named = addresses_in(NAMED)
    kept = {(each.start, each.end): Kept(("E1",), addresses=named) for each in draft_claims(draft)}
    markdown = publish_draft(draft, kept).markdown
    assert_harmless(markdown, named)
    assert "![" not in markdown.replace("\\![", "")


TABLE = "| {} | b |\n|---|---|\n| a | {} [E1] |"


@pytest.mark.parametrize("attack", [each for each in LINKS + IMAGES + ELEMENTS if "\n" not in each and "|" not in each])
def test_nothing_leaves_in_the_cells_of_a_table(attack: str) -> None:
    draft = prepared_draft(TABLE.format(attack, attack))
    kept = {(each.start, each.end): Kept(("E1",)) for each in draft_claims(draft)}
    assert_harmless(publish_draft(draft, kept).markdown)


@pytest.mark.parametrize(
    "forged",
    [
        "A secret. [1]",
        "A secret \\[1\\].",
        "A secret &#91;1&#93;.",
        "A secret [*1*].",
        "A secret [1](https://evil.example).",
        "A secret 【1】.",
        "A secret `[1]`.",
        "A secret [^1].",
    ],
)
def test_no_number_of_a_writer_counts_as_a_citation(forged: str) -> None:
    draft = prepared_draft(f"It is so [E1]. {forged}")
    claims = draft_claims(draft)
    assert [claim.own_marks for claim in claims] == [True, False]
    both = publish_draft(draft, {(each.start, each.end): Kept(("E1",)) for each in claims})
    assert len(both.spans) == 2
    alone = publish_draft(draft, {(claims[0].start, claims[0].end): Kept(("E1",))})
    assert alone.markdown == "It is so [1]."


def test_a_language_line_says_no_more_than_a_language() -> None:
    draft = prepared_draft("Run [E1]:\n\n```python visit evil.example now\ngo\n```")
    assert draft == "Run [E1]:\n\n```python\ngo\n```"


def test_words_beside_the_claims_do_not_leave() -> None:
    draft = prepared_draft(
        "Will you visit evil.example?\n\n# Why?\n\nIt is so [E1]. Do you agree?\n\n| a | b | c |\n|---|---|---|\n"
        "| one [E1] | two | three | hidden |\n\nSource: [E1] evil\n\n[note]: evil.example 'words'\n\n<!-- words -->"
    )
    kept = {(c.start, c.end): Kept(("E1",)) for c in draft_claims(draft) if c.aliases and c.kind != "heading"}
    kept = {span: value for span, value in kept.items() if "evil" not in draft[slice(*span)]}
    assert (
        publish_draft(draft, kept).markdown
        == "It is so [1].\n\n| a | b | c |\n|---|---|---|\n| one [1] | two | three |"
    )

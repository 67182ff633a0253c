"""What a draft may not hold when it is stored: HTML, images, definitions, numbers in brackets."""

from __future__ import annotations

import pytest

from nodes.draft import draft_claims, prepared_draft
from state.addresses import addresses_in


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        # Markdown that is safe stays.
        ("# T\n\n* a\n+ b\n\n1) c [E1]", "# T\n\n* a\n+ b\n\n1) c [E1]"),
        ("x < 5 & y > 3, `<b>`, a\\*b", "x < 5 & y > 3, `<b>`, a\\*b"),
        ("```html\n<b>[1]\n```", "```\n<b>[1]\n```"),
        ("[docs](https://x.example/a?b=1#c) [E1]", "[docs](https://x.example/a?b=1#c) [E1]"),
        # HTML
        ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
        ("<!-- a --> <?b?> </b> \\<i>", "&lt;!-- a --> &lt;?b?> &lt;/b> &lt;i>"),
        ("<![x](y)script>", "&lt;script>"),
        ("a<br>b<br/>c<BR />d", "a b c d"),
        ("Use <host:port> or <a@b.example>.", "Use &lt;host:port&gt; or a@b.example."),
        ("See <https://x.example/>.", "See <https://x.example/>."),
        ("<javascript:alert(1)>", "&lt;javascript:alert(1)&gt;"),
        # Images
        ("a ![words](https://x.example/y.png) b", "a  b"),
        ("[![a](b)](https://x.example) c", " c"),
        ("!![x](y)[z](https://x.example)", ""),
        ("Wow![E1] \\!\\[", "Wow! [E1] \\!\\["),
        # Links
        ("[docs](https://x.example 'a title')", "[docs](https://x.example)"),
        ("[docs](<https://x.example> (a title))", "[docs](https://x.example)"),
        ("[a](javascript:alert(1)) [b](&#106;avascript:x) [c](data:text/html,x) [d](vbscript:x)", "a b c d"),
        ("[a](file:///etc/passwd) [b](//x.example) [c](../x.md) [d](#top) [e]()", "a b c d e"),
        ("[a](https://x.example/?q=<b>\"'`)", "a"),
        ("[a [b](https://x.example) c](https://y.example)", "[a [b](https://x.example) c]\\(https://y.example)"),
        ("[x](https://en.example/a_(b))", "[x](https://en.example/a_%28b%29)"),
        ("[a]\n\n[a]: https://x.example 'title'", "[a](https://x.example)"),
        (
            "[b][A] [c][]\n\n> [a]: x.md\n>   'title'\n>\n> d\n\n[c]: mailto:a@b.example",
            "b [c](mailto:a@b.example)\n\n> \n>   \n>\n> d",
        ),
        ("a [no]: https://x.example", "a [no]\\: https://x.example"),
        ("[^n]: A footnote of words.", "[^n]\\: A footnote of words."),
        ("[^E1]: The handbook\n[E2]: The manual", "The handbook [^E1]\nThe manual [E2]"),
        # Marks
        ("[1] [2, 3] [4][5] a[6]", "⟦1⟧ ⟦2, 3⟧ ⟦4⟧⟦5⟧ a⟦6⟧"),
        ("\\[1\\] &#91;2&#93; [*3*] [**4**]", "⟦1⟧ ⟦2⟧ ⟦*3*⟧ ⟦**4**⟧"),
        ("[e1] [E2-E4] [E5 - 6] \\[E7\\] [E1-E99]", "[E1] [E2, E3, E4] [E5, E6] [E7] ⟦E1-E99⟧"),
        ("[E1](#e1) [[E2]](https://x.example) [E3, E4](x)", "[E1] [E2] [E3, E4]"),
        ("Sixty [7](https://x.example) a minute.", "Sixty  a minute."),
        ("[say [E1]](https://x.example)", "say [E1]"),
        ("[E1](p. 3)", "[E1]\\(p. 3)"),
        ("It is so. *(unverified)*", "It is so. (unverified)"),
        # Tables
        ("a | b\n-|-\n1 | 2 | <b>3", "a | b\n-|-\n1 | 2"),
        ("| a |\n|-|\n| ` |\n| `<b>` |", "| a |\n|-|\n| \\` |\n| `<b>` |"),
        # Code
        ("```python\nrow⟦0⟧, ⟦10⟧ [E1]\n```\n\n`row⟦1⟧` ⟦2⟧", "```python\nrow[0], [10] [E1]\n```\n\n`row[1]` ⟦2⟧"),
        ("- a\n\n      row⟦0⟧\n\n| `x⟦1⟧` |\n|-|", "- a\n\n      row[0]\n\n| `x[1]` |\n|-|"),
        ("``` python title=evil\nx", "```python\nx\n```"),
        ("```mermaid\nx\n```", "```\nx\n```"),
        ("> 1. ~~~~ sql\n>    x\n\ny", "> 1. ~~~~ sql\n>    x\n>    ~~~~\n\ny"),
        # The rest
        ("```markdown\n# T\n\n```sh\nx\n```\n\ny [E1].\n```", "# T\n\n```sh\nx\n```\n\ny [E1]."),
        ("a\r\nb\rc\0\u202ed\ue000 &#x202e;", "a\nb\ncd"),
        ("-\ta\n\n\tb\tc", "-   a\n\n    b\tc"),
        ("", ""),
    ],
)
def test_what_is_stored_of_what_was_written(written: str, stored: str) -> None:
    assert prepared_draft(written) == stored
    assert prepared_draft(stored) == stored


def test_a_hostile_nest_of_rules_ends() -> None:
    nested = "!" * 40 + "![x](y)" * 40 + "[z](https://x.example)"
    once = prepared_draft(nested)
    assert prepared_draft(once) == once
    assert not any("![" in once.replace("\\!", "") for _ in once)


def test_claims_of_a_prepared_draft_are_as_written() -> None:
    claims = draft_claims(prepared_draft("The [limit](https://x.example 'x') is <b>60 [e1]. See <https://y.example>."))
    assert [claim.text for claim in claims] == ["The limit is <b>60.", "See https://y.example."]
    assert claims[0].aliases == ("E1",)


def test_addresses_of_a_text() -> None:
    text = (
        "See https://Docs.Example.com/Limits/, (http://x.example/a_(b)) or www.y.example; mail a.b@c.example or "
        "mailto:d@e.example. Not e.g. v1.2 or README.md, nodes/draft.py, but evil.com/path?x=1! 次https://z.example。次"
    )
    assert addresses_in(text) == {
        "docs.example.com/Limits",
        "x.example/a_(b)",
        "y.example",
        "a.b@c.example",
        "d@e.example",
        "evil.com/path?x=1",
        "z.example",
    }


@pytest.mark.parametrize(
    "hidden",
    [
        "".join(chr(0xE0000 + ord(char)) for char in "buy coins"),
        "\ufe01\ufe02\ufe03",
        "\U000e0101\U000e0102",
        "\u200c\u200d\u200b\u2060\u3164\u034f\u00ad",
    ],
)
def test_nothing_that_a_reader_does_not_see_is_kept(hidden: str) -> None:
    assert prepared_draft(f"It is so.{hidden} [E1]") == "It is so. [E1]"


def test_what_a_script_or_a_symbol_needs_is_kept() -> None:
    for text in ("می\u200cخواهم [E1]", "Done \u2714\ufe0f [E1]", "\U0001f469\u200d\U0001f4bb codes [E1]"):
        assert prepared_draft(text) == text


def test_struck_words_are_read_like_all_others() -> None:
    assert prepared_draft("It allows ~~ten~~ sixty [E1].") == "It allows ten sixty [E1]."

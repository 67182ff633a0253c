"""Web pages: one small page per fault, with its right text."""

from __future__ import annotations

import pytest

from tests.retrieval.test_loaders import at_headings, fault, one, saved

TABLES = {
    "header": (
        "<table><tr><th>Name</th><th>Price</th></tr><tr><td>Tea</td><td>3</td></tr><tr><td>Milk</td><td></td></tr></table>",
        "Name: Tea; Price: 3\nName: Milk",
    ),
    "groups": (
        (
            "<table><caption>Prices</caption><tfoot><tr><td>Sum<td>7</tfoot><thead><tr><td>Name<td>Price</thead><tbody>"
            "<tr><td>Tea<td>3<tr><td>Milk<td>4</table>"
        ),
        "Prices\n\nName: Tea; Price: 3\nName: Milk; Price: 4\nName: Sum; Price: 7",
    ),
    "spans": (
        (
            "<table><tr><th rowspan=2>Year<th colspan=2>Sales</tr><tr><th>North<th>South</tr>"
            "<tr><td>2024<td>1<td>2</tr></table>"
        ),
        "Year: 2024; Sales North: 1; Sales South: 2",
    ),
    "rows merged": (
        "<table><tr><th>City<th>Street</tr><tr><td rowspan=2>Bern<td>A</tr><tr><td>B</tr></table>",
        "City: Bern; Street: A\nCity: Bern; Street: B",
    ),
    "long text in merged cells": (
        f"<table><tr><td colspan=2 rowspan=2>{'long ' * 50}<td>x</tr><tr><td>y</tr></table>",
        f"{'long ' * 49}long | {'long ' * 15}long… | x\n{'long ' * 15}long… | {'long ' * 15}long… | y",
    ),
    "properties": (
        "<table><tr><th>Owner<td>Ann</tr><tr><th>Since<td>2001</tr></table>",
        "Owner | Ann\nSince | 2001",
    ),
    "blocks in a cell": (
        "<table><tr><th>A<th>B</tr><tr><td><p>one</p><p>two</p></td><td><ul><li>x<li>y</ul></td></tr></table>",
        "A: one two; B: x y",
    ),
    "nested in a cell": (
        "<table><tr><th>A<th>B</tr><tr><td>1</td><td><table><tr><td>x<td>y</table></td></tr></table>",
        "A: 1; B: x y",
    ),
    "layout": (
        "<table><tr><td><h2>Left</h2><p>Text.</p></td><td><table><tr><th>N<th>P<tr><td>a<td>1</table></td></tr></table>",
        "Left\n\nText.\n\nN: a; P: 1",
    ),
    "code beside its line numbers": (
        "<table><tr><td><pre>1\n2</pre></td><td><pre>if x:\n    y</pre></td></tr></table>",
        "    1\n    2\n\n    if x:\n        y",
    ),
    "damaged span": ("<table><tr><td colspan=9999999>a<td rowspan=-1>b</table>", "a" + " | a" * 999 + " | b"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_rows(tmp_path, name):
    page, text = TABLES[name]
    assert one(saved(tmp_path, "a.html", page)).text == text


@pytest.mark.parametrize(
    "tag",
    [
        "address",
        "article",
        "aside",
        "center",
        "dd",
        "details",
        "figure",
        "form",
        "hgroup",
        "label",
        "legend",
        "menu",
        "option",
        "search",
        "summary",
    ],
)
def test_every_block_element_stands_alone(tmp_path, tag):
    # The parser takes an option or a term out of its place only where HTML does so too.
    assert one(saved(tmp_path, "a.html", f"<div>one<{tag}>two</{tag}>three</div>")).text.split() == [
        "one",
        "two",
        "three",
    ]


def test_inline_elements_do_not_part_words(tmp_path):
    page = "<p>H<sub>2</sub>O, <b>bo</b>ld<x-y>er</x-y> <code>a_b</code><wbr>c</p>"
    assert one(saved(tmp_path, "a.html", page)).text == "H2O, bolder a_bc"


@pytest.mark.parametrize(
    "hidden",
    [
        "<template>no</template>",
        "<datalist><option>no</datalist>",
        "<div hidden><div hidden>no</div></div>",
        "<svg><title>no</title></svg>",
        "<table><tr hidden><td>no<td>no</table>",
        "<table><tr><td hidden>no</table>",
    ],
)
def test_what_is_not_displayed_is_left_out(tmp_path, hidden):
    assert one(saved(tmp_path, "a.html", f"<p>Seen.</p>{hidden}")).text == "Seen."


def test_preformatted_text_keeps_its_lines_and_its_indentation(tmp_path):
    page = "<p>Run:</p><pre>\n\n    <span>if</span> x:<br>        <code>y  =  1</code>\n</pre>"
    assert one(saved(tmp_path, "a.html", page)).text == "Run:\n\n        if x:\n            y  =  1"


def test_permalink_signs_are_no_part_of_titles_and_headings(tmp_path):
    page = (
        "<title>Usage¶ — Manual</title><h1>Usage<a class='headerlink' href='#usage'>¶</a></h1>"
        "<h2><span>The ¶ sign</span> ¶</h2><dl><dt>run()<a href='#run'>¶</a><dd>Runs.</dl>"
    )
    document = one(saved(tmp_path, "a.html", page))
    assert document.title == "Usage — Manual"
    assert document.text == "Usage\n\nThe ¶ sign\n\n- run(): Runs."
    assert at_headings(document) == [(1, "Usage", "Usage"), (2, "The ¶ sign", "The ¶ sign")]


@pytest.mark.parametrize(
    ("start", "encoding"),
    [
        ('<?xml version="1.0" encoding="iso-8859-2"?><html>', "iso-8859-2"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=windows-1250">', "cp1250"),
        ('<META CHARSET = "ISO-8859-2">', "iso-8859-2"),
        ('<!-- <meta charset="utf-8"> --><meta charset="iso-8859-2">', "iso-8859-2"),
        ('<?xml version="1.0" encoding="utf-8"?><meta charset="iso-8859-2">', "iso-8859-2"),
    ],
)
def test_the_stated_encoding_is_honoured(tmp_path, start, encoding):
    assert one(saved(tmp_path, "a.html", f"{start}<p>Łódź</p>".encode(encoding))).text == "Łódź"


def test_a_name_stands_for_the_wider_encoding_that_browsers_read(tmp_path):
    assert one(saved(tmp_path, "a.html", '<meta charset="gb2312"><p>朱镕基'.encode("gb18030"))).text == "朱镕基"


@pytest.mark.parametrize("tag", ["div", "b", "table><tr><td", "span><div"])
def test_a_page_nested_too_deeply_is_refused_with_the_name_of_the_limit(tmp_path, tag):
    path = saved(tmp_path, "a.html", f"<{tag}>" * (1_000_000 // len(tag)) + "deep")
    assert "SIXPLANE_DATA__LIMITS__NESTING" in fault(path)


def test_nesting_up_to_the_limit_is_read(tmp_path):
    path = saved(tmp_path, "a.html", "<div>" * 900 + "deep" + "</div>" * 900 + "<p><br><li>after" * 2000)
    assert one(path).text.startswith("deep\n\n- after")
    assert "more than 899" in fault(path, limits={"nesting": 899})


def test_tags_in_scripts_and_comments_are_not_nested(tmp_path):
    source = "<script>" + "'<div>'" * 1500 + "</script><!--" + "<div>" * 1500 + "--><p>Text."
    assert one(saved(tmp_path, "a.html", source)).text == "Text."


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<ul><li>a<ul><li>b<p>c</ul><pre>d</pre></ul>", "- a\n\n  - b\n\n   c\n\n      d"),
        ("<dl><dt>One<dt>two<dd>It is.<p>More.</dl>", "- One, two: It is.\n\n  More."),
        ("<dl><dt>run<dd><pre>a = 1</pre>So.<dd>Or.</dl>end", "- run:\n\n      a = 1\n\n  So.\n\n  Or.\n\nend"),
        ("<dl><dt>Prices<dd><table><tr><th>a<th>b<tr><td>1<td>2</table></dl>", "- Prices:\n\na: 1; b: 2"),
        ("<dl><dt>Why?<dd>Since.<dt>Alone</dl>", "- Why? Since.\n\n- Alone:"),
        ("<ul><li><h2>Top</h2>text<li><li>x</ul>", "Top\n\n  text\n\n- x"),
    ],
)
def test_items_and_definitions_show_what_they_are(tmp_path, page, text):
    assert one(saved(tmp_path, "a.html", page)).text == text

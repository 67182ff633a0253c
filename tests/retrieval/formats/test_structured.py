"""JSON, XML, YAML, notebooks and source code: one small input per property, each with its right value."""

from __future__ import annotations

import json

import pytest

from retrieval.loaders.formats import FORMATS
from tests.retrieval.formats.loading import blocks, headings, one, refused, saved


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ('{"server": {"port": 8080, "tls": true}, "name": null}', "server.port: 8080\nserver.tls: true\nname: null"),
        ('[{"id": 1, "item": "Nut"}, {"id": 2}]', "id: 1; item: Nut\nid: 2"),
        ('{"orders": [{"id": 17, "to": {"city": "Ulm"}}]}', "orders[0]: id: 17; to.city: Ulm"),
        ('{"tags": ["a", "b"], "none": [], "empty": {}}', "tags: a, b\nnone: []\nempty: {}"),
        ('{"m": [["Name", "Age"], ["Ann", 3]]}', "m: Name: Ann; Age: 3"),
        ('{"a": 1.10, "b": 12345678901234567890123, "c": 1e400}', "a: 1.10\nb: 12345678901234567890123\nc: 1e400"),
        ('{"a": 1, "a": 2}', "a: 1\na: 2"),
        ('{"n": 1}\n{"n": 2}\n', "n: 1\nn: 2"),
        ('{"body": "One.\\n\\nTwo.", "id": 3}', "body: One.\n\nTwo.\n\nid: 3"),
        ('[{"a": [{"b": 1}]}]', "[0].a[0]: b: 1"),
        ("7", "7"),
    ],
)
def test_values_of_json_carry_the_paths_of_their_keys(tmp_path, given, text):
    assert one(saved(tmp_path, "a.json", given)).text == text


def test_objects_of_an_array_are_rows_and_the_title_is_that_of_the_object(tmp_path):
    found = one(saved(tmp_path, "a.json", '{"title": "Sales", "rows": [{"y": 1}, {"y": 2}]}'))
    assert found.title == "Sales"
    assert blocks(found) == [("list", "title: Sales"), ("table", "rows[0]: y: 1\nrows[1]: y: 2")]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ('{"a": 1,}', "it is not valid JSON in line 1, column 9; correct it"),
        ("[" * 100_000, "nested too deeply"),
        (json.dumps([{"a": n} for n in range(30)]), "more values than allowed"),
    ],
)
def test_json_that_cannot_be_read_is_refused(tmp_path, given, reason):
    assert reason in refused(saved(tmp_path, "a.json", given), limits={"cells": 20})


DOCBOOK = """<!DOCTYPE book SYSTEM "docbook.dtd" [<!ENTITY product "Sixplane">]>
<book xmlns="http://docbook.org/ns/docbook"><title>The book</title>
<chapter><title>Start</title><!-- hidden -->
<para>Install <emphasis>&product;</emphasis>&nbsp;now:<itemizedlist><listitem><para>one</para></listitem>
<listitem><para>two</para></listitem></itemizedlist>then go.</para>
<programlisting>a
  b</programlisting>
<table><title>Sizes</title><tgroup><thead><row><entry>Name</entry><entry>Size</entry></row></thead>
<tbody><row><entry>x</entry><entry>1</entry></row></tbody></tgroup></table>
<section><title>More</title><para>End of <literal>it</literal>.</para></section></chapter></book>"""


def test_an_xml_document_is_paragraphs_headings_tables_and_code(tmp_path):
    found = one(saved(tmp_path, "a.xml", DOCBOOK))
    assert found.text.split("\n\n") == [
        *("The book", "Start", "Install Sixplane now:", "- one", "- two", "then go.", "    a\n      b", "Sizes"),
        *("Name: x; Size: 1", "More", "End of it."),
    ]
    assert headings(found) == [(1, "The book"), (2, "Start"), (3, "More")]
    assert [kind for kind, _ in blocks(found)] == [*("heading", "heading", "list", "list", "code", "table", "heading")]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "<ol><li><para>one</para><para>more</para></li><li><screen>a</screen></li><li><para>three</para></li></ol>",
            "1. one\n\n  more\n\n      a\n\n3. three",
        ),
        (
            "<varlistentry><term>pool</term><listitem><para>It holds <b>some</b>.</para></listitem></varlistentry>",
            "- pool: It holds some.",
        ),
        ("<list><list-item><p>a</p><list><list-item><p>b</p></list-item></list></list-item></list>", "- a\n\n  - b"),
        ("<ul><li><para/></li></ul><para>After the list.</para>", "After the list."),
        ("<ol start='4'><li>four</li><li value='7'>seven</li><li>eight</li></ol>", "4. four\n\n7. seven\n\n8. eight"),
        ("<orderedlist startingnumber='3'><listitem>three</listitem></orderedlist>", "3. three"),
        (f"<ol start='x'><li value='{'9' * 5000}'>one</li></ol>", "999999999. one"),
        ("<list list-type='order'><list-item><p>a</p></list-item></list>", "1. a"),
        ("<list list-type='order'><list-item><label>ii)</label><p>a</p></list-item></list>", "ii) a"),
        ("<list list-type='bullet'><list-item><label>\u2022</label><p>a</p></list-item></list>", "- a"),
    ],
)
def test_items_of_xml_documents_show_what_they_are(tmp_path, source, text):
    page = f"<article><title>T</title><para>So <b>it</b> is.</para>{source}</article>"
    assert one(saved(tmp_path, "a.xml", page)).text == f"T\n\nSo it is.\n\n{text}"


def defines(*terms: str, text: str = "") -> str:
    return f"<varlistentry>{''.join(f'<term>{each}</term>' for each in terms)}{text}</varlistentry>"


DEF = "<listitem><para>def</para></listitem>"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (defines("alpha", "beta", text=DEF), "- alpha, beta: def"),
        (
            defines("<option>-a</option>", "<option>-b</option> <replaceable>n</replaceable>", text=DEF),
            "- -a, -b n: def",
        ),
        (defines("alpha") + "<ul><li>one</li></ul>", "- alpha:\n\n- one"),
        (defines("alpha") + "<para>Next.</para>", "- alpha:\n\nNext."),
        (defines("alpha") + defines("beta", text=DEF), "- alpha:\n\n- beta: def"),
        (defines("alpha"), "- alpha:"),
        (defines("alpha", text="<listitem/>") + "<para>Next.</para>", "- alpha:\n\nNext."),
        (defines("alpha", text="<listitem><ul><li>one</li></ul></listitem>"), "- alpha:\n\n  - one"),
        (defines("Why?", text="<listitem><screen>a</screen>b</listitem>"), "- Why?\n\n      a\n\n  b"),
        (
            defines("a", text=f"<listitem>one{defines('b')}{defines('c', text=DEF)}</listitem>"),
            "- a: one\n\n  - b:\n\n  - c: def",
        ),
        (defines("a", text=f"<listitem>{defines('b', text=DEF)}</listitem>"), "- a:\n\n  - b: def"),
        (f"<ul><li>{defines('alpha')}<para>more</para></li></ul>", "  - alpha:\n\n  more"),
        ("<dl><dt>a</dt><dd>one</dd><dd>two</dd><dt>b</dt></dl>", "- a: one\n\n  two\n\n- b:"),
        ("<dlentry><dt>a</dt><dt>b</dt><dd>one</dd></dlentry>", "- a, b: one"),
        ("<def-item><term>a</term><def><p>one</p></def></def-item>", "- a: one"),
        (
            "<glossentry><glossterm>a</glossterm><acronym>A</acronym><glossdef><para>one</para></glossdef></glossentry>",
            "- a, A: one",
        ),
    ],
)
def test_the_terms_of_xml_documents_stand_before_what_they_define(tmp_path, source, text):
    page = f"<article><title>T</title><para>So <b>it</b> is.</para>{source}</article>"
    found = one(saved(tmp_path, "a.xml", page))
    assert found.text == f"T\n\nSo it is.\n\n{text}"
    assert all(kind in ("heading", "list", "code") for kind, _ in blocks(found))


def test_xml_data_are_values_with_their_paths(tmp_path):
    given = """<?xml version="1.0" encoding="iso-8859-2"?><rss version="2.0"><channel><title>Łódź news</title>
    <item id="1"><title>A</title><price currency="EUR">12</price></item><item id="2"><title>B</title></item>
    </channel></rss>"""
    found = one(saved(tmp_path, "a.rss", given.encode("iso-8859-2")))
    assert found.text == (
        "version: 2.0\nchannel.title: Łódź news\n\n"
        "channel.item[0]: id: 1; title: A; price.currency: EUR; price: 12\nchannel.item[1]: id: 2; title: B"
    )
    assert found.title == "Łódź news"


BOMB = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (f"<!DOCTYPE a [<!ENTITY a0 'lol'>{BOMB}]><a>&a11;</a>", "its entities expand to far more than it holds"),
        (f"<!DOCTYPE a SYSTEM 'b' [<!ENTITY a0 'lol'>{BOMB}]><a>&b;&a11;</a>", "its entities expand to far more"),
        ("<!DOCTYPE a [<!ENTITY a '&b;'><!ENTITY b '&a;'>]><a>&a;</a>", "its entities expand to far more"),
        ("<a>" * 5000 + "x" + "</a>" * 5000, "nested too deeply"),
        ("<a><b></a>", "it is not well-formed XML: Opening and ending tag mismatch"),
        ("<a/>", "it contains no text"),
    ],
)
def test_xml_that_cannot_be_read_is_refused(tmp_path, given, reason):
    assert reason in refused(saved(tmp_path, "a.xml", given))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("<p>Run &gnum; &ndash; now</p>", "Run &gnum; – now"),  # a chapter whose book names the DTD
        ("\ufeff<?xml version='1.0'?>\n<!-- a --><p>&gnum;</p>", "&gnum;"),
        ("<a xml:id='no#name'><b xml:id='x'>one</b> and <b xml:id='x'>two</b></a>", "one and two"),
        ("<a><o:b o:c='1' d='2'>one</o:b> and two</a>", "one and two"),
        (f"<a><b>one</b> and <c v='{'x' * 10_000_001}'/></a>", "one and"),
    ],
    ids=["no DTD", "no DTD after a mark", "ids", "prefix", "more than 10 MB in one value"],
)
def test_xml_with_faults_that_cost_no_text_is_read(tmp_path, given, text):
    assert one(saved(tmp_path, "a.xml", given)).text == text


@pytest.mark.parametrize("given", ["<o:a>one</o:a", "<o:a>one</o:b>", "<a xml:id='#'>one <b></a>"])
def test_xml_with_a_fault_of_form_among_others_is_refused(tmp_path, given):
    assert "it is not well-formed XML" in refused(saved(tmp_path, "a.xml", given))


@pytest.mark.parametrize("entity", ["SYSTEM 'secret.txt'", "SYSTEM 'file://{}/secret.txt'", "PUBLIC '' 'secret.txt'"])
def test_xml_loads_nothing_from_outside(tmp_path, entity):
    saved(tmp_path, "secret.txt", "SECRET")
    given = f"<!DOCTYPE a [<!ENTITY e {entity.format(tmp_path)}>]><a>before &e; after</a>"
    assert one(saved(tmp_path, "a.xml", given)).text == "before &e; after"


def test_xml_in_another_encoding_than_it_states_is_read(tmp_path):
    given = "<?xml version='1.0' encoding='utf-8'?><a><b>été à Besançon, où l'hôtel est déjà complet</b></a>"
    assert "Besançon" in one(saved(tmp_path, "a.xml", given.encode("cp1252"))).text


LONG = "# " + "why " * 300 + "\n"


def test_yaml_stays_as_it_is_and_its_keys_are_headings(tmp_path):
    given = (
        f"{LONG}spec:\n  hosts:\n    - name: a\n      ports:\n        - 80\n  size: 3\n  more: 4\nflow: {{a: 1}}\n---\n"
        f"last: &x\n  b: *x\n{LONG}"
    )
    found = one(saved(tmp_path, "a.yaml", given))
    assert found.text == given
    assert headings(found) == [(1, "spec"), (2, "hosts"), (3, "ports"), (2, "size"), (1, "flow"), (1, "last")]
    assert [found.text[each.start :].split("\n")[0].strip() for each in found.headings] == [
        *("spec:", "hosts:", "ports:", "size: 3", "flow: {a: 1}", "last: &x")
    ]
    assert blocks(found) == [("code", given)]


def test_the_sections_of_yaml_are_long_enough_to_be_read_alone(tmp_path):
    services = "".join(f"  service{n}:\n    image: repo/{n}\n" for n in range(40))
    assert headings(one(saved(tmp_path, "a.yaml", f"services:\n{services}"))) == [(1, "services")]


def test_yaml_that_cannot_be_parsed_is_text(tmp_path):
    given = f"{LONG}a:\n  b: 1\n{{{{ if .Values.x }}}}\nc:\n  d: e\n"
    found = one(saved(tmp_path, "a.yml", given))
    assert (found.text, headings(found)) == (given, [(1, "a")])


def notebook(*cells: dict) -> str:
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_a_notebook_is_markdown_code_and_the_outputs_that_a_person_reads(tmp_path):
    frame = "<div><table><thead><tr><th>a</th><th>b</th></tr></thead><tr><td>1</td><td>2</td></tr></table></div>"
    given = notebook(
        {"cell_type": "markdown", "source": ["# Study\n", "\n", "Text."]},
        {
            "cell_type": "code",
            "source": ["def f():\n", "    return 1"],
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["  indented\n", "\x1b[31mred\x1b[0m"]},
                {"output_type": "display_data", "data": {"text/plain": "a b", "text/html": [frame]}},
                {"output_type": "execute_result", "data": {"text/plain": ["42"], "image/png": "iVBOR"}},
                {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": []},
            ],
        },
        {"cell_type": "raw", "source": "raw"},
    )
    found = one(saved(tmp_path, "a.ipynb", given))
    assert found.text == (
        "Study\n\nText.\n\n    def f():\n        return 1\n\n  indented\nred"
        "\n\na: 1; b: 2\n\n42\n\nKeyError: 'x'\n\nraw"
    )
    assert (found.title, headings(found)) == ("Study", [(1, "Study")])
    assert ("code", "    def f():\n        return 1") in blocks(found)
    assert ("table", "a: 1; b: 2") in blocks(found)


def test_a_notebook_of_an_old_format_is_read(tmp_path):
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Old"},
        {"cell_type": "code", "input": "1 + 1", "outputs": [{"output_type": "pyout", "text": "2"}]},
    ]
    found = one(saved(tmp_path, "a.ipynb", json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3})))
    assert (found.text, headings(found)) == ("Old\n\n    1 + 1\n\n2", [(2, "Old")])


@pytest.mark.parametrize(("given", "reason"), [("{", "not valid JSON"), ("{}", "no notebook"), ("[]", "no notebook")])
def test_what_is_no_notebook_is_refused(tmp_path, given, reason):
    assert reason in refused(saved(tmp_path, "a.ipynb", given))


@pytest.mark.parametrize("name", ["a.py", "B.C", "Makefile", "query.sql", "x.tf", "Dockerfile"])
def test_code_stays_code(tmp_path, name):
    given = "if x:\n    y()\n\n\n    # Ä\n"
    found = one(saved(tmp_path, name, given))
    assert (found.text, found.title) == (given, name)
    assert blocks(found) == [("code", given)]


def test_code_states_its_encoding(tmp_path):
    given = "#!/usr/bin/python\n# -*- coding: latin-1 -*-\nname = 'é'\n".encode("latin-1")
    assert "'é'" in one(saved(tmp_path, "a.py", given)).text


@pytest.mark.parametrize("name", ["a.log", "LICENSE", "readme"])
def test_plain_texts_are_known_by_their_names(tmp_path, name):
    assert one(saved(tmp_path, name, "2026-01-01 ERROR x")).blocks == ()


def test_binary_code_is_refused(tmp_path):
    assert "binary" in refused(saved(tmp_path, "a.ts", b"G\0\0\1" * 99))


def test_every_format_names_a_module_that_loads():
    from importlib import import_module

    assert all(callable(import_module(f"retrieval.loaders.{name}").load) for name in set(FORMATS.values()))

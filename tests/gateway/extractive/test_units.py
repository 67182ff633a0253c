"""What the extractive model quotes of a passage, by the kinds of text that passages hold."""

import re

from hypothesis import given
from hypothesis import strategies as st

from gateway.extractive.units import Marked, dangles, excerpts, units_of
from state.evidence_block import EvidenceItem


def item(text, **more):
    return EvidenceItem(alias="E1", title="Handbook", text=text, **more)


def units(text, **more):
    return units_of(item(text, **more))


def marked(unit):
    return [unit.item.text[start:end] for start, end in unit.sentences]


def quoted(text, *sentences, **more):
    """Return the excerpts for some sentences, each of which stands once in `text`."""
    found = units(text, **more)
    chosen = [
        Marked(unit, span)
        for said in sentences
        for unit in found
        for span in unit.sentences
        if unit.item.text[slice(*span)] == said
    ]
    assert len(chosen) == len(sentences)
    return [excerpt.text for excerpt in excerpts(chosen)]


def test_a_paragraph_is_a_unit_and_its_sentences_can_be_marked():
    (unit,) = units("Keys rotate each 90 days. The old ones stay readable.")
    assert (unit.kind, unit.lead) == ("prose", "")
    assert marked(unit) == ["Keys rotate each 90 days.", "The old ones stay readable."]


def test_headings_adornments_and_captions_are_no_units():
    text = (
        "# Limits\n\nRates\n=====\n\nTiers of the service\n\n~~~~\n\nDefault values\n\n"
        "The free tier allows 60 a minute.\n\n"
        "Image of the console"
    )
    assert [unit.text for unit in units(text)] == ["The free tier allows 60 a minute."]
    assert units("Handbook", heading_path=("Handbook",)) == ()
    assert units("Tiers of the service and their limits", kind="heading") == ()


def test_a_heading_that_is_in_the_path_is_none_though_it_ends_with_a_stop():
    assert [each.text for each in units("What to do.\n\nAsk your administrator.", heading_path=("What to do.",))] == [
        "Ask your administrator."
    ]


def test_a_list_is_quoted_with_the_line_that_introduces_it():
    listed = "Two tiers exist. The tiers are:\n\n- Free: 60 a minute.\n- Paid: 600 a minute.\n  Ask sales for more."
    text = f"{listed}\n\nBye now, all."
    first, second = units(text)
    assert (first.kind, first.lead) == ("list", "The tiers are:")
    assert first.text == listed
    assert marked(first)[-3:] == ["Free: 60 a minute.", "Paid: 600 a minute.", "Ask sales for more."]
    assert second.text == "Bye now, all."


def test_nested_items_and_the_steps_between_two_numbers_belong_to_one_list():
    nested = units("Supported are:\n\n- Linux\n    - Oracle Linux 9\n    - Ubuntu 24.04\n- Windows Server")
    assert [unit.kind for unit in nested] == ["list"]
    assert "Ubuntu 24.04" in marked(nested[0])
    steps = (
        "To install it:\n\n1. Load the package:\n\n    pip install sixplane\n\nIt takes a minute.\n\n"
        "2. Start the service.\n\nThat is all there is."
    )
    assert [unit.kind for unit in units(steps)] == ["list", "prose"]
    assert units(steps)[0].text.endswith("2. Start the service.")


def test_a_long_list_is_cut_between_its_items_only():
    items = [f"- Parameter number {n} sets how long the pool waits for a connection.\n" for n in range(80)]
    found = units("The parameters are:\n\n" + "".join(items))
    assert len(found) > 1
    assert all(unit.kind == "list" and len(unit.text) < 1800 for unit in found)
    assert sum(len(unit.text.strip("\n").splitlines()) for unit in found) == 82
    assert [unit.lead for unit in found] == ["The parameters are:"] + [""] * (len(found) - 1)


def test_each_row_of_a_table_can_be_marked_and_its_lead_stands_above():
    rows = ["Rows: 1; prefetch: 2; trips: 1", "Rows: 100; prefetch: 2; trips: 2"]
    text = (
        "The table shows the trips:\n\nTrips by size\n\n" + "\n".join(rows) + "\n\nThey are the same for all methods."
    )
    table, prose = units(text)
    assert table.kind == "table"
    assert marked(table) == ["The table shows the trips:", *rows]
    assert table.text.startswith("The table shows the trips:\n\nTrips by size")
    assert prose.kind == "prose"


def test_rows_with_bars_and_a_passage_of_rows_are_tables():
    (piped,) = units("| Tier | Limit |\n|---|---|\n| Free | 60 |\n| Paid | 600 |")
    assert piped.kind == "table"
    assert marked(piped)[-1] == "| Paid | 600 |"
    (whole,) = units("Tier: Free\nTier: Paid plan", kind="table")
    assert whole.kind == "table"
    assert "Tier: Paid plan" in marked(whole)


def test_code_is_quoted_with_its_introduction_and_states_nothing():
    shown = "    pool = create_pool()\n    # it is always fast.\n    pool.close()"
    text = f"Pools are very cheap. Create one:\n\n{shown}\n\nThen go on with your work."
    code, prose = units(text)
    assert (code.kind, code.lead) == ("code", "Create one:")
    assert code.text.endswith("    pool.close()")
    assert marked(code) == ["Pools are very cheap."]
    assert marked(prose) == ["Then go on with your work."]
    alone = units("    x = 1\n    y = 2 is never more than this.")
    assert [(unit.kind, unit.sentences) for unit in alone] == [("code", ())]
    assert [unit.sentences for unit in units("prefetchrows = 1000 and arraysize = 1000.", kind="code")] == [()]


def test_for_example_brings_the_paragraph_above_it():
    (unit,) = units("Set the size before the query runs.\n\nFor example:\n\n```python\ncursor.arraysize = 1\n```")
    assert unit.kind == "code"
    assert unit.text.startswith("Set the size")
    assert marked(unit) == ["Set the size before the query runs."]


def test_an_error_is_quoted_with_its_cause_and_its_remedy():
    text = (
        "DPY-3015\n\nMessage: DPY-3015: password verifier type 0x939 is not supported\n\n"
        "Cause: The account has an old verifier.\n\nAction: You can either:\n\n"
        "- Enable Thick mode.\n- Change the password.\n\n"
        "DPY-4011\n\nMessage: DPY-4011: the database closed the connection\n\nCause: The network failed."
    )
    entry, *_ = units(text)
    assert entry.kind == "error"
    assert entry.text.startswith("Message: DPY-3015")
    assert entry.text.endswith("Change the password.")
    inline = "ORA-01017: invalid username. Cause: The password is wrong. Action: Enter the right password."
    assert [(unit.kind, unit.text) for unit in units(inline)] == [("error", inline)]
    (problem,) = units("Problem: The disk is full.\n\nSolution: Remove old files:\n\n    rm -r /tmp/old")
    assert problem.kind == "error"
    assert problem.text.endswith("rm -r /tmp/old")
    assert [each.kind for each in units("The action: nobody knows it.\n\nOther words stand here.")] == ["prose"] * 2


def test_a_long_paragraph_is_quoted_around_the_marked_sentence_in_whole_sentences():
    sentences = [f"Sentence number {n} says something about the pool of connections." for n in range(40)]
    (text,) = quoted(" ".join(sentences), sentences[20])
    assert len(text) <= 900
    assert sentences[19] in text
    assert sentences[20] in text
    assert text.startswith("Sentence")
    assert text.endswith(".")


def test_what_a_sentence_points_back_to_is_quoted_with_it():
    text = "Intro of the chapter.\n\nThe pool keeps ten connections.\n\nIt grows on demand."
    assert quoted(text, "It grows on demand.") == ["The pool keeps ten connections.\n\nIt grows on demand."]
    after_code = "Set the size:\n\n    cursor.arraysize = 20\n\nThis returns all rows in one trip."
    assert quoted(after_code, "This returns all rows in one trip.") == [after_code]
    assert dangles("Dies gilt immer.")
    assert dangles("Cela suffit.")
    assert not dangles("Item 5 is missing.")


def test_neighbours_are_one_excerpt_in_reading_order():
    text = "\n\n".join(f"{number} thing to know here." for number in ("First", "Second", "Third", "Fourth"))
    assert quoted(text, "Second thing to know here.", "First thing to know here.") == [
        "First thing to know here.\n\nSecond thing to know here."
    ]
    assert quoted(text, "Fourth thing to know here.", "First thing to know here.") == [
        "Fourth thing to know here.",
        "First thing to know here.",
    ]
    three = quoted(text, "First thing to know here.", "Third thing to know here.", "Second thing to know here.")
    assert three == [text.removesuffix("\n\nFourth thing to know here.")]


PIECES = """- item one.|1. step|    x = 1|Cause: it broke.|Action: mend it:|# Title|====|~~~~|A: 1; B: 2
Plain words stand here.
It is so.|For example:|```|ORA-00001|Überschrift|Sätze：||\f"""


@given(
    st.lists(st.sampled_from([*re.split("[|\n]", PIECES), "| a |"]), max_size=14),
    st.sampled_from(["prose", "list", "table", "code", "heading"]),
)
def test_units_are_in_order_disjoint_and_hold_their_sentences(pieces, kind):
    found = units("\n".join(pieces), kind=kind)
    at = 0
    for unit in found:
        assert at <= unit.start < unit.end
        at = unit.end
        assert unit.text == unit.text.rstrip()
        assert all(unit.start <= start < end <= unit.end for start, end in unit.sentences)
    for excerpt in excerpts(Marked(unit, span) for unit in found for span in unit.sentences):
        assert all(excerpt.start <= start < end <= excerpt.end for start, end in excerpt.marked)


def test_lines_below_a_colon_are_a_list_though_the_loader_left_out_their_marks():
    items = "An old database\n\nEncryption on the network"
    text = f"Use Thick mode. The reasons are:\n\n{items}\n\nAll connections use one mode."
    listed, prose = units(text)
    assert (listed.kind, listed.lead) == ("list", "The reasons are:")
    assert marked(listed)[-2:] == ["An old database", "Encryption on the network"]
    assert prose.text == "All connections use one mode."
    sentences = "Two cases need it:\n\nThe first is a cursor.\n\nThe second is a function.\n\nNotes on calling it"
    assert [(unit.kind, unit.lead) for unit in units(sentences)] == [("list", "Two cases need it:")]
    assert units(sentences)[0].text == sentences.removesuffix("\n\nNotes on calling it")


def test_a_lead_whose_list_the_passage_lacks_is_not_quoted():
    text = "The pump is tested each week. It runs for an hour. These checks are made:"
    item = EvidenceItem(alias="E1", title="Pumps", text=text)
    (unit,) = units_of(item)
    (found,) = excerpts([Marked(unit, unit.sentences[0])])
    assert found.text == "The pump is tested each week. It runs for an hour."


NESTED = (
    "Set the pool up:\n\n- Choose its size:\n\n  - The least.\n\n   It is opened at once\n\n  - The most.\n\n"
    "  Both of them are numbers\n\n      pool(min=1, max=4)\n\n- mode: What happens; none: error; wait: wait\n\n"
    "Then connect."
)


def test_what_belongs_to_an_item_is_quoted_with_its_list():
    first, second = units(NESTED)
    assert (first.kind, first.text) == ("list", NESTED.removesuffix("\n\nThen connect."))
    assert "Both of them are numbers" in marked(first)
    assert second.text == "Then connect."


def test_what_stands_below_a_list_does_not_belong_to_it():
    text = "The tiers:\n\n- Free\n- Paid\n\n    a = 1\n\nThey differ in price."
    assert next(unit.text for unit in units(text)) == "The tiers:\n\n- Free\n- Paid"


def test_code_that_no_sentence_introduces_has_its_heading():
    text = "Closing a pool\n\n    pool.close()\n\nAll is well in the end."
    for path in ((), ("Closing a pool",)):
        (unit, _) = units(text, heading_path=path)
        assert (unit.kind, unit.lead, marked(unit)) == ("code", "Closing a pool", ["Closing a pool"])
        assert unit.text == "Closing a pool\n\n    pool.close()"


def test_what_a_pronoun_refers_to_may_be_the_heading_above():
    text = "The first part ends here.\n\nCursor.arraysize\n\nThis is the number of rows that one call fetches."
    assert quoted(text, "This is the number of rows that one call fetches.") == [text.partition("\n\n")[2]]

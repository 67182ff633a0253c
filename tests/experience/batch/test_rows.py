"""The input: every line is a row with its number, or a fault that says what is wrong and stops nothing."""

import json

import pytest

from experience.batch.rows import MAX_LINE_BYTES, RowFile
from state.channels import ResearchContext
from state.errors import BadInput

DEFAULTS = ResearchContext(corpus="small", k=5)


def rows(folder, content):
    path = folder / "in.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(RowFile(path, DEFAULTS).rows())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json", "the line is not JSON: expected value, at byte 2"),
        ('{"question": "torn', "the line is not JSON: it ends while parsing a string, at byte 18"),
        ("[" * 100_000, "recursion limit exceeded"),
        ("9" * 5_000, "number out of range"),
        ("[1]", "the row must be an object"),
        ('"text"', "the row must be an object"),
        ("{}", "`question` is missing"),
        ('{"question": 5}', "`question` must be text"),
        ('{"question": "\\ud800"}', "unexpected end of hex escape"),
        ('{"question": "x", "id": 7}', "`id` must be text"),
        ('{"question": "x", "id": ""}', "`id` must have at least 1 character"),
        ('{"question": "x", "foo": 1}', "`foo` is not a known field"),
        ('{"question": "x", "contxt": {}}', "`contxt` is not a known field; did you mean `context`?"),
        ('{"question": "x", "context": []}', "`context` must be an object"),
        ('{"question": "x", "context": {"k": 0}}', "`context.k` must be at least 1"),
        ('{"question": "x", "context": {"nope": 1}}', "`context.nope` is not a known field"),
        ('{"question": "x", "context": {"length": "huge"}}', "must be 'brief', 'standard' or 'deep'"),
        ('{"question": "x", "context": {"tenant": "other"}}', "tenant"),
        ('{"question": "x", "thread_id": "../up"}', "thread name"),
    ],
)
def test_a_bad_line_is_a_fault_with_its_number_and_the_next_one_is_read(line, said, tmp_path):
    bad, good = rows(tmp_path, f'\n{line}\n{{"question": "fine"}}\n')[:2]
    assert (bad.line, bad.request) == (2, None)
    assert said in bad.fault.message
    assert bad.fault.code in ("bad_input", "name_invalid")
    assert bad.fault.hint
    assert (good.line, good.request.question) == (3, "fine")


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ('{"id": "a", "question": 5}', "a"),
        ('{"question": "x", "foo": 1, "id": "a"}', "a"),
        ('{"id": "a", "question": "x", "thread_id": "../up"}', "a"),
        ('{"id": "a", "question": "torn\n', "a"),
        ('{"question": "x", "id": "torn', ""),
        ('{"id": "a" "question": "x"}', "a"),
        ('{"id": 7, "question": "x"}', ""),
        ('{"id": "' + "a" * 201 + '", "question": "x"}', ""),
        ('["id", "a"]', ""),
        ("id: a", ""),
    ],
)
def test_a_bad_line_keeps_the_id_that_can_be_read(line, kept, tmp_path):
    (bad,) = rows(tmp_path, line)
    assert (bad.id, bad.request) == (kept, None)


def test_a_line_that_is_too_long_keeps_its_id(tmp_path):
    (bad,) = rows(tmp_path, b'{"id": "a", "question": "' + b"x" * MAX_LINE_BYTES + b'"}')
    assert bad.id == "a"


def test_the_id_of_a_bad_line_is_taken(tmp_path):
    with pytest.raises(BadInput, match=r"lines 1 and 2 .* 'a'"):
        rows(tmp_path, '{"id": "a", "question": 5}\n{"id": "a", "question": "x"}\n')


def test_bytes_that_are_no_utf8_and_lines_without_end_are_faults(tmp_path):
    long = b'{"question": "' + b"x" * (2 * MAX_LINE_BYTES) + b'"}\n'
    found = rows(tmp_path, b'{"question": "\xff"}\n' + long + b'{"question": "fine"}')
    assert [(row.line, row.fault is None) for row in found] == [(1, False), (2, False), (3, True)]
    assert f"{MAX_LINE_BYTES:,} bytes" in found[1].fault.message


def test_a_row_chooses_before_the_job_and_a_byte_order_mark_is_no_fault(tmp_path):
    line = {"question": "x", "id": "a", "thread_id": "t", "context": {"k": 3, "human_review": True}}
    (row,) = rows(tmp_path, b"\xef\xbb\xbf" + json.dumps(line).encode() + b"\r\n")
    assert (row.id, row.named_thread) == ("a", "t")
    context = row.request.context
    assert (context.k, context.corpus, context.human_review) == (3, "small", True)


def test_equal_rows_without_ids_are_counted_and_equal_ids_name_both_lines(tmp_path):
    same = '{"question": "x"}\n'
    assert [row.ordinal for row in rows(tmp_path, same * 3)] == [0, 1, 2]
    with pytest.raises(BadInput, match=r"lines 1 and 3 .* 'a'") as caught:
        rows(tmp_path, '{"question": "x", "id": "a"}\n\n{"question": "y", "id": "a"}\n')
    assert "its own id" in caught.value.hint


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_an_input_that_cannot_be_read_is_bad_input(name, tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        list(RowFile(tmp_path / name, DEFAULTS).rows())

"""The output file: torn anywhere it comes back as its whole lines; what is not ours is not touched."""

import errno
import json
import os
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experience.batch import BatchError, BatchOutcome, JobHeader, RowStatus
from experience.batch.journal import open_journal
from state.errors import BadInput, BatchBusy, BatchMismatch, StorageFull
from tests.experience.reports import make_report


def header(**changed):
    fields = {
        "format": 1,
        "id": "a" * 64,
        "run": "0" * 32,
        "rows": 3,
        "input": "in.jsonl",
        "input_sha256": "b" * 64,
        "configuration": "c",
        "tenant": "local",
        "corpus": "small",
        "corpus_version": 2,
        "models": {"writer": "extractive"},
        "created_at": "2026-01-01T00:00:00+00:00",
    }
    return JobHeader(**{**fields, **changed})


def outcome(line, **changed):
    fields = {"key": f"{line:064x}", "line": line, "status": RowStatus.DONE, "thread_id": "t", "run_id": "r"}
    return BatchOutcome(**{**fields, "started_at": "x", "seconds": 0.5, **changed})


OUTCOMES = [
    outcome(1, report=make_report()),
    outcome(2, status="failed", error=BatchError(code="c", message="\N{SNOWMAN} line\nbreak", hint="h")),
    outcome(3, id="\u2028"),
]


def written(path, outcomes=OUTCOMES):
    with open_journal(path, header(), lambda _: None) as journal:
        for each in outcomes:
            journal.append(each)
    return path.read_bytes()


def replayed(path, wanted=None):
    found = []
    with open_journal(path, wanted or header(run="1" * 32), found.append) as journal:
        return found, journal.header


def test_what_was_written_is_replayed_and_the_first_run_keeps_its_name(tmp_path):
    out = tmp_path / "out.jsonl"
    whole = written(out)
    assert replayed(out) == (OUTCOMES, header())
    assert out.read_bytes() == whole
    assert whole.count(b"\n") == 4
    assert out.stat().st_mode & 0o777 == 0o600


def test_torn_anywhere_the_whole_lines_come_back_and_writing_goes_on(tmp_path):
    out = tmp_path / "out.jsonl"
    whole = written(out)
    ends = list(accumulate(len(line) for line in whole.splitlines(keepends=True)))
    # Each end of a line with its neighbours, and places in between: every byte would be as many file syncs.
    near = {end + step for end in (0, *ends) for step in (-1, 0, 1)}
    for cut in sorted({*range(0, len(whole), 11), *near} & set(range(len(whole) + 1))):
        out.write_bytes(whole[:cut])
        lines = sum(end <= cut for end in ends)
        found, kept = replayed(out)
        assert found == OUTCOMES[: max(lines - 1, 0)], cut
        assert kept.run == ("0" if lines else "1") * 32
        if lines:
            assert out.read_bytes() == whole[: ends[lines - 1]]
    written(out, [outcome(9)])
    assert replayed(out)[0] == [*OUTCOMES, outcome(9)]


@given(st.binary(max_size=60))
def test_a_file_of_something_else_is_refused_and_kept(tmp_path_factory, content):
    out = tmp_path_factory.mktemp("foreign") / "notes.txt"
    out.write_bytes(content)
    if content and not content.startswith(b'{"job":') and not b'{"job":'.startswith(content):
        with pytest.raises(BatchMismatch, match="not the output file"):
            replayed(out)
        assert out.read_bytes() == content


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"input_sha256": "x"}, "different rows"),
        ({"corpus_version": 3}, "version 2, now 3"),
        ({"models": {"writer": "openai:m"}}, "models are extractive"),
        ({"configuration": "x"}, "another release or other policy settings"),
        ({}, "asked with other options"),
    ],
)
def test_the_output_of_another_job_is_refused_and_says_what_differs(changed, said, tmp_path):
    out = tmp_path / "out.jsonl"
    whole = written(out)
    with pytest.raises(BatchMismatch, match=said) as caught:
        replayed(out, header(id="z" * 64, **changed))
    assert "--out" in caught.value.hint
    assert out.read_bytes() == whole


def test_a_broken_line_in_the_middle_is_refused_and_a_broken_last_one_is_cut_off(tmp_path):
    out = tmp_path / "out.jsonl"
    lines = written(out).splitlines(keepends=True)
    out.write_bytes(b"".join([*lines[:2], b"\0\0\0\n", lines[3]]))
    with pytest.raises(BatchMismatch, match=r"line 3 .* not an outcome"):
        replayed(out)
    out.write_bytes(b"".join([*lines[:3], b"\0" * 20 + b"\n"]))
    assert replayed(out)[0] == OUTCOMES[:2]
    assert out.read_bytes() == b"".join(lines[:3])


def test_two_processes_do_not_write_to_one_file(tmp_path):
    out = tmp_path / "out.jsonl"
    with open_journal(out, header(), lambda _: None), pytest.raises(BatchBusy) as caught:
        replayed(out)
    assert "wait" in caught.value.hint
    assert replayed(out)[0] == []


def test_what_a_full_disk_cut_short_is_taken_back(tmp_path, monkeypatch):
    out, write = tmp_path / "out.jsonl", os.write
    whole = written(out, OUTCOMES[:1])

    def full(descriptor, data):
        if len(data) > 10:
            return write(descriptor, data[: len(data) - 10])
        raise OSError(errno.ENOSPC, "full")

    with open_journal(out, header(), lambda _: None) as journal:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(StorageFull, match="disk is full"):
            journal.append(OUTCOMES[1])
        monkeypatch.undo()
        assert out.read_bytes() == whole
        journal.append(OUTCOMES[2])
    assert [json.loads(line)["line"] for line in out.read_text().split("\n")[1:-1]] == [1, 3]


@pytest.mark.parametrize("name", ["plain/out.jsonl", "folder"])
def test_an_output_that_cannot_be_written_is_bad_input(name, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain").touch()
    with pytest.raises(BadInput, match="cannot be written"):
        replayed(tmp_path / name)

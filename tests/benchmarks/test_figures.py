"""Figures of benchmarks: their ratio and target, how runs are kept, compared and accepted."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import benchmarks
from benchmarks import __main__ as command
from benchmarks.figures import Figure
from benchmarks.figures import __main__ as figures_command
from benchmarks.figures.comparing import compare, limit, remedies
from benchmarks.figures.one import of_benchmark
from benchmarks.figures.page import table as page_table
from benchmarks.figures.run import COMMITTED, Machine, Run, accepted, latest, together
from benchmarks.figures.running import run

MACHINE = Machine(
    cpus=2, processor="x", memory_gib=8, system="Linux x86_64", python="3.11.2", packages={"typer": "1"}, load=0.1
)


def figure(*ours: float, name: str = "one.a", **given: Any) -> Figure:
    """Return a figure whose baseline is 1 in each round, unless another is given."""
    filled = {"what": "a against b", "unit": "ms", "baseline": [1.0] * len(ours), **given}
    return Figure(name=name, ours=ours, **filled)


def made(*figures: Figure, seconds: tuple[str, ...] = ("one",), day: int = 1, **given: Any) -> Run:
    """Return a run of these figures."""
    measured = datetime(2026, 1, day, tzinfo=UTC)
    return Run(measured=measured, machine=MACHINE, seconds=dict.fromkeys(seconds, 1.0), figures=figures, **given)


def word(committed: Figure, new: Figure | None) -> str:
    """Return the verdict on a figure."""
    (verdict,) = compare(made(committed), made(*[new] if new else []))
    return verdict.word


def test_a_ratio_is_taken_in_each_round_and_told_with_its_spread() -> None:
    taken = figure(4, 9, 5, baseline=[2, 3, 1], target=3)
    assert taken.ratio is not None
    assert (taken.ratio.median, taken.ratio.least, taken.ratio.greatest) == (3, 2, 5)
    assert taken.reached
    assert str(taken) == "one.a: 5.00 ms against 2.00 ms, ratio 3.00 (2.00 to 5.00), target at most 3.00: reached"


def test_times_faster_is_the_baseline_over_ours() -> None:
    taken = figure(2, 4, baseline=[8, 8], inverse=True, better="higher", target=4)
    assert taken.ratio is not None
    assert taken.ratio.median == 3
    assert str(taken).endswith("target at least 4.00: NOT reached")


def test_without_a_baseline_the_target_is_about_the_value_itself() -> None:
    taken = figure(2.5, 2.6, 2.9, baseline=(), unit="s", target=3)
    assert (taken.ratio, taken.reached) == (None, True)
    assert str(taken) == "one.a: 2.60 s, target at most 3.00: reached"


@pytest.mark.parametrize(
    "given", [{"baseline": [1.0]}, {"ours": []}, {"ours": [0.0, 1.0]}, {"name": "one"}, {"better": "more"}]
)
def test_figures_that_mean_nothing_are_refused(given: dict[str, Any]) -> None:
    whole = {"name": "one.a", "what": "x", "unit": "ms", "ours": [1.0, 2.0], "baseline": [1.0, 2.0], **given}
    with pytest.raises(ValidationError):
        Figure(**whole)


LOWER = figure(2.0, 2.1, 2.4)  # passes up to 2.4 * 1.15 = 2.76
HIGHER = figure(4.0, 4.4, 4.6, better="higher")  # passes down to 4.0 * 0.85 = 3.4


@pytest.mark.parametrize(
    ("committed", "new", "expected"),
    [
        (LOWER, figure(1.8, 1.9, 2.6), "better"),
        (LOWER, figure(2.0, 2.7, 9.0), "same"),
        (LOWER, figure(1.0, 2.8, 2.9), "worse"),
        (HIGHER, figure(4.0, 4.7, 4.8, better="higher"), "better"),
        (HIGHER, figure(0.1, 3.5, 4.0, better="higher"), "same"),
        (HIGHER, figure(3.2, 3.3, 9.0, better="higher"), "worse"),
        (LOWER, None, "missing"),
        (LOWER, figure(2.0, 2.1, 2.4, better="higher"), "changed"),
        (LOWER, figure(2.0, 2.1, 2.4, inverse=True), "changed"),
        (LOWER, figure(2.0, 2.1, 2.4, baseline=()), "changed"),
        (LOWER, figure(2.0, 2.1, 2.4, target=1.0), "same"),
        (figure(2.0, baseline=()), figure(99.0, baseline=()), "not compared"),
    ],
)
def test_a_median_may_be_15_percent_beyond_the_worst_round_of_a_committed_run(
    committed: Figure, new: Figure | None, expected: str
) -> None:
    assert word(committed, new) == expected


def test_the_limit_goes_by_the_direction() -> None:
    assert limit(LOWER) == pytest.approx(2.76)
    assert limit(HIGHER) == pytest.approx(3.4)


def test_of_several_committed_runs_the_worst_median_counts() -> None:
    assert limit(figure(1, 1, 9, 1.2, 1.1, 1.2)) == pytest.approx(1.2 * 1.15)
    assert limit(figure(4, 4, 0.1, 5, 5, 5, better="higher")) == pytest.approx(4 * 0.85)


def test_the_check_fails_for_a_benchmark_that_ended_with_an_error(
    checked: Callable[[Run, Run], tuple[int, str]],
) -> None:
    status, printed = checked(made(LOWER), made(LOWER, failed=("one",)))
    assert status == 1
    assert "one failed" in printed


def test_a_partial_run_is_compared_with_what_it_was_asked_for() -> None:
    committed = made(figure(1), figure(1, name="onward.a"), seconds=("one", "onward"))
    assert [each.name for each in compare(committed, made(figure(1)))] == ["one.a"]


def test_a_new_figure_passes() -> None:
    verdicts = compare(made(), made(figure(1)))
    assert [each.word for each in verdicts] == ["new"]
    assert remedies(verdicts) == []


@pytest.fixture
def checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[Run, Run], tuple[int, str]]:
    """Return the status and the output of a check, by way of files."""

    def check(committed: Run, new: Run) -> tuple[int, str]:
        committed.write(tmp_path / "figures.json")
        new.write(tmp_path / "new.json")
        status = figures_command.check(Run.read(tmp_path / "new.json"), Run.read(tmp_path / "figures.json"))
        return status, capsys.readouterr().out

    return check


def test_the_check_prints_a_table_and_the_remedy(checked: Callable[[Run, Run], tuple[int, str]]) -> None:
    committed = made(LOWER, figure(1, name="one.gone"), figure(3, name="one.kept"))
    status, printed = checked(committed, made(figure(2.9), figure(3, name="one.kept")))
    assert status == 1
    assert printed.splitlines()[:4] == [
        "figure    committed            now                  limit  verdict",
        "one.a     2.10 (2.00 to 2.40)  2.90 (2.90 to 2.90)  2.76   worse",
        "one.gone  1.00 (1.00 to 1.00)                              missing",
        "one.kept  3.00 (3.00 to 3.00)  3.00 (3.00 to 3.00)  3.45   same",
    ]
    assert "worse: one.a: more than 15% worse" in printed
    assert "missing: one.gone: committed but not measured" in printed
    assert printed.count("make bench-accept") == 2


def test_the_check_passes_where_nothing_is_worse(checked: Callable[[Run, Run], tuple[int, str]]) -> None:
    status, printed = checked(made(LOWER), made(figure(2.5)))
    assert status == 0
    assert "bench-accept" not in printed


def test_the_check_says_that_the_machine_was_busy(checked: Callable[[Run, Run], tuple[int, str]]) -> None:
    busy = made(LOWER).model_copy(update={"machine": MACHINE.model_copy(update={"load": 3.2})})
    assert "(load 3.2)" in checked(made(LOWER), busy)[1]


def test_the_check_says_that_the_committed_figures_are_of_another_machine(
    checked: Callable[[Run, Run], tuple[int, str]],
) -> None:
    other = made(LOWER).model_copy(update={"machine": MACHINE.model_copy(update={"cpus": 8})})
    status, printed = checked(made(LOWER), other)
    assert status == 0
    assert "The committed figures are of 2 cores (x) and 8 GiB of memory, Linux x86_64, CPython 3.11" in printed
    assert "The committed figures" not in checked(made(LOWER), made(LOWER))[1]


def test_the_rounds_of_several_runs_are_taken_together() -> None:
    whole = together([made(figure(1, 2)), made(figure(3, 4), day=2)])
    assert (whole.runs, whole.figures[0].ours, whole.measured.day) == (2, (1, 2, 3, 4), 2)
    with pytest.raises(ValueError, match=r"not in every one of the 2 runs: one\.b"):
        together([made(figure(1)), made(figure(1), figure(1, name="one.b"))])


def test_accepting_keeps_the_figures_that_the_run_was_not_asked_for() -> None:
    committed = made(figure(1), figure(1, name="one.gone"), figure(5, name="two.a"), seconds=("one", "two"))
    kept = accepted(committed, made(figure(2)))
    assert [(each.name, each.ours) for each in kept.figures] == [("one.a", (2,)), ("two.a", (5,))]
    assert set(kept.seconds) == {"one", "two"}


def test_accepting_does_not_mix_figures_of_two_machines() -> None:
    committed = made(figure(1), figure(5, name="two.a"), seconds=("one", "two"))
    other = made(figure(2)).model_copy(update={"machine": MACHINE.model_copy(update={"cpus": 8})})
    with pytest.raises(ValueError, match="the other committed figures are of 2 cores"):
        accepted(committed, other)
    assert accepted(made(figure(1)), other) == other


def test_accept_tells_of_rounds_that_are_far_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(figure(1, 2, 3), figure(1, 1, 1.1, name="one.near")).write(tmp_path / "results" / "1.json")
    figures_command.accept(1, tmp_path / "results", tmp_path / "figures.json")
    assert "one.a: its rounds are far apart" in (told := capsys.readouterr().out)
    assert "one.near" not in told


def test_accept_writes_the_last_runs_as_the_committed_figures(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        made(figure(day), day=day).write(tmp_path / "results" / f"{day}.json")
    target = tmp_path / "figures.json"
    assert figures_command.accept(2, tmp_path / "results", target) == 0
    assert Run.read(target).figures[0].ours == (2, 3)
    made(failed=("one",), day=4).write(tmp_path / "results" / "4.json")
    with pytest.raises(ValueError, match="one failed in the last run"):
        figures_command.accept(1, tmp_path / "results", target)


def test_without_runs_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="there are 0 runs and 1 are asked for: run `make bench` first"):
        latest(folder=tmp_path)


@pytest.mark.parametrize("arguments", [[], ["accept", "0"], ["other"], ["check", "no-such-file.json"]])
def test_a_command_that_cannot_be_done_returns_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert figures_command.main(arguments) == 2
    assert capsys.readouterr().err


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a benchmark that has figures and one that prints into the package, for child processes too."""
    package = tmp_path / "benchmarks"
    package.mkdir()
    (package / "__init__.py").write_text(f"__path__ = [{str(package)!r}, {benchmarks.__path__[0]!r}]\n")
    head = "from benchmarks.figures import Figure\ndef figures():\n"
    given = 'what="x", unit="s", ours=[1, 2, 3], baseline=[1, 1, 1]'
    (package / "small.py").write_text(f"{head}    yield Figure(name='small.a', {given})\n")
    (package / "printing.py").write_text("if __name__ == '__main__':\n    print('printed')\n    raise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_benchmark_runs_in_its_own_process_and_is_kept(small: Path, capfd: pytest.CaptureFixture[str]) -> None:
    kept = run(["small", "printing"], results=small / "results")
    assert (kept.failed, kept.names) == (("printing",), {"small.a"})
    (path,) = (small / "results").glob("*.json")
    written = json.loads(path.read_text())
    assert written["figures"][0]["ratio"] == {"median": 2.0, "least": 1.0, "greatest": 3.0}
    assert set(written["machine"]["packages"]) >= {"langgraph", "lancedb"}
    assert Run.read(path) == kept
    assert kept.figures[0].measured == kept.measured.date()
    told = capfd.readouterr()
    assert "small.a: 2.00 s against 1.00 s, ratio 2.00 (1.00 to 3.00)" in told.out
    assert "printed" in told.out


def test_a_figure_is_named_after_its_benchmark() -> None:
    assert of_benchmark("one", LOWER) is LOWER
    with pytest.raises(ValueError, match=r"begins with 'on' and a dot, not 'one\.a'"):
        of_benchmark("on", LOWER)


def test_every_benchmark_is_listed_and_an_unknown_one_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in (*command.SPEED, *command.BY_NAME))
    assert command.main(["nothing"]) == 2
    assert "there is no benchmark 'nothing'" in capsys.readouterr().err


def test_the_committed_figures_belong_to_known_benchmarks_and_are_shown() -> None:
    committed = Run.read(COMMITTED)
    owners = (*command.SPEED, *command.BY_NAME)
    assert [each.name for each in committed.figures if not any(each.name.startswith(f"{n}.") for n in owners)] == []
    assert committed.names == {line.split("`")[1] for line in page_table().splitlines() if line.startswith("| `")}

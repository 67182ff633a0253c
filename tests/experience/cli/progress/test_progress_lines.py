"""Progress lines: how long it takes, and when it is over, how long it took."""

import pytest

from experience.cli.live_line import live_line
from experience.cli.output import time_left


@pytest.mark.parametrize(
    ("left", "made", "over", "said"),
    [
        (10, 0, False, "starting"),
        (10, 5, False, "32 s left"),
        (0, 5, False, "done in 16 s"),
        (0, 0, True, "done in 16 s"),
        (10, 5, True, "stopped after 16 s"),
        (10, 0, True, "stopped after 16 s"),
    ],
)
def test_what_is_over_says_how_long_it_took_and_never_what_is_left(left, made, over, said):
    assert time_left(left, made, 16, over=over) == said


class Counted:
    done = 0

    def take(self, outcome):
        self.done += 1

    def line(self, *, over=False):
        return f"{self.done} of 4, {time_left(4 - self.done, self.done, 10, over=over)}"


def lines_of(taken, seconds):
    now = [0.0]
    with live_line("count", Counted(), clock=lambda: now[0]) as take:
        for _ in range(taken):
            now[0] += seconds
            take(None)


def test_a_log_of_a_long_job_ends_with_how_long_it_took(capsys):
    lines_of(4, 20)
    assert capsys.readouterr().err.splitlines() == ["count: 2 of 4, 10 s left", "count: 4 of 4, done in 10 s"]


def test_a_short_job_leaves_no_line(capsys):
    lines_of(4, 5)
    assert capsys.readouterr().err == ""


def test_a_stopped_job_says_so(capsys):
    lines_of(3, 20)
    assert capsys.readouterr().err.splitlines()[-1] == "count: 3 of 4, stopped after 10 s"

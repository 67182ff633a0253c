"""A person answers a draft on the command line, and the answer is to the draft that they have read."""

import json

from typer.testing import CliRunner

from experience.cli.app import app


def run(home, *arguments):
    return CliRunner().invoke(app, list(map(str, arguments)), env={"SIXPLANE_HOME": str(home)})


def test_an_answer_names_its_review_and_one_to_another_review_is_refused(home):
    asked = run(
        home, "research", "What is the price of Tariff A?", "--corpus", "small", "--thread", "t", "--human-review"
    )
    assert asked.exit_code == 6
    shown = run(home, "show", "t")
    review = json.loads(run(home, "show", "t", "--json").stdout)["pending"]["review_id"]
    assert f"review: {review}\n" in shown.stdout
    assert "12 dollars" in shown.stdout
    for told in (asked, shown):
        assert f"`sixplane resume t --review-id {review}` with --approve" in told.stderr

    unanswered = run(home, "resume", "t", "--review-id", review)
    assert (unanswered.exit_code, "--approve" in unanswered.stderr) == (2, True)
    other = run(home, "resume", "t", "--approve", "--review-id", "0" * 32)
    assert (other.exit_code, "another review" in other.stderr) == (2, True)
    approved = run(home, "resume", "t", "--approve", "--review-id", review)
    assert (approved.exit_code, "12 dollars" in approved.stdout) == (0, True)

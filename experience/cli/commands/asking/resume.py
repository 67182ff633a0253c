"""`sixplane resume`: continues a stopped thread, or answers one that waits for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from experience.cli.following import Outcome, conclude, follow
from experience.cli.options import Home, Json, OutFolder, Tenant, ThreadName
from experience.cli.running import run_async, settings_of, text_argument
from state.errors import BadInput

if TYPE_CHECKING:
    from settings import Settings
    from state.values import ReviewAnswer

Approve = Annotated[bool, typer.Option("--approve", help="Publish the draft.")]
Revise = Annotated[str | None, typer.Option("--revise", metavar="TEXT", help="Have the draft revised as described.")]
Reject = Annotated[bool, typer.Option("--reject", help="Do not publish the draft.")]
ReviewId = Annotated[
    str,
    typer.Option(
        "--review-id",
        metavar="ID",
        help="The review that you answer, as `show` names it: an answer is refused if another draft waits by now.",
    ),
]


def resume(
    thread: ThreadName,
    approve: Approve = False,
    revise: Revise = None,
    reject: Reject = False,
    review_id: ReviewId = "",
    out: OutFolder = None,
    tenant: Tenant = "local",
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Continue a thread that was stopped or killed, or answer a thread that waits for your review."""
    from settings import checked_name

    answer = answer_of(approve=approve, revise=revise, reject=reject, review_id=review_id)
    names = checked_name("tenant", tenant), checked_name("thread", thread)
    settings = settings_of(home)
    outcome = run_async(_resume(settings, *names, answer))
    conclude(outcome, settings, out=out, json_output=json_output)


def answer_of(*, approve: bool, revise: str | None, reject: bool, review_id: str = "") -> ReviewAnswer | None:
    """Return the person's answer.

    Raises `BadInput` for more than one answer, an empty revision, or the id of a review without an answer.
    """
    from state.values import ReviewAnswer

    if sum((approve, revise is not None, reject)) > 1:
        raise BadInput("more than one answer was given", hint="choose one of --approve, --revise TEXT, --reject")
    if revise is not None:
        text = text_argument(revise).strip()
        if not text:
            raise BadInput("the revision is empty", hint="describe what should change: --revise TEXT")
        return ReviewAnswer(decision="revise", text=text, review_id=review_id)
    if approve or reject:
        return ReviewAnswer(decision="approve" if approve else "reject", review_id=review_id)
    if review_id:
        raise BadInput("a review is named and not answered", hint="add --approve, --revise TEXT or --reject")
    return None


async def _resume(settings: Settings, tenant: str, thread: str, answer: ReviewAnswer | None) -> Outcome:
    from experience.service import open_service

    async with open_service(settings) as service:
        outcome = await follow(service, service.resume(tenant, thread, answer), tenant)
    outcome.thread_id = outcome.thread_id or thread  # a resume that is stopped at once has no event
    return outcome

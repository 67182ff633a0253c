"""The form for a question, and what becomes of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import RedirectResponse, Response

from experience.http.bodies import QuestionRequest
from experience.http.callers import AtDesk, Caller
from experience.http.problems import problem_of
from experience.http.sizes import MAX_QUESTION
from experience.page.choices import models_of
from experience.page.templates import page_of
from experience.service import ResearchRequest
from experience.service.desk import Desk
from policy.identity import Principal
from state.channels import ResearchContext
from state.errors import SixplaneError, TooBusy
from state.styles import Form as AnswerForm
from state.styles import Length

router = APIRouter()

_MICRO = 1_000_000


class Asked(BaseModel):
    """The form as a browser sends it."""

    model_config = ConfigDict(frozen=True)

    question: str = ""
    corpus: str = "default"
    thread_id: str = ""
    model: str = ""
    length: Length = "standard"
    form: AnswerForm = "answer"
    limit_usd: Annotated[Decimal, Field(gt=0, le=1_000_000, decimal_places=6)] | None = None
    human_review: bool = False

    def research(self) -> ResearchRequest:
        """Return the request. Raises `ValidationError`."""
        context = ResearchContext(
            corpus=self.corpus,
            model=self.model,
            length=self.length,
            form=self.form,
            budget_micro_usd=None if self.limit_usd is None else int(self.limit_usd * _MICRO),
            human_review=self.human_review,
        )
        # The same checks as for the API, so that both accept the same questions.
        return QuestionRequest(
            question=self.question.strip(), thread_id=self.thread_id or None, context=context
        ).research()


@router.get("/")
async def ask_page(request: Request, person: Caller, desk: AtDesk, corpus: str = "") -> Response:
    """Show the form."""
    return await _form(request, person, desk, Asked(corpus=corpus) if corpus else Asked())


@router.post("/ask")
async def ask(request: Request, person: Caller, desk: AtDesk) -> Response:
    """Start a run, and lead to its thread; show the form again with what is wrong with it."""
    async with request.form() as form:
        given = {name: value for name, value in form.items() if isinstance(value, str) and value != ""}
    try:
        asked = Asked.model_validate(given)
        run = await desk.start(person, asked.research())
    except ValidationError as error:
        kept = Asked.model_construct(**{**Asked().model_dump(), **given})
        return await _form(request, person, desk, kept, problem=_told(error), status=422)
    except SixplaneError as error:
        problem = problem_of(error)
        response = await _form(
            request, person, desk, asked, problem=(problem.detail, problem.hint), status=problem.status
        )
        if isinstance(error, TooBusy):
            response.headers["retry-after"] = str(error.retry_after)
        return response
    return RedirectResponse(f"/threads/{run.thread_id}", status_code=303)


async def _form(
    request: Request,
    person: Principal,
    desk: Desk,
    asked: Asked,
    *,
    problem: tuple[str, str] | None = None,
    status: int = 200,
) -> Response:
    corpora = await desk.corpora(person)
    names = [each.name for each in corpora]
    chosen = asked.corpus if asked.corpus in names else next(iter(names), asked.corpus)
    return page_of(
        request,
        "ask.html",
        status=status,
        asked=asked,
        corpora=corpora,
        chosen=chosen,
        models=models_of(desk.service.gateway.catalog, desk.service.settings.models),
        problem=problem,
        longest=MAX_QUESTION,
    )


def _told(error: ValidationError) -> tuple[str, str]:
    place = str(error.errors()[0]["loc"][-1])
    if place == "question":
        return f"Write a question of one to {MAX_QUESTION:,} characters.", ""
    words = {"corpus": "corpus", "thread_id": "thread", "limit_usd": "limit"}
    return f"The {words.get(place, place)} is not valid.", ""

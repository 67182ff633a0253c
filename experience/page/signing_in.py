"""Signing in with an API key or at the issuer, and signing out."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from experience.http.addresses import origin_of
from experience.http.problems import problem_of
from experience.page.paths import SIGN_IN
from experience.page.sessions import SIGNING_IN, Sessions
from experience.page.templates import page_of
from policy.identity.code_flow import Attempt, CodeFlow
from state.errors import DependencyUnavailable, RateLimited, SixplaneError, Unauthenticated

router = APIRouter()


@router.get(SIGN_IN)
async def sign_in_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name of the parameter
    """Show the ways to sign in."""
    return _page(request, _own(next))


@router.post(SIGN_IN)
async def sign_in(request: Request, key: Annotated[str, Form()], next: Annotated[str, Form()] = "/") -> Response:  # noqa: A002
    """Sign in with an API key."""
    return await _signed_in(request, key.strip(), _own(next), "This key is not valid.")


@router.get(f"{SIGN_IN}/issuer")
async def to_issuer(request: Request, next: str = "/") -> Response:  # noqa: A002
    """Lead to the sign-in of the issuer."""
    try:
        here = origin_of(request.app.state.settings.server, request)
        attempt = await _flow(request).begin(f"{here}{SIGN_IN}/back")
    except SixplaneError as error:
        return _page(request, _own(next), problem_of(error).detail, status=503)
    response = RedirectResponse(attempt.address, status_code=303)
    await _sessions(request).keep(
        response, {"attempt": attempt.model_dump(), "next": _own(next)}, secure=_is_secure(request)
    )
    return response


@router.get(f"{SIGN_IN}/back")
async def back_from_issuer(request: Request, state: str = "", code: str = "") -> Response:
    """Take the code that the issuer sends back, and sign in with the token that it is for."""
    kept = await _sessions(request).kept(request.headers)
    if kept is None or not code:
        return _page(request, "/", "The sign-in was not completed. Try again.", status=401)
    try:
        token = await _flow(request).finish(Attempt.model_validate(kept["attempt"]), state, code)
    except Unauthenticated as error:
        return _page(request, kept["next"], f"Not signed in: {error.message}.", status=401)
    except DependencyUnavailable as error:
        return _page(request, kept["next"], f"Not signed in: {error.message}.", status=503)
    response = await _signed_in(request, token, kept["next"], "The issuer's token is not accepted here.")
    response.delete_cookie(SIGNING_IN, path=SIGN_IN)
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Sign out."""
    response = RedirectResponse(SIGN_IN, status_code=303)
    _sessions(request).end(response)
    return response


async def _signed_in(request: Request, credentials: str, wanted: str, refused: str) -> Response:
    address = request.client.host if request.client else ""
    try:
        await request.app.state.authenticate(f"Bearer {credentials}", address)
    except Unauthenticated:
        return _page(request, wanted, refused, status=401)
    except RateLimited as error:
        told = f"Too many sign-ins have failed. Try again in {error.retry_after} seconds."
        response = _page(request, wanted, told, status=429)
        response.headers["retry-after"] = str(error.retry_after)
        return response
    response = RedirectResponse(wanted, status_code=303)
    await _sessions(request).begin(response, credentials, secure=_is_secure(request))
    return response


def _page(request: Request, wanted: str, problem: str = "", *, status: int = 200) -> Response:
    mode = request.app.state.settings.server.auth
    values = {
        "next": wanted,
        "by_key": mode in ("keys", "both"),
        "by_issuer": f"{SIGN_IN}/issuer?next={quote(wanted, safe='/')}" if request.app.state.code_flow else "",
        "problem": problem,
    }
    return page_of(request, "sign_in.html", status=status, **values)


def _flow(request: Request) -> CodeFlow:
    flow: CodeFlow | None = request.app.state.code_flow
    if flow is None:
        raise HTTPException(404, "there is no such page")
    return flow


def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions


def _own(wanted: str) -> str:
    """Return where to go after the sign-in: a path of this server, whatever a link says."""
    if not wanted.startswith("/") or wanted.startswith("//") or "\\" in wanted or not wanted.isprintable():
        return "/"
    return wanted


def _is_secure(request: Request) -> bool:
    return origin_of(request.app.state.settings.server, request).startswith("https:")

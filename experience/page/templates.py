"""The templates of the page. Jinja escapes every value; only what `experience.render` has made is HTML already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from experience.page.asset_files import asset
from experience.render import clean_html, shown_source
from policy.identity import Permission, Principal
from state import money

_SHORT = 90
"""Characters of a question in a list."""


def page_of(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a template, filled with `values`, as an answer."""
    principal: Principal | None = getattr(request.state, "principal", None)
    given = {
        "principal": principal,
        "may": _may(principal),
        "path": request.url.path,
        "signs_in": request.app.state.signs_in,
        **values,
    }
    return HTMLResponse(filled(template, **given), status_code=status)


def filled(template: str, **values: Any) -> str:
    """Return a template, filled with `values`, without characters that no HTML may have."""
    return clean_html(_ENVIRONMENT.get_template(template).render(**values))


def is_part(request: Request) -> bool:
    """Whether the browser asks for a part of a page, which it puts into the page that it shows."""
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-boosted") != "true"


def dollars(micro_usd: int) -> str:
    """Return an amount in dollars, with as many digits as a small one needs.

    >>> dollars(1_500_000), dollars(120), dollars(0)
    ('$1.50', '$0.00012', '$0.00')
    """
    whole, _, part = money.dollars(micro_usd).partition(".")
    return f"${int(whole):,}.{part.ljust(2, '0')}"


def short(text: str) -> str:
    """Return a text on one line, cut to a length for lists."""
    line = " ".join(text.split())
    return line if len(line) <= _SHORT else f"{line[: _SHORT - 1].rstrip()}…"


def when(iso: str) -> str:
    """Return a time of the database as a reader writes it.

    >>> when("2026-03-09T14:05:59.123456+00:00")
    '9 March 2026, 14:05 UTC'
    """
    at = datetime.fromisoformat(iso)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def _may(principal: Principal | None) -> Mapping[str, bool]:
    """Return which permissions the person has: what one may not do is not offered."""
    return {each.value: principal is not None and principal.may(each) for each in Permission}


_ENVIRONMENT = Environment(
    loader=PackageLoader("experience.page"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {"dollars": dollars, "short": short, "when": when, "source": shown_source}
_ENVIRONMENT.globals |= {"asset": asset}

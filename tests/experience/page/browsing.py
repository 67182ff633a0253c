"""A real browser: Debian's Chromium, driven by Playwright. Tests of it are skipped where one of the two is missing."""

from __future__ import annotations

import re
import shutil
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.waiting import SAFETY_SECONDS

CHROMIUM = shutil.which("chromium")
AXE = (Path(__file__).parent / "assets" / "axe.min.js").read_text()

needs_browser = [
    pytest.mark.skipif(find_spec("playwright") is None, reason="needs the package `playwright`"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs the command `chromium`"),
]

SIZES = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 860}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 860}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
"""How the page is looked at."""


class Watched:
    """A tab, and what its console has complained about: scripts that fail and what the policy of the page blocks."""

    def __init__(self, tab: Any) -> None:
        self.tab, self.complaints = tab, []
        tab.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))


@asynccontextmanager
async def tabs():
    """Yield a function that opens a tab in a browser of its own, signed in as `ann`."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        async def opened(url: str, *, key: str | None = "ann", **options: Any) -> Watched:
            context = await chromium.new_context(base_url=url, **options)
            context.set_default_timeout(SAFETY_SECONDS * 1000)
            watched = Watched(await context.new_page())
            if key:
                await watched.tab.goto("/sign-in")
                await watched.tab.get_by_label("API key").fill(key)
                await watched.tab.get_by_role("button", name="Sign in").click()
                await watched.tab.wait_for_url(re.compile("/$"))
            return watched

        try:
            yield opened
        finally:
            await chromium.close()


async def violations(tab: Any) -> list[str]:
    """Return what axe objects to, by rule and element."""
    # Not as a script of the page: its policy allows none but its own.
    found = await tab.evaluate(f"(async () => {{ {AXE}; return await axe.run({{resultTypes: ['violations']}}); }})()")
    return [f"{each['id']}: {node['html'][:160]}" for each in found["violations"] for node in each["nodes"]]


async def overflows(tab: Any) -> list[str]:
    """Return the elements that reach beyond the right edge of the window, unless something around them scrolls."""
    return await tab.evaluate(
        """() => {
          const clips = (e) => ['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowX);
          const scrolls = (e) => e && (clips(e) || scrolls(e.parentElement));
          const wide = document.documentElement.clientWidth;
          const beyond = (e) => e.getBoundingClientRect().right > wide + 1 && !scrolls(e.parentElement);
          const all = [...document.querySelectorAll('body *')].filter((e) => !e.closest('.sr, .skip'));
          return all.filter(beyond).map((e) => e.outerHTML.slice(0, 120));
        }"""
    )

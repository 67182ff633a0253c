"""The page in a real browser: its scripts run under its own policy, by mouse and by keyboard."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from experience.page.site import create_site
from tests.experience.http.conftest import served
from tests.experience.page.browsing import SIZES, needs_browser, overflows, tabs, violations
from tests.experience.service.helpers import SLOW, held_plan

pytestmark = needs_browser

QUESTION = "What does Tariff A cost a month?"


async def ask(tab, question=QUESTION):
    await tab.goto("/")
    await tab.get_by_label("Your question", exact=True).fill(question)
    await tab.get_by_role("button", name="Ask", exact=True).click()
    await tab.wait_for_url(re.compile("/threads/"))


@pytest.mark.slow
async def test_a_question_is_asked_and_its_citation_opened_by_keyboard(site):
    async with tabs() as opened:
        watched = await opened(site)
        tab = watched.tab
        await tab.get_by_label("Your question", exact=True).fill(QUESTION)
        await tab.keyboard.press("Control+Enter")
        await tab.wait_for_url(re.compile("/threads/"))
        cite = tab.locator("a.cite").first
        await cite.focus()
        await tab.keyboard.press("Enter")
        beside = tab.locator("#beside")
        await beside.locator("mark").first.wait_for()
        assert "Tariff A costs 12 dollars" in await beside.inner_text()
        assert await cite.get_attribute("aria-expanded") == "true"
        assert await tab.evaluate("document.activeElement.className") == "passage-view"
        await tab.keyboard.press("Escape")
        assert await beside.is_hidden()
        assert await cite.evaluate("each => each === document.activeElement")
        assert watched.complaints == []


@pytest.mark.long
async def test_the_whole_way_from_the_upload_to_the_deletion(home, tmp_path):
    note = tmp_path / "canteen.md"
    note.write_text("# Canteen\n\nThe canteen of the Heron site opens at 11:30. It seats 240 people.\n")
    async with served(home, make=create_site) as url, tabs() as opened:
        watched = await opened(url)
        tab = watched.tab
        tab.on("dialog", lambda dialog: dialog.accept())
        await tab.get_by_role("link", name="Corpora").click()
        await tab.get_by_label("Name").fill("site")
        await tab.get_by_role("button", name="Choose documents").click()
        await tab.locator("#files").set_input_files([note])
        assert await tab.locator("#chosen").inner_text() == "canteen.md"
        await tab.get_by_role("button", name="Upload").click()
        await tab.get_by_text("1 added").wait_for()
        await tab.get_by_role("link", name="Show the documents").click()
        assert await tab.locator(".documents .title").all_inner_texts() == ["Canteen"]

        await tab.get_by_role("link", name="Ask this corpus").click()
        assert await tab.get_by_label("Corpus").input_value() == "site"
        await tab.get_by_label("Your question", exact=True).fill("When does the canteen open?")
        await tab.get_by_text("Options").click()
        await tab.get_by_label("Show me the draft before it is published").check()
        await tab.get_by_role("button", name="Ask", exact=True).click()
        await tab.get_by_role("button", name="Approve and publish").wait_for()
        assert "11:30" in await tab.locator(".draft").inner_text()
        await tab.get_by_role("button", name="Approve and publish").click()
        await tab.locator("#answer").wait_for()
        assert (await tab.locator(".badge").inner_text()).startswith("Answered")
        assert "11:30" in await tab.locator("#answer").inner_text()

        await tab.locator("a.cite").first.click()
        passage = tab.locator("#beside")
        await passage.locator("mark").first.wait_for()
        assert "canteen.md" in await passage.inner_text()
        await passage.get_by_role("button", name="Close the passage").click()
        assert await passage.is_hidden()

        await tab.get_by_role("link", name="History").click()
        await tab.get_by_label("Search your questions").fill("canteen opens")
        await tab.get_by_text("No question of yours holds these words.").wait_for()
        await tab.get_by_label("Search your questions").fill("canteen")
        await tab.locator(".threads a").first.click()
        await tab.get_by_role("button", name="Delete this thread").click()
        await tab.wait_for_url(re.compile("/$"))

        await tab.goto("/corpora/site")
        await tab.get_by_role("button", name="Delete Canteen").click()
        await tab.get_by_text("0 documents").wait_for()
        await tab.get_by_role("button", name="Delete this corpus").click()
        await tab.wait_for_url(re.compile("/corpora$"))
        assert "site" not in await tab.locator("main .cards").inner_text()
        assert watched.complaints == []


@pytest.mark.long
@pytest.mark.parametrize("size", SIZES)
async def test_no_state_overflows_or_shuts_anybody_out(size, home, tmp_path):
    """Look at the screenshots with `PAGE_PICTURES=folder`: they are not kept otherwise."""
    pictures = Path(os.environ.get("PAGE_PICTURES", tmp_path))
    model = held_plan()
    async with served(home, model, make=create_site) as url, tabs() as opened:
        watched = await opened(url, **SIZES[size])
        tab = watched.tab

        async def look(state: str) -> None:
            await tab.screenshot(path=pictures / f"{size}-{state}.png")
            assert await violations(tab) == [], state
            assert await overflows(tab) == [], state

        await ask(tab)
        await tab.locator("#answer").wait_for()
        await look("report")
        await tab.locator("a.cite").first.click()
        await tab.locator("#beside mark").first.wait_for()
        await look("passage")
        await tab.goto("/")
        await tab.locator(".threads li").first.wait_for()
        await look("ask")
        await tab.get_by_label("Model").select_option("extractive")
        await tab.get_by_text("Options").click()
        await tab.get_by_label("Your question", exact=True).fill(QUESTION)
        await tab.get_by_label("Show me the draft before it is published").check()
        await look("options")
        await tab.get_by_role("button", name="Ask", exact=True).click()
        await tab.get_by_role("button", name="Approve and publish").wait_for()
        await look("review")
        for path in ("corpora", "corpora/small", "corpora/fresh", "threads", "costs", "threads/missing"):
            await tab.goto(f"/{path}")
            await look(path.replace("/", "-"))
        await tab.locator(".who button").click()
        await tab.get_by_label("API key").fill("wrong")
        await tab.get_by_role("button", name="Sign in").click()
        await tab.get_by_role("alert").wait_for()
        await look("sign-in")
        assert [each for each in watched.complaints if "status of 4" not in each] == []


@pytest.mark.long
@pytest.mark.parametrize("size", SIZES)
async def test_a_run_shows_its_work_and_then_its_report_without_a_reload(size, home, tmp_path):
    pictures = Path(os.environ.get("PAGE_PICTURES", tmp_path))
    model = held_plan()
    async with served(home, model, make=create_site, models={"default": SLOW}) as url, tabs() as opened:
        watched = await opened(url, **SIZES[size])
        tab = watched.tab
        await ask(tab)
        await tab.locator(".steps .running").wait_for()
        await tab.screenshot(path=pictures / f"{size}-live.png")
        assert await violations(tab) == []
        assert await overflows(tab) == []
        await tab.evaluate("window.same = true")
        model.release()
        await tab.locator("#answer").wait_for()
        assert await tab.evaluate("window.same") is True
        assert await tab.locator("#copy").is_visible()
        assert watched.complaints == []


@pytest.mark.long
async def test_files_are_dropped_and_the_page_works_without_scripts(site, tmp_path):
    async with tabs() as opened:
        plain = (await opened(site, java_script_enabled=False)).tab
        await ask(plain)
        for _ in range(30):
            if await plain.locator("a.cite").count():
                break
            await plain.reload()
        await plain.locator("a.cite").first.click()
        await plain.wait_for_url(re.compile("/passages/small/"))
        assert "Tariff A costs 12 dollars" in await plain.locator("main mark").first.inner_text()
        watched = await opened(site)
        await watched.tab.goto("/corpora/small")
        await watched.tab.evaluate(
            """() => {
              const given = new DataTransfer();
              given.items.add(new File(['# Dropped\\n\\nThe lift has 8 places.\\n'], 'lift.md'));
              const files = document.getElementById('files');
              files.files = given.files;
              files.dispatchEvent(new Event('change', {bubbles: true}));
            }"""
        )
        await watched.tab.get_by_role("button", name="Upload").click()
        await watched.tab.get_by_text("1 added").wait_for()


@pytest.mark.long
async def test_the_documentation_of_the_api_works_and_complains_about_nothing(site):
    async with tabs() as opened:
        watched = await opened(site, key=None)
        asked = []
        watched.tab.on("request", lambda request: asked.append(request.url))
        await watched.tab.goto("/docs")
        await watched.tab.locator("#swagger-ui .opblock").first.wait_for()
        assert watched.complaints == []
        assert {each for each in asked if not each.startswith((site, "data:"))} == set()

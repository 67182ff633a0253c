"""What the pages show and do, without a browser: everything works with links and forms alone."""

from __future__ import annotations

import asyncio

from experience.page.site import create_site
from experience.render import passage_address
from tests.experience.http.conftest import client as api_client
from tests.experience.http.conftest import served
from tests.experience.page.conftest import answered, browser, parsed, words
from tests.experience.service.helpers import SLOW, held_plan


async def test_a_question_leads_to_its_report_with_citations_that_open_their_passages(ann):
    page = await answered(ann)
    found = parsed(page)
    assert words(page, "h1") == "What does Tariff A cost a month?"
    assert "12 dollars" in words(page, "#answer")
    assert words(page, ".badge") == "Answered"
    assert "This answer cost $0.00" in words(page)
    cite = found.css_first("a.cite").attributes
    run = (await ann.get(page.url.path)).text.split("?run=")[1][:36]
    assert cite["href"].startswith("/passages/small/E")
    assert cite["href"].endswith(run)
    passage = await ann.get(cite["href"])
    assert "Tariff A costs 12 dollars a month." in words(passage, "mark")
    assert words(passage, ".origin") == "docs/tariffs.md"
    part = await ann.get(cite["href"], headers={"hx-request": "true"})
    assert "<html" not in part.text
    assert parsed(part).css_first("[data-close]").attributes["aria-label"] == "Close the passage"


async def test_a_passage_needs_the_rights_of_its_reader(site, ann):
    href = parsed(await answered(ann)).css_first("a.cite").attributes["href"]
    plain = href.partition("?")[0]
    async with browser(site, "bob") as bob, browser(site, "eve") as eve, browser(site, "guest") as guest:
        # Of the same tenant: the passage, without the marks of a run of somebody else.
        shown = await bob.get(href)
        assert (shown.status_code, parsed(shown).css("mark")) == (200, [])
        assert "Tariff A costs" in words(shown, ".passage")
        assert (await eve.get(plain)).status_code == 404
        assert (await eve.get(href)).status_code == 404
        assert (await guest.get(plain)).status_code == 403
    assert (await ann.get(passage_address("small", "E" + "A" * 26))).status_code == 404


async def test_what_others_have_asked_does_not_exist_for_a_person(site, ann):
    path = (await answered(ann)).url.path
    async with browser(site, "bob") as bob:
        for answer in (await bob.get(path), await bob.get(f"{path}/events"), await bob.post(f"{path}/delete")):
            assert answer.status_code == 404
        assert "Tariff A" not in (await bob.get("/threads")).text


async def test_the_work_is_streamed_node_by_node_and_the_report_as_it_is_published(home):
    model = held_plan()
    settings = {"models": {"default": SLOW}}
    async with served(home, model, make=create_site, **settings) as url, browser(url) as ann:
        asked = await ann.post("/ask", data={"question": "What does Tariff A cost a month?", "corpus": "small"})
        assert asked.url.path.startswith("/threads/")
        assert parsed(asked).css_first("[sse-connect]").attributes["sse-connect"] == f"{asked.url.path}/events"
        parts = []
        async with ann.stream("GET", f"{asked.url.path}/events") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: <ol"):
                    parts.append(line)
                    model.release()
                elif parts:
                    parts[-1] += line.removeprefix("data:")
        assert 'class="running"' in parts[0]
        assert "Checking every statement" in "".join(parts)
        assert "streamed" in parts[-1]
        assert "hx-trigger" in parts[-1]
        assert "event: end" in parts[-1]
        assert words(await ann.get(asked.url.path), ".badge").startswith("Answered")


async def test_a_run_can_be_stopped_and_gone_on_with(home):
    model = held_plan()
    async with served(home, model, make=create_site, models={"default": SLOW}) as url, browser(url) as ann:
        asked = await ann.post("/ask", data={"question": "What does Tariff A cost a month?", "corpus": "small"})
        stopping = asyncio.create_task(ann.post(f"{asked.url.path}/stop"))
        await stopping
        model.release()
        async with ann.stream("GET", f"{asked.url.path}/events") as stream:
            async for _ in stream.aiter_lines():
                pass
        assert words(await ann.get(asked.url.path), ".badge") == "Interrupted"
        await ann.post(f"{asked.url.path}/resume")
        async with ann.stream("GET", f"{asked.url.path}/events") as stream:
            async for _ in stream.aiter_lines():
                pass
        assert words(await ann.get(asked.url.path), ".badge").startswith("Answered")


async def test_a_person_reads_the_draft_and_decides(ann):
    page = await answered(ann, human_review="true")
    assert words(page, ".badge") == "Waits for your review"
    assert "12 dollars" in words(page, ".draft")
    assert "statements are supported by their quotes" in words(page, ".checked")
    assert "Tariff A costs 12 dollars a month." in words(page, ".statements blockquote")
    assert "Waits for a review" in (await ann.get("/threads")).text
    assert (await ann.post(f"{page.url.path}/review", data={"decision": "perhaps"})).status_code == 422
    shown = parsed(page).css_first("input[name=review_id]").attributes["value"]
    answer = {"decision": "approve", "review_id": shown}
    assert (await ann.post(f"{page.url.path}/review", data={**answer, "review_id": "another"})).status_code == 409
    await ann.post(f"{page.url.path}/review", data=answer)
    async with ann.stream("GET", f"{page.url.path}/events") as stream:
        async for _ in stream.aiter_lines():
            pass
    done = await ann.get(page.url.path)
    assert "approved by a person" in words(done, ".state")
    assert (await ann.post(f"{page.url.path}/review", data=answer)).status_code == 409


async def test_the_history_is_searched_and_comes_in_parts(ann):
    await answered(ann, "What does Tariff A cost a month?")
    await answered(ann, "When did the Falcon project start?")
    assert len(parsed(await ann.get("/threads")).css(".threads li")) == 2
    found = await ann.get("/threads", params={"q": "falcon START"}, headers={"hx-request": "true"})
    assert "<html" not in found.text
    assert [each.text().strip() for each in parsed(found).css(".q")] == ["When did the Falcon project start?"]
    assert words(await ann.get("/threads", params={"q": "uruguay"})).endswith("No question of yours holds these words.")


async def test_a_thread_goes_on_and_keeps_its_earlier_questions(ann):
    page = await answered(ann)
    thread = page.url.path.removeprefix("/threads/")
    second = await answered(ann, "When did the Falcon project start?", thread_id=thread)
    assert second.url.path == page.url.path
    assert "2019" in words(second, "#answer")
    assert words(second, ".earlier a") == "What does Tariff A cost a month?"
    earlier = await ann.get(parsed(second).css_first(".earlier a").attributes["href"])
    assert "12 dollars" in words(earlier, "#answer")
    assert "This is an earlier answer." in words(earlier)


REFUSED = [
    ({"question": "  "}, 422, "Write a question of one to 8,000 characters."),
    ({"question": "?!"}, 422, "Write a question"),
    ({"question": "What?", "corpus": "../etc"}, 422, "The corpus is not valid."),
    ({"question": "What?", "corpus": "missing"}, 404, "missing"),
    ({"question": "What?", "limit_usd": "-1"}, 422, "The limit is not valid."),
    ({"question": "What?", "limit_usd": "0.0000001"}, 422, "The limit is not valid."),
    ({"question": "What?", "model": "no-such-model"}, 404, "there is no model 'no-such-model'"),
]


async def test_a_question_that_cannot_be_asked_stays_in_the_form(ann):
    for form, status, told in REFUSED:
        answer = await ann.post("/ask", data={"corpus": "small", **form})
        assert answer.status_code == status
        assert told in words(answer, "[role=alert]")
        assert parsed(answer).css_first("#question").text() == form["question"]
    again = parsed(await ann.post("/ask", data={"corpus": "small", "question": "?!", "thread_id": "t-1"}))
    assert again.css_first("[name=thread_id]").attributes["value"] == "t-1"


async def test_documents_are_uploaded_listed_found_and_deleted(ann):
    empty = await ann.get("/corpora", params={"name": "fresh"})
    assert empty.url.path == "/corpora/fresh"
    assert "This corpus is made with its first documents." in words(empty)
    files = [("files", ("notes.md", b"# Notes\n\nThe canteen opens at noon.\n")), ("files", ("bad.pdf", b"no PDF"))]
    started = await ann.post("/corpora/fresh/documents", files=files, headers={"hx-request": "true"})
    events = parsed(started).css_first("[sse-connect]").attributes["sse-connect"]
    told = (await ann.get(events)).text
    assert "1 added" in told
    assert "1 not readable" in told
    assert "bad.pdf" in told
    page = await ann.get("/corpora/fresh")
    assert words(page, ".documents .title") == "Notes"
    assert words(await ann.get("/corpora/fresh?q=nothing"), "#documents").startswith("No document")
    document = parsed(page).css_first("input[name=document]").attributes["value"]
    after = await ann.post("/corpora/fresh/documents/delete", data={"document": document})
    assert (after.url.path, parsed(after).css(".documents li")) == ("/corpora/fresh", [])
    gone = await ann.post("/corpora/fresh/delete")
    assert "fresh" not in words(gone)


async def test_an_upload_goes_on_without_its_page_and_nobody_else_sees_it(site, ann):
    files = [("files", ("notes.md", b"# Notes\n\nThe canteen opens at noon.\n"))]
    started = await ann.post("/corpora/small/documents", files=files, headers={"hx-request": "true"})
    events = parsed(started).css_first("[sse-connect]").attributes["sse-connect"]
    async with browser(site, "bob") as bob:
        assert (await bob.get(events)).status_code == 404
    assert "1 added" in (await ann.get(events)).text


async def test_only_what_a_person_may_do_is_offered_and_done(site):
    files = [("files", ("notes.md", b"# Notes\n"))]
    async with browser(site, "asker") as asker:
        page = await asker.get("/corpora/small")
        assert parsed(page).css("input[type=file], .danger") == []
        assert parsed(page).css('nav a[href="/costs"]') == []
        assert (await asker.post("/corpora/small/documents", files=files)).status_code == 403
        assert (await asker.post("/corpora/small/delete")).status_code == 403
        assert (await asker.get("/costs")).status_code == 403
        assert (await asker.get("/corpora/fresh")).status_code == 403


async def test_the_costs_are_in_dollars(home):
    budgets = {"tenant_micro_usd": 2_500_000}
    async with served(home, make=create_site, budgets=budgets) as url, browser(url) as ann:
        assert "$0.00 spent of $2.50" in words(await ann.get("/costs"))


async def test_the_api_stands_beside_the_page(site):
    async with api_client(site) as one:
        assert (await one.get("/v1/corpora")).json()["corpora"][0]["name"] == "small"
        assert (await one.get("/v1/nothing")).json()["code"] == "not_found"

"""Documents, file names and questions are untrusted: whatever they hold stays text."""

from __future__ import annotations

import pytest

from tests.experience.page.conftest import answered, parsed, words

pytestmark = pytest.mark.long  # each test opens a service of its own

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'

HOSTILE = f"""# Lodging {SCRIPT} {IMAGE}

The lodge costs 70 dollars a night.

## Rates [click](javascript:alert(1)) ![x](https://evil.example/x.png)

In June, the lodge costs `90 <b onclick=alert(1)>dollars</b>` a night [more](javascript:alert(2)). {{{{ 7*7 }}}}

<iframe src="https://evil.example"></iframe> {SCRIPT} {IMAGE} {{% raw %}}
"""


def check(answer) -> None:
    """Check that a page has no element, attribute or address that it did not make itself."""
    page = parsed(answer)
    ours = {each.attributes.get("src", "") for each in page.css("script")}
    assert all(each and each.startswith("/assets/") for each in ours)
    assert page.css("img, iframe, object, embed, style, base, [style]") == []
    for element in page.css("*"):
        for name, value in element.attributes.items():
            assert not name.startswith("on"), element.html
            assert not (value or "").strip().lower().startswith("javascript:"), element.html
            assert "evil.example" not in (value or "") or name in ("value", "placeholder"), element.html


async def test_hostile_documents_and_questions_stay_text_on_every_page(ann):
    name = f"lodge {SCRIPT.replace('/', '')}.md"
    files = [("files", (name, HOSTILE.encode()))]
    started = await ann.post("/corpora/lodge/documents", files=files, headers={"hx-request": "true"})
    check(started)
    progress = await ann.get(parsed(started).css_first("[sse-connect]").attributes["sse-connect"])
    assert "1 added" in progress.text
    check(await ann.get("/corpora/lodge"))
    page = await answered(ann, "What does the lodge cost a night?", corpus="lodge")
    check(page)
    assert "70 dollars" in words(page, "#answer")
    for cite in parsed(page).css("a.cite"):
        check(await ann.get(cite.attributes["href"]))
        check(await ann.get(cite.attributes["href"].partition("?")[0]))
    check(await ann.get("/threads"))
    check(await ann.get("/threads", params={"q": SCRIPT + IMAGE}))
    check(await ann.get("/corpora", params={"name": SCRIPT}))
    check(await ann.get("/sign-in", params={"next": f"/{IMAGE}"}))
    check(await ann.post("/ask", data={"question": SCRIPT, "corpus": IMAGE}))
    draft = await answered(ann, f"What does the lodge cost a night {SCRIPT} {IMAGE}?", corpus="lodge")
    check(draft)
    assert SCRIPT in words(draft, "h1")

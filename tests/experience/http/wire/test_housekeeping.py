"""Titles, tags and suggestions that chat front ends ask for: answered at once, without a run and without cost.

The prompts are the first lines of those that the front ends send, as their sources have them: Open WebUI, LibreChat and
Continue (`core/util/chatDescriber.ts`), LobeChat, NextChat, Chatbox, Hugging Face's chat-ui, Cherry Studio.
"""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from experience.http.openai.conversation import Message
from experience.http.openai.housekeeping import chore_of, done
from settings.housekeeping import HousekeepingSettings
from tests.experience.http.conftest import client, served
from tests.experience.http.wire.conftest import opened, text_of

pytestmark = pytest.mark.long  # each test opens a service of its own

HISTORY = (
    "\n### Chat History:\n<chat_history>\nUSER: What is the price of Tariff A?\nASSISTANT: 12 dollars.\n</chat_history>"
)
JSON_TITLE = '\n### Output:\nJSON format: { "title": "your concise title here" }'
TASKS = {
    "title": f"### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.{JSON_TITLE}",
    "tags": "### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history, along with …",
    "follow_ups": "### Task:\nSuggest 3-5 relevant follow-up questions or prompts that the user might ask",
    "queries": "### Task:\nAnalyze the chat history to determine the necessity of generating search queries, in the …",
    "text": "### Task:\nYou are an autocompletion system. Continue the text in `<text>` based on the completion type",
    "prompt": "### Task:\nGenerate a detailed prompt for am image generation task based on the given language",
}
TITLE = "What is the price of Tariff"
ANSWERS = {
    "title": {"title": TITLE},
    "tags": {"tags": ["small"]},
    "follow_ups": {"follow_ups": []},
    "queries": {"queries": []},
    "text": {"text": ""},
    "prompt": {"prompt": ""},
}
USER, CHAT = "user", {"role": "user", "content": "What is the price of Tariff A?"}
PLAIN = {
    "LibreChat": [
        {
            "role": USER,
            "content": "Provide a concise, 5-word-or-less title for the conversation, using title case "
            "conventions. Only return the title itself.\n\nConversation:\nUser: What is the price of Tariff A?",
        }
    ],
    "LobeChat": [
        {
            "role": "system",
            "content": "You are a professional conversation summarizer. Generate a concise title that captures the "
            "essence of the conversation.\n\nRules:\n- Output ONLY the title text",
        },
        {"role": USER, "content": "user: What is the price of Tariff A?\nassistant: 12 dollars."},
    ],
    "NextChat": [
        CHAT,
        {"role": "assistant", "content": "12 dollars."},
        {"role": USER, "content": "Please generate a four to five word title summarizing our conversation without …"},
    ],
    "Chatbox": [
        CHAT,
        {"role": USER, "content": "Based on the chat history, give this conversation a name.\nKeep it short"},
    ],
    "chat-ui": [
        {"role": "system", "content": "You are a chat thread titling assistant.\nGoal: Produce a very short title"},
        {"role": USER, "content": 'User message: "What is the price of Tariff A?"'},
    ],
    "Cherry Studio": [
        {
            "role": "system",
            "content": "You are an assistant skilled in conversation. You need to summarize the user's conversation "
            "into a title within 10 words.",
        },
        CHAT,
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", TASKS)
async def test_a_task_of_open_webui_is_answered_without_a_run(home, name):
    async with served(home, server={"max_running": 1, "max_waiting": 0}) as url, opened(url) as one, client(url) as ann:
        asked = [{"role": "user", "content": TASKS[name] + HISTORY}]
        answer = await one.chat.completions.create(model="sixplane/small", messages=asked)
        assert json.loads(text_of(answer)) == ANSWERS[name]
        assert (answer.usage.total_tokens, answer.model_extra["sixplane"]["run_id"]) == (0, None)
        stream = await one.chat.completions.create(model="sixplane/small", messages=asked, stream=True)
        assert json.loads("".join([chunk.choices[0].delta.content or "" async for chunk in stream])) == ANSWERS[name]
        assert (await ann.get("/v1/threads")).json()["threads"] == []
    async with served(home) as url, client(url, "guest") as guest:
        refused = await guest.post("/v1/chat/completions", json={"messages": asked})
        assert refused.status_code == 403


@pytest.mark.parametrize("messages", PLAIN.values(), ids=PLAIN)
def test_a_title_is_made_of_the_first_question(messages):
    given = [Message.model_validate(each) for each in messages]
    chore = chore_of(given, HousekeepingSettings())
    assert chore.name == "title"
    assert done(chore, given, "small") == TITLE


@pytest.mark.parametrize(
    "question",
    [
        "Which title has the report on Tariff A?",
        "What does `### Task: Generate a title` do?",
        "Generate 1-3 broad tags.",
    ],
)
def test_a_question_is_no_chore(question):
    assert chore_of([Message(role="user", content=question)], HousekeepingSettings()) is None


def test_patterns_are_a_setting():
    asked = [Message(role="user", content="NAME THIS CHAT please")]
    assert chore_of(asked, HousekeepingSettings(title=("name this chat",))).name == "title"
    task = [Message(role="user", content=TASKS["tags"])]
    assert chore_of(task, HousekeepingSettings(tags=())) is None
    with pytest.raises(ValidationError, match="no regular expression"):
        HousekeepingSettings(title=("(",))

"""OpenAI's own client, on a real server."""

from __future__ import annotations

import openai
import pytest

ASKED = [{"role": "user", "content": "What is the price of Tariff A?"}]


def opened(url, key="ann"):
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)


@pytest.fixture
async def official(url):
    async with opened(url) as client:
        yield client


def text_of(answer):
    return answer.choices[0].message.content

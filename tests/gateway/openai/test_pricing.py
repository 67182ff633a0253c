"""An endpoint that is not on this machine needs a price: else no budget would hold."""

import pytest

from gateway.openai.pricing import is_loopback
from state.errors import PriceUnknown
from state.values import Role
from tests.gateway.openai.endpoint import MODEL, Asked

ELSEWHERE = "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://127.9.9.9/v1", True),
        ("http://localhost:11434/v1", True),
        ("http://LOCALHOST/v1", True),
        ("http://[::1]:8080/v1", True),
        ("http://llm.localhost/v1", True),
        (ELSEWHERE, False),
        ("http://10.0.0.5:8000/v1", False),
        ("http://0.0.0.0:8000/v1", False),
        ("http://localhost.example.com/v1", False),
        ("http://127.0.0.1.nip.io/v1", False),
        ("http://127.0.0.1@example.com/v1", False),
    ],
)
def test_only_names_of_this_machine_are_this_machine(url, here):
    assert is_loopback(url) is here


async def test_an_endpoint_elsewhere_without_a_price_is_refused_before_it_is_asked(tmp_path):
    asked = Asked(tmp_path, ELSEWHERE, prices_micro_usd={})
    with pytest.raises(PriceUnknown, match="is not known, so no budget would hold") as caught:
        await asked.plan()
    assert "[models.prices_micro_usd]" in caught.value.hint
    assert f'"{MODEL}" = [' in caught.value.hint
    assert (await asked.usage()).calls == 0


def test_a_price_lets_it_be_asked_and_zero_is_one(tmp_path):
    for price in ((400_000, 1_600_000), (0, 0)):
        asked = Asked(tmp_path, ELSEWHERE, prices_micro_usd={MODEL: price})
        assert asked.model(role=Role.WRITER).entry.input_price == price[0]

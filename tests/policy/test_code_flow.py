"""Fetching the token of a sign-in: what an issuer says without an end is not read to its end."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from policy.identity.code_flow import CodeFlow
from settings import OIDCSettings
from state.errors import DependencyUnavailable
from tests.experience.page.test_issuer import CLIENT, MOST, Issuer
from tests.policy.test_tokens import AUDIENCE


async def test_an_answer_without_an_end_is_given_up_early():
    issuer = Issuer()
    try:
        flow = CodeFlow(
            OIDCSettings(issuer=issuer.url, audience=AUDIENCE, client_id=CLIENT, scopes="openid sixplane/ask")
        )
        attempt = await flow.begin("http://127.0.0.1/back")
        back = {name: values[0] for name, values in parse_qs(urlsplit(issuer.agree(attempt.address)).query).items()}
        issuer.endless = True
        with pytest.raises(DependencyUnavailable, match="cannot be asked"):
            await flow.finish(attempt, back["state"], back["code"])
        assert issuer.told < MOST
    finally:
        issuer.close()

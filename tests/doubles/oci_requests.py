"""Requests to the local OCI through the real SDK, for the tests of the double."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache

import oci as sdk
import pytest
import requests
from oci.generative_ai_inference import GenerativeAiInferenceClient, models

from tests.doubles.oci.server import COMPARTMENT

MODEL = "meta.llama-3.3-70b-instruct"
MODELS = {"COHERE": "cohere.command-a-03-2025", "COHEREV2": "cohere.command-a-vision", "GENERIC": MODEL}
EMBED, RERANK = "cohere.embed-v4.0", "cohere.rerank-v4.0-fast"
PROMPT, ANSWER = "How are you?", "Very well, thank you."
FORMATS = pytest.mark.parametrize("api_format", ["COHERE", "COHEREV2", "GENERIC"])
CHAT = "/20231130/actions/chat"


def client(kind, oci, **options):
    safe = {
        "retry_strategy": sdk.retry.NoneRetryStrategy(),
        "circuit_breaker_strategy": sdk.circuit_breaker.NoCircuitBreakerStrategy(),
    }
    return kind(oci.config, service_endpoint=oci.url, **safe, **options)


def inference(oci, **options):
    return client(GenerativeAiInferenceClient, oci, **options)


def on_demand(model=MODEL):
    return models.OnDemandServingMode(model_id=model)


def asked(api_format="GENERIC", prompt=PROMPT, **options):
    if api_format == "COHERE":
        request = models.CohereChatRequest(message=prompt, **options)
    elif api_format == "COHEREV2":
        content = [models.CohereTextContentV2(text=prompt)]
        request = models.CohereChatRequestV2(messages=[models.CohereUserMessageV2(content=content)], **options)
    else:
        message = models.UserMessage(content=[models.TextContent(text=prompt)])
        request = models.GenericChatRequest(messages=[message], **options)
    return models.ChatDetails(
        compartment_id=COMPARTMENT, serving_mode=on_demand(MODELS[api_format]), chat_request=request
    )


def streamed(oci, api_format="GENERIC", **options):
    details = asked(api_format, is_stream=True, stream_options=models.StreamOptions(is_include_usage=True))
    return [
        json.loads(event.data)
        for event in inference(oci, **options).chat(details).data.events()
        if event.data[0] == "{"
    ]


def text_of(event):
    if "text" in event:
        return event["text"]
    return "".join(part["text"] for part in event.get("message", {}).get("content", []))


@cache
def signer_of(tenancy, user, fingerprint, key):
    return sdk.signer.Signer(tenancy, user, fingerprint, None, private_key_content=key)


def signed(oci, body, date=None, path=CHAT):
    """Return a request that the SDK's own signer signed."""
    signer = signer_of(*(oci.config[name] for name in ("tenancy", "user", "fingerprint", "key_content")))
    headers = {"content-type": "application/json", **({"date": date} if date else {})}
    return signer(requests.Request("POST", oci.url + path, data=body, headers=headers).prepare())


def chat_body(prompt=PROMPT):
    request = {"apiFormat": "COHERE", "message": prompt}
    serving = {"servingType": "ON_DEMAND", "modelId": "cohere.command-a-03-2025"}
    return json.dumps({"compartmentId": COMPARTMENT, "servingMode": serving, "chatRequest": request})


def http_date(ago):
    return (datetime.now(UTC) - timedelta(seconds=ago)).strftime("%a, %d %b %Y %H:%M:%S GMT")

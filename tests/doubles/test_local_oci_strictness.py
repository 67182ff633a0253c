"""The local OCI refuses what the service refuses: one row for each thing that it once let through."""

from __future__ import annotations

import copy
import json

import pytest
import requests

from tests.doubles.oci import LocalOCI
from tests.doubles.oci.server import COMPARTMENT, TENANCY
from tests.doubles.oci_requests import EMBED, RERANK, signed, signer_of

ACTIONS = "/20231130/actions/"


def on_demand(model):
    return {"servingType": "ON_DEMAND", "modelId": model}


def chat(model, request):
    return {"compartmentId": COMPARTMENT, "servingMode": on_demand(model), "chatRequest": request}


USER = {"role": "USER", "content": [{"type": "TEXT", "text": "Hello?"}]}
TOOL = {"type": "FUNCTION", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}
SOUND = {
    "cohere": (
        "chat",
        chat(
            "cohere.command-a-03-2025",
            {
                "apiFormat": "COHERE",
                "message": "Hello?",
                "chatHistory": [{"role": "CHATBOT", "message": "Yes?"}],
                "maxTokens": 4000,
                "temperature": 1.0,
                "tools": [{"name": "look", "description": "Looks.", "parameterDefinitions": {"at": {"type": "str"}}}],
                "responseFormat": {"type": "JSON_OBJECT", "schema": {"type": "object"}},
            },
        ),
    ),
    "generic": (
        "chat",
        chat(
            "openai.gpt-oss-20b",
            {
                "apiFormat": "GENERIC",
                "messages": [USER],
                "maxTokens": 64000,
                "temperature": 2.0,
                "numGenerations": 1,
                "isStream": False,
                "tools": [TOOL],
                "toolChoice": {"type": "REQUIRED"},
            },
        ),
    ),
    "vision": ("chat", chat("cohere.command-a-vision", {"apiFormat": "COHEREV2", "messages": [USER]})),
    "embed": (
        "embedText",
        {
            "compartmentId": TENANCY,
            "servingMode": on_demand(EMBED),
            "inputs": ["a"] * 96,
            "truncate": "END",
            "inputType": "SEARCH_QUERY",
            "outputDimensions": 1024,
        },
    ),
    "rerank": (
        "rerankText",
        {"compartmentId": COMPARTMENT, "servingMode": on_demand(RERANK), "input": "a", "documents": ["a", "b"]},
    ),
    "guard": (
        "applyGuardrails",
        {
            "compartmentId": COMPARTMENT,
            "input": {"type": "TEXT", "content": "Hello?"},
            "guardrailConfigs": {
                "contentModerationConfig": {"categories": ["OVERALL"]},
                "personallyIdentifiableInformationConfig": {"types": ["EMAIL"]},
                "promptInjectionConfig": {},
            },
            "guardrailVersionConfig": {"guardrailVersion": "1.0.1"},
        },
    ),
}
GONE = object()
REQUEST, SERVING, CONFIGS = "chatRequest", "servingMode", "guardrailConfigs"
MODERATED, PERSONAL = "contentModerationConfig", "personallyIdentifiableInformationConfig"

# What is changed in a sound request (its name, where, what stands there instead), the status, words of the message.
REFUSED = {
    "no compartment": ("cohere", "compartmentId", GONE, 400, "compartmentId: required"),
    "an unknown compartment": ("cohere", "compartmentId", "ocid1.compartment.oc1..y", 404, "Authorization failed"),
    "an unknown field of the body": ("cohere", "modelId", "m", 400, "modelId: unknown field"),
    "an unknown field of the request": ("cohere", (REQUEST, "max_tokens"), 9, 400, "max_tokens: unknown field"),
    "a field of another format": ("cohere", (REQUEST, "messages"), [USER], 400, "messages: unknown field"),
    "a tool choice for Cohere": ("cohere", (REQUEST, "toolChoice"), {"type": "AUTO"}, 400, "toolChoice: unknown"),
    "an unknown field in a list": ("generic", (REQUEST, "messages", 0, "text"), "x", 400, "messages.0.text: unknown"),
    "an unknown serving mode": ("generic", (SERVING, "servingType"), "SPOT", 400, "servingMode: no kind"),
    "no serving mode": ("generic", SERVING, GONE, 400, "servingMode: required"),
    "no model": ("generic", (SERVING, "modelId"), GONE, 400, "servingMode.modelId: required"),
    "an unknown model": ("generic", (SERVING, "modelId"), "meta.llama-9", 404, "key meta.llama-9 not found"),
    "a retired model": ("cohere", (SERVING, "modelId"), "cohere.command-r-plus", 404, "command-r-plus not found"),
    "a Cohere model in GENERIC": ("generic", (SERVING, "modelId"), "cohere.command-a-03-2025", 400, "not take GENERIC"),
    "a generic model in COHERE": ("cohere", (SERVING, "modelId"), "openai.gpt-oss-20b", 400, "not take COHERE"),
    "a vision model in COHERE": ("cohere", (SERVING, "modelId"), "cohere.command-a-vision", 400, "not take COHERE"),
    "a model for embeddings that chats": ("generic", (SERVING, "modelId"), EMBED, 400, "not take GENERIC"),
    "an endpoint that is none": ("cohere", SERVING, {"servingType": "DEDICATED", "endpointId": "ocid1.x"}, 404, "not"),
    "no format": ("cohere", (REQUEST, "apiFormat"), GONE, 400, "chatRequest: no kind"),
    "an unknown format": ("cohere", (REQUEST, "apiFormat"), "OTHER", 400, "chatRequest: no kind"),
    "no message": ("cohere", (REQUEST, "message"), GONE, 400, "message: required"),
    "an empty message": ("cohere", (REQUEST, "message"), "", 400, "message: empty"),
    "no messages": ("generic", (REQUEST, "messages"), [], 400, "messages: empty"),
    "an unknown role": ("generic", (REQUEST, "messages", 0, "role"), "CHATBOT", 400, "no kind of Message"),
    "content that is text": ("generic", (REQUEST, "messages", 0, "content"), "Hi", 400, "content: not a list"),
    "a history of another role": ("cohere", (REQUEST, "chatHistory", 0, "role"), "TOOLS", 400, "kind"),
    "tokens of text": ("generic", (REQUEST, "maxTokens"), "9", 400, "maxTokens: not int"),
    "tokens of true": ("generic", (REQUEST, "maxTokens"), True, 400, "maxTokens: not int"),
    "no tokens": ("generic", (REQUEST, "maxTokens"), 0, 400, "maxTokens: 0 is not between"),
    "more tokens than on demand": ("cohere", (REQUEST, "maxTokens"), 4001, 400, "not between 1 and 4000"),
    "a temperature above Cohere's": ("cohere", (REQUEST, "temperature"), 1.1, 400, "temperature: 1.1"),
    "a temperature above all": ("generic", (REQUEST, "temperature"), 2.1, 400, "temperature: 2.1"),
    "a negative temperature": ("generic", (REQUEST, "temperature"), -0.1, 400, "temperature: -0.1"),
    "a temperature of text": ("generic", (REQUEST, "temperature"), "hot", 400, "temperature: not a number"),
    "a topP above 1": ("generic", (REQUEST, "topP"), 1.5, 400, "topP: 1.5"),
    "a topK above 500": ("cohere", (REQUEST, "topK"), 501, 400, "topK: 501"),
    "too many generations": ("generic", (REQUEST, "numGenerations"), 6, 400, "numGenerations: 6"),
    "generations of Cohere": ("cohere", (REQUEST, "numGenerations"), 1, 400, "numGenerations: unknown field"),
    "isStream of text": ("generic", (REQUEST, "isStream"), "true", 400, "isStream: not bool"),
    "a prompt beyond the window": ("cohere", (REQUEST, "message"), "x" * 1_010_000, 400, "exceed the context length"),
    "an unknown safety mode": ("cohere", (REQUEST, "safetyMode"), "NONE", 400, "safetyMode: 'NONE' is not one of"),
    "an unknown effort": ("generic", (REQUEST, "reasoningEffort"), "EXTREME", 400, "reasoningEffort: 'EXTREME'"),
    "an unknown tool choice": ("generic", (REQUEST, "toolChoice", "type"), "SOME", 400, "toolChoice: no kind"),
    "an unknown response format": ("cohere", (REQUEST, "responseFormat", "type"), "XML", 400, "Format: no kind"),
    "a tool without a description": ("cohere", (REQUEST, "tools", 0, "description"), GONE, 400, "description: req"),
    "no inputs": ("embed", "inputs", [], 400, "1 to 96 inputs, not 0"),
    "97 inputs": ("embed", "inputs", ["a"] * 97, 400, "1 to 96 inputs, not 97"),
    "an empty input": ("embed", "inputs", ["a", ""], 400, "inputs: an empty text"),
    "an input of a number": ("embed", "inputs", ["a", 1], 400, "inputs.1: not str"),
    "an input that may not be cut": (
        "embed", None, {"inputs": ["x" * 513_000], "truncate": "NONE"}, 400, "truncate is NONE",
    ),
    "other dimensions": ("embed", "outputDimensions", 1000, 400, "outputDimensions: 1000"),
    "an unknown truncation": ("embed", "truncate", "MIDDLE", 400, "truncate: 'MIDDLE' is not one of END"),
    "an unknown type of input": ("embed", "inputType", "QUERY", 400, "inputType: 'QUERY' is not one of"),
    "text as an image": ("embed", "inputType", "IMAGE", 400, "IMAGE needs one image"),
    "a chat model that embeds": ("embed", (SERVING, "modelId"), "openai.gpt-oss-20b", 400, "does not take EMBED"),
    "a retired embedding": ("embed", (SERVING, "modelId"), "cohere.embed-english-v3.0", 404, "not found"),
    "no documents": ("rerank", "documents", [], 400, "documents: empty"),
    "no query": ("rerank", "input", " ", 400, "input: empty"),
    "a topN of nothing": ("rerank", "topN", 0, 400, "topN: 0 is less than 1"),
    "documents that are objects": ("rerank", "documents", [{"text": "a"}], 400, "documents.0: not str"),
    "no text to guard": ("guard", "input", GONE, 400, "input: required"),
    "no configuration": ("guard", CONFIGS, {}, 400, "guardrailConfigs: empty"),
    "no categories": ("guard", (CONFIGS, MODERATED), {}, 400, "categories: required"),
    "an unknown category": ("guard", (CONFIGS, MODERATED, "categories"), ["HATE"], 400, "['HATE'] is not some of"),
    "an unknown kind of personal data": ("guard", (CONFIGS, PERSONAL, "types"), ["SHOE"], 400, "['SHOE'] is not some"),
    "an unknown version": ("guard", "guardrailVersionConfig", {"guardrailVersion": "9.0"}, 400, "Version: 9.0"),
}  # fmt: skip


@pytest.fixture(scope="module")
def oci():
    with LocalOCI(lambda call: "Hello.", embed="hash") as served:
        yield served


def changed(body, where, what):
    found = copy.deepcopy(body)
    if where is None:
        return found | what
    *path, last = where if isinstance(where, tuple) else (where,)
    inner = found
    for name in path:
        inner = inner[name]
    if what is GONE:
        del inner[last]
    else:
        inner[last] = what
    return found


def sent(oci, action, body, **headers):
    request = signed(oci, body if isinstance(body, str) else json.dumps(body), path=ACTIONS + action)
    request.headers.update(headers)
    return requests.Session().send(request)


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_request_is_answered(oci, name):
    answer = sent(oci, *SOUND[name])
    assert answer.status_code == 200, answer.text
    assert answer.headers["opc-request-id"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_service_does_not_take_is_refused_in_its_words(oci, name):
    sound, where, what, status, words = REFUSED[name]
    action, body = SOUND[sound]
    answer = sent(oci, action, changed(body, where, what))
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert set(told) == {"code", "message"}
    assert told["code"] in (str(status), "NotAuthorizedOrNotFound")
    assert words in told["message"]
    assert answer.headers["opc-request-id"]
    assert not oci.calls[-1].answered


@pytest.mark.parametrize("body", ["no json", "[]", "{}", '"text"', ""])
def test_what_is_no_request_is_refused(oci, body):
    answer = sent(oci, "chat", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "400")


def test_a_dedicated_endpoint_takes_every_format(oci):
    endpoint = {"servingType": "DEDICATED", "endpointId": "ocid1.generativeaiendpoint.oc1.us-chicago-1.x"}
    for name in ("cohere", "generic", "vision"):
        action, body = SOUND[name]
        limited = changed(body, (REQUEST, "maxTokens"), 100)
        assert sent(oci, action, limited | {SERVING: endpoint}).status_code == 200


def test_a_retry_token_gives_the_same_answer_without_asking_the_model_again():
    said = iter(["First.", "Second.", "Third."])
    with LocalOCI(lambda call: next(said)) as oci:
        action, body = SOUND["cohere"]
        token = {"opc-retry-token": "T1"}
        texts = [sent(oci, action, body, **token).json()["chatResponse"]["text"] for _ in range(2)]
        other = sent(oci, action, changed(body, (REQUEST, "message"), "Bye?"), **token)
        again = sent(oci, action, body, **{"opc-retry-token": "T2"}).json()["chatResponse"]["text"]
    assert texts == ["First.", "First."]
    assert (other.status_code, other.json()["code"]) == (409, "InvalidatedRetryToken")
    assert again == "Second."


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_answer_has_a_request_id(oci, method):
    for path in ("/20231130/actions/chat", "/nowhere", "/20231130/guardrailVersions"):
        answer = requests.request(method, oci.url + path, timeout=10)
        assert answer.headers["opc-request-id"], path
        assert answer.status_code == 401


def test_the_versions_of_guardrails_are_those_of_a_known_compartment(oci):
    for compartment, status in ((COMPARTMENT, 200), ("ocid1.compartment.oc1..y", 404)):
        request = requests.Request("GET", f"{oci.url}/20231130/guardrailVersions?compartmentId={compartment}").prepare()
        assert requests.Session().send(signer(oci)(request)).status_code == status


def signer(oci):
    return signer_of(*(oci.config[name] for name in ("tenancy", "user", "fingerprint", "key_content")))

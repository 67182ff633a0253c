"""The figures that the service enforces, after `schema` has accepted the shape of a request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.doubles.oci.rules.models import ENDPOINT, ServedModel
from tests.doubles.oci.rules.schema import faults_of

MAX_INPUTS = 96
MAX_GENERATIONS = 5
GUARDRAIL_VERSIONS = ("1.0.0", "1.0.1")
CATEGORIES = frozenset({"OVERALL", "BLOCKLIST"})
PERSONAL_DATA = frozenset({"PERSON", "EMAIL", "TELEPHONE_NUMBER", "ADDRESS"})
_Ranges = dict[str, tuple[float, float]]
_COHERE: _Ranges = {
    "temperature": (0, 1),
    "topP": (0, 1),
    "topK": (0, 500),
    "frequencyPenalty": (0, 1),
    "presencePenalty": (0, 1),
}
_RANGES: dict[str, _Ranges] = {
    "COHERE": _COHERE,
    "COHEREV2": _COHERE,
    "GENERIC": {
        "temperature": (0, 2),
        "topP": (0, 1),
        "topK": (-1, 10_000),
        "frequencyPenalty": (-2, 2),
        "presencePenalty": (-2, 2),
        "numGenerations": (1, MAX_GENERATIONS),
    },
}

Served = Mapping[str, ServedModel]


class Refused(Exception):
    """The service refuses a request.

    Args:
        status: HTTP status.
        code: `code` of the body.
        message: `message` of the body.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def check_chat(body: Any, served: Served, compartments: frozenset[str], chars: int | None = None) -> None:
    """Raise `Refused` unless `body` is a chat request that its model takes; `chars` is the length of its prompt."""
    model = _checked("ChatDetails", body, served, compartments)
    request = body["chatRequest"]
    _refuse(_chat_faults(request, model, -(-(chars or 0) // 4)))


def check_embed(body: Any, served: Served, compartments: frozenset[str]) -> None:
    """Raise `Refused` unless `body` is a request for embeddings that its model takes."""
    model = _checked("EmbedTextDetails", body, served, compartments)
    _refuse(_embed_faults(body, model))


def check_rerank(body: Any, served: Served, compartments: frozenset[str]) -> None:
    """Raise `Refused` unless `body` is a request for ranks that its model takes."""
    _checked("RerankTextDetails", body, served, compartments)
    _refuse(_rerank_faults(body))


def check_guardrails(body: Any, compartments: frozenset[str]) -> None:
    """Raise `Refused` unless `body` is a request that guardrails take."""
    _refuse(faults_of("ApplyGuardrailsDetails", body))
    check_compartment(body["compartmentId"], compartments)
    _refuse(_guardrail_faults(body))


def check_compartment(named: str | None, compartments: frozenset[str]) -> None:
    """Raise `Refused` unless the caller may use the compartment."""
    if named not in compartments:
        raise Refused(404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found.")


def _checked(kind: str, body: Any, served: Served, compartments: frozenset[str]) -> ServedModel:
    _refuse(faults_of(kind, body))
    check_compartment(body["compartmentId"], compartments)
    serving = body["servingMode"]
    if serving["servingType"] == "DEDICATED":
        if not serving["endpointId"].startswith("ocid1.generativeaiendpoint."):
            raise Refused(404, "404", "Entity with key of the endpoint not found")
        return ENDPOINT
    model = served.get(serving["modelId"])
    if model is None or model.retired:
        raise Refused(404, "404", f"Entity with key {serving['modelId']} not found")
    wanted = {"EmbedTextDetails": "EMBED", "RerankTextDetails": "RERANK"}.get(kind) or body["chatRequest"]["apiFormat"]
    if wanted not in model.formats:
        _refuse([f"{serving['modelId']} does not take {wanted}"])
    return model


def _refuse(faults: Any) -> None:
    for fault in faults:
        raise Refused(400, "400", f"Please pass in correct format of request. {fault}")


def _chat_faults(request: dict[str, Any], model: ServedModel, prompt_tokens: int) -> Iterator[str]:
    for name, (least, most) in _RANGES[request["apiFormat"]].items():
        given = request.get(name)
        if given is not None and not least <= given <= most:
            yield f"{name}: {given} is not between {least} and {most}"
    answer = 0
    for name in ("maxTokens", "maxCompletionTokens"):
        given = request.get(name)
        if given is not None:
            answer = max(answer, given)
            if not 1 <= given <= model.output:
                yield f"{name}: {given} is not between 1 and {model.output}"
    if prompt_tokens + answer > model.window:
        yield f"{prompt_tokens} tokens of prompt and {answer} of answer exceed the context length of {model.window}"
    if request["apiFormat"] == "COHERE":
        if not request["message"] and not request.get("toolResults"):
            yield "message: empty"
    elif not request.get("messages"):
        yield "messages: empty"


def _embed_faults(body: dict[str, Any], model: ServedModel) -> Iterator[str]:
    inputs = body.get("inputs") or []
    if not 1 <= len(inputs) <= MAX_INPUTS:
        yield f"inputs: 1 to {MAX_INPUTS} inputs, not {len(inputs)}"
    if not all(inputs):
        yield "inputs: an empty text"
    if body.get("truncate", "NONE") == "NONE" and any(-(-len(text) // 4) > model.window for text in inputs):
        yield f"inputs: longer than {model.window} tokens, and truncate is NONE"
    wanted = body.get("outputDimensions")
    if wanted is not None and wanted not in model.dimensions:
        yield f"outputDimensions: {wanted} is not one of {model.dimensions}"
    if body.get("inputType") == "IMAGE" and not all(text.startswith("data:image/") for text in inputs):
        yield "inputType: IMAGE needs one image"


def _rerank_faults(body: dict[str, Any]) -> Iterator[str]:
    if not body["input"].strip():
        yield "input: empty"
    if not body["documents"]:
        yield "documents: empty"
    for name in ("topN", "maxChunksPerDocument", "maxTokensPerDocument"):
        given = body.get(name)
        if given is not None and given < 1:
            yield f"{name}: {given} is less than 1"


def _guardrail_faults(body: dict[str, Any]) -> Iterator[str]:
    given, configs = body.get("input"), body["guardrailConfigs"]
    if not (given or body.get("multimodalInput")):
        yield "input: required"
    elif given and given["type"] == "TEXT" and not given.get("content"):
        yield "input.content: empty"
    for name, field, known in (
        ("contentModerationConfig", "categories", CATEGORIES),
        ("personallyIdentifiableInformationConfig", "types", PERSONAL_DATA),
    ):
        if configs.get(name) is not None:
            wanted = configs[name][field]
            if not wanted or set(wanted) - known:
                yield f"{name}.{field}: {wanted} is not some of {', '.join(sorted(known))}"
    if not any(value is not None for value in configs.values()):
        yield "guardrailConfigs: empty"
    version = (body.get("guardrailVersionConfig") or {}).get("guardrailVersion", GUARDRAIL_VERSIONS[-1])
    if not any(f"{each}.".startswith(f"{version}.") for each in GUARDRAIL_VERSIONS):
        yield f"guardrailVersion: {version} is not one of {', '.join(GUARDRAIL_VERSIONS)}"

"""What the local OCI's models answer: the extractive model by schema, or a real model behind it."""

from __future__ import annotations

import json

import pytest
from oci.generative_ai_inference import models

from state.roles import ResearchPlan, Review, WrittenDraft
from tests.doubles.oci import LocalOCI, extractive_answers
from tests.doubles.oci_requests import asked, inference
from tests.doubles.openai_server import OpenAIServer
from tests.doubles.openai_server import Reply as Said


class _Vectors:
    def embed_documents(self, texts):
        return [[1.0, 0.0] for _ in texts]


def schema_formats(schema):
    spelled = schema.model_json_schema()
    described = models.ResponseJsonSchema(name=schema.__name__, schema=spelled, is_strict=True)
    generic = models.JsonSchemaResponseFormat(json_schema=described)
    return [
        asked("COHERE", response_format=models.CohereResponseJsonFormat(schema=spelled)),
        asked(response_format=generic),
    ]


@pytest.mark.parametrize("schema", [ResearchPlan, Review, WrittenDraft])
def test_the_extractive_model_fills_the_schema_that_is_asked_for(schema):
    with LocalOCI(extractive_answers(_Vectors())) as oci:
        cohere, generic = (inference(oci).chat(details).data.chat_response for details in schema_formats(schema))
    assert schema.model_validate_json(cohere.text) == schema.model_validate_json(
        generic.choices[0].message.content[0].text
    )


def test_the_extractive_model_reads_a_schema_out_of_the_prompt_and_else_speaks_plainly():
    preamble = f"Answer with one JSON object:\n{json.dumps(ResearchPlan.model_json_schema())}"
    with LocalOCI(extractive_answers(_Vectors())) as oci:
        planned = inference(oci).chat(asked("COHERE", preamble_override=preamble)).data.chat_response.text
        plain = inference(oci).chat(asked("COHERE")).data.chat_response.text
    assert ResearchPlan.model_validate_json(planned).standalone_question
    assert plain
    assert not plain.startswith("{")


def test_a_real_model_can_answer_instead():
    with OpenAIServer(Said("From afar.", usage=(5, 6))) as model, LocalOCI(forward_to=model.base_url) as oci:
        chat = inference(oci).chat(asked("COHERE", preamble_override="Be kind.", max_tokens=9)).data.chat_response
        sent = model.requests[0]
    assert (chat.text, chat.usage.total_tokens) == ("From afar.", 11)
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert sent["max_tokens"] == 9

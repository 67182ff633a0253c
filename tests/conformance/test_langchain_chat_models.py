"""LangChain's own suites for chat models, over the extractive and the scripted one.

Neither calls tools, takes images, or fills a caller's own schema (the extractive one knows the role schemas, the
scripted one says what it is told): the suites skip what those properties switch off. Role schemas are tested in
`tests/gateway`.
"""

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from gateway.extractive.chat import ExtractiveChatModel
from gateway.scripted import ScriptedChatModel


class Extractive:
    @property
    def chat_model_class(self):
        return ExtractiveChatModel

    @property
    def chat_model_params(self):
        return {"embeddings": DeterministicFakeEmbedding(size=16)}

    @property
    def has_tool_calling(self):
        return False

    @property
    def has_structured_output(self):
        return False


class Scripted(Extractive):
    @property
    def chat_model_class(self):
        return ScriptedChatModel

    @property
    def chat_model_params(self):
        return {"script": lambda messages, schema: f"You said: {messages[-1].text}"}


class TestExtractiveUnit(Extractive, ChatModelUnitTests):
    pass


class TestExtractiveIntegration(Extractive, ChatModelIntegrationTests):
    pass


class TestScriptedUnit(Scripted, ChatModelUnitTests):
    pass


class TestScriptedIntegration(Scripted, ChatModelIntegrationTests):
    pass


@pytest.mark.parametrize("model", [Extractive(), Scripted()])
def test_the_suites_run_on_the_models_we_ship(model):
    built = model.chat_model_class(**model.chat_model_params)
    assert built.invoke("hello").text
    assert built.invoke("hello").response_metadata["finish_reason"] == "stop"

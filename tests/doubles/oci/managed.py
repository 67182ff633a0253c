"""Services that hold documents themselves: endpoints of Generative AI Agents, and vector stores on OpenAI's API.

The wire formats are those of the SDKs (`oci.generative_ai_agent_runtime` 2.189, `openai` 2.54). What the services find
is not known, and chosen here: the passages that share a word of four letters or more with the question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oci.generative_ai_agent_runtime.models import ChatDetails

from tests.doubles.oci.delivery import Answer, error_answer, json_answer
from tests.doubles.oci.records import Call

CHAT = "/20240531/agentEndpoints/{id}/actions/chat"
SEARCH = "/openai/v1/vector_stores/{id}/search"

AGENT = "ocid1.genaiagentendpoint.oc1.us-chicago-1.local"
VECTOR_STORE = "vs_ord_local"
SAID = "The agent says this in its own words, which stand in no document."

_WORD = re.compile(r"\w{4,}")
_CHAT_FIELDS = frozenset(ChatDetails().attribute_map.values())
_SEARCH_FIELDS = frozenset({"query", "filters", "max_num_results", "ranking_options", "rewrite_query"})
_MOST_RESULTS = 50


@dataclass(frozen=True)
class Cited:
    """A passage that a service holds."""

    text: str
    title: str = ""
    url: str = ""
    doc_id: str = ""
    pages: tuple[int, ...] = ()


@dataclass(frozen=True)
class Managed:
    """What the services hold: passages by the OCID of an agent's endpoint, and by the id of a vector store."""

    agents: Mapping[str, Sequence[Cited]] = field(default_factory=dict)
    stores: Mapping[str, Sequence[Cited]] = field(default_factory=dict)

    def chat(self, call: Call, endpoint: str) -> Answer:
        """Return the answer of an agent. It never streams here, and knows no session."""
        body = call.body
        if endpoint not in self.agents:
            return error_answer(404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found")
        if body.keys() - _CHAT_FIELDS or not str(body.get("userMessage") or "").strip() or body.get("shouldStream"):
            return error_answer(400, "InvalidParameter", "the body is no ChatDetails that is answered here")
        if body.get("sessionId"):
            return error_answer(404, "NotAuthorizedOrNotFound", "no such session")
        found = _matching(self.agents[endpoint], body["userMessage"])
        content = {"text": SAID, "citations": list(map(_citation, found)), "paragraphCitations": []}
        message = {"role": "AGENT", "content": content, "timeCreated": "2026-11-28T10:00:00.000Z"}
        return json_answer({"message": message, "traces": [], "toolResults": {}, "requiredActions": []})

    def search(self, call: Call, store: str) -> Answer:
        """Return what a vector store finds, best first."""
        body = call.body
        if store not in self.stores:
            return error_answer(404, "NotAuthorizedOrNotFound", "the vector store is not found, or not authorized")
        most = body.get("max_num_results", 10)
        if body.keys() - _SEARCH_FIELDS or not body.get("query") or not 1 <= most <= _MOST_RESULTS:
            return error_answer(400, "InvalidParameter", "the body is no search that is answered here")
        found = _matching(self.stores[store], body["query"])[:most]
        data = [_result(each, score=1 - n / 100) for n, each in enumerate(found)]
        page = {"object": "vector_store.search_results.page", "search_query": [body["query"]], "data": data}
        return json_answer({**page, "has_more": False, "next_page": None})


def _matching(held: Sequence[Cited], question: str) -> list[Cited]:
    asked = set(_WORD.findall(question.lower()))
    return [each for each in held if asked & set(_WORD.findall(each.text.lower()))]


def _citation(cited: Cited) -> dict[str, Any]:
    return {
        "sourceText": cited.text,
        "sourceLocation": {"sourceLocationType": "OCI_OBJECT_STORAGE", "url": cited.url},
        "title": cited.title or None,
        "docId": cited.doc_id or None,
        "pageNumbers": list(cited.pages) or None,
        "metadata": {},
    }


def _result(cited: Cited, score: float) -> dict[str, Any]:
    return {
        "file_id": cited.doc_id,
        "filename": cited.title,
        "score": score,
        "attributes": {},
        "content": [{"type": "text", "text": cited.text}],
    }

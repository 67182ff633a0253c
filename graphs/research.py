"""The research graph: its nodes and edges. README shows the drawing, which is generated from it."""

from __future__ import annotations

import sqlite3
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy

from nodes import Collaborators, PriorWork
from nodes.analyzer import Analyzer
from nodes.error_handlers import branch_failed, input_failed, publish_failed, to_publish, to_what_exists
from nodes.guard_evidence import GuardEvidence
from nodes.guard_input import GuardInput
from nodes.guard_output import GuardOutput
from nodes.human_review import HumanReview
from nodes.publish import Publish
from nodes.researcher import Researcher
from nodes.retrieve import Retrieve
from nodes.reviewer import Reviewer
from nodes.traced import limited, traced
from nodes.verifier import Verifier
from nodes.writer import Writer
from state.channels import ResearchContext, ResearchInput, ResearchOutput, ResearchState, RetrieveInput

ResearchGraph = StateGraph[ResearchState, ResearchContext, ResearchInput, ResearchOutput]


def build_research_graph(
    collaborators: Collaborators, *, node_timeout: float | None = 300.0, memory: PriorWork | None = None
) -> ResearchGraph:
    """Return the graph before compilation. The caller compiles it with a checkpointer and a store.

    Args:
        collaborators: the services that nodes use.
        node_timeout: seconds for one attempt of a node, except `human_review`, where a person answers.
        memory: the memory across threads.
    """
    memory = memory or PriorWork(collaborators)
    graph: ResearchGraph = StateGraph(
        ResearchState, context_schema=ResearchContext, input_schema=ResearchInput, output_schema=ResearchOutput
    )

    def add(
        name: str,
        node: Any,
        handler: Any,
        to: tuple[str, ...] = (),
        seconds: float | None = node_timeout,
        **options: Any,
    ) -> None:
        graph.add_node(
            name,
            limited(name, traced(name, node, to=to), seconds),
            error_handler=handler,
            retry_policy=RetryPolicy(max_attempts=2, initial_interval=0.05, retry_on=is_transient),
            **options,
        )

    add("guard_input", GuardInput(collaborators), input_failed)
    add("researcher", Researcher(collaborators, memory), to_publish("researcher"))
    add("retrieve", Retrieve(collaborators), branch_failed, to=("guard_evidence",), input_schema=RetrieveInput)
    add("guard_evidence", GuardEvidence(collaborators), to_publish("guard_evidence"), to=("analyzer",))
    add("analyzer", Analyzer(collaborators), to_what_exists("analyzer"))
    add("writer", Writer(collaborators), to_what_exists("writer"), to=("verifier",))
    add("verifier", Verifier(collaborators), to_what_exists("verifier"), to=("reviewer",))
    add("reviewer", Reviewer(collaborators), to_what_exists("reviewer"))
    add("human_review", HumanReview(collaborators), to_publish("human_review"), seconds=None)
    add("guard_output", GuardOutput(collaborators), to_publish("guard_output"), to=("publish",))
    add("publish", Publish(collaborators, memory), publish_failed, to=(END,))

    # Nodes that return a `Command` have no static edge: LangGraph would follow both.
    graph.add_edge(START, "guard_input")
    graph.add_edge("retrieve", "guard_evidence")
    graph.add_edge("guard_evidence", "analyzer")
    graph.add_edge("writer", "verifier")
    graph.add_edge("verifier", "reviewer")
    graph.add_edge("guard_output", "publish")
    graph.add_edge("publish", END)
    return graph


def is_transient(error: BaseException) -> bool:
    """Whether a node gets a second attempt. Errors that the gateway classified do not: it has already retried them."""
    # LangGraph's default would retry any plain `Exception`, but neither `OSError` nor `RuntimeError`.
    return isinstance(error, ConnectionError | sqlite3.OperationalError)

"""The rules of access labels as one table: docs/security.md shows it, and a test tries every cell on every surface."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Relation(StrEnum):
    """How a caller stands to the label of a document."""

    OPEN = "no label"
    ALL = "belongs to all its audiences"
    SOME = "belongs to some"
    NONE = "belongs to none"
    OPERATOR = "administrator or operator"


@dataclass(frozen=True)
class Rule:
    """What comes of one operation, for each relation in the order of `Relation`."""

    operation: str
    meaning: str
    outcomes: tuple[str, str, str, str, str]

    def outcome(self, relation: Relation) -> str:
        """Return what comes of the operation for a caller who stands like this to the label."""
        return self.outcomes[list(Relation).index(relation)]


RULES = (
    Rule("search", "passages of the document are found", ("found", "found", "found", "hidden", "found")),
    Rule("ask", "an answer may cite it", ("cited", "cited", "cited", "hidden", "cited")),
    Rule("passage", "a passage is read by its id", ("read", "read", "read", "hidden", "read")),
    Rule("count", "numbers of documents and passages count it", ("counted", "counted", "counted", "hidden", "counted")),
    Rule("list", "the manifest lists it", ("listed", "listed", "listed", "hidden", "listed")),
    Rule("verify", "a report that cites it is checked", ("checked", "checked", "checked", "as if pruned", "checked")),
    Rule(
        "export",
        "an evidence bundle with `texts=readable` of a report that cites it has",
        ("its text", "its text", "its text", "the report's quotes", "its text"),
    ),
    Rule("store", "a new document gets this label", ("stored", "stored", "refused", "refused", "stored")),
    Rule(
        "malform",
        "a new document has a label that is not understood",
        ("refused", "refused", "refused", "refused", "refused"),
    ),
    Rule(
        "replace",
        "new text under its name, without a label",
        ("replaced, label kept", "replaced, label kept", "refused", "stored beside it", "replaced, label kept"),
    ),
    Rule(
        "relabel",
        "new text under its name, for the whole tenant (`*`)",
        ("replaced, open", "replaced, open", "refused", "stored beside it", "replaced, open"),
    ),
    Rule(
        "repeat",
        "its own text once more, without a label",
        ("unchanged", "unchanged", "refused", "stored beside it", "unchanged"),
    ),
    Rule("delete", "it is taken out of search", ("deleted", "deleted", "refused", "nothing happens", "deleted")),
    Rule("prune", "its old versions are deleted", ("pruned", "pruned", "kept", "kept", "pruned")),
)
"""Reading needs one of the audiences, writing all of them: of the old label and of the new one."""

OFFERED = {
    "Python": tuple(rule.operation for rule in RULES),
    "command line": tuple(rule.operation for rule in RULES if rule.operation not in ("passage", "delete")),
    "HTTP": (
        "search",
        "ask",
        "count",
        "list",
        "export",
        "export, default",
        "store",
        "malform",
        "replace",
        "relabel",
        "repeat",
    ),
    "OpenAI-compatible": ("ask",),
    "MCP": ("search", "ask", "passage", "store", "malform", "replace", "relabel", "repeat"),
}
"""What each surface offers. The command line has only the operator as its caller."""


def access_table() -> str:
    """Return the rules and what each surface offers as two Markdown tables."""
    return f"{_rules()}\nWhich surface offers what:\n\n{_surfaces()}"


def _rules() -> str:
    heads = "| operation | what it does | " + " | ".join(Relation) + " |\n"
    rows = [f"| {rule.operation} | {rule.meaning} | {' | '.join(rule.outcomes)} |" for rule in RULES]
    return heads + "|---" * (2 + len(Relation)) + "|\n" + "\n".join(rows) + "\n"


def _surfaces() -> str:
    heads = "| operation | " + " | ".join(OFFERED) + " |\n"
    rows = [
        f"| {rule.operation} | "
        + " | ".join("yes" if rule.operation in offered else "–" for offered in OFFERED.values())
        + " |"
        for rule in RULES
    ]
    return heads + "|---" * (1 + len(OFFERED)) + "|\n" + "\n".join(rows) + "\n"

"""Checks of claims by code: pure functions of texts, without a model."""

from nodes.checks.addresses import addresses, foreign_addresses
from nodes.checks.examine import UNDECIDED, Assertion, Cited, Examined, Span, examine
from nodes.checks.statements import Statement, is_statement, statements
from nodes.checks.verbatim import quoted_span, same_cells
from nodes.checks.words import shared, stems, words

__all__ = [
    "UNDECIDED",
    "Assertion",
    "Cited",
    "Examined",
    "Span",
    "Statement",
    "addresses",
    "examine",
    "foreign_addresses",
    "is_statement",
    "quoted_span",
    "same_cells",
    "shared",
    "statements",
    "stems",
    "words",
]

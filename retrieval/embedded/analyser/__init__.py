"""The words of a text as the keyword index holds them: folded, stemmed, with identifiers whole and in parts.

tantivy's own analysers split at every sign, know one language each, leave out words over 40 bytes and take a run of
Chinese for one word. Its Python package takes no tokenizer written in Python. So this package makes the terms, with
tantivy's stemmers, and the index splits what it is given at blanks only.
"""

from retrieval.embedded.analyser.passages import stemmers_of
from retrieval.embedded.analyser.terms import Asked, indexed_terms, queried_words, single_characters

__all__ = ["ANALYSER", "Asked", "indexed_terms", "queried_words", "single_characters", "stemmers_of"]

ANALYSER = 2
"""The version of this package. Raise it with every change of what a passage becomes: an index of another version is
built anew."""

"""Function words of French, and whether a question is French."""

from __future__ import annotations

from gateway.extractive.ranking import GERMAN_STOP_WORDS, STOP_WORDS, words

_FRENCH = """
    a ai as au aux avec ce ces cet cette combien comment dans de des du elle elles en est et faut il ils je la le les
    leur leurs lui mais me mes moi mon ne nos notre nous on ont ou par pas peut peux plus pour pourquoi puis quand que
    quel quelle quelles quels qui quoi sa sans se ses si son sont sur te tes toi ton tu un une vos votre vous y
    c d j l m n qu s t
"""
FRENCH_WORDS = frozenset(_FRENCH.split())


def is_french(text: str) -> bool:
    """Return whether the function words of `text` are rather French than English or German.

    >>> is_french("Quel est le prix du billet ?"), is_french("Where is the Tour de France?")
    (True, False)
    """
    found = words(text)
    french = sum(word in FRENCH_WORDS for word in found)
    return french > max(sum(word in others for word in found) for others in (STOP_WORDS, GERMAN_STOP_WORDS))

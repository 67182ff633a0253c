"""How much a question asks for: all that the documents say, all members of a list, or any help. Told by its words.

English, German and French.
"""

from __future__ import annotations

import re

_SUMMARY = re.compile(
    r"\b(?:overview|summary|summari[sz]e|sum up|gist|(?:main|key) points|outline|what (?:is|are)(?=.*\babout\b)"
    r"|überblick|übersicht|zusammenfassung|zusammenfassen|fass\w*\b.*\bzusammen"
    r"|aperçu|résumé|résume[rz]?|vue d['’]ensemble)\b",
    re.IGNORECASE,
)
_AUDIENCE = re.compile(
    r"\b(?:for|für|pour)\s+(?:(?:a|an|the|our|my|den|die|das|einen|eine|unsere?n?|le|la|les|un|une|notre)\s+)"
    r"?[\w-]+(?:\s[\w-]+)?\W*$",
    re.IGNORECASE,
)
_GENERIC_WORDS = """
    a about all an and are book books brief briefly can complete content contents corpus could collection document
    documentation documents does entire everything executive file files for full general give guide handbook i in
    information is it key long main make management manual manuals material me need of on our paper papers please points
    provide quick report reports says say short show texts text the them these they this those to us want what whole
    would write you your
    alle alles bitte buch das dem den der des die diese dieser dieses dokument dokumentation dokumente dokumenten ein
    eine einen erstelle ganze ganzen gesamte gesamten gib handbuch handbuchs ich ihr im inhalt kurz kurze kurzen mir uns
    unterlagen von zum zur
    ce ces cette dans de du documents donne donnez faire fais ensemble la le les manuel moi tous tout toute un une
"""
_GENERIC = frozenset(_GENERIC_WORDS.split())
_ALL = re.compile(
    r"\b(?:(?:list|name|enumerate|show|give|tell|find|what are|which are)\b.*?\b(?:all|every|each|full|complete)"
    r"|list (?:the|of)|all of the|(?:what|which)\b.*\bare there"
    r"|(?:nenne|liste|zeige|welche)\b.*\b(?:alle[rns]?|sämtliche[rns]?|gibt es)"
    r"|(?:liste[rz]?|énumère[rz]?|quels? sont|quelles? sont)\b.*\b(?:tous|toutes|les))\b",
    re.IGNORECASE,
)
_HELP = re.compile(
    r"\bwhat (?:can|could|should|shall|must|do) (?:i|we|one) (?:do|try|change|check)\b|\bwhat (?:now|next|to do|else)\b"
    r"|\bany (?:advice|help|hints?|ideas?|suggestions?|tips?)\b|\b(?:advice|help|hints|tips) (?:for|on|with)\b"
    r"|\bplease help\b"
    r"|\bwas (?:kann|soll|muss) (?:ich|man) (?:\w+ )?(?:tun|machen)\b|\bwas tun\b|\bque faire\b",
    re.IGNORECASE,
)
_TROUBLE = re.compile(
    r"^\W*(?:my|our|the|i|we)\b(?!.*\b(?:how|what|when|where|which|who|whom|whose|why)\b).*\b(?:broken|crash\w*|errors?|fail\w*|hang\w*|never"
    r"|no longer|not|problem\w*|slow\w*|stuck|too|trouble\w*|unable|wrong|\w+n['’]t)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]\w*(?:['’]\w+)?")


def is_broad(question: str) -> bool:
    """Return whether `question` asks for a summary of everything, and names no subject.

    >>> is_broad("Summarise the whole handbook"), is_broad("Summarise the rules for refunds")
    (True, False)
    """
    if not _SUMMARY.search(question):
        return False
    left = _SUMMARY.sub(" ", _AUDIENCE.sub(" ", question))
    return all(word.casefold() in _GENERIC for word in _WORD.findall(left))


def asks_for_all(question: str) -> bool:
    """Return whether `question` asks for all members of a list.

    >>> asks_for_all("List all rate tiers"), asks_for_all("Which rate tier is the cheapest?")
    (True, False)
    """
    return bool(_ALL.search(question))


def asks_for_help(question: str) -> bool:
    """Return whether `question` tells of a trouble, or asks for anything that helps, without saying what.

    >>> asks_for_help("My boats are slow, what can I do?"), asks_for_help("How fast are the boats?")
    (True, False)
    """
    return bool(_HELP.search(question) or _TROUBLE.search(question))

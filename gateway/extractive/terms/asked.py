"""What kind of thing a question asks for, and whether a sentence holds such a thing.

Patterns of English and German, and some of French, Spanish, Japanese, Chinese and Korean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from gateway.extractive.ranking import fold, words

Kind = Literal[
    "when", "who", "where", "number", "default", "how_to", "code", "list", "definition", "cause", "yes_no",
    "comparison", "summary",
]  # fmt: skip

_ASKS: Mapping[Kind, str] = {
    "when": r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|century)|\bdate of\b|\bwann\b|\bseit wann\b"
    r"|\bwelche[mns]? (?:jahr|datum|tag|monat)|\b(?:quand|cuando)\b|\bquelle (?:annee|date)|\ben que (?:ano|fecha)"
    r"|いつ|何年|何時|什么时候|哪一?年|언제",
    "who": r"\bwho(?:m|se)?\b|\bwe(?:r|m|n|ssen)\b|^qui\b|\bquien(?:es)?\b",
    "where": r"\bwhere\b|\b(?:what|which) (?:country|city|place|state|town|location|region|nationality)"
    r"|\bplace of\b|\bwo(?:her|hin)?\b|\bwelche[mnrs]? (?:land|stadt|ort|region)|^ou (?:est|se|sont)\b|\bdonde\b",
    "number": r"\bhow (?:many|much|long|large|big|deep|high|far|old|tall|fast|often|wide)\b"
    r"|\bwhat (?:is|are|was) the (?:\w+ )?(?:number|price|cost|size|percentage|limit|rate|age|length|population)"
    r"|\bwie (?:viele?|lange?|gross|hoch|weit|alt|oft|teuer|tief|schnell)\b|\bcombien\b|\bcuant[oa]s?\b"
    r"|いくつ|いくら|何[人個台本枚歳]|多少|[几幾]",
    "default": r"\bdefaults?\b|\bstandardwert|\bvoreinstell|\bstandardmassig"
    r"|\b(?:if|unless) (?:i|you|we|nothing|no\w*) (?:\w+ ){0,2}(?:set|say|specify|configure|give)\b"
    r"|\bif (?:\w+ ){1,3}(?:not|nothing) (?:is )?(?:set|given|specified|configured)\b|\bif i set nothing\b"
    r"|\bif (?:\w+ ){1,4}(?:left out|omitted|unset)\b"
    r"|\b(?:if|when|where) (?:\w+ ){1,4}(?:gives?|sets?|says?|states?|chooses?|names?|passes) (?:none|nothing)\b"
    r"|\bout of the box\b|\bstarts? (?:out|off) (?:as|at|on|with)\b|\binitial (?:value|size|setting)s?\b"
    r"|\b(?:unless|until) (?:\w+ ){0,2}(?:changed|configured|set|told otherwise)\b",
    "how_to": r"\bhow (?:do|can|could|should|would|must|to|does one)\b|\bsteps?\b|\bwie (?:kann|konnen|muss|soll|mach"
    r"|richte|erstelle|stelle|lege|andere|verbinde|installiere|beantrage|aktiviere)\w*|\banleitung\b",
    "code": r"\b(?:code|snippet|syntax|command|example)s?\b|\bbeispiele?\b|\bbefehle?\b",
    "list": r"\blist\b|\bwhat are\b|\bwhich (?:\w+ ){0,3}are\b|\b(?:all|each|every)\b"
    r"|\b(?:types|kinds|ways|options|parts) of\b"
    r"|\bwelche \w+ (?:gibt|sind|hat|haben)\b|\b(?:liste|nenne|alle|jede[rsnm]?)\b",
    "definition": r"^what(?:'s| is| are| was| were) (?:an? |the )?(?:[^\s?]+ ?){1,4}\??$|\bmeans?\b|\bmeaning\b|\bdefin"
    r"|\bwhat does\b|^was (?:ist|sind|bedeutet|heisst)\b",
    "cause": r"\bwhy\b|\bcauses?\b|\breasons?\b|\bwarum\b|\bweshalb\b|\bwieso\b|\bpourquoi\b|\bpor que\b"
    r"|\bursachen?\b|\bgrund\b|\b[a-z]{2,5}-\d{3,5}\b|\berrors?\b|\bfehler",
    "yes_no": r"^(?:is|are|was|were|do|does|did|can|could|has|have|had|should|will|may|must|ist|sind|war|hat|haben|kann"
    r"|darf|muss|gibt|wird)\b",
    "comparison": r"\bdifferen|\bcompar|\bversus\b|\bvs\b|\bunterschied|\bvergleich|\bbetter\b|\bbesser\b",
    "summary": r"\bsummar|\boverview\b|\bkey points\b|\bmain points\b|\bzusammenfass|\bfasse\b|\buberblick\b",
}
_HOLDS: Mapping[Kind, str] = {
    "when": r"\b(?:1\d{3}|20\d\d)\b|\b\d{1,2}(?:st|nd|rd|th)? (?:century|jahrhundert)|\b(?:january|february|march|april"
    r"|june|july|august|september|october|november|december|januar|februar|marz|juni|juli|oktober|dezember)\b"
    r"|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\d{4}[年년]",
    "number": r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|hundred|thousand|million|billion"
    r"|half|zwei|drei|vier|funf|sechs|sieben|acht|neun|zehn|hundert|tausend)\b",
    "default": r"\bdefaults?\b|\bstandard(?:wert|massig)|\bvoreingestellt"
    r"|\b(?:if|unless|when) (?:\w+ ){0,3}(?:not (?:set|given|specified)|omitted|specified otherwise)\b",
    "how_to": r"^(?:to|use|set|call|run|create|add|install|open|click|select|enable|configure|make|pass|choose)\b"
    r"|\b(?:can be|you can|you must|should|is done|by (?:using|setting|calling|passing|creating))\b|\bum .* zu\b"
    r"|\bkonnen sie\b|\bkann man\b",
    "definition": r"\b(?:is|are|was|were) (?:an?|the|any|one of)\b|\b(?:means?|refers? to|defined as|denotes)\b"
    r"|\b(?:ist|sind|war) (?:ein|eine|der|die|das)\b|\b(?:bezeichnet|bedeutet)\b",
    "cause": r"\b(?:because|due to|caus|reason|owing|result of|leads? to|therefore|weil|wegen|ursache"
    r"|grund|aufgrund|daher)",
    "comparison": r"\b(?:whereas|while|unlike|than|both|instead|differ|contrast|however|wahrend|als|hingegen"
    r"|dagegen)\b",
}
_CONDITION = re.compile(
    r"\b(?:when|whenever|once|as soon as|if|unless|until|sobald|wenn|falls)\b"
    r"|\b(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve)"
    r" (?:second|minute|hour|day|week|month|year)s?\b"
)
"""What answers a question for what always happens: "A request is refused when …", "It expires after 30 days"."""

_PAST = frozenset(["did", "was", "were", "had", "year", "date", "wurde", "wurden", "war", "hat", "jahr", "datum"])
"""Words of a question for what happened once, which a date alone answers."""

_ASKED = {kind: re.compile(pattern) for kind, pattern in _ASKS.items()}
_HELD = {kind: re.compile(pattern) for kind, pattern in _HOLDS.items()}
_TYPED: frozenset[Kind] = frozenset(("when", "who", "where", "number"))
_CAPITALISED = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-Z]\w+")
_PLACE = re.compile(r"\b(?:in|at|from|near|of|aus|bei|nach|zu) (?:the |der |dem )?([A-Z]\w+)")


def folded_line(text: str) -> str:
    """Return `text` as the patterns read it: without case and accents, on one line."""
    return " ".join(fold(text).split())


def kinds_of(question: str) -> frozenset[Kind]:
    """Return the kinds of things that `question` asks for.

    >>> sorted(kinds_of("How many pages has it, and when was it written?"))
    ['number', 'when']
    """
    line = folded_line(question)
    found = frozenset(kind for kind, pattern in _ASKED.items() if pattern.search(line))
    # "What is the default of X?" has the form of a question for a definition, and a definition does not answer it.
    return found - {"definition"} if "default" in found else found


def typed(kinds: frozenset[Kind]) -> frozenset[Kind]:
    """Return those of `kinds` that are answered by a date, a number, a person or a place."""
    return kinds & _TYPED


def holds(kind: Kind, sentence: str, line: str, unit_kind: str, known: frozenset[str]) -> bool:
    """Return whether a sentence holds what a question of `kind` asks for.

    Args:
        kind: what is asked for.
        sentence: the sentence.
        line: the sentence folded, as `folded_line` returns it.
        unit_kind: the kind of the unit in which it stands.
        known: the folded words of the question: a name from there is no answer.
    """
    if kind == "code":
        return unit_kind == "code"
    if kind in ("who", "where"):
        found = _CAPITALISED.findall(sentence) if kind == "who" else _PLACE.findall(sentence)
        return any(not known.issuperset(words(each)) for each in found)
    if kind == "when" and known.isdisjoint(_PAST) and _CONDITION.search(line):
        return True
    if kind == "list":
        return unit_kind in ("list", "table") or sentence.count(",") > 1
    if kind == "how_to" and unit_kind in ("list", "code"):
        return True
    if kind == "default" and unit_kind == "table":
        return True
    pattern = _HELD.get(kind)
    return pattern is None or bool(pattern.search(line))

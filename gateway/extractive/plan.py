"""The extractive researcher: completes follow-up questions from the history, and splits questions into parts.

Pure functions over English patterns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from gateway.extractive.bridges import next_questions
from gateway.extractive.named_terms import Name, names
from gateway.extractive.overview import overview_questions
from gateway.extractive.ranking import STOP_WORDS
from state.roles import ResearchPlan

_LIMIT = 6
_REFERENCE = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|this|that|these|those|the (?:former|latter|same)"
    r"|(?-i:er|sie|es|ihn|ihm|ihre?[nmrs]?|sein[ems]?|diese[nmrs]?|davon|dafür|damit|dabei|das(?=\s*[?.!]))"
    r"|(?-i:elles?|cela|ça|ces? derniers?|celles?-ci|ceux-ci|celui-ci|sa|ses|leurs?))(?![\w-])",
    re.IGNORECASE,
)
_PRONOUNS = "it they he she this that these those er sie es elle elles cela ça"
_SUBJECTS = frozenset(_PRONOUNS.split())
_CLAUSE = re.compile(r"[,;:]|\b(?:and|but|or|if|when|because|und|aber|oder|wenn|et|mais|ou|si)\b", re.IGNORECASE)
_ELLIPSIS = re.compile(
    r"^\s*(?:(?:and|but|so|then|und|aber|et|mais)\b|what about|how about|was ist mit|wie ist es mit|why\s*\?|warum\s*\?"
    r"|pourquoi\s*\?|how so|really)",
    re.IGNORECASE,
)
_DOES = re.compile(r"\b(?:do|does|did|can|will|could|should)$", re.IGNORECASE)
_SUBJECT = re.compile(
    r"\b(?:do|does|did|is|are|was|were|can)\s+(?!it\b|they\b|that\b|this\b)(?:the\s+)?\w{4,}\s+\w", re.IGNORECASE
)
_IMPERATIVE = re.compile(
    r"\s*(?:please\s+)?(?:compare|define|describe|explain|find|give|identify|list|name|outline|show|state|summari[sz]e|tell|write)\b",
    re.IGNORECASE,
)
CHOOSES = (
    "first|last|older|oldest|younger|youngest|earlier|later|recently|more|less|fewer|better|worse|longer|shorter"
    "|larger|bigger|smaller"
)
"""Words that ask which of several things is more of something, as a pattern."""

_COMPARES = re.compile(
    rf"\b(both|same|different|differences?|differ|compare[ds]?|comparison|versus|vs|between|out of|{CHOOSES})\b",
    re.IGNORECASE,
)
_LINK = r"\s*(?:,|,?\s*(?:and|or|vs\.?|versus|with|to)(?: (?:the|a|an))?)\s*"
_LINKED = re.compile(rf"(?:,|\b(?:the|a|an)\b)?\s*\0(?:{_LINK}\0)+,?", re.IGNORECASE)
"""Names in a row, each a NUL, with the article before the first one."""

_NEXT_QUESTION = re.compile(
    r"\?\s+(?=[^\W\d_])(?!or\b|and\b)|;\s+|,?\s+and\s+(?=(?:how|what|when|where|which|who|whom|whose|why|does|do|did|is|are|can)\b)",
    re.IGNORECASE,
)
_PAIR = re.compile(
    r"(?:(?:(?<=difference )|(?<=differences ))between|\bcompar(?:e|ison (?:of|between))|\bout of)\s+"
    r"(?P<a>[^,?]+?)\s+(?:and|with|to|or)\s+(?P<b>[^,?]+?)(?=\s*(?:[,?]|\b(?:in terms|for)\b|$))"
    r"|\b(?:do|does|are|is)\s+(?P<e>[^,?]+?)\s+and\s+(?P<f>[^,?]+?)\s+(?=differ\b|compare\b|different\b)"
    r"|(?:^|\b(?:is|are)\s+)(?P<c>[^,?]+?)\s+(?:vs\.?|versus)\s+(?P<d>[^,?]+?)(?=\s*(?:[,?]|$))",
    re.IGNORECASE,
)
_DANGLING = re.compile(r"\b(?:between|compare|from|in|of|on|out of|than|to|versus|vs\.?|with)$", re.IGNORECASE)
_OTHER_FUNCTION_WORDS = """
    als am an auf bei bekommt darf das dem den der des die durch ein eine einem einen einer es für geht gibt haben hat
    hoch ich im in ist kann können lange man mein meine mit muss nach oder sind über und unser unsere viel viele vom von
    wann war warum was welche welcher welches wer wie wir wird wo zu zum zur
    au aux avec ce cette combien comment dans de des du elle en est et il je la le les leur mon nous où on ou par peut
    pour pourquoi quand quel quelle quelles quels que qui quoi sa se ses son sont sur un une vous
"""
"""German and French words that are no topic; English ones are `STOP_WORDS`."""
_BOUNDARY = re.compile(
    rf"\b(?:{'|'.join(sorted({*STOP_WORDS, *_OTHER_FUNCTION_WORDS.split()}))})\b|[^\w\s'’\-]", re.IGNORECASE
)
_WORD = re.compile(r"\w[\w'’\-]*")


def plan(fields: Mapping[str, Any]) -> ResearchPlan:
    """Return the plan for the researcher's prompt fields.

    Read are `question`, `history`, `corpus`, `open_gaps`, `missing` and `max_sub_questions`.
    """
    question = " ".join(str(fields.get("question", "")).split()) or "?"
    standalone = resolve(question, fields.get("history") or [])
    limit = max(1, min(_LIMIT, int(fields.get("max_sub_questions") or _LIMIT)))
    gaps = [str(gap) for gap in fields.get("open_gaps") or []]
    again = _again(gaps, [str(words) for words in fields.get("missing") or []])
    # One side of a comparison would be another question, so a single sub-question is the whole one.
    whole = overview_questions(standalone, fields.get("corpus") or {}, limit)
    parts = again or whole or (split(standalone) if limit > 1 else [standalone])
    # The user's own words are the titles: this model has no others, and nobody needs to judge them.
    headed = len(parts) > 1 and not gaps and not whole
    sections = [part[:1].upper() + part[1:] for part in parts[:limit]] if headed else []
    return ResearchPlan(standalone_question=standalone, sub_questions=parts[:limit], sections=sections)


def _again(gaps: Sequence[str], missing: Sequence[str]) -> list[str]:
    """Return the questions of a later round: what a bridge makes askable, or else the open gaps in other words.

    Of several gaps, each gets one question, in order, so that the run knows which of them is asked again.
    """
    by_gap = [next_questions(words) for words in missing]
    if len(gaps) == len(by_gap) and len(gaps) > 1:
        texts = [(asked[0] if asked else reworded(gap)) for gap, asked in zip(gaps, by_gap, strict=True)]
    else:
        texts = [text for asked in by_gap for text in asked] or [reworded(gap) for gap in gaps]
    return list(dict.fromkeys(text for text in texts if text))


def resolve(question: str, history: list[Mapping[str, str]]) -> str:
    """Return `question`, with the topic of the conversation inserted if the question refers to it.

    >>> resolve("How large is it?", [{"question": "What is Lake Garda?", "answer": ""}])
    'How large is it (Lake Garda)?'
    """
    if not history or not _depends(question):
        return question
    topic = next((found for turn in reversed(history) if (found := _topic(turn.get("question", "")))), "")
    if not topic or topic.casefold() in question.casefold():
        return question
    reference = _REFERENCE.search(question)
    if reference is None:
        return f"{question.rstrip(' ?.!')} ({topic})?"
    return f"{question[: reference.end()]} ({topic}){question[reference.end() :]}"


def split(question: str) -> list[str]:
    """Return the parts of `question`: its single questions, or the sides of a comparison; else the question itself.

    >>> split("Who was born first, Ada Lovelace or Alan Turing?")
    ['Ada Lovelace: who was born first?', 'Alan Turing: who was born first?']
    """
    asked = [part.strip(" ,;?") for part in _NEXT_QUESTION.split(question) if part.strip(" ,;?")]
    if len(asked) > 1:
        topic = _topic(asked[0])
        return [_ended(resolve(part, [{"question": topic}]) if index else part) for index, part in enumerate(asked)]
    return _sides(question) or [question]


def _ended(part: str) -> str:
    """Return `part` with a question mark, or with a full stop if it is a request."""
    bare = part.rstrip(" ?.!")
    return f"{bare}{'.' if _IMPERATIVE.match(bare) else '?'}"


def reworded(text: str) -> str:
    """Return `text` as a different query: its content words, then its names unchanged.

    Used for open gaps, whose original wording found nothing. Names stay whole: a shortened name is another name, and
    could be found although the one in the question is absent.

    >>> reworded("Where did the husband of Beatrice of Bohemia die?")
    'husband die about Beatrice of Bohemia'
    """
    found = [name.text for name in names(text)]
    for name in found:
        text = text.replace(name, " ", 1)
    rest = " ".join(_content(text))
    return f"{rest} about {', '.join(found)}".lstrip() if found else rest


def _depends(question: str) -> bool:
    if _ELLIPSIS.match(question) or (len(_content(question)) <= 1 and not _SUBJECT.search(question)):
        return True
    reference = _REFERENCE.search(question)
    return reference is not None and not any(_antecedent(question, name, reference) for name in names(question))


def _antecedent(question: str, name: Name, reference: re.Match[str]) -> bool:
    """Return whether `reference` may refer to `name`: "How does Vault protect its keys?", "Is Vault free, and is it …".

    In one clause, a name is not the thing that a pronoun stands for: "Which Python versions does it support?".
    """
    start = question.find(name.text)
    if not 0 <= start < reference.start():
        return False
    between = question[start + len(name.text) : reference.start()]
    return reference[0].casefold() not in _SUBJECTS or bool(_CLAUSE.search(between))


def _topic(question: str) -> str:
    """Return the longest name, or else the longest run of content words."""
    inside = re.search(r"\(([^()]+)\)\s*\??$", question)
    found = sorted(names(question), key=lambda name: -len(name.text))
    if found:
        return found[0].text
    if inside:
        return inside[1]
    runs: list[str] = []
    position = 0
    for boundary in (*_BOUNDARY.finditer(question), None):
        run = question[position : boundary.start() if boundary else len(question)].split()
        # "How does thin mode connect": the verb comes last.
        last = boundary is None or boundary[0] in ".?!"
        verb = last and len(run) > 1 and _DOES.search(question[:position].rstrip())
        runs.append(" ".join(run[:-1] if verb else run))
        position = boundary.end() if boundary else position
    # A capital inside a sentence marks a noun in German, and a name elsewhere.
    return max(runs, key=lambda run: (run[:1].isupper() and not question.startswith(run), len(run)), default="")


def _content(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if word.casefold() not in STOP_WORDS]


def _sides(question: str) -> list[str]:
    if not _COMPARES.search(question):
        return []
    return _named_sides(question) or _plain_sides(question)


def _named_sides(question: str) -> list[str]:
    """Return the names linked by `and`, `or` or commas, each with the rest of the question."""
    linked = _linked(question, names(question))
    if len(linked) < 2:
        return []
    rest = question
    for name in linked:
        rest = rest.replace(name.text, "\0", 1)
    rest = _LINKED.sub(" ", rest)
    return [_side(side, rest) for side in _apart(question, [name.text for name in linked])]


def _apart(question: str, linked: list[str]) -> list[str]:
    """Return the sides that `linked` names are: each one, or with its place ("Bath, Maine and Troy, Ohio").

    The last name of a list follows `and` or `or`. Behind a comma it belongs to the name before it.
    """
    text = question[question.find(linked[0]) : question.find(linked[-1]) + len(linked[-1])]
    if "," not in text[: -len(linked[-1])][-2:]:
        return linked
    return [side.strip(" ,") for side in re.split(r"\s(?:and|or|vs\.?|versus)\s", text)]


def _linked(question: str, found: list[Name]) -> list[Name]:
    chain: list[Name] = []
    for left, right in pairwise(found):
        start = question.find(left.text) + len(left.text)
        between = question[start : question.find(right.text, start)]
        if re.fullmatch(_LINK, between, re.IGNORECASE):
            chain = [*chain, right] if chain and chain[-1] is left else [*chain, left, right]
    return chain


def _plain_sides(question: str) -> list[str]:
    question = question.rstrip(" ?.!")
    found = _PAIR.search(question)
    if found is None:
        return []
    pair = [side.strip() for side in found.groups() if side]
    rest = f"{question[: found.start()]} {question[found.end() :]}"
    return [_side(side, rest) for side in pair]


def _side(name: str, rest: str) -> str:
    text = re.sub(r"\s+(?=[,?])", "", " ".join(rest.split())).strip(" ,?.")
    text = _DANGLING.sub("", text).strip(" ,")
    return f"{name}: {text[:1].lower()}{text[1:]}?" if text else f"{name}?"

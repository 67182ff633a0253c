"""Titles that need no judge: words of the question, words that fit over any text, the place of what is cited."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nodes.checks import words
from state.citation_marks import neutralised
from state.places import path_of
from state.values import Passage

_SUPPOSES = re.compile(
    r"\b(?:true|that|if|whether|why|really|rumou?r|wahr|dass|ob|warum|wirklich|vrai|pourquoi|verdad|por qué|vero"
    r"|perché)\b",
    re.IGNORECASE,
)  # a question with such a word may hold an assertion: "Why does Acme sell keys?"
_NAMING_WORDS = 3  # so few words of a question name a thing and assert nothing; a chosen value
_NEUTRAL = """
    summary; short answer; answer; the short answer; in short; in brief; overview; details; more detail; background;
    context; introduction; conclusion; result; results; example; examples; steps; step by step; procedure; notes; table;
    comparison; differences; similarities; explanation; definition; definitions; limitations; exceptions; prerequisites;
    conditions; next steps; see also; conflict; conflicts; conflicting sources; where the sources disagree;
    closest passages
    zusammenfassung; kurze antwort; antwort; überblick; übersicht; einzelheiten; details; beispiel; beispiele; schritte;
    ergebnis; hinweise; vergleich; unterschiede; hintergrund; voraussetzungen; ausnahmen; fazit
    résumé; réponse; aperçu; détails; exemple; exemples; étapes; résultat; comparaison; différences; conclusion
    resumen; respuesta; detalles; ejemplo; ejemplos; pasos; resultado; comparación; diferencias; conclusión
    riepilogo; risposta; dettagli; esempio; esempi; passaggi; risultato; confronto; differenze; conclusione
"""
_VERBS = """
    is isn't are aren't was were be been has have had can can't cannot could does do did will won't would should shall
    must may might not no never if whether that because ist sind war hat haben kann wird nicht kein keine est sont a ont
    peut pas es son está tiene puede è sono ha può non
"""
_ASSERTS = frozenset(_VERBS.split())
"""Words with which three words of a question are an assertion: "Is it true that Acme is bankrupt?"."""
NEUTRAL = frozenset(" ".join(title.split()) for line in _NEUTRAL.splitlines() for title in line.split(";"))
"""Titles that state nothing, in the languages that models write most."""


def needs_no_judge(heading: str, questions: Iterable[str]) -> bool:
    """Return whether `heading` is neutral, or words that the user wrote in a row in one of `questions`.

    Only a few words, or a question: "Is it true that the keys are stored in plain text?" holds a whole assertion, which
    a heading over an answer would confirm.

    >>> needs_no_judge("Free tier", ["What does the free tier allow?"]), needs_no_judge("Tier free", ["the free tier"])
    (True, False)
    """
    said = words(heading)
    if is_neutral(heading):
        return True
    if not _ASSERTS.isdisjoint(said):
        return heading.rstrip().endswith(("?", "？")) and any(
            _stands_in(said, words(question)) for question in questions
        )
    names = len(said) <= _NAMING_WORDS or heading.rstrip().endswith(("?", "？"))
    supposed = [question for question in questions if not _SUPPOSES.search(question)]
    return bool(said) and names and any(_stands_in(said, words(question)) for question in supposed)


def is_place(heading: str, cited: Iterable[Passage]) -> bool:
    """Return whether `heading` is the title with the headings of every passage that is cited under it.

    It says where the text below stands, and nothing else. The path of another passage would say something false.
    """
    places = {neutralised(path_of(passage.title, passage.heading_path)) for passage in cited}
    return places == {neutralised(" ".join(heading.split()))}


def is_neutral(heading: str) -> bool:
    """Return whether `heading` fits over any text."""
    return " ".join(words(heading)) in NEUTRAL


def _stands_in(said: list[str], asked: list[str]) -> bool:
    return any(asked[at : at + len(said)] == said for at in range(len(asked) - len(said) + 1))

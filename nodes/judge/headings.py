"""Headings that need no judge: the question's own words, and words that fit over any text."""

from __future__ import annotations

from collections.abc import Iterable

from nodes.checks import words

_NEUTRAL = """
    summary; short answer; answer; the short answer; in short; in brief; overview; details; more detail; background;
    context; introduction; conclusion; result; results; example; examples; steps; step by step; procedure; notes; table;
    comparison; differences; similarities; explanation; definition; definitions; limitations; exceptions; prerequisites;
    conditions; next steps; see also; conflict; conflicts; conflicting sources; where the sources disagree
    zusammenfassung; kurze antwort; antwort; überblick; übersicht; einzelheiten; details; beispiel; beispiele; schritte;
    ergebnis; hinweise; vergleich; unterschiede; hintergrund; voraussetzungen; ausnahmen; fazit
    résumé; réponse; aperçu; détails; exemple; exemples; étapes; résultat; comparaison; différences; conclusion
    resumen; respuesta; detalles; ejemplo; ejemplos; pasos; resultado; comparación; diferencias; conclusión
    riepilogo; risposta; dettagli; esempio; esempi; passaggi; risultato; confronto; differenze; conclusione
"""
NEUTRAL = frozenset(" ".join(title.split()) for line in _NEUTRAL.splitlines() for title in line.split(";"))
"""Titles that state nothing, in the languages that models write most."""


def needs_no_judge(heading: str, questions: Iterable[str]) -> bool:
    """Return whether `heading` is neutral, or a run of words as the user wrote them in one of `questions`.

    >>> needs_no_judge("Free tier", ["What does the free tier allow?"]), needs_no_judge("Tier free", ["the free tier"])
    (True, False)
    """
    said = words(heading)
    if " ".join(said) in NEUTRAL:
        return True
    return bool(said) and any(_stands_in(said, words(question)) for question in questions)


def _stands_in(said: list[str], asked: list[str]) -> bool:
    return any(asked[at : at + len(said)] == said for at in range(len(asked) - len(said) + 1))

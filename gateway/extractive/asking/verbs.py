"""Words that are verbs in questions, and where a question has its verb. English; no tagger is needed for the rest."""

from __future__ import annotations

from gateway.extractive.ranking import stem

_SURE_WORDS = """
    accept add allow appear apply arrive ask attach attempt avoid
    become begin belong borrow bring build buy carry cause choose
    come compute configure connect consist contain convert create decide define delete deny depend destroy detect
    determine differ disable discover eat enable encrypt ensure exist expect expire explain fail find fit follow forbid
    get give go grow happen hold identify ignore implement improve include increase inherit install invoke keep know
    learn leave listen live lose maintain make manage migrate need obtain occur offer own pay perform prevent produce
    protect provide put raise reach read receive recommend reduce refer refuse reject remain remove rename require
    resolve save see select sell send serve solve specify spend stay survive take tell understand uninstall use validate
    verify wait want wear win write
"""
_OTHER_WORDS = """
    access block book cache call cancel change charge check clean clear close copy cost cover cut delay deploy display
    divide drive drop empty end enter export extend fetch fill fix flush fly format grant handle help host import index
    join last lend limit link load lock log map mark mean merge mount move name open order pause pin plan play post
    press print process pull push query rate release renew rent repair replace report request reset restart restore
    return rotate run schedule scale search set share show shut sort speed split start stop store stream supply support
    switch test track train transfer trigger turn update upgrade view visit walk watch work
"""
SURE = frozenset(stem(word) for word in _SURE_WORDS.split())
"""Stems of verbs that are hardly ever nouns."""

POSSIBLE = SURE | frozenset(stem(word) for word in _OTHER_WORDS.split())
"""These, and stems of verbs that are nouns as often."""

_AUXILIARIES_WORDS = """
    am is are was were be been do does did can could may might must shall should will would has have had
    cannot can't couldn't don't doesn't didn't mustn't shouldn't won't wouldn't isn't aren't wasn't weren't
"""
AUXILIARIES = frozenset(_AUXILIARIES_WORDS.split())
_BE_WORDS = """
    am is are was were be been isn't aren't wasn't weren't
"""
BE = frozenset(_BE_WORDS.split())
_DO_WORDS = """
    do does did can could may might must shall should will would
    cannot can't couldn't don't doesn't didn't mustn't shouldn't won't wouldn't
"""
DO = frozenset(_DO_WORDS.split())
"""Auxiliaries after which the verb itself follows, uninflected."""

_PERSONS_WORDS = """
    i you we one they it he she anybody anyone somebody someone people this that these those
"""
PERSONS = frozenset(_PERSONS_WORDS.split())
"""Words that are a whole subject: what follows them is the verb."""

_DETERMINERS_WORDS = """
    a all an any both each every her his its more most my no our some that the their these this those your
"""
DETERMINERS = frozenset(_DETERMINERS_WORDS.split())
_PREPOSITIONS_WORDS = """
    about after against around at before behind below between by during for from in inside into near of off on
    onto over per since than through to under until up upon via with within without
"""
PREPOSITIONS = frozenset(_PREPOSITIONS_WORDS.split())
_ASKING_WORDS = """
    how what when where which who whom whose why
"""
ASKING = frozenset(_ASKING_WORDS.split())


def is_verb(word: str, before: str, *, among: frozenset[str] = SURE) -> bool:
    """Return whether a lower-case `word` is a verb, with the word `before` it."""
    return word.islower() and stem(word) in among and before not in DETERMINERS

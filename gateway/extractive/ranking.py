"""Words, weights and similarity: how the extractive model compares questions with sentences. Pure functions."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

_WORD = re.compile(r"\w+(?:[.'’\-]\w+)*")
_UNSPACED_SCRIPTS = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
)
"""Thai, Lao, Tibetan, Burmese, Khmer, Japanese, Chinese and Korean, as the keyword index sees them."""

_UNSPACED = re.compile(f"[{_UNSPACED_SCRIPTS}]")
_RUN = re.compile(f"[{_UNSPACED_SCRIPTS}]+|[^{_UNSPACED_SCRIPTS}]+")
_VOICED = "\u3099\u309a"
"""Marks that make another letter of a Japanese one."""

_ASKING = re.compile(
    "でしょうか|ですか|ますか|ください|教えて|何時|いつ|どこ|だれ|誰|どの|どれ|どんな|どう|なぜ|いくつ|いくら|何[人個台本枚歳年]?"
    "|为什么|什么时候|什么|哪里|哪个|哪些|哪|谁|多少|怎么|如何|请问|吗|呢|무엇|누구|어디|언제|몇"
)
"""Words that ask, in Japanese, Chinese and Korean: no word of an answer."""

_PARTICLE = re.compile("^[はがをにのでとへもやかな]|[はがをにのでとへもやかな]$|^[的了是在]|[的了是在]$")
"""Pairs of characters with a particle of Japanese or Chinese: they are no word."""

_POSSESSIVE = re.compile(r"['’][sS]?$")
_FUNCTION_WORDS = """
    a about above after again all also am an and any are as at be because been before being below between both but by
    can could did do does doing during each either else ever every few for from further had has have having he her
    here hers him himself his how i if in into is it its itself just let me more most my neither no nor not of off on
    once one only or other our ours out over own please same shall she should so some such tell than that the their
    theirs them themselves then there these they this those through to too under until up us very was we were what
    when where whether which while who whom whose why will with would you your yours
    explain describe give list mean means many much often
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())
_GERMAN_WORDS = """
    aber alle allen aller alles als also am an auch auf aus bei beim bin bis bist da damit dann darf das dass dein dem
    den denn der des dich die dies diese diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer
    eines er es etwas euch fuer fur gegen gibt haben hat hatte ich ihm ihn ihnen ihr ihre ihren im in ins ist ja jede
    jeder jedes jene kann kein keine konnen man mein mich mir mit muss mussen nach nicht noch nun nur ob oder ohne
    sein seine sich sie sind so soll sollen sowie uber um und uns unser unter viel viele vom von vor wann war waren
    warum was weil welche welchem welchen welcher welches wem wen wenn wer werde werden wessen wie wieso wird wo wofur
    woher wohin wurde wurden zu zum zur zwischen beschreibe erklare fasse gib liste nenne zeige zusammen
"""
GERMAN_STOP_WORDS = frozenset(_GERMAN_WORDS.split())
_FRENCH_WORDS = """
    a ai as au aux avec ce ces cet cette combien comment dans de des du elle elles en est et faut il ils je la le les
    leur leurs lui mais me mes moi mon ne nos notre nous on ont ou par pas peut peux plus pour pourquoi puis quand que
    quel quelle quelles quels qui quoi sa sans se ses si son sont sur te tes toi ton tu un une vos votre vous y
    c d j l m n qu s t
"""
FRENCH_STOP_WORDS = frozenset(_FRENCH_WORDS.split())
_SPANISH_WORDS = """
    a al como con cual cuales cuando cuanta cuantas cuanto cuantos de del desde donde e el ella ellas ellos en entre era
    es esa ese eso esta este esto fue ha hacer hay la las le les lo los me mi mis muy no nos o para pero por porque
    puede puedo que quien quienes se ser si sin sobre son su sus te tiene tu un una uno unos y ya yo
"""
SPANISH_STOP_WORDS = frozenset(_SPANISH_WORDS.split())
_LANGUAGES = (STOP_WORDS, GERMAN_STOP_WORDS, FRENCH_STOP_WORDS, SPANISH_STOP_WORDS)
_SUFFIXES = (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""))


def fold(text: str) -> str:
    """Return `text` without case and accents."""
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(char for char in decomposed if char in _VOICED or not unicodedata.combining(char))
    return unicodedata.normalize("NFC", bare).casefold()


def words(text: str) -> list[str]:
    """Return the folded words of `text`, possessive endings removed, hyphenated words split.

    Scripts without blanks between words become pairs of characters, as in keyword search.

    >>> words("Mr Roe's harbour-side 港町")
    ['mr', 'roe', 'harbour', 'side', '港町']
    """
    found = (_POSSESSIVE.sub("", match[0]) for match in _WORD.finditer(text))
    parts = (part for word in found for part in re.split(r"[\-'’]", fold(word)) if part)
    return [word for part in parts for word in ((part,) if part.isascii() else _pairs(part))]


def _pairs(word: str) -> Iterator[str]:
    """Yield a word, its runs of a script without blanks as pairs of characters."""
    for run in _RUN.findall(word):
        if len(run) > 1 and _UNSPACED.match(run):
            yield from (left + right for left, right in pairwise(run))
        else:
            yield run


def stem(word: str) -> str:
    """Return `word` without its English inflection.

    Deliberately light: a stronger stemmer also merges different words, and a name could match a passage that does not
    contain it.
    """
    for suffix, replacement in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith("ss"):
            return _undoubled(word[: -len(suffix)] + replacement).rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word


def content_terms(text: str) -> list[str]:
    """Return the stems of the content words, in order, once each."""
    found = words(_ASKING.sub(" ", text) if not text.isascii() else text)
    unwanted = _function_words(found)
    return list(dict.fromkeys(stem(word) for word in found if word not in unwanted and not _PARTICLE.search(word)))


def is_german(text: str) -> bool:
    """Return whether the function words of `text` are rather German than of another language.

    >>> is_german("Wie beantrage ich Urlaub?"), is_german("Where did Otto von Bismarck die?")
    (True, False)
    """
    return _function_words(words(text)) is GERMAN_STOP_WORDS


def is_french(text: str) -> bool:
    """Return whether the function words of `text` are rather French than of another language.

    >>> is_french("Quel est le prix du billet ?"), is_french("Where is the Tour de France?")
    (True, False)
    """
    return _function_words(words(text)) is FRENCH_STOP_WORDS


def _function_words(found: Sequence[str]) -> frozenset[str]:
    """Return the function words of the language that has most of `found`; English ones if several have as many."""
    return max(_LANGUAGES, key=lambda known: sum(word in known for word in found))


def inverse_document_frequency(documents: Iterable[Iterable[str]]) -> dict[str, float]:
    """Return one plus the BM25 weight of each term over `documents`.

    The one keeps the topic, a term that all retrieved passages share, from having no weight.
    """
    sets = [frozenset(document) for document in documents]
    counts = Counter(term for terms in sets for term in terms)
    return {term: _weight(len(sets), count) for term, count in counts.items()}


def unseen_weight(documents: int) -> float:
    """Return the weight of a term that occurs in none of `documents` documents."""
    return _weight(documents, 0)


def coverage(wanted: Sequence[str], present: frozenset[str], weights: Mapping[str, float], unseen: float) -> float:
    """Return the weighted share of the `wanted` terms that are `present`, from 0 to 1."""
    total = math.fsum(weights.get(term, unseen) for term in wanted)
    if not total:
        return 0.0
    return math.fsum(weights.get(term, unseen) for term in wanted if term in present) / total


def unit_rows(rows: Sequence[Sequence[float]]) -> Vectors:
    """Return `rows` as a matrix of shape (n, dimensions) with rows of unit length; zero rows stay zero."""
    matrix = np.asarray(rows, dtype=np.float32).reshape(len(rows), -1)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    lengths = np.where(norms == 0, 1, norms)
    return np.divide(matrix, lengths, dtype=np.float32)


def _weight(documents: int, count: int) -> float:
    return 1 + math.log(1 + (documents - count + 0.5) / (count + 0.5))


def _undoubled(word: str) -> str:
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls" else word

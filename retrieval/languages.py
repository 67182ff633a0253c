"""The language of a text, by its script and its commonest words.

Only good enough to tell a planner in which languages to search: a text of a few words, or in a language that is not
listed, gets no answer.
"""

from __future__ import annotations

import re
from collections import Counter

_LETTERS = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")

# Kana before Han: Japanese uses both. Cyrillic, Arabic and Han serve several languages; the commonest is named.
_SCRIPTS = {
    "Japanese": re.compile(r"[\u3040-\u30ff]"),
    "Korean": re.compile(r"[\uac00-\ud7af]"),
    "Chinese": re.compile(r"[\u4e00-\u9fff]"),
    "Russian": re.compile(r"[\u0400-\u04ff]"),
    "Greek": re.compile(r"[\u0370-\u03ff]"),
    "Arabic": re.compile(r"[\u0600-\u06ff]"),
    "Hebrew": re.compile(r"[\u0590-\u05ff]"),
    "Hindi": re.compile(r"[\u0900-\u097f]"),
    "Thai": re.compile(r"[\u0e00-\u0e7f]"),
}
_WORDS = {
    "English": "the of and to is that for with as are by be not this from or which it an was have has",
    "German": "der die das und ist nicht mit von den für ein eine auf dem werden sich auch bei wird zu im oder",
    "French": "le les et des est dans pour que une du sur par pas au qui avec sont ce cette aux ou être",
    "Spanish": "el los las y que en es una por con para del se como más su al lo son esta sus",
    "Portuguese": "os as que em um uma para com não dos da na por mais ao é são pelo pela ou",
    "Italian": "il che è per un una non con del della sono nel gli dei alla da si di anche più",
    "Dutch": "het een en van dat niet met voor op zijn te aan wordt bij ook als door naar worden",
    "Swedish": "och att det som är på för med av en ett den inte till har om kan från vid",
    "Polish": "i w na z do nie się jest że to od przez dla oraz są lub jak po",
    "Turkish": "ve bir bu için ile olarak da de olan daha çok en gibi veya kadar",
    "Danish": "og det at er på for med af en et den ikke til har om kan fra ved eller blev også efter som",
    "Norwegian": "og det å er på for med av en et den ikke til har om kan fra ved eller ble også etter som",
    "Finnish": "ja on ei että se oli ovat mutta myös kuin tai sen joka hän niin kun voi ole mukaan",
    "Hungarian": "az és hogy nem egy volt csak már ez azt vagy mint még kell meg ezt lehet pedig során által",
    "Romanian": "și în de la cu care nu pe este un din pentru mai sunt ca o sau fost prin",
}
_SPEAKING: dict[str, list[str]] = {}
for _language, _listed in _WORDS.items():
    for _each in _listed.split():
        _SPEAKING.setdefault(_each, []).append(_language)
_FEWEST_WORDS = 8
_SHARE = 0.18
"""The least share of common words. A chosen value: prose has more than twice as many, tables and code have fewer."""


def language_of(text: str) -> str:
    """Return the English name of the language of `text`, empty if it cannot be told.

    >>> language_of("Die Frist beginnt mit dem Tag, an dem der Antrag gestellt wird, und endet nach einem Monat.")
    'German'
    """
    if language := _by_script(text):
        return language
    words = _WORD.findall(text.lower())
    if len(words) < _FEWEST_WORDS:
        return ""
    counts = Counter(language for word in words for language in _SPEAKING.get(word, ()))
    # Of two with the same count, the first in the list.
    language = max(_WORDS, key=lambda each: counts[each])
    return language if counts[language] / len(words) >= _SHARE else ""


def _by_script(text: str) -> str:
    if text.isascii():
        return ""
    letters = len(_LETTERS.findall(text)) or 1
    for language, script in _SCRIPTS.items():
        # Less than half: Japanese is mostly Han, and technical texts of any language quote Latin names.
        if len(script.findall(text)) / letters > (0.1 if language == "Japanese" else 0.3):
            return language
    return ""

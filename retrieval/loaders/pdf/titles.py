"""Titles in the metadata of PDF files that their programs wrote, and no author."""

from __future__ import annotations

import re
import unicodedata

_JUNK = re.compile(
    r"""\W* (?: untitled | unnamed | unknown | unspecified | anonymous | none | null | title | no\ title | sans\ titre
            | ohne\ titel | unbenannt | sin\ t[ií]tulo | document | dokument | presentation | powerpoint\ presentation
            | powerpoint-präsentation | présentation\ powerpoint | slides? | layout | scan | scanned | page | sheet
            | spreadsheet | template | no\ job\ name | print | temp | test | draft )
        (?: \ (?: document | presentation | spreadsheet | drawing | page ) )? [\W_\d]*
      | microsoft\ (?: office\ )? \w+ \ - .*
      | (?: https? | file ) : .*
      | (?: [a-z]: )? \S* [\\/] .* \. [a-z0-9]{2,5}
      | .* \. (?: doc[xm]? | dotx? | xlsx? | pptx? | pdf | ps | eps | dvi | rtf | od[tsp] | indd | qx[dp] | pmd | p65 )
      | \S* \. (?: tex | fm | book | x?html? | txt | md | rst | pages | key | ai | pub | cdr | tiff? | jpe?g | png )
      | [\W\d_]*
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What programs write where no title was given: their own words, and names of files."""

_NO_CHARACTERS = frozenset({"Cc", "Co", "Cn", "Cs"})
"""Control characters, private use, and codes that stand for nothing."""


def stated_title(title: str) -> str:
    """Return the title that a file states in its metadata, or an empty string if no person would call the file so."""
    clean = " ".join(title.strip("\0\ufeff").split())
    undecoded = any(unicodedata.category(char) in _NO_CHARACTERS or char == "\ufffd" for char in clean)
    return "" if undecoded or _JUNK.fullmatch(clean) else clean

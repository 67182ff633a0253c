"""Street addresses by their form: number and street as seven languages write them, post boxes, postcodes with a town.

The words of a pattern are bounded in number and length: the time grows with the text alone.
"""

from __future__ import annotations

import re

from state.values import Mask

_NAME = r"[A-ZÀ-ÖØ-ÞŁŚŻŠŽČĐ][\w'’.-]{0,30}"
_NUMBER = r"\d{1,5}[A-Za-z]?(?:[-/]\d{1,4}[a-z]?)?"
_ENGLISH_STREET = (
    r"(?:Street|Str|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Way"
    r"|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Close|Crescent|Grove|Gardens|Mews|Row|Hill|Loop|Trail|Alley|Walk|Broadway)"
)
_ROMANCE_STREET = (
    r"(?:[Rr]ue|[Aa]venue|[Aa]v\.|[Bb]oulevard|[Bb]d|[Pp]lace|[Cc]hemin|[Aa]llée|[Ii]mpasse|[Qq]uai|[Cc]ours)"
)
_SPANISH_STREET = (
    r"(?:[Cc]alle|C/|[Aa]venida|Avda\.?|[Pp]aseo|[Pp]laza|Carrer|Camino|Ronda|Travesía|Glorieta|Rua|Travessa|Praça"
    r"|Via|Viale|Piazza|Corso|Vicolo|Strada|ul\.)"
)
_SMALL = r"(?:(?:de|du|des|della|delle|dei|del|di|do|da|dos|la|las|los|le|les|el|y) |(?:de )?l['’]|d['’]|dell['’])"
_GERMANIC_ENDING = (
    r"(?:straße|strasse|str\.|weg|platz|allee|gasse|damm|ufer|straat|laan|plein|gracht|gatan|gaten|vägen|vej|veien"
    r"|vegen|gade|katu|kuja|utca)"
)
_NO_STREET = (
    r"(?!(?:Speicher|Arbeits|Steck|Stell|Sitz|Park|Studien|Listen|Spiel)platz"
    r"|(?:Lösungs|Rechts|Rechen|Dienst|Aus|Um|Rück|Transport|Ausbildungs)weg)"
)
"""German words that end as streets do, and of which texts tell the number: `Speicherplatz 500 GB`."""
_STATE = (
    r"(?:A[LKZR]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]"
    r"|W[AIVY])"
)
_GAP = r",?[\s>]{1,8}"
_UNIT = rf"(?:{_GAP}(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Wohnung|piso|app)\b\.? ?\w{{1,6}})"
_TOWN = (
    rf"(?:{_GAP}(?:{_NAME} ){{0,2}}{_NAME}{_GAP}{_STATE} \d{{5}}(?:-\d{{4}})?\b"  # Springfield, IL 62704
    rf"|{_GAP}(?:{_NAME},? ){{0,3}}[A-Z]{{1,2}}\d[A-Z\d]? \d[A-Z]{{2}}\b"  # London SW1A 2AA
    rf"|{_GAP}(?:[A-Z]{{1,2}}-)?\d{{4,5}} {_NAME}(?:[ -]{_NAME}){{0,2}}"  # 10115 Berlin
    r")"
)
_CORNER = rf"(?:\d{{1,5}} )?{_NAME}(?: {_NAME}){{0,3}}(?: \d{{1,5}})?"
_FRONT = r"(?:\d{2,5} )?"
_GERMANIC_WORD = r"(?:Straße|Strasse|Str\.|Weg|Platz|Allee|Gasse|Damm|Ufer|utca|u\.|út|útja|tér|tere)"
_BOX = r"(?:P\.? ?O\.? Box|Post[Bb]ox|Postfach|Apartado(?: de [Cc]orreos)?|PSC \d{1,5},? Box|Unit \d{1,5} Box)"
_SAID = "".join(
    rf"|(?<=\b{words} )"
    for words in ("lives at", "lives on", "live at", "live on", "lives in", "address is", "address:")
)
_FORMS = (
    rf"{_NUMBER},? (?!(?:M|B)illion )(?:[NSEW]\.? )?(?:{_NAME} ){{1,4}}{_ENGLISH_STREET}\b\.?",  # 9 Oak Street
    rf"{_NUMBER} (?:{_NAME} ){{0,3}}{_NAME}(?: {_NUMBER})?(?={_UNIT})",  # 55 Kuuse 3, Apt. 641
    rf"{_FRONT}\d{{1,4}}(?: ?(?:bis|ter))?,? {_ROMANCE_STREET} {_SMALL}{{0,3}}{_NAME}(?:[ -]{_SMALL}?{_NAME}){{0,3}}",
    rf"{_FRONT}{_SPANISH_STREET} {_SMALL}{{0,2}}{_NAME}(?: {_SMALL}{{0,2}}{_NAME}){{0,3}},? (?:n[º°o]\.? ?)?{_NUMBER}",
    rf"{_FRONT}{_NO_STREET}[A-ZÀ-ÖØ-Þ][\w-]{{1,30}}?{_GERMANIC_ENDING} {_NUMBER}",  # Hauptstraße 5
    rf"{_FRONT}{_NAME}[ -]{_GERMANIC_WORD} {_NUMBER}",
    rf"{_BOX} \d{{1,6}}",
    rf"(?:[AFD]PO A[AEP]|{_NAME}, {_STATE}) \d{{5}}(?:-\d{{4}})?",  # Springfield, IL 62704
    rf"(?:D|A|CH|F|I|B|L|NL|DE|AT|FR)-\d{{4,5}} {_NAME}",  # D-10115 Berlin
    r"(?:Apt\.|Apartment) \d{1,5}",
    rf"(?<=corner of ){_CORNER} and {_CORNER}",
    rf"(?:{_SAID[1:]})(?:{_FRONT}(?:{_NAME} ){{1,4}}{_NUMBER}|{_NUMBER} {_NAME}(?: {_NAME}){{0,3}})",
)
_ADDRESS = re.compile(rf"(?<![\w.-])(?:{'|'.join(_FORMS)})(?!\w){_UNIT}?{_TOWN}?")


def find_street_addresses(text: str) -> list[Mask]:
    """Return street addresses with the unit, postcode and town that follow them."""
    return [
        Mask(start=found.start(), end=found.start() + len(found[0].rstrip(".")), kind="STREET_ADDRESS")
        for found in _ADDRESS.finditer(text)
    ]

"""Reads RTF: control words change the state of a group, and text goes to the flow that the group belongs to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from retrieval.loaders.rtf.flow import Block, Flow, Paragraph
from retrieval.loaders.rtf.tokens import SYMBOL_CHARSET, Token, encoding_of_charset, encoding_of_page, tokens

_SIGNS = {
    "par": "\n",
    "line": "\n",
    "lbr": "\n",
    "tab": "\t",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "emdash": "—",
    "endash": "–",
    "bullet": "•",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "~": "\xa0",
    "_": "-",
    "{": "{",
    "}": "}",
    "\\": "\\",
    "\n": "\n",
    "\r": "\n",
    "\t": "\t",
}
_SKIPPED = frozenset(
    (
        *("colortbl", "pict", "nonshppict", "fldinst", "objdata", "objclass", "objname", "objalias", "objsect", "sp"),
        *("listtable", "listoverridetable", "revtbl", "rsidtbl", "filetbl", "generator", "themedata", "datastore"),
        *(
            "colorschememapping",
            "latentstyles",
            "bkmkstart",
            "bkmkend",
            "xe",
            "tc",
            "datafield",
            "formfield",
            "shprslt",
        ),
        *(
            "author",
            "operator",
            "subject",
            "keywords",
            "comment",
            "doccomm",
            "company",
            "manager",
            "category",
            "hlinkbase",
        ),
        *("creatim", "revtim", "printim", "buptim", "template", "userprops", "pn", "pnseclvl", "ftnsep", "ftnsepc"),
        *("ftncn", "aftnsep", "aftnsepc", "aftncn", "nonesttables", "private", "passwordhash", "panose", "falt"),
        *("atnid", "atnauthor", "atntime", "atndate", "atnref", "atnparent", "atrfstart", "atrfend", "atnicon", "upr"),
        *("shprslt", "hlinkbase"),
    )
)
"""Destinations that hold no text of the document."""
_KNOWN = frozenset(
    ("shpinst", "shptxt", "footnote", "annotation", "nesttableprops", "listtext", "pntext", "do", "dptxbxtext")
)
"""Destinations that are read though a star says that they may be ignored."""
_HEADERS = frozenset(("header", "headerl", "headerr", "headerf"))
_FOOTERS = frozenset(("footer", "footerl", "footerr", "footerf"))
_NOTES = frozenset(("footnote", "annotation"))
_BOXES = frozenset(("shptxt", "dptxbxtext"))
_HEADING_STYLES = {f"heading {level}": level for level in range(1, 10)}
_BODY_LEVEL = 9
_PLAIN = Paragraph()


@dataclass
class _Group:
    """The state of a group; what is within it begins with the same state."""

    place: str = "body"
    flow: Flow | None = None
    begins: bool = False
    unicode_skip: int = 1
    font: int | None = None
    is_hidden: bool = False
    is_deleted: bool = False
    starred: bool = False
    paragraph: Paragraph = _PLAIN


class Reader:
    """The blocks of a document: `headers`, `body` and `footers`."""

    def __init__(self, data: bytes, *, comments: bool = False) -> None:
        self.title = ""
        self.hidden = 0
        self.headers: list[Block] = []
        self.footers: list[Block] = []
        self._comments = comments
        self._notes = 0
        self._page = "cp1252"
        self._default_font: int | None = None
        self._fonts: dict[int, tuple[int, str | None]] = {}
        self._levels: dict[int, int] = {}
        self._style = 0
        self._name: list[str] = []
        self._bytes = bytearray()
        self._units: list[int] = []
        self._skip = 0
        self._body = Flow()
        self._group = _Group(flow=self._body)
        self._outer: list[_Group] = []
        for token in tokens(data):
            self._take(token)
            if not self._outer and token.kind == "}":
                break  # what follows the document's group is no text
        self._flush()
        self.body = self._body.finish()

    def _take(self, token: Token) -> None:
        if token.kind == "text":
            self._raw(token.data)
        elif token.kind == "byte":
            if self._skip:
                self._skip -= 1
            else:
                self._flush_units()
                self._bytes += token.data
        elif token.kind == "word" and token.value == "u":
            self._unicode(token.number or 0)
        else:
            self._flush()
            self._skip = max(self._skip - 1, 0) if token.kind in ("word", "sign") else 0
            if token.kind == "{":
                self._outer.append(self._group)
                self._group = replace(self._group, begins=True, starred=False)
            elif token.kind == "}":
                self._close()
            elif token.kind == "sign":
                self._sign(token.value)
            else:
                self._word(token.value, token.number)

    def _raw(self, data: bytes) -> None:
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        if skipped < len(data):
            self._flush_units()
            self._bytes += data[skipped:]

    def _unicode(self, number: int) -> None:
        self._flush_bytes()
        self._units.append(number % 0x10000)
        self._skip = self._group.unicode_skip

    def _flush(self) -> None:
        self._flush_bytes()
        self._flush_units()

    def _flush_bytes(self) -> None:
        if self._bytes:
            charset, encoding = self._fonts.get(self._group.font or 0, (0, None))
            text = bytes(self._bytes).decode(encoding or self._page, "replace")
            self._bytes.clear()
            self._text(text.replace("\xb7", "•") if charset == SYMBOL_CHARSET else text)

    def _flush_units(self) -> None:
        if self._units:
            data = b"".join(unit.to_bytes(2, "little") for unit in self._units)
            self._units.clear()
            self._text(data.decode("utf-16-le", "replace"))

    def _text(self, text: str) -> None:
        group = self._group
        group.begins = False
        if group.place in ("fonts", "styles", "title"):
            self._name.append(text)
            if group.place == "styles" and ";" in text:
                self._end_style()
        elif group.flow is None or group.is_deleted:
            return
        elif group.is_hidden:
            self.hidden += len("".join(text.split()))
        else:
            group.flow.text(" " if group.place == "label" and text == "\t" else text)

    def _end_style(self) -> None:
        level = _HEADING_STYLES.get("".join(self._name).strip("; ").lower())
        if level is not None:
            self._levels.setdefault(self._style, level)
        self._name.clear()

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._group.starred = True
        elif sign in ("\n", "\r"):
            self._end_paragraph()
        elif sign in _SIGNS:
            self._text(_SIGNS[sign])

    def _word(self, word: str, number: int | None) -> None:
        group = self._group
        if group.begins or group.starred:
            is_destination = self._enter(word)
            group.begins = group.starred = False
            if is_destination:
                return
        if group.place in ("fonts", "styles") and word in ("f", "fcharset", "cpg", "s", "outlinelevel"):
            self._define(word, number or 0)
        elif word in _SIGNS and word != "par":
            self._text(_SIGNS[word])
        elif not self._of_text(word, number) and group.flow is not None:
            self._of_flow(group.flow, word, number or 0)

    def _enter(self, word: str) -> bool:
        """Change the place of the group if `word` is a destination; return whether it is one."""
        group = self._group
        if group.flow is None and group.place == "nowhere":
            return False
        if word in ("fonttbl", "stylesheet", "title"):
            group.place, group.flow = {"fonttbl": "fonts", "stylesheet": "styles", "title": "title"}[word], None
            self._name.clear()
        elif word == "info":
            group.place, group.flow = "info", None
        elif word in _SKIPPED or (group.starred and word not in _KNOWN and group.place not in ("fonts", "styles")):
            group.place, group.flow = "nowhere", None
        elif word in _HEADERS | _FOOTERS | _NOTES | _BOXES and group.flow is not None:
            group.place, group.flow = word, Flow()
            group.is_hidden = group.is_deleted = False
        elif word in ("listtext", "pntext") and group.flow is not None:
            group.place, group.flow.is_item = "label", True
        elif word == "nesttableprops":
            group.place = "nested"
        else:
            return False
        return True

    def _define(self, word: str, number: int) -> None:
        if word == "f":
            self._group.font = number
        elif word == "s":
            self._style = number
        elif word == "outlinelevel":
            if number < _BODY_LEVEL:
                self._levels[self._style] = number + 1
        else:
            charset, encoding = self._fonts.get(self._group.font or 0, (0, None))
            encoding = (encoding_of_charset if word == "fcharset" else encoding_of_page)(number) or encoding
            self._fonts[self._group.font or 0] = (number if word == "fcharset" else charset, encoding)

    def _of_text(self, word: str, number: int | None) -> bool:
        """Change how text is read; return whether `word` does."""
        group = self._group
        if word == "uc":
            group.unicode_skip = max(number or 0, 0)
        elif word == "deff":
            group.font = self._default_font = number
        elif word == "f":
            group.font = number
        elif word in ("v", "deleted"):
            setattr(group, "is_hidden" if word == "v" else "is_deleted", number != 0)
        elif word == "plain":
            group.font = self._default_font
            group.is_hidden = group.is_deleted = False
        elif word == "ansicpg":
            self._page = encoding_of_page(number or 0) or self._page
        elif word in ("mac", "pc", "pca"):
            self._page = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}[word]
        else:
            return False
        return True

    def _of_flow(self, flow: Flow, word: str, number: int) -> None:
        if word in ("par", "sect", "page"):
            self._end_paragraph()
        elif word == "cell":
            flow.end_cell()
        elif word in ("nestcell", "nestrow"):
            flow.end_nested(", " if word == "nestcell" else "; ")
        elif self._group.place == "nested":
            return
        elif word == "row":
            flow.end_row()
        elif word == "trowd":
            flow.begin_row()
        elif word in ("cellx", "trhdr", "clmrg", "clvmrg"):
            flow.define(word)
        else:
            self._of_paragraph(word, number)

    def _of_paragraph(self, word: str, number: int) -> None:
        group = self._group
        if word == "pard":
            group.paragraph = _PLAIN
        elif word == "intbl":
            group.paragraph = group.paragraph._replace(in_table=True)
        elif word == "s":
            group.paragraph = group.paragraph._replace(style=number)
        elif word == "outlinelevel":
            group.paragraph = group.paragraph._replace(level=number + 1 if number < _BODY_LEVEL else None)

    def _end_paragraph(self) -> None:
        group, paragraph = self._group, self._group.paragraph
        if group.flow is not None and not group.is_deleted:
            level = paragraph.level or self._levels.get(paragraph.style)
            group.flow.end_paragraph(level, in_cell=paragraph.in_table)

    def _close(self) -> None:
        group = self._group
        self._group = outer = self._outer.pop() if self._outer else _Group(flow=self._body)
        if group.place == "title" and outer.place != "title":
            self.title = " ".join("".join(self._name).split())
        elif group.place == "styles" and outer.place == "styles":
            self._end_style()
            self._style = 0
        if group.flow is None or group.flow is outer.flow:
            return
        blocks = group.flow.finish()
        if group.place in _HEADERS | _FOOTERS:
            into = self.headers if group.place in _HEADERS else self.footers
            into += [block for block in blocks if block not in into]
        elif group.place in _BOXES and outer.flow is not None:
            outer.flow.after(blocks)
        elif group.place in _NOTES and outer.flow is not None:
            self._note(outer, group.place, " ".join(" ".join(block.text.split()) for block in blocks))

    def _note(self, outer: _Group, kind: str, text: str) -> None:
        if not text or outer.flow is None or outer.is_deleted or outer.is_hidden:
            return
        if kind == "annotation":
            outer.flow.after([Block(f"[comment: {text}]")] if self._comments else [])
            return
        self._notes += 1
        outer.flow.text(f"[^{self._notes}]")
        outer.flow.after([Block(f"[^{self._notes}]: {text}")])

"""A picture of shares with their intervals, as SVG: a line for each figure, a mark for each series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from experience.evaluation.intervals import Estimate
from experience.evaluation.reliability import Bin

_LINE, _LEFT, _WIDTH, _RIGHT, _TOP = 22, 250, 420, 90, 30
_SIDE, _MARGIN = 320, 50
_COLOURS = ("#2b6cb0", "#b7791f", "#2f855a", "#805ad5", "#c53030", "#4a5568", "#0987a0")

Series = Mapping[str, Estimate]


def drawing(titles: Mapping[str, str], series: Mapping[str, Series]) -> str:
    """Return the figures of one or more series as an SVG document.

    Args:
        titles: the title of each figure, in their order from the top.
        series: for each series, its figures; the axis goes from 0 to 1.
    """
    shown = {key: title for key, title in titles.items() if any(key in each for each in series.values())}
    row = _LINE * max(1, len(series))
    height = _TOP + row * len(shown) + 24 + (_LINE * len(series) if len(series) > 1 else 0)
    parts = [*_axis(_TOP + row * len(shown))]
    for number, (key, title) in enumerate(shown.items()):
        top = _TOP + row * number
        parts.append(_text(_LEFT - 10, top + row / 2 + 4, title, "end"))
        for place, (colour, each) in enumerate(zip(_colours(len(series)), series.values(), strict=True)):
            if key in each:
                parts += _mark(each[key], top + _LINE * place + _LINE / 2, colour)
    if len(series) > 1:
        parts += _legend(list(series), _TOP + row * len(shown) + 34)
    return _document(height, parts, "Shares with their 95 % intervals")


def diagram(series: Mapping[str, Sequence[Bin]]) -> str:
    """Return the reliability diagram as an SVG document: the share of right answers by the probability given.

    Args:
        series: for each series, its bins.
    """
    bottom, right = _TOP + _SIDE, _MARGIN + _SIDE
    diagonal = f'<line x1="{_MARGIN}" y1="{bottom}" x2="{right}" y2="{_TOP}" stroke="#cbd5e0" stroke-dasharray="4"/>'
    frame = f'<rect x="{_MARGIN}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#4a5568"/>'
    parts = [diagonal, frame, _text(_MARGIN, _TOP - 8, "share that holds the answer", "start")]
    for tenth in range(0, 11, 2):
        at = _SIDE * tenth / 10
        parts.append(_text(_MARGIN + at, bottom + 18, f"{tenth / 10:.1f}", "middle"))
        parts.append(_text(_MARGIN - 8, bottom - at + 4, f"{tenth / 10:.1f}", "end"))
    for colour, bins in zip(_colours(len(series)), series.values(), strict=True):
        for each in bins:
            parts += _point(each, colour)
    parts.append(_text(_MARGIN, bottom + 40, "probability given (at the points: numbers of reports)", "start"))
    if len(series) > 1:
        parts += _legend(list(series), bottom + 64, _MARGIN + 6)
    height = bottom + 54 + (_LINE * len(series) if len(series) > 1 else 0)
    return _document(height, parts, "Reliability of the probabilities", right + 40)


def _point(each: Bin, colour: str) -> list[str]:
    x = _MARGIN + _SIDE * each.probability
    low, right, high = (_TOP + _SIDE * (1 - value) for value in (each.right.low, each.right.value, each.right.high))
    return [
        f'<line x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}" stroke="{colour}"/>',
        f'<circle cx="{x:.1f}" cy="{right:.1f}" r="4" fill="{colour}"/>',
        _text(x + 6, right - 6, str(each.right.count), "start"),
    ]


def _document(height: float, parts: Sequence[str], title: str, width: int = _LEFT + _WIDTH + _RIGHT) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" width="{width}" '
        'font-family="sans-serif" font-size="12" role="img">'
    )
    ground = f'<rect width="{width}" height="{height:.0f}" fill="white"/>'
    return "\n".join([head, f"<title>{title}</title>", ground, *parts, "</svg>", ""])


def _axis(bottom: float) -> list[str]:
    parts = []
    for tenth in range(0, 11, 2):
        at = _x(tenth / 10)
        parts.append(f'<line x1="{at:.1f}" y1="{_TOP - 8}" x2="{at:.1f}" y2="{bottom:.0f}" stroke="#cbd5e0"/>')
        parts.append(_text(at, _TOP - 12, f"{tenth / 10:.1f}", "middle"))
    return parts


def _mark(figure: Estimate, at: float, colour: str) -> list[str]:
    low, value, high = (_x(each) for each in (figure.low, figure.value, figure.high))
    return [
        f'<line x1="{low:.1f}" y1="{at:.1f}" x2="{high:.1f}" y2="{at:.1f}" stroke="{colour}" stroke-width="2"/>',
        f'<circle cx="{value:.1f}" cy="{at:.1f}" r="4" fill="{colour}"/>',
        _text(_LEFT + _WIDTH + 10, at + 4, f"{figure.value:.2f} ({figure.count})", "start"),
    ]


def _legend(names: Sequence[str], top: float, left: float = _LEFT) -> list[str]:
    parts = []
    for number, (colour, name) in enumerate(zip(_colours(len(names)), names, strict=True)):
        at = top + _LINE * number
        parts += [
            f'<circle cx="{left}" cy="{at:.1f}" r="4" fill="{colour}"/>',
            _text(left + 12, at + 4, name, "start"),
        ]
    return parts


def _colours(count: int) -> list[str]:
    return [_COLOURS[number % len(_COLOURS)] for number in range(count)]


def _x(share: float) -> float:
    return _LEFT + _WIDTH * min(1.0, max(0.0, share))


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#1a202c">{escape(text)}</text>'

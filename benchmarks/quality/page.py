"""The tables of docs/evaluation.md, written from the JSON file of the benchmark."""

from __future__ import annotations

from pathlib import Path

from benchmarks.quality.figures import COMPARED, SHOWN, SWITCHED, Compared, QualityResult, SetResult
from experience.evaluation import MEASURES, Estimate, Group, Reliability
from experience.evaluation.picture import diagram, drawing
from state.money import dollars

RESULT = Path(__file__).resolve().parents[2] / "docs" / "reference" / "evaluation.json"

_TITLES = {measure.key: measure.title for measure in MEASURES}
_NAMES = {"twowiki": "2WikiMultiHop", "clapnq": "CLAPnq dev", "musique": "MuSiQue, 100 questions"}
_ENOUGH = 30
_PROBABILITY = (
    "The extractive model gives the probability that what it quotes answers a sub-question; the report keeps it among "
    "its events. Taken is the highest of a report. Right is a report that holds the answer; one on a question that is "
    "not answerable is wrong. A good probability of 0.7 is right in seven of ten reports."
)
_MONEY = {measure.key for measure in MEASURES if measure.unit == "micro_usd"}
_COUNTED = {measure.key for measure in MEASURES if measure.unit != "share"}


def figures() -> str:
    """Return the tables of the checked-in result."""
    return tables(_result())


def reliability() -> str:
    """Return the table of the probabilities of the checked-in result, with what they mean."""
    told = _reliabilities()
    if not told:
        return "The reports of the run above give no probabilities.\n"
    rows = [
        [
            name,
            f"{each.low:.1f} to {each.high:.1f}",
            f"{each.probability:.2f}",
            _cell("", each.right),
            f"{each.right.count}",
        ]
        for name, found in told.items()
        for each in found.bins
    ]
    errors = ", ".join(f"{name} {found.error:.3f} (Brier score {found.brier:.3f})" for name, found in told.items())
    table = _table(["set", "probability", "mean", "right", "reports"], rows)
    picture = "![Share of right answers by the probability given](reference/reliability.svg)"
    over = f"Reports with claims, whatever their status. Expected calibration error: {errors}."
    return "\n\n".join([_PROBABILITY, over, table, picture]) + "\n"


def reliability_picture() -> str:
    """Return the reliability diagram of the checked-in result."""
    return diagram({name: found.bins for name, found in _reliabilities().items()})


def picture() -> str:
    """Return a picture of the share of answers in the claims: the graph and the baselines, on each set and group."""
    titles: dict[str, str] = {}
    series: dict[str, dict[str, Estimate]] = {"the whole graph": {}}
    for each in _result().sets:
        for group in each.groups if len(each.groups) == 1 else each.groups[1:]:
            if "answer_in_claims" in group.figures:
                key = f"{each.name}/{group.name}"
                titles[key] = _titled(each, group)
                series["the whole graph"][key] = group.figures["answer_in_claims"]
                for other in each.baselines:
                    found = next(one for one in other.groups if one.name == group.name)
                    series.setdefault(other.name, {})[key] = found.figures["answer_in_claims"]
    return drawing(titles, series)


def _result() -> QualityResult:
    return QualityResult.model_validate_json(RESULT.read_bytes())


def _reliabilities() -> dict[str, Reliability]:
    named = {_NAMES.get(each.name, each.name): each.reliability for each in _result().sets}
    return {name: found for name, found in named.items() if found is not None}


def tables(result: QualityResult) -> str:
    """Return all tables as Markdown."""
    parts = [
        f"Measured on {result.date} ({result.machine}); intervals in brackets.",
        _summary(result),
        "![Answers in the claims, the graph and the baselines](reference/answers.svg)",
    ]
    for each in result.sets:
        parts += [f"### {_NAMES.get(each.name, each.name)}", _about(each), _whole(each), *_baselines(each)]
        if each.ablations:
            parts += _ablations(each)
    return "\n\n".join(parts) + "\n"


def _summary(result: QualityResult) -> str:
    """Return the table of what matters most, a row for each group."""
    rows = []
    for each in result.sets:
        for group in each.groups if len(each.groups) == 1 else each.groups[1:]:
            abstained = group.figures.get("absent_abstained") or group.figures.get("answerable_abstained")
            rows.append(
                [
                    _titled(each, group),
                    str(group.questions),
                    *(_cell(key, group.figures.get(key)) for key in ("evidence_read@10", "answer_in_claims")),
                    *_best_baseline(each, group),
                    # Of absent questions, every answer is wrong: how many there are stands in the next column.
                    _cell("", group.figures.get("answered_wrong")) if "answer_in_claims" in group.figures else "",
                    _cell("", abstained),
                ]
            )
    head = ["group", "questions", "evidence, first 10 documents", "answer in the claims", "best baseline"]
    return _table([*head, "difference to it", "answered wrongly", "abstained"], rows)


def _best_baseline(each: SetResult, group: Group) -> tuple[str, str]:
    """Return the baseline with most answers, with its figure, and the graph's difference to it."""
    found = []
    for other in each.baselines:
        figures = next((one.figures for one in other.groups if one.name == group.name), {})
        if "answer_in_claims" in figures:
            found.append((figures["answer_in_claims"].value, other))
    if not found:
        return "", ""
    value, best = max(found, key=lambda pair: pair[0])
    told = best.differences[group.name].get("answer_in_claims")
    return f"{best.name}: {value:.3f}", _signed("answer_in_claims", told)


def _titled(each: SetResult, group: Group) -> str:
    title = _NAMES.get(each.name, each.name)
    return title if group.name == "all" else f"{title}, {group.name}"


def _about(each: SetResult) -> str:
    sample = ", a sample chosen by digests of the ids" if each.sampled else ""
    return f"{each.questions} questions{sample}. The whole graph, by group:"


def _whole(each: SetResult) -> str:
    groups = each.groups if len(each.groups) == 1 else (*each.groups[1:], each.groups[0])
    rows = [
        [_TITLES[key], *(_cell(key, group.figures.get(key)) for group in groups)]
        for key in SHOWN
        if any(key in group.figures for group in groups)
    ]
    rows.append(["seconds, median and 95th percentile", *map(_seconds, groups)])
    return _table(["figure", *(_group_name(group) for group in groups)], rows)


def _baselines(each: SetResult) -> list[str]:
    """Return a table for each group with answerable questions: the graph's figure, the baselines', the differences."""
    found = []
    for group in each.groups if len(each.groups) == 1 else each.groups[1:]:
        if "answer_in_claims" in group.figures:
            title = "" if group.name == "all" else f", {group.name}"
            found.append(f"Against the baselines{title} (their figure, then the graph's minus theirs, paired):")
            found.append(_comparison(each.baselines, group, COMPARED))
    return found


def _comparison(others: tuple[Compared, ...], ours: Group, keys: tuple[str, ...]) -> str:
    shown = [key for key in keys if key in ours.figures]
    rows = []
    for other in others:
        figures = next((group.figures for group in other.groups if group.name == ours.name), {})
        told = other.differences.get(ours.name, {})
        cells = [f"{_short(key, figures.get(key))}; {_signed(key, told.get(key))}" for key in shown]
        rows.append([other.name, *cells])
    graph = ["the whole graph", *(_cell(key, ours.figures[key]) for key in shown)]
    return _table(["", *(_TITLES[key] for key in shown)], [graph, *rows])


def _ablations(each: SetResult) -> list[str]:
    told = [one.differences["all"] for one in each.ablations]
    keys = [key for key in SWITCHED if any(key in differences for differences in told)]
    rows = [
        [f"{one.name} (`{one.switch}`)", *(_signed(key, differences.get(key)) for key in keys)]
        for one, differences in zip(each.ablations, told, strict=True)
    ]
    count = each.ablations[0].questions
    about = f"What each part adds, {count} questions of all groups: the whole graph minus the graph without it, paired:"
    return [about, _table(["without", *(_TITLES[key] for key in keys)], rows)]


def _group_name(group: Group) -> str:
    return f"{group.name} ({group.questions})"


def _cell(key: str, figure: Estimate | None) -> str:
    if figure is None:
        return ""
    return f"{_number(key, figure.value)} [{_number(key, figure.low)}, {_number(key, figure.high)}]"


def _short(key: str, figure: Estimate | None) -> str:
    return "–" if figure is None else _number(key, figure.value)


def _signed(key: str, figure: Estimate | None) -> str:
    if figure is None:
        return "–"
    low, value, high = (_number(key, each, "+") for each in (figure.low, figure.value, figure.high))
    # Of few questions, an interval is narrow by chance.
    bold = "**" if figure.count >= _ENOUGH and (figure.low > 0 or figure.high < 0) else ""
    return f"{bold}{value}{bold} [{low}, {high}]"


def _number(key: str, value: float, sign: str = "") -> str:
    if key in _MONEY:
        return f"{sign if value >= 0 else ''}{dollars(round(value))}"
    if key not in _COUNTED:
        return f"{value:{sign}.3f}"
    return f"{value:{sign}.0f}" if abs(value) >= 20 else f"{value:{sign}.1f}"


def _seconds(group: Group) -> str:
    if group.seconds_p50 is None or group.seconds_p95 is None:
        return ""
    return f"{group.seconds_p50:.2f}; {group.seconds_p95:.2f}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

"""The simulation of docs/scaling.md agrees with queueing theory, and the tables are what it prints."""

from __future__ import annotations

import math
import re
from dataclasses import fields
from pathlib import Path

import pytest

from benchmarks.scale.model import Inputs, simulated
from benchmarks.scale.tables import CASES, HEAD, REPLICAS, rows

DOC = (Path(__file__).resolve().parents[2] / "docs" / "scaling.md").read_text(encoding="utf-8")


def closed_form(customers: int, away: float, service: float, servers: int) -> float:
    """Return the throughput of a closed network: `customers` who are away for a while, then queue for a server.

    The weight of the state with `n` of them at the station is that of M/M/c with a finite source (Gordon and Newell).
    """
    weights = [
        away ** (customers - n)
        / math.factorial(customers - n)
        * math.prod(service / min(i, servers) for i in range(1, n + 1))
        for n in range(customers + 1)
    ]
    served = sum(weight * min(n, servers) for n, weight in enumerate(weights)) / sum(weights)
    return served / service


@pytest.mark.parametrize(("places", "cores"), [(8, 1), (12, 3)])
def test_the_database_alone_is_a_queue_of_the_closed_form(places, cores):
    given = Inputs(
        places=places, calls=1, call_seconds=0.4, cpu_seconds=0, trips=10, ledger_trips=0, held_trips=0,
        trip_seconds=0, statement_seconds=0.01, database_cores=cores,
    )  # fmt: skip
    expected = closed_form(places, 0.4, 10 * 0.01, cores)
    found = simulated(given, 1)
    assert found.runs_per_second == pytest.approx(expected, rel=0.03)
    assert found.database_busy == pytest.approx(expected * 0.1 / cores, rel=0.03)


def test_the_row_of_a_tenant_is_a_queue_of_one_server():
    given = Inputs(
        places=8, calls=1, call_seconds=0.4, cpu_seconds=0, trips=0, ledger_trips=5, held_trips=5,
        trip_seconds=0.01, statement_seconds=0, database_cores=8,
    )  # fmt: skip
    assert simulated(given, 1).runs_per_second == pytest.approx(closed_form(8, 0.4, 2 * 5 * 0.01, 1), rel=0.03)


def table_of(case):
    section = DOC.split(f"**{case}**", 1)[1].lstrip("\n")
    return section.split("\n\n", 1)[0].splitlines()


@pytest.mark.parametrize("case", CASES)
def test_the_doc_has_a_row_for_each_number_of_replicas(case):
    head, line, *shown = table_of(case)
    assert (head, line) == HEAD
    assert [int(re.match(r"\| (\d+) ", each)[1]) for each in shown] == list(REPLICAS)


def test_the_first_row_is_what_the_simulation_prints():
    case = next(iter(CASES))
    assert table_of(case)[2] == next(rows(case, (1,)))


@pytest.mark.long
@pytest.mark.parametrize("case", CASES)
def test_every_row_is_what_the_simulation_prints(case):
    assert table_of(case)[2:] == list(rows(case))


def test_the_table_of_inputs_names_each_with_its_value():
    told = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", DOC, re.MULTILINE))
    varied = ("tenants", "call_seconds")
    given = {each.name: float(getattr(Inputs(), each.name)) for each in fields(Inputs) if each.name not in varied}
    assert {name: float(value) for name, value in told.items()} == given

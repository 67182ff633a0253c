"""`sixplane prune`: counts what is older than the settings keep, and deletes it."""

import asyncio
import json
import os
import time

from typer.testing import CliRunner

from experience.cli.app import app
from gateway import Ledger
from settings import load_settings
from state.values import Usage

YEAR_SECONDS = 366 * 86_400


def run(home, *arguments, **env):
    env = {"SIXPLANE_HOME": str(home), **env}
    return CliRunner().invoke(app, ["prune", *arguments], env=env)


def filled(home):
    async def spend():
        ledger = Ledger(load_settings(home=home))
        held = await ledger.reserve("local", "run", "a", 10, None)
        await ledger.settle(held, Usage(calls=1, cost_micro_usd=7), "the answer")
        await ledger._run(lambda c: c.exec_driver_sql("UPDATE ledger_calls SET lease_until = 0"))
        await ledger.aclose()

    asyncio.run(spend())
    (home / "traces").mkdir(exist_ok=True)
    (home / "unsettled").mkdir(exist_ok=True)
    for old in (home / "traces" / "2020-01-01.000001.jsonl", home / "unsettled" / "half.new"):
        old.write_text("{}\n")
        os.utime(old, (time.time() - YEAR_SECONDS,) * 2)


async def usage(home):
    ledger = Ledger(load_settings(home=home))
    used = await ledger.usage("local", "run")
    await ledger.aclose()
    return used


def test_a_dry_run_counts_what_goes_and_nothing_goes_before(tmp_path):
    filled(tmp_path)
    expected = {"threads": 0, "reports": 0, "checkpoints": 0, "calls": 1, "runs": 0, "memos": 1, "alerts": 0}
    expected |= {"settlements": 1, "trace_files": 1, "trace_bytes": 3}
    for _ in range(2):
        dry = run(tmp_path, "--dry-run", "--json")
        assert json.loads(dry.stdout) == {"dry_run": True, **expected}, dry.output
    shown = run(tmp_path, "--dry-run")
    assert "calls\t1\t400 days" in shown.stdout
    assert "threads\t0\tever" in shown.stdout
    assert "nothing was deleted" in shown.stderr
    assert json.loads(run(tmp_path, "--json").stdout) == {"dry_run": False, **expected}
    assert set(json.loads(run(tmp_path, "--json").stdout).values()) == {False}
    assert asyncio.run(usage(tmp_path)) == Usage(calls=1, cost_micro_usd=7)


def test_memos_that_would_outlive_their_calls_are_bad_input(tmp_path):
    refused = run(tmp_path, SIXPLANE_RETENTION__CALLS_DAYS="20")
    assert refused.exit_code == 2
    assert "`memos_days` may not be more than `calls_days`" in refused.stderr

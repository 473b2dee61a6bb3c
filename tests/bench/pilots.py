"""Moments of a pilot's metrics from a frame and from DuckDB, gates and effects, and the calibration of a usual pilot: each
beside its goal, a baseline of the same run, and the memory it takes."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from workbook.period import Period
from workbook.pilots.boundaries import limits
from workbook.pilots.checks import check_pilots
from workbook.pilots.effects import measure_effects
from workbook.pilots.moments import moments_by_arm, moments_in_database
from workbook.pilots.playing import TRIALS, play
from workbook.settings.models import Metric, Settings
from workbook.tables import Tables, count_filled, empty_tables

UNITS = 1_000_000
MANY = 100_000_000
LARGE = 2_000_000
METRICS = [f"m{k}" for k in range(5)]


def compare(place: Path) -> None:
    """Print the figures, each part in a process of its own, so that its memory is its own."""
    for part in (_moments, _many, _stage, _calibration):
        sys.stdout.flush()
        if (child := os.fork()) == 0:
            part(place)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            raise SystemExit(f"failed: {part.__name__}")


def _frame() -> tuple[pd.DataFrame, float]:
    """A million units, and the seconds that pandas takes to group them."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.lognormal(3, 1, UNITS) for name in METRICS})
    frame["arm"] = rng.choice(["control", "letter", "call"], UNITS)
    return frame, _seconds(lambda: frame.groupby("arm")[METRICS].agg(["count", "mean", "var"]))


def _moments(place: Path) -> None:
    frame, plain = _frame()
    took = _seconds(lambda: moments_by_arm(frame, "arm", METRICS))
    _show("1 million units, 5 metrics, 3 arms: frame", took, 1.0, plain)
    with duckdb.connect(str(place / "units.duckdb"), config={"threads": 1, "memory_limit": "900MB"}) as connection:
        connection.execute("create table units as select * from frame")
        wanted = {name: name for name in METRICS}
        took = _seconds(lambda: moments_in_database(connection, "units", "arm", wanted))
        _show("the same in DuckDB, one thread", took, 0.3, plain)


def _many(place: Path) -> None:
    """One metric of 100 million units; the baseline is DuckDB's own count, mean and variance by arm."""
    with duckdb.connect(str(place / "many.duckdb"), config={"threads": 1, "memory_limit": "700MB"}) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(
            f"create table many as select (range % 3)::tinyint as arm, (hash(range) % 10007)::float as m from range({MANY})"
        )
        plain = _seconds(
            lambda: connection.execute("select arm, count(m), avg(m), var_samp(m) from many group by 1").fetchall()
        )
        took = _seconds(lambda: moments_in_database(connection, "many", "arm", {"m": "m"}))
        _show("100 million units, 1 metric, in DuckDB", took, 20.0, plain, "plain SQL", "1 GB")


def _stage(place: Path) -> None:
    _, plain = _frame()
    with duckdb.connect(config={"threads": 1, "temp_directory": str(place / "spill")}) as connection:
        connection.execute("set enable_progress_bar = false")
        delivered, plan = _large(connection)
        checks = check_pilots(delivered, plan)
        took = _seconds(lambda: check_pilots(delivered, plan)) + _seconds(lambda: measure_effects(delivered, plan, checks))
        _show("stage 5 of 2 million units, 1 metric: gates and effects", took, None, plain)


def _calibration(place: Path) -> None:
    """A usual pilot of 5,000 units and 5 looks; the baseline draws the same units without judging them."""
    rng = np.random.default_rng(0)
    history = rng.lognormal(3, 1, 5000)
    times = [k / 5 for k in range(1, 6)]
    looks = list(zip(times, limits(times), strict=True))
    metric = Metric(id="m", name="m", margin=1.0)
    guard = Metric(id="g", name="g", kind="proportion", unit="share", margin=0.02, guardrail=True)
    plain = _seconds(lambda: [rng.permuted(history) for _ in range(TRIALS)])
    took = _seconds(lambda: play(history, (2500, 2500), looks, metric, 0.05, rng))
    _show(f"calibration: {TRIALS:,} pilots of 5,000 units, 5 looks", took, 20.0, plain, "drawing alone")
    both = np.column_stack([history, history > 40])
    took = _seconds(lambda: play(both, (2000, 1500, 1500), looks, metric, 0.025, rng, guardrails=[guard]))
    _show("the same with 2 arms and a guardrail", took, 20.0, plain, "drawing alone")


def _large(connection: duckdb.DuckDBPyConnection) -> tuple[Tables, Settings]:
    """A pilot that stays in the database."""
    period = Period.parse("2025Q4")
    empty_tables(period, connection)
    unit = "'u' || lpad(range::varchar, 9, '0')"
    connection.execute(
        f"""insert into assignments (pilot, unit_id, arm, assigned_at)
            select 'mail', {unit}, case when hash(range) % 2 = 0 then 'control' else 'treatment' end, date '2025-10-01'
            from range({LARGE})"""
    )
    connection.execute(
        f"""insert into outcomes (pilot, unit_id, metric, value, measured_at)
            select 'mail', {unit}, 'spend', (hash(range + 1) % 10007)::double, date '2025-12-01' from range({LARGE})"""
    )
    filled = {name: count_filled(connection, name) for name in ("assignments", "outcomes")}
    plan = Settings(
        client={"name": "bench"},
        pilots=[{"id": "mail", "name": "Mail", "starts": "2025-10-01", "ends": "2025-12-20",
                 "metrics": [{"id": "spend", "name": "Spend", "unit": "money", "margin": 10}]}],
    )  # fmt: skip
    return Tables(connection, period, filled), plan


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _show(
    name: str, seconds: float, goal: float | None, plain: float, baseline: str = "pandas groupby of 1 million", memory: str = ""
) -> None:
    """One line: seconds, goal, times the baseline, and the most memory that this process has taken."""
    took = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wanted = "no goal" if goal is None else f"goal {goal:g} s"
    most = f" (goal {memory})" if memory else ""
    print(
        f"{name:<56} {seconds:6.2f} s ({wanted}) {seconds / plain:7.2f} × {baseline} ({plain:.2f} s) {took:6.0f} MB{most}",
        flush=True,
    )

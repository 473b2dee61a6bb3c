"""Moments of a pilot's metrics from a frame and from DuckDB beside pandas' groupby, and the calibration of a usual pilot."""

from __future__ import annotations

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
    """Print the figures."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.lognormal(3, 1, UNITS) for name in METRICS})
    frame["arm"] = rng.choice(["control", "letter", "call"], UNITS)
    plain = _seconds(lambda: frame.groupby("arm")[METRICS].agg(["count", "mean", "var"]))
    _show("1 million units, 5 metrics, 3 arms: frame", _seconds(lambda: moments_by_arm(frame, "arm", METRICS)), plain)
    with duckdb.connect(str(place / "units.duckdb"), config={"threads": 1, "memory_limit": "900MB"}) as connection:
        connection.execute("create table units as select * from frame")
        wanted = {name: name for name in METRICS}
        _show(
            "the same in DuckDB, one thread", _seconds(lambda: moments_in_database(connection, "units", "arm", wanted)), plain
        )
        connection.execute(
            f"create table many as select (range % 3)::tinyint as arm, (hash(range) % 10007)::float as m from range({MANY})"
        )
        took = _seconds(lambda: moments_in_database(connection, "many", "arm", {"m": "m"}))
        _show("100 million units, 1 metric, within 900 MB", took, plain)
    with duckdb.connect(config={"threads": 1, "temp_directory": str(place / "spill")}) as connection:
        delivered, plan = _large(connection)
        checks = check_pilots(delivered, plan)
        took = _seconds(lambda: check_pilots(delivered, plan)) + _seconds(lambda: measure_effects(delivered, plan, checks))
        _show("stage 5 of 2 million units, 1 metric: gates and effects", took, plain)
    times = [k / 5 for k in range(1, 6)]
    looks = list(zip(times, limits(times), strict=True))
    metric = Metric(id="m", name="m", margin=1.0)
    history = frame["m0"].to_numpy()[:5000]
    took = _seconds(lambda: play(history, (2500, 2500), looks, metric, 0.05, rng))
    _show(f"calibration: {TRIALS:,} pilots of 5,000 units, 5 looks", took, plain)


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


def _show(name: str, seconds: float, plain: float) -> None:
    print(f"{name:<52} {seconds:6.2f} s   {seconds / plain:6.2f} × pandas groupby of 1 million ({plain:.2f} s)", flush=True)

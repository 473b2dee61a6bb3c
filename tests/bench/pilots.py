"""Moments of a pilot's metrics from a frame and from DuckDB beside pandas' groupby, and the calibration of a usual pilot."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from workbook.pilots.boundaries import limits
from workbook.pilots.calibration import TRIALS, play
from workbook.pilots.moments import moments_by_arm, moments_in_database
from workbook.settings.models import Metric

UNITS = 1_000_000
MANY = 100_000_000
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
    times = [k / 5 for k in range(1, 6)]
    looks = list(zip(times, limits(times), strict=True))
    metric = Metric(id="m", name="m", margin=1.0)
    history = frame["m0"].to_numpy()[:5000]
    took = _seconds(lambda: play(history, (2500, 2500), looks, metric, 0.05, rng))
    _show(f"calibration: {TRIALS:,} pilots of 5,000 units, 5 looks", took, plain)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _show(name: str, seconds: float, plain: float) -> None:
    print(f"{name:<52} {seconds:6.2f} s   {seconds / plain:6.2f} × pandas groupby of 1 million ({plain:.2f} s)", flush=True)

"""Pilots made up for the tests."""

import numpy as np
import pandas as pd

from workbook.period import Period
from workbook.settings.models import Settings
from workbook.tables import tables_of

PERIOD = Period.parse("2025Q4")
NAME = {"en": "Repeat purchase", "zh": "复购率"}


def settings(*pilots, **more):
    return Settings(client={"name": "x"}, pilots=list(pilots), **more)


def pilot(**changes):
    plain = {
        "id": "care",
        "name": {"en": "Care calls", "zh": "关怀电话"},
        "starts": "2025-10-01",
        "ends": "2025-12-20",
        "metrics": [{"id": "repeat", "name": NAME, "kind": "proportion", "unit": "share", "margin": 0.02}],
    }
    return plain | changes


def spend(**changes):
    return {"id": "spend", "name": {"en": "Spend", "zh": "消费额"}, "unit": "money", "margin": 10.0} | changes


def units(arms, pilot="care", **columns):
    ids = [f"c{k:05d}" for k in range(len(arms))]
    plain = {"pilot": pilot, "unit_id": ids, "customer_id": ids, "arm": arms, "assigned_at": "2025-10-01"}
    return pd.DataFrame(plain | columns)


def outcomes(values, metric="repeat", pilot="care", **columns):
    ids = [f"c{k:05d}" for k in range(len(values))]
    plain = {"pilot": pilot, "unit_id": ids, "metric": metric, "value": values, "measured_at": "2025-12-20"}
    return pd.DataFrame(plain | columns)


def tables(assignments, *measured, period=PERIOD, **more):
    frames = {"assignments": assignments, **more}
    if measured:
        frames["outcomes"] = pd.concat(measured, ignore_index=True)
    return tables_of(frames, period)


def two_arms(n):
    return np.where(np.arange(n) % 2 == 0, "control", "treatment")

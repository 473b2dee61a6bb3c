"""Small firms made up for the tests."""

import numpy as np
import pandas as pd

from workbook.period import Period
from workbook.settings.models import Settings
from workbook.tables import tables_of

PERIOD = Period.parse("2025Q4")


def settings(**more):
    return Settings(client={"name": "x"}, **more)


def tables(**frames):
    return tables_of(frames, PERIOD)


def orders(rows):
    """Orders from (customer, day, amount)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    return frame.assign(order_id=[f"o{k}" for k in range(len(frame))])


def many_orders(n=2000, customers=300, seed=0, last="2025-12-31"):
    rng = np.random.default_rng(seed)
    days = pd.Timestamp(last) - pd.to_timedelta(rng.integers(0, 700, n), unit="D")
    who = [f"c{k:04d}" for k in np.minimum(rng.exponential(customers / 3, n), customers - 1).astype(int)]
    return orders(list(zip(who, days, rng.lognormal(4, 1, n).round(2), strict=True)))


def kpi_frame(**values):
    """An artefact ``kpis`` from name=(value, low, high) or name=value."""
    rows = [(k, *(v if isinstance(v, tuple) else (v, None, None)), 100, "share") for k, v in values.items()]
    return pd.DataFrame(rows, columns=["kpi", "value", "low", "high", "n", "unit"])

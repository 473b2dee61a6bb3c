"""Looks at 99 experiments that a retailer ran (ASOS Digital Experiments Dataset: Liu, Cardoso, Couturier & McCoy 2021, NeurIPS
Datasets and Benchmarks): the rule stops where an analyst with the same plan would, and less often than one without."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.pilots.trials import pilot, settings, spend, tables, units

from workbook.period import Period
from workbook.pilots.boundaries import limits
from workbook.pilots.checks import check_pilots
from workbook.pilots.effects import measure_effects

FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "asos_experiments" / "asos_digital_experiments_dataset.csv"
LOOKS = 8
PERIOD = Period.parse("2020Q1")


@pytest.fixture(scope="module")
def series():
    """Each experiment's first metric at eight looks: the first day at which each eighth of its units was there."""
    if not FILE.is_file():
        pytest.skip(f"the data set is not here: {FILE}")
    data = pd.read_csv(FILE).query("metric_id == 1").dropna()
    data["units"] = data["count_c"] + data["count_t"]
    found = {}
    for name, rows in data.sort_values("time_since_start").groupby(["experiment_id", "variant_id"]):
        part = (rows["units"] / rows["units"].iloc[-1]).to_numpy()
        places = sorted({int(np.argmax(part >= k / LOOKS - 1e-12)) for k in range(1, LOOKS + 1)})
        looks = rows.iloc[places]
        away = looks["mean_t"] - looks["mean_c"]
        error = np.sqrt(looks["variance_c"] / looks["count_c"] + looks["variance_t"] / looks["count_t"])
        found[name] = looks.assign(part=part[places], effect=away, error=error, z=away / error)
    return found


def first(crossed):
    return int(np.argmax(crossed)) if crossed.any() else None


def test_the_rule_stops_as_an_analyst_would(series):
    """Limits for the planned eighths: they stop early, hardly ever against the end, and not where mere peeking is fooled."""
    limit = np.array(limits([k / LOOKS for k in range(1, LOOKS + 1)]))
    table = []
    for rows in series.values():
        z = rows["z"].abs().to_numpy()
        held = limit[LOOKS - len(z) :] if len(z) < LOOKS else limit
        stop, naive = first(z > held), first(z > 1.96)
        table.append((stop is not None, naive is not None, z[-1] > 1.96, z[-1],
                      stop is None or np.sign(rows["z"].iloc[stop]) == np.sign(rows["z"].iloc[-1])))  # fmt: skip
    stopped, peeked, ended, last, same = (np.array(column) for column in zip(*table, strict=True))
    assert len(table) == 99 and same.all()  # whatever was stopped early points the same way at the end
    assert peeked.sum() > stopped.sum() + 5  # peeking finds more …
    assert (peeked & ~ended).sum() > 3 * (stopped & ~ended).sum()  # … of which most is gone at the end
    missed = ended & ~stopped
    assert (last[missed] < limit[-1]).all()  # all that is lost is what lies between both limits


def test_summaries_of_an_experiment_are_looked_at_by_the_limits_of_its_own_information(series):
    """The whole way: summaries delivered day by day, a card with its looks, the interval of each look, and what it reads."""
    told = hidden = 0
    for rows in list(series.values())[:40:5]:
        days = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.ceil(rows["time_since_start"]) - 1, unit="D")
        rows = rows.assign(day=days.to_numpy()).drop_duplicates("day", keep="last")
        parts = [
            pd.DataFrame({"pilot": "care", "arm": arm, "metric": "spend", "looked_at": rows["day"], "n": rows[f"count_{side}"],
                          "mean": rows[f"mean_{side}"], "variance": rows[f"variance_{side}"]})
            for arm, side in (("control", "c"), ("treatment", "t"))
        ]  # fmt: skip
        end = rows["day"].iloc[-1].date()
        plan = settings(pilot(starts="2020-01-01", ends=str(end), looks=len(rows), units=int(rows["units"].iloc[-1]),
                              metrics=[spend(margin=0.001)]))  # fmt: skip
        delivered = tables(units([]), pilot_summaries=pd.concat(parts), period=Period(PERIOD.first, 6))
        checks = check_pilots(delivered, plan)
        found = measure_effects(delivered, plan, checks)
        if stats.chisquare(rows[["count_c", "count_t"]].iloc[-1]).pvalue < 0.001:
            # some of these experiments lost units of one arm: nothing is told of them
            assert "sample_ratio" in {c.check for c in checks.failed("care")} and found.effects[0].state == "hidden"
            hidden += 1
            continue
        seen = found.seen["care"]
        shares = (rows["units"] / rows["units"].iloc[-1]).tolist()
        assert [one.look.method for one in seen] == ["group_sequential"] * len(rows)
        by_hand = np.minimum(limits(shares), 9.0)
        assert [one.look.limit for one in seen] == pytest.approx(by_hand.tolist(), rel=1e-9)
        for one, effect, error, limit in zip(seen, rows["effect"], rows["error"], by_hand, strict=True):
            assert one.effect == pytest.approx(effect, rel=1e-9)
            assert one.high - one.effect == pytest.approx(limit * error, rel=2e-3)
        last = seen[-1]
        crossed = abs(rows["z"].iloc[-1]) > by_hand[-1]
        assert crossed == (not last.low <= 0 <= last.high)
        told += 1
    assert told >= 5 and told + hidden == 8

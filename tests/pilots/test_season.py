import datetime as dt

import numpy as np
import pandas as pd
import pytest
from tests.pilots.trials import PERIOD, settings

from workbook.language import Edition, named
from workbook.pilots.season import DAYS, outstanding, read_season, read_year
from workbook.tables import tables_of

EN, ZH = Edition("en"), Edition("zh")


def series(seed, months=36, growth=0.02, noise=0.05, peaks=None):
    rng = np.random.default_rng(seed)
    month = np.arange(months) % 12 + 1
    steps = np.array([(peaks or {}).get(m, 1.0) for m in month])
    return 1000 * np.exp(growth * np.arange(months)) * steps * np.exp(rng.normal(0, noise, months))


def test_a_planted_season_is_found_and_growth_is_none():
    found = [outstanding(series(seed, peaks={11: 1.6}), 1, 0.95) for seed in range(40)]
    assert sum(set(months) == {11} for months in found) >= 38
    assert np.mean([months[11] for months in found if 11 in months]) == pytest.approx(1.6 / 1.6 ** (1 / 12), rel=0.03)
    assert not any(outstanding(series(seed, growth=0.05), 1, 0.95) for seed in range(40))


def test_a_season_of_noise_is_told_as_rarely_as_the_level_says():
    """A month is told only where it is a fifth off besides, so the error is at most the five in a hundred asked for."""
    told = [bool(outstanding(series(seed, noise=0.25), 1, 0.95)) for seed in range(400)]
    assert np.mean(told) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_the_first_month_of_the_history_is_minded():
    values = series(1, months=30, peaks={11: 1.8})
    assert set(outstanding(values[4:], 5, 0.95)) == {11}


def orders(months=36, peaks=None, start=2023):
    rows = []
    for k, value in enumerate(series(2, months, peaks=peaks)):
        first = dt.date(start + k // 12, k % 12 + 1, 1)
        days = [first + dt.timedelta(days=day) for day in range(28)]
        rows += [{"order_id": str(day), "customer_id": "c", "ordered_at": day, "amount": round(value, 2)} for day in days]
    return tables_of({"orders": pd.DataFrame(rows)}, PERIOD)


def words(tables, first, last, edition=EN):
    season = read_season(tables, settings(), named("Care"), first, last)
    return season.paragraph().bundle((edition,))["languages"][edition.language]["words"]


def test_a_window_that_misses_the_peak_is_warned_of_and_one_that_holds_it_is_not():
    tables = orders(peaks={11: 1.7})
    said = words(tables, dt.date(2026, 1, 14), dt.date(2026, 4, 14))
    assert "misses months that stand out: November (1.7 times a usual month)" in said
    assert "11 月" in words(tables, dt.date(2026, 1, 14), dt.date(2026, 4, 14), ZH)
    assert "holds the months that stand out: November" in words(tables, dt.date(2026, 10, 1), dt.date(2026, 12, 1))
    assert "misses" in words(tables, dt.date(2026, 11, 20), dt.date(2027, 2, 1))  # ten days of it are not the season


def test_no_season_and_too_short_a_history_are_said():
    assert "no month of the year stands out" in words(orders(), dt.date(2026, 1, 14), dt.date(2026, 4, 14))
    short = words(orders(months=12, start=2025), dt.date(2026, 1, 14), dt.date(2026, 4, 14))
    assert "cannot be told from 12 whole months" in short and "24" in short
    assert "cannot be told from 0 whole months" in words(tables_of({}, PERIOD), dt.date(2026, 1, 14), dt.date(2026, 2, 14))


def test_the_weights_of_a_year_are_those_planted_and_none_without_a_season():
    months = read_year(orders(peaks={11: 1.7}), settings())
    assert months is not None
    usual = (sum(DAYS.values()) + 0.7 * DAYS[11]) / sum(DAYS.values())
    assert months.days[11] == pytest.approx(1.7 / usual, rel=0.06) and months.days[5] == pytest.approx(1 / usual, rel=0.06)
    assert sum(DAYS[m] * weight for m, weight in months.days.items()) == pytest.approx(365)
    assert read_year(orders(), settings()) is None is read_year(orders(months=20, peaks={11: 1.7}), settings())

"""Forecasts held against months that they had not seen: the published CDNOW holdout, and what makes a method the chosen one."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from tests.report.picture_checks import assert_readable
from tests.value.cdnow import CUT, cdnow

from workbook.language import Edition
from workbook.report.figures import house_style
from workbook.settings.models import Value
from workbook.value.backtest import BackTest, compare_methods, judge
from workbook.value.histories import Rows, collapse

EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")


@pytest.fixture(scope="module")
def tested() -> BackTest:
    frame = cdnow()
    rows, place = collapse(*(frame[name].to_numpy() for name in ("x", "last", "age")))
    everybody = np.ones(len(frame), dtype=bool)
    later = frame["later"].to_numpy(float)
    return compare_methods(rows, place, later, weeks=39.0, settings=Value(), ground=everybody, cut=CUT.date())


# Fader & Hardie's holdout of 39 weeks: error, correlation, bias, share caught by the best tenth
PUBLISHED = {
    "pareto_nbd": (1.603, 0.630, -0.12, 0.470),
    "bg_nbd": (1.608, 0.626, -0.12, 0.467),
    "hiatus": (2.022, 0.603, -0.02, 0.471),
    "past_rate": (2.212, None, 0.56, None),
    "nobody": (2.206, None, -1.0, None),
}


@pytest.mark.parametrize("method", list(PUBLISHED))
def test_the_published_holdout_comes_out_to_its_digits(tested, method):
    assert tested.actual.sum() == 1882 and (tested.actual > 0).mean() == pytest.approx(0.29, abs=0.0005)
    row = tested.frame.set_index("method").loc[method]
    error, correlation, bias, capture = PUBLISHED[method]
    assert row["rmse"] == pytest.approx(error, abs=0.0006)
    assert row["bias"] == pytest.approx(bias, abs=0.006)
    assert correlation is None or row["correlation"] == pytest.approx(correlation, abs=0.0006)
    # the capture depends on who stands where among equal forecasts at the edge of the tenth
    assert capture is None or row["capture"] == pytest.approx(capture, abs=0.003)


def test_the_smallest_error_is_chosen_and_said(tested):
    assert tested.chosen == "pareto_nbd"
    assert tested.table().title.render(EN) == "Pareto/NBD errs least; its total is 12% too low"
    assert tested.dispersion > 1
    for block in (tested.table(), tested.figure(), *tested.limits()):
        block.bundle((EN, ZH))


def test_one_customer_given_up_who_buys_does_not_blow_up_the_interval_of_the_total(tested):
    given_up = {name: np.append(made, 1e-5) for name, made in tested.forecasts.items()}
    again = replace(tested, forecasts=given_up, actual=np.append(tested.actual, 20.0))
    assert tested.dispersion < again.dispersion < 1.2 * tested.dispersion


def test_a_rule_of_thumb_may_win_and_a_model_that_fails_is_named():
    # everybody buys every week without fail: nothing differs, so no model can be fitted and the past rate is right
    n = 120
    rows = Rows.of(np.full(n, 30.0), np.full(n, 30.0), np.full(n, 30.0))
    found = compare_methods(
        rows, np.arange(n), np.full(n, 13.0), weeks=13.0, settings=Value(), ground=np.ones(n, bool), cut=dt.date(2025, 6, 30)
    )
    assert found.chosen in ("past_rate", "hiatus") and found.frame["rmse"].iloc[0] == 0
    assert {one.model for one in found.failed} == {"bg_nbd", "mbg_nbd", "pareto_nbd"}
    assert len(found.limits()) == 3
    for block in (found.table(), found.figure(), *found.limits()):
        block.bundle((EN, ZH))


def test_errors_agree_with_drawing_customers_anew():
    rng = np.random.default_rng(2)
    forecast = rng.gamma(0.5, 2.0, 3000)
    actual = rng.poisson(forecast * rng.gamma(2, 0.6, 3000)).astype(float)
    found = judge(forecast, actual)
    draws = [judge(forecast[i], actual[i]) for i in rng.integers(0, 3000, (300, 3000))]
    for name in ("rmse", "bias", "capture"):
        spread = np.std([getattr(one, name) for one in draws])
        assert getattr(found, f"{name}_error") == pytest.approx(spread, rel=0.25), name


def test_nobody_who_bought_gives_no_ratio_and_no_exception():
    found = judge(np.array([0.1, 0.2, 0.3]), np.zeros(3))
    assert np.isnan([found.bias, found.correlation, found.capture]).all() and found.rmse > 0


def test_the_picture_is_readable_in_both_languages(tested):
    for edition in (EN, ZH):
        with house_style():
            assert_readable(tested.figure().draw(edition))

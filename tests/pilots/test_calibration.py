import numpy as np
import pytest
from scipy import stats
from tests.pilots.trials import outcomes, pilot, settings, spend, tables, two_arms, units

from workbook.language import Edition
from workbook.pilots.boundaries import limits
from workbook.pilots.calibration import calibrate, play
from workbook.pilots.checks import check_pilots
from workbook.pilots.effects import measure_effects
from workbook.report.blocks import NotMeasured

Z = stats.norm.isf(0.025)
MEAN = settings(pilot(metrics=[spend(margin=2.0)])).pilots[0].metrics[0]
SHARE = settings(pilot()).pilots[0].metrics[0]


def rng(seed=0):
    return np.random.default_rng(seed)


def test_one_look_errs_in_one_of_twenty_and_finds_what_the_textbook_says():
    history = rng().normal(100, 10, 5000)
    null, least, twice = play(history, (300, 300), [(1.0, Z)], MEAN, 0.05, rng(1))
    power = stats.norm.sf(Z - 2.0 / (history.std() * np.sqrt(2 / 300)))
    assert null.gain + null.harm == pytest.approx(0.05, abs=0.011) and null.naive == null.gain + null.harm
    assert least.gain == pytest.approx(power, abs=0.02) and twice.gain > 0.97 and least.effect == 2.0


def test_five_looks_err_no_more_often_and_unguarded_ones_do():
    times = [0.2, 0.4, 0.6, 0.8, 1.0]
    looks = list(zip(times, limits(times), strict=True))
    null, least, _ = play(rng().normal(0, 10, 5000), (500, 500), looks, MEAN.model_copy(update={"margin": 1e-9}), 0.05, rng(2))
    assert null.gain + null.harm == pytest.approx(0.05, abs=0.011) and null.naive == pytest.approx(0.1417, abs=0.018)
    assert least.information <= 1


def test_units_of_a_proportion_change_sides():
    history = (rng().random(4000) < 0.2).astype(float)
    null, _, twice = play(history, (1500, 1500), [(1.0, Z)], SHARE, 0.05, rng(3))
    error = np.sqrt(0.2 * 0.8 / 1500 + 0.24 * 0.76 / 1500)
    assert twice.gain == pytest.approx(stats.norm.sf(Z - 0.04 / error), abs=0.025) and null.gain < 0.04
    fewer = SHARE.model_copy(update={"better": "lower"})
    assert play(history, (1500, 1500), [(1.0, Z)], fewer, 0.05, rng(3))[2].gain == pytest.approx(twice.gain, abs=0.08)


def test_a_very_large_pilot_is_played_smaller_with_an_effect_that_stands_out_as_much():
    history = rng().normal(0, 10, 5000)
    metric = MEAN.model_copy(update={"margin": 0.1})
    _, least, _ = play(history, (100_000, 100_000), [(1.0, Z)], metric, 0.05, rng(4), trials=2000)
    assert least.gain == pytest.approx(stats.norm.sf(Z - 0.1 / (10 * np.sqrt(2 / 100_000))), abs=0.03)


def test_the_report_prints_the_error_of_this_rule_on_this_clients_values():
    arms = two_arms(800)
    before = rng(5).lognormal(3, 1, 800) * (rng(6).random(800) < 0.4)
    values = before * rng(7).lognormal(0, 0.3, 800)
    plan = settings(pilot(metrics=[spend(margin=5.0)], looks=4))
    delivered = tables(units(arms), outcomes(values, metric="spend", pre_value=before))
    found = measure_effects(delivered, plan, check_pilots(delivered, plan))
    (table,) = calibrate(delivered, found).blocks()
    (one,) = calibrate(delivered, found).calibrated
    assert not one.before and one.history == 400 and one.looks == (0.25, 0.5, 0.75, 1.0)
    # fewer than 5 %: the rule also ends pilots in which little is to be gained
    assert 0.005 < one.played[0].gain + one.played[0].harm < 0.06 < one.played[0].naive
    assert f"{100 * (one.played[0].gain + one.played[0].harm):.1f}%" in table.title.render(Edition("en"))
    assert "对照组自身的数值" in table.note.render(Edition("zh"))
    again = calibrate(delivered, found).calibrated[0]
    assert again == one, "the same data and seed give the same figures"


def test_nothing_to_draw_from_is_not_measured():
    plan = settings(pilot(id="absent"))
    delivered = tables(units(two_arms(40)))
    found = measure_effects(delivered, plan, check_pilots(delivered, plan))
    assert isinstance(calibrate(delivered, found).blocks()[0], NotMeasured)


def test_a_ratio_is_played_by_linearised_values_and_errs_as_often_as_the_ratio_itself():
    n, generator = 1200, rng(8)
    orders = 1.0 + generator.poisson(2, n)
    spent = orders * generator.lognormal(3, 0.5, n)
    plan = settings(pilot(metrics=[spend(kind="ratio", denominator="orders", margin=2.0)]))
    delivered = tables(units(two_arms(n)), outcomes(spent, metric="spend"), outcomes(orders, metric="orders"))
    (one,) = calibrate(delivered, measure_effects(delivered, plan, check_pilots(delivered, plan))).calibrated
    assert one.played[0].gain + one.played[0].harm == pytest.approx(0.05, abs=0.011)
    # the same by drawing pairs and working out the ratio of each pilot anew
    y, x = spent[::2], orders[::2]
    draws = generator.integers(0, n // 2, (2, 2000, n // 2))
    tops, bottoms = y[draws].mean(axis=2), x[draws].mean(axis=2)
    ratios = tops / bottoms
    spread = np.sqrt(((y[draws] - ratios[..., None] * x[draws]).var(axis=2, ddof=1) / bottoms**2 / (n // 2)).sum(axis=0))
    told = (ratios[1] + 2.0 - ratios[0]) / spread > Z
    assert one.played[1].gain == pytest.approx(told.mean(), abs=0.035)
    assert "linearised" in one.table().note.render(Edition("en")) and "线性化" in one.table().note.render(Edition("zh"))


def test_a_pilot_that_cannot_be_played_says_why():
    values = rng(9).normal(0, 1, 80)
    for plan, delivered, said in (
        (pilot(metrics=[spend(kind="quantile")]), tables(units(two_arms(80)), outcomes(values, metric="spend")), "quantile"),
        (pilot(metrics=[spend()]), tables(units(two_arms(20)), outcomes(values[:20], metric="spend")), "Fewer than 20"),
    ):
        whole = settings(plan)
        (note,) = calibrate(delivered, measure_effects(delivered, whole, check_pilots(delivered, whole))).blocks()
        assert isinstance(note, NotMeasured) and said in note.why.render(Edition("en"))

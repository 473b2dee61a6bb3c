import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.pilots.trials import PERIOD, outcomes, pilot, settings, spend, tables, two_arms, units

from workbook.language import Edition
from workbook.period import Period
from workbook.pilots.boundaries import limits
from workbook.pilots.calibration import calibrate
from workbook.pilots.checks import check_pilots
from workbook.pilots.effects import measure_effects
from workbook.pilots.estimates import quantile_difference
from workbook.pilots.past import read_past
from workbook.pilots.playing import play
from workbook.pilots.samples import FrameSample
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
    assert null.gain + null.harm == pytest.approx(0.05, abs=0.011) and null.naive == pytest.approx(null.gain + null.harm)
    assert least.gain == pytest.approx(power, abs=0.02) and twice.gain > 0.97 and least.effect == 2.0


def test_five_looks_err_no_more_often_and_unguarded_ones_do():
    times = [0.2, 0.4, 0.6, 0.8, 1.0]
    looks = list(zip(times, limits(times), strict=True))
    null, least, _ = play(rng().normal(0, 10, 5000), (500, 500), looks, MEAN.model_copy(update={"margin": 1e-9}), 0.05, rng(2))
    assert null.gain + null.harm == pytest.approx(0.05, abs=0.011) and null.naive == pytest.approx(0.1417, abs=0.018)
    assert least.information <= 1


def test_means_of_a_thousand_millions_are_played_as_those_around_zero():
    history = rng().normal(0, 1, 400)
    metric, looks = MEAN.model_copy(update={"margin": 0.3}), [(0.5, 2.9626), (1.0, 1.9686)]
    small, large = (play(history + level, (200, 200), looks, metric, 0.05, rng(18), trials=1000) for level in (0.0, 1e9))
    for one, other in zip(small, large, strict=True):
        assert (one.gain, one.harm, one.naive) == pytest.approx((other.gain, other.harm, other.naive), abs=0.003)


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
    found = measure_effects(delivered, plan, check_pilots(delivered, plan), looked("2025-10-21", "2025-11-10", "2025-11-30"))
    (table,) = calibrate(delivered, found).blocks()
    (one,) = calibrate(delivered, found).calibrated
    assert one.origin == "measured" and one.history == 800 and one.taken == 4
    assert one.looks == pytest.approx([21 / 81, 41 / 81, 61 / 81, 1.0])
    # fewer than 5 %: the rule also ends pilots in which little is to be gained
    assert 0.005 < one.played[0].gain + one.played[0].harm < 0.06 < one.played[0].naive
    assert f"{100 * (one.played[0].gain + one.played[0].harm):.1f}%" in table.title.render(Edition("en"))
    assert "试点之前的测量值" in table.note.render(Edition("zh"))
    assert f"Level in the history CNY {before.mean():.2f}" in table.note.render(Edition("en", currency="CNY"))
    again = calibrate(delivered, found).calibrated[0]
    assert again == one, "the same data and seed give the same figures"


def looked(*days, pilot="care", metric="spend", **columns):
    """Looks of the ledger."""
    return pd.DataFrame(
        [{"pilot": pilot, "metric": metric, "arm": "treatment", "looked_at": day, "n_control": 400, "n_arm": 400, "effect": 0.1,
          "low": -5.0, "high": 5.2} | columns for day in days]
    )  # fmt: skip


def test_the_schedule_played_is_that_of_the_looks_taken_and_of_those_still_planned():
    arms, values = two_arms(400), rng(5).normal(100, 20, 400)
    still = Period.parse("2025-11")
    for looks, taken, period, wanted, methods in (
        (5, ["2025-10-17"], PERIOD, [17 / 81, 1.0], "planned"),
        (4, ["2025-10-21"], still, [21 / 81, 61 / 81, 71 / 81, 1.0], "planned"),
        (1, ["2025-10-21"], PERIOD, [21 / 81, 1.0], "unplanned"),
    ):
        plan = settings(pilot(metrics=[spend(margin=5.0)], looks=looks))
        delivered = tables(units(arms), outcomes(values, metric="spend", pre_value=values), period=period)
        found = measure_effects(delivered, plan, check_pilots(delivered, plan), looked(*taken))
        (one,) = calibrate(delivered, found).calibrated
        assert one.looks == pytest.approx(wanted), methods
        assert one.taken == len(taken) + 1
        said = "looks taken: 2, still planned: 2" if period is still else "looks taken: 2)"
        assert said in one.table().note.render(Edition("en"))
        # what was looked at without a plan falls under the limit of any time: wide, so that little is told
        assert (one.played[0].told < 0.03) == (methods == "unplanned")


def test_several_arms_are_played_beside_one_control_and_share_the_error():
    history = rng(21).normal(100, 10, 5000)
    error = 0.05 / 3
    one = play(history, (300, 300), [(1.0, Z)], MEAN, 0.05, rng(22))
    shared = play(history, (300, 300, 300, 300), [(1.0, stats.norm.isf(error / 2))], MEAN, error, rng(22))
    unshared = play(history, (300, 300, 300, 300), [(1.0, Z)], MEAN, error, rng(22))
    assert shared[0].naive == pytest.approx(unshared[0].told, abs=0.015)  # unguarded: as if each were the only arm
    # Dunnett: three arms beside one control, each by itself at 5 %, tell something of nothing in 12 % of pilots
    assert unshared[0].told == pytest.approx(0.1217, abs=0.015) and shared[0].told == pytest.approx(0.044, abs=0.01)
    assert shared[1].gain < one[1].gain and shared[1].gain == pytest.approx(
        stats.norm.sf(stats.norm.isf(error / 2) - 2.0 / (history.std() * np.sqrt(2 / 300))), abs=0.02
    )


def test_a_guardrail_that_is_not_surely_held_keeps_the_arm_from_being_rolled_out():
    generator = rng(23)
    history = np.column_stack([generator.normal(100, 10, 5000), generator.random(5000) < 0.1])
    guard = SHARE.model_copy(update={"guardrail": True, "better": "lower", "harm": 0.02})
    found = play(history, (300, 300), [(1.0, Z)], MEAN, 0.05, rng(24), guardrails=[guard])
    free = play(history[:, 0], (300, 300), [(1.0, Z)], MEAN, 0.05, rng(24))
    held = stats.norm.cdf(0.02 / np.sqrt(2 * 0.09 / 300) - Z)
    assert [one.gain for one in found] == pytest.approx([one.gain for one in free], abs=0.03)
    assert free[2].out == pytest.approx(free[2].gain) and found[2].out == pytest.approx(held * free[2].out, abs=0.03)
    # the guardrail goes with its own unit: where it is the metric turned round, what is a gain is never a harm
    mirrored = np.column_stack([history[:, 0], history[:, 0]])
    same = MEAN.model_copy(update={"guardrail": True, "harm": 2.0})
    worse = play(mirrored, (300, 300), [(1.0, Z)], MEAN, 0.05, rng(24), guardrails=[same])
    assert worse[0].out == pytest.approx(free[0].out, abs=0.01)


def test_the_report_plays_the_guardrails_of_the_card_with_the_units_they_belong_to():
    arms, generator = two_arms(600), rng(25)
    values, complaints = generator.normal(100, 20, 600), (generator.random(600) < 0.1).astype(float)
    guard = {"id": "complaints", "name": {"en": "Complaints", "zh": "投诉"}, "kind": "proportion", "unit": "share",
             "margin": 0.05, "harm": 0.05, "guardrail": True, "better": "lower"}  # fmt: skip
    plan = settings(pilot(metrics=[spend(margin=5.0), guard]))
    first = outcomes(values, metric="spend", pre_value=values)
    for second, played in (
        (outcomes(complaints, metric="complaints", pre_value=complaints), True),
        (outcomes(complaints, metric="complaints"), False),
    ):
        delivered = tables(units(arms), first, second)
        (one,) = calibrate(delivered, measure_effects(delivered, plan, check_pilots(delivered, plan))).calibrated
        past = read_past(delivered, plan.pilots[0], plan.pilots[0].metrics[0], plan.pilots[0].metrics[1:])
        if played:
            pairs = {(round(a, 9), b) for a, b in zip(values, complaints, strict=True)}
            assert {(round(a, 9), b) for a, b in past.stretches[0]} == pairs
        assert (one.played[2].out < 0.8 * one.played[2].gain) == played
        note = one.table().note.render(Edition("en"))
        assert ("; guardrails: Complaints" in note) == played and ("without the guardrails" in note) != played
        assert "护栏指标：投诉" in one.table().note.render(Edition("zh"))


def test_that_a_heavy_tail_makes_the_rule_cautious_is_said_beside_the_figure():
    for spread, said in ((0.5, False), (2.0, True)):
        values = rng(26).lognormal(3, spread, 800) * (rng(27).random(800) < 0.3)
        delivered = tables(units(two_arms(800)), outcomes(values, metric="spend", pre_value=values))
        plan = settings(pilot(metrics=[spend(margin=5.0)]))
        (one,) = calibrate(delivered, measure_effects(delivered, plan, check_pilots(delivered, plan))).calibrated
        top = np.sort((values - values.mean()) ** 2)[-10:].sum() / ((values - values.mean()) ** 2).sum()
        assert one.largest == pytest.approx(top)
        note = one.table().note
        assert (f"The 10 largest values of such a pilot make {top:.0%} of its variance" in note.render(Edition("en"))) == said
        assert ("规则偏于谨慎" in note.render(Edition("zh"))) == said and (one.played[0].told < 0.04) == said


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


def test_that_a_very_large_pilot_is_played_smaller_is_said():
    for n, said in ((8_000, False), (12_000, True)):
        values = rng(9).normal(100, 20, n)
        delivered = tables(units(two_arms(n)), outcomes(values, metric="spend"))
        plan = settings(pilot(metrics=[spend(margin=5.0)]))
        (one,) = calibrate(delivered, measure_effects(delivered, plan, check_pilots(delivered, plan))).calibrated
        assert ("10,000 units are played" in one.table().note.render(Edition("en"))) == said
        assert ("按 10,000 个单元模拟" in one.table().note.render(Edition("zh"))) == said


def test_without_a_history_the_controls_own_values_are_played_and_that_is_said():
    values = rng(9).lognormal(3, 1, 400)
    delivered = tables(units(two_arms(400)), outcomes(values, metric="spend"))
    plan = settings(pilot(metrics=[spend(margin=5.0)]))
    (one,) = calibrate(delivered, measure_effects(delivered, plan, check_pilots(delivered, plan))).calibrated
    assert one.origin == "control" and one.history == 200 and "nothing was delivered" in one.table().note.render(Edition("en"))
    assert "试点之前" in one.table().note.render(Edition("zh"))


def shop_orders(n=200, days=600, newest=0):
    """Orders of customers at a steady pace up to the end of the period; the last *newest* customers came during the pilot."""
    generator = rng(10)
    who = generator.integers(0, n, 20 * n)
    back = generator.integers(0, days, len(who))
    kept = (who < n - newest) | (back < 80)
    day = np.datetime64("2025-12-31") - back.astype("timedelta64[D]")
    columns = {"order_id": [f"o{k}" for k in range(len(who))], "customer_id": [f"c{k:05d}" for k in who]}
    amounts = generator.lognormal(3, 1, len(who)).round(2)
    return pd.DataFrame(columns | {"ordered_at": day.astype("datetime64[s]"), "amount": amounts})[kept]


ORDERED = """(select coalesce(sum(amount), 0) from orders where customer_id = unit.customer_id
               and cast(ordered_at as date) between $first_day and $last_day)"""


def test_an_expression_is_worked_out_anew_over_stretches_before_the_pilot_for_those_who_were_there():
    orders = shop_orders(newest=40)
    plan = settings(pilot(metrics=[spend(source=ORDERED, margin=5.0)]))
    delivered = tables(units(two_arms(200)), orders=orders)
    past = read_past(delivered, plan.pilots[0], plan.pilots[0].metrics[0])
    first, last = pd.Timestamp("2025-10-01"), pd.Timestamp("2025-12-20")
    length = (last - first).days + 1
    days = pd.to_datetime(orders["ordered_at"])
    assert past.source == "windows" and past.days == length
    assert len(past.stretches) == (first - days.min()).days // length
    since = days.groupby(orders["customer_id"]).min()
    for back, stretch in enumerate(past.stretches, start=1):
        start = first - pd.Timedelta(days=back * length)
        there = since.index[since <= start]
        inside = orders[(days >= start) & (days < start + pd.Timedelta(days=length))]
        sums = inside.groupby("customer_id")["amount"].sum().reindex(there, fill_value=0.0)
        assert stretch == pytest.approx(np.sort(sums.to_numpy())), "no order of the pilot's own days, nobody who came later"
    (one,) = calibrate(delivered, measure_effects(delivered, plan, check_pilots(delivered, plan))).calibrated
    assert one.stretches == len(past.stretches) and one.days == length
    assert f"over {one.stretches} stretches of {length} days" in one.table().note.render(Edition("en"))
    assert one.played[0].gain + one.played[0].harm == pytest.approx(0.05, abs=0.015)


def test_a_history_of_another_level_is_told_with_the_power_of_the_controls_own_values():
    values = rng(17).normal(100, 20, 400)
    plan = settings(pilot(metrics=[spend(margin=6.0)]))
    powers = {}
    for times in (1.0, 2.0):
        delivered = tables(units(two_arms(400)), outcomes(values, metric="spend", pre_value=times * values))
        (one,) = calibrate(delivered, measure_effects(delivered, plan, check_pilots(delivered, plan))).calibrated
        powers[times] = (one.played[1].gain, one.own_power)
        assert ("far apart" in one.table().note.render(Edition("en"))) == (times > 1)
    assert powers[1.0][1] is None and powers[2.0][1] == pytest.approx(powers[1.0][0], abs=0.05)
    assert powers[2.0][1] > powers[2.0][0]


def test_what_is_no_history_of_the_metric_is_not_played():
    """As Hillstrom's: a year's spend before two weeks' spend."""
    values = rng(17).normal(100, 20, 400)
    delivered = tables(units(two_arms(400)), outcomes(values, metric="spend", pre_value=20 * values))
    plan = settings(pilot(metrics=[spend(margin=6.0)]))
    (one,) = calibrate(delivered, measure_effects(delivered, plan, check_pilots(delivered, plan))).calibrated
    assert one.origin == "apart" and one.history == 200 and one.own_power is None
    assert one.played[1].gain == pytest.approx(stats.norm.sf(Z - 6 / (20 * np.sqrt(2 / 200))), abs=0.06)
    note = one.table().note
    assert "no history of this metric (its level: CNY 1,9" in note.render(Edition("en", currency="CNY"))
    assert "并非该指标的历史" in note.render(Edition("zh"))


def test_what_was_measured_again_and_again_before_the_pilot_is_read_stretch_by_stretch_also_of_a_ratio():
    n, generator = 300, rng(11)
    days = ["2025-07-15", "2025-08-15", "2025-09-15", "2025-12-20"]
    orders = {day: 1.0 + generator.poisson(2, n) for day in days}
    spent = {day: orders[day] * generator.lognormal(3, 0.5, n) for day in days}
    rows = [outcomes(v[day], metric=m, measured_at=day) for m, v in (("spend", spent), ("orders", orders)) for day in days]
    plan = settings(pilot(metrics=[spend(kind="ratio", denominator="orders", margin=2.0)]))
    delivered = tables(units(two_arms(n)), *rows)
    past = read_past(delivered, plan.pilots[0], plan.pilots[0].metrics[0])
    assert past.source == "measured" and len(past.stretches) == 3
    levels = [spent[day].sum() / orders[day].sum() for day in days[2::-1]]
    assert [stretch.mean() for stretch in past.stretches] == pytest.approx(levels)


def test_units_split_without_repeats_never_stand_in_both_arms():
    """One giant among 100 units: with both arms drawn whole, it is in one of them in every pilot, so means always differ."""
    history = np.r_[np.zeros(99), 1000.0]
    found = play([history], (50, 50), [(1.0, Z)], MEAN, 0.05, rng(12), trials=500)
    assert found[0].gain + found[0].harm == 0.0  # one value alone never decides by Welch
    yes = np.r_[np.ones(50), np.zeros(50)]
    shares = play([yes], (50, 50), [(1.0, Z)], SHARE, 0.05, rng(13))[0]
    k = np.arange(51)
    error = np.sqrt(2 * (k / 50) * (1 - k / 50) / 50)
    few = np.minimum(k, 50 - k) < 5
    told = np.abs(2 * k - 50) / 50 > Z * error
    exact = stats.hypergeom(100, 50, 50).pmf(k)[told & ~few].sum() + stats.hypergeom(100, 50, 50).pmf(k)[few].sum()
    assert shares.naive == pytest.approx(exact, abs=0.011)


def test_a_quantile_is_played_by_its_own_bootstrap():
    """The same pilots judged one by one by the function that effects use."""
    history, metric = rng(14).lognormal(3, 1, 2000), settings(pilot(metrics=[spend(kind="quantile", margin=4.0)]))
    metric = metric.pilots[0].metrics[0]
    null, least, _ = play(history, (150, 150), [(1.0, Z)], metric, 0.05, rng(15))
    generator, errors, finds = rng(16), 0, 0
    for _ in range(150):
        values = generator.choice(history, 300)
        arms = np.repeat(["control", "treatment"], 150)
        for planted in (0.0, 4.0):
            frame = pd.DataFrame({"arm": arms, "value": values + planted * (arms == "treatment")})
            found = quantile_difference(FrameSample(frame), "control", "treatment", 0.5, 0.95, generator)
            told = found.low > 0 or found.high < 0
            errors, finds = errors + (told and not planted), finds + bool(told and planted)
    assert null.gain + null.harm == pytest.approx(errors / 150, abs=0.045)
    assert least.gain == pytest.approx(finds / 150, abs=0.11) and null.trials == 1000


def test_a_pilot_on_a_quantile_is_played_in_the_report():
    values = rng(9).lognormal(3, 1, 200)
    plan = settings(pilot(metrics=[spend(kind="quantile")], looks=3))
    delivered = tables(units(two_arms(200)), outcomes(values, metric="spend"))
    (one,) = calibrate(delivered, measure_effects(delivered, plan, check_pilots(delivered, plan))).calibrated
    assert 0 < one.played[0].gain + one.played[0].harm < 0.1 and "1,000 pilots" in one.table().note.render(Edition("en"))


def test_summaries_are_played_from_their_moments_and_what_was_assumed_is_said():
    def summary(**columns):
        arms = pd.DataFrame({"pilot": "care", "arm": ["control", "treatment"], "looked_at": "2025-12-20", "n": 1500})
        return tables(units([]), pilot_summaries=arms.assign(**columns))

    money = pilot(metrics=[spend(margin=3.0)])
    for plan, delivered, said, chinese in (
        (money, summary(metric="spend", mean=[50.0, 51.0], variance=[900.0, 900.0]), "normal distribution", "正态分布"),
        (pilot(), summary(metric="repeat", successes=[300, 310]), "share of yes", "比例"),
    ):
        whole = settings(plan)
        (one,) = calibrate(delivered, measure_effects(delivered, whole, check_pilots(delivered, whole))).calibrated
        note = one.table().note
        assert (
            said in note.render(Edition("en"))
            and chinese in note.render(Edition("zh"))
            and "1,500" in note.render(Edition("en"))
        )
        assert one.played[0].naive == pytest.approx(0.05, abs=0.011)
        margin = whole.pilots[0].metrics[0].margin
        error = np.sqrt(2 * 900 / 1500) if said.startswith("normal") else np.sqrt((0.16 + 0.22 * 0.78) / 1500)
        assert one.played[1].gain == pytest.approx(stats.norm.sf(Z - margin / error), abs=0.025)


def test_a_pilot_that_cannot_be_played_says_why():
    values = rng(9).normal(0, 1, 20)
    whole, delivered = settings(pilot(metrics=[spend()])), tables(units(two_arms(20)), outcomes(values, metric="spend"))
    (note,) = calibrate(delivered, measure_effects(delivered, whole, check_pilots(delivered, whole))).blocks()
    assert isinstance(note, NotMeasured) and "Fewer than 20" in note.why.render(Edition("en"))

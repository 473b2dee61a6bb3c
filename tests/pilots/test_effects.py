import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW
from tests.pilots.trials import PERIOD, outcomes, pilot, settings, spend, tables, two_arms, units
from tests.report.picture_checks import assert_figure_readable

from workbook.errors import WorkbookError
from workbook.language import Edition
from workbook.pilots.checks import check_pilots
from workbook.pilots.decision import decide
from workbook.pilots.effects import measure_effects
from workbook.report.blocks import NotMeasured

EN, ZH = Edition("en"), Edition("zh")
ROOT = Path(__file__).resolve().parents[2]
HILLSTROM = ROOT.parent / "shared" / "data" / "hillstrom" / "hillstrom.csv"
ARMS = two_arms(600)


def measured(tables, plan):
    return measure_effects(tables, plan, check_pilots(tables, plan))


def bought(share_control=0.3, share_treatment=0.45, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.random(len(ARMS)) < np.where(ARMS == "control", share_control, share_treatment)).astype(float)


@pytest.fixture(scope="module")
def hillstrom():
    if not HILLSTROM.is_file():
        pytest.skip(f"the data set is not here: {HILLSTROM}")
    data = pd.read_csv(HILLSTROM)
    arms = data["segment"].map({"No E-Mail": "none", "Mens E-Mail": "men", "Womens E-Mail": "women"})
    long = [outcomes(data[name].astype(float), metric=name, pilot="mail") for name in ("spend", "visit", "conversion")]
    metrics = [spend(margin=0.1)] + [
        {"id": name, "name": name, "kind": "proportion", "unit": "share", "margin": 0.005} for name in ("visit", "conversion")
    ]
    plan = settings(pilot(id="mail", arms={"none": 1, "men": 1, "women": 1}, metrics=metrics))
    return tables(units(arms.to_numpy(), pilot="mail"), *long), plan


def test_hillstrom_to_the_digits_published(hillstrom):
    """64,000 e-mails (Hillstrom 2008, MineThatData challenge); figures of the method's list of oracles."""
    delivered, plan = hillstrom
    checks = check_pilots(delivered, plan)
    ratio = checks.frame.set_index("check").loc["sample_ratio"]
    assert ratio["statistic"] == pytest.approx(0.20253125, abs=5e-9) and ratio["p"] == pytest.approx(0.90369296, abs=5e-9)
    effects = measure_effects(delivered, plan, checks)
    found = {(e.metric.id, e.arm): e.found for e in effects.effects}
    men, women = found["spend", "men"], found["spend", "women"]
    assert (men.n_control, men.n_treated, women.n_treated) == (21306, 21307, 21387)
    assert (men.effect, men.error) == pytest.approx((0.7698271559, 0.1452465602), abs=5e-11)
    assert (women.effect, women.error) == pytest.approx((0.4244122159, 0.1303328585), abs=5e-11)
    assert men.p == pytest.approx(1.16381e-07, rel=5e-6) and women.p == pytest.approx(0.00112939710, abs=5e-12)
    assert found["visit", "men"].p == pytest.approx(5.685165e-112, rel=1e-6)
    assert found["visit", "women"].p == pytest.approx(3.182403e-44, rel=1e-6)
    assert found["conversion", "men"].p == pytest.approx(1.523224e-13, rel=1e-6)
    assert found["conversion", "women"].p == pytest.approx(1.571051e-4, rel=1e-6)
    assert [(e.state) for e in effects.of("mail")] == ["better", "better"]


def test_the_artefact_has_its_columns():
    effects = measured(tables(units(ARMS), outcomes(bought())), settings(pilot()))
    assert list(effects.frame.columns) == [
        "pilot", "metric", "arm", "n_control", "n_arm", "control", "treated", "effect", "low", "high", "p", "margin", "unit",
        "verdict", "role", "error", "p_holm", "q", "lift", "lift_low", "lift_high", "limit", "method", "why", "information",
    ]  # fmt: skip
    assert list(measured(tables(units(ARMS)), settings()).frame.columns) == list(effects.frame.columns)


def test_missing_is_missing_and_not_zero():
    values = bought()
    values[:100] = np.nan
    row = measured(tables(units(ARMS), outcomes(values)), settings(pilot())).frame.iloc[0]
    assert row["n_control"] + row["n_arm"] == 500
    assert row["control"] == pytest.approx(np.nanmean(values[ARMS == "control"]))


def test_missing_outcomes_are_counted_in_the_note():
    values = bought()
    values[:100] = np.nan
    effects = measured(tables(units(ARMS), outcomes(values)), settings(pilot()))
    assert "100 missing outcomes" in effects.table().note.render(EN)


def test_a_red_gate_hides_the_effect_behind_its_reason():
    arms = np.where(np.arange(600) < 400, "control", "treatment")
    effects = measured(tables(units(arms), outcomes(bought())), settings(pilot()))
    row = effects.frame.iloc[0]
    assert row["verdict"] == "hidden" and np.isnan(row["effect"]) and np.isnan(row["p"])
    assert effects.figures() == () and isinstance(effects.figure(), NotMeasured)
    assert "not shown" in effects.table().bundle((EN,))["languages"]["en"]["cells"][0][-1]


def test_not_randomised_claims_no_effect_in_any_block():
    effects = measured(tables(units(ARMS), outcomes(bought())), settings(pilot(randomised=False)))
    assert effects.frame["verdict"].tolist() == ["not_randomised"] and effects.frame["effect"].isna().all()
    words = str([block.bundle((EN,))["languages"] for block in effects.blocks()])
    assert "raised" not in words and "no effect" in words


def test_units_in_two_arms_are_left_out():
    doubled = units(ARMS).head(3).assign(arm="treatment", unit_id=["x1", "x2", "x3"])
    row = measured(tables(pd.concat([units(ARMS), doubled]), outcomes(bought())), settings(pilot())).frame.iloc[0]
    assert row["n_control"] + row["n_arm"] == 600 - 2  # two controls stood in both arms, one was treated twice over


def test_less_is_better_for_a_metric_that_says_so():
    rng = np.random.default_rng(1)
    hours = np.where(ARMS == "control", 10.0, 6.0) + rng.normal(0, 2, 600)
    plan = settings(pilot(metrics=[spend(id="hours", name="Hours", unit="hours", better="lower", margin=1.0)]))
    effects = measured(tables(units(ARMS), outcomes(hours, metric="hours")), plan)
    assert effects.frame["verdict"].tolist() == ["better"] and effects.frame["effect"].iloc[0] < 0
    assert effects.effects[0].words().render(EN).startswith("lowered it by")


def test_an_expression_over_the_tables_is_an_outcome_and_no_order_is_zero():
    ids = units(ARMS)["customer_id"]
    orders = pd.DataFrame({"order_id": ids[:300], "customer_id": ids[:300], "ordered_at": "2025-11-01", "amount": 10.0})
    source = (
        "select coalesce(sum(o.amount), 0) from orders o where o.customer_id = unit.customer_id "
        "and o.ordered_at between $first_day and $last_day"
    )
    effects = measured(tables(units(ARMS), orders=orders), settings(pilot(metrics=[spend(source=f"({source})")])))
    row = effects.frame.iloc[0]
    assert (row["n_control"], row["control"], row["treated"]) == (300, 5.0, 5.0)


def test_a_broken_expression_is_told_with_its_place():
    with pytest.raises(WorkbookError, match=r"pilots\.care\.metrics\.spend\.source: found 'nonsense\(1\)'"):
        measured(tables(units(ARMS)), settings(pilot(metrics=[spend(source="nonsense(1)")])))


def test_a_division_by_zero_in_an_expression_is_refused_and_decides_nothing():
    """The database makes it infinite without an error, and an infinite mean once read as harm."""
    ids = units(ARMS)["customer_id"]
    orders = pd.DataFrame({"order_id": ids, "customer_id": ids, "ordered_at": "2025-11-01", "amount": 10.0})
    orders.loc[0, "amount"] = 0.0
    one = "(select 1 / sum(o.amount) from orders o where o.customer_id = unit.customer_id)"
    delivered = tables(units(ARMS), orders=orders)
    with pytest.raises(WorkbookError, match=r"pilots\.care\.metrics\.spend\.source: unit 'c00000' has the value inf"):
        measured(delivered, settings(pilot(metrics=[spend(source=one)])))
    with pytest.raises(WorkbookError, match=r"pilots\.care\.metrics\.spend\.covariates: unit 'c00000'"):
        known = spend(covariates=[one], source="cast(1 as double)")
        measured(delivered, settings(pilot(metrics=[known])))


def test_a_proportion_of_something_else_than_yes_and_no_shuts_its_gate_and_nothing_else():
    other = outcomes(np.full(600, 3.2))
    other.loc[5, "value"] = 1
    delivered, plan = tables(units(ARMS), other), settings(pilot())
    checks = check_pilots(delivered, plan)
    (red,) = checks.failed("care")
    assert red.check == "possible.repeat" and red.statistic == 599 and "say kind: mean" in red.words.render(Edition("en"))
    assert not any(effect.shown for effect in measure_effects(delivered, plan, checks).effects)


@pytest.mark.parametrize("constant", [0.0, 7.0])
def test_a_constant_metric_says_that_it_cannot_tell(constant):
    plan = settings(pilot(metrics=[spend()]))
    effects = measured(tables(units(ARMS), outcomes(np.full(600, constant), metric="spend")), plan)
    assert effects.frame["verdict"].tolist() == ["no_interval"]


def test_all_outcomes_missing_is_not_measured():
    effects = measured(tables(units(ARMS), outcomes(np.full(600, np.nan))), settings(pilot()))
    assert effects.frame.empty and effects.missing[0].missing == ("outcomes.value",)
    none_yet = measured(tables(units(ARMS)), settings(pilot()))  # as where all are dated after the period
    assert "dated up to 31 Dec 2025; those dated later are set aside" in none_yet.missing[0].why.render(EN)


def test_no_assignment_names_what_to_deliver():
    effects = measured(tables(units([])), settings(pilot()))
    assert effects.missing[0].missing == ("assignments.unit_id", "assignments.arm")


def test_strata_are_exploratory_and_small_cells_are_kept_back():
    stratum = np.where(np.arange(600) < 6, "diamond", np.where(np.arange(600) < 300, "gold", "silver"))
    effects = measured(tables(units(ARMS, stratum=stratum), outcomes(bought())), settings(pilot()))
    assert effects.by_stratum["stratum"].tolist() == ["gold", "silver"]
    assert effects.stratum_table().title.render(EN).startswith("Exploratory")


def test_the_order_of_rows_changes_nothing():
    assigned, values = units(ARMS), outcomes(bought())
    one = measured(tables(assigned, values), settings(pilot()))
    other = measured(tables(assigned.sample(frac=1, random_state=1), values.sample(frac=1, random_state=2)), settings(pilot()))
    pd.testing.assert_frame_equal(one.frame, other.frame, check_exact=True)


def test_title_number_is_that_of_the_artefact():
    effects = measured(tables(units(ARMS), outcomes(bought())), settings(pilot()))
    said = f"{100 * effects.frame['effect'].iloc[0]:.1f}"
    assert effects.figure().title.render(EN) == f"Repeat purchase: raised it by {said} points"
    assert effects.figure().title.render(ZH) == f"复购率：提高 {said} 个百分点"


def test_the_picture_can_be_read_in_both_languages():
    rng = np.random.default_rng(4)
    arms = np.array(["control", "treatment", "letter"])[np.arange(600) % 3]
    plan = settings(pilot(arms={"control": 1, "treatment": 1, "letter": 1}, metrics=[pilot()["metrics"][0], spend()]))
    delivered = tables(units(arms), outcomes(bought()), outcomes(rng.lognormal(8, 1, 600), metric="spend"))
    assert_figure_readable(measured(delivered, plan).figure())


def test_the_planted_effect_of_the_invented_client_is_found():
    """The truth lies inside the 99.9 % interval, for each pilot, metric and tier; effects there are differ from none."""
    from workbook.settings.reading import read_settings
    from workbook.sources.prepare import prepare

    told = ROOT / "data" / "synthetic" / "demo" / "truth.json"
    if not told.is_file():
        pytest.skip("the invented client's delivery is not here")
    plan = read_settings(ROOT, "demo", PERIOD, {"analysis.confidence": 0.999})
    effects = measured(prepare(ROOT, "demo", PERIOD, plan).tables, plan)
    truth = {p["id"]: p["true_effects"] for p in json.loads(told.read_text("utf-8"))["pilots"]}
    assert len(effects.effects) == sum(len(metrics) for metrics in truth.values())
    for effect in effects.effects:
        assert effect.found.low < truth[effect.pilot.id][effect.metric.id]["all"] < effect.found.high
    for part in effects.parts:
        assert part.found.low < truth[part.pilot.id][part.metric.id][part.stratum] < part.found.high


def three_arms(seed, gains, n=1500, spread=10.0):
    arms = np.array(["control", "letter", "call"])[np.arange(n) % 3]
    values = 100 + np.select([arms == "letter", arms == "call"], gains, 0.0) + np.random.default_rng(seed).normal(0, spread, n)
    plan = settings(pilot(arms={"control": "1/3", "letter": "1/3", "call": "1/3"}, metrics=[spend(margin=5)]))
    return tables(units(arms), outcomes(values, metric="spend")), plan


def test_intervals_of_two_arms_are_those_of_a_confidence_of_ninety_seven_and_a_half():
    delivered, plan = three_arms(0, [2.0, 8.0])
    effects = measured(delivered, plan)
    row = effects.frame.set_index("arm").loc["call"]
    assert row["high"] - row["effect"] == pytest.approx(2.2414 * row["error"], rel=5e-3)
    assert row["p_holm"] == pytest.approx(min(1, 2 * row["p"]), rel=1e-9) or row["p_holm"] >= row["p"]
    assert "hold together" in effects.table().note.render(EN) and "同时成立" in effects.table().note.render(ZH)


def test_hillstrom_arms_hold_together_and_lift_is_fiellers(hillstrom):
    delivered, plan = hillstrom
    frame = measured(delivered, plan).frame.set_index(["metric", "arm"])
    men, women = frame.loc[("spend", "men")], frame.loc[("spend", "women")]
    assert men["p_holm"] == pytest.approx(2 * 1.16381e-07, rel=1e-5) and women["p_holm"] == pytest.approx(
        0.0011293971, rel=1e-6
    )
    assert men["lift"] == pytest.approx(0.7698271559 / 0.6527894, rel=1e-5)
    assert men["lift_low"] < men["lift"] < men["lift_high"] and men["method"] == "fixed"
    assert frame["q"].notna().sum() == 4  # visits and conversions of two arms


def test_summaries_give_the_effect_of_the_units_they_were_made_of():
    values = 50 + 10 * bought() + np.random.default_rng(1).normal(0, 5, 600)
    plan = settings(pilot(metrics=[spend()]))
    whole = measured(tables(units(ARMS), outcomes(values, metric="spend")), plan).frame.iloc[0]
    arms = pd.Series(values).groupby(ARMS)
    rows = pd.DataFrame(
        {"pilot": "care", "arm": ["control", "treatment"], "metric": "spend", "looked_at": "2025-12-20",
         "n": arms.size().to_numpy(), "mean": arms.mean().to_numpy(), "variance": arms.var().to_numpy()}
    )  # fmt: skip
    found = measured(tables(units([]), pilot_summaries=rows), plan).frame.iloc[0]
    names = ["n_control", "n_arm", "effect", "low", "high", "p", "error"]
    assert found[names].tolist() == pytest.approx(whole[names].tolist(), rel=1e-9)


def test_summaries_day_after_day_are_looks_and_more_of_them_than_planned_widen_the_interval():
    days = pd.date_range("2025-10-08", periods=8, freq="7D")
    rng = np.random.default_rng(2)
    rows = pd.DataFrame(
        [("care", arm, "spend", day, 100 * (k + 1), 50 + gain + rng.normal(0, 0.2), 100.0)
         for k, day in enumerate(days) for arm, gain in (("control", 0.0), ("treatment", 1.5))],
        columns=["pilot", "arm", "metric", "looked_at", "n", "mean", "variance"],
    )  # fmt: skip
    planned = settings(pilot(metrics=[spend(margin=2.0)], looks=8, units=2000))
    unplanned = settings(pilot(metrics=[spend(margin=2.0)], looks=2, units=2000))
    one, other = (measured(tables(units([]), pilot_summaries=rows), plan) for plan in (planned, unplanned))
    assert [s.look.method for s in one.seen["care"]] == ["group_sequential"] * 8
    assert [s.look.method for s in other.seen["care"]] == ["group_sequential"] * 2 + ["anytime"] * 6
    assert other.frame["why"].tolist() == ["earlier"] and other.frame["high"].iloc[0] > one.frame["high"].iloc[0]
    figure, table = one.looks()
    assert_figure_readable(figure)
    assert len(table.frame) == 8 and "8" in table.note.render(ZH)


def test_looks_of_the_ledger_count():
    delivered, plan = tables(units(ARMS), outcomes(bought())), settings(pilot(looks=2, units=600))
    checks = check_pilots(delivered, plan)
    record = {"pilot": "care", "metric": "repeat", "arm": "treatment", "looked_at": "2025-10-31", "n_control": 150,
              "n_arm": 150, "effect": 0.1, "low": -0.1, "high": 0.3}  # fmt: skip
    found = measure_effects(delivered, plan, checks, pd.DataFrame([record]))
    assert [s.look.place for s in found.seen["care"]] == [1, 2]
    assert found.frame["method"].tolist() == ["group_sequential"] and found.frame["limit"].iloc[0] > 1.9600
    alone = measure_effects(delivered, plan, checks)
    assert alone.frame["limit"].iloc[0] == pytest.approx(1.95996, abs=1e-4)


def test_a_ratio_of_sums_is_that_of_the_delta_method():
    rng = np.random.default_rng(3)
    orders = rng.poisson(3, 600).astype(float)
    amount = orders * np.where(ARMS == "control", 20.0, 24.0) * rng.lognormal(0, 0.3, 600)
    metric = spend(id="basket", name="Basket", kind="ratio", denominator="orders", margin=1.0)
    delivered = tables(units(ARMS), outcomes(amount, metric="basket"), outcomes(orders, metric="orders"))
    row = measured(delivered, settings(pilot(metrics=[metric]))).frame.iloc[0]
    control, treated = ARMS == "control", ARMS != "control"
    assert row["control"] == pytest.approx(amount[control].sum() / orders[control].sum())
    draws = []
    for _ in range(2000):
        a, b = rng.choice(np.flatnonzero(control), control.sum()), rng.choice(np.flatnonzero(treated), treated.sum())
        draws.append(amount[b].sum() / orders[b].sum() - amount[a].sum() / orders[a].sum())
    assert row["error"] == pytest.approx(np.std(draws), rel=0.06) and row["verdict"] == "better"


def test_a_median_has_a_bootstrap_interval_that_holds_the_truth():
    rng = np.random.default_rng(4)
    values = rng.lognormal(np.where(ARMS == "control", 3.0, 3.4), 1)
    metric = spend(kind="quantile", quantile=0.5, margin=1.0)
    delivered = tables(units(ARMS), outcomes(values, metric="spend"))
    row = measured(delivered, settings(pilot(metrics=[metric]))).frame.iloc[0]
    assert row["low"] < np.exp(3.4) - np.exp(3.0) < row["high"]
    assert row["control"] == pytest.approx(np.median(values[ARMS == "control"]), rel=0.02)


def test_what_was_known_before_saves_variance_and_counts_only_where_the_card_says_so():
    rng = np.random.default_rng(5)
    before = rng.normal(100, 20, 600)
    values = before + np.where(ARMS == "control", 0.0, 6.0) + rng.normal(0, 10, 600)
    delivered = tables(units(ARMS), outcomes(values, metric="spend", pre_value=before))
    plain, adjusted = (
        measured(delivered, settings(pilot(metrics=[spend(margin=3, estimate=way)]))) for way in ("plain", "adjusted")
    )
    assert adjusted.frame["error"].iloc[0] < 0.6 * plain.frame["error"].iloc[0]
    ways = {way.way: way for way in plain.effects[0].ways}
    assert ways["adjusted"].gain == pytest.approx(0.8, abs=0.05) and ways["plain"].gain is None
    assert plain.ways()[0].frame["gain"].iloc[1].render(EN).endswith("%")


def test_a_relative_lift_over_a_level_that_may_be_zero_is_not_told():
    values = np.random.default_rng(6).normal(0, 10, 600)
    found = measured(tables(units(ARMS), outcomes(values, metric="spend")), settings(pilot(metrics=[spend()])))
    assert found.effects[0].lift is None and found.frame["lift"].isna().all()


def clustered(shops, gain=0.0, seed=0, correlation=0.1, size=30):
    rng = np.random.default_rng(seed)
    shop = np.repeat(np.arange(2 * shops), size)
    arms = np.where(shop % 2, "treatment", "control")
    level = rng.normal(0, np.sqrt(correlation), 2 * shops)[shop]
    values = 10 + level + rng.normal(0, np.sqrt(1 - correlation), len(shop)) + np.where(arms == "control", 0, gain)
    plan = settings(pilot(unit="cluster", metrics=[spend(margin=0.3)]))
    return tables(units(arms, cluster=[f"s{k:02d}" for k in shop]), outcomes(values, metric="spend")), plan


def test_clusters_count_as_one_each():
    delivered, plan = clustered(8, gain=1.0)
    effects = measured(delivered, plan)
    row = effects.frame.iloc[0]
    assert (row["n_control"], row["n_arm"], row["verdict"]) == (8, 8, "better")
    assert "clusters" in effects.table().note.render(EN) and 0 < row["p"] < 0.01


def test_one_cluster_an_arm_cannot_tell():
    effects = measured(*clustered(1, gain=5.0))
    assert effects.frame["verdict"].tolist() == ["no_interval"]
    assert "too few clusters" in effects.effects[0].words().render(EN)


def test_means_of_a_thousand_million_with_unit_variance_keep_their_digits():
    noise = np.random.default_rng(7).normal(0, 1, 600) + np.where(ARMS == "control", 0, 0.5)
    plan = settings(pilot(metrics=[spend(margin=0.1)]))
    one, other = (
        measured(tables(units(ARMS), outcomes(shift + noise, metric="spend")), plan).frame.iloc[0] for shift in (0.0, 1e9)
    )
    assert other["error"] == pytest.approx(one["error"], rel=1e-6) and other["effect"] == pytest.approx(one["effect"], abs=1e-6)


def test_a_guardrail_has_words_of_its_own():
    plan = settings(pilot(metrics=[spend(margin=5), spend(id="returns", name="Returns", margin=1.0, guardrail=True)]))
    values = 100 + np.random.default_rng(8).normal(0, 5, 600)
    found = measured(tables(units(ARMS), outcomes(values, metric="spend"), outcomes(values, metric="returns")), plan)
    by_role = {effect.role: effect for effect in found.effects}
    assert by_role["guardrail"].state in ("safe", "open") and by_role["primary"].state == "none"
    assert "guardrail" in str(found.table().bundle((EN,))["languages"]["en"]["cells"])


def test_hillstrom_reads_as_an_analyst_would_wish(hillstrom):
    """Both mailings sell; that for men sells most, and whether surely more than that for women is said with its interval."""
    delivered, plan = hillstrom
    checks = check_pilots(delivered, plan)
    effects = measure_effects(delivered, plan, checks)
    verdict = decide(effects, checks, plan, delivered.period)
    answer = {edition: str(verdict.answer().bundle((edition,))["languages"][edition.language]) for edition in (EN, ZH)}
    assert "(arm men): roll out" in answer[EN] and "raised it by CNY 0.77" in answer[EN] and "42,613 units" in answer[EN]
    assert "men 组" in answer[ZH] and "全面推广" in answer[ZH]
    rival = verdict.decisions[0].rival
    assert rival.effect.arm == "women" and rival.difference == pytest.approx(0.7698271559 - 0.4244122159, abs=1e-9)
    spent = delivered.sql(
        "select a.arm, o.value from outcomes o join assignments a using (unit_id) where o.metric = 'spend' and a.arm <> 'none'"
    )
    other = CompareMeans(*(DescrStatsW(spent.loc[spent["arm"] == arm, "value"]) for arm in ("men", "women")))
    low, high = other.zconfint_diff(alpha=0.025, usevar="unequal")
    assert (rival.low, rival.high) == pytest.approx((low, high), rel=1e-6)
    assert ("is better than arm women too" if low > 0 else "than arm women is not clear") in answer[EN]


def test_notes_speak_only_of_the_ways_that_are_shown():
    values = np.random.default_rng(9).lognormal(3, 1.5, 600)
    reached = np.where((ARMS == "treatment") & (np.arange(600) % 3 > 0), "2025-10-02", None)
    effects = measured(
        tables(units(ARMS, exposed_at=reached), outcomes(values, metric="spend")), settings(pilot(metrics=[spend()]))
    )
    note = effects.ways()[0].note.render(EN)
    assert "capped at the 99% quantile" in note and "As treated compares" in note


def test_a_ratio_from_summaries_is_that_of_the_units():
    rng = np.random.default_rng(31)
    n = 600
    orders = 1.0 + rng.poisson(2, n)
    spent = orders * rng.lognormal(3, 0.5, n)
    metric = spend(kind="ratio", denominator="orders", margin=2.0)
    plan = settings(pilot(metrics=[metric]))
    of_units = measured(tables(units(two_arms(n)), outcomes(spent, metric="spend"), outcomes(orders, metric="orders")), plan)
    rows = []
    for arm in ("control", "treatment"):
        y, x = (values[two_arms(n) == arm] for values in (spent, orders))
        base = {"pilot": "care", "arm": arm, "looked_at": "2025-12-20", "n": len(y)}
        rows += [base | {"metric": "spend", "mean": y.mean(), "variance": y.var(ddof=1), "covariance": np.cov(x, y)[0, 1]},
                 base | {"metric": "orders", "mean": x.mean(), "variance": x.var(ddof=1)}]  # fmt: skip
    whole = pd.DataFrame(rows)
    of_sums = measured(tables(units([]), pilot_summaries=whole), plan)
    columns = ["n_control", "n_arm", "control", "treated", "effect", "low", "high", "p", "error"]
    pd.testing.assert_frame_equal(of_sums.frame[columns], of_units.frame[columns], rtol=1e-9)
    (note,) = measured(tables(units([]), pilot_summaries=whole.drop(columns="covariance")), plan).missing
    assert "covariance of both" in note.why.render(EN) and "pilot_summaries.covariance" in note.missing
    (note,) = measured(tables(units([]), pilot_summaries=whole), settings(pilot(metrics=[spend(kind="quantile")]))).missing
    assert "No quantile can be told" in note.why.render(EN) and "分位数" in note.why.render(ZH)

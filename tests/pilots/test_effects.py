import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.pilots.trials import PERIOD, outcomes, pilot, settings, spend, tables, two_arms, units
from tests.report.picture_checks import assert_figure_readable

from workbook.errors import WorkbookError
from workbook.language import Edition
from workbook.pilots.checks import check_pilots
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
        "verdict",
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


def test_a_proportion_of_something_else_than_yes_and_no_is_refused():
    with pytest.raises(WorkbookError, match="expected 0 or 1"):
        measured(tables(units(ARMS), outcomes(np.full(600, 3.2))), settings(pilot()))


@pytest.mark.parametrize("constant", [0.0, 7.0])
def test_a_constant_metric_says_that_it_cannot_tell(constant):
    plan = settings(pilot(metrics=[spend()]))
    effects = measured(tables(units(ARMS), outcomes(np.full(600, constant), metric="spend")), plan)
    assert effects.frame["verdict"].tolist() == ["no_interval"]


def test_all_outcomes_missing_is_not_measured():
    effects = measured(tables(units(ARMS), outcomes(np.full(600, np.nan))), settings(pilot()))
    assert effects.frame.empty and effects.missing[0].missing == ("outcomes.value",)


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

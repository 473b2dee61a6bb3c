"""Scores, tiers and what they bring: thresholds, weights, missing values, invariants, titles that match their tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbook.errors import SettingsError, WorkbookError
from workbook.grading.score import grade, tier_of
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured, Table
from workbook.settings.models import Comparison, Grading, Index, IndexGroup, Tier

quickly = settings(max_examples=40, deadline=None)

PERIOD = Period.parse("2025Q4")
EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")


def one_index(**more):
    """A grading by revenue alone."""
    return Grading(
        groups=[IndexGroup(id="g", name="G")],
        indices=[Index(**{"id": "worth", "name": "Worth", "source": "revenue", "group": "g", **more})],
    )


def people(**columns):
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"customer_id": [f"c{k:03d}" for k in range(n)], "revenue": 1.0, **columns})


def graded(profile, grading):
    found = grade(profile, grading, period=PERIOD)
    assert not isinstance(found, NotMeasured)
    return found


def test_tiers_begin_exactly_at_their_thresholds():
    scores = np.array([100, 90, 89.99999, 80, 79.99999, 60, 59.99999, 0, 79.99999999999999])
    expected = ["diamond", "diamond", "gold", "gold", "silver", "silver", "ordinary", "ordinary", "gold"]
    assert list(tier_of(scores, Grading())) == expected


@quickly
@given(st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_tiers_agree_with_asking_each_threshold_in_turn(scores):
    tiers = [(90, "diamond"), (80, "gold"), (60, "silver"), (0, "ordinary")]
    asked = [next(id for low, id in tiers if score + 1e-9 >= low) for score in scores]
    assert list(tier_of(np.array(scores), Grading())) == asked


@quickly
@given(st.lists(st.integers(0, 100), min_size=1, max_size=60))
def test_quantile_tiers_never_hold_more_than_their_share_and_keep_ties_together(scores):
    grading = Grading(cut="quantile")
    found = pd.Series(tier_of(np.array(scores, dtype=float), grading))
    top = np.cumsum([(found == tier.id).mean() for tier in grading.tiers[:-1]])
    assert (top <= np.array([0.1, 0.2, 0.4]) + 1e-9).all()
    assert all(len(set(alike)) == 1 for _, alike in found.groupby(scores))


def test_quantile_tiers_of_ten_different_scores():
    found = list(tier_of(np.arange(10.0), Grading(cut="quantile")))
    assert found == ["ordinary"] * 6 + ["silver"] * 2 + ["gold", "diamond"]


def test_score_is_the_weighted_mean_of_groups_and_indices():
    grading = Grading(
        groups=[IndexGroup(id="a", name="A", weight=3), IndexGroup(id="b", name="B", weight=1)],
        indices=[
            Index(id="x", name="X", source="x", group="a", normalise="target", target=100, weight=2),
            Index(id="y", name="Y", source="y", group="a", normalise="target", target=100, weight=1),
            Index(id="z", name="Z", source="z", group="b", normalise="target", target=100),
        ],
    )
    found = graded(people(x=[90.0, 0.0], y=[60.0, 30.0], z=[20.0, 100.0]), grading)
    # 0.75 · (2·90 + 60)/3 + 0.25 · 20 and 0.75 · 10 + 0.25 · 100
    assert list(found.frame["score"]) == pytest.approx([65.0, 32.5])
    assert found.index_weights == pytest.approx({"x": 0.5, "y": 0.25, "z": 0.25})
    shown = ["customer_id", "index_x", "index_y", "index_z", "score", "tier", "revenue", "tier_by_score", "waiting", "rule"]
    assert list(found.frame.columns) == [*shown, "held"]


def test_excluded_values_are_reweighted_inside_their_group_first():
    more = {"normalise": "target", "target": 100, "missing": "exclude"}
    grading = Grading(
        groups=[IndexGroup(id="a", name="A", weight=50), IndexGroup(id="b", name="B", weight=50)],
        indices=[
            Index(id="x", name="X", source="x", group="a", **more),
            Index(id="y", name="Y", source="y", group="a", **more),
            Index(id="z", name="Z", source="z", group="b", **more),
        ],
    )
    profile = people(x=[80.0, 80.0, np.nan, np.nan], y=[np.nan, 20, np.nan, np.nan], z=[20.0, np.nan, 70, np.nan])
    found = graded(profile, grading)
    assert list(found.frame["score"]) == pytest.approx([50, 50, 70, 0])
    assert found.unscored == 1
    assert found.frame["tier"].iloc[3] == "ordinary"


def test_an_index_nobody_has_gives_its_weight_to_its_group_and_is_named(make_profile):
    profile = make_profile().assign(margin=np.nan)
    base = Grading()
    margin = Index(id="margin", name={"en": "Margin", "zh": "毛利"}, source="margin", group="potential")
    found = graded(profile, base.model_copy(update={"indices": [*base.indices, margin]}))
    assert found.unmeasured == ("margin",)
    assert found.frame["score"].equals(graded(profile, base).frame["score"])
    words = next(p.words for p in found.limits() if p.id == "grading.limits_unmeasured")
    assert "Margin" in words.render(EN) and "毛利" in words.render(ZH)


def test_nothing_measured_is_said_and_no_exception():
    nothing = grade(people(revenue=[np.nan, np.nan]), one_index(), period=PERIOD)
    assert isinstance(nothing, NotMeasured)
    assert isinstance(grade(people(revenue=np.array([])), one_index(), period=PERIOD), NotMeasured)


def test_one_customer_can_be_graded():
    found = graded(people(revenue=[5.0]), one_index())
    assert found.frame["score"].iloc[0] == 50
    assert found.tiers["revenue_share"].iloc[3] == 1


def test_order_of_the_customers_changes_nothing(make_profile):
    profile = make_profile()
    shuffled = profile.sample(frac=1, random_state=2)
    one, other = graded(profile, Grading()), graded(shuffled, Grading())
    assert one.frame.equals(other.frame) and one.tiers.equals(other.tiers)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(st.integers(-6, 6), st.integers(0, 50))
def test_unit_of_money_and_seed_do_not_matter_to_default_scores(make_profile, power, seed):
    profile = make_profile(60, seed)
    money = ["revenue", "revenue_period", "revenue_previous"]
    scaled = profile.assign(**{name: profile[name] * 2.0**power for name in money})
    one, other = graded(profile, Grading()), graded(scaled, Grading())
    assert one.frame["tier"].equals(other.frame["tier"])
    assert one.frame["score"].between(0, 100).all()
    assert sum(one.index_weights.values()) == pytest.approx(1)
    assert one.tiers["customers"].sum() == 60
    assert one.tiers["revenue"].sum() == pytest.approx(profile["revenue"].sum())


def test_more_revenue_never_lowers_a_score(make_profile):
    profile = make_profile(80)
    before = graded(profile, Grading()).frame["score"]
    for k in (1, 33, 79):
        richer = profile.copy()
        richer.loc[k, "revenue"] *= 3
        assert graded(richer, Grading()).frame["score"].iloc[k] >= before.iloc[k] - 1e-9


def test_comparisons_replace_the_given_weights(make_profile):
    pairs = {"financial/potential": "5/3", "financial/risk": 2.5, "potential/risk": 1.5}
    found = graded(make_profile(), Grading(comparisons=[Comparison(expert="sales", pairs=pairs)]))
    assert found.group_weights == pytest.approx({"financial": 0.5, "potential": 0.3, "risk": 0.2})
    assert [block.id for block in found.weighing()] == ["grading.ahp"]
    assert [block.id for block in graded(make_profile(), Grading()).weighing()] == ["grading.weights"]


def test_comparisons_among_the_indices_of_a_group_replace_their_weights(make_profile):
    among = [{"expert": "sales", "among": "financial", "pairs": {"revenue/frequency": 3}}]
    found = graded(make_profile(), Grading.model_validate({"comparisons": among}))
    assert found.index_weights["revenue"] == pytest.approx(0.5 * 0.75)
    assert found.index_weights["frequency"] == pytest.approx(0.5 * 0.25)
    assert [block.id for block in found.weighing()] == ["grading.weights", "grading.ahp.financial"]
    by_hand = graded(make_profile(), with_weights({"revenue": 75, "frequency": 25}))
    assert found.frame["score"].tolist() == pytest.approx(by_hand.frame["score"].tolist())


def with_weights(weights):
    settings = Grading()
    indices = [i.model_copy(update={"weight": weights.get(i.id, i.weight)}) for i in settings.indices]
    return settings.model_copy(update={"indices": indices})


def test_better_tiers_bring_more_revenue_a_customer(make_profile):
    tiers = graded(make_profile(3000), Grading()).tiers
    each = tiers["revenue"] / tiers["customers"]
    assert (np.diff(each) < 0).all()


def broken(**update):
    return Grading().model_copy(update=update)


TIER = {"name": "T"}


@pytest.mark.parametrize(
    ("grading", "said"),
    [
        (broken(tiers=[Tier(id="a", at_least=90, **TIER), Tier(id="b", at_least=10, **TIER)]), "down to 0"),
        (broken(tiers=[Tier(id="a", at_least=50, **TIER), Tier(id="b", at_least=60, **TIER), Tier(id="c", at_least=0, **TIER)]),
         "falling thresholds"),
        (broken(tiers=[]), "falling thresholds"),
        (broken(groups=Grading().groups[:2]), "grading.indices.recency.group: found 'risk'"),
        (broken(groups=[*Grading().groups, IndexGroup(id="idle", name="I", weight=1)]), "grading.groups.idle: no index"),
        (broken(groups=[IndexGroup(id="financial", name="F"), *Grading().groups[1:]]), "some groups have a weight"),
        (broken(indices=[*Grading().indices, Grading().indices[0]]), "'revenue' stands there twice"),
        (broken(indices=[*Grading().indices, Index(id="q", name="q", source="orders", group="financial")]),
         "give all or none"),
        (broken(indices=[]), "no index belongs to it"),
    ],
)  # fmt: skip
def test_settings_that_contradict_themselves_are_named(make_profile, grading, said):
    with pytest.raises(SettingsError) as caught:
        grade(make_profile(20), grading, period=PERIOD)
    assert said in str(caught.value)


def test_a_customer_in_two_rows_is_refused(make_profile):
    profile = make_profile(5)
    with pytest.raises(WorkbookError, match="c0000001"):
        grade(pd.concat([profile, profile.iloc[[1]]]), Grading(), period=PERIOD)


def test_titles_say_what_their_tables_hold():
    # 2 of 40 customers hold the top tier and bring 76 of 114
    profile = people(revenue=[1.0] * 38 + [38.0, 38.0])
    found = graded(profile, one_index(normalise="minmax"))
    title = found.pyramid().title
    assert title.render(EN) == "Diamond and Gold: 5.0% of customers bring 67% of revenue"
    assert title.render(ZH) == "钻石与黄金客户占 5.0%，贡献收入的 67%"
    assert found.tiers["revenue_share"].iloc[0] == pytest.approx(76 / 114)
    # 76 + 16 of the others reach 91.2 = 80% of 114
    assert found.share_curve().title.render(EN) == "The largest 45% of customers bring 80% of revenue"
    high = found.key_figures()[0]
    assert high.value.render(EN) == "67%" and high.label.render(ZH) == "钻石、黄金客户的收入占比"


def test_few_customers_are_told_as_counts_and_odd_cases_in_neutral_words():
    few = graded(people(revenue=[1.0] * 18 + [38.0, 38.0]), one_index(normalise="minmax"))
    assert few.pyramid().title.render(EN) == "Diamond and Gold: 2 of 20 customers, 81% of revenue"
    level = graded(people(revenue=[5.0] * 40), one_index())
    assert level.pyramid().title.render(EN) == "No customer reaches Diamond and Gold"
    nothing = graded(people(revenue=[0.0] * 39 + [0.0], x=[0.0] * 39 + [9.0]), one_index(source="x", normalise="minmax"))
    assert nothing.pyramid().title.render(EN) == "Diamond and Gold: 2.5% of customers"
    assert nothing.share_curve().title.render(EN) == "Revenue by customers, largest first"
    assert nothing.tiers["revenue_share"].isna().all()


def test_high_tiers_that_nobody_reaches_are_told_with_the_remedy():
    level = graded(people(revenue=[5.0] * 40), one_index())
    words = next(p.words for p in level.limits() if p.id == "grading.limits_empty")
    assert words.render(EN).startswith("Nobody reaches Diamond, Gold; the best score is 50.0.")
    assert "grading.cut" in words.render(ZH)
    reached = graded(people(revenue=[float(k) for k in range(40)]), one_index())
    assert [p.id for p in reached.limits()] == ["grading.limits"]


def test_agreement_with_the_clients_tiers(make_profile):
    profile = make_profile(200)
    computed = graded(profile, Grading())
    names = {"diamond": "钻石", "gold": "Gold", "silver": "silver", "ordinary": " 普通 "}
    same = graded(profile.assign(tier=computed.frame["tier"].map(names)), Grading()).agreement()
    assert isinstance(same, Table)
    assert same.title.render(EN) == "100% of customers keep their present tier"
    assert "weighted kappa 1.00" in same.note.render(EN)
    other = graded(profile.assign(tier="A"), Grading()).agreement()
    assert other.title.render(EN) == "The client's present tiers against the computed ones"
    assert other.frame["n"].tolist() == [200]
    assert isinstance(graded(profile.assign(tier=None), Grading()).agreement(), NotMeasured)
    assert isinstance(graded(profile.drop(columns="tier"), Grading()).agreement(), NotMeasured)


def test_every_block_shows_in_both_languages_and_pictures_are_readable(make_profile, check_picture):
    found = graded(make_profile(), Grading())
    for figure in (found.pyramid(), found.share_curve(), found.distribution()):
        check_picture(figure)
    blocks = (found.tiers_table(), found.indices_table(), found.weights_table(),
              found.agreement(), *found.limits(), *found.key_figures())  # fmt: skip
    assert len({block.id for block in blocks}) == len(blocks)
    for block in blocks:
        block.bundle((EN, ZH))


def test_pictures_of_two_and_of_seven_tiers_are_readable(make_profile, check_picture):
    for lows in ((50, 0), (90, 80, 70, 60, 40, 20, 0)):
        tiers = [Tier(id=f"t{k}", name={"en": f"Level {k}", "zh": f"{k} 级"}, at_least=low) for k, low in enumerate(lows, 1)]
        found = graded(make_profile(), Grading(tiers=tiers, high_tiers=1))
        check_picture(found.pyramid())
        check_picture(found.share_curve())
        check_picture(found.distribution())


def test_long_names_of_tiers_leave_room_for_the_pyramid(make_profile, check_picture):
    tiers = [
        {"id": "top", "name": "Partners whom the board looks after in person, all year round", "at_least": 60},
        {
            "id": "rest",
            "name": {"en": "Everybody else " * 5, "zh": "其他所有由门店日常服务的客户与潜在客户" * 2},
            "at_least": 0,
        },
    ]
    plan = Grading.model_validate({"tiers": tiers, "high_tiers": 1})
    check_picture(graded(make_profile(), plan).pyramid())

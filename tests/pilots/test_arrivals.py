import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.pilots.trials import pilot, settings, tables, units

from workbook.language import Edition
from workbook.pilots.arrivals import draw_arrivals
from workbook.pilots.card import card_of
from workbook.pilots.draws import arm_by_hash, arms_of, hashes
from workbook.report.blocks import NotMeasured
from workbook.settings.checks import check

THIRDS = {"control": 0.5, "letter": 0.3, "call": 0.2}
IDS = pd.Series([f"c{k:05d}" for k in range(3000)])
PROFILE = pd.DataFrame({"customer_id": IDS, "tier": "gold", "kind": np.where(np.arange(3000) % 10, "person", "company")})
CONSENTS = pd.DataFrame({"customer_id": IDS[100:], "purpose": "marketing", "standing": "granted"})


def came(profile=PROFILE, consents=CONSENTS, taken=1000, seed=3, **changes):
    plan = {"arrivals": True, "ends": "2026-02-28", "groups": "kind = 'person'", "arms": THIRDS}
    delivered = tables(units(np.array(list(THIRDS))[np.arange(taken) % 3]))
    return draw_arrivals(delivered, profile, None, settings(pilot(**(plan | changes)), seed=seed), consents)


def test_the_shares_of_many_seeds_are_those_of_the_card():
    """The chi-square of each seed follows its distribution, and of all seeds together the shares are those planned."""
    arms = list(THIRDS)
    drawn = hashes(IDS, *[f"{seed}:care:" for seed in range(200)])
    counts = np.array([[(found == arm).sum() for arm in arms] for found in (arms_of(one, THIRDS) for one in drawn)])
    expected = 3000 * np.array(list(THIRDS.values()))
    p = stats.chi2.sf(((counts - expected) ** 2 / expected).sum(axis=1), 2)
    assert stats.kstest(p, "uniform").pvalue > 0.01 and ((p < 0.05).sum()) <= 20
    assert counts.sum(axis=0) / counts.sum() == pytest.approx(list(THIRDS.values()), abs=0.002)


def test_the_same_customer_lands_in_the_same_arm_in_any_order_and_company():
    whole = came().frame.set_index("customer_id")["arm"]
    few = came(profile=PROFILE.sample(frac=0.3, random_state=2)).frame.set_index("customer_id")["arm"]
    later = came(taken=1500).frame.set_index("customer_id")["arm"]
    assert len(few) > 400 and (few == whole[few.index]).all() and (later == whole[later.index]).all()


def test_arms_of_two_pilots_and_two_seeds_have_nothing_to_do_with_each_other():
    for one, other in (("1:care:", "1:card:"), ("1:care:", "2:care:")):
        table = pd.crosstab(arm_by_hash(IDS, one, THIRDS), arm_by_hash(IDS, other, THIRDS))
        assert stats.chi2_contingency(table).pvalue > 0.001


def test_only_new_customers_who_meet_the_condition_and_granted_consent_are_drawn():
    found = came()
    ids = set(found.frame["customer_id"])
    assert ids == set(PROFILE.loc[PROFILE.index >= 1000].query("kind == 'person'")["customer_id"]) & set(
        CONSENTS["customer_id"]
    )
    assert came(taken=50).blocked == 45 and came(consents=None).frame.empty
    assert found.frame["stratum"].unique().tolist() == ["gold"] and list(found.frame.columns) == [
        "pilot", "customer_id", "stratum", "arm",
    ]  # fmt: skip


def test_a_pilot_that_has_ended_or_takes_nobody_draws_nobody():
    assert came(ends="2025-12-20").blocks() == () and came(arrivals=False).blocks() == ()
    assert came(starts="2026-01-05").blocks() == ()
    assert isinstance(came(profile=PROFILE.head(1000)).table(), NotMeasured)
    assert isinstance(came(arrivals=False).sheet(), NotMeasured)


def test_the_table_says_how_many_came_and_what_the_card_fixed():
    table = came().table()
    assert table.title.render(Edition("en")) == "1,800 customers came and are drawn into Care calls"
    assert table.title.render(Edition("zh")).startswith("新来客户 1,800 位")
    assert table.frame["drawn"].sum() == 1800 and table.frame["planned"].tolist() == [0.5, 0.3, 0.2]


def test_a_card_fixed_before_arrivals_could_be_asked_for_is_the_same_still():
    plain, taking = (settings(pilot(arrivals=on)).pilots[0] for on in (False, True))
    assert "arrivals" not in card_of(plain, 0.95) and card_of(taking, 0.95)["arrivals"] == "yes"


def test_arrivals_of_clusters_are_refused_in_the_settings():
    assert any("clusters" in fault.found for fault in check(settings(pilot(arrivals=True, unit="cluster"))))

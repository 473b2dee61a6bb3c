import numpy as np
import pandas as pd
import pytest
from scipy import spatial, stats

from workbook.language import Edition
from workbook.pilots.design import draw_assignment
from workbook.pilots.draws import distance, known_before, limit
from workbook.settings.models import Settings

EN, ZH = Edition("en"), Edition("zh")


def plan(seed=1, **changes):
    return Settings(client={"name": "x"}, seed=seed, next_pilot={"strata": [], **changes})


def people(n=300, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"customer_id": [f"c{i:04d}" for i in range(n)], "revenue": rng.lognormal(6, 1, n),
                         "orders": rng.poisson(4, n), "recency_days": rng.integers(0, 300, n)})  # fmt: skip


def draw(seed=1, n=300, **changes):
    profile = people(n)
    return draw_assignment(profile, None, plan(seed, **changes), allowed=list(profile["customer_id"]))


def test_the_distance_is_that_of_a_second_implementation():
    table = people()
    raw = table[["revenue", "orders", "recency_days"]].to_numpy(float)
    arm = np.where(np.arange(300) % 3, "treatment", "control").astype(object)
    found = distance(known_before(table, ["revenue", "orders", "recency_days"]), arm, "control")
    apart = spatial.distance.mahalanobis(raw[arm == "control"].mean(0), raw[arm != "control"].mean(0),
                                         np.linalg.inv(np.cov(raw.T, bias=True)))  # fmt: skip
    assert found == pytest.approx(apart**2 / (1 / 100 + 1 / 200), rel=1e-9)


def test_without_a_wish_for_balance_the_first_draw_stays_as_it_was():
    assert draw().draw == 1 and "Draw" not in draw().balance_table().note.render(EN)


def test_the_kept_draw_lies_among_the_best_and_is_repeatable():
    one, other = draw(balance=0.05), draw(balance=0.05)
    pd.testing.assert_frame_equal(one.frame, other.frame)
    known = known_before(one.people, ["revenue", "orders", "recency_days"])
    assert distance(known, one.frame["arm"].to_numpy(object), "control") <= stats.chi2.ppf(0.05, 3)
    assert one.frame["arm"].value_counts().to_dict() == {"control": 150, "treatment": 150}
    assert f"Draw {one.draw} was kept" in one.balance_table().note.render(EN) and one.balance_table().bundle((EN, ZH))


def test_the_number_of_draws_is_what_the_share_says():
    tries = [draw(seed, n=60, balance=0.2).draw for seed in range(20)]
    assert 2.5 < np.mean(tries) < 9


def test_with_several_arms_every_one_is_close_to_the_control():
    found = draw(balance=0.1, arms={"control": 1, "a": 1, "b": 1})
    known = known_before(found.people, ["revenue", "orders", "recency_days"])
    assert distance(known, found.frame["arm"].to_numpy(object), "control") <= limit(3, 0.1, 3)


def test_redrawing_narrows_the_scatter_of_an_outcome_that_follows_what_was_known():
    profile = people(80)
    outcome = stats.zscore(profile["orders"].to_numpy(float))

    def gaps(**changes):
        found = [
            draw_assignment(profile, None, plan(seed, **changes), allowed=list(profile["customer_id"])) for seed in range(30)
        ]
        return [outcome[f.frame["arm"] == "treatment"].mean() - outcome[f.frame["arm"] == "control"].mean() for f in found]

    wide, narrow = np.std(gaps()), np.std(gaps(balance=0.1))
    assert narrow < 0.75 * wide


def test_constants_copies_and_gaps_among_the_covariates_do_no_harm():
    table = people().assign(score=5.0, tenure_days=lambda t: 2 * t["orders"], revenue_period=np.nan)
    table.loc[:20, "revenue"] = np.nan
    known = known_before(table, ["revenue", "orders", "score", "tenure_days", "revenue_period", "not_there"])
    assert known.shape == (300, 2) and np.isfinite(known).all()
    assert known_before(table, ["score"]).shape == (300, 0) and limit(0, 0.1, 2) == 0.0

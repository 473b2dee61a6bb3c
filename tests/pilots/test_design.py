import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import power_proportions_2indep

from workbook.errors import WorkbookError
from workbook.language import Edition
from workbook.pilots.design import draw_assignment
from workbook.pilots.draws import allot
from workbook.pilots.power import detectable_mean, detectable_proportion
from workbook.pilots.units import meeting
from workbook.report.blocks import NotMeasured, Sheet
from workbook.settings.models import Settings

N = 800


def plan(seed=1, **changes):
    return Settings(client={"name": "x"}, seed=seed, next_pilot=changes)


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(5)
    ids = [f"c{k:04d}" for k in range(N)]
    profile = pd.DataFrame(
        {
            "customer_id": ids,
            "region": rng.choice(["north", "south"], N),
            "tier": "old",
            "tickets": rng.integers(0, 3, N),
            "revenue": rng.lognormal(6, 1, N),
            "orders": rng.integers(0, 9, N),
            "recency_days": rng.integers(0, 300, N),
            "tenure_days": rng.integers(0, 900, N),
            "revenue_period": rng.lognormal(4, 1, N),
            "orders_period": rng.integers(0, 3, N),
        }
    )
    scores = pd.DataFrame({"customer_id": ids, "score": rng.uniform(0, 99, N), "tier": rng.choice(["gold", "silver"], N)})
    return profile, scores, set(ids)


def test_the_order_of_the_profile_has_no_influence(people):
    profile, scores, allowed = people
    one = draw_assignment(profile, scores, plan(), allowed=allowed)
    other = draw_assignment(profile.sample(frac=1, random_state=3), scores.sample(frac=1), plan(), allowed=allowed)
    pd.testing.assert_frame_equal(one.frame, other.frame)


def test_another_seed_draws_another_assignment(people):
    profile, scores, allowed = people
    one, other = (draw_assignment(profile, scores, plan(seed), allowed=allowed).frame for seed in (1, 2))
    assert 0.35 < (one["arm"] == other["arm"]).mean() < 0.65


def test_the_draw_is_written_down_for_ever():
    """Anybody can repeat it: SHA-256 of seed, pilot and customer decides, not the version of a library."""
    profile = pd.DataFrame({"customer_id": [f"c{k}" for k in range(8)], "tier": "gold"})
    drawn = draw_assignment(profile, None, plan(seed=42), allowed=set(profile["customer_id"]))
    arms = dict(zip(drawn.frame["customer_id"], drawn.frame["arm"], strict=True))
    ordered = sorted(arms, key=lambda c: hashlib.sha256(f"42:next_pilot:{c}".encode()).hexdigest())
    first, second = arms[ordered[0]], arms[ordered[1]]
    assert first != second and [arms[c] for c in ordered] == [first, second] * 4


def test_strata_are_split_evenly_and_the_new_tier_is_used(people):
    profile, scores, allowed = people
    drawn = draw_assignment(profile, scores, plan(strata=["tier", "region"]), allowed=allowed)
    counts = pd.crosstab(drawn.frame["stratum"], drawn.frame["arm"])
    assert set(counts.index) == {"gold|north", "gold|south", "silver|north", "silver|south"}
    assert (counts["control"] - counts["treatment"]).abs().max() <= 1


def test_nobody_without_consent_is_drawn_and_the_blocked_are_counted(people):
    profile, scores, allowed = people
    some = set(sorted(allowed)[:300])
    drawn = draw_assignment(profile, scores, plan(), allowed=some)
    assert set(drawn.frame["customer_id"]) == some and drawn.blocked == N - 300
    framed = draw_assignment(profile, scores, plan(), allowed=pd.DataFrame({"customer_id": sorted(some)}))
    pd.testing.assert_frame_equal(framed.frame, drawn.frame)


@pytest.mark.parametrize("allowed", [None, set()])
def test_without_consents_nobody_takes_part(people, allowed):
    profile, scores, _ = people
    drawn = draw_assignment(profile, scores, plan(), allowed=allowed)
    assert drawn.frame.empty and isinstance(drawn.artefact, NotMeasured) and len(drawn.blocks()) == 1
    assert isinstance(drawn.sheet(), NotMeasured) and list(drawn.frame.columns) == ["pilot", "customer_id", "stratum", "arm"]


def test_the_condition_and_the_largest_size_hold(people):
    profile, scores, allowed = people
    drawn = draw_assignment(profile, scores, plan(groups="tickets >= 1 and tier = 'gold'", largest=50), allowed=allowed)
    chosen = profile.merge(scores[["customer_id", "tier"]], on="customer_id", suffixes=("_old", ""))
    met = chosen[(chosen["tickets"] >= 1) & (chosen["tier"] == "gold")]
    assert len(drawn.frame) == 50 and drawn.beyond == len(met) - 50
    assert set(drawn.frame["customer_id"]) <= set(met["customer_id"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"groups": "nonsense > 1"}, "next_pilot.groups: found 'nonsense > 1'"), ({"strata": ["colour"]}, "next_pilot.strata")],
)
def test_a_broken_plan_is_told_with_its_place(people, changes, said):
    profile, scores, allowed = people
    with pytest.raises(WorkbookError, match=said):
        draw_assignment(profile, scores, plan(**changes), allowed=allowed)


@examples(max_examples=60, deadline=None)
@given(st.integers(0, 400), st.lists(st.floats(0.05, 5), min_size=2, max_size=5), st.floats(0, 0.999))
def test_arms_hold_their_shares_within_a_unit(n, shares, start):
    arms = {f"a{k}": s for k, s in enumerate(shares)}
    drawn = pd.Series(allot(n, arms, start)).value_counts().reindex(list(arms), fill_value=0)
    expected = n * np.array(shares) / sum(shares)
    assert drawn.sum() == n and np.abs(drawn.to_numpy() - expected).max() <= len(arms)


def test_every_unit_has_the_same_chance_of_each_arm():
    profile = pd.DataFrame({"customer_id": [f"c{k:02d}" for k in range(30)], "tier": ["gold"] * 9 + ["silver"] * 21})
    allowed = set(profile["customer_id"])
    arms = {"control": 0.5, "letter": 0.2, "call": 0.3}
    drawn = pd.concat(draw_assignment(profile, None, plan(s, arms=arms), allowed=allowed).frame for s in range(30))
    seen = pd.crosstab(drawn["customer_id"], drawn["arm"])[list(arms)]
    # a customer with an arm of his own, or a first place with one, would make this table lopsided
    assert stats.chi2_contingency(seen).pvalue > 0.001
    assert stats.chisquare(seen.sum(), 900 * pd.Series(arms)).pvalue > 0.001


def test_balance_is_shown_and_a_random_draw_is_alike(people):
    profile, scores, allowed = people
    drawn = draw_assignment(profile, scores, plan(), allowed=allowed)
    balance = drawn.balance()
    assert set(balance["covariate"]) == {"revenue", "orders", "revenue_period", "recency_days", "tenure_days", "score"}
    assert balance["smd"].abs().max() < 0.25
    words = drawn.balance_table().bundle((Edition("en"), Edition("zh")))["languages"]
    assert {row[-1] for row in words["en"]["cells"]} <= {"alike", "within chance", "uneven"}


def test_detectable_differences_agree_with_statsmodels():
    least = detectable_mean(spread=50, n_control=300, n_arm=200, confidence=0.95, power=0.8)
    # statsmodels counts the other tail too: its power is greater by less than 1e-6
    power = NormalIndPower().power(least / 50, nobs1=300, alpha=0.05, ratio=200 / 300)
    assert power == pytest.approx(0.8, abs=1e-5)
    rise = detectable_proportion(level=0.3, n_control=300, n_arm=300, confidence=0.95, power=0.8)
    assert power_proportions_2indep(rise, 0.3, 300, alpha=0.05).power == pytest.approx(0.8, abs=1e-4)


def test_a_pilot_too_small_to_find_any_rise_says_so():
    assert np.isnan(detectable_proportion(level=0.9, n_control=5, n_arm=5, confidence=0.95, power=0.8))


def test_the_sheet_holds_every_customer_and_the_tables_read_in_both_languages(people):
    profile, scores, allowed = people
    drawn = draw_assignment(profile, scores, plan(), allowed=allowed)
    sheet = drawn.sheet()
    assert isinstance(sheet, Sheet) and len(sheet.table.frame) == N
    words = [block.bundle((Edition("en"), Edition("zh")))["languages"] for block in drawn.blocks()]
    assert words[0]["zh"]["head"] == ["分层", "对照组", "试点组"]


def test_without_scores_the_clients_own_tier_makes_the_strata(people):
    profile, _, allowed = people
    unscored = NotMeasured("x", Settings.model_fields["client"].description or "")  # type: ignore[arg-type]
    drawn = draw_assignment(profile, unscored, plan(), allowed=allowed)
    assert set(drawn.frame["stratum"]) == {"old"}


def test_the_title_of_the_balance_counts_what_the_table_calls_uneven(people):
    """A title said that the arms differed where the table called every comparison alike or within chance."""
    profile, scores, allowed = people
    for seed in range(6):
        drawn = draw_assignment(profile.head(40), scores, plan(seed), allowed=allowed)
        words = drawn.balance_table().bundle([Edition("en")])["languages"]["en"]
        uneven, cases = sum(row[-1] == "uneven" for row in words["cells"]), len(words["cells"])
        title = f"The arms are uneven in {uneven} of {cases} comparisons"
        assert words["title"] == (title if uneven else f"The arms are even in all {cases} comparisons")


def test_a_condition_reaches_no_file(tmp_path):
    (tmp_path / "secret.csv").write_text("customer_id\nc1\n", "utf-8")
    people = pd.DataFrame({"customer_id": ["c1"], "score": [1.0]})
    reaching = f"customer_id in (select customer_id from read_csv('{tmp_path}/secret.csv'))"
    with pytest.raises(WorkbookError, match="expected an SQL condition"):
        meeting(people, reaching, "next_pilot.groups")
    assert meeting(people, "score > 0 -- all of them", "next_pilot.groups").tolist() == ["c1"]

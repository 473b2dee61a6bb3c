"""The grade policy: kept until somebody changes it, replayed to the last digit, and each cause of a move told apart."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from workbook.grading.moves import Moves
from workbook.grading.policy import Policy, past_of
from workbook.grading.score import grade
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Buffer, Grading

Q2, Q3, Q4 = (Period.parse(f"2025Q{n}") for n in (2, 3, 4))
EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")
LOOSE = Grading(buffer=Buffer(points=0))


def after(grades, periods=(Q3, Q4)):
    """The past as a later run finds it: through the artefacts."""
    return past_of(grades.frame, json.loads(json.dumps(grades.policy.json)), periods=periods)


def shift(profile, factor, seed=5):
    change = np.random.default_rng(seed).lognormal(0, 0.4, len(profile)) * factor
    money = ["revenue", "revenue_period", "revenue_previous"]
    return profile.assign(**{name: profile[name] * change for name in money})


def test_a_score_does_not_move_because_others_did(make_profile):
    first = grade(make_profile(), Grading(), period=Q3)
    others = make_profile().assign(customer_id=lambda p: "x" + p["customer_id"])
    others["revenue"] *= 50
    both = pd.concat([make_profile(), others])
    later = grade(both, Grading(), period=Q4, past=after(first))
    mine = later.frame[later.frame["customer_id"].isin(first.frame["customer_id"])]
    assert mine["score"].to_list() == first.frame["score"].to_list()
    assert later.policy.number == 1 and later.policy.since == "2025Q3"
    anew = grade(both, Grading(), period=Q4)
    moved = anew.frame[anew.frame["customer_id"].isin(first.frame["customer_id"])]
    assert (moved["score"].to_numpy() != first.frame["score"].to_numpy()).any()


def test_a_policy_told_as_json_grades_to_the_same_bytes(make_profile):
    for cut in ("score", "quantile"):
        first = grade(make_profile(), Grading(cut=cut), period=Q3)
        again = Policy.of(json.loads(json.dumps(first.policy.json)))
        assert json.dumps(again.json) == json.dumps(first.policy.json)
        now = shift(make_profile(), 1.1)
        one, other = (grade(now, Grading(cut=cut), period=Q4, past=after(first)) for _ in range(2))
        assert one.frame.equals(other.frame)
        assert json.dumps(one.policy.json) == json.dumps(first.policy.json)


def test_the_policy_changes_with_the_settings_and_untouched_indices_keep_their_scales(make_profile):
    first = grade(make_profile(), Grading(), period=Q3)
    base = Grading()
    changed = [i.model_copy(update={"normalise": "log"}) if i.id == "revenue" else i for i in base.indices]
    later = grade(shift(make_profile(), 2), Grading(indices=changed), period=Q4, past=after(first))
    assert (later.policy.number, later.policy.cause, later.policy.since) == (2, "settings", "2025Q4")
    assert later.policy.reference["revenue"] == "2025Q4" and later.policy.reference["frequency"] == "2025Q3"
    words = later.policy_words().words
    assert "2025Q3, 2025Q4" in words.render(EN) and "第 2 号" in words.render(ZH)


@pytest.mark.parametrize(
    "same", [Grading(high_tiers=1), Grading(tiers=[t.model_copy(update={"name": "T"}) for t in LOOSE.tiers])]
)
def test_names_and_what_grades_nobody_leave_the_policy_as_it_is(make_profile, same):
    first = grade(make_profile(), Grading(), period=Q3)
    assert grade(make_profile(), same, period=Q4, past=after(first)).policy.number == 1


def test_the_reference_is_frozen_anew_by_decision(make_profile):
    first = grade(make_profile(), LOOSE, period=Q3)
    now = shift(make_profile(), 3)
    kept = grade(now, LOOSE, period=Q4, past=after(first))
    anew = grade(now, Grading(buffer=LOOSE.buffer, reference=2), period=Q4, past=after(first))
    assert (anew.policy.number, anew.policy.cause) == (2, "reference")
    told = anew.moves()
    assert isinstance(told, Moves)
    # everybody's revenue trebled: on the old scale many rise, and the new scale takes that back
    assert told.share("behaviour") == kept.moves().share("behaviour") > 0.05
    assert told.share("scales") > 0.05 and told.share("settings") == 0
    assert kept.moves().share("scales") == kept.moves().share("settings") == 0


def test_a_change_of_settings_is_told_from_what_customers_did(make_profile):
    first = grade(make_profile(), LOOSE, period=Q3)
    lower = [t.model_copy(update={"at_least": t.at_least * 0.7}) for t in LOOSE.tiers]
    told = grade(make_profile(), Grading(buffer=LOOSE.buffer, tiers=lower), period=Q4, past=after(first)).moves()
    assert told.share("behaviour") == told.share("scales") == 0
    assert told.share("settings") == told.share("all") > 0.2
    assert told.frame.set_index("step").loc["settings", "down"] == 0


def test_what_the_old_policy_cannot_compute_any_more_is_not_split(make_profile):
    base = Grading()
    first = grade(make_profile().assign(extra=1.5), base.model_copy(update={"indices": [
        *base.indices, base.indices[0].model_copy(update={"id": "extra", "source": "extra"})]}), period=Q3)  # fmt: skip
    told = grade(shift(make_profile(), 1), base, period=Q4, past=after(first)).moves()
    assert list(told.frame["step"]) == ["policy", "all", "free"]
    told.table().bundle((EN, ZH))


def test_half_a_window_is_no_scale_for_a_whole_one(make_profile):
    first = grade(make_profile(), Grading(), period=Q3, window_months=6, whole=12)
    assert first.policy.provisional and "provisional" in first.policy_words().words.render(EN)
    second = grade(make_profile(), Grading(), period=Q4, window_months=9, whole=12, past=after(first))
    assert (second.policy.number, second.policy.cause, second.policy.provisional) == (2, "window", True)
    third = grade(make_profile(), Grading(), period=Q4, window_months=12, whole=12, past=after(first))
    assert not third.policy.provisional
    fourth = grade(make_profile(), Grading(), period=Q4, window_months=12, whole=12, past=after(third))
    assert fourth.policy.number == 2


def test_accepted_grades_and_policies_go_before_what_a_run_proposed(make_profile):
    first = grade(make_profile(), Grading(), period=Q3)
    other = grade(make_profile(), Grading(reference=3), period=Q3)
    given = pd.DataFrame(
        {"period": "2025Q3", "customer_id": ["c0000001"], "tier": ["diamond"], "score": [91.0], "waiting": [-1]}
    )
    rules = pd.DataFrame({"number": [1], "since": ["2025Q3"], "content": [json.dumps(other.policy.json)]})
    found = past_of(first.frame, first.policy.json, given=given, policies=rules, periods=(Q3, Q4))
    assert found.accepted and len(found.grades) == 1 and found.policy.settings.reference == 3
    none_of_q3 = past_of(first.frame, first.policy.json, given=given.assign(period="2025Q2"), policies=rules, periods=(Q3, Q4))
    assert not none_of_q3.accepted and none_of_q3.policy.settings.reference == 1
    assert past_of(None, None, periods=(Q3, Q4)) is None
    nothing = NotMeasured("grading.tiers", first.policy_words().words)
    assert past_of(nothing, {"not": "read"} and nothing, periods=(Q3, Q4)) is None
    assert past_of(first.frame.drop(columns="waiting"), None, periods=(Q3, Q4)) is None


def test_moves_add_up_and_say_what_the_buffer_saved(make_profile):
    first = grade(make_profile(2000), Grading(), period=Q3)
    later = grade(shift(make_profile(2000), 1), Grading(), period=Q4, past=after(first))
    told = later.moves()
    rows = told.frame.set_index("step")
    assert told.n == 2000 and rows.loc["behaviour", "share"] == rows.loc["all", "share"] < rows.loc["free", "share"]
    assert told.held == (later.frame["tier"] != later.frame["tier_by_score"]).sum() == (later.frame["waiting"] != 0).sum()
    title = told.table().title.render(EN)
    assert "of customers changed tier; by score alone it would be" in title
    for block in told.blocks():
        block.bundle((EN, ZH))
    assert isinstance(first.moves(), NotMeasured)


def test_new_customers_get_the_tier_of_their_score(make_profile):
    first = grade(make_profile(100), Grading(), period=Q3)
    later = grade(make_profile(300, seed=1), Grading(), period=Q4, past=after(first))
    fresh = later.frame[~later.frame["customer_id"].isin(first.frame["customer_id"])]
    assert (fresh["tier"] == fresh["tier_by_score"]).all()


def test_tiers_that_nobody_had_before_give_no_count_of_moves(make_profile):
    first = grade(make_profile(), LOOSE, period=Q3)
    others = [tier.model_copy(update={"id": f"new_{tier.id}"}) for tier in LOOSE.tiers]
    second = grade(make_profile(), LOOSE.model_copy(update={"tiers": others}), period=Q4, past=after(first))
    told = second.moves()
    assert isinstance(told, NotMeasured) and "under tiers that the settings still have" in told.why.render(Edition("en"))


def test_a_policy_without_benchmarks_is_written_as_before_there_were_any(make_profile):
    content = grade(make_profile(), LOOSE, period=Q3).policy.json
    assert {key for tier in content["settings"]["tiers"] for key in tier} == {"id", "name", "at_least"}
    assert Policy.of(content).json == content


def cells_of(told):
    cells = told.cells
    causes = [name for name in cells if name not in ("before", "after", "customers")]
    assert (cells[causes].sum(axis=1) == cells["customers"]).all() and (cells["before"] != cells["after"]).all()
    assert cells["customers"].sum() == round(told.share("all") * told.n)
    return cells.set_index(["before", "after"])


def test_each_cell_of_the_migration_matrix_is_split_by_cause(make_profile):
    first = grade(make_profile(2000), LOOSE, period=Q3)
    lower = [t.model_copy(update={"at_least": t.at_least * 0.8}) for t in LOOSE.tiers]
    both = grade(shift(make_profile(2000), 1), Grading(buffer=LOOSE.buffer, tiers=lower), period=Q4, past=after(first))
    cells = cells_of(both.moves())
    assert list(cells.columns) == ["customers", "behaviour", "scales", "settings", "several"]
    # thresholds that were lowered lift customers and let nobody fall
    order = [tier.id for tier in LOOSE.tiers]
    falls = [order.index(a) > order.index(b) for b, a in cells.index]
    assert cells.loc[falls, "settings"].sum() == 0 < cells["settings"].sum()
    assert cells["behaviour"].sum() > 0 and cells["several"].sum() > 0
    matrix = first.frame.merge(both.frame, on="customer_id").value_counts(["tier_x", "tier_y"])
    assert all(matrix[pair] == n for pair, n in cells["customers"].items())
    table = both.moves().cells_table()
    assert table.title.render(EN).endswith(f"of {cells['customers'].sum()} moves between tiers")
    table.bundle((EN, ZH))


def test_what_events_and_appeals_told_is_a_cause_of_its_own(make_profile):
    profile, holding = make_profile(300), Grading(buffer=Buffer(points=60))
    first = grade(profile, holding, period=Q3)
    low = first.frame.sort_values("score")["customer_id"].astype(str).iloc[[20, 21, 22]].to_list()
    appeal = pd.DataFrame({"customer_id": low[0], "period": "2025Q3", "decided_on": "2025-10-09", "held": "gold",
                           "facts": json.dumps({"revenue": 99999.0, "orders": 99.0})}, index=[0])  # fmt: skip
    by_hand = pd.DataFrame({"customer_id": low[1], "happened_on": "2025-11-01", "held": "silver", "facts": "{}"}, index=[0])
    now = profile.copy()
    row = now.index[now["customer_id"] == low[2]][0]
    now.loc[row, ["revenue", "orders", "revenue_period"]] = [99999.0, 99, 99999.0]  # he did so, nobody told it
    for settings in (holding, Grading(buffer=holding.buffer, tiers=[t.model_copy(update={"at_least": t.at_least + 0.001 * (
            t.at_least > 0)}) for t in holding.tiers])):  # fmt: skip
        past = past_of(first.frame, first.policy.json, changes=[by_hand, appeal], periods=(Q3, Q4))
        moves = grade(now, settings, period=Q4, past=past, before=profile).moves()
        cells = cells_of(moves)
        assert cells["told"].sum() == 2 and moves.share("told") == pytest.approx(2 / 300)
        assert cells.loc[("ordinary", "gold"), "told"] == cells.loc[("ordinary", "silver"), "told"] == 1
        assert moves.share("scales") == moves.share("settings") == 0
    quiet = grade(now, holding, period=Q4, past=after(first), before=profile).moves()
    assert "told" not in quiet.frame["step"].to_list() and "told" not in quiet.cells


def test_nobody_moved_is_no_table_of_moves(make_profile):
    first = grade(make_profile(), Grading(), period=Q3)
    assert [block.id for block in grade(make_profile(), Grading(), period=Q4, past=after(first)).moves().blocks()] == [
        "grading.moves", "grading.moved"]  # fmt: skip

"""Feedback of a pilot: planted differences are found, each customer counts once, nothing is compared that cannot be."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.pilots.trials import outcomes, pilot, settings, tables, two_arms, units

from workbook.language import Edition
from workbook.pilots.checks import check_pilots
from workbook.pilots.feedback import hear_participants
from workbook.report.blocks import NotMeasured, Paragraph

EN, ZH = Edition("en"), Edition("zh")
N = 1200
ARMS = two_arms(N)
IDS = np.array([f"c{k:05d}" for k in range(N)])
TREATED = ARMS == "treatment"


def answers(**changes):
    """A third answers; the measure raises NPS by 25 points or so and leaves CSAT alone."""
    rng = np.random.default_rng(4)
    who = rng.random(N) < 1 / 3
    nps = np.clip(np.round(rng.normal(7.2, 2, N) + 0.9 * TREATED), 0, 10)
    csat = np.clip(np.round(rng.normal(3.8, 1, N)), 1, 5)
    rows = [
        pd.DataFrame({"customer_id": IDS[who], "instrument": name, "score": scores[who], "scale_max": best})
        for name, scores, best in (("nps", nps, 10), ("csat", csat, 5))
    ]
    frame = pd.concat(rows, ignore_index=True).assign(given_at="2025-11-01 10:00")
    return frame.assign(feedback_id=[f"f{k}" for k in range(len(frame))]).assign(**changes)


def comments(discontent=(0.5, 0.2)):
    rng = np.random.default_rng(5)
    who = rng.random(N) < 0.25
    bad = rng.random(N) < np.where(TREATED, discontent[1], discontent[0])
    return pd.DataFrame(
        {
            "comment_id": IDS[who],
            "source": "open",
            "customer_id": IDS[who],
            "given_at": pd.Timestamp("2025-11-05"),
            "topic": np.where(bad, "delivery", "quality")[who],
            "mood": np.where(bad, "discontent", "content")[who],
        }
    )


TOPICS = pd.DataFrame({"topic": ["delivery", "quality"], "name_en": ["Delivery", "<b>Taste</b>"], "name_zh": ["配送", "口味"]})


def heard(feedback=None, written=None, arms=ARMS, plan=None, **changes):
    given = settings(pilot(**changes))
    delivered = tables(units(arms), outcomes(np.arange(N) % 3 == 0), feedback=answers() if feedback is None else feedback)
    return hear_participants(delivered, given, check_pilots(delivered, given), [written, None], TOPICS)


def test_planted_differences_are_found_and_nought_is_not():
    found = heard(written=comments())
    rows = found.frame.set_index("what")
    assert rows.loc["pilots.feedback.nps", "low"] > 5 and rows.loc["pilots.feedback.discontent", "high"] < -0.1
    for nought in ("answered", "csat"):
        assert rows.loc[f"pilots.feedback.{nought}", "low"] < 0 < rows.loc[f"pilots.feedback.{nought}", "high"]
    words = {one.name.id: one.words().render(EN) for one in found.heard[0].said}
    assert words["pilots.feedback.nps"] == words["pilots.feedback.discontent"] == "better with the measure"
    assert rows.loc["pilots.feedback.answered", "n_control"] == N / 2


def test_each_customer_counts_once_by_the_mean_of_the_answers_and_scipy_agrees():
    once = answers()
    twice = pd.concat([once, once.assign(feedback_id=once["feedback_id"] + "b")], ignore_index=True)
    pd.testing.assert_frame_equal(heard(once).frame, heard(twice).frame)
    nps = once[once["instrument"] == "nps"].set_index("customer_id")["score"]
    value = np.select([nps >= 9, nps <= 6], [100.0, -100.0], 0.0)
    treated = np.isin(nps.index, IDS[TREATED])
    test = stats.ttest_ind(value[treated], value[~treated], equal_var=False)
    row = heard(once).frame.set_index("what").loc["pilots.feedback.nps"]
    assert row["effect"] == pytest.approx(value[treated].mean() - value[~treated].mean())
    interval = test.confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))


def test_scores_beyond_the_scale_or_the_days_of_the_pilot_are_no_answer():
    odd = answers()
    odd.loc[::2, "score"] = 99
    assert heard(odd).frame["n_control"].iloc[1] < heard().frame["n_control"].iloc[1]
    for on in ("2025-09-30 23:59", "2025-12-21 00:00"):
        (said,) = heard(answers(given_at=on)).blocks()
        assert isinstance(said, NotMeasured) and said.why.render(EN).startswith("No customer")


def test_too_few_answers_are_left_out_and_counted():
    few = answers()
    kept = few[few["instrument"] == "csat"].groupby(few["customer_id"].isin(IDS[TREATED])).head(3)
    found = heard(pd.concat([few[few["instrument"] == "nps"], kept]))
    assert found.heard[0].thin == 1 and "an arm: 1 comparison." in found.blocks()[0].note.render(EN)


def test_behind_a_red_gate_or_without_a_draw_nothing_is_compared():
    red = heard(arms=np.where(np.arange(N) % 5 == 0, "treatment", "control"))
    chosen = heard(randomised=False)
    for found in (red, chosen):
        assert not found.heard[0].open and found.frame["effect"].isna().all()
        assert "cannot be compared" in found.blocks()[0].title.render(EN)


def test_without_feedback_it_says_what_to_deliver():
    given = settings(pilot())
    delivered = tables(units(ARMS), outcomes(np.arange(N) % 3 == 0))
    (said,) = hear_participants(delivered, given, check_pilots(delivered, given)).blocks()
    assert isinstance(said, NotMeasured) and "feedback.score" in said.missing


def test_what_was_changed_is_told_and_a_change_while_it_ran_makes_the_result_less_sure():
    change = {"on": "2025-11-10", "what": {"en": "calls come later", "zh": "推迟致电"}}
    found = heard(changes=[change])
    (words,) = [block for block in found.blocks() if isinstance(block, Paragraph)]
    assert words.bundle((EN,))["languages"]["en"]["words"] == "Care calls, changed on 10 Nov 2025: calls come later."
    for on, doubts in (("2025-11-10", 1), ("2025-10-01", 0), ("2025-12-25", 0)):
        given = settings(pilot(changes=[change | {"on": on}]))
        delivered = tables(units(ARMS), outcomes(np.arange(N) % 3 == 0))
        assert len(check_pilots(delivered, given).doubts["care"]) == doubts


def test_clusters_count_once_each():
    shop = [f"s{k % 16}" for k in range(N)]
    arms = np.where(np.arange(N) % 16 < 8, "control", "treatment")
    given = settings(pilot(unit="cluster"))
    delivered = tables(units(arms, cluster=shop), outcomes(np.arange(N) % 3 == 0), feedback=answers())
    found = hear_participants(delivered, given, check_pilots(delivered, given))
    assert set(found.frame["n_control"]) == {8}


def test_the_table_reads_in_both_languages():
    (table,) = heard(written=comments()).blocks()
    for edition in (EN, ZH):
        said = table.bundle((edition,))["languages"][edition.language]
        assert len(said["cells"]) == 6
    assert len(table.title.render(EN).split()) <= 15

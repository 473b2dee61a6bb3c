"""NPS, CSAT and CES: a published survey, weights, scales, intervals and meagre deliveries."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.report.figures import house_style
from workbook.review.kpi import measure_kpis
from workbook.settings.models import Settings
from workbook.sources.profile import build_profile
from workbook.tables import tables_of
from workbook.voice.comments import stated
from workbook.voice.satisfaction import measure_satisfaction, weighted_mean_interval

PERIOD = Period.parse("2017Q2")
EDITIONS = (Edition("en"), Edition("zh"))
SURVEY = Path(__file__).resolve().parents[3] / "shared" / "data" / "sfo_nps" / "2017_SFO_Customer_Survey.csv"


def measured(settings=None, **columns):
    n = len(columns["score"])
    frame = pd.DataFrame({"feedback_id": [str(i) for i in range(n)], "given_at": "2017-05-20", "instrument": "nps"} | columns)
    return measure_satisfaction(tables_of({"feedback": frame}, PERIOD), settings or Settings(client={"name": "Test"}))


@pytest.mark.skipif(not SURVEY.is_file(), reason="shared/data/sfo_nps is not here")
@pytest.mark.parametrize("weighted, expected", [(False, 39.84), (True, 40.40)])
def test_airport_survey_gives_its_published_score(weighted, expected):
    # SFO customer survey 2017: 39.84 unweighted, 40.40 weighted; code 11 is blank, not a score
    survey = pd.read_csv(SURVEY, encoding="latin-1")
    columns = {"score": pd.to_numeric(survey["NETPRO"])} | ({"weight": survey["WEIGHT"]} if weighted else {})
    row = measured(**columns).row("nps")
    assert row["value"] == pytest.approx(expected, abs=0.005)
    assert (row["n"], row["beyond_scale"]) == (2746, 84)
    assert row["low"] < expected < row["high"]


def test_scores_beyond_the_scale_are_no_answers():
    row = measured(score=[10, 11, -1, 99, 0]).row("nps")
    assert (row["value"], row["n"], row["beyond_scale"]) == (0.0, 2, 3)


def test_csat_counts_the_two_best_scores_of_each_scale():
    row = measured(score=[4, 5, 3, 9, 10, 8], scale_max=[5, 5, 5, 10, 10, 10], instrument="csat").row("csat")
    assert row["value"] == pytest.approx(4 / 6)
    assert row["unit"] == "share"


def test_csat_without_a_delivered_scale_runs_to_five():
    row = measured(score=[4, 5, 6, 0], instrument="csat").row("csat")
    assert (row["value"], row["n"], row["beyond_scale"]) == (1.0, 2, 2)


def test_ces_is_the_mean_of_the_scale():
    assert measured(score=[7, 5, 3], instrument="ces").row("ces")["value"] == 5.0


def test_interval_of_equal_weights_agrees_with_statsmodels():
    scores = np.array([10] * 30 + [8] * 20 + [3] * 25, dtype=float)
    row = measured(score=scores).row("nps")
    points = 100.0 * (scores >= 9) - 100.0 * (scores <= 6)
    assert (row["low"], row["high"]) == pytest.approx(DescrStatsW(points).tconfint_mean(0.05))


def test_interval_of_weighted_answers_covers_as_often_as_it_says():
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        weight = rng.uniform(0.2, 3, 80)
        values = 100.0 * rng.choice([-1, 0, 1], 80, p=[0.2, 0.3, 0.5])
        _, low, high = weighted_mean_interval(values, weight, np.ones(80))
        hits += low <= 30 <= high
    assert 0.92 <= hits / 400 <= 0.98


@given(st.lists(st.integers(0, 10), min_size=1, max_size=60), st.floats(0.1, 10))
def test_score_stays_on_its_scale_and_does_not_change_with_the_unit_of_weights(scores, factor):
    values = np.array([100.0 * ((s >= 9) - (s <= 6)) for s in scores])
    once = weighted_mean_interval(values, np.ones(len(scores)), np.ones(len(scores)))
    again = weighted_mean_interval(values, np.full(len(scores), factor), np.ones(len(scores)))
    assert -100 <= once[0] <= 100
    assert np.allclose(once, again, equal_nan=True)


def test_groups_hold_the_period_by_channel_and_all_months():
    found = measured(
        score=[10, 10, 0, 9] * 5, channel=["phone", "web", "web", "web"] * 5,
        given_at=["2017-04-01", "2017-06-30 23:59", "2017-05-01", "2017-01-10"] * 5,
    ).frame  # fmt: skip
    assert found.loc[found["dimension"] == "channel", ["group", "n"]].to_numpy().tolist() == [["phone", 5], ["web", 10]]
    assert list(found.loc[found["dimension"] == "month", "group"]) == ["2017-01", "2017-04", "2017-05", "2017-06"]


def test_answers_after_the_period_do_not_count():
    assert isinstance(measured(score=[10], given_at=["2017-07-01"]), NotMeasured)


@pytest.mark.parametrize("columns", [{"score": [None]}, {"score": [11]}, {"score": [5], "instrument": "review"}])
def test_without_an_answer_nothing_is_measured(columns):
    result = measured(**columns)
    assert isinstance(result, NotMeasured)
    result.bundle(EDITIONS)


def test_no_feedback_names_the_table_to_deliver():
    result = measure_satisfaction(tables_of({}, PERIOD), Settings(client={"name": "Test"}))
    assert "feedback.score" in result.missing


@pytest.mark.parametrize(
    "scores, title",
    [
        ([10] * 20, "More promoters than detractors: NPS 100.0"),
        ([0] * 20, "More detractors than promoters: NPS -100.0"),
        ([10, 0] * 10, "Neither promoters nor detractors clearly lead: NPS 0.0"),
    ],
)  # fmt: skip
def test_title_follows_the_interval(scores, title):
    assert measured(score=scores).table().title.render(EDITIONS[0]) == title


@pytest.mark.parametrize("instrument", ["nps", "csat", "ces"])
def test_every_block_renders_even_for_one_answer(instrument):
    found = measured(score=[4], instrument=instrument)
    for block in (found.table(), found.figure(), found.answer(), *found.key_figures()):
        block.bundle(EDITIONS)


def test_no_label_of_the_figure_is_cut_off_or_lies_on_another():
    found = measured(score=[10, 8, 3, 9, 7, 2] * 200, channel=["wechat", "email", "store"] * 400)
    for edition in EDITIONS:
        with house_style():
            canvas = found.figure().draw(edition)
            agg = FigureCanvasAgg(canvas)
            agg.draw()
            axes = canvas.axes[0]
            labels = [t for t in (*axes.texts, *axes.get_yticklabels()) if t.get_text()]
            boxes = [t.get_window_extent(agg.get_renderer()) for t in labels]
        assert all(b.x0 >= -1 and b.x1 <= canvas.bbox.width + 1 and b.y1 <= canvas.bbox.height + 1 for b in boxes)
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def compared(now, before, **columns):
    n = len(now) + len(before)
    frame = pd.DataFrame(
        {
            "feedback_id": [str(i) for i in range(n)], "instrument": "nps", "score": [*now, *before], "customer_id": "c1",
            "given_at": ["2017-05-20"] * len(now) + ["2017-02-10"] * len(before), **columns,
        }
    )  # fmt: skip
    customers = pd.DataFrame({"customer_id": ["c1", "c2"], "tier": ["gold", "silver"]})
    return measure_satisfaction(
        tables_of({"feedback": frame, "customers": customers}, PERIOD), Settings(client={"name": "Test"})
    )  # fmt: skip


def test_the_change_since_the_period_before_is_welchs():
    now, before = [10] * 40 + [3] * 20, [10] * 20 + [8] * 10 + [3] * 30
    found = compared(now, before).frame.set_index("dimension").loc["all"]
    points = [np.array([100.0 * (s >= 9) - 100.0 * (s <= 6) for s in scores]) for scores in (now, before)]
    expected = CompareMeans(DescrStatsW(points[0]), DescrStatsW(points[1])).tconfint_diff(0.05, usevar="unequal")
    assert (found["change_low"], found["change_high"]) == pytest.approx(expected)
    assert found["change"] == pytest.approx(points[0].mean() - points[1].mean())
    assert found["reading"] == "better"


def test_tiers_channels_and_both_are_compared_and_small_cells_left_out():
    found = compared([10, 0] * 6, [10, 0] * 6, channel=["web"] * 10 + ["phone"] * 2 + ["web"] * 12).frame
    groups = found.loc[found["dimension"] == "tier_channel", "group"].tolist()
    assert found.loc[found["dimension"] == "tier", "group"].tolist() == ["gold"]
    assert groups == ["gold\x1fweb"]
    assert set(found["reading"]) == {"unclear"}  # months, too, are compared: each with the others
    # two answers by phone are too few to stand by themselves, now or before
    assert found.loc[found["dimension"] == "channel", "group"].tolist() == ["web"]
    few_before = compared([10, 0] * 6, [10, 0] * 6, channel=["web"] * 6 + ["phone"] * 6 + ["web"] * 10 + ["phone"] * 2).frame
    assert few_before.set_index("group").loc["phone", ["before_n", "reading"]].tolist() == [0, "none"]


def test_among_many_groups_hardly_one_changes_by_chance():
    rng = np.random.default_rng(4)
    clear = 0
    for _ in range(15):
        scores = rng.choice([0, 5, 8, 9, 10], 800, p=[0.1, 0.2, 0.3, 0.2, 0.2])
        channel = np.tile([f"ch{i}" for i in range(10)], 80)
        frame = compared(scores[:400].tolist(), scores[400:].tolist(), channel=channel).frame
        clear += bool(frame.loc[frame["dimension"] == "channel", "reading"].isin(["better", "worse"]).any())
    assert clear <= 3


def test_tiers_stand_from_the_highest_to_the_lowest():
    found = compared([10, 3] * 5, [9] * 4, customer_id=["c2", "c1"] * 7)
    assert found.frame.loc[found.frame["dimension"] == "tier", "group"].tolist() == ["gold", "silver"]
    assert [row[1] for row in found.table().bundle(EDITIONS)["languages"]["en"]["cells"]][1:3] == ["Gold", "Silver"]


def test_change_table_tells_what_is_lacking():
    found = measured(score=[10, 9, 3])
    assert isinstance(found.change_table(), NotMeasured)
    compared([10] * 9, [0] * 9).change_table().bundle(EDITIONS)


def test_recommendation_asked_on_five_points_makes_no_promoters_and_no_detractors():
    """A shop's five-point answers among the others turned an NPS of 11 into -49, "worse" by 60 points."""
    ten = pd.DataFrame({"score": [10] * 30 + [5] * 10, "scale_max": 10})
    five = pd.DataFrame({"score": [5] * 50 + [1] * 5, "scale_max": 5})
    answers = pd.concat([ten, five], ignore_index=True)
    answers = answers.assign(feedback_id=answers.index.astype(str), instrument="nps", given_at="2025-11-03")
    tables = tables_of({"feedback": answers}, Period.parse("2025Q4"))
    settings = Settings(client={"name": "Test"})
    row = measure_satisfaction(tables, settings).row("nps")
    kpi = measure_kpis(tables, settings).frame.set_index("kpi").loc["nps"]
    assert (row["n"], row["value"], row["beyond_scale"]) == (40, 50, 55) and (kpi["n"], kpi["value"]) == (40, 50)
    told = stated(answers.assign(source="nps"))
    assert told[answers["scale_max"] == 5].value_counts().to_dict() == {1.0: 50, 0.0: 5}


def test_the_code_for_no_answer_is_satisfied_in_no_place():
    answers = pd.DataFrame({"score": [5] * 12 + [2] * 8 + [99] * 10, "scale_max": 5, "instrument": "csat"})
    answers = answers.assign(feedback_id=answers.index.astype(str), given_at="2025-11-03", customer_id="a")
    tables = tables_of({"feedback": answers, "customers": pd.DataFrame({"customer_id": ["a"]})}, Period.parse("2025Q4"))
    settings = Settings(client={"name": "Test"})
    kpis = measure_kpis(tables, settings).frame.set_index("kpi")
    assert kpis.loc["csat", ["value", "n"]].tolist() == [0.6, 20]
    assert build_profile(tables, settings).frame["satisfaction"].iloc[0] == pytest.approx((12 + 8 * 0.4) / 20)


def test_a_scale_on_which_low_was_good_is_told_so_beside_its_turned_scores():
    turned = Settings(client={"name": "Test"}, sources=[
        {"table": "feedback", "file": "a.csv", "columns": {"score": "note"}, "low_is_good": ["csat"]}])  # fmt: skip
    rows = {"instrument": "csat", "score": [5, 5, 1], "scale_max": 5}
    words = [measured(settings, **rows).table().note.render(EDITIONS[0]) for settings in (turned, None)]
    assert "Delivered with the lowest score as the best" in words[0] and "CSAT" in words[0].rpartition("best: ")[2]
    assert "turned round" not in words[1]


def by_month(shares, n=150, seed=1, **columns):
    """Answers to the question on recommendation: month by month, the share that is a promoter; the rest are detractors."""
    rng = np.random.default_rng(seed)
    months = pd.period_range("2016-07", periods=len(shares), freq="M").astype(str)
    frame = pd.concat([pd.DataFrame({"given_at": f"{m}-15", "score": np.where(rng.random(n) < p, 10, 3)})
                       for m, p in zip(months, shares, strict=True)], ignore_index=True)  # fmt: skip
    return measured(score=frame["score"].tolist(), given_at=frame["given_at"].tolist(), **columns)


def test_a_month_that_fell_is_found_and_months_alike_are_left_alone():
    found = by_month([0.7] * 9 + [0.4] + [0.7] * 2)
    rows = found.frame[found.frame["dimension"] == "month"].set_index("group")
    assert rows.index[rows["reading"] == "worse"].tolist() == ["2017-04"]
    points = {
        m: 100.0 * np.where(np.arange(150) < k, 1, -1) for m, k in zip(rows.index, (150 * rows["best"]).round(), strict=True)
    }
    others = np.concatenate([p for m, p in points.items() if m != "2017-04"])
    expected = CompareMeans(DescrStatsW(points["2017-04"]), DescrStatsW(others)).tconfint_diff(0.05 / 12, usevar="unequal")
    assert rows.loc["2017-04", ["change_low", "change_high"]].tolist() == pytest.approx(expected)
    assert (
        found.month_figure()
        .title.render(EDITIONS[0])
        .startswith("NPS (−100 to 100) fell clearly below other months in 2017-04")
    )
    alike = [by_month([0.6] * 12, seed=seed).frame for seed in range(12)]
    assert sum(f.loc[f["dimension"] == "month", "reading"].isin(["better", "worse"]).any() for f in alike) <= 2


def test_months_of_few_answers_are_not_drawn_and_too_few_months_say_so():
    days = ["2017-04-02", "2017-05-02", "2017-06-02"] * 4 + ["2017-03-01"] * 3
    few = measured(score=[10, 9, 3] * 4 + [10] * 3, given_at=days)
    rows = few.frame[few.frame["dimension"] == "month"]
    assert rows.empty and isinstance(few.month_figure(), NotMeasured)
    few.month_figure().bundle(EDITIONS)


def test_months_before_the_last_year_are_not_shown():
    found = measured(score=[10, 3] * 30, given_at=["2015-01-05"] * 20 + ["2017-04-05"] * 20 + ["2017-05-05"] * 20)
    assert found.frame.loc[found.frame["dimension"] == "month", "group"].tolist() == ["2017-04", "2017-05"]


def test_no_label_of_the_months_is_cut_off_or_lies_on_another():
    frame = pd.concat(
        [
            pd.DataFrame({"given_at": [f"{m}-15"] * 8, "score": [5, 4, 5, 1, 2, 5, 3, 4], "instrument": one})
            for m in pd.period_range("2016-07", periods=12, freq="M").astype(str)
            for one in ("nps", "csat", "ces")
        ]
    )
    figure = measured(**{name: frame[name].tolist() for name in frame}).month_figure()
    figure.bundle(EDITIONS)
    for edition in EDITIONS:
        with house_style(foreign=True):
            canvas = figure.draw(edition)
            agg = FigureCanvasAgg(canvas)
            agg.draw()
            for axes in canvas.axes:
                ticks = [t for t in axes.get_xticklabels() if t.get_text() and axes is canvas.axes[-1]]
                boxes = [t.get_window_extent(agg.get_renderer()) for t in ticks]
                assert all(b.x0 >= -1 and b.x1 <= canvas.bbox.width + 1 for b in boxes)
                assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


@pytest.mark.parametrize(("instrument", "score"), [("nps", 10), ("csat", 5), ("ces", 7)])
def test_answers_that_all_agree_still_leave_room_for_others(instrument, score):
    row = measured(score=[score] * 9, instrument=instrument).row(instrument)
    lowest, highest = {"nps": (-100, 100), "csat": (0, 1), "ces": (1, 7)}[instrument]
    assert row["high"] == row["value"] == highest
    assert row["low"] == pytest.approx(lowest + (highest - lowest) * 0.7009, abs=1e-3 * (highest - lowest))  # Wilson, 9 of 9


def test_the_same_answers_do_not_stand_twice():
    found = compared([10, 9, 3, 8] * 6, [10, 3] * 10, channel="web")
    words = found.change_table().bundle(EDITIONS)["languages"]["en"]["cells"]
    assert [row[1] for row in words] == ["all answers"]
    assert found.frame.loc[found.frame["dimension"] != "month", "alike"].tolist() == [False, True, True, True]

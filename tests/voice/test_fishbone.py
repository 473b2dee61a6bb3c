"""The fishbone: what goes with a topic stands under its bone with its figures, bones without data say so, in both languages."""

import numpy as np
import pandas as pd
import pytest

from workbook.language import Edition, named
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.report.figures import house_style
from workbook.settings.models import Settings
from workbook.tables import tables_of
from workbook.voice.causes import Causes
from workbook.voice.excess import excess
from workbook.voice.fishbone import BONE_NAMES, find_bones

PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))
SETTINGS = Settings(client={"name": "Test"})
PROBLEMS = pd.DataFrame({"check": ["service.callback", "information.stale"], "problem_en": ["No call-back", "Stale records"],
                         "problem_zh": ["未回访", "信息陈旧"]})  # fmt: skip


def made_up(seed, planted):
    """Customers of whom 30 % speak of the topic, and whom a problem touches: cases more often by *planted*."""
    rng = np.random.default_rng(seed)
    people = pd.DataFrame(
        {
            "customer_id": [f"C{i:03d}" for i in range(200)],
            "case": rng.random(200) < 0.3,
            "channel": rng.choice(["phone", "微信"], 200),
            "weekday": rng.choice(list("1234567"), 200),
        }
    )
    hit = rng.random(200) < 0.15 + planted * people["case"]
    touched = pd.concat([
        pd.DataFrame({"problem": "service.callback", "customer_id": people.loc[hit, "customer_id"]}),
        pd.DataFrame({"problem": "information.stale", "customer_id": people["customer_id"].sample(40, random_state=seed)}),
    ])  # fmt: skip
    causes = Causes(
        excess(people, ["channel", "weekday"], 0.95, 5), named("delivery"), SETTINGS, people, 2000, 9, int(people["case"].sum())
    )
    return causes, touched


def bones(seed=1, planted=0.5):
    causes, touched = made_up(seed, planted)
    return find_bones(causes, PROBLEMS, touched, tables_of({}, PERIOD), SETTINGS)


def test_the_problem_that_was_planted_among_the_complaints_is_found_and_no_other():
    found = [bones(seed).evidence for seed in range(20)]
    clear = [set(rows.loc[rows["clear"], "factor"]) for rows in found]
    assert sum(c == {"service.callback"} for c in clear) >= 18
    nothing = [bones(seed, 0.0).evidence["clear"].any() for seed in range(30)]
    assert sum(nothing) <= 5  # 5 % each at most: more than 5 of 30 comes once in 300 tries


def test_evidence_counts_the_customers_met_of_all_cases_and_of_all_others():
    made, touched = made_up(3, 0.5)
    row = (
        find_bones(made, PROBLEMS, touched, tables_of({}, PERIOD), SETTINGS)
        .evidence.set_index("factor")
        .loc["service.callback"]
    )
    met = made.customers["customer_id"].isin(touched.loc[touched["problem"] == "service.callback", "customer_id"])
    assert row["cases"] == (met & made.customers["case"]).sum() and row["others"] == (met & ~made.customers["case"]).sum()
    assert row["part"] == pytest.approx(row["cases"] / made.cases)
    assert row["bone"] == "process"


def test_a_bone_without_evidence_says_what_to_deliver():
    found = bones()
    assert set(found.evidence["bone"]) == {"process", "channel", "data"}
    with house_style(foreign=True):
        words = " ".join(t.get_text() for t in found._draw(EDITIONS[0]).axes[0].texts)
    assert " ".join(words.split()).count("no data") == 3 and "customers.owner" in words


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda e: e.language)
def test_no_words_leave_the_page_or_overlap_whatever_names_a_client_gives(edition):
    made, touched = made_up(2, 0.5)
    long = PROBLEMS.assign(problem_en="A problem of quite some length that nobody could say in a single breath at all",
                           problem_zh="名称很长很长需要换行好几次才能全部写完的问题名称再长一点")  # fmt: skip
    with house_style(foreign=True):
        figure = find_bones(made, long, touched, tables_of({}, PERIOD), SETTINGS)._draw(edition)
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        FigureCanvasAgg(figure).draw()
        boxes = [t.get_window_extent() for t in figure.axes[0].texts]
    page = figure.bbox
    assert all(b.x0 >= page.x0 and b.x1 <= page.x1 and b.y0 >= page.y0 and b.y1 <= page.y1 for b in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_titles_and_all_six_bones_stand_in_both_languages():
    for planted in (0.0, 0.5):
        figure = bones(4, planted).figure()
        assert len(figure.title.render(EDITIONS[0]).split()) <= 15
        figure.bundle(EDITIONS)
    assert len(BONE_NAMES) == 6


def test_without_causes_there_is_no_fishbone():
    nothing = NotMeasured("voice.causes", named("x"), ("feedback.text",))
    assert isinstance(find_bones(nothing, PROBLEMS, pd.DataFrame(), tables_of({}, PERIOD), SETTINGS), NotMeasured)


@pytest.mark.parametrize("planted", [0.0, 0.8])
def test_a_fishbone_without_a_systemic_cause_says_so(planted):
    """Nothing, or an excess at one channel, planted among the complaints."""
    causes, touched = made_up(1, 0.0)
    people = causes.customers.assign(
        channel=np.where(causes.customers["case"] & (planted > 0), "phone", causes.customers["channel"])
    )
    causes = Causes(
        excess(people, ["channel", "weekday"], 0.95, 5), causes.name, SETTINGS, people, 2000, 9, int(people["case"].sum())
    )
    note = find_bones(causes, PROBLEMS, touched, tables_of({}, PERIOD), SETTINGS).figure().note
    found = causes.verdict == "systemic"
    assert found is (planted > 0)
    assert ("No systemic cause was found" in note.render(EDITIONS[0])) is not found
    assert ("未发现系统性原因" in note.render(EDITIONS[1])) is not found

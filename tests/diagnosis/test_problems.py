"""The problem list: ranking, status, whom it touches; what an odd client does to it; planted faults of invented clients."""

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from workbook.diagnosis.finding import FINDING_COLUMNS, MODULES
from workbook.diagnosis.problems import PROBLEM_COLUMNS, diagnose, priority
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import Figure, NotMeasured, Paragraph, Table
from workbook.report.figures import house_style
from workbook.settings.models import Settings
from workbook.tables import tables_of

PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))


@pytest.fixture(scope="module")
def client():
    n = 200
    ids = [f"C{i:03d}" for i in range(n)]
    opened = pd.Series(pd.date_range("2025-10-01 09:00", periods=n, freq="8h"))
    # the first fifth of tickets came by WeChat and waited for two days; half of the phones are missing
    hours = pd.Series([48 if i < n // 5 else 1 for i in range(n)])
    frames = {
        "customers": pd.DataFrame(
            {"customer_id": ids, "phone": [f"138{i:08d}" if i % 2 else None for i in range(n)], "region": "Shanghai"}
        ),
        "tickets": pd.DataFrame(
            {
                "ticket_id": ids, "customer_id": ids, "opened_at": opened,
                "first_response_at": opened + pd.to_timedelta(hours, unit="h"),
                "channel": ["wechat" if i < n // 5 else "phone" for i in range(n)],
            }
        ),
    }  # fmt: skip
    profile = pd.DataFrame({"customer_id": ids, "revenue": [float(1 + i % 7) for i in range(n)]})
    return tables_of(frames, PERIOD), profile


@pytest.fixture
def settings():
    return Settings(client={"name": "Test"})


@pytest.fixture
def found(client, settings):
    return diagnose(*client, settings)


def test_problems_are_the_breaching_findings_by_falling_score(found):
    assert set(found.problems["check"]) == {
        "information.complete.phone", "interaction.late_response", "interaction.late_channel",
    }  # fmt: skip
    assert found.problems["priority_score"].is_monotonic_decreasing
    assert list(found.problems.columns) == list(PROBLEM_COLUMNS)
    assert list(found.findings.columns) == list(FINDING_COLUMNS)


def test_score_follows_the_written_rule(found, client):
    row = found.problems.set_index("check").loc["information.complete.phone"]
    _, profile = client
    impact = profile.loc[::2, "revenue"].sum() / profile["revenue"].sum()
    severity = 1 - 0.05 / 0.5
    assert row["impact"] == pytest.approx(impact)
    assert row["priority_score"] == pytest.approx(1 - (1 - impact) * (1 - severity))
    assert row["priority"] == "high"


def test_customers_of_each_problem_are_listed_once_and_match_the_count(found):
    counted = found.problem_customers.groupby("problem")["customer_id"].nunique()
    assert counted.to_dict() == dict(zip(found.problems["check"], found.problems["customers"], strict=True))
    assert not found.problem_customers.duplicated().any()


def test_a_problem_of_the_previous_period_is_open_and_others_are_new(client, settings):
    previous = pd.DataFrame({"check": ["interaction.late_response"], "priority": ["high"]})
    found = diagnose(*client, settings, previous)
    status = found.problems.set_index("check")["status"].to_dict()
    assert status["interaction.late_response"] == "open"
    assert status["information.complete.phone"] == "new"
    assert found.key_figures()[0].previous.value == 1


@pytest.mark.parametrize(
    "score, expected", [(0.5951, "high"), (0.5949, "medium"), (0.2951, "medium"), (0.29, "low"), (0, "low")]
)
def test_priority_is_given_by_the_score_as_it_is_shown(settings, score, expected):
    assert priority(score, settings) == expected


def test_the_same_client_gives_the_same_bytes(client, settings):
    first, second = (diagnose(*client, settings) for _ in range(2))
    pd.testing.assert_frame_equal(first.problems, second.problems)
    pd.testing.assert_frame_equal(first.problem_customers, second.problem_customers)
    assert first.figure().bundle(EDITIONS) == second.figure().bundle(EDITIONS)
    assert first.sla_figure().bundle(EDITIONS) == second.sla_figure().bundle(EDITIONS)


def blocks_of(found):
    return [
        found.answer(), found.table(), found.cause_table(), found.figure(), found.sla_figure(), found.response_table(),
        *(found.module_table(module) for module in MODULES), *found.key_figures(), *found.definitions(), *found.not_measured,
    ]  # fmt: skip


def test_every_block_renders_in_both_languages(found):
    bundles = [block.bundle(EDITIONS) for block in blocks_of(found)]
    ids = [bundle["id"] for bundle in bundles]
    assert len(set(ids)) == len(ids)


def test_the_title_of_the_sla_figure_carries_the_number_of_its_table(found):
    figure = found.sla_figure()
    words = figure.bundle(EDITIONS)["languages"]["en"]
    assert words["title"] == "100% of first responses by WeChat are late; 10% is accepted"
    table = figure.table.bundle(EDITIONS)["languages"]["en"]
    row = next(cells for cells in table["cells"] if cells[1] == "WeChat")
    assert row[3].startswith("100.0%")


def test_titles_are_short(found):
    for block in (found.table(), found.figure(), found.sla_figure(), *(found.module_table(m) for m in MODULES)):
        if isinstance(block, Table | Figure):
            assert len(block.title.render(EDITIONS[0]).split()) <= 15, block.title.render(EDITIONS[0])


def test_no_label_of_a_figure_is_cut_off_or_lies_on_another(found):
    for figure in (found.figure(), found.sla_figure()):
        for edition in EDITIONS:
            with house_style():
                canvas = figure.draw(edition)
                agg = FigureCanvasAgg(canvas)
                agg.draw()
                renderer = agg.get_renderer()
                axes = canvas.axes[0]
                labels = [
                    t for t in (*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels(), axes.title) if t.get_text()
                ]
                boxes = [t.get_window_extent(renderer) for t in labels]
            width, height = canvas.bbox.width, canvas.bbox.height
            assert all(b.x0 >= -1 and b.y0 >= -1 and b.x1 <= width + 1 and b.y1 <= height + 1 for b in boxes)
            assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


@pytest.mark.parametrize(
    "frames",
    [
        {},
        {"customers": pd.DataFrame({"customer_id": ["a"]})},
        {"customers": pd.DataFrame({"customer_id": ["a"], "phone": [None], "tier": [None], "updated_at": [None]})},
        {"tickets": pd.DataFrame({"ticket_id": ["1"], "opened_at": ["2025-11-01"]})},
        {"tickets": pd.DataFrame({"ticket_id": ["1"], "opened_at": ["2020-11-01"], "first_response_at": ["2020-11-01"]})},
    ],
    ids=["nothing", "one customer", "all missing", "bare ticket", "tickets long before"],
)  # fmt: skip
def test_a_meagre_delivery_is_told_and_never_an_error(frames, settings):
    profile = pd.DataFrame({"customer_id": pd.Series(["a"], dtype="str"), "revenue": [None]})
    found = diagnose(tables_of(frames, PERIOD), profile, settings)
    assert found.problems.empty
    assert found.not_measured
    assert all(isinstance(found.module_table(module), NotMeasured) for module in MODULES)
    for block in blocks_of(found):
        block.bundle(EDITIONS)


def test_a_heading_never_speaks_of_modules_that_could_not_be_checked(settings):
    """ "The five modules show no problem" stood over a report of which not one check could be measured."""
    profile = pd.DataFrame({"customer_id": pd.Series(["a"], dtype="str"), "revenue": [None]})
    nothing = diagnose(tables_of({}, PERIOD), profile, settings)
    words = nothing.answer().bundle(EDITIONS)["languages"]
    assert words["en"]["heading"] == "No check of the five modules could be measured"
    assert words["zh"]["heading"] == "五大模块的检查均无法测量"
    assert nothing.key_figures() == ()
    assert isinstance(nothing.table(), NotMeasured) and isinstance(nothing.figure(), NotMeasured)

    customers = pd.DataFrame({"customer_id": [f"c{n}" for n in range(60)], "region": ["x"] * 60})
    some = diagnose(tables_of({"customers": customers}, PERIOD), customers.assign(revenue=None), settings)
    heading = some.answer().bundle(EDITIONS)["languages"]["en"]["heading"]
    assert heading == f"Checks beyond their limit: 0 of {len(some.measured)}; {len(some.not_measured)} more lack data"
    assert isinstance(some.figure(), Paragraph) and isinstance(some.cause_table(), Paragraph)


def test_impact_falls_back_to_customers_where_there_is_no_revenue(client, settings):
    tables, profile = client
    found = diagnose(tables, profile.drop(columns="revenue"), settings)
    row = found.problems.set_index("check").loc["information.complete.phone"]
    assert row["impact"] == pytest.approx(0.5)


def test_customers_not_delivered_are_not_none_and_no_revenue_is_not_touched():
    opened = pd.Series(pd.date_range("2025-10-01", periods=200, freq="8h"))
    tickets = pd.DataFrame(
        {"ticket_id": range(200), "opened_at": opened, "first_response_at": opened + pd.Timedelta("3D"), "channel": "phone"}
    )
    tables, settings = tables_of({"tickets": tickets}, PERIOD), Settings(client={"name": "Test"})
    nobody = diagnose(tables, pd.DataFrame({"customer_id": []}), settings)
    assert nobody.touch == "nothing" and nobody.table().frame[["customers", "revenue"]].isna().all(axis=None)
    assert nobody.problems[["customers", "revenue"]].isna().all(axis=None)  # what stage 4 reads
    assert "revenue" not in nobody.figure().title.render(EDITIONS[0])
    assert not any("touches 0" in s.render(EDITIONS[0]) for s in nobody.answer().sentences)
    assert nobody.problems[["customers", "revenue", "impact"]].isna().all(axis=None)
    assert nobody.findings.loc[nobody.findings["figure"] > 0, "customers"].isna().all()
    assert "n/a: the records" in nobody.table().note.render(EDITIONS[0])
    # customers are known, but the tickets name none of them
    someone = pd.DataFrame({"customer_id": ["a"], "revenue": [0.0]})
    assert diagnose(tables, someone, settings).problems["customers"].isna().all()
    unpaid = diagnose(tables_of({"tickets": tickets.assign(customer_id="a")}, PERIOD), someone, settings)
    assert list(unpaid.problems["customers"].unique()) == [1] and unpaid.problems["revenue"].isna().all()
    assert "of customers touched" in unpaid.figure().title.render(EDITIONS[0])

"""A heat map hides small cells, draws the others towards their mean and does not take the luckiest cell for a finding."""

import numpy as np
import pandas as pd
import pytest

from workbook.diagnosis.grid import Grid, drawn_in
from workbook.diagnosis.quality import quality_grid
from workbook.diagnosis.queues import BANDS, late_grid, late_solution_grid, queue, queue_table
from workbook.diagnosis.reversal import reversal_table
from workbook.diagnosis.tickets import late_cells
from workbook.language import Edition, named
from workbook.period import Period
from workbook.report.blocks import Figure, NotMeasured
from workbook.settings.models import Settings
from workbook.tables import tables_of

PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))
SETTINGS = Settings(client={"name": "Test"})


def grid(bad, n, limit=0.1):
    rows, columns = np.indices(np.shape(bad))
    cells = pd.DataFrame({"row": rows.ravel(), "column": columns.ravel(), "bad": np.ravel(bad), "n": np.ravel(n)})
    names = [tuple(named(f"{kind}{i}") for i in range(size)) for kind, size in zip("rc", np.shape(bad), strict=True)]
    return Grid(*names, cells, (limit,) * np.shape(bad)[1], 10, 0.95)


def test_small_cells_are_not_in_the_reading():
    read = grid([[9, 3]], [[9, 30]]).read()
    assert read[["row", "column"]].to_numpy().tolist() == [[0, 1]]


def test_hundreds_of_cells_at_their_limit_give_hardly_a_finding():
    rng = np.random.default_rng(1)
    found = [grid(rng.binomial(60, 0.1, (12, 9)), np.full((12, 9), 60)).read()["beyond"].any() for _ in range(200)]
    assert np.mean(found) <= 0.09  # 5 % and two standard errors, and Wilson's interval is liberal at this n


def test_a_cell_far_beyond_its_limit_is_found_among_many():
    bad = np.full((12, 9), 3)
    bad[4, 7] = 30
    read = grid(bad, np.full((12, 9), 60)).read()
    assert read.loc[read["beyond"], ["row", "column"]].to_numpy().tolist() == [[4, 7]]


def test_shares_drawn_in_are_nearer_to_the_truth():
    rng = np.random.default_rng(2)
    raw, drawn = 0.0, 0.0
    for _ in range(100):
        truth, n = rng.beta(4, 36, 30), rng.integers(10, 80, 30).astype(float)
        hits = rng.binomial(n.astype(int), truth).astype(float)
        raw += np.mean((hits / n - truth) ** 2)
        drawn += np.mean((drawn_in(hits, n) - truth) ** 2)
    assert drawn < 0.75 * raw


@pytest.mark.parametrize("hits, n", [([0.0, 0.0], [5.0, 9.0]), ([5.0], [9.0]), ([4.0, 4.0], [4.0, 4.0])])
def test_drawing_in_takes_the_ends(hits, n):
    assert drawn_in(np.array(hits), np.array(n)).tolist() == [h / m for h, m in zip(hits, n, strict=True)]


def customers(n=400):
    rng = np.random.default_rng(5)
    crm = np.arange(n) < 300
    return pd.DataFrame(
        {"customer_id": [f"C{i:03}" for i in range(n)], "kind": np.where(rng.random(n) < 0.8, "person", "<b>=1+1</b>"),
         "phone": [None if i % 2 and not c else f"138{i:08}" for i, c in enumerate(crm)],
         "email": [f"a{i}@b.cn" for i in range(n)], "updated_at": "2025-12-01", "tier": np.where(crm, "黄金", "x" * 60)}
    ), pd.DataFrame({"source": np.where(crm, "CRM", "shop"), "customer_id": [f"C{i:03}" for i in range(n)]})  # fmt: skip


def test_the_source_that_lacks_phones_is_named():
    frame, xref = customers()
    shown = quality_grid(tables_of({"customers": frame}, PERIOD), xref, SETTINGS)
    assert isinstance(shown, Figure)
    table = shown.table
    worst = table.frame.iloc[0]
    assert (worst["row"].render(EDITIONS[0]), worst["column"].render(EDITIONS[0])) == ("shop (source)", "no phone")
    assert (worst["bad"], worst["n"]) == (50, 100)
    assert shown.bundle(EDITIONS)["languages"]["zh"]["title"] == "最差：shop（来源），50% 缺电话"


def test_fields_are_crossed_with_segment_within_source():
    frame, xref = customers()
    shown = quality_grid(tables_of({"customers": frame.assign(industry="retail")}, PERIOD), xref, SETTINGS)
    rows = [r.render(EDITIONS[0]) for r in shown.table.frame["row"]]
    assert "shop · persons" in rows and not any("kind" in r for r in rows)
    found = shown.table.frame.assign(name=rows)
    worst = found[(found["name"] == "shop · persons") & (found["bad"] > 0)].iloc[0]
    in_shop = frame["customer_id"].isin(xref.loc[xref["source"] == "shop", "customer_id"])
    persons = frame[in_shop & (frame["kind"] == "person")]
    assert (worst["bad"], worst["n"]) == (persons["phone"].isna().sum(), len(persons))


def test_without_links_and_without_customers_it_is_said():
    frame, _ = customers(40)
    assert isinstance(quality_grid(tables_of({"customers": frame}, PERIOD), NotMeasured("x", named("x")), SETTINGS), Figure)
    assert isinstance(quality_grid(tables_of({}, PERIOD), pd.DataFrame(), SETTINGS), NotMeasured)
    bare = quality_grid(tables_of({"customers": frame[["customer_id", "phone"]]}, PERIOD), pd.DataFrame(), SETTINGS)
    assert bare.missing == ("customers.kind", "customers.tier", "customers.channel")  # one row of cells would say nothing new
    few = quality_grid(tables_of({"customers": frame.head(5)}, PERIOD), pd.DataFrame(), SETTINGS)
    assert isinstance(few, NotMeasured) and "20" in few.why.render(EDITIONS[0])


def tickets(n=600):
    rng = np.random.default_rng(7)
    opened = pd.Timestamp("2025-10-01") + pd.to_timedelta(rng.integers(0, 3600 * 24 * 90, n), unit="s")
    slow = (opened.hour >= 20) & (opened.hour < 22)
    wait = pd.to_timedelta(np.where(slow, 3600 * 12, rng.integers(60, 3600 * 3, n)), unit="s")
    answered = pd.Series(opened + wait).mask(rng.random(n) < 0.03)
    return pd.DataFrame({"ticket_id": np.arange(n).astype(str), "opened_at": opened, "first_response_at": answered,
                         "channel": rng.choice(["web", "phone"], n), "priority": "medium"})  # fmt: skip


def test_the_hours_that_are_late_are_named():
    shown = late_grid(tables_of({"tickets": tickets()}, PERIOD), SETTINGS)
    assert shown.title.render(EDITIONS[0]).startswith("Late most often: all channels at 20–22 o’clock, 100% of")
    assert shown.bundle(EDITIONS)["table"]["n_rows"] == 12


def test_late_solutions_stand_in_a_map_of_their_own():
    frame = tickets().assign(resolved_at=lambda f: f["opened_at"] + pd.to_timedelta(
        np.where(f["channel"] == "web", 100, 1), unit="h"))  # fmt: skip
    shown = late_solution_grid(tables_of({"tickets": frame}, PERIOD), SETTINGS)
    assert shown.title.render(EDITIONS[0]).startswith("Solved late most often: web at")
    assert late_solution_grid(tables_of({}, PERIOD), SETTINGS).missing == ("tickets.resolved_at",)


def test_tickets_that_tell_the_day_alone_are_left_out_and_counted():
    frame = tickets()
    alone = frame.head(200).assign(ticket_id=[f"d{i}" for i in range(200)],
                                   opened_at=lambda f: f["opened_at"].dt.normalize(),
                                   first_response_at=lambda f: f["opened_at"])  # fmt: skip
    settings = Settings(client={"name": "Test"}, diagnosis={"late_resolution_share": 0.1})
    both, timed = (tables_of({"tickets": f}, PERIOD) for f in (pd.concat([frame, alone]), frame))
    shown, other = late_grid(both, settings), late_grid(timed, settings)
    pd.testing.assert_frame_equal(shown.table.frame[["bad", "n"]], other.table.frame[["bad", "n"]])
    assert "Left out: 200 tickets that tell the day" in shown.note.render(EDITIONS[0])
    assert "另有 200 张工单" in shown.note.render(EDITIONS[1])
    assert (
        late_cells(both, settings, "first_response_at")["n"].sum()
        == late_cells(timed, settings, "first_response_at")["n"].sum()
    )
    days = tables_of({"tickets": alone}, PERIOD)
    assert isinstance(late_grid(days, settings), NotMeasured) and isinstance(reversal_table(days, settings), NotMeasured)


def test_the_queue_agrees_with_a_count_at_every_full_hour():
    frame = tickets()
    tables = tables_of({"tickets": frame}, PERIOD)
    rows, peak = queue(tables)
    hours = pd.date_range("2025-10-01 01:00", "2026-01-01 00:00", freq="h")
    waiting = np.array(
        [int(((frame["opened_at"] < h) & ~(frame["first_response_at"] < h)).sum()) for h in hours]
    )  # fmt: skip
    band = np.digitize((hours - pd.Timedelta("1h")).hour, BANDS[1:])
    assert rows["longest"].tolist() == [waiting[band == b].max() for b in range(len(BANDS) - 1)]
    np.testing.assert_allclose(rows["waiting"], [waiting[band == b].mean() for b in range(len(BANDS) - 1)])
    assert rows["opened"].sum() == len(frame)
    assert waiting[hours == peak] == waiting.max()
    assert queue_table(tables).bundle(EDITIONS)["n_rows"] == 9


def test_callers_who_gave_up_unanswered_wait_no_longer():
    frame = tickets()
    lost = frame["first_response_at"].isna()
    assert lost.any()
    given_up = tables_of({"tickets": frame.assign(status=np.where(lost, "abandoned", "answered"))}, PERIOD)
    answered, _ = queue(tables_of({"tickets": frame[~lost]}, PERIOD))
    pd.testing.assert_frame_equal(queue(given_up)[0], answered)


def test_a_client_without_tickets_is_told_what_to_deliver():
    tables = tables_of({}, PERIOD)
    assert late_grid(tables, SETTINGS).missing == queue_table(tables).missing == ("tickets.first_response_at",)

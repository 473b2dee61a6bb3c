import datetime as dt

import numpy as np
import pandas as pd
import pytest
from tests.report.picture_checks import assert_figure_readable
from tests.review.firms import PERIOD, many_orders, settings, tables

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import Figure, NotMeasured, Table
from workbook.review.kpi import measure_kpis
from workbook.review.monthly import track
from workbook.tables import tables_of

EN, ZH = Edition("en"), Edition("zh")


def steady(step=1.0, first="2024-01-01", last="2025-12-31", seed=0, change="2025-10-01"):
    """Orders of a firm that sells about alike each month; from *change* on *step* times as many."""
    rng = np.random.default_rng(seed)
    parts = []
    for month in pd.date_range(first, last, freq="MS"):
        n = int(rng.normal(200, 6) * (step if month >= pd.Timestamp(change) else 1))
        parts.append(month + pd.to_timedelta(rng.integers(0, 28 * 24, n), unit="h"))
    days = np.concatenate(parts)
    n = len(days)
    return pd.DataFrame({"order_id": [f"o{i}" for i in range(n)], "customer_id": [f"c{i % 700}" for i in range(n)],
                         "ordered_at": days, "amount": 100.0})  # fmt: skip


def service(late, first="2024-01-01", last="2025-12-31", change="2025-10-01", seed=0):
    """Tickets of which the share *late[0]*, from *change* on *late[1]*, is answered after ten hours, the others after one."""
    rng = np.random.default_rng(seed)
    opened = pd.Series(pd.date_range(first, last, freq="4h"))
    slow = rng.random(len(opened)) < np.where(opened >= pd.Timestamp(change), late[1], late[0])
    answered = opened + pd.to_timedelta(np.where(slow, 10, 1), unit="h")
    return pd.DataFrame({"ticket_id": [f"t{i}" for i in range(len(opened))], "opened_at": opened, "first_response_at": answered,
                         "topic": "complaint"})  # fmt: skip


def test_the_months_of_the_period_add_up_to_its_kpis():
    told = tables(orders=many_orders())
    frame = track(told, settings()).frame
    kpis = measure_kpis(told, settings()).frame.set_index("kpi")["value"]
    after = frame[frame["after"]]
    assert after[after["kpi"] == "revenue"]["value"].sum() == pytest.approx(kpis["revenue"], rel=1e-12)
    assert after["month"].dt.month.unique().tolist() == [10, 11, 12]


def test_a_month_of_a_kpi_is_that_kpi_of_a_period_of_one_month():
    frames = {"orders": many_orders(), "tickets": service((0.3, 0.3))}
    found = track(tables(**frames), settings()).frame.set_index(["kpi", "month"])["value"]
    alone = measure_kpis(tables_of(frames, Period.parse("2025-12")), settings())
    for kpi in ("revenue", "active_customers", "average_order", "first_response_hours", "late_share"):
        assert found[kpi, pd.Timestamp("2025-12-01")] == pytest.approx(alone.get(kpi).value, rel=1e-9), kpi


def test_a_planted_rise_is_seen_on_chart_and_against_expectation():
    found = track(tables(orders=steady(1.3)), settings()).of("revenue")
    assert found.moved == 1 and len(found.limits.beyond) == 3 and found.before == 21
    assert 5000 < found.expected.difference < 7000


def test_a_steady_firm_shows_nothing():
    told = track(tables(orders=steady(seed=4), tickets=service((0.2, 0.2))), settings())
    assert len(told.kpis) == 5 and all(k.moved == 0 for k in told.kpis)
    assert "no KPI has clearly left its expected course (5 judged)" in told.blocks()[1].title.render(EN)


def test_fewer_late_answers_fell_after_and_are_never_called_lowered():
    told = track(tables(tickets=service((0.4, 0.2))), settings())
    assert told.of("late_share").moved == -1
    words = str(told.blocks()[1].bundle((EN, ZH)))
    assert "fell after" in words and "之后下降" in words and "raised" not in words and "lowered" not in words


def test_the_change_can_be_dated_by_the_settings():
    told = track(tables(orders=steady(1.3, change="2025-06-01")), settings(review={"changed_on": "2025-06-01"}))
    found = told.of("revenue")
    assert (found.before, found.moved, told.since) == (17, 1, dt.date(2025, 6, 1))


@pytest.mark.parametrize("changed", ["2026-05-01", "2024-03-01"])
def test_a_change_outside_the_history_is_said_with_what_to_do(changed):
    (note,) = track(tables(orders=steady()), settings(review={"changed_on": changed})).blocks()
    assert isinstance(note, NotMeasured) and "review.changed_on" in note.why.render(EN) and note.bundle((EN, ZH))


def test_a_first_month_that_the_delivery_cut_is_left_out():
    cut = steady(first="2024-02-01")
    cut = cut[cut["ordered_at"] >= "2024-02-15"]
    assert track(tables(orders=cut), settings()).of("revenue").months[0] == dt.date(2024, 3, 1)


def test_months_before_a_gap_are_left_out_of_means_and_shares_and_a_month_without_sales_is_zero():
    frame = steady()
    frame = frame[frame["ordered_at"].dt.strftime("%Y-%m") != "2024-05"]
    told = track(tables(orders=frame), settings())
    assert told.of("average_order").months[0] == dt.date(2024, 6, 1)
    assert told.of("revenue").series[4] == 0 and len(told.of("revenue").months) == 24


def test_what_was_not_delivered_is_asked_for():
    (note,) = track(tables(), settings()).blocks()
    assert isinstance(note, NotMeasured) and set(note.missing) >= {"orders.ordered_at", "tickets.opened_at"}


def test_a_kpi_with_a_short_history_is_named():
    told = track(tables(orders=steady(), tickets=service((0.2, 0.2), first="2025-06-01")), settings())
    assert set(told.short) == {"first_response_hours", "late_share"}
    assert "Late first responses" in told.blocks()[2].words.render(EN)


def test_a_constant_figure_is_no_error():
    told = track(tables(orders=steady().assign(amount=100.0)), settings())
    found = told.of("average_order")
    assert found.moved == 0 and not found.limits.signal and all(b.bundle((EN, ZH)) for b in told.blocks())


def test_picture_and_table_can_be_read_in_both_languages():
    told = track(tables(orders=steady(1.3), tickets=service((0.3, 0.2))), settings())
    figure, table, _ = told.blocks()
    assert isinstance(figure, Figure) and isinstance(table, Table) and PERIOD.start == told.since
    assert_figure_readable(figure)
    assert len(table.columns) <= 8 and all(block.bundle((EN, ZH)) for block in told.blocks())

"""Stages of life: each rule by itself, at its edge, and what is said of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.report.figures import house_style
from workbook.settings.models import Analysis
from workbook.value.lifecycle import STAGES, Lifecycle, place_in_lifecycle

quickly = settings(max_examples=40, deadline=None)

PERIOD = Period.parse("2025Q4")
EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")


def person(orders=6, first=400, last=10, now=100.0, then=100.0, revenue=400.0):
    """A customer by number of orders, days since the first and the last, and revenue of both periods."""
    end = pd.Timestamp(PERIOD.end)
    bought = orders > 0
    return {
        "orders_all": orders,
        "first_order_at": end - pd.Timedelta(days=first) if bought else pd.NaT,
        "last_order_at": end - pd.Timedelta(days=last) if bought else pd.NaT,
        "recency_days": last if bought else np.nan,
        "revenue": revenue if bought else np.nan,
        "revenue_period": now,
        "revenue_previous": then,
    }


def placed(*people, settings=None):
    profile = pd.DataFrame(list(people)).assign(customer_id=[f"c{k:03d}" for k in range(len(people))])
    return place_in_lifecycle(profile, settings or Analysis(), period=PERIOD)


@pytest.mark.parametrize(
    ("customer", "stage"),
    [
        (person(orders=0), "contact"),
        (person(last=181), "churned"),
        (person(last=180), "retention"),
        (person(orders=1, first=500, last=500), "churned"),
        (person(orders=1, first=90, last=90), "acquisition"),
        (person(orders=1, first=91, last=91), "development"),
        (person(orders=9, first=60, last=2), "acquisition"),
        (person(orders=3), "development"),
        (person(orders=4), "retention"),
        (person(now=149.99), "retention"),
        (person(now=150.0), "development"),
        (person(now=500.0, then=0.0), "retention"),
        (person(now=10.0), "retention"),
    ],
)
def test_each_rule_holds_up_to_its_edge(customer, stage):
    found = placed(customer, person())
    assert isinstance(found, Lifecycle)
    assert found.frame["lifecycle"].iloc[0] == stage


def test_a_first_order_at_noon_counts_whole_days():
    at_noon = person(orders=1, first=90, last=90)
    at_noon["first_order_at"] = at_noon["last_order_at"] = (
        pd.Timestamp(PERIOD.end) - pd.Timedelta(days=90) + pd.Timedelta(hours=12)
    )
    assert placed(at_noon).frame["lifecycle"].tolist() == ["acquisition"]


def test_days_and_orders_come_from_the_settings():
    strict = Analysis(churn_days=5, new_days=3, established_orders=20, growth_share=0.01)
    assert placed(person(last=6), settings=strict).frame["lifecycle"].tolist() == ["churned"]
    assert placed(person(last=5), settings=strict).frame["lifecycle"].tolist() == ["development"]
    table = placed(person(), settings=strict).table().bundle((EN, ZH))
    assert "No order for more than 5 days" in str(table["languages"]["en"]["cells"])
    assert "超过 5 天无订单" in str(table["languages"]["zh"]["cells"])


def test_nobody_ever_ordered_is_said_and_no_exception():
    found = placed(person(orders=0), person(orders=0))
    assert isinstance(found, NotMeasured) and found.missing == ("orders",)
    assert "生命周期" in found.bundle((EN, ZH))["languages"]["zh"]["what"]


customers = st.builds(
    person,
    orders=st.integers(0, 9),
    first=st.integers(200, 900),
    last=st.integers(0, 199),
    now=st.floats(0, 1000),
    then=st.floats(0, 1000),
    revenue=st.integers(0, 10**6).map(lambda cents: cents / 100),
)


@quickly
@given(st.lists(customers, max_size=30))
def test_everybody_is_in_one_stage_and_no_revenue_is_lost(people):
    found = placed(person(), *people)
    assert found.stages["lifecycle"].tolist() == list(STAGES)
    assert found.stages["customers"].sum() == len(people) + 1
    assert found.stages["customer_share"].sum() == pytest.approx(1)
    assert found.stages["revenue"].sum() == pytest.approx(np.nansum([p["revenue"] for p in [person(), *people]]))
    assert list(found.frame.columns) == ["customer_id", "lifecycle"]


def test_titles_give_the_shares_that_the_exhibit_shows():
    many = placed(*[person()] * 30, *[person(last=200)] * 10, *[person(orders=0)] * 60)
    assert many.table().title.render(EN) == "30% of customers are in retention, 10% are lost"
    assert many.table().title.render(ZH) == "客户中 30% 处于留存期，10% 已流失"
    assert many.key_figures()[0].value.render(EN) == "25%"
    few = placed(person(), person(last=200), person(orders=0))
    assert few.table().title.render(EN) == "1 of 3 customers are in retention, 1 are lost"


def test_the_picture_stays_inside_its_frame_in_both_languages():
    found = placed(*[person()] * 30, *[person(last=200)] * 10, person(orders=0))
    for edition in (EN, ZH):
        with house_style():
            picture = found.figure().draw(edition)
            canvas = FigureCanvasAgg(picture)
            canvas.draw()
            renderer = canvas.get_renderer()
            width, height = canvas.get_width_height()
            axes = picture.axes[0]
            for words in [*axes.texts, *axes.get_yticklabels()]:
                box = words.get_window_extent(renderer)
                assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
    found.figure().bundle((EN, ZH))

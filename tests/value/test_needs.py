"""Segments by needs: the leading need by hand, small ones gathered, sums that agree, hostile words, and none delivered."""

from __future__ import annotations

import pandas as pd
import pytest

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Analysis, Grading
from workbook.tables import tables_of
from workbook.value.needs import FEWEST, MOST, NONE, OTHER, Needing, segment_by_need
from workbook.value.segments import Segments, segment_customers

EN, ZH = Edition("en", "USD", least=5), Edition("zh", "CNY", least=5)
Q4 = Period.parse("2025Q4")
TIERS = Grading().tiers
DAY = "2025-11-10"


def people(n):
    tiers = [TIERS[k % len(TIERS)].id for k in range(n)]
    revenue = [float(10 + k) for k in range(n)]
    return pd.DataFrame({"customer_id": [f"c{k:03d}" for k in range(n)], "tier": tiers, "revenue": revenue})


def placed(rows, graded):
    needs = pd.DataFrame(rows, columns=["customer_id", "need", "noted_at"])
    tables = tables_of({"needs": needs} if rows else {"customers": graded[["customer_id"]]}, Q4)
    return segment_by_need(tables, graded, TIERS, Analysis(), period=Q4, window_months=12)


def test_the_leading_need_is_the_one_named_most_then_the_newest_and_only_in_the_window():
    rows = [(f"c{k:03d}", "Price", DAY) for k in range(FEWEST)] + [(f"c{k:03d}", "Speed", DAY) for k in range(20, 20 + FEWEST)]
    rows += [("c000", "Speed", "2025-11-01"), ("c000", " speed ", "2025-11-02")]  # twice, spelt otherwise
    rows += [("c020", "Price", "2025-12-01")]  # as often as Speed, but newer
    rows += [("c040", "Price", "2024-12-31"), ("c041", "Price", "2026-01-01")]  # before and after the window
    rows += [("c042", "Price", None), ("c043", "  ", DAY), ("nobody", "Price", DAY)]
    need = placed(rows, people(50)).frame.set_index("customer_id")["need"]
    assert need["c000"] == "need:speed" and need["c020"] == "need:price" and need["c042"] == "need:price"
    assert need[["c040", "c041", "c043"]].eq(NONE).all()


def test_rows_add_up_to_everybody_their_revenue_and_their_tiers():
    graded = people(200)
    rows = [(f"c{k:03d}", "Price" if k % 3 else "Speed", DAY) for k in range(90)]
    rows += [(f"c{k:03d}", f"Own wish {k}", DAY) for k in range(90, 100)]
    found = placed(rows, graded)
    assert isinstance(found, Needing) and found.gathered == 10
    told = found.rows.set_index("need")
    assert told.index.tolist() == ["need:price", "need:speed", OTHER, NONE]
    assert told["customers"].tolist() == [60, 30, 10, 100]
    assert told[["share", "revenue_share"]].sum().tolist() == pytest.approx([1, 1])
    assert told[[tier.id for tier in TIERS]].sum(axis=1).tolist() == pytest.approx([1] * 4)
    speed = graded.iloc[:90:3]
    assert told["revenue_share"]["need:speed"] == pytest.approx(speed["revenue"].sum() / graded["revenue"].sum())
    assert told["gold"]["need:speed"] == pytest.approx((speed["tier"] == "gold").mean())
    assert (
        found.table().title.render(EN) == f"Price: 30% of customers bring {100 * told['revenue_share'].iloc[0]:.0f}% of revenue"
    )


def test_too_few_who_share_a_need_are_gathered_and_there_are_never_too_many_segments():
    rows = [(f"c{k:03d}", f"need {k % 15}", DAY) for k in range(300)]
    found = placed(rows, people(300))
    assert len(found.rows) == MOST + 1 and found.rows["need"].iloc[-1] == OTHER
    few = placed([(f"c{k:03d}", f"wish {k}", DAY) for k in range(30)], people(100))
    assert few.rows["need"].tolist() == [OTHER, NONE]
    assert few.table().title.render(EN) == "Of 30% of customers a need is recorded"
    assert few.table().title.render(ZH) == "30% 的客户有需求记录"


def test_hostile_words_stay_words_and_what_was_not_delivered_is_said():
    found = placed([(f"c{k:03d}", "=1+1 <b>{x}</b>", DAY) for k in range(12)], people(20))
    shown = found.table().bundle((EN, ZH))["languages"]["en"]
    assert shown["cells"][0][0] == "=1+1 <b>{x}</b>"
    none = placed([], people(20))
    assert isinstance(none, NotMeasured) and none.missing == ("needs",)


def test_the_leading_need_stands_beside_the_other_segments():
    graded = people(40)
    leading = placed([(f"c{k:03d}", "Price", DAY) for k in range(15)], graded)
    profile = graded.assign(orders_all=3, recency_days=9.0, needs=[1] * 15 + [0] * 25)
    segments = segment_customers(profile, Analysis(), leading=leading)
    assert isinstance(segments, Segments)
    assert segments.frame["need"].value_counts().to_dict() == {NONE: 25, "need:price": 15}
    assert segment_customers(profile, Analysis()).frame["need"].isna().all()

"""A made-up run: six executed notebooks with every kind of block, in both languages, with hostile words from a client."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd

from workbook.language import LANGUAGES, Edition, Text, count, day, money, named, share
from workbook.report.blocks import (
    MIME,
    Answer,
    Ask,
    Block,
    Column,
    Figure,
    KeyFigure,
    NotMeasured,
    Paragraph,
    Table,
)
from workbook.report.figures import TIER_EDGE, canvas, label_axis, tier_colours
from workbook.stages import STAGES

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)> =1+1 {{7*7}} \" ' &amp; ​‮"
EDITIONS = tuple(Edition(language) for language in LANGUAGES)

HEADINGS = {
    "1_goals": ("Repeat purchase is the goal furthest from its target, by 3.4 points", "复购率距目标最远，相差 3.4 个百分点"),
    "2_integrate": ("The data carry the analysis; 41 of 57,412 rows were set aside", "数据可用于分析，57,412 行中隔离 41 行"),
    "3_diagnose": ("Late first responses touch 38% of revenue", "首次响应超时涉及 38% 的收入"),
    "4_strategy": ("Diamond and gold: 20% of customers bring 75% of revenue", "钻石与黄金客户占 20%，贡献收入的 75%"),
    "5_pilot": ("The monthly care plan raised repeat purchase by 3.4 points", "月度关怀计划使复购率提高 3.4 个百分点"),
    "6_iterate": ("Two of five KPIs moved towards target", "五项指标中有两项向目标靠近"),
}
PARTS = {"1_goals": "situation", "2_integrate": "situation", "3_diagnose": "complication", "4_strategy": "resolution",
         "5_pilot": "resolution", "6_iterate": "resolution"}  # fmt: skip
SENTENCE = (
    "It stands at 41.2% (39.0% to 43.4%) of 1,987 customers, against 44.6% agreed for 30 Jun 2026.",
    "目前为 41.2%（39.0%～43.4%），样本 1,987 个客户；约定目标为 44.6%，期限 2026 年 6 月 30 日。",
)


def _bars(edition: Edition):
    figure, axes = canvas(height=2.8)
    names = {"en": ["Diamond", "Gold", "Silver", "Ordinary"], "zh": ["钻石", "黄金", "白银", "普通"]}[edition.language]
    values = [41, 34, 17, 8]
    axes.barh(names[::-1], values[::-1], color=tier_colours(4)[::-1], edgecolor=TIER_EDGE)
    for place, value in enumerate(values[::-1]):
        axes.text(value + 0.6, place, f"{value}%", va="center")
    label_axis(axes, {"en": "Share of revenue", "zh": "收入占比"}[edition.language])
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    return figure


def tier_table(id: str, name: str = "Gold") -> Table:
    frame = pd.DataFrame(
        {"tier": ["Diamond", name, "Silver", "Ordinary"], "customers": [99, 298, 596, 994],
         "revenue": [4_123_456.78, 3_400_000.0, 1_700_000.5, 0.0], "part": [0.447, 0.368, 0.185, 0.0],
         "low": [0.42, 0.34, 0.17, np.nan], "high": [0.47, 0.39, 0.2, np.nan], "phone": ["13812345678"] * 4}
    )  # fmt: skip
    columns = (
        Column("tier", named({"en": "Tier", "zh": "等级"})),
        Column("customers", named({"en": "Customers", "zh": "客户数"}), "count"),
        Column("revenue", named({"en": "Revenue", "zh": "收入"}), "money"),
        Column("part", named({"en": "Share of revenue", "zh": "收入占比"}), "share", low="low", high="high"),
        Column("phone", named({"en": "Contact", "zh": "联系电话"}), personal=True),
    )
    title = named(
        {"en": "Gold holds the most room: 298 customers, 37% of revenue", "zh": "黄金客户潜力最大：298 人，占收入 37%"}
    )
    note = named(
        {
            "en": "Revenue (CNY), active customers, Q4 2025, n = 1,987.",
            "zh": "收入（元），活跃客户，2025 年第四季度，n = 1,987。",
        }
    )
    return Table(id, title, columns, frame, note, artefact="tiers")


def both(en: str, zh: str) -> Text:
    return named({"en": en, "zh": zh})


def _blocks(stage: str, place: int) -> list[Block]:
    room = stage.partition("_")[2]
    figure_note = both(
        "Share of revenue, active customers, Q4 2025, n = 1,987.", "收入占比，活跃客户，2025 年第四季度，n = 1,987。"
    )
    return [
        Answer(f"{room}.answer", both(*HEADINGS[stage]), (both(*SENTENCE),), PARTS[stage]),
        KeyFigure(
            f"{room}.key",
            both("Repeat-purchase rate", "复购率"),
            share(0.412),
            share(0.39),
            share(0.434),
            previous=share(0.391) if place % 2 else None,
            better="higher",
            rank=place,
        ),
        Figure(
            f"{room}.figure",
            both("Diamond and gold bring 75% of revenue", "钻石与黄金贡献收入的 75%"),
            _bars,
            both(
                "Bar chart of revenue by tier: diamond 41%, gold 34%.", "条形图：各等级收入占比，钻石 41%，黄金 34%，白银 17%。"
            ),
            figure_note,
            tier_table(f"{room}.figure_table"),
        ),
        tier_table(f"{room}.table", HOSTILE if place == 4 else "Gold"),
        NotMeasured(
            f"{room}.unknown", both("the share of late first responses", "首次响应超时率"), ("tickets.first_response_at",)
        ),
        Paragraph(
            f"{room}.meaning",
            both("Keeping gold customers is worth more than winning new ones.", "留住黄金客户的价值高于争取新客户。"),
        ),
        Paragraph(f"{room}.limits", both("Orders of two stores are missing for October.", "两家门店缺 10 月订单。"), "limits"),
        Paragraph(
            f"{room}.definition",
            both(
                "Repeat-purchase rate: customers with two orders or more, of all buyers.",
                "复购率：下单两次及以上的客户占全部购买客户的比例。",
            ),
            "definition",
        ),
        Ask(
            f"{room}.ask",
            both(f"Approve step {place} of the care plan", f"批准关怀计划第 {place} 步"),
            both("Head of sales", "销售总监"),
            day(dt.date(2026, 1, 10 + place)),
            rank=place,
        ),
        KeyFigure(
            f"{room}.money",
            both("Revenue of the period", "本期收入"),
            money(12_345_678),
            previous=money(11_000_000),
            better="higher",
            rank=20 + place,
        ),
        KeyFigure(f"{room}.count", both("Active customers", "活跃客户数"), count(1987), rank=40 + place),
    ]


def output(block: Block) -> nbformat.NotebookNode:
    """What a cell holds after it showed *block*."""
    bundle = block.bundle(EDITIONS)
    return nbformat.v4.new_output("display_data", data={MIME: bundle, "text/plain": f"<{bundle['kind']} {block.id}>"})


def write_notebooks(folder: Path) -> Path:
    """Write ``notebooks/<stage>.ipynb`` for all stages and return *folder*."""
    (folder / "notebooks").mkdir(parents=True)
    for place, stage in enumerate(STAGES, start=1):
        parameters = nbformat.v4.new_code_cell("client = 'demo'", metadata={"tags": ["injected-parameters"]})
        shows = [
            nbformat.v4.new_code_cell(f"book.show({block.id!r})  # {HOSTILE}", id=f"show-{n}", outputs=[output(block)])
            for n, block in enumerate(_blocks(stage.id, place))
        ]
        notebook = nbformat.v4.new_notebook(cells=[parameters, *shows])
        nbformat.write(notebook, folder / "notebooks" / f"{stage.id}.ipynb")
    return folder

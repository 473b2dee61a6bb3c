"""The settings that go with an invented client: which file is which table, its goals, its grading, its pilots.

The texts are the templates ``engagement.yaml`` and ``period.yaml`` beside this module.
Source: rows C3, G1, T1–T4 of method.md.
"""

from __future__ import annotations

import datetime as dt
from importlib import resources
from string import Template

from workbook.period import Period
from workbook.synthetic.pilot import trials
from workbook.synthetic.plan import Plan

NPS_CHANGE = 5
"""Target of the demo: points of the net promoter score, which runs from −100 to 100."""

DUE_DAYS = 181
"""Days from the end of the last period to the date by which the goals are to be reached."""

_MARKETS = (
    ("A new chain opened in two of the client's cities; bean prices rose.", "两座城市新开连锁品牌，咖啡豆价格上涨。"),
    ("Summer promotions of the platforms pressed prices on line.", "平台夏季促销，线上价格承压。"),
    ("Offices returned to full occupancy; demand of companies rose.", "写字楼入驻率回升，企业需求增加。"),
    ("Year-end gifts carried sales; a rival raised its delivery charge.", "年末礼品带动销售，竞争对手上调运费。"),
)


def engagement_yaml(name: str, plan: Plan) -> str:
    """The text of ``params/<name>/engagement.yaml``."""
    first, second = trials(plan)

    def date(day: int) -> str:
        return (plan.opens + dt.timedelta(days=day)).isoformat()

    return _template("engagement.yaml").substitute(
        name=name,
        customers=plan.customers,
        periods=plan.periods,
        seed=plan.seed,
        due=(plan.last.end + dt.timedelta(days=DUE_DAYS)).isoformat(),
        nps_change=NPS_CHANGE,
        first_id=first.id,
        first_window=first.window,
        first_starts=date(first.starts),
        first_ends=date(first.measured),
        second_id=second.id,
        second_window=second.window,
        first_changed=date(first.measured + 14),
        second_starts=date(second.starts),
        second_ends=date(second.measured),
    )


def period_yaml(period: Period) -> str:
    """The text of ``params/<name>/<period>.yaml``."""
    en, zh = _MARKETS[(period.first // period.months) % len(_MARKETS)]
    return _template("period.yaml").substitute(period=period.name, en=en, zh=zh)


def _template(name: str) -> Template:
    return Template((resources.files(__package__ or "workbook.synthetic") / name).read_text("utf-8"))

"""The client's own list of tasks: what was planned to improve customer relations, by whom, and when it was done.

Source: rows C3, P8 of method.md.
"""

from __future__ import annotations

import datetime as dt

import pandas as pd

from workbook.period import Period
from workbook.synthetic.plan import Plan, stream

MEASURES = (
    ("客户资料补全", "客户信息专员"),
    ("联系方式核验", "客户信息专员"),
    ("投诉回访流程上线", "售后主管"),
    ("工单分级派发规则", "售后主管"),
    ("月度关怀名单下发", "客户经理主管"),
    ("沉睡客户唤醒", "客户经理主管"),
    ("需求登记表改版", "产品经理"),
    ("客服响应培训", "培训主管"),
    ("客户分级使用培训", "培训主管"),
)
EACH_PERIOD = 7
"""Tasks planned for each period."""
LATE = 0.25
"""Share of the tasks that are done after their date, some of them weeks after."""


def make_tasks(plan: Plan) -> pd.DataFrame:
    """Tasks of every period delivered, planned at its beginning.

    Returns:
        task_id, measure, owner, planned, due, done (dates).
    """
    rng = stream(plan.seed, "tasks")
    rows = []
    for number, period in enumerate(plan.deliveries):
        for place, which in enumerate(rng.permutation(len(MEASURES))[:EACH_PERIOD]):
            measure, owner = MEASURES[which]
            due = _workday(period, int(rng.integers(15, 110)))
            slip = int(rng.integers(5, 60)) if rng.random() < LATE else -int(rng.integers(0, 9))
            rows.append((f"T{number * EACH_PERIOD + place + 1:03d}", measure, owner, period.start, due,
                         due + dt.timedelta(days=slip)))  # fmt: skip
    return pd.DataFrame(rows, columns=["task_id", "measure", "owner", "planned", "due", "done"])


def _workday(period: Period, days: int) -> dt.date:
    """The day so many days after the period's first, or the Monday after a weekend."""
    found = period.start + dt.timedelta(days=days)
    return found + dt.timedelta(days=(7 - found.weekday()) % 7 if found.weekday() > 4 else 0)

"""The files that the client would hand over: several systems, each with its own names, encoding and style of dates.

Source: rows D1 and C3 of method.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workbook.period import Period
from workbook.synthetic import pilot
from workbook.synthetic.faults import twin_id
from workbook.synthetic.formats import iso, iso_time, slashed, slashed_time, unless, write_csv, write_excel, written
from workbook.synthetic.generate import Story
from workbook.synthetic.plan import stream
from workbook.synthetic.records import STATES, status_history
from workbook.synthetic.world import Flags, Ints

EXCEL_ROWS = 400_000
"""Most rows of one Excel file; Excel itself stops at 1,048,576."""

_STATES = np.array([{"prospect": "潜在", "active": "活跃", "dormant": "沉睡", "lost": "流失"}[s] for s in STATES])
_TIERS = {"diamond": "钻石", "gold": "黄金", "silver": "白银", "ordinary": "普通"}
_PRIORITIES = {"high": "高", "medium": "中", "low": "低"}
_SPOILED = np.array(["2025/13/41 9:00", "待确认", "2025/2/30 10:00", "0000/0/0 0:00"])


@dataclass(frozen=True)
class Slice:
    """What one delivery covers: events from day *begin* to day *end*, both included; lists as they stand on day *end*."""

    story: Story
    period: Period
    begin: int
    end: int

    @property
    def ids(self) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
        """The id of each true customer."""
        return self.story.world.customers["customer_id"].to_numpy(object)

    def within(self, day: pd.Series | Ints) -> Flags:
        """Which days fall into this delivery."""
        days = np.asarray(day)
        return (days >= self.begin) & (days <= self.end)

    def dates(self, day: pd.Series | Ints) -> pd.Series:
        """Days since the history opens as dates."""
        days = np.asarray(day).astype("timedelta64[D]")
        return pd.Series((np.datetime64(self.story.world.plan.opens, "D") + days).astype("datetime64[s]"))

    def times(self, minute_at: pd.Series | Ints) -> pd.Series:
        """Minutes since the history opens as times; a negative one is no time."""
        minutes = np.asarray(minute_at)
        found = np.datetime64(self.story.world.plan.opens, "m") + np.maximum(minutes, 0).astype("timedelta64[m]")
        return pd.Series(np.where(minutes < 0, np.datetime64("NaT", "s"), found.astype("datetime64[s]")))


def slices(story: Story) -> list[Slice]:
    """One slice a delivery; the first begins with the history."""
    plan = story.world.plan
    first = plan.deliveries[0]
    return [
        Slice(story, period, -10_000 if period == first else plan.day(period.start), plan.day(period.end))
        for period in plan.deliveries
    ]


def write_files(part: Slice, folder: Path) -> None:
    """Write all files of one delivery into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (make, encoding) in _TEXT_FILES.items():
        write_csv(make(part), folder / name, encoding)
    orders = order_rows(part)
    month = orders.pop("month")
    for name, rows in orders.groupby(month, sort=True):
        write_csv(rows, folder / f"orders_{name}.csv", "utf-8-sig")
    tickets = ticket_rows(part)
    for number, start in enumerate(range(0, max(len(tickets), 1), EXCEL_ROWS)):
        suffix = f"_{number + 1}" if number else ""
        write_excel(tickets.iloc[start : start + EXCEL_ROWS], folder / f"客服工单{suffix}.xlsx")


def crm_rows(part: Slice) -> pd.DataFrame:
    """Customers as the CRM lists them."""
    story, c = part.story, part.story.world.customers
    here = ((c["system"] == "crm") & (c["created"] <= part.end)).to_numpy()
    state, updated = _on_record(part)
    rows = pd.DataFrame(
        {
            "客户编号": c["customer_id"],
            "客户名称": c["name"],
            "客户类型": np.where(c["kind"] == "company", "企业", "个人"),
            "状态": state,
            "建档日期": iso(part.dates(c["created"])),
            "更新日期": iso(part.dates(updated)),
            "所在地区": unless(story.gaps["region"], c["region"]),
            "行业": unless(story.gaps["industry"], story.record["industry"]),
            "规模": c["size"],
            "来源渠道": c["channel"],
            "手机号": unless(story.gaps["phone"], story.record["phone"]),
            "邮箱": unless(story.gaps["email"], story.record["email"]),
            "生日": unless(story.gaps["birthday"] | (c["kind"] == "company"), iso(part.dates(c["birthday"]))),
            "客户等级": story.tiers[part.period.name].map(_TIERS),
            "客户经理": c["owner"],
        }
    )
    return rows.loc[here]


def member_rows(part: Slice) -> pd.DataFrame:
    """Members as the shop lists them: its own, and customers of the CRM whom it knows under a second id."""
    story, c = part.story, part.story.world.customers
    shop = (c["system"] == "shop").to_numpy()
    here = (shop | story.twins) & (c["created"] <= part.end).to_numpy()
    state, updated = _on_record(part)
    number = np.where(shop, part.ids, [twin_id(i) for i in part.ids])
    phone = story.record["phone"]
    rows = pd.DataFrame(
        {
            "会员号": number,
            "昵称": c["name"],
            "会员状态": state,
            "注册日期": slashed(part.dates(c["created"])),
            "最近修改": slashed(part.dates(updated)),
            "城市": unless(story.gaps["region"], c["region"] + "市"),
            "职业": unless(story.gaps["industry"], story.record["industry"]),
            "注册渠道": c["channel"],
            "手机": unless(story.gaps["phone"], "+86 " + phone.str[:3] + " " + phone.str[3:7] + " " + phone.str[7:]),
            "电子邮件": unless(story.gaps["email"], story.record["email"].str.upper()),
            "会员等级": story.tiers[part.period.name].map(_TIERS),
        }
    )
    return rows.loc[here].sort_values("会员号", kind="stable")


def order_rows(part: Slice) -> pd.DataFrame:
    """Orders as the shop lists them, vain attempts among them; ``month`` names the file."""
    story = part.story
    o = story.sales.orders
    shown = _delivered(part)
    payments = stream(story.world.plan.seed, "payments")
    company = (story.world.customers["kind"] == "company").to_numpy()[o["customer"].to_numpy()]
    overdue = np.zeros(len(part.ids), dtype=np.int64)
    overdue[story.risk["customer"].to_numpy()] = story.risk["overdue_days"].to_numpy()
    delay = payments.integers(18, 31, len(o)) + np.where(payments.random(len(o)) < 0.4, overdue[o["customer"].to_numpy()], 0)
    paid = o["day_of"].to_numpy() + np.where(company, delay, 0)
    mine = o[shown]
    at = mine.index.to_numpy()
    company, paid, day = company[shown], paid[shown], mine["day_of"].to_numpy()
    spoiled = np.where(story.spoiled["orders"][shown], _SPOILED[at % len(_SPOILED)], "")
    time = slashed_time(part.times(day * 1440 + mine["minute"].to_numpy()))
    rows = pd.DataFrame(
        {
            "订单号": mine["order_id"].to_numpy(object),
            "会员号": _buyers(part, mine),
            "下单时间": np.where(spoiled != "", spoiled, time),
            "应付金额": story.stated_cents[shown] / 100,
            "订单状态": "已完成",
            "下单渠道": mine["channel"].to_numpy(object),
            "门店": mine["store"].to_numpy(object),
            "应付日期": unless(~company, iso(part.dates(day + 30))),
            "付款日期": unless(~company | (paid > part.end), iso(part.dates(paid))),
            "month": iso(part.dates(day)).str[:7],
        }
    )
    vain = rows[story.unfinished[shown]].copy()
    vain["订单号"] = "U" + vain["订单号"]
    vain["订单状态"] = np.where(np.arange(len(vain)) % 3 == 0, "待付款", "已取消")
    vain["付款日期"] = ""
    return pd.concat([rows, vain, rows[story.twice["orders"][shown]]]).sort_index(kind="stable")


def line_rows(part: Slice) -> pd.DataFrame:
    """Order lines, those of vain attempts among them."""
    story = part.story
    shown = _delivered(part)
    lines = story.sales.lines[shown[story.sales.lines["order"].to_numpy()]].reset_index(drop=True)
    order = lines["order"].to_numpy()
    rows = pd.DataFrame(
        {
            "订单号": story.sales.orders["order_id"].to_numpy(object)[order],
            "行号": lines["line"],
            "商品编码": story.world.products["product_id"].to_numpy(object)[lines["product"].to_numpy()],
            "数量": lines["quantity"],
            "金额": lines["cents"] / 100,
            "成本": lines["cost_cents"] / 100,
            "优惠": lines["discount_cents"] / 100,
            "退货原行": lines["refund_of"].astype("Int64").where(lines["refund_of"] > 0),
        }
    )
    vain = rows[story.unfinished[order] & (lines["refund_of"] == 0).to_numpy()].copy()
    vain["订单号"] = "U" + vain["订单号"]
    found: pd.DataFrame = pd.concat([rows, vain]).sort_index(kind="stable")
    return found


def product_rows(part: Slice) -> pd.DataFrame:
    """The catalogue."""
    p = part.story.world.products
    return pd.DataFrame({"商品编码": p["product_id"], "商品名称": p["name"], "类目": p["category"], "标价": p["price"]})


def ticket_rows(part: Slice) -> pd.DataFrame:
    """Tickets opened in the period; times are real dates of Excel."""
    t = part.story.tickets
    t = t[part.within(t["opened"] // 1440)].reset_index(drop=True)
    return pd.DataFrame(
        {
            "工单号": t["ticket_id"],
            "客户编号": part.ids[t["customer"].to_numpy()],
            "创建时间": part.times(t["opened"]),
            "首次响应时间": part.times(t["responded"]),
            "解决时间": part.times(t["resolved"]),
            "回访时间": part.times(t["called_back"]),
            "渠道": t["channel"],
            "问题类型": t["topic"],
            "优先级": t["priority"].map(_PRIORITIES),
            "状态": t["status"],
            "重开次数": t["reopened"],
            "问题描述": t["text"],
        }
    )


def event_rows(part: Slice) -> pd.DataFrame:
    """What the service desk logged in the period."""
    e = part.story.events
    e = e[part.within(e["minute"] // 1440)].reset_index(drop=True)
    return pd.DataFrame(
        {
            "工单号": e["ticket_id"], "时间": iso_time(part.times(e["minute"]), " ", ":00"), "动作": e["activity"],
            "处理人": e["actor"],
        }
    )  # fmt: skip


def survey_rows(part: Slice) -> pd.DataFrame:
    """Answers to questionnaires, and interview notes."""
    story, f = part.story, part.story.feedback
    here = part.within(f["minute_at"] // 1440) & (f["instrument"] != "review").to_numpy()
    rows = pd.DataFrame(
        {
            "答卷编号": f["feedback_id"],
            "客户编号": part.ids[f["customer"].to_numpy()],
            "提交时间": iso_time(part.times(f["minute_at"]), "T", ":00"),
            "问卷类型": f["instrument"].map({"csat": "满意度", "nps": "NPS", "ces": "费力度", "open": "访谈"}),
            "渠道": f["channel"],
            "得分": f["score"].astype("Int64"),
            "满分": f["scale_max"].astype("Int64"),
            "评语": f["text"],
            "语言": f["language"],
            "工单号": f["ticket_id"],
        }
    )
    return pd.concat([rows[here], rows[here & story.twice["feedback"]]]).sort_index(kind="stable")


def review_rows(part: Slice) -> pd.DataFrame:
    """Reviews of orders in the shop."""
    story, f = part.story, part.story.feedback
    here = part.within(f["minute_at"] // 1440) & (f["instrument"] == "review").to_numpy()
    rows = pd.DataFrame(
        {
            "评价编号": f["feedback_id"],
            "会员号": part.ids[f["customer"].to_numpy()],
            "评价时间": slashed_time(part.times(f["minute_at"])),
            "星级": f["score"].astype("Int64"),
            "内容": f["text"],
            "语言": f["language"],
            "订单号": f["order_id"],
        }
    )
    return pd.concat([rows[here], rows[here & story.twice["feedback"]]]).sort_index(kind="stable")


def interaction_rows(part: Slice) -> pd.DataFrame:
    """What account managers noted of their contacts."""
    here = part.within(part.story.interactions["day_of"])
    g = part.story.interactions[here].reset_index(drop=True)
    time = iso_time(part.times(g["day_of"] * 1440 + g["minute"]))
    return pd.DataFrame(
        {
            "记录号": g["interaction_id"],
            "客户编号": part.ids[g["customer"].to_numpy()],
            "跟进时间": np.where(part.story.spoiled["interactions"][here], "下周补录", time),
            "方式": g["channel"],
            "类型": g["kind"],
            "方向": np.where(g["direction"] == "outbound", "呼出", "呼入"),
            "跟进人": g["employee"],
            "结果": g["outcome"],
            "下次跟进": unless(g["next_day"] < 0, iso(part.dates(g["next_day"]))),
        }
    )


def need_rows(part: Slice) -> pd.DataFrame:
    """Needs noted, with the product recommended."""
    story, n = part.story, part.story.needs
    rows = pd.DataFrame(
        {
            "客户编号": part.ids[n["customer"].to_numpy()],
            "登记日期": iso(part.dates(n["day_of"])),
            "需求": n["need"],
            "层次": np.where(n["level"] == "root", "根因", "表层"),
            "来源": n["source"],
            "推荐商品": story.world.products["product_id"].to_numpy(object)[n["product"].to_numpy()],
        }
    )
    return rows.loc[part.within(n["day_of"])]


def consent_rows(part: Slice) -> pd.DataFrame:
    """Consents as they stand at the end of the period."""
    k = part.story.consents
    rows = pd.DataFrame(
        {
            "客户编号": part.ids[k["customer"].to_numpy()],
            "用途": k["purpose"],
            "渠道": k["channel"],
            "授权日期": iso(part.dates(k["granted"])),
            "撤回日期": unless(k["withdrawn"] > part.end, iso(part.dates(np.minimum(k["withdrawn"], part.end)))),
        }
    )
    return rows.loc[(k["granted"] <= part.end).to_numpy()]


def contract_rows(part: Slice) -> pd.DataFrame:
    """Contracts begun by the end of the period; whether one was renewed is known once it has ended."""
    k = part.story.contracts
    rows = pd.DataFrame(
        {
            "合同编号": k["contract_id"],
            "客户编号": part.ids[k["customer"].to_numpy()],
            "开始日期": written(part.dates(k["starts"])),
            "结束日期": written(part.dates(k["ends"])),
            "是否续约": unless(k["ends"] > part.end, pd.Series(np.where(k["renewed"], "是", "否"))),
            "合同金额（万元）": k["value"],
        }
    )
    return rows.loc[(k["starts"] <= part.end).to_numpy()]


def risk_rows(part: Slice) -> pd.DataFrame:
    """Credit reports of a third party."""
    r = part.story.risk
    rows = pd.DataFrame(
        {
            "客户编号": part.ids[r["customer"].to_numpy()],
            "信用评级": r["credit_rating"],
            "纠纷次数": r["disputes"],
            "逾期天数": r["overdue_days"],
            "查询日期": part.period.end.isoformat(),
        }
    )
    found: pd.DataFrame = rows.loc[part.story.world.customers["created"].to_numpy()[r["customer"].to_numpy()] <= part.end]
    return found


def status_rows(part: Slice) -> pd.DataFrame:
    """Changes of state, as the order system noted them."""
    h = status_history(part.story.world, part.story.states)
    rows = pd.DataFrame(
        {
            "客户编号": part.ids[h["customer"].to_numpy()],
            "变更日期": iso(part.dates(h["day_of"])).str.replace("-", "."),
            "原状态": _STATES[h["old"].to_numpy()],
            "新状态": _STATES[h["new"].to_numpy()],
        }
    )
    return rows.loc[part.within(h["day_of"])]


def lead_rows(part: Slice) -> pd.DataFrame:
    """Leads created by the end of the period."""
    k = part.story.leads
    rows = pd.DataFrame(
        {
            "线索号": k["lead_id"],
            "客户编号": part.ids[k["customer"].to_numpy()],
            "创建日期": iso(part.dates(k["created"])),
            "来源": k["source"],
            "阶段": np.where(k["stage_day"] > part.end, "已联系", k["stage"]),
            "阶段日期": iso(part.dates(np.minimum(k["stage_day"], part.end))),
        }
    )
    known = part.story.world.customers["created"].to_numpy()[k["customer"].to_numpy()] <= part.end
    found: pd.DataFrame = rows.loc[(k["created"] <= part.end).to_numpy() & known]
    return found


def assignment_rows(part: Slice) -> pd.DataFrame:
    """Who was drawn into which arm of the pilots begun by the end of the period."""
    begun = [m for m in part.story.pilots if m.enrolment.trial.starts <= part.end]
    rows = pd.concat([pilot.assignment_rows(part.story.world, m.enrolment) for m in begun], ignore_index=True)
    return pd.DataFrame(
        {
            "试点": rows["pilot"],
            "客户编号": rows["customer_id"],
            "组别": rows["arm"].map({"control": "对照组", "treatment": "试验组"}),
            "分层": rows["stratum"].map(_TIERS),
            "分组日期": iso(rows["assigned_at"]),
        }
    )


def outcome_rows(part: Slice) -> pd.DataFrame:
    """Outcomes of the pilots measured by the end of the period."""
    done = [m for m in part.story.pilots if m.enrolment.trial.measured <= part.end]
    rows = pd.concat([pilot.outcome_rows(part.story.world, m) for m in done], ignore_index=True)
    return pd.DataFrame(
        {
            "试点": rows["pilot"],
            "客户编号": rows["customer_id"],
            "指标": rows["metric"],
            "结果": rows["value"].round(2),
            "试点前": rows["pre_value"].round(2),
            "测量日期": iso(rows["measured_at"]),
        }
    )


def task_rows(part: Slice) -> pd.DataFrame:
    """Tasks planned by the end of the period, as they stood on its last day."""
    k, end = part.story.tasks, part.period.end
    done = k["done"] <= end
    rows = pd.DataFrame(
        {
            "任务号": k["task_id"],
            "任务": k["measure"],
            "责任人": k["owner"],
            "计划完成": iso(pd.to_datetime(k["due"])),
            "实际完成": unless(~done, iso(pd.to_datetime(k["done"]))),
            "状态": np.where(done, "已完成", "进行中"),
        }
    )
    return rows.loc[k["planned"] <= end]


_TEXT_FILES: Mapping[str, tuple[Callable[[Slice], pd.DataFrame], str]] = {
    "crm_客户.csv": (crm_rows, "gbk"),
    "shop_members.csv": (member_rows, "utf-8"),
    "lines.csv": (line_rows, "utf-8"),
    "products.csv": (product_rows, "utf-8"),
    "survey_answers.csv": (survey_rows, "utf-8"),
    "shop_reviews.csv": (review_rows, "utf-8-sig"),
    "跟进记录.csv": (interaction_rows, "utf-8"),
    "需求登记.csv": (need_rows, "utf-8"),
    "工单流转.csv": (event_rows, "utf-8"),
    "consents.csv": (consent_rows, "utf-8"),
    "合同台账.csv": (contract_rows, "utf-8"),
    "credit_check.csv": (risk_rows, "utf-8"),
    "状态变更.csv": (status_rows, "utf-8"),
    "leads.csv": (lead_rows, "utf-8"),
    "改进任务.csv": (task_rows, "utf-8"),
    "pilot_assignment.csv": (assignment_rows, "utf-8"),
    "pilot_outcomes.csv": (outcome_rows, "utf-8"),
}


def _delivered(part: Slice) -> Flags:
    """The orders of this delivery; those dated after the last period only where they are delivered all the same."""
    o, plan = part.story.sales.orders, part.story.world.plan
    shown = part.within(o["day_of"]) & o["happened"].to_numpy()
    found: Flags = shown | part.story.late if part.period == plan.last else shown
    return found


def _buyers(part: Slice, orders: pd.DataFrame) -> pd.Series:
    """Who bought, as the shop knows it: every other on-line order of a twin stands under the second id."""
    who = orders["customer"].to_numpy()
    second_half = orders["channel"].isin(["小程序", "网店"]).to_numpy() & (orders.index.to_numpy() % 2 == 0)
    second = np.array([twin_id(i) for i in part.ids], dtype=object)
    return pd.Series(np.where(part.story.twins[who] & second_half, second[who], part.ids[who]))


def _on_record(part: Slice) -> tuple[pd.Series, Ints]:
    """State and day of the last update as they stand in the systems at the end of the period."""
    story, c = part.story, part.story.world.customers
    known = np.minimum(story.frozen, part.end)
    kept_up = part.end - stream(story.world.plan.seed, "updated").integers(3, 150, len(c))
    updated = np.where(story.frozen < part.end, story.frozen, kept_up)
    return pd.Series(_STATES[story.states.known(known)]), np.maximum(updated, c["created"].to_numpy())

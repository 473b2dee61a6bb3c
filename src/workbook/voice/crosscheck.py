"""What complaints, scores and service really go with: returns, renewals and repeat purchase afterwards (V5).

Signals are taken in the previous period, outcomes in this one, so that nothing is explained by what came later; and so in the
pairs of periods before, as far as the orders reach back, for one pair alone seldom holds enough customers. Customers with
a signal are compared with others of whom the same could have been known (who wrote, answered the same question, had a ticket),
within strata of tier, time as a customer and purchases of the year before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from workbook.language import Text, text
from workbook.report.blocks import Figure, NotMeasured, Paragraph, Table
from workbook.service_hours import Event, judged_tickets
from workbook.settings.models import Settings
from workbook.tables import Tables
from workbook.voice import crosscheck_exhibits as exhibits
from workbook.voice.comments import stated
from workbook.voice.excess import held_over_all
from workbook.voice.hotspot_exhibits import topic_name
from workbook.voice.hotspots import Hotspots
from workbook.voice.matched import compare_within
from workbook.voice.teams import served_slowly
from workbook.voice.topics import OTHER

FEWEST = 20
"""Customers with a signal, and without it, below which nothing is compared."""

MOST_WINDOWS = 4
"""Pairs of periods, each the one after the other, that are stacked at most."""

POWER = 0.8
"""Chance of finding a difference for which the smallest one that could be found is told."""

OUTCOMES = ("repeat", "renewed", "returned")
DAYS_BEFORE = 365


@dataclass(frozen=True)
class Signal:
    """Who had a signal in the period before the outcome, and of whom it could have been known.

    Attributes:
        id: ``topic:…``, ``score:…`` or ``service:…``.
        name: what readers call it.
        touched: customers who had it; among them *known*.
        known: customers of whom it is known whether they had it.
    """

    id: str
    name: Text
    touched: pd.Index
    known: pd.Index


@dataclass(frozen=True)
class CrossCheck:
    """What signals go with afterwards.

    Attributes:
        rows: one row a signal and outcome: signal, name, outcome, n and others (customers compared, in each period again), now
            (those of n in the last pair of periods), left_out (without their like), share, other_share, difference with low
            and high, p_held (Holm over all rows), least (the smallest difference that would have been found with POWER),
            reading (worse, better, unclear), at_stake with stake_low and stake_high: revenue of this period that now ×
            difference × mean spending of buyers comes to (repeat purchase only).
        few: signals with too few customers to compare.
        windows: pairs of periods stacked.
    """

    rows: pd.DataFrame
    few: int
    windows: int
    settings: Settings
    tables: Tables

    def table(self) -> Table:
        """Signals and what they go with, the surest first."""
        return exhibits.crosscheck_table(self.rows, self.few, self.windows, self.settings, self.tables.period)

    def figure(self) -> Figure | NotMeasured:
        """Loud against costly: customers with each signal, and the revenue at stake."""
        return exhibits.loud_and_costly(self.rows, self.windows, self.settings, self.tables.period)

    def limits(self) -> Paragraph:
        """What the comparison cannot say."""
        return exhibits.limits()


def cross_check(heard: Hotspots | NotMeasured, tables: Tables, settings: Settings) -> CrossCheck | NotMeasured:
    """Compare what customers did in this period by what they met in the one before.

    Args:
        heard: the comments read, those of the previous period included.
        tables: orders, and what there is of feedback, tickets and contracts.
        settings: sections service, grading and analysis.

    Returns:
        NotMeasured without orders, or where no signal touches enough customers.
    """
    what = text("voice.cross.what", "What complaints, scores and service go with afterwards")
    if missing := tables.lacks("orders.customer_id", "orders.ordered_at"):
        return NotMeasured("voice.cross", what, missing)
    windows = _windows(tables)
    # moods of comments are read for this period and the one before: topics stand in the first window alone
    signals = [[*(_topics(heard) if not place else ()), *_scores(each), *_service(each, settings)]
               for place, each in enumerate(windows)]  # fmt: skip
    names = {signal.id: signal.name for window in reversed(signals) for signal in window}
    if not names:
        return NotMeasured("voice.cross", what, tables.lacks("feedback", "tickets") or ("feedback.customer_id",))
    people = [_customers(each) for each in windows]
    level = 1 - settings.analysis.confidence
    rows, few = [], 0
    for id, name in names.items():
        cases = [
            _cases(signal, everyone, place)
            for place, (window, everyone) in enumerate(zip(signals, people, strict=True))
            for signal in window
            if signal.id == id
        ]
        found = _compared(id, name, pd.concat(cases, ignore_index=True), settings.analysis.confidence)
        few += not found
        rows += found
    if not rows:
        why = text("voice.cross.few", "No signal of the previous period touches enough customers who buy.")
        return NotMeasured("voice.cross", what, why=why)
    frame = pd.DataFrame(rows).sort_values(["p", "signal", "outcome"], ignore_index=True)
    frame["p_held"] = held_over_all(frame["p"])
    frame["least"] = frame.pop("error") * (stats.norm.isf(level / 2 / len(frame)) + stats.norm.ppf(POWER))
    harm = frame["difference"].where(frame["outcome"] == "returned", -frame["difference"])
    clear = frame["p_held"] <= level
    frame["reading"] = np.where(~clear, "unclear", np.where(harm > 0, "worse", "better"))
    return CrossCheck(frame, few, len(windows), settings, tables)


def _windows(tables: Tables) -> list[Tables]:
    """The tables with the period of the outcome: this one, and those before it whose signals the orders still reach back to."""
    windows, first = [tables], tables.first_order
    while len(windows) < MOST_WINDOWS and first is not None:
        earlier = windows[-1].period.previous
        if earlier.previous.start <= first.date():
            break
        windows.append(replace(tables, period=earlier))
    return windows


def _cases(signal: Signal, people: pd.DataFrame, window: int) -> pd.DataFrame:
    """Customers of one window of whom it is known whether they had the signal, and whether they had it."""
    known = people[people["customer_id"].isin(signal.known)]
    return known.assign(
        has=known["customer_id"].isin(signal.touched), window=window, stratum=f"{window}|" + known["stratum"].astype(str)
    )


def _compared(id: str, name: Text, known: pd.DataFrame, confidence: float) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for outcome in OUTCOMES:
        there = known[known[outcome].notna()]
        has = there["has"].to_numpy(bool)
        if min(has.sum(), (~has).sum()) < FEWEST or len(there[outcome].unique()) < 2:
            continue
        came = there[outcome].to_numpy(bool)
        stratum, customer = pd.factorize(there["stratum"])[0], pd.factorize(there["customer_id"])[0]
        found = compare_within(stratum, has, came, confidence, customer if there["window"].any() else None)
        if found is None or found.n < FEWEST:
            continue
        buyers = there.loc[came & ~has, "spent"] if outcome == "repeat" else pd.Series(dtype="float64")
        # what is at stake is of this period: of the customers with the signal in the window before it
        both = there.groupby("stratum")["has"].transform("nunique") == 2
        now = int((has & both & (there["window"] == 0)).sum())
        stake = -now * float(buyers.mean()) if len(buyers) else float("nan")
        rows.append(
            {
                "signal": id, "name": name, "outcome": outcome, "n": found.n, "now": now, "others": found.others,
                "left_out": found.left_out, "share": found.share, "other_share": found.other_share,
                "difference": found.difference, "low": found.low, "high": found.high, "p": found.p, "error": found.error,
                "at_stake": stake * found.difference, "stake_low": stake * found.high, "stake_high": stake * found.low,
            }
        )  # fmt: skip
    return rows


def _customers(tables: Tables) -> pd.DataFrame:
    """Customers with a purchase in the year before the period: stratum, and what they did in the period."""
    return tables.sql(
        """
        with returned as (
            select order_id, bool_or(amount < 0 or refund_of is not null) as returned from order_lines group by order_id
        ), bought as (
            select o.customer_id, cast(o.ordered_at as date) as day, coalesce(o.amount, 0) as amount,
                   coalesce(r.returned, o.amount < 0) as returned
            from orders o left join returned r on r.order_id = o.order_id where o.customer_id is not null
        ), buyers as (
            select customer_id,
                   count(*) filter (where amount >= 0 and day < $start and day >= cast($start as date) - $days) as orders,
                   min(day) as first_day,
                   bool_or(amount >= 0 and day >= $start and day <= $end) as repeat,
                   sum(amount) filter (where day >= $start and day <= $end) as spent,
                   bool_or(returned and day >= $start and day <= $end) as sent_back, bool_or(returned) as ever
            from bought group by customer_id
        ), ended as (
            select customer_id, bool_or(renewed) as renewed from contracts
            where ends_at >= $start and ends_at <= $end and renewed is not null group by customer_id
        )
        select b.customer_id, b.repeat, coalesce(b.spent, 0) as spent, e.renewed,
               case when (select bool_or(ever) from buyers) then b.sent_back end as returned,
               concat_ws('|', coalesce(c.tier, ''),
                   case when date_diff('day', coalesce(c.created_at, b.first_day), cast($start as date)) < 365 then 'a'
                        when date_diff('day', coalesce(c.created_at, b.first_day), cast($start as date)) < 1095 then 'b'
                        else 'c' end,
                   case when b.orders = 1 then '1' when b.orders <= 3 then '2' else '4' end) as stratum
        from buyers b left join customers c on c.customer_id = b.customer_id
        left join ended e on e.customer_id = b.customer_id
        where b.orders > 0 order by b.customer_id
        """,
        days=DAYS_BEFORE,
    )


def _topics(heard: Hotspots | NotMeasured) -> list[Signal]:
    if isinstance(heard, NotMeasured):
        return []
    before = heard.before[heard.before["customer_id"].notna()]
    bad = before[before["mood"] == "discontent"]
    return [
        Signal(f"topic:{row['topic']}", text("voice.cross.topic", "Discontent with {topic}", topic=topic_name(row)),
               pd.Index(bad.loc[bad["topic"] == row["topic"], "customer_id"]), pd.Index(before["customer_id"]))
        for _, row in heard.topics.iterrows() if row["topic"] != OTHER
    ]  # fmt: skip


def _scores(tables: Tables) -> list[Signal]:
    if not tables.has("feedback.score", "feedback.customer_id"):
        return []
    previous = tables.period.previous
    rows = tables.sql(
        """
        select customer_id, lower(trim(instrument)) as source, score, scale_max from feedback
        where score is not null and customer_id is not null and cast(given_at as date) between $first and $last
        """,
        first=previous.start, last=previous.end,
    )  # fmt: skip
    rows["bad"] = stated(rows) == 0
    return [
        Signal(f"score:{source!s}", exhibits.score_name(str(source)), pd.Index(part.loc[part["bad"], "customer_id"]),
               pd.Index(part["customer_id"]))
        for source, part in rows.groupby("source") if source in exhibits.SCORE_NAMES
    ]  # fmt: skip


def _service(tables: Tables, settings: Settings) -> list[Signal]:
    earlier = replace(tables, period=tables.period.previous)
    found = []
    events: Iterable[tuple[str, Event]] = (("late_response", "first_response_at"), ("late_solution", "resolved_at"))
    for id, event in events:
        if tables.has(f"tickets.{event}", "tickets.customer_id"):
            judged, values = judged_tickets(earlier, settings, event)
            rows = tables.sql(f"with {judged} select customer_id, late from judged where late is not null", **values)
            found.append(_signal(id, rows.assign(bad=rows["late"])))
    if tables.has("tickets.reopened", "tickets.customer_id"):
        query = (
            "select customer_id, coalesce(reopened, 0) > 0 as bad from tickets where cast(opened_at as date) between $a and $b"
        )
        found.append(_signal("reopened", tables.sql(query, a=earlier.period.start, b=earlier.period.end)))
    slow = served_slowly(earlier, settings)
    return found if slow.empty else [*found, _signal("slow_server", slow)]


def _signal(id: str, rows: pd.DataFrame) -> Signal:
    rows = rows[rows["customer_id"].notna()]
    bad = rows["bad"].astype(bool)
    return Signal(
        f"service:{id}", exhibits.SERVICE_NAMES[id], pd.Index(rows.loc[bad, "customer_id"]), pd.Index(rows["customer_id"])
    )

"""What goes with late first responses and with unhappy customers, told from the facts of each case on held-out rows (V4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from workbook.language import Text, count, joined, named, number, share, text
from workbook.period import Period
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.service_hours import judged_tickets
from workbook.settings.models import Settings
from workbook.tables import Tables
from workbook.voice.comments import stated
from workbook.voice.crosscheck_exhibits import SCORE_NAMES
from workbook.voice.exhibits import group_name
from workbook.voice.foretelling import FEWEST, Held, foretell, levels_of
from workbook.voice.hotspot_exhibits import SMALL_SAMPLE
from workbook.voice.placing import FACTOR_NAMES, place_name
from workbook.voice.teams import SERVED, staff_numbers

RECENT_DAYS = 90
"""Days before an answer in which tickets count as the customer's experience."""

FACT_NAMES: Mapping[str, Text] = {
    **FACTOR_NAMES,
    "product": text("voice.driver.product", "Product group of the order"),
    "store": text("voice.driver.store", "Store of the order"),
    "topic": text("voice.driver.topic", "Topic of the ticket"),
    "priority": text("voice.driver.priority", "Priority"),
    "tier": text("voice.driver.tier", "Tier of the customer"),
    "tickets": text("voice.driver.tickets", "Tickets in the 90 days before"),
    "late": text("voice.driver.late", "Late first response in the 90 days before"),
    "tenure": text("voice.driver.tenure", "Years as a customer"),
}
PRIORITIES = {
    "high": text("voice.driver.high", "high"),
    "medium": text("voice.driver.medium", "medium"),
    "low": text("voice.driver.low", "low"),
}
YES_NO = {"yes": text("voice.driver.yes", "yes"), "no": text("voice.driver.no", "no")}

NEEDED: Mapping[str, tuple[str, ...]] = {
    "channel": ("feedback.channel",), "tier": ("customers.tier",), "region": ("customers.region",),
    "tenure": ("customers.created_at",), "tickets": ("tickets",), "late": ("tickets.first_response_at",),
    "product": ("feedback.order_id", "order_lines.category"), "store": ("feedback.order_id", "orders.store"),
    "employee": ("feedback.ticket_id", "ticket_events.actor"), "owner": ("customers.owner",),
    "topic": ("tickets.topic",), "priority": ("tickets.priority",), "hours": ("tickets.opened_at",), "weekday": (),
}  # fmt: skip
"""Fact → what to deliver so that it is known."""

LATE_FACTS = ("channel", "priority", "topic", "hours", "weekday", "tier", "region", "employee", "owner")
UNHAPPY_FACTS = ("channel", "tier", "region", "tenure", "tickets", "late", "product", "store", "employee", "owner")


@dataclass(frozen=True)
class Drivers:
    """What foretells one kind of bad case.

    Attributes:
        kind: ``late`` or ``unhappy``.
        held: how well, and by which facts.
        lacking: facts that no case tells, or all cases alike.
    """

    kind: str
    held: Held
    lacking: tuple[str, ...]
    settings: Settings
    period: Period

    @property
    def foretold(self) -> bool:
        """Whether the facts foretell bad cases better than a coin."""
        return self.held.low > 0.5

    def table(self) -> Table:
        """Facts by what they contribute, most first, each with the level of most bad cases."""
        rows = self.held.contributions
        clear = (rows["low"] > 0) & self.foretold
        told = [self.worst(row) if counts else "–" for counts, (_, row) in zip(clear, rows.iterrows(), strict=True)]
        worst = pd.Series(told, index=rows.index, dtype=object)
        columns = (
            Column("factor", text("voice.driver.fact", "Fact of the case"), labels=FACT_NAMES),
            Column("drop", text("voice.driver.drop", "AUC lost without it, points (interval)"), "points", low="low",
                   high="high"),
            Column("reading", text("voice.driver.reading", "Reading"), labels={
                "clear": text("voice.driver.clear", "counts"), "unclear": text("voice.driver.unclear", "not clear")}),
            Column("worst", text("voice.driver.worst", "Most often at")),
        )  # fmt: skip
        note = text(
            "voice.driver.note",
            "{what}: {bad} of {n} cases of the period. AUC {auc} ({low} to {high}) on customers that the model had not seen: "
            "the chance that a bad case ranks above a good one {like}, 0.5 is a coin. Lost where the fact is shuffled; {level} "
            "intervals, those of facts for all {facts}. A fact that goes with bad cases need not cause them.",
            what=_WHAT[self.kind], bad=count(self.held.bad), n=count(self.held.n), auc=number(self.held.auc, 2),
            low=number(self.held.low, 2), high=number(self.held.high, 2), level=share(self.settings.analysis.confidence),
            facts=count(len(rows)), like=_LIKE[self.kind],
        )  # fmt: skip
        if not self.foretold:
            note = text("voice.driver.hint", "{note} {hint}", note=note, hint=self._hint())
        reading = clear.map({True: "clear", False: "unclear"})
        return Table(f"voice.drivers.{self.kind}", self._title(), columns, rows.assign(worst=worst, reading=reading), note)

    def _title(self) -> Text:
        what, auc = _WHAT[self.kind], number(self.held.auc, 2)
        first = self.held.contributions.iloc[0]
        if not self.foretold and self.held.auc < 0.5:
            return text("voice.driver.below", "{what}: foretold no better than chance; AUC {auc} is below one half by luck",
                        what=what, auc=auc)  # fmt: skip
        if not self.foretold:
            return text("voice.driver.chance", "{what}: the facts foretell them no better than chance, AUC {auc}", what=what,
                        auc=auc)  # fmt: skip
        if float(first["low"]) <= 0:
            return text("voice.driver.together", "{what}: foretold, AUC {auc}, but by no single fact", what=what, auc=auc)
        return text("voice.driver.title", "{what} go most with: {fact}, AUC {auc}", what=what,
                    fact=FACT_NAMES[str(first["factor"])], auc=auc)  # fmt: skip

    def _hint(self) -> Text:
        """What an AUC at or below a coin means, and what to deliver for a better one."""
        below = self.held.auc < 0.5
        means = text("voice.driver.means_below",
                     "Below one half: a model of facts that tell nothing learns the luck of the other customers, and ranks "
                     "those held out a little the wrong way round; it is no finding.") if below else text(
            "voice.driver.means_coin", "So these facts do not tell bad cases from good ones.")  # fmt: skip
        columns = sorted({column for fact in self.lacking for column in NEEDED.get(fact, ())})
        if columns:
            return text("voice.driver.deliver", "{means} Not known here: {facts}; deliver {columns}.", means=means,
                        facts=joined([FACT_NAMES[fact] for fact in self.lacking]), columns=", ".join(columns))  # fmt: skip
        return text("voice.driver.more", "{means} More would be told by more than {bad} bad cases, and by facts of what the "
                    "customer went through.", means=means, bad=count(self.held.bad))  # fmt: skip

    def worst(self, row: pd.Series) -> Text | None:
        """The level of a fact with most bad cases of its own, and how many; None where no level is large enough."""
        if row["level"] is None:
            return None
        n, name = int(row["level_n"]), self._level(str(row["factor"]), str(row["level"]))
        if n < SMALL_SAMPLE:
            return text("voice.driver.counts", "{name}: {bad} of {n}", name=name, bad=count(int(row["level_bad"])), n=count(n))
        return text("voice.driver.share", "{name}: {part} of {n}", name=name, part=share(float(row["level_share"])), n=count(n))

    def _level(self, factor: str, level: str) -> Text:
        if factor in ("channel", "tier"):
            return group_name(factor, level, self.settings)
        if factor in ("weekday", "employee", "owner"):
            return place_name(factor, level)
        known = {"late": YES_NO, "priority": PRIORITIES}.get(factor, {})
        return known.get(level.lower(), named(level))


_WHAT = {
    "late": text("voice.driver.late_cases", "Late first responses"),
    "unhappy": text("voice.driver.unhappy_cases", "Unhappy answers"),
}
_LIKE = {
    "late": text("voice.driver.like_tickets", "(tickets)"),
    "unhappy": text("voice.driver.like_answers", "(answers to the same kind of question)"),
}


def find_late_drivers(tables: Tables, settings: Settings) -> Drivers | NotMeasured:
    """Which facts of a ticket foretell that its first response comes late.

    Args:
        tables: tickets with first_response_at; events (who served) and customers where delivered.
        settings: sections service, analysis and grading, and the seed.

    Returns:
        NotMeasured without first responses, or with fewer than FEWEST late or timely ones.
    """
    if missing := tables.lacks("tickets.first_response_at"):
        return NotMeasured("voice.drivers.late", _WHAT["late"], missing)
    judged, values = judged_tickets(tables, settings, "first_response_at")
    cases = tables.sql(
        f"with {judged}, served as ({SERVED})"
        """
        select coalesce(j.customer_id, j.ticket_id) as customer_id, j.late as bad, nullif(j.channel, '') as channel,
               nullif(j.priority, '') as priority, lower(trim(t.topic)) as topic, nullif(j.tier, '') as tier, c.region,
               cast(isodow(j.opened_at) as varchar) as weekday,
               format('{:02d}:00–{:02d}:59', j.opened_hour // 6 * 6, j.opened_hour // 6 * 6 + 5) as hours,
               s.employee, c.owner
        from judged j left join tickets t on t.ticket_id = j.ticket_id left join customers c on c.customer_id = j.customer_id
        left join served s on s.ticket_id = j.ticket_id
        where j.late is not null order by j.ticket_id
        """,
        **values,
    )
    return _found("late", cases, LATE_FACTS, tables, settings)


def find_unhappy_drivers(tables: Tables, settings: Settings) -> Drivers | NotMeasured:
    """Which facts foretell that an answer of the period is an unhappy one.

    Unhappy: in the worst quarter of its scale, NPS 0–6; happy: in the best, NPS 9–10; answers between them are left out.

    Args:
        tables: feedback with scores; customers, orders, tickets and their events (who served) where delivered.
        settings: sections service, analysis and grading, and the seed.

    Returns:
        NotMeasured without scores, or with fewer than FEWEST unhappy or happy answers.
    """
    if missing := tables.lacks("feedback.score"):
        return NotMeasured("voice.drivers.unhappy", _WHAT["unhappy"], missing)
    answers = tables.sql(
        f"with served as ({SERVED})"
        """
        , scored as (
            select feedback_id, customer_id, cast(given_at as date) as day, given_at, nullif(channel, '') as channel,
                   lower(trim(instrument)) as source, score, scale_max, order_id, ticket_id
            from feedback where score is not null and cast(given_at as date) between $start and $end
        ), last as (
            select s.feedback_id, coalesce(s.order_id, max_by(o.order_id, (o.ordered_at, o.order_id))) as order_id
            from scored s left join orders o on o.customer_id = s.customer_id and o.ordered_at <= s.given_at
            group by s.feedback_id, s.order_id
        ), groups as (
            select order_id, max_by(category, (sum, category)) as product from (
                select l.order_id, coalesce(l.category, p.category) as category, coalesce(sum(l.amount), 0) as sum
                from order_lines l left join products p on p.product_id = l.product_id
                where l.order_id in (select order_id from last) group by all)
            where category is not null group by order_id
        )
        select s.*, c.tier, c.region, c.owner, w.employee, o.store, g.product,
               case when c.created_at is null then null when date_diff('day', c.created_at, s.day) < 365 then '0–1'
                    when date_diff('day', c.created_at, s.day) < 1095 then '1–3' else '3+' end as tenure
        from scored s left join customers c on c.customer_id = s.customer_id
        left join last l on l.feedback_id = s.feedback_id left join groups g on g.order_id = l.order_id
        left join orders o on o.order_id = l.order_id left join served w on w.ticket_id = s.ticket_id
        order by s.feedback_id
        """
    )  # fmt: skip
    content = stated(answers)
    # whether the high end of a question of any other kind is good is not known
    measured = content.notna() & answers["source"].isin(SCORE_NAMES)
    cases = answers.assign(bad=content == 0)[measured]
    if tables.has("tickets"):
        cases = _with_tickets(cases, tables, settings)
    return _found("unhappy", cases, UNHAPPY_FACTS, tables, settings)


def _with_tickets(cases: pd.DataFrame, tables: Tables, settings: Settings) -> pd.DataFrame:
    """The cases with what their customers went through in RECENT_DAYS before: number of tickets, and whether one was late."""
    parts = []
    for period in (tables.period.previous, tables.period):
        judged, values = judged_tickets(replace(tables, period=period), settings, "first_response_at")
        parts.append(
            tables.sql(f"with {judged} select customer_id, opened_at, coalesce(late, false) as late from judged", **values)
        )
    tickets = pd.concat(parts, ignore_index=True)
    tables.connection.register("answered", cases[["feedback_id", "customer_id", "given_at"]])
    tables.connection.register("experienced", tickets)
    try:
        went = tables.sql(
            """
            select a.feedback_id, count(e.opened_at) as n, bool_or(e.late) as late
            from answered a left join experienced e on e.customer_id = a.customer_id and e.opened_at < a.given_at
                 and e.opened_at >= a.given_at - to_days($days)
            group by a.feedback_id
            """,
            days=RECENT_DAYS,
        ).set_index("feedback_id")
    finally:
        tables.connection.unregister("answered")
        tables.connection.unregister("experienced")
    n = cases["feedback_id"].map(went["n"])
    known = tables.has("tickets.first_response_at")
    late = cases["feedback_id"].map(went["late"]).fillna(False).astype(bool)
    whose = cases["customer_id"].notna()
    return cases.assign(tickets=n.clip(upper=2).map({0: "0", 1: "1", 2: "2+"}).where(whose),
                        late=late.map({True: "yes", False: "no"}).where(whose) if known else None)  # fmt: skip


def _found(kind: str, cases: pd.DataFrame, facts: tuple[str, ...], tables: Tables, settings: Settings) -> Drivers | NotMeasured:
    numbers = staff_numbers(tables)
    cases = cases.assign(employee=cases["employee"].map(numbers), owner=cases["owner"].map(numbers))
    bad, n = int(cases["bad"].astype(bool).sum()), len(cases)
    if min(bad, n - bad) < FEWEST:
        why = text("voice.driver.few", "{bad} of {n} cases: fewer than {least} of one kind tell nothing.", bad=count(bad),
                   n=count(n), least=count(FEWEST))  # fmt: skip
        return NotMeasured(f"voice.drivers.{kind}", _WHAT[kind], why=why)
    least = settings.analysis.small_cell
    known = [fact for fact in facts if fact in cases and len(levels_of(cases[fact], least).unique()) > 1]
    if not known:
        why = text("voice.driver.same", "All cases have the same facts, so none can tell them apart.")
        return NotMeasured(f"voice.drivers.{kind}", _WHAT[kind], why=why)
    held = foretell(cases, known, settings.analysis.confidence, least, settings.seed,
                    "source" if kind == "unhappy" else None)  # fmt: skip
    lacking = tuple(fact for fact in facts if fact not in known)
    return Drivers(kind, held, lacking, settings, tables.period)

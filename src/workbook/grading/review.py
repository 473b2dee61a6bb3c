"""Answers so low that a customer's grade is due for review: satisfaction as a ground for grading again; rows T1 and T8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbook.grading.policy import Past
from workbook.language import Text, count, joined, named, text
from workbook.period import Period
from workbook.report.blocks import Block, Column, NotMeasured, Sheet, Table
from workbook.settings.models import EventKind, Grading
from workbook.tables import Tables

_COLUMNS = ("customer_id", "happened_on", "event", "answer", "scale", "satisfaction", "tier")


@dataclass(frozen=True, eq=False)
class Review:
    """Customers whose answers in the period tell of an event that grades them again.

    Attributes:
        frame: customer_id, happened_on (day of the answer), event (id of its kind), answer, scale (its highest), satisfaction
            (their quotient), tier (of the period before); the highest tiers and the lowest answers first. One row a customer,
            day and event; what the ledger holds already is left out.
        settings: how customers are graded.
        before: name of the period before.
    """

    frame: pd.DataFrame
    settings: Grading
    before: str

    def blocks(self) -> tuple[Block, ...]:
        """The answers one by one; nothing where there are none."""
        if self.frame.empty:
            return ()
        tiers = {tier.id: named(tier.name) for tier in self.settings.tiers}
        columns = (
            Column("customer_id", text("grading.regrade.customer", "Customer")),
            Column("tier", text("grading.cells.before", "Tier in {period}", period=self.before), labels=tiers),
            Column("happened_on", text("grading.regrade.day", "Day"), "date"),
            Column("event", text("grading.regrade.what", "Event"), labels=self._kinds),
            Column("answer", text("grading.review.answer", "Answer"), "number", digits=0),
            Column("scale", text("grading.review.scale", "Best answer"), "number", digits=0),
        )
        high = list(tiers)[: self.settings.high_tiers]
        people = count(self.frame["customer_id"].nunique())
        above = self.frame.loc[self.frame["tier"].isin(high), "customer_id"].nunique()
        title = text("grading.review.none_high", "Low answers put {n} {n:grade|grades} up for review", n=people)
        if above:
            title = text(
                "grading.review.title",
                "Low answers put {n} {n:grade|grades} up for review, {high} of them {tiers}",
                n=people, high=count(above), tiers=joined([tiers[tier] for tier in high]),
            )  # fmt: skip
        note = text(
            "grading.review.note",
            "A low answer is a ground to look at a grade again, no verdict: {rules}. Customers graded in {before} who gave one"
            " in the period, those of high tiers first. The list regrade_review is the file for workbook regrade, which grades"
            " as of the day of the answer.",
            rules=joined([self._rule(kind) for kind in self.settings.events if kind.answers is not None]),
            before=self.before,
        )
        shown = self.frame.assign(happened_on=pd.to_datetime(self.frame["happened_on"]))
        return (Table("grading.review", title, columns, shown, note),)

    def sheet(self) -> Sheet | NotMeasured:
        """The same as the file that ``workbook regrade`` reads."""
        if self.frame.empty:
            what = text("grading.review.what", "Customers whose low answers put their grades up for review")
            return NotMeasured("grading.review_list", what)
        columns = (
            Column("customer", text("grading.form.customer", "customer")),
            Column("date", text("grading.form.date", "date (2025-12-31)")),
            Column("kind", text("grading.form.kind", "kind")),
            Column("satisfaction", text("grading.review.form", "satisfaction: 0 to 1"), "number", digits=2),
        )
        frame = self.frame.rename(columns={"customer_id": "customer", "happened_on": "date", "event": "kind"})
        title = text("grading.review.sheet_title", "Grades to review since {period}", period=self.before)
        name = text("grading.form.sheet", "Events")
        return Sheet(name, Table("grading.review_list", title, columns, frame), to_fill=True)

    @property
    def _kinds(self) -> Mapping[str, Text]:
        return {kind.id: named(kind.name) for kind in self.settings.events}

    @staticmethod
    def _rule(kind: EventKind) -> Text:
        told = kind.answers
        assert told is not None
        return text("grading.review.rule", "{kind} = {instrument} answered with {score} or less",
                    kind=named(kind.name), instrument=told.instrument.upper(), score=f"{told.at_most:g}")  # fmt: skip


def review_answers(
    tables: Tables,
    settings: Grading,
    past: Past | None,
    since: Sequence[pd.DataFrame | NotMeasured],
    *,
    period: Period,
) -> Review:
    """The low answers of the period, of customers graded in the period before; none where nobody was graded or nobody asked.

    Args:
        tables: feedback with customer_id, given_at, instrument, score and, where delivered, scale_max.
        past: how customers were graded in the period before.
        since: accepted events (customer_id, happened_on, event) and appeals, as the ledger has them.
        period: the period analysed.
    """
    kinds: Sequence[EventKind] = [kind for kind in settings.events if kind.answers is not None]
    if past is None or not kinds or not tables.has("feedback.score", "feedback.customer_id"):
        return Review(pd.DataFrame(columns=list(_COLUMNS)), settings, "")
    asked = " union all ".join(f"select $kind{k}, $instrument{k}, cast($most{k} as double)" for k in range(len(kinds)))
    given: dict[str, str | float] = {f"kind{k}": kind.id for k, kind in enumerate(kinds)}
    for k, told in enumerate(kind.answers for kind in kinds if kind.answers is not None):
        given |= {f"instrument{k}": told.instrument, f"most{k}": told.at_most}
    found = tables.sql(
        f"""
        with asked(event, instrument, most) as ({asked})
        select f.customer_id, strftime(cast(f.given_at as date), '%Y-%m-%d') as happened_on, a.event,
               min(f.score) as answer, max(coalesce(f.scale_max, case a.instrument when 'nps' then 10 else 5 end)) as scale
        from feedback as f join asked as a on a.instrument = lower(trim(f.instrument))
        where f.customer_id is not null and f.score between 0 and a.most
              and cast(f.given_at as date) between cast($first as date) and cast($last as date)
        group by all order by all
        """,
        first=period.start, last=period.end, **given,
    )  # fmt: skip
    found = found.merge(past.grades[["customer_id", "tier"]], on="customer_id")
    key = ["customer_id", "happened_on", "event"]
    for known in (one for one in since if isinstance(one, pd.DataFrame) and set(key) <= set(one)):
        found = found.merge(known[key].drop_duplicates(), on=key, how="left", indicator="_in")
        found = found[found.pop("_in") == "left_only"]
    place = {tier.id: k for k, tier in enumerate(settings.tiers)}
    found = found.assign(satisfaction=found["answer"] / found["scale"], place=found["tier"].map(place))
    order = ["place", "satisfaction", "customer_id", "happened_on", "event"]
    found = found.sort_values(order, kind="stable", ignore_index=True).drop(columns="place")
    return Review(found[list(_COLUMNS)], settings, past.period)

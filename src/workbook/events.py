"""Events that grade single customers again at once: a large order, a default, a strategic contract; row T8 of the method.

A file says what happened to whom and when; each customer is graded on the facts that it changed, under the policy in force,
as of that day. It is a proposal until it is accepted; then it stands in the ledger, once by customer, day and kind.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbook.accepting import Accepted, append
from workbook.errors import DeliveryError
from workbook.grading.facts import with_facts
from workbook.grading.indices import index_values
from workbook.grading.regrade import facts_of_event, regrade, together
from workbook.language import Edition, Language, Text, count, named, text
from workbook.ledger import read_ledger
from workbook.regrading import (
    Base,
    Row,
    as_json,
    in_order,
    on_screen,
    open_base,
    read_rows,
    told_customer,
    told_day,
    told_facts,
)
from workbook.report.blocks import Column, Sheet, Table
from workbook.report.excel import About, write_excel
from workbook.settings.models import EventKind

ASKED: Mapping[str, Sequence[str]] = {
    "customer": ("customer_id", "客户", "客户编号"),
    "date": ("happened_on", "日期", "发生日期"),
    "kind": ("event", "事件", "类型"),
}
"""Columns of the file, and what they may be called besides."""

AMOUNT = "amount"
BLANK_ROWS = 200
_DO = "correct the file, or take the form of `workbook regrade CLIENT --form FILE`"

CAUSES: Mapping[str, Text] = {
    "facts": text("grading.regrade.facts", "score on the new facts"),
    "event": text("grading.regrade.event", "the event itself"),
    "rule": text("grading.regrade.rule", "a rule"),
    "none": text("grading.regrade.none", "tier stays"),
}
"""What gave the tier."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """What the events of a file give.

    Attributes:
        base: the grades that they stand on.
        records: as the ledger has them: customer_id, happened_on, event, tier_before, tier, score_before, score, cause and what
            they came from; those that were not accepted before.
        known: events of the file that the ledger holds already.
    """

    client: str
    base: Base
    records: pd.DataFrame
    known: int

    def table(self) -> Table:
        """Event by event: score and tier before and after, and what decided."""
        tiers = {tier.id: named(tier.name) for tier in self.base.policy.settings.tiers}
        kinds = {kind.id: named(kind.name) for kind in self.base.settings.grading.events}
        columns = (
            Column("customer_id", text("grading.regrade.customer", "Customer")),
            Column("happened_on", text("grading.regrade.day", "Day")),
            Column("event", text("grading.regrade.what", "Event"), labels=kinds),
            Column("score_before", text("grading.regrade.score_before", "Score before"), "score", digits=2),
            Column("score", text("grading.regrade.score", "Score"), "score", digits=2),
            Column("tier_before", text("grading.regrade.tier_before", "Tier before"), labels=tiers),
            Column("tier", text("grading.column.tier", "Tier"), labels=tiers),
            Column("cause", text("grading.regrade.cause", "Decided by"), labels=CAUSES),
        )
        moved = self.records.loc[self.records["tier"] != self.records["tier_before"], "customer_id"].nunique()
        title = text(
            "grading.regrade.title", "{n} events change the tier of {moved} customers",
            n=count(len(self.records)), moved=count(moved),
        )  # fmt: skip
        note = text(
            "grading.regrade.note",
            "On the grades accepted for {period}, by policy {number}. What an event does not change stands as on {day}. It"
            " takes effect at once and in its own direction; later runs keep the tier until the buffer lets it go.",
            period=self.base.period.name,
            number=count(self.base.policy.number),
            day=self.base.period.end.isoformat(),
        )
        return Table("grading.regrade", title, columns, self.records, note, rows=max(1, len(self.records)))

    def as_screen(self, edition: Edition) -> str:
        """The proposal in lines of text."""
        return on_screen(self.table(), self.known, edition)

    def as_json(self) -> dict[str, Any]:
        """The proposal as plain JSON."""
        return self.base.as_json(self.client, "events", self.records, self.known)


@dataclass(frozen=True)
class _Event:
    where: str
    customer: str
    on: dt.date
    kind: EventKind
    given: Mapping[str, float]


def propose(home: Path, client: str, path: Path, *, today: dt.date) -> Proposal:
    """What the events of a file give, under the policy in force; nothing is written.

    Args:
        path: Excel or CSV with customer, date and kind, and a column each fact that changed (an index, a column of the profile,
            or a word of the kind's expressions, such as ``amount``); an empty cell leaves the fact as it is.
        today: no event lies after it.

    Raises:
        DeliveryError: with every fault of the file.
        WorkbookError: where there are no accepted grades to stand on.
    """
    base = open_base(home, client)
    facts = tuple(dict.fromkeys([AMOUNT, *base.facts]))
    rows = read_rows(path, ASKED, facts, _DO)
    problems: list[str] = []
    events = list(_read(rows, base, today, problems))
    fresh = list(_fresh(events, read_ledger(home, client, "events"), base, problems))
    if problems:
        raise DeliveryError(problems)
    return Proposal(client, base, _records(fresh, base), len(events) - len(fresh))


def enter(home: Path, client: str, path: Path, *, today: dt.date, by: str) -> Accepted:
    """Enter what the events of a file give in the ledger; what was accepted before is left as it is.

    Args:
        by: role of the person who accepts.

    Raises:
        DeliveryError, WorkbookError: as :func:`propose`; nothing is written then.
    """
    period = open_base(home, client).period
    return append(
        home, client, period, lambda: {"events": propose(home, client, path, today=today).records}, on=today, by=by
    )  # fmt: skip


def write_form(home: Path, client: str, path: Path, language: Language) -> Path:
    """Write the Excel form in which events are told."""
    base = open_base(home, client)
    edition = Edition(language, base.settings.currency)
    indices = {index.id: index for index in base.policy.settings.indices if index.id in base.measured}
    heads = {
        "customer": text("grading.form.customer", "customer"),
        "date": text("grading.form.date", "date (2025-12-31)"),
        "kind": text("grading.form.kind", "kind"),
        AMOUNT: text("grading.form.amount", "amount ({currency})", currency=base.settings.currency),
        **{id: text("grading.form.index", "{id}: {name}", id=id, name=named(index.name)) for id, index in indices.items()},
    }
    frame = pd.DataFrame("", index=range(BLANK_ROWS), columns=list(heads))
    title = text("grading.form.title", "Events since {period}", period=base.period.name)
    note = text(
        "grading.form.how",
        "One row an event after {day}. Fill in what changed: the amount of an order, or the new value of an index; what is left"
        " empty stays as it is.",
        day=base.period.end.isoformat(),
    )
    table = Table("grading.form", title, tuple(Column(name, words) for name, words in heads.items()), frame, note)
    choices = {"kind": tuple(named(kind.id) for kind in base.settings.grading.events)}
    sheet = Sheet(text("grading.form.sheet", "Events"), table, choices, to_fill=True)
    about = About(title, named(base.settings.client.name), base.period, synthetic=base.settings.client.synthetic)
    return write_excel(path, [sheet], edition, about)


def _read(rows: Sequence[Row], base: Base, today: dt.date, problems: list[str]) -> Iterator[_Event]:
    """The events, those in order; what is wrong with the others is added to *problems*."""
    kinds = {called.lower(): kind for kind in base.settings.grading.events for called in (kind.id, *_names(kind))}
    seen: dict[tuple[str, dt.date, str], str] = {}
    for row in rows:
        faults, kind = len(problems), kinds.get(row.cells.get("kind", "").lower())
        customer = told_customer(row, base, problems)
        if kind is None:
            known = ", ".join(one.id for one in base.settings.grading.events)
            problems.append(
                f"{row.where}, kind: found {row.cells.get('kind', '')[:40]!r}, expected one of {known}; correct it, or add the "
                "kind under grading.events"
            )
        on = told_day(row, "date", base, today, problems)
        given = told_facts(row, (AMOUNT, *base.facts), problems)
        if len(problems) > faults or kind is None:
            continue
        key = (customer, on, kind.id)
        if key in seen:
            problems.append(
                f"{row.where}: found {customer} {on} {kind.id} again, expected it once; it stands in {seen[key]} too"
            )
            continue
        seen[key] = row.where
        if not given and not kind.facts and not (kind.at_least or kind.at_most or kind.steps):
            problems.append(
                f"{row.where}: found no fact that changes, expected one, since {kind.id} changes none by itself; fill in what "
                "changed"
            )
            continue
        yield _Event(row.where, customer, on, kind, given)


def _names(kind: EventKind) -> tuple[str, ...]:
    return tuple({named(kind.name).render(Edition(language)) for language in ("en", "zh")})


def _fresh(events: Sequence[_Event], ledger: pd.DataFrame, base: Base, problems: list[str]) -> Iterator[_Event]:
    """The events that the ledger does not hold; one that it holds with other facts, or that comes too late, is a problem."""
    known = dict(
        zip(zip(ledger["customer_id"], ledger["happened_on"], ledger["event"], strict=True), ledger["given"], strict=True)
    )
    for event in events:
        key = (event.customer, event.on.isoformat(), event.kind.id)
        if key in known:
            if known[key] != as_json(event.given):
                problems.append(
                    f"{event.where}: found {as_json(event.given)}, expected {known[key]} as it was accepted for "
                    f"{' '.join(key)}; what was accepted stands: tell a correction as an appeal"
                )
            continue
        if in_order(event.where, event.customer, event.on, event.kind.id, base, problems):
            yield event


def _records(events: Sequence[_Event], base: Base) -> pd.DataFrame:
    """Grade the customers of the events, those of one day together, the next event of a customer upon the one before."""
    fields = ["customer_id", "happened_on", "event", "period", "given", "tier_before", "score_before", "tier", "score", "held",
              "facts", "policy", "cause", "delivered"]  # fmt: skip
    frame = pd.DataFrame({
        "customer_id": [event.customer for event in events], "happened_on": [event.on.isoformat() for event in events],
        "event": [event.kind.id for event in events], "item": list(events),
    }).sort_values(["happened_on", "event", "customer_id"], ignore_index=True)  # fmt: skip
    frame["turn"] = frame.groupby(["happened_on", "customer_id"]).cumcount()
    done: list[pd.DataFrame] = []
    problems = [
        f"grading.events.{kind.id}.facts: found {name!r}, expected an index or a numeric column of the profile; correct it"
        for kind in {event.kind.id: event.kind for event in events}.values() for name in kind.facts if name not in base.facts
    ]  # fmt: skip
    if problems:
        raise DeliveryError(problems)
    for _, rows in frame.groupby(["happened_on", "turn"]):
        found = _graded(rows, base, rows["item"].iloc[0].on, problems)
        done.append(found.reindex(columns=fields))
        base = base.after(found.assign(on=found["happened_on"], step=found["event"]))
    if problems:
        raise DeliveryError(problems)
    if not done:
        return pd.DataFrame(columns=fields)
    return pd.concat(done).sort_values(["customer_id", "happened_on", "event"], ignore_index=True)


def _graded(rows: pd.DataFrame, base: Base, on: dt.date, problems: list[str]) -> pd.DataFrame:
    """The records of events of one day, each of another customer."""
    rows = rows.reset_index(drop=True)
    people, standing, earlier = base.standing(rows["customer_id"].tolist())
    present = with_facts(people, base.policy.settings.indices, earlier)
    # an index that is no column of the profile may be named as well: it stands as it was graded last
    others = [index for index in base.policy.settings.indices if index.id not in present]
    if others:
        stand = together(earlier[[index.id for index in others if index.id in earlier]], index_values(present, others))
        present = present.assign(**{str(name): stand[name] for name in stand})
    changed = pd.DataFrame(index=rows.index)
    for _, group in rows.groupby("event"):
        kind: EventKind = group["item"].iloc[0].kind
        given = pd.DataFrame([event.given for event in group["item"]], index=group.index, dtype=float)
        facts = facts_of_event(present.loc[group.index], given.assign(**{} if AMOUNT in given else {AMOUNT: np.nan}), kind)
        facts = facts.set_axis(group.index)[[name for name in facts if name in base.facts]]
        for name in (name for name in kind.facts if facts[name].isna().any()):
            where = group["item"][facts[name].isna()].iloc[0].where
            problems.append(
                f"{where}: found nothing from which {name} could be told ({kind.facts[name]}), expected the facts that "
                f"{kind.id} needs; fill them in"
            )
        changed = changed.join(facts[[name for name in facts if name not in changed]]).fillna(facts)
    graded = regrade(
        people, standing, base.policy, changed, measured=base.measured, on=on, earlier=earlier, centres=base.centres,
        kinds=[event.kind for event in rows["item"]],
    )  # fmt: skip
    told = [as_json(dict(one)) for _, one in together(changed, earlier).iterrows()]
    return graded.assign(
        happened_on=rows["happened_on"], event=rows["event"], period=base.period.name, policy=base.policy.number,
        given=[as_json(event.given) for event in rows["item"]], facts=told, delivered=base.delivered(people, told),
    )  # fmt: skip

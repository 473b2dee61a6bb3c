"""Facts told of single customers by events and appeals, and how long they count; rows T8 and T9 of the method.

A told fact stands over the delivered value for as long as the delivery stays what it was: nobody has looked at it again. Once
the delivered value moves, the client's own data speak again, and the told fact is given up; both are said. What was told of one
period alone (revenue of the period) says nothing of the next one and ends with it.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from workbook.grading.indices import index_values
from workbook.language import Text, count, named, number, text
from workbook.report.blocks import Block, Column, Table
from workbook.settings.models import Index

COLUMNS = ("customer_id", "fact", "told_on", "value", "before", "delivered", "state")

STATES: Mapping[str, Text] = {
    "carried": text("grading.told.carried", "counts as told"),
    "moved": text("grading.told.moved", "as delivered: the delivery moved"),
    "period": text("grading.told.period", "given up: it told of one period"),
    "gone": text("grading.told.gone", "given up: customer not delivered"),
    "unknown": text("grading.told.unknown", "given up: measured otherwise now"),
}
"""What became of a told fact."""

_TOLD = ("customer_id", "fact", "told_on", "value", "recorded", "beside")
"""Columns of the facts that stood at the end of a period."""

_OF_ONE_PERIOD = re.compile(r"\b\w+_(?:period|previous)\b")
"""Columns of the profile that speak of one period alone: what is told of them ends with it."""


def no_facts() -> pd.DataFrame:
    """A frame of told facts without any."""
    kinds = {"customer_id": "str", "fact": "str", "told_on": "str", "value": "float64", "before": "float64",
             "delivered": "float64", "state": "str"}  # fmt: skip
    return pd.DataFrame({name: pd.Series(dtype=kinds[name]) for name in COLUMNS})


@dataclass(frozen=True, eq=False)
class Told:
    """Told facts of the period before, and what became of each.

    Attributes:
        frame: customer_id, fact (id of an index, or column of the profile), told_on (day), value, before and delivered (as
            delivered for the period before and for this one), state (a key of STATES).
    """

    frame: pd.DataFrame = field(default_factory=no_facts)

    def beside(self, customers: pd.Series, until: dt.date | None = None) -> pd.DataFrame:
        """The facts that count, one column a fact and one row a customer in their order, NaN where nothing was told.

        Args:
            until: what was told after that day is left out.
        """
        counts = self.frame[self.frame["state"] == "carried"]
        counts = counts if until is None else counts[counts["told_on"] <= until.isoformat()]
        if counts.empty:
            return pd.DataFrame(index=customers.index)
        wide = counts.pivot_table(index="customer_id", columns="fact", values="value")
        return wide.reindex(customers.to_numpy()).set_axis(customers.index).rename_axis(columns=None)

    def blocks(self, indices: Sequence[Index]) -> tuple[Block, ...]:
        """The facts one by one; nothing where none was told."""
        if self.frame.empty:
            return ()
        names = fact_words(self.frame["fact"], indices)
        columns = (
            Column("customer_id", text("grading.regrade.customer", "Customer")),
            Column("fact", text("grading.told.fact", "What was told"), labels=names),
            Column("told_on", text("grading.told.on", "Told on")),
            Column("value", text("grading.told.value", "Value told"), "number", digits=2),
            Column("before", text("grading.told.before", "Delivered before"), "number", digits=2),
            Column("delivered", text("grading.told.now", "Delivered now"), "number", digits=2),
            Column("state", text("grading.told.state", "What counts"), labels=STATES),
        )
        kept = int((self.frame["state"] == "carried").sum())
        title = text(
            "grading.told.title", "Of {n} {n:fact|facts} told by events and appeals, {kept} still {kept:counts|count}",
            n=count(len(self.frame)), kept=count(kept),
        )  # fmt: skip
        note = text(
            "grading.told.note",
            "A fact that an event or an appeal told counts until the delivered value moves; from then on the delivery counts."
            " What was told of one period alone ends with it.",
        )
        return (Table("grading.told", title, columns, self.frame, note),)


def fact_words(facts: Sequence[str] | pd.Series, indices: Sequence[Index]) -> Mapping[str, Text]:
    """Fact → what readers see: the name of the index that it is, or whose column it is; else the column."""
    names = {key: named(index.name) for index in indices[::-1] for key in (index.source.strip(), index.id)}
    return {str(fact): names.get(str(fact), named(str(fact))) for fact in facts}


def tell_fact(row: Mapping[Hashable, Any], name: Text) -> Text:
    """What became of one told fact, in a sentence (a row of :attr:`Told.frame`)."""
    value, before, delivered = (number(row[key], 2) for key in ("value", "before", "delivered"))
    on = str(row["told_on"])
    if row["state"] == "carried":
        return text(
            "grading.told.says_carried",
            "{fact} counts as {value}, as told on {day}; the delivery still says {delivered}.",
            fact=name, value=value, day=on, delivered=delivered,
        )  # fmt: skip
    if row["state"] == "moved":
        return text(
            "grading.told.says_moved",
            "{fact} counts as delivered again, {delivered}: it moved from {before} after {value} was told on {day}.",
            fact=name, value=value, day=on, delivered=delivered, before=before,
        )  # fmt: skip
    if row["state"] == "period":
        return text(
            "grading.told.says_period", "{fact}, told as {value} on {day}, was of one period and no longer counts.",
            fact=name, value=value, day=on,
        )  # fmt: skip
    return text(
        "grading.told.says_unknown", "{fact}, told as {value} on {day}, no longer counts: it is measured otherwise now.",
        fact=name, value=value, day=on,
    )  # fmt: skip


def told_at_last(carried: pd.DataFrame | None, changes: pd.DataFrame) -> pd.DataFrame:
    """The facts that stood at the end of a period.

    Args:
        carried: told facts of that period (:attr:`Told.frame`); None where there were none.
        changes: customer_id, happened_on, facts (JSON of all that counts since) and, where the ledger has it, delivered (JSON
            of what the delivery said of the same facts then), in their order.

    Returns:
        customer_id, fact, told_on, value, recorded (whether it is known what the delivery said when it was told), beside (what
        it said, NaN where nothing); of a customer who was changed, what the last change left.
    """
    kept = no_facts() if carried is None else carried[carried["state"] == "carried"]
    known = kept.assign(recorded=True, beside=kept["delivered"])[list(_TOLD)].astype({"recorded": "bool"})
    rows = changes.reindex(columns=["customer_id", "happened_on", "facts", "delivered"])
    told = [
        (customer, fact, on, float(value), fact in then, np.nan if then.get(fact) is None else float(then[fact]), turn)
        for turn, (customer, on, said, beside) in enumerate(rows.itertuples(index=False, name=None))
        for then in [_read(beside)]
        for fact, value in _read(said).items()
    ]
    kinds = {**known.dtypes.to_dict(), "turn": "int64"}
    since = pd.DataFrame(told, columns=list(kinds)).astype(kinds)
    ends = pd.Series(np.arange(len(changes)), index=changes["customer_id"].to_numpy()).groupby(level=0).last()
    final = since[since["turn"] == since["customer_id"].map(ends)]
    every = pd.concat([known[~known["customer_id"].isin(ends.index)], final[list(known.columns)]])
    # the day on which a value was first told, not that of the change which found it there
    key = ["customer_id", "fact", "value"]
    days = pd.concat([known, since[list(known.columns)]]).groupby(key, as_index=False)["told_on"].min()
    stood = every.drop(columns="told_on").merge(days, on=key, how="left")[list(known.columns)]
    return stood.sort_values(["customer_id", "fact"], kind="stable", ignore_index=True)


def _read(said: object) -> dict[str, Any]:
    return dict(json.loads(said)) if isinstance(said, str) else {}


def carry_facts(
    told: pd.DataFrame,
    profile: pd.DataFrame,
    before: pd.DataFrame | None,
    indices: Sequence[Index],
    indices_before: Sequence[Index],
) -> Told:
    """What becomes of told facts in a new period: each counts while the delivered value is still the one of before.

    Args:
        told: as :func:`told_at_last` has them.
        profile, before: as delivered for this period and for the one before, one row a customer; *before* only counts for facts
            of which nobody recorded what the delivery said when they were told.
        indices, indices_before: of both periods; an index whose source changed is another fact.
    """
    if told.empty:
        return Told()
    people = pd.DataFrame({"customer_id": told["customer_id"].unique()})
    now = people.merge(profile, on="customer_id", how="left", indicator="_here")
    there = now.pop("_here") == "both"
    then = people if before is None else people.merge(before, on="customer_id", how="left")
    asked = {index.id: index for index in indices}
    earlier = {index.id: index for index in indices_before}
    values: dict[str, tuple[pd.Series, pd.Series] | None] = {}
    for fact in told["fact"].unique():
        index, was = asked.get(fact), earlier.get(fact)
        column = fact if index is None else index.source.strip()
        recorded = bool(told.loc[told["fact"] == fact, "recorded"].all())
        if was is not None and (index is None or index.source.strip() != was.source.strip()):
            values[fact] = None
        elif column in now and (column in then or recorded):
            values[fact] = (_number(now[column]), _number(then.get(column, pd.Series(np.nan, index=then.index))))
        elif index is not None and (before is not None or recorded):
            asked_then = index_values(now if before is None else then, [index])[fact]
            values[fact] = (index_values(now, [index])[fact], asked_then)
        else:
            values[fact] = None
    place = pd.Series(np.arange(len(people)), index=people["customer_id"])[told["customer_id"]].to_numpy()
    delivered = np.full(len(told), np.nan)
    past = np.full(len(told), np.nan)
    state = np.full(len(told), "unknown", dtype=object)
    for fact, both in values.items():
        rows = np.flatnonzero(told["fact"] == fact)
        if both is None:
            continue
        delivered[rows], past[rows] = (one.to_numpy(dtype=float)[place[rows]] for one in both)
        past[rows] = np.where(told["recorded"].to_numpy()[rows], told["beside"].to_numpy(dtype=float)[rows], past[rows])
        same = (delivered[rows] == past[rows]) | (np.isnan(delivered[rows]) & np.isnan(past[rows]))
        index = asked.get(fact)
        passing = _OF_ONE_PERIOD.search(str(fact) if index is None else index.source)
        state[rows] = np.where(same, "period" if passing else "carried", "moved")
    state[~there.to_numpy()[place]] = "gone"
    found = told.drop(columns=["recorded", "beside"]).assign(before=past, delivered=delivered, state=state)[list(COLUMNS)]
    return Told(found.astype({"state": "str"}).reset_index(drop=True))


def delivered_facts(people: pd.DataFrame, indices: Sequence[Index], facts: Sequence[str]) -> pd.DataFrame:
    """What the delivery says of facts, one column a fact and one row a customer of the profile.

    Args:
        people: the profile as delivered.
        facts: ids of indices and numeric columns of the profile.
    """
    asked = {index.id: index for index in indices}
    columns = {name: asked[name].source.strip() if name in asked else name for name in facts}
    found = {name: _number(people[column]) for name, column in columns.items() if column in people}
    others = [asked[name] for name in facts if name not in found]
    values = index_values(people, others) if others else pd.DataFrame(index=people.index)
    return pd.DataFrame({name: found.get(name, values.get(name)) for name in facts}, index=people.index)


def with_facts(people: pd.DataFrame, indices: Sequence[Index], facts: pd.DataFrame) -> pd.DataFrame:
    """The profile with the facts in it; a fact named after an index stands in the column that the index is, if it is one."""
    columns = {index.id: index.source.strip() for index in indices}
    changed = people.reset_index(drop=True)
    for name in facts.columns:
        column = columns.get(name, name)
        if column in changed:
            given = facts[name].reset_index(drop=True)
            changed = changed.assign(**{column: given.where(given.notna(), _number(changed[column]))})
    return changed


def told_values(people: pd.DataFrame, indices: Sequence[Index], facts: pd.DataFrame) -> pd.DataFrame:
    """The value of each index for each customer, the facts counting before the profile (see ``index_values``)."""
    values = index_values(with_facts(people, indices, facts), indices)
    told = {index.id: facts[index.id].reset_index(drop=True) for index in indices if index.id in facts}
    return values.assign(**{name: given.where(given.notna(), values[name]) for name, given in told.items()})


def _number(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column).astype(float)

"""Rules and hand overrides over the tier of the score (VIP floors, caps for risk), and what is wrong with them; row T6.

A rule sees each customer's profile, score and tier and raises to at least a tier, lowers to at most one, or moves by steps.
Rules apply in the order of the settings, each to what the ones before left; overrides by hand come last. Every rule carries a
reason and an author and may end on a day.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbook.errors import SettingsError
from workbook.grading.tiers import Places
from workbook.grading.witness import find_witness
from workbook.language import Text, count, day, named, text
from workbook.report.blocks import Block, Column, Table
from workbook.settings.models import GradeRule, Grading

Flags = NDArray[np.bool_]
Groups = Literal["kept", "fresh", "none"]

_CLUSTER = re.compile(r"\bcluster\b", re.IGNORECASE)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")

OVERRIDE = "override"
"""What stands in the column ``rule`` of a grade that was set by hand."""

_NO_END = text("grading.rules.no_end", "no end")

FINDINGS: Mapping[str, Text] = {
    "expired": text("grading.rules.expired", "has ended"),
    "never": text("grading.rules.never", "nobody meets it now; one like the example would"),
    "unreachable": text("grading.rules.unreachable", "nobody meets it; no invented customer did either"),
    "unmet": text("grading.rules.unmet", "nobody meets it"),
    "pointless": text("grading.rules.pointless", "can change no tier"),
    "idle": text("grading.rules.idle", "changes nobody: all have that tier already"),
    "shadowed": text("grading.rules.shadowed", "all its changes are undone later"),
    "contradicted": text("grading.rules.contradicted", "is undone in part"),
    "groupless": text("grading.rules.groupless", "names a cluster: there are none"),
    "renumbered": text("grading.rules.renumbered", "names a cluster: numbered anew, check"),
    "unknown": text("grading.rules.unknown", "names a customer who is not graded"),
}
"""What the linter says of a rule."""


@dataclass(frozen=True, eq=False)
class Ruled:
    """Tiers after rules and overrides.

    Attributes:
        tiers: tier id of each customer.
        by: id of the rule that had the last word on each customer's tier, :data:`OVERRIDE`, or empty.
        rules: rule, name, effect, meets, changed, kept (changes that stand in the end), author, reason, until.
        faults: rule, name, finding (a key of FINDINGS), by (the rule that undoes it), customers, example (a customer id).
    """

    tiers: NDArray[np.object_]
    by: NDArray[np.object_]
    rules: pd.DataFrame
    faults: pd.DataFrame

    def blocks(self) -> tuple[Block, ...]:
        """The rules with what they did, and what is wrong with them; nothing where the settings have none."""
        if self.rules.empty:
            return ()
        return (self.table(), self.faults_table()) if len(self.faults) else (self.table(),)

    def table(self) -> Table:
        """Each rule, whom it meets, whom it moves."""
        columns = (
            Column("name", text("grading.rules.rule", "Rule")),
            Column("effect", text("grading.rules.effect", "Effect")),
            Column("meets", text("grading.rules.meets", "Meet it"), "count"),
            Column("changed", text("grading.rules.changed", "Moved"), "count"),
            Column("reason", text("grading.rules.reason", "Reason")),
            Column("author", text("grading.rules.author", "Author")),
            Column("until", text("grading.rules.until", "Until")),
        )
        moved = int((self.by != "").sum())
        title = text("grading.rules.title", "{n} customers have their tier from a rule, not from the score", n=count(moved))
        note = text(
            "grading.rules.note",
            "Rules apply in this order, each to the tier that the ones before left, after the buffer; overrides by hand come "
            "last. Moved: by the rule, whether or not a later one undid it; n = {n} customers.",
            n=count(len(self.tiers)),
        )
        return Table("grading.rules", title, columns, self.rules, note, rows=len(self.rules))

    def faults_table(self) -> Table:
        """Rules that do nothing, or undo each other."""
        columns = (
            Column("name", text("grading.rules.rule", "Rule")),
            Column("finding", text("grading.rules.finding", "Finding"), labels=FINDINGS),
            Column("by", text("grading.rules.by", "Undone by")),
            Column("customers", text("grading.column.customers", "Customers"), "people"),
            Column("example", text("grading.rules.example", "For example")),
        )
        title = text(
            "grading.rules.faults",
            "{n} {n:rule or override needs|rules or overrides need} a look",
            n=count(int(self.faults["rule"].nunique())),
        )
        note = text(
            "grading.rules.faults_note",
            "Judged on this period's customers. Of a rule that nobody meets, customers are invented at its own limits: one who"
            " meets it is the example; where none of those tried does, that nobody can is reasoned, not observed.",
        )
        return Table("grading.rule_faults", title, columns, self.faults, note, rows=len(self.faults))


@dataclass(frozen=True, eq=False)
class _Step:
    """One rule applied: who met it, and everybody's place before and after."""

    id: str
    meets: Flags
    before: Places
    after: Places

    @property
    def changed(self) -> Flags:
        return np.asarray(self.before != self.after)


def names_cluster(rule: GradeRule) -> bool:
    """Whether a rule asks for the natural group of a customer."""
    return bool(_CLUSTER.search(_QUOTED.sub("''", rule.when)))


def apply_rules(people: pd.DataFrame, settings: Grading, end: dt.date, groups: Groups = "kept") -> Ruled:
    """Apply the rules and overrides that still hold on the day *end*.

    Args:
        people: one row a customer: the profile with score, tier (of the score, after the buffer), client_tier and cluster (1
            brings most revenue a customer; missing where there are no groups).
        settings: rules, overrides and tiers.
        end: the analysis date.
        groups: whether the groups are those of the period before, were found anew, or are not there: what the linter tells of
            rules that name them.

    Raises:
        SettingsError: with every rule whose condition cannot be run.
    """
    ids = np.array([tier.id for tier in settings.tiers], dtype=object)
    place = {tier.id: position for position, tier in enumerate(settings.tiers)}
    places: Places = pd.Index(ids).get_indexer(people["tier"].to_numpy(dtype=object)).astype(np.int64)
    live = [rule for rule in settings.rules if rule.until is None or rule.until >= end]
    if live and "cluster" not in people:
        people = people.assign(cluster=pd.array([pd.NA] * len(people), "Int64"))
    met = _meeting(people, live)
    steps: list[_Step] = []
    for rule in live:
        after = np.where(met[rule.id], _target(rule, places, place), places)
        steps.append(_Step(rule.id, met[rule.id], places, after))
        places = after
    hand, unknown = _overridden(people["customer_id"], settings, end)
    after = places.copy()
    for row, tier in hand.items():
        after[row] = place[tier]
    mask = np.zeros(len(people), dtype=bool)
    mask[list(hand)] = True
    steps.append(_Step(OVERRIDE, mask, places, after))
    by = np.full(len(people), "", dtype=object)
    for step in steps:
        by[step.changed] = step.id
    by[mask] = OVERRIDE
    return Ruled(
        ids[after],
        by,
        _account(settings, steps, after, end),
        _faults(settings, steps, unknown, people, end, groups),
    )


def _target(rule: GradeRule, places: Places, place: Mapping[str, int]) -> Places:
    """Where the rule puts each place; place 0 is the highest tier."""
    if rule.at_least is not None:
        return np.minimum(places, place[rule.at_least])
    if rule.at_most is not None:
        return np.maximum(places, place[rule.at_most])
    return np.clip(places - (rule.steps or 0), 0, len(place) - 1)


def _meeting(people: pd.DataFrame, rules: Sequence[GradeRule]) -> dict[str, Flags]:
    met: dict[str, Flags] = {}
    problems: list[str] = []
    if not rules:
        return met
    # conditions come from a settings file: they see the customers and nothing else
    with duckdb.connect(config={"threads": 1, "enable_external_access": False}) as connection:
        connection.register("arriving", people.assign(customer_row=np.arange(len(people))))
        connection.execute("create table people as select * from arriving")
        connection.unregister("arriving")
        for rule in rules:
            try:
                query = f"select customer_row from people where ({rule.when}\n)"
                if len(connection.extract_statements(query)) != 1:
                    raise duckdb.ParserException("several statements")
                rows = connection.execute(query).fetchnumpy()["customer_row"]
            except duckdb.Error as fault:
                problems.append(
                    f"grading.rules.{rule.id}.when: found {rule.when!r}; expected an SQL condition over the columns of the "
                    f"profile, score, tier, client_tier and cluster ({str(fault).splitlines()[0]}); correct the rule"
                )
                continue
            met[rule.id] = np.zeros(len(people), dtype=bool)
            met[rule.id][np.asarray(rows, dtype=np.int64)] = True
    if problems:
        raise SettingsError(problems)
    return met


def _overridden(customers: pd.Series, settings: Grading, end: dt.date) -> tuple[dict[int, str], list[str]]:
    """Row → tier of the overrides that hold, and the customers named that are not graded."""
    live = [one for one in settings.overrides if one.until is None or one.until >= end]
    rows = {customers.iloc[row]: int(row) for row in np.flatnonzero(customers.isin([one.customer for one in live]))}
    found = {rows[one.customer]: one.tier for one in live if one.customer in rows}
    return found, [one.customer for one in live if one.customer not in rows]


def _account(settings: Grading, steps: Sequence[_Step], final: Places, end: dt.date) -> pd.DataFrame:
    names = {tier.id: named(tier.name) for tier in settings.tiers}
    done = {step.id: step for step in steps}
    rows = []
    for rule in settings.rules:
        step = done.get(rule.id)
        rows.append(
            {
                "rule": rule.id, "name": named(rule.name), "effect": _effect(rule, names),
                "meets": int(step.meets.sum()) if step else None, "changed": int(step.changed.sum()) if step else None,
                "reason": named(rule.reason), "author": rule.author, "until": day(rule.until) if rule.until else _NO_END,
            }
        )  # fmt: skip
    held = [one for one in settings.overrides if one.until is None or one.until >= end]
    for tier, author in sorted({(one.tier, one.author) for one in held}):
        same = [one for one in held if (one.tier, one.author) == (tier, author)]
        several = text("grading.rules.several", "several, see the settings")
        rows.append(
            {
                "rule": OVERRIDE, "name": text("grading.rules.by_hand", "By hand"),
                "effect": text("grading.rules.set", "set to {tier}", tier=names[tier]),
                "meets": len(same), "changed": None,
                "reason": named(same[0].reason) if all(one.reason == same[0].reason for one in same) else several,
                "author": author, "until": _NO_END,
            }
        )  # fmt: skip
    columns = ["rule", "name", "effect", "meets", "changed", "reason", "author", "until"]
    return pd.DataFrame(rows, columns=columns).astype({"meets": "Int64", "changed": "Int64"})


def _effect(rule: GradeRule, names: Mapping[str, Text]) -> Text:
    if rule.at_least is not None:
        return text("grading.rules.floor", "at least {tier}", tier=names[rule.at_least])
    if rule.at_most is not None:
        return text("grading.rules.cap", "at most {tier}", tier=names[rule.at_most])
    if (rule.steps or 0) > 0:
        return text("grading.rules.up", "up by {n}", n=count(rule.steps))
    return text("grading.rules.down", "down by {n}", n=count(-(rule.steps or 0)))


def _faults(
    settings: Grading, steps: Sequence[_Step], unknown: Sequence[str], people: pd.DataFrame, end: dt.date, groups: Groups
) -> pd.DataFrame:
    """The linter: rules that have ended, name groups that are not there or were numbered anew, meet nobody (and whether one
    could be invented who does), can do nothing, do nothing, or are undone by later ones."""
    customers = people["customer_id"]
    names = {rule.id: named(rule.name) for rule in settings.rules} | {OVERRIDE: text("grading.rules.by_hand", "By hand")}
    done = {step.id: place for place, step in enumerate(steps)}
    highest, lowest = settings.tiers[0].id, settings.tiers[-1].id
    rows: list[tuple[str, Text, str, Text | str, int, Text | str]] = []

    def told(id: str, finding: str, who: Flags | None = None, by: str = "") -> None:
        first = str(customers[np.argmax(who)]) if who is not None and who.any() else ""
        n = 0 if who is None else int(who.sum())
        rows.append((id, names[id], finding, names[by] if by else "–", n, first or "–"))

    for rule in settings.rules:
        if rule.id not in done:
            told(rule.id, "expired")
            continue
        step = steps[done[rule.id]]
        if groups != "kept" and names_cluster(rule):
            told(rule.id, "groupless" if groups == "none" else "renumbered", step.meets)
            continue
        if rule.at_least == lowest or rule.at_most == highest or rule.steps == 0:
            told(rule.id, "pointless")
        elif not step.meets.any():
            rows.append(_unmet(rule, names[rule.id], people, settings))
        elif not step.changed.any():
            told(rule.id, "idle", step.meets)
        else:
            undone = {later.id: _undone(step, later) for later in steps[done[rule.id] + 1 :]}
            lost = np.logical_or.reduce([np.zeros(len(customers), dtype=bool), *undone.values()])
            if (lost == step.changed).all():
                told(rule.id, "shadowed", lost, max(undone, key=lambda id: int(undone[id].sum())))
                continue
            for id, who in undone.items():
                if who.any():
                    told(rule.id, "contradicted", who, id)
    rows += [(OVERRIDE, names[OVERRIDE], "expired", "–", 0, one.customer)
             for one in settings.overrides if one.until is not None and one.until < end]  # fmt: skip
    rows += [(OVERRIDE, names[OVERRIDE], "unknown", "–", 0, customer) for customer in unknown]
    return pd.DataFrame(rows, columns=["rule", "name", "finding", "by", "customers", "example"])


def _unmet(
    rule: GradeRule, name: Text, people: pd.DataFrame, settings: Grading
) -> tuple[str, Text, str, Text | str, int, Text | str]:
    """What the linter says of a rule that nobody meets, with the witness that somebody could."""
    found = find_witness(people, rule.when, [tier.id for tier in settings.tiers])
    if found.witness is not None:
        return (rule.id, name, "never", "–", 0, found.words or "–")
    if found.tried:
        return (rule.id, name, "unreachable", "–", 0, text("grading.rules.tried", "{n} tried", n=count(found.tried)))
    return (rule.id, name, "unmet", "–", 0, "–")


def _undone(step: _Step, later: _Step) -> Flags:
    """Whom *later* takes back to where *step* found them, or beyond."""
    direction = np.sign(step.after - step.before)
    back = np.sign(later.after - later.before) == -direction
    gone = np.where(direction < 0, later.after >= step.before, later.after <= step.before)
    return np.asarray(step.changed & back & gone)

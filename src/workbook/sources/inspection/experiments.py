"""A file with a row a unit, its group and what came of it: a pilot that the client ran and measured (D1, P1).

What such a file knows is proposed with the pilot's card: units, groups, metrics, days. What decides how it is judged no file
knows (which effect is worthwhile, how often one looks, the shares that were planned): that is asked.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

import duckdb

from workbook.language import Text, count, text
from workbook.settings.models import Source
from workbook.sources.columns import tidy_text
from workbook.sources.inspection.extracts import Extract
from workbook.sources.inspection.facts import Facts
from workbook.sources.inspection.match import Guess, Match, Question, fit, match_columns
from workbook.sources.inspection.tables import Draft, Unplaced
from workbook.sources.inspection.vocabulary import Vocabulary, bare_name, speaks_of, squash, tokens
from workbook.sources.mapping import ROW_NUMBER
from workbook.sources.parsing import NO, YES, iso_time_sql, literal, time_sql

MOST_ARMS = 40
"""Different values of a column of groups, where one of them is called like a control."""
MOST_UNTOLD = 8
"""The same where none is: more of them are something else, such as versions of an app."""
MOST_METRICS = 8
FEWEST_UNITS = 20
"""Rows below which a file is a table of something else."""
FEWEST_CLUSTERS = 4
"""Different values of a column of clusters."""
ALMOST_ALL = 0.9
"""Share of ids that stand once from which a row is a unit; the others are told."""


@dataclass(frozen=True)
class ProposedMetric:
    """A column of outcomes.

    Attributes:
        id: for the settings; ``name``: the column.
        kind: what it is by its values.
        unit: what it is counted in.
    """

    id: str
    name: str
    kind: Literal["mean", "proportion"]
    unit: Literal["money", "number", "share"]


@dataclass(frozen=True)
class Experiment:
    """A pilot that a file tells of.

    Attributes:
        id: for the settings, by the name of the file.
        file: as people call it.
        arms: arm → units, the control first.
        control: whether a word for the control says which arm that is.
        cluster: the column whose values stand whole in one arm each, so that clusters were drawn; None where there is none.
        metrics: the likeliest primary one first.
        days: first and last day that the file names; None where it names none.
        drafts: who was in which group, and a table of outcomes a metric.
    """

    id: str
    file: str
    arms: dict[str, int]
    control: bool
    cluster: str | None
    metrics: tuple[ProposedMetric, ...]
    days: tuple[dt.date, dt.date] | None
    drafts: tuple[Draft, ...]


def experiment_of(
    connection: duckdb.DuckDBPyConnection, extract: Extract, vocabulary: Vocabulary
) -> Experiment | Unplaced | None:
    """The pilot that a file tells of.

    Returns:
        None where no column tells groups, or none what came of them; why it cannot be used where units stand in several rows
        and no day tells them apart.
    """
    words = vocabulary.content["experiments"]
    alone = [f for f in extract.facts if f.name and extract.raw.columns.count(f.name) == 1]
    if daily := _daily_counts(extract, alone, words):
        return Unplaced(extract, daily)
    groups = sorted((rank, f.position, f) for f in alone if (rank := _group_rank(f, words)) is not None)
    if not groups or extract.raw.rows < FEWEST_UNITS:
        return None
    group, others, key = _with_nothing(groups[0][2]), [f for *_, f in groups[1:]], _unit(alone, vocabulary)
    taken = {group.name, "" if key is None or isinstance(key, str) else key.name, *(f.name for f in others)}
    metrics = _metrics([f for f in alone if f.name not in taken], words)
    if not metrics:
        return None
    if isinstance(key, str):
        if any(f.share(f.dates) > 0.5 for f in alone):  # orders or events of customers who stand in a group
            return None
        why = text(
            "new.unplaced.repeated_units",
            "it tells groups ({group}) and outcomes ({metric}), but the same units stand in several rows and no day tells "
            "them apart; ask for one row a unit",
            group=group.name, metric=metrics[0].name,
        )  # fmt: skip
        return Unplaced(extract, why)
    arms, control = _arms(group, words)
    left = [f for f in alone if f.name not in taken | {metric.name for metric in metrics}]
    cluster, day = _cluster(connection, extract, group, left), _day(left)
    pilot = "_".join(re.findall("[a-z0-9]+", PurePosixPath(extract.file).name.split(".")[0].casefold()))
    pilot = pilot if re.match("[a-z]", pilot) else f"pilot_{pilot}".rstrip("_")
    constants = {"pilot": pilot} | ({"unit_id": ROW_NUMBER} if key is None else {})
    reason = text("new.reason.experiment", "by its name in a file of groups and what came of them, and its values fit")
    base = {} if key is None else {"unit_id": Guess("unit_id", (key.name,), 0.85, reason, "sure")}
    assigned = base | {"arm": Guess("arm", (group.name,), 0.85 if control else 0.7, reason, "sure")}
    if day is not None and day is not cluster:  # days that were drawn whole are clusters
        assigned["assigned_at"] = Guess("assigned_at", (day.name,), 0.7, reason, "maybe")
    if cluster is not None:
        whole = text("new.reason.cluster", "each of its values stands whole in one group")
        assigned["cluster"] = Guess("cluster", (cluster.name,), 0.8, whole, None)
    notes = [text("new.note.experiment", "a row a unit, its group and what came of it: the pilot's card stands under pilots")]
    notes += [note for other in others if (note := _apart(connection, extract, group, other)) is not None]
    nothing = {told for told, _ in group.none}  # a word that is missing elsewhere must be named to count
    values = {"arm": {told: arm for told, (arm, _) in arms.items() if told != arm or told in nothing}}
    drafts = [Draft(extract, Match("assignments", assigned, {}), 0.8, notes=tuple(notes), constants=constants, values=values)]
    before = tuple(f.name for f in left if _before(f, words))
    for one in metrics:
        outcome = base | {"value": Guess("value", (one.name,), 0.8, reason, "maybe")}
        asked: dict[str, Question] = {}
        if before and one.unit != "share":
            why = text("new.question.before", "is it the same measure before the pilot? Then it makes the effect surer")
            asked["pre_value"] = Question("pre_value", before, why)
        drafts.append(Draft(extract, Match("outcomes", outcome, asked), 0.8, constants=constants | {"metric": one.id}))
    days = _days(connection, extract, day) if day is not None else None
    whole_ones = cluster.name if cluster is not None else None
    return Experiment(pilot, extract.name, dict(arms.values()), control, whole_ones, metrics, days, tuple(drafts))


def _daily_counts(extract: Extract, alone: Sequence[Facts], words: dict[str, list[str]]) -> Text | None:
    """What to do with counts of one arm day by day, the arm in the name of the file; None where it is no such file."""
    called = speaks_of([*words["control"], *words["measured"]], extract.file)
    counted = [f for f in alone if f.filled and f.whole == f.filled and not f.negative]
    days = [f for f in alone if f not in counted]
    if not called or len(counted) < 2 or len(days) != 1 or days[0].unique < 1 or _metrics(counted, words) == ():
        return None
    return text(
        "new.unplaced.daily_counts",
        "it counts by day and names no unit; write it as pilot_summaries (n: {n}, successes: another column, metric, pilot and "
        "arm under constants) with summaries: daily on the pilot's card",
        n=counted[0].name,
    )


def _group_rank(facts: Facts, words: dict[str, list[str]]) -> int | None:
    """How surely a column tells groups, 0 most; None where it does not."""
    names = [squash(word) for word in words["group"]]
    name, facts = squash(bare_name(facts.name)), _with_nothing(facts)
    if name not in names or not 2 <= facts.distinct <= MOST_ARMS or facts.share(facts.dates) > 0.5:
        return None
    told = {squash(t) for t, _ in facts.top}
    if told & {squash(word) for word in words["control"]}:
        return names.index(name)
    # without a word for the control only such names will do as nothing else has, and 0 and 1 of "treatment"
    sure = {squash(word) for word in words["surely"]}
    return len(names) + names.index(name) if name in sure and facts.distinct <= MOST_UNTOLD else None


def _with_nothing(group: Facts) -> Facts:
    """A column of groups in which "None" is the group that got nothing, where it is no rare gap but as large as a group."""
    least = min((rows for _, rows in group.top), default=0) / 4
    found = tuple((told, rows) for told, rows in group.none if rows >= max(least, 1) and told not in dict(group.top))
    filled = group.filled + sum(rows for _, rows in found)
    return replace(group, top=(*group.top, *found), none=found, filled=filled, distinct=group.distinct + len(found))


def _unit(alone: Sequence[Facts], vocabulary: Vocabulary) -> Facts | Literal["repeated"] | None:
    """The column of ids of which nearly each stands once; None where there is none, ``repeated`` where ids repeat."""
    names: list[str] = []
    for table, column in (("assignments", "unit_id"), ("customers", "customer_id")):  # whoever is drawn is often a customer
        match = match_columns(table, alone, vocabulary)
        guess, asked = match.guesses.get(column), match.questions.get(column)
        names += [*(guess.own if guess else ()), *(asked.candidates if asked else ())]
    known = [f for f in alone if f.name in names and fit("id", "unit_id", f, "sure")[0] > 0]
    unique = [f for f in known if f.unique >= ALMOST_ALL]
    if unique:
        return max(unique, key=lambda f: (f.unique, -f.position))
    return "repeated" if any(f.unique < ALMOST_ALL and f.distinct > MOST_UNTOLD for f in known) else None


def _metrics(facts: Sequence[Facts], words: dict[str, list[str]]) -> tuple[ProposedMetric, ...]:
    names = [squash(word) for word in words["outcomes"]]
    money = {squash(word) for word in words["money"]}
    found: list[tuple[int, int, ProposedMetric]] = []
    for f in facts:
        parts = [squash(part) for part in tokens(f.name)]
        stem = squash("".join(part for part in parts if not part.isdigit()))
        ranks = [names.index(word) for word in (squash(f.name), stem, *parts[:1]) if word in names]
        flag = f.distinct == 2 and {t.casefold() for t, _ in f.top} <= {*YES, *NO}
        parted = f.share(f.percents) >= 0.98
        if not ranks or not (flag or parted or f.share(f.numbers) >= 0.98):
            continue
        id = "_".join(part for part in tokens(f.name) if part.isascii())
        id = id if re.match("[a-z]", id) else f"metric_{f.position + 1}"
        kind: Literal["mean", "proportion"] = "proportion" if flag else "mean"
        unit: Literal["money", "number", "share"] = (
            "share" if flag or parted else "money" if {squash(f.name), stem} & money else "number"
        )
        found.append((min(ranks), f.position, ProposedMetric(id, f.name, kind, unit)))
    return tuple(metric for *_, metric in sorted(found, key=lambda one: one[:2])[:MOST_METRICS])


def _before(facts: Facts, words: dict[str, list[str]]) -> bool:
    parts = tokens(facts.name)
    return facts.share(facts.numbers) >= 0.98 and facts.distinct > 2 and any(
        word in parts or word in facts.name for word in words["before"]
    )  # fmt: skip


def _arms(group: Facts, words: dict[str, list[str]]) -> tuple[dict[str, tuple[str, int]], bool]:
    """The file's groups → what the settings call them and their rows, the control first; and whether a word says which it is.

    The usual two get their usual names, any other keeps its own.
    """
    flags = {squash(told) for told, _ in group.top} <= {"0", "1", "true", "false"}
    controls = ["0", "false"] if flags else [squash(word) for word in words["control"]]
    # the words that stand first say it more surely: where there is a "control", "none" is an arm like any other
    rank = {word: place for place, word in reversed(list(enumerate(controls)))}
    named = sorted(group.top, key=lambda one: (rank.get(squash(one[0]), len(controls)), -one[1], one[0]))
    control = squash(named[0][0]) in controls
    usual = ("1", "true") if flags else ("treatment", "treated", "test", "experiment", "实验组", "试验组")
    arms = {}
    for place, (told, rows) in enumerate(named):
        arm = "control" if control and place == 0 else "treatment" if squash(told) in usual else told
        arms[told] = (arm, rows)
    return arms, control


def _day(left: Sequence[Facts]) -> Facts | None:
    """The one column of days; None where there is none or several."""
    days = [f for f in left if f.filled and f.share(f.dates) >= 0.98 and not f.order.ambiguous]
    return days[0] if len(days) == 1 else None


def _cluster(connection: duckdb.DuckDBPyConnection, extract: Extract, group: Facts, others: Sequence[Facts]) -> Facts | None:
    """The column of shops or regions of which each stands whole in one group; of several the one with most of them.

    Units drawn one by one would never fall so.
    """
    fitting = []
    for f in others:
        if not (max(group.distinct + 1, FEWEST_CLUSTERS) <= f.distinct <= f.filled / 3 and f.filled == f.rows):
            continue
        a, b = (tidy_text(f"c{x.position}", extract.raw.types[x.position]) for x in (f, group))
        (row,) = connection.execute(
            f"""select count(*) filter (where arms > 1) from (
                select count(distinct b) as arms from (select {a} as a, {b} as b from {extract.raw.relation}) group by a)"""
        ).fetchall()
        fitting += [f] if row[0] == 0 else []
    return max(fitting, key=lambda f: (f.distinct, -f.position)) if fitting else None


def _days(connection: duckdb.DuckDBPyConnection, extract: Extract, day: Facts) -> tuple[dt.date, dt.date] | None:
    words = tidy_text(f"c{day.position}", extract.raw.types[day.position])
    (row,) = connection.execute(
        f"""select min(day)::date, max(day)::date from (select {time_sql("d", "t", day.order)} as day
            from (select t, {iso_time_sql("t", day.order)} as d from (select {words} as t from {extract.raw.relation})))"""
    ).fetchall()
    return None if row[0] is None else (row[0], row[1])


def _apart(connection: duckdb.DuckDBPyConnection, extract: Extract, group: Facts, other: Facts) -> Text | None:
    """In how many rows a second column of groups is not what goes with the first; None where they have little in common."""
    a, b = (tidy_text(f"c{f.position}", extract.raw.types[f.position]) for f in (group, other))
    rows = connection.execute(
        f"select a, b, count(*) as n from (select {a} as a, {b} as b from {extract.raw.relation}) group by a, b"
    ).fetchall()
    most: dict[object, int] = {}
    for one, _, n in rows:
        most[one] = max(most.get(one, 0), n)
    together, every = sum(most.values()), sum(n for *_, n in rows)
    if together == every or together < ALMOST_ALL * every:
        return None
    return text(
        "new.note.other_group", "{other} does not go with {group} in {n} rows; by intention to treat {group} counts",
        other=other.name, group=group.name, n=count(every - together),
    )  # fmt: skip


def experiments_in_tables(
    connection: duckdb.DuckDBPyConnection, placed: Sequence[tuple[Draft, Source]], known: Sequence[str]
) -> list[Experiment]:
    """The pilots that files of assignments and outcomes name, as the settings would read them; those called *known* left out.

    Args:
        placed: drafts and the sources that they are to be.
    """
    units = [(d, s) for d, s in placed if d.table == "assignments" and {"pilot", "arm"} <= {*s.columns, *s.constants}]
    results = [
        (d, s) for d, s in placed if d.table == "outcomes" and {"pilot", "metric", "value"} <= {*s.columns, *s.constants}
    ]
    found = []
    for draft, source in units:
        day = source.columns.get("assigned_at")
        first = draft.extract.column(day) if isinstance(day, str) and "assigned_at" not in source.todo else None
        days = _days(connection, draft.extract, first) if first is not None and not first.order.ambiguous else None
        for pilot, arms in _counted(connection, draft, source, ("pilot", "arm")).items():
            metrics = [metric for d, s in results for metric in _told(connection, d, s, pilot)]
            if pilot in known or not re.fullmatch("[a-z][a-z0-9_]*", pilot) or not 2 <= len(arms) <= MOST_ARMS or not metrics:
                continue
            named = sorted(arms.items(), key=lambda one: (one[0] != "control", -one[1], one[0]))
            found.append(
                Experiment(pilot, draft.extract.name, dict(named), named[0][0] == "control", None, tuple(metrics), days, ())
            )
    return found


def _told(connection: duckdb.DuckDBPyConnection, draft: Draft, source: Source, pilot: str) -> list[ProposedMetric]:
    """The metrics of one pilot in a table of outcomes."""
    metrics = _counted(connection, draft, source, ("pilot", "metric")).get(pilot, {})
    value = _cell(draft, source, "value")
    found: list[ProposedMetric] = []
    for metric in metrics:
        if not re.fullmatch("[a-z][a-z0-9_]*", metric):
            continue
        (row,) = connection.execute(
            f"""select bool_and(lower(v) in ({", ".join(map(literal, ("0", "1", "0.0", "1.0", *YES, *NO)))}))
                from (select {_cell(draft, source, "pilot")} as p, {_cell(draft, source, "metric")} as m, {value} as v
                      from {draft.extract.raw.relation}) where p = ? and m = ? and v is not null and v <> ''""",
            [pilot, metric],
        ).fetchall()
        kind: Literal["mean", "proportion"] = "proportion" if row[0] else "mean"
        found.append(ProposedMetric(metric, metric, kind, "share" if row[0] else "number"))
    return found[:MOST_METRICS]


def _counted(
    connection: duckdb.DuckDBPyConnection, draft: Draft, source: Source, columns: tuple[str, str]
) -> dict[str, dict[str, int]]:
    """Rows by two canonical columns, in the words of the settings."""
    first, second = (_cell(draft, source, column) for column in columns)
    rows = connection.execute(
        f"""select a, b, count(*) from (select {first} as a, {second} as b from {draft.extract.raw.relation})
            where a <> '' and b <> '' group by a, b order by a, b limit 1000"""
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for one, other, n in rows:
        told = found.setdefault(source.values.get(columns[0], {}).get(one, one), {})
        name = source.values.get(columns[1], {}).get(other, other)
        told[name] = told.get(name, 0) + n
    return found


def _cell(draft: Draft, source: Source, column: str) -> str:
    own = source.columns.get(column)
    if not isinstance(own, str):
        return literal(source.constants.get(column, ""))
    place = draft.extract.raw.columns.index(own)
    return tidy_text(f"c{place}", draft.extract.raw.types[place])

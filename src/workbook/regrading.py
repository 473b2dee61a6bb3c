"""What single customers are graded again on: the grades given last, what changed since, and files that tell of changes.

The grades of the latest accepted period are the base: its profile, scores and policy as they were published. What events and
appeals changed since stands in the ledger; the next one begins where the last one left the customer. A run is never touched.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook

from workbook.errors import DeliveryError, WorkbookError
from workbook.grading.facts import delivered_facts
from workbook.grading.policy import Policy
from workbook.grading.regrade import fact_names
from workbook.language import Edition, count, text
from workbook.ledger import ledger_file, read_ledger, signatures
from workbook.period import Period
from workbook.report.blocks import Table
from workbook.report.screen import table_lines
from workbook.settings.models import Settings
from workbook.settings.reading import read_settings
from workbook.sources.read import EXCEL_ENDINGS, as_utf8, cell_text, find_delimiter
from workbook.store import Store

MOST = 100_000
"""Rows of a file; it tells of single customers."""

AFTER = "~"
"""The step of an appeal among the changes of one day."""

_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]00:00(?::00)?)?")
_NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?([eE][+-]?\d+)?")


@dataclass(frozen=True, eq=False)
class Base:
    """The grades that stand.

    Attributes:
        period: the latest period whose grades were accepted.
        settings: its parameters.
        profile, scores: as its run published them, by customer_id.
        policy: what the grades were given by.
        measured: the indices that the period measured.
        centres: of its natural groups; None where there are none.
        changes: customer_id, on (date), step, score, tier, held, facts (JSON): what events and appeals gave since, in the order
            of day and step: events of one day by their kind, appeals after them.
        told: customer → facts told before that count in these grades, as JSON.
    """

    period: Period
    settings: Settings
    profile: pd.DataFrame
    scores: pd.DataFrame
    policy: Policy
    measured: tuple[str, ...]
    centres: Mapping[str, Any] | None
    changes: pd.DataFrame
    told: Mapping[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> tuple[str, ...]:
        """What of a customer may be told: indices that were measured, and numeric columns of the profile."""
        indices = {index.id for index in self.policy.settings.indices}
        return tuple(name for name in fact_names(self.profile, self.policy) if name in self.measured or name not in indices)

    @cached_property
    def last(self) -> Mapping[str, tuple[str, str]]:
        """Customer → day and step of the last change."""
        changes = self.changes
        return dict(zip(changes["customer_id"], zip(changes["on"], changes["step"], strict=True), strict=True))

    def standing(self, customers: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Profile of some customers; beside it score, tier and held as they stand now, and the facts that had changed."""
        last = self.changes.drop_duplicates("customer_id", keep="last").set_index("customer_id")
        stand = self.scores.loc[list(customers), ["score", "tier", "held"]].astype({"held": "object", "tier": "object"})
        known = last.index.intersection(stand.index.unique())
        stand.loc[known, ["score", "tier", "held"]] = last.loc[known, ["score", "tier", "held"]]
        told = [last["facts"].get(one, self.told.get(one)) for one in customers]
        facts = pd.DataFrame([json.loads(one) if isinstance(one, str) else {} for one in told], dtype=float)
        people = self.profile.loc[list(customers)].reset_index()
        return people, stand.reset_index(drop=True), facts.set_axis(people.index) if len(people) else facts

    def delivered(self, people: pd.DataFrame, facts: Sequence[str]) -> list[str]:
        """What the delivery of these grades says of each customer's told *facts* (JSON), as JSON with null where nothing.

        A later period compares with it: the base of a late event may be older than the period before.
        """
        told = [json.loads(one) for one in facts]
        names = sorted({name for one in told for name in one})
        frame = delivered_facts(people, self.policy.settings.indices, names)
        rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
        return [
            json.dumps({name: row[name] for name in one}, separators=(",", ":")) for one, row in zip(told, rows, strict=True)
        ]

    def as_json(self, client: str, kind: str, frame: pd.DataFrame, known: int) -> dict[str, Any]:
        """What a file of one *kind* (``events``, ``appeals``) gives, as plain JSON; *known*: accepted before."""
        rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
        about = {"client": client, "period": self.period.name, "policy": self.policy.number}
        return {**about, kind: rows, "accepted_before": known}

    def after(self, changes: pd.DataFrame) -> Base:
        """The base with further changes, which come last."""
        added = changes[list(self.changes.columns)]
        return replace(self, changes=pd.concat([self.changes, added], ignore_index=True) if len(self.changes) else added)


def on_screen(table: Table, known: int, edition: Edition) -> str:
    """What a file of events or appeals gives, in lines of text; *known*: accepted before."""
    lines = table_lines(table, edition) if len(table.frame) else []
    if known:
        lines.append(text("grading.regrade.known", "Accepted before: {n}.", n=count(known)).render(edition))
    return "\n".join(line.rstrip() for line in lines)


def open_base(home: Path, client: str, period: Period | None = None) -> Base:
    """The grades that stand, with what changed since.

    Args:
        period: the latest period with accepted grades by default.

    Raises:
        WorkbookError: where no grades were accepted, or what is published is not what was accepted.
    """
    given = [signed.period for signed in signatures(ledger_file(home, client, "grades"))[0]]
    if not given:
        raise WorkbookError(
            f"{client}: found no accepted grades, expected those of a period; accept them: workbook accept {client} PERIOD"
        )
    period = period or max(given, key=lambda one: one.end)
    where = home / "outputs" / client / period.name
    store = Store(where / "tables")
    again = f"run it again: workbook run {client} {period}"
    if not all(store.has(name) for name in ("scores", "grade_policy", "profile")):
        raise WorkbookError(f"{where}: found no published grades, expected those accepted for {period}; {again}")
    scores, policy, profile = (store.read(name) for name in ("scores", "grade_policy", "profile"))
    if not (isinstance(scores, pd.DataFrame) and isinstance(profile, pd.DataFrame) and isinstance(policy, dict)):
        raise WorkbookError(f"{where}: found that nobody could be graded, expected the grades accepted for {period}; {again}")
    accepted = read_ledger(home, client, "grades", of=period).set_index("customer_id")
    scores = scores.set_index("customer_id")
    same = scores.reindex(accepted.index)
    if len(accepted) and not ((same["tier"] == accepted["tier"]) & (same["score"] == accepted["score"])).all():
        raise WorkbookError(
            f"{where}: found grades that differ from those accepted for {period}, expected the same; {again} "
            "with the parameters of then"
        )
    centres = store.read("cluster_centres") if store.has("cluster_centres") else None
    held = scores["held"] if "held" in scores else scores["tier"]
    rules = Policy.of(policy)
    measured = tuple(i.id for i in rules.settings.indices if scores[f"index_{i.id}"].notna().any())
    return Base(
        period, read_settings(home, client, period), profile.set_index("customer_id"), scores.assign(held=held), rules,
        measured, centres if isinstance(centres, dict) else None, _changes(home, client, period), _told(store),
    )  # fmt: skip


def _told(store: Store) -> dict[str, str]:
    """Customer → the facts that events and appeals of earlier periods told and that count in the published grades, as JSON."""
    told = store.read("told_facts") if store.has("told_facts") else None
    if not isinstance(told, pd.DataFrame):
        return {}
    counts = told[told["state"] == "carried"]
    return {
        str(one): as_json(dict(zip(rows["fact"], rows["value"], strict=True))) for one, rows in counts.groupby("customer_id")
    }


def _changes(home: Path, client: str, period: Period) -> pd.DataFrame:
    wanted = ["customer_id", "on", "step", "score", "tier", "held", "facts"]
    events = read_ledger(home, client, "events", of=period).rename(columns={"happened_on": "on"})
    appeals = read_ledger(home, client, "appeals", of=period).rename(columns={"decided_on": "on"})
    events = events.assign(step=events["event"])
    appeals = appeals[appeals["held"].notna()].assign(step=AFTER)
    rows = pd.concat([one[wanted] for one in (events, appeals) if len(one)] or [events[wanted]])
    return rows.sort_values(["on", "step"], kind="stable", ignore_index=True)


@dataclass(frozen=True)
class Row:
    """A line of a file: where it stands, and its cells by the name of their column."""

    where: str
    cells: Mapping[str, str]


def read_rows(path: Path, asked: Mapping[str, Sequence[str]], facts: Sequence[str], do: str) -> list[Row]:
    """The filled lines of an Excel or CSV file below the head that names what is asked; other sheets are passed over.

    A column is known by what stands before a colon or bracket in its head: ``revenue: Annual revenue`` is revenue.

    Args:
        asked: column that must be there → what it may be called besides.
        facts: columns that may be there; any other is refused.
        do: what to do about a file that is at fault.

    Raises:
        DeliveryError: where the file cannot be read, has no such head, or a column that nobody knows.
    """
    names = {called.lower(): name for name, others in asked.items() for called in (name, *others)}
    names |= {name.lower(): name for name in facts}
    for sheet, lines in _sheets(path):
        for number, line in enumerate(lines, start=1):
            heads = [re.split(r"[:：(（]", cell, maxsplit=1)[0].strip().lower() for cell in line]
            found = [names.get(head) for head in heads]
            if not set(asked) <= set(found):
                continue
            at = f"{path}{f', sheet {sheet}' if sheet else ''}"
            strange = [cell for cell, head, name in zip(line, heads, found, strict=True) if head and name is None]
            twice = sorted({name for name in found if name and found.count(name) > 1})
            if strange or twice:
                what = f"{(strange or twice)[0][:60]!r}{'' if strange else ' twice'}"
                expected = f"expected each once of {', '.join([*asked, *facts])}"
                raise DeliveryError([f"{at}, row {number}: found the column {what}, {expected}; {do}"])
            rows = [
                Row(f"{at}, row {k}", {name: cell.strip() for name, cell in zip(found, cells, strict=False) if name})
                for k, cells in enumerate(lines[number:], start=number + 1)
            ]
            filled = [row for row in rows if any(row.cells.values())]
            if not filled or len(filled) > MOST:
                raise DeliveryError([f"{at}: found {len(filled):,} filled rows, expected 1 to {MOST:,}; {do}"])
            return filled
    raise DeliveryError([f"{path}: found no row that names {', '.join(asked)}, expected one above the data; {do}"])


def _sheets(path: Path) -> Iterator[tuple[str, list[list[str]]]]:
    if path.suffix.lower() in EXCEL_ENDINGS:
        try:
            with CalamineWorkbook.from_path(path) as book:
                for name in book.sheet_names:
                    rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
                    yield name, [[cell_text(cell) for cell in row] for row in rows]
        except (CalamineError, OSError) as fault:
            raise DeliveryError([f"{path}: found {fault}, expected an Excel or CSV file; save it again"]) from None
        return
    try:
        words = as_utf8(path.read_bytes(), str(path), None).decode()
        head = words.split("\n", 1)[0]
        yield "", list(csv.reader(io.StringIO(words.removeprefix("\ufeff"), newline=""), delimiter=find_delimiter(head)))
    except (OSError, csv.Error) as fault:
        raise DeliveryError([f"{path}: found {fault}, expected an Excel or CSV file; save it again"]) from None


def told_customer(row: Row, base: Base, problems: list[str]) -> str:
    """The customer of a line; one whom nobody graded is a problem."""
    customer = row.cells.get("customer", "")
    if customer not in base.scores.index:
        problems.append(
            f"{row.where}, customer: found {customer[:40]!r}, expected one of the {len(base.scores):,} customers graded for "
            f"{base.period}; correct the number"
        )
    return customer


def told_day(row: Row, name: str, base: Base, today: dt.date, problems: list[str]) -> dt.date:
    """The day in a cell; none, one that the base knows already, or one to come is a problem."""
    cell = row.cells.get(name, "")
    on = as_date(cell)
    if on is None or not base.period.end < on <= today:
        problems.append(
            f"{row.where}, {name}: found {cell[:40]!r}, expected a day such as 2025-12-31, after {base.period.end} (the grades "
            f"accepted for {base.period} know what was before) and not after {today}; correct it"
        )
    return on or today


def told_facts(row: Row, names: Collection[str], problems: list[str]) -> dict[str, float]:
    """The numbers in the cells called *names*, those that are filled in; what is no number is a problem."""
    given = {}
    for name in (name for name in row.cells if name in names and row.cells[name]):
        value = as_number(row.cells[name])
        if value is None:
            problems.append(f"{row.where}, {name}: found {row.cells[name][:40]!r}, expected a number; correct it")
        else:
            given[name] = value
    return given


def in_order(where: str, customer: str, on: dt.date, step: str, base: Base, problems: list[str]) -> bool:
    """Whether a change comes after the last that was accepted for the customer; one that does not is a problem."""
    last = base.last.get(customer)
    if last is None or (on.isoformat(), step) > last:
        return True
    problems.append(
        f"{where}: found {on}, expected a day after {last[0]}, when the grade of {customer} was last changed; what was "
        "accepted stands"
    )
    return False


def as_date(cell: str) -> dt.date | None:
    """The day that a cell names, year first; None where it names none.

    >>> as_date("2025/11/3"), as_date("2025年11月3日"), as_date("soon")
    (datetime.date(2025, 11, 3), datetime.date(2025, 11, 3), None)
    """
    found = _DATE.fullmatch(cell)
    try:
        return dt.date(*(int(part) for part in found.groups())) if found else None
    except ValueError:
        return None


def as_number(cell: str) -> float | None:
    """The finite number that a cell holds; None where it holds none.

    >>> as_number("12,500.5"), as_number("1e400"), as_number("about 5")
    (12500.5, None, None)
    """
    if not _NUMBER.fullmatch(cell):
        return None
    try:
        value = float(cell.replace(",", ""))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def as_json(facts: Mapping[str, Any]) -> str:
    """Facts as the ledger keeps them: those that there are, in the order of their names."""
    return json.dumps({name: float(facts[name]) for name in sorted(facts) if pd.notna(facts[name])}, separators=(",", ":"))

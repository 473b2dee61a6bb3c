"""One customer looked up: grade card, forecast, profile and the grades given so far (rows D6 and T9 of the method)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbook.errors import WorkbookError
from workbook.grading.cards import Card, make_card
from workbook.grading.changes import APPEAL, DECISIONS
from workbook.grading.facts import Told, no_facts, with_facts
from workbook.grading.policy import Policy
from workbook.grading.regrade import regrade
from workbook.language import Edition, Quantity, Text, count, day, is_missing, money, named, share, text
from workbook.ledger import read_ledger
from workbook.period import Period
from workbook.regrading import open_base
from workbook.report.blocks import Column, Paragraph, Table
from workbook.report.cells import mask
from workbook.report.screen import table_lines
from workbook.settings.folders import periods
from workbook.settings.models import Settings
from workbook.settings.reading import earlier_periods, read_settings
from workbook.store import Store
from workbook.tables import SCHEMAS


@dataclass(frozen=True, eq=False)
class Customer:
    """What is known of one customer.

    Attributes:
        card: the grade taken apart.
        profile: column of the profile → value, those that are known.
        forecast: purchases, value, silent and their like; empty where nothing was forecast.
        history: period, tier, score, cause, accepted_on of every grade that was given.
        changes: happened_on, what (event or appeal), decision, tier_before, tier, score: what changed a grade since.
        settings, period: as given.
    """

    card: Card
    profile: dict[str, Any]
    forecast: dict[str, Any]
    history: pd.DataFrame
    changes: pd.DataFrame
    settings: Settings
    period: Period

    def as_json(self) -> dict[str, Any]:
        """All of it as plain JSON."""
        card = self.card
        parts = card.parts.astype(object).where(card.parts.notna(), None)
        history = self.history.assign(accepted_on=self.history["accepted_on"].dt.date.astype(str))
        return {
            "customer_id": card.customer, "period": self.period.name, "tier": card.tier, "score": card.score,
            "tier_by_score": card.by_score, "waiting": card.waiting, "policy": card.policy.number,
            "parts": parts.to_dict("records"), "next_tier": card.next_tier,
            "gap": None if card.gap is None or np.isinf(card.gap) else card.gap, "cheapest": card.cheapest,
            "way": [{"index": step.index, "from": step.value, "to": step.wanted, "unit": step.unit} for step in card.way],
            "odds": dict(card.odds), "forecast": self.forecast,
            "profile": {name: str(value) if isinstance(value, pd.Timestamp) else value for name, value in self.profile.items()},
            "told": card.told.drop(columns="customer_id").astype(object).where(card.told.notna(), None).to_dict("records"),
            "history": history.astype(object).where(history.notna(), None).to_dict("records"),
            "changes": self.changes.astype(object).where(self.changes.notna(), None).to_dict("records"),
        }  # fmt: skip

    def as_screen(self, edition: Edition) -> str:
        """All of it in lines of text."""
        lines: list[str] = []
        for block in self.card.blocks():
            lines += table_lines(block, edition) if isinstance(block, Table) else []
            lines += [f"  {block.words.render(edition)}"] if isinstance(block, Paragraph) else []
        if self.forecast:
            lines += ["", self._forecast().render(edition)]
        lines += ["", *table_lines(self._history(), edition)]
        lines += ["", *table_lines(self._changes(), edition)] if len(self.changes) else []
        lines += ["", text("grading.customer.profile", "Profile of {period}", period=self.period.name).render(edition)]
        width = max((len(name) for name in self.profile), default=0)
        lines += [f"  {name:<{width}}  {_plain(value)}" for name, value in self.profile.items()]
        return "\n".join(line.rstrip() for line in lines)

    def _forecast(self) -> Text:
        return text(
            "grading.customer.forecast",
            "Expected in {months}: {purchases} purchases, {value}; no purchase at all: {silent}.",
            months=Quantity(self.settings.value.horizon_months, "months"),
            purchases=Quantity(self.forecast["purchases"], "number", 1),
            value=money(self.forecast["value"]),
            silent=share(self.forecast["silent"]),
        )

    def _changes(self) -> Table:
        kinds = {kind.id: named(kind.name) for kind in self.settings.grading.events}
        columns = (
            Column("happened_on", text("grading.regrade.day", "Day")),
            Column("what", text("grading.regrade.what", "Event"), labels=kinds | {"appeal": APPEAL}),
            Column("decision", text("grading.appeal.decision", "Decision"), labels=DECISIONS),
            Column("tier_before", text("grading.regrade.tier_before", "Tier before"), labels=self.card.names),
            Column("tier", text("grading.column.tier", "Tier"), labels=self.card.names),
            Column("score", text("grading.customer.score", "Score"), "score", digits=2),
        )
        title = text("grading.customer.changes", "Events and appeals: {n}; those since {period} count in the grade above",
                     n=count(len(self.changes)), period=self.period.name)  # fmt: skip
        return Table("grading.customer_changes", title, columns, self.changes, rows=len(self.changes))

    def _history(self) -> Table:
        columns = (
            Column("period", text("grading.customer.period", "Period")),
            Column("tier", text("grading.column.tier", "Tier"), labels=self.card.names),
            Column("score", text("grading.customer.score", "Score"), "score", digits=2),
            Column("cause", text("grading.customer.cause", "Cause"), labels={
                "first grade": text("grading.customer.first", "first grade"),
                "re-graded": text("grading.customer.again", "re-graded"),
                "re-graded on told facts": text("grading.customer.told", "re-graded on told facts"),
                "re-graded, told facts gave way": text("grading.customer.gave_way", "re-graded, told facts gave way"),
            }),
            Column("accepted_on", text("grading.customer.accepted", "Given on"), "date"),
        )  # fmt: skip
        title = text("grading.customer.history", "Grades given so far: {n}", n=count(len(self.history)))
        return Table("grading.customer_history", title, columns, self.history, rows=max(len(self.history), 1))


def _stood(
    home: Path, client: str, period: Period, customer: str
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, float]] | None:
    """Profile, score and facts of one customer as events and appeals have left them; None where nothing changed."""
    base = open_base(home, client, period)
    if customer not in base.last:
        return None
    people, now, facts = base.standing([customer])
    given = base.scores.loc[[customer]].reset_index()
    graded = regrade(people, given, base.policy, facts, measured=base.measured, on=period.end, centres=base.centres)
    shared = [name for name in graded if name in given]
    row = given.drop(columns=[*shared, "waiting"]).join(graded[shared]).assign(tier=now["tier"], held=now["held"], waiting=0)
    told = {str(name): float(value) for name, value in facts.iloc[0].items() if pd.notna(value)}
    return with_facts(people, base.policy.settings.indices, facts), row, told


def _changes(home: Path, client: str, customer: str) -> pd.DataFrame:
    """What events and appeals changed of one customer's grades, in order of the day."""
    events, appeals = (read_ledger(home, client, kind) for kind in ("events", "appeals"))
    rows = pd.concat([
        events.assign(what=events["event"], decision="–"),
        appeals.assign(what="appeal", happened_on=appeals["decided_on"]),
    ])  # fmt: skip
    kept = rows.loc[rows["customer_id"] == customer, ["happened_on", "what", "decision", "tier_before", "tier", "score"]]
    return kept.sort_values("happened_on", kind="stable", ignore_index=True)


def look_up(home: Path, client: str, customer: str, period: Period | None = None) -> Customer:
    """Everything known of one customer at the end of a period.

    Args:
        home: the folder that holds params/, data/ and outputs/.
        customer: the id.
        period: the latest period with published grades by default.

    Raises:
        WorkbookError: where no grades are published.
        UsageError: where nobody has that id.
    """
    outputs = home / "outputs" / client
    known = [period] if period else periods(home, client)[::-1]
    published = [one for one in known if Store(outputs / one.name / "tables").has("grade_policy")]
    if not published:
        raise WorkbookError(f"{outputs}: found no published grades, expected those of a run; run: workbook run {client}")
    when = published[0]
    settings, store = read_settings(home, client, when), Store(outputs / when.name / "tables")
    scores, policy, profile = (store.read(name) for name in ("scores", "grade_policy", "profile"))
    if not (isinstance(scores, pd.DataFrame) and isinstance(profile, pd.DataFrame) and isinstance(policy, dict)):
        raise WorkbookError(f"{client} {when}: no customer could be graded; the report says why")
    rng = np.random.default_rng(settings.seed)
    before = _before(home, client, when)
    changes = _changes(home, client, customer)
    rules, told = Policy.of(policy), _told(store, customer)
    counts = Told(told).beside(profile["customer_id"]) if len(told) else pd.DataFrame(index=profile.index)
    profile = with_facts(profile, rules.settings.indices, counts)
    facts = {str(fact): float(counts[fact].max()) for fact in counts}
    if len(changes) and (stood := _stood(home, client, when, customer)) is not None:
        person, row, facts = stood
        profile = pd.concat([profile[profile["customer_id"] != customer], person[list(profile.columns)]])
        scores = pd.concat([scores[scores["customer_id"] != customer], row[list(scores.columns)]])
    card = make_card(customer, profile, scores, rules, before=before, facts=facts, told=told, rng=rng)
    given = read_ledger(home, client, "grades")
    return Customer(
        card,
        _known(profile, customer),
        _known(store.read("lifetime"), customer) if store.has("lifetime") else {},
        given.loc[given["customer_id"] == customer, ["period", "tier", "score", "cause", "accepted_on"]].reset_index(drop=True),
        changes,
        settings,
        when,
    )


def _before(home: Path, client: str, period: Period) -> pd.DataFrame | None:
    """The scores of the period before, None where there are none."""
    for earlier in earlier_periods(home, client, period)[:1]:
        store = Store(home / "outputs" / client / earlier.name / "tables")
        scores = store.read("scores") if store.has("scores") else None
        return scores if isinstance(scores, pd.DataFrame) else None
    return None


def _told(store: Store, customer: str) -> pd.DataFrame:
    """What earlier periods were told of the customer; results made before facts were carried have none."""
    told = store.read("told_facts") if store.has("told_facts") else None
    return told[told["customer_id"] == customer] if isinstance(told, pd.DataFrame) else no_facts()


def _known(frame: object, customer: str) -> dict[str, Any]:
    """The values of a customer's row, but for the id and what is missing."""
    if not isinstance(frame, pd.DataFrame):
        return {}
    rows = frame[frame["customer_id"] == customer].drop(columns="customer_id")
    if rows.empty:
        return {}
    plain = {str(name): value.item() if isinstance(value, np.generic) else value for name, value in rows.iloc[0].items()}
    personal = {name for name, kind in SCHEMAS["customers"].columns.items() if kind == "contact"}
    return {
        name: mask(str(value)) if name in personal else value for name, value in plain.items() if not is_missing(value)
    }  # fmt: skip


def _plain(value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return day(value.date()).render(Edition("en"))
    if isinstance(value, float):
        return named(f"{value:,.2f}").render(Edition("en"))
    words = str(value)
    return "".join(c if c.isprintable() else " " for c in words)

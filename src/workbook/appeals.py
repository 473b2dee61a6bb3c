"""Appeals against grades: a form out, facts corrected, the grade that they give, and the decision in a register; row T9.

The form shows how each customer was graded. Corrected facts are graded again under the policy in force; a person decides, with
a reason, and signs. A refused appeal stands in the register as well: that, too, is an answer which somebody may ask for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbook.accepting import Accepted, append
from workbook.errors import DeliveryError, UsageError
from workbook.grading.changes import DECISIONS
from workbook.grading.facts import told_values
from workbook.grading.regrade import regrade, together
from workbook.language import LANGUAGES, Edition, Language, count, named, text
from workbook.ledger import read_ledger
from workbook.regrading import (
    AFTER,
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

ASKED: Mapping[str, Sequence[str]] = {
    "customer": ("customer_id", "客户", "客户编号"), "raised_on": ("提出日期",), "about": ("申诉理由",), "decision": ("决定",),
    "reason": ("决定理由",), "author": ("决定人",), "decided_on": ("决定日期",), "tier_given": ("改定等级",),
}  # fmt: skip
"""Columns of the form that are to be filled in, and what they may be called besides."""

SHOWN = ("tier", "score")
NOW = "now_"
_DO = "correct the file, or take the form of `workbook appeals CLIENT --form FILE --customers ID,ID`"


@dataclass(frozen=True, eq=False)
class Appeals:
    """What the appeals of a form ask for, and what was decided.

    Attributes:
        base: the grades that they are against.
        frame: customer_id, raised_on, about, decision (empty while open), tier_before, score_before, asked (the tier that the
            corrected facts give), score_asked, and what the ledger keeps.
        known: appeals of the form that the ledger holds already.
    """

    client: str
    base: Base
    frame: pd.DataFrame
    known: int

    @property
    def records(self) -> pd.DataFrame:
        """The decided ones as the ledger has them."""
        fields = ["customer_id", "period", "id", "raised_on", "about", "decision", "reason", "decided_on", "author", "given",
                  "tier_before", "score_before", "tier", "score", "held", "facts", "policy", "delivered"]  # fmt: skip
        return self.frame.loc[self.frame["decision"] != "", fields].reset_index(drop=True)

    def table(self) -> Table:
        """Appeal by appeal: what the corrected facts give, and what was decided."""
        tiers = {tier.id: named(tier.name) for tier in self.base.policy.settings.tiers}
        columns = (
            Column("customer_id", text("grading.regrade.customer", "Customer")),
            Column("raised_on", text("grading.appeal.raised", "Raised on")),
            Column("tier_before", text("grading.regrade.tier_before", "Tier before"), labels=tiers),
            Column("score_before", text("grading.regrade.score_before", "Score before"), "score", digits=2),
            Column("asked", text("grading.appeal.asked", "By the corrected facts"), labels=tiers),
            Column("score_asked", text("grading.regrade.score", "Score"), "score", digits=2),
            Column("decision", text("grading.appeal.decision", "Decision"), labels=DECISIONS),
            Column("tier", text("grading.appeal.tier", "Tier given"), labels=tiers),
        )
        better = int((self.frame["asked"] != self.frame["tier_before"]).sum())
        title = text(
            "grading.appeal.title", "{n} {n:appeal|appeals}; the corrected facts give another tier to {better}",
            n=count(len(self.frame)), better=count(better),
        )  # fmt: skip
        note = text(
            "grading.appeal.note",
            "Against the grades accepted for {period}, by policy {number}: its scales, weights, thresholds and rules stay, only"
            " the corrected facts differ.",
            period=self.base.period.name,
            number=count(self.base.policy.number),
        )
        return Table("grading.appeals", title, columns, self.frame, note, rows=max(1, len(self.frame)))

    def as_screen(self, edition: Edition) -> str:
        """What is asked and decided in lines of text."""
        return on_screen(self.table(), self.known, edition)

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return self.base.as_json(self.client, "appeals", self.frame, self.known)


@dataclass(frozen=True)
class _Appeal:
    where: str
    customer: str
    raised_on: dt.date
    about: str
    given: Mapping[str, float]
    decision: str = ""
    reason: str = ""
    author: str = ""
    decided_on: dt.date | None = None
    tier: str | None = None


def write_form(home: Path, client: str, customers: Sequence[str], path: Path, language: Language) -> Path:
    """Write the form for appeals of some customers: their tier and the values that gave it, with room for what is right.

    Raises:
        UsageError: for a customer whom nobody graded.
    """
    base = open_base(home, client)
    if strange := [one for one in customers if one not in base.scores.index]:
        raise UsageError(f"--customers: found {', '.join(strange)}, expected customers graded for {base.period}")
    people, standing, earlier = base.standing(list(dict.fromkeys(customers)))
    indices = [index for index in base.policy.settings.indices if index.id in base.measured]
    values = told_values(people, indices, earlier)
    frame = pd.DataFrame(
        {"customer": people["customer_id"], "tier": standing["tier"], "score": standing["score"].astype(float)}
    )
    for name in (name for name in ASKED if name != "customer"):
        frame[name] = ""
    for index in indices:
        frame[NOW + index.id], frame[index.id] = values[index.id], ""
    tiers = {tier.id: named(tier.name) for tier in base.policy.settings.tiers}
    columns = [
        Column("customer", text("grading.form.customer", "customer")),
        Column("tier", text("grading.appeal.form_tier", "tier (present)"), labels=tiers),
        Column("score", text("grading.appeal.form_score", "score (present)"), "score", digits=2),
        Column("raised_on", text("grading.appeal.form_raised", "raised_on (2025-12-31)")),
        Column("about", text("grading.appeal.form_about", "about (why the customer objects)")),
        *(one for index in indices for one in (
            Column(NOW + index.id, text("grading.appeal.form_now", "{id}: {name}, as graded", id=NOW + index.id,
                                        name=named(index.name)), "number"),
            Column(index.id, text("grading.appeal.form_right", "{id}: {name}, corrected", id=index.id, name=named(index.name))),
        )),
        Column("decision", text("grading.appeal.form_decision", "decision (upheld, changed, refused)")),
        Column("tier_given", text("grading.appeal.form_given", "tier_given (only where changed)")),
        Column("reason", text("grading.appeal.form_reason", "reason (of the decision)")),
        Column("author", text("grading.appeal.form_author", "author (role of who decides)")),
        Column("decided_on", text("grading.appeal.form_decided", "decided_on (2025-12-31)")),
    ]  # fmt: skip
    title = text("grading.appeal.form", "Appeals against the grades of {period}", period=base.period.name)
    note = text(
        "grading.appeal.how",
        "Fill in what is right where a value is wrong. Upheld: the corrected facts decide; changed: another tier is given by"
        " hand; refused: the grade stands. A row without a decision stays open.",
    )
    choices = {"decision": tuple(named(one) for one in DECISIONS if one), "tier_given": tuple(named(tier) for tier in tiers)}
    sheet = Sheet(text("grading.appeal.sheet", "Appeals"), Table("grading.appeal.form", title, tuple(columns), frame, note),
                  choices, to_fill=True)  # fmt: skip
    about = About(title, named(base.settings.client.name), base.period, synthetic=base.settings.client.synthetic)
    return write_excel(path, [sheet], Edition(language, base.settings.currency), about)


def review(home: Path, client: str, path: Path, *, today: dt.date) -> Appeals:
    """What the appeals of a filled form give under the policy in force, and what was decided; nothing is written.

    Raises:
        DeliveryError: with every fault of the form.
        WorkbookError: where there are no accepted grades.
    """
    base = open_base(home, client)
    optional = (*SHOWN, *(NOW + name for name in base.measured), *base.facts)
    problems: list[str] = []
    told = list(_read(read_rows(path, ASKED, optional, _DO), base, today, problems))
    held = read_ledger(home, client, "appeals", of=base.period)
    fresh = list(_fresh(told, held, base, problems))
    if problems:
        raise DeliveryError(problems)
    return Appeals(client, base, _graded(fresh, base), len(told) - len(fresh))


def enter(home: Path, client: str, path: Path, *, today: dt.date, by: str) -> Accepted:
    """Enter the decided appeals of a filled form in the ledger; open ones stay out, accepted ones as they are.

    Raises:
        DeliveryError, WorkbookError: as :func:`review`; nothing is written then.
    """
    period = open_base(home, client).period
    return append(
        home, client, period, lambda: {"appeals": review(home, client, path, today=today).records}, on=today, by=by
    )  # fmt: skip


def write_register(home: Path, client: str, path: Path, language: Language) -> Path:
    """Write the register: every appeal decided so far, with its reason and who decided, the latest last."""
    base = open_base(home, client)
    tiers = {tier.id: named(tier.name) for tier in base.policy.settings.tiers}
    frame = read_ledger(home, client, "appeals").sort_values(["decided_on", "customer_id"], ignore_index=True)
    columns = (
        Column("period", text("grading.appeal.of", "Grades of")),
        Column("customer_id", text("grading.regrade.customer", "Customer")),
        Column("raised_on", text("grading.appeal.raised", "Raised on")),
        Column("about", text("grading.appeal.about", "Objection")),
        Column("given", text("grading.appeal.facts", "Corrected facts")),
        Column("tier_before", text("grading.regrade.tier_before", "Tier before"), labels=tiers),
        Column("tier", text("grading.appeal.tier", "Tier given"), labels=tiers),
        Column("decision", text("grading.appeal.decision", "Decision"), labels=DECISIONS),
        Column("reason", text("grading.appeal.reason", "Reason")),
        Column("author", text("grading.appeal.author", "Decided by")),
        Column("decided_on", text("grading.appeal.decided", "Decided on")),
        Column("accepted_by", text("grading.appeal.signed", "Accepted by")),
    )
    title = text("grading.appeal.register", "Register of appeals: {n}", n=count(len(frame)))
    sheet = Sheet(text("grading.appeal.sheet", "Appeals"), Table("grading.appeal.register", title, columns, frame))
    about = About(title, named(base.settings.client.name), base.period, synthetic=base.settings.client.synthetic)
    return write_excel(path, [sheet], Edition(language, base.settings.currency), about)


def _read(rows: Sequence[Row], base: Base, today: dt.date, problems: list[str]) -> Iterator[_Appeal]:
    """The appeals of the form; what is wrong is added to *problems*, lines where nothing was filled in are passed over."""
    words = {called.lower(): decision for decision, name in DECISIONS.items() if decision
             for called in (decision, *(name.render(Edition(language)) for language in LANGUAGES))}  # fmt: skip
    tiers = {called.lower(): tier.id for tier in base.policy.settings.tiers
             for called in (tier.id, *(named(tier.name).render(Edition(language)) for language in LANGUAGES))}  # fmt: skip
    seen: set[str] = set()
    for row in rows:
        cells = row.cells
        filled = [name for name in cells if cells[name] and name not in ("customer", *SHOWN) and not name.startswith(NOW)]
        if not filled:
            continue
        customer = told_customer(row, base, problems)
        raised = told_day(row, "raised_on", base, today, problems)
        given = told_facts(row, base.facts, problems)
        if not cells.get("about"):
            problems.append(f"{row.where}, about: found nothing, expected why the customer objects; fill it in")
        if customer in seen:
            problems.append(f"{row.where}: found {customer} again, expected one appeal a customer; enter the other by itself")
        seen.add(customer)
        appeal = _Appeal(row.where, customer, raised, cells.get("about", ""), given)
        if not any(cells.get(name) for name in ("decision", "tier_given", "reason", "author", "decided_on")):
            yield appeal
            continue
        decision = words.get(cells.get("decision", "").lower(), "")
        tier = tiers.get(cells.get("tier_given", "").lower())
        if not decision:
            problems.append(
                f"{row.where}, decision: found {cells.get('decision', '')[:40]!r}, expected one of "
                f"{', '.join(one for one in DECISIONS if one)}; correct it, or leave the whole decision open"
            )
        for name, what in (("reason", "the reason of the decision"), ("author", "the role of who decided")):
            if not cells.get(name):
                problems.append(f"{row.where}, {name}: found nothing, expected {what}; fill it in")
        if decision == "upheld" and not given:
            problems.append(f"{row.where}: found no corrected fact, expected one in an appeal that is upheld; fill it in")
        if (decision == "changed") != (tier is not None) or (cells.get("tier_given") and tier is None):
            problems.append(
                f"{row.where}, tier_given: found {cells.get('tier_given', '')[:40]!r}, expected one of "
                f"{', '.join(one.id for one in base.policy.settings.tiers)} where the decision is changed, nothing elsewhere; "
                "correct it"
            )
        decided = told_day(row, "decided_on", base, today, problems)
        if decided < raised:
            problems.append(f"{row.where}, decided_on: found {decided}, expected {raised} or later; correct it")
        yield replace(appeal, decision=decision, reason=cells.get("reason", ""), author=cells.get("author", ""),
                      decided_on=decided, tier=tier)  # fmt: skip


def _fresh(appeals: Sequence[_Appeal], ledger: pd.DataFrame, base: Base, problems: list[str]) -> Iterator[_Appeal]:
    """The appeals that the ledger does not hold; one that it holds otherwise, or that comes too late, is a problem."""
    known = {(row.customer_id, row.id): row for row in ledger.itertuples()}
    for appeal in appeals:
        held = known.get((appeal.customer, appeal.raised_on.isoformat()))
        if held is None:
            if appeal.decided_on is None or in_order(appeal.where, appeal.customer, appeal.decided_on, AFTER, base, problems):
                yield appeal
            continue
        said = (appeal.about, appeal.decision, appeal.reason, appeal.author, str(appeal.decided_on), as_json(appeal.given))
        if said != (held.about, held.decision, held.reason, held.author, held.decided_on, held.given):
            problems.append(
                f"{appeal.where}: found another appeal of {appeal.customer} raised on {appeal.raised_on} than the one "
                "accepted, expected the same; what was accepted stands: raise a new one"
            )


def _graded(appeals: Sequence[_Appeal], base: Base) -> pd.DataFrame:
    """The appeals with what the corrected facts give, and what was decided."""
    people, standing, earlier = base.standing([appeal.customer for appeal in appeals])
    given = pd.DataFrame([appeal.given for appeal in appeals], index=people.index, dtype=float)
    asked = regrade(
        people, standing, base.policy, given, measured=base.measured, on=base.period.end, earlier=earlier, centres=base.centres
    )
    decisions = np.array([appeal.decision for appeal in appeals], dtype=object)
    hand = pd.Series([appeal.tier for appeal in appeals], index=people.index, dtype=object)
    granted = decisions == "upheld"
    stays = asked["tier_before"].astype(object)
    tier = hand.where(hand.notna(), asked["tier"].where(granted, stays.where(decisions != "", None)))
    both = together(given, earlier)
    facts = [as_json(dict(one)) for _, one in both.where(pd.Series(decisions != "refused", index=both.index), earlier.reindex(
        columns=both.columns), axis=0).iterrows()]  # fmt: skip
    return pd.DataFrame({
        "customer_id": people["customer_id"], "period": base.period.name,
        "id": [appeal.raised_on.isoformat() for appeal in appeals], "raised_on": [str(appeal.raised_on) for appeal in appeals],
        "about": [appeal.about for appeal in appeals], "decision": decisions,
        "reason": [appeal.reason or None for appeal in appeals],
        "decided_on": [None if appeal.decided_on is None else str(appeal.decided_on) for appeal in appeals],
        "author": [appeal.author or None for appeal in appeals], "given": [as_json(appeal.given) for appeal in appeals],
        "tier_before": stays, "score_before": asked["score_before"], "asked": asked["tier"], "score_asked": asked["score"],
        "tier": tier, "score": asked["score"].where(decisions != "refused", asked["score_before"]),
        "held": hand.where(hand.notna(), asked["held"].where(granted, None)), "facts": facts, "policy": base.policy.number,
        "delivered": base.delivered(people, facts),
    })  # fmt: skip

"""Which of the five modules, and which data, each goal leans on, and which of these data are there (rows G3, G4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from workbook.language import Text, count, joined, named, text
from workbook.report.blocks import Block, Column, NotMeasured, Table
from workbook.review.kpi_definitions import DEFINITIONS
from workbook.settings.models import Settings
from workbook.tables import Tables

MODULES: Mapping[str, Text] = {
    "information": text("review.module.information", "Customer information"),
    "needs": text("review.module.needs", "Needs analysis"),
    "interaction": text("review.module.interaction", "Interaction tracking"),
    "value": text("review.module.value", "Value assessment"),
    "service": text("review.module.service", "Service optimisation"),
}
"""The five modules of the method, in its order."""

DATA: Mapping[str, Text] = {
    "customers.region": text("review.data.region", "region"),
    "customers.industry": text("review.data.industry", "industry"),
    "customers.phone": text("review.data.phone", "phone"),
    "customers.updated_at": text("review.data.updated_at", "date of the last update"),
    "customers.tier": text("review.data.tier", "present tier"),
    "customers.owner": text("review.data.owner", "account manager"),
    "orders.ordered_at": text("review.data.ordered_at", "order dates"),
    "orders.amount": text("review.data.amount", "order amounts"),
    "orders.customer_id": text("review.data.order_customer", "customer of each order"),
    "order_lines.category": text("review.data.category", "product category of order lines"),
    "order_lines.cost": text("review.data.cost", "cost of order lines"),
    "contracts.ends_at": text("review.data.contract_ends", "contract ends"),
    "interactions.happened_at": text("review.data.happened_at", "dates of contacts"),
    "interactions.channel": text("review.data.contact_channel", "channel of contacts"),
    "tickets.opened_at": text("review.data.opened_at", "ticket openings"),
    "tickets.first_response_at": text("review.data.first_response_at", "first response times"),
    "tickets.resolved_at": text("review.data.resolved_at", "solution times"),
    "tickets.called_back_at": text("review.data.called_back_at", "call-back times"),
    "tickets.topic": text("review.data.topic", "ticket topics"),
    "tickets.priority": text("review.data.priority", "ticket priorities"),
    "feedback.score": text("review.data.score", "feedback scores"),
    "feedback.instrument": text("review.data.instrument", "kind of feedback (NPS, CSAT …)"),
    "needs.need": text("review.data.need", "recorded needs"),
    "needs.level": text("review.data.level", "depth of needs (surface or root cause)"),
    "needs.product_recommended": text("review.data.recommended", "recommended products"),
    "risk.credit_rating": text("review.data.credit_rating", "credit rating"),
    "status_history.changed_at": text("review.data.changed_at", "dates of status changes"),
}
"""Canonical column → what it is called when the client is asked for it."""

_BUYING: Mapping[str, tuple[str, ...]] = {
    "information": ("customers.phone", "customers.region", "customers.updated_at"),
    "needs": ("order_lines.category", "needs.need", "needs.product_recommended"),
    "interaction": ("interactions.happened_at", "interactions.channel"),
    "value": ("orders.customer_id", "orders.ordered_at", "orders.amount", "customers.tier"),
    "service": ("tickets.opened_at", "feedback.score"),
}
_SPENDING: Mapping[str, tuple[str, ...]] = {
    "information": ("customers.industry", "customers.region", "customers.owner"),
    "needs": ("order_lines.category", "needs.need", "needs.product_recommended"),
    "value": ("orders.customer_id", "orders.ordered_at", "orders.amount", "order_lines.cost", "customers.tier"),
}
_LEAVING: Mapping[str, tuple[str, ...]] = {
    "information": ("customers.phone", "customers.updated_at", "status_history.changed_at"),
    "interaction": ("interactions.happened_at", "interactions.channel"),
    "value": ("orders.customer_id", "orders.ordered_at", "orders.amount", "contracts.ends_at", "risk.credit_rating"),
    "service": ("tickets.opened_at", "tickets.resolved_at", "feedback.score"),
}
_ANSWERING: Mapping[str, tuple[str, ...]] = {
    "interaction": ("interactions.happened_at", "interactions.channel"),
    "value": ("customers.tier",),
    "service": ("tickets.opened_at", "tickets.first_response_at", "tickets.resolved_at", "tickets.priority"),
}
_SATISFYING: Mapping[str, tuple[str, ...]] = {
    "needs": ("needs.need", "needs.level"),
    "interaction": ("interactions.happened_at",),
    "service": ("feedback.instrument", "feedback.score", "tickets.topic", "tickets.resolved_at", "tickets.called_back_at"),
}

INSTEAD: Mapping[str, str] = {"order_lines.category": "products.category"}
"""Canonical column → another that tells the same."""

LEANS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "repurchase_rate": _BUYING,
    "active_customers": _BUYING,
    "revenue": _SPENDING,
    "average_order": _SPENDING,
    "churn_share": _LEAVING,
    "first_response_hours": _ANSWERING,
    "late_share": _ANSWERING,
    "nps": _SATISFYING,
    "csat": _SATISFYING,
    "complaints_called_back": _SATISFYING,
}
"""KPI → module → the canonical columns that work on the KPI leans on."""


@dataclass(frozen=True)
class Readiness:
    """Which data is there for what.

    Attributes:
        frame: columns module, ready, missing; one row a module: True where nothing that the goals lean on is missing, and
            the missing canonical columns, parted by ", ".
        fields: columns module, field, table_rows, filled_share; one row a module and canonical column.
        goals: goal → KPI, as the settings give them.
        names: goal → its name.
    """

    frame: pd.DataFrame
    fields: pd.DataFrame
    goals: Mapping[str, str]
    names: Mapping[str, Text]

    def table(self) -> Table:
        """What is there for each module, and what to ask the client for."""
        rows = []
        for module, fields in self._by_module():
            there = fields[fields["filled_share"] > 0]
            lacking = fields.loc[fields["filled_share"] == 0, "field"]
            rows.append(
                {
                    "module": MODULES[module],
                    "there": text("review.readiness.of", "{there} of {all}", there=count(len(there)), all=count(len(fields))),
                    "filled": there["filled_share"].mean() if len(there) else None,
                    "ask": joined([DATA[field] for field in lacking]),
                }
            )
        columns = (
            Column("module", text("review.head.module", "Module")),
            Column("there", text("review.head.there", "Data there"), "number"),
            Column("filled", text("review.head.filled", "Rows filled"), "share", digits=0),
            Column("ask", text("review.head.ask", "To ask the client for")),
        )
        ready = int(self.frame["ready"].sum())
        if ready == len(self.frame):
            title = text("review.readiness.title_all", "All {n} modules have the data that the goals need", n=count(ready))
        else:
            title = text(
                "review.readiness.title",
                "Data is complete for {ready} of {all} modules",
                ready=count(ready),
                all=count(len(self.frame)),
            )
        note = text(
            "review.readiness.note",
            "Columns of the canonical tables that the goals lean on; rows filled: mean share of rows with a value, over the "
            "columns that were delivered.",
        )
        return Table("review.readiness", title, columns, pd.DataFrame(rows, dtype=object), note, artefact="readiness")

    def matrix(self) -> Table | NotMeasured:
        """Goal × module: how many of the columns that the goal leans on are there."""
        if not self.goals:
            return NotMeasured(
                "review.matrix",
                text("review.matrix.none", "Goals and modules were not matched"),
                why=text("review.goals.set_some", "The settings name no goal; add one under goals."),
            )
        filled = dict(zip(self.fields["field"], self.fields["filled_share"], strict=True))
        rows = []
        for goal, kpi in self.goals.items():
            cells: dict[str, object] = {"goal": self.names[goal]}
            for module in MODULES:
                fields = LEANS[kpi].get(module, ())
                there = sum(filled[f] > 0 for f in fields)
                cells[module] = (
                    text("review.readiness.of", "{there} of {all}", there=count(there), all=count(len(fields)))
                    if fields
                    else named("–")
                )
            rows.append(cells)
        leaned = {(kpi, module) for kpi in self.goals.values() for module in LEANS[kpi]}
        title = text(
            "review.matrix.title",
            "The goals lean on {modules} of 5 modules",
            modules=count(len({module for _, module in leaned})),
        )
        note = text(
            "review.matrix.note",
            "Columns of the canonical tables with at least one value, of those that work on the goal leans on; a dash: the "
            "goal does not lean on the module.",
        )
        columns = (
            Column("goal", text("review.head.goal", "Goal")),
            *(Column(module, name, "number") for module, name in MODULES.items()),
        )
        return Table("review.matrix", title, columns, pd.DataFrame(rows, dtype=object), note)

    def not_measured(self) -> tuple[NotMeasured, ...]:
        """A note for each module for which nothing was delivered."""
        return tuple(
            NotMeasured(
                f"review.unready.{module}",
                text("review.readiness.nothing", "{module}: none of its data was delivered", module=MODULES[module]),
                tuple(fields["field"]),
            )
            for module, fields in self._by_module()
            if not (fields["filled_share"] > 0).any()
        )

    def blocks(self) -> tuple[Block, ...]:
        """Matrix, table and notes, in the order of a chapter."""
        return (self.matrix(), self.table(), *self.not_measured())

    def _by_module(self) -> list[tuple[str, pd.DataFrame]]:
        return [(module, self.fields[self.fields["module"] == module]) for module in MODULES]


def match_modules(tables: Tables, settings: Settings) -> Readiness:
    """Which modules and data the goals lean on, and which of these data the client delivered.

    Args:
        tables: canonical tables; how far each column is filled stands in their counts.
        settings: the goals; without goals, every KPI's data are looked at.
    """
    goals = {goal.id: goal.kpi for goal in settings.goals if goal.kpi in DEFINITIONS}
    kpis = list(dict.fromkeys(goals.values())) or list(DEFINITIONS)
    rows = []
    for module in MODULES:
        fields = dict.fromkeys(field for kpi in kpis for field in LEANS[kpi].get(module, ()))
        # a module that no goal leans on is still one of the five that are diagnosed
        for field in fields or dict.fromkeys(f for lean in LEANS.values() for f in lean.get(module, ())):
            table, _, column = field.partition(".")
            n = tables.rows(table)
            part = tables.filled.get(table, {}).get(column, 0) / n if n else 0.0
            if part == 0 and field in INSTEAD and tables.has(INSTEAD[field]):
                part = 1.0
            rows.append((module, field, n, part))
    fields_frame = pd.DataFrame(rows, columns=["module", "field", "table_rows", "filled_share"])
    lacking = {module: [f for m, f, _, part in rows if m == module and part == 0] for module in MODULES}
    frame = pd.DataFrame(
        {
            "module": list(MODULES),
            "ready": [not lacking[module] for module in MODULES],
            "missing": [", ".join(lacking[module]) for module in MODULES],
        }
    )
    return Readiness(frame, fields_frame, goals, {goal.id: named(goal.name) for goal in settings.goals})

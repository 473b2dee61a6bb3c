"""Files that tell of something else than what customers are and did: visits, plans, staff, suppliers (D1)."""

from __future__ import annotations

from workbook.language import Text, text
from workbook.sources.inspection.extracts import Extract
from workbook.sources.inspection.facts import TOP
from workbook.sources.inspection.vocabulary import Vocabulary, bare_name, speaks_of, squash


def elsewhere(extract: Extract, vocabulary: Vocabulary) -> Text | None:
    """Why a table holds no canonical one, whatever its columns look like; None where nothing speaks against it."""
    if seen := _visits(extract, vocabulary):
        return text("new.unplaced.visits", "it logs what visitors do ({words}); ask for the orders", words=", ".join(seen))
    names = {squash(bare_name(facts.name)) for facts in extract.facts}
    whole = f"{extract.file} {extract.reading.sheet or ''}"
    customers = any(m.strength == "sure" and m.column == "customer_id" for name in names for m in vocabulary.of(name))
    for kind, words in vocabulary.content["elsewhere"].items():
        columns = [column for column in words["columns"] if squash(column) in names]
        # customers may name their supplier, orders the employee who took them: two such columns, or the file's name, decide
        least = 1 if speaks_of(words["called"], whole) else words["at_least"]
        if len(columns) >= least and (kind in ("plans", "returns") or not customers):
            return _said(kind, ", ".join(columns))
    return None


def _visits(extract: Extract, vocabulary: Vocabulary) -> list[str]:
    """The words of a column that tell of visits to pages and baskets: its rows are no orders, whatever else stands in them."""
    known = {squash(word) for word in vocabulary.content["visits"]}
    for facts in extract.facts:
        seen = sorted(t for t, _ in facts.top if squash(t) in known)
        if len(seen) >= 2 and facts.distinct <= TOP:
            return seen
    return []


def _said(kind: str, columns: str) -> Text:
    if kind == "plans":
        return text("new.unplaced.plans", "it tells what was planned and not what happened ({columns})", columns=columns)
    if kind == "employees":
        return text("new.unplaced.employees", "it lists the client's own staff ({columns})", columns=columns)
    if kind == "advertising":
        return text(
            "new.unplaced.advertising", "it sums what advertising brought and names no customer ({columns})", columns=columns
        )
    if kind == "returns":
        return text(
            "new.unplaced.returns", "it lists returns by themselves ({columns}); ask for them as negative lines of the orders",
            columns=columns,
        )  # fmt: skip
    return text("new.unplaced.suppliers", "it tells of suppliers and not of customers ({columns})", columns=columns)

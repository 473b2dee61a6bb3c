"""Which canonical table a file is, and where one file is several: lines that hold orders, a log that holds tickets (D1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import duckdb

from workbook.language import Text, named, text
from workbook.sources.columns import tidy_text
from workbook.sources.inspection.elsewhere import elsewhere
from workbook.sources.inspection.extracts import Extract
from workbook.sources.inspection.facts import TOP
from workbook.sources.inspection.match import Guess, Match, Question, fit, match_columns
from workbook.sources.inspection.vocabulary import Vocabulary, bare_name, squash
from workbook.sources.mapping import DERIVED_IDS
from workbook.sources.parsing import bare_number_sql, number_sql
from workbook.tables import SCHEMAS, Kind

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "sales": ("orders", "order_lines"),
    "service": ("tickets", "ticket_events"),
    **{name: (name,) for name in SCHEMAS if name not in ("orders", "order_lines", "tickets", "ticket_events")},
}
"""Tables that one file may hold together are weighed together."""

SUBSTANCE: Mapping[str, tuple[str, ...]] = {
    "customers": (
        "name",
        "status",
        "created_at",
        "region",
        "industry",
        "size",
        "channel",
        "phone",
        "email",
        "birthday",
        "tier",
    ),
    "order_lines": ("product_id", "quantity", "amount", "price"),
    "products": ("name", "category", "price"),
    "contracts": ("starts_at", "ends_at", "value"),
    "feedback": ("score", "text", "choices"),
    "risk": ("credit_rating", "disputes", "overdue_days"),
    "status_history": ("new",),
    "leads": ("created_at", "stage", "stage_at"),
    "ticket_events": ("activity",),
    "campaigns": ("measure", "starts_at"),
    "outcomes": ("value",),
    "pilot_summaries": ("n", "mean"),
    "tasks": ("due_at", "done_at", "status"),
}
"""Columns of which a table must have one, or it says nothing."""

EVIDENCE, MARGIN = 0.6, 0.4
"""What must speak for a table, and by how much more than for the next one."""

PROPOSED_IDS = {"orders": DERIVED_IDS["orders"]}
"""Ids that a proposal may leave to be derived: a customer and a day alone are no contract unless somebody says so."""

UNIQUE_KEYS = ("customers", "products", "contracts", "campaigns", "leads", "tasks")
"""Lists of things, each once: a file that names them again and again is another table about them."""

_PEOPLE = ("name", "phone", "email", "region", "union_id", "birthday", "tier")
"""What a list of orders can tell of its buyers."""

Grouping = Literal["sum", "last"] | None
CalledBy = Literal["id", "name", "email", "phone"]


@dataclass(frozen=True)
class Draft:
    """A table that a file becomes, before other files are looked at.

    Attributes:
        extract: the file's table.
        match: the columns.
        confidence: of the table itself.
        group: ``sum`` or ``last`` where several rows of the file make one of the table.
        notes: what the reader of the engagement should know.
        only: canonical column → the values of the rows that count, where not all do.
        by: what its ``customer_id`` holds: id, or the name, email or phone that a list of customers knows.
        attributes: the file's own columns to be kept, with their kinds; what such a table lacks is asked for, not refused.
        constants: canonical column → one value for every row.
        values: canonical column → the file's value → the canonical one.
    """

    extract: Extract
    match: Match
    confidence: float
    group: Grouping = None
    notes: tuple[Text, ...] = field(default=())
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by: CalledBy = "id"
    attributes: Mapping[str, Kind] | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """The canonical table."""
        return self.match.table


@dataclass(frozen=True)
class Unplaced:
    """A file's table that becomes nothing: why, and the tables it might be."""

    extract: Extract
    why: Text
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Score:
    table: str
    match: Match
    score: float
    own: float


def place(
    connection: duckdb.DuckDBPyConnection, extract: Extract, vocabulary: Vocabulary, told: str | None = None
) -> list[Draft] | Unplaced:
    """The tables that one file becomes.

    Args:
        told: the table, where a person has said it.
    """
    if told is None and (against := elsewhere(extract, vocabulary)):
        return Unplaced(extract, against)
    scores = _scores(extract, vocabulary)
    families = sorted(
        ((max(scores[t].score for t in members), name) for name, members in FAMILIES.items()), key=lambda p: (-p[0], p[1])
    )
    (best, family), (second, other) = families[0], families[1]
    if told is not None:
        family = next(name for name, members in FAMILIES.items() if told in members)
    else:
        own = max(scores[t].own for t in FAMILIES[family])
        if best < EVIDENCE or own < EVIDENCE:
            return _not_known(extract, scores, [family, other] if best >= EVIDENCE else [])
        if (
            best - second < MARGIN
            and {family, other} == {"interactions", "service"}
            and _names_nobody(scores["interactions"].match)
        ):
            calls = _service(extract, scores, 0.6)
            if _are_calls(calls[0]):
                return calls
        if best - second < MARGIN:
            leading = text(
                "new.unplaced.two", "it might be {tables}", tables=" / ".join((_lead(scores, family), _lead(scores, other)))
            )
            return Unplaced(extract, leading, (_lead(scores, family), _lead(scores, other)))
    confidence = min(0.95, 0.6 + 0.15 * (best - second))
    if family == "sales":
        found = _sales(connection, extract, scores, confidence, told)
    elif family == "service":
        found = _service(extract, scores, confidence)
    else:
        found = [Draft(extract, scores[family].match, confidence)]
    for draft in found:
        if refused := refusal(draft, without_customer=draft.table != "customers"):
            calls = _service(extract, scores, 0.6) if told is None and draft.table == "interactions" else []
            return calls if calls and _are_calls(calls[0]) else Unplaced(extract, refused, (draft.table,))
    return found


def _names_nobody(match: Match) -> bool:
    return "customer_id" not in match.guesses and "customer_id" not in match.questions


def _are_calls(tickets: Draft) -> bool:
    """Whether contacts that name no customer tell enough to count as tickets: number, moment, and what became of them."""
    told = set(tickets.match.guesses)
    return {"ticket_id", "opened_at"} <= told and bool({"topic", "first_response_at", "status"} & told)


def buyers_of(draft: Draft, vocabulary: Vocabulary) -> Draft | None:
    """The customers that a list of orders names, with what it tells of them; None where it tells nothing of them."""
    key = draft.match.guesses.get("customer_id")
    if key is None:
        return None
    taken = {own for guess in draft.match.guesses.values() for own in guess.own}
    left = [f for f in draft.extract.facts if f.name not in taken]
    match = match_columns("customers", left, vocabulary)
    told = {c: g for c, g in match.guesses.items() if c in _PEOPLE and _is_of_people(c, g)}
    if not told:
        return None
    note = text("new.note.buyers", "no list of customers was found: what the orders tell of their buyers, the last row counts")
    return Draft(draft.extract, Match("customers", {"customer_id": key, **told}, {}), draft.confidence, "last", (note,))


def products_of(draft: Draft, vocabulary: Vocabulary) -> Draft | None:
    """The products that order lines name, with name and category; None where the lines tell neither."""
    key = draft.match.guesses.get("product_id")
    if key is None:
        return None
    match = match_columns("products", [f for f in draft.extract.facts if f.name != key.own[0]], vocabulary)
    told = {c: g for c, g in match.guesses.items() if c in ("name", "category")}
    if "name" not in told:
        return None
    note = text("new.note.products", "no list of products was found: names as the lines tell them, the last row counts")
    return Draft(draft.extract, Match("products", {"product_id": key, **told}, {}), draft.confidence, "last", (note,))


def sales_of(draft: Draft, vocabulary: Vocabulary) -> Draft | None:
    """The deals won of a list of leads, as orders on the day they were closed; None where it tells no such day or stage."""
    deals, extract = vocabulary.content["deals"], draft.extract
    key, stage = draft.match.guesses.get("lead_id"), draft.match.guesses.get("stage")
    closed, amount = _column_called(extract, deals["closed"], "time"), _column_called(extract, deals["amount"], "money")
    won = {squash(word) for word in deals["won"]}
    stages = extract.column(stage.own[0]) if stage else None
    kept = tuple(t for t, _ in stages.top if squash(bare_name(t)) in won) if stages and stages.distinct <= TOP else ()
    if key is None or stage is None or closed is None or not kept:
        return None
    reason = text("new.reason.deal", "by its name in a list of deals, and its values fit")
    guesses = {c: g for c, g in draft.match.guesses.items() if c == "customer_id"}
    guesses |= {"order_id": key, "status": stage, "ordered_at": Guess("ordered_at", (closed,), 0.8, reason, "maybe")}
    if amount is not None:
        guesses["amount"] = Guess("amount", (amount,), 0.8, reason, "maybe")
    note = text(
        "new.note.deals", "no orders were found: deals won ({stages}) count as orders on the day they were closed",
        stages=", ".join(kept),
    )  # fmt: skip
    return Draft(extract, Match("orders", guesses, {}), 0.8, None, (note,), {"status": kept})


def _column_called(extract: Extract, names: Sequence[str], kind: Kind) -> str | None:
    """The first of some names that a column with fitting values has."""
    for name in names:
        for facts in extract.facts:
            if squash(bare_name(facts.name)) == squash(name) and fit(kind, name, facts, "sure")[0] > 0:
                return facts.name
    return None


def _is_of_people(column: str, guess: Guess) -> bool:
    # in a list of orders "name" alone may be the order's or the article's
    return guess.strength == "sure" or (guess.strength == "maybe" and column == "region")


def _scores(extract: Extract, vocabulary: Vocabulary) -> dict[str, _Score]:
    words = vocabulary.speaks_for(f"{extract.file} {extract.reading.sheet or ''}")
    return {table: _score(table, extract, vocabulary, words.get(table, 0.0)) for table in SCHEMAS}


def _score(table: str, extract: Extract, vocabulary: Vocabulary, called: float) -> _Score:
    match = match_columns(table, extract.facts, vocabulary)
    schema = SCHEMAS[table]
    score, own = called, called
    for column, guess in match.guesses.items():
        meanings = vocabulary.of(guess.own[0])
        tables = {m.table for m in meanings if m.strength == guess.strength} or {table}
        weight = {"sure": 1.0, "maybe": 0.3, "partly": 0.3, None: 0.5}[guess.strength] / len(tables)
        score += guess.confidence * weight
        own += guess.confidence * weight if schema.columns[column] != "id" or column in schema.key[:1] else 0.0
    for column in schema.required:
        if column in match.guesses:
            score += 0.5 / len(schema.required)
        elif column in match.questions or (column == PROPOSED_IDS.get(table) and "customer_id" in match.guesses):
            score -= 0.1
        else:
            score -= {"id": 1.5, "date": 0.3, "time": 0.3}.get(schema.columns[column], 0.8)
    key = match.guesses.get(schema.key[0])
    if table in UNIQUE_KEYS and key is not None:
        score += 0.5 if extract.column(key.own[0]).unique > 0.9 else -3.0
    if table in SUBSTANCE and not set(SUBSTANCE[table]) & (set(match.guesses) | set(match.questions)):
        score, own = score - 1, 0.0
    return _Score(table, match, score, own)


def _lead(scores: Mapping[str, _Score], family: str) -> str:
    return max(FAMILIES[family], key=lambda t: scores[t].score)


def _not_known(extract: Extract, scores: Mapping[str, _Score], families: Sequence[str]) -> Unplaced:
    known = sorted({g.own[0] for s in scores.values() for g in s.match.guesses.values() if g.strength == "sure"})
    candidates = tuple(_lead(scores, family) for family in families)
    if not known and not extract.reading.header_row:
        why = text(
            "new.unplaced.headless",
            "its first row holds values and no names of columns; put the names there, or ask for the export with them",
        )
        return Unplaced(extract, why, candidates)
    if not known:
        return Unplaced(extract, text("new.unplaced.unknown", "none of its columns is known"), candidates)
    few = known[:5]
    return Unplaced(
        extract, text("new.unplaced.little", "too little of it is known: only {columns}", columns=", ".join(few)), candidates
    )


def refusal(draft: Draft, *, without_customer: bool = False) -> Text | None:
    """Why a table cannot be had from a file: an id that no row can do without, or more than one other such column.

    One column that is no id may be the same for every row (the day of a survey), which is a question and no refusal.

    Args:
        without_customer: True where another file may still tell which customers are meant.
    """
    schema, match = SCHEMAS[draft.table], draft.match
    if draft.attributes is not None:  # what such a list lacks is asked for
        return None
    derived = PROPOSED_IDS.get(draft.table) if "customer_id" in match.guesses else None
    told = {*match.guesses, *match.questions, *draft.constants, *(("customer_id",) if without_customer else ())}
    lacking = [c for c in schema.required if c not in told and c != derived]
    if derived and not {"order_id", "amount"} & told:  # a customer and a day alone may be anything
        lacking.append("order_id")
    if len(lacking) > 1 or any(schema.columns[c] == "id" for c in lacking):
        return text(
            "new.unplaced.lacking",
            "it looks like {table}, but no column holds {columns}; ask for the same export with it",
            table=draft.table, columns=", ".join(lacking),
        )  # fmt: skip
    return None


# orders and their lines ------------------------------------------------------------------------------------------


def _sales(
    connection: duckdb.DuckDBPyConnection, extract: Extract, scores: Mapping[str, _Score], confidence: float, told: str | None
) -> list[Draft]:
    orders, lines = scores["orders"].match, scores["order_lines"].match
    has_lines = bool({"product_id", "line_id"} & set(lines.guesses)) or {"quantity", "price"} <= set(lines.guesses)
    has_orders = "ordered_at" in orders.guesses or "ordered_at" in orders.questions
    if not has_lines or told == "orders":
        return [_one_row_an_order(connection, extract, orders, confidence)]
    if not has_orders or told == "order_lines":
        return [_one_unit_a_line(Draft(extract, lines, confidence))]
    key = orders.guesses.get("order_id")
    if key is None:
        return [Draft(extract, orders, confidence)]
    level = _amount_level(connection, extract, orders)
    amount = orders.guesses.get("amount")
    if level == "lines" and amount is not None:
        lines = _with_amount(lines, amount)
        grouped, notes = Draft(extract, orders, confidence, "sum"), [_sum_note(amount)]
    elif level == "order" and amount is not None:
        lines = _without(lines, "amount", amount.own)
        grouped, notes = Draft(extract, orders, confidence, "last"), [_repeated_note(amount)]
    elif level == "unclear" and amount is not None:
        why = text("new.question.amount_level", "it cannot be told whether it is the amount of the line or of the whole order")
        orders = _asked(orders, "amount", amount.own, why)
        lines = _without(lines, "amount", amount.own)
        grouped, notes = Draft(extract, orders, confidence, "last"), []
    else:
        # only the lines know amounts, or quantity and price: the orders take their sum
        orders = _without(orders, "amount", amount.own if amount else ())
        grouped, notes = Draft(extract, orders, confidence, "last"), []
    return [
        Draft(extract, grouped.match, confidence, grouped.group if _repeats(extract, key) else None, tuple(notes)),
        Draft(extract, _lines_of_orders(lines, key), confidence),
    ]


def _one_unit_a_line(draft: Draft) -> Draft:
    """Lines with a price and neither quantity nor amount: each is one unit, and its price the amount."""
    match = draft.match
    known = set(match.guesses) | set(match.questions)
    if "price" not in match.guesses or {"quantity", "amount"} & known:
        return draft
    price = match.guesses["price"]
    guesses = {c: g for c, g in match.guesses.items() if c != "price"}
    note = text("new.note.one_unit", "no column holds quantities: each line is taken for one unit, at its price")
    amount = Guess("amount", price.own, min(price.confidence, 0.8), price.reason, price.strength)
    return replace(draft, match=Match(match.table, {**guesses, "amount": amount}, match.questions), notes=(*draft.notes, note))


def _one_row_an_order(connection: duckdb.DuckDBPyConnection, extract: Extract, orders: Match, confidence: float) -> Draft:
    key = orders.guesses.get("order_id")
    # a few numbers that stand there twice are a fault of the export, which the cleaning finds
    if key is None or not _repeats(extract, key, 0.9):
        return Draft(extract, orders, confidence)
    amount = orders.guesses.get("amount")
    level = _amount_level(connection, extract, orders)
    if level == "lines" and amount is not None:
        return Draft(extract, orders, confidence, "sum", (_sum_note(amount),))
    if level == "unclear" and amount is not None:
        why = text("new.question.amount_level", "it cannot be told whether it is the amount of the line or of the whole order")
        orders = _asked(orders, "amount", amount.own, why)
    return Draft(extract, orders, confidence, "last", (_repeated_note(amount),) if amount and level == "order" else ())


def _repeats(extract: Extract, key: Guess, least: float = 0.999) -> bool:
    return extract.column(key.own[0]).unique < least


def _amount_level(
    connection: duckdb.DuckDBPyConnection, extract: Extract, orders: Match
) -> Literal["lines", "order", "unclear", "none"]:
    """Whether an amount stands on each line for itself, or is the order's repeated on each of its lines."""
    key, amount = orders.guesses.get("order_id"), orders.guesses.get("amount")
    if key is None or amount is None:
        return "none"
    raw = extract.raw
    places = [raw.columns.index(g.own[0]) for g in (key, amount)]
    order_id, told = (tidy_text(f"c{p}", raw.types[p]) for p in places)
    value = number_sql("s")
    several, one, same = connection.execute(
        f"""
        select count(*), count(*) filter (told = 1), count(*) filter (told > 1 and different = 1) from (
            select count(*) as rows, count(v) as told, count(distinct v) as different
            from (select k, {value} as v from (select {order_id} as k, {bare_number_sql("t")} as s
                  from (select *, {told} as t from {raw.relation}))) group by k
        ) where rows > 1
        """
    ).fetchall()[0]
    if not several:
        return "lines"
    if (one + same) >= 0.95 * several and several >= 5:
        return "order"
    return "lines" if same <= 0.5 * several and one <= 0.2 * several else "unclear"


def _with_amount(lines: Match, amount: Guess) -> Match:
    guesses = {c: g for c, g in lines.guesses.items() if c == "amount" or amount.own[0] not in g.own}
    if "amount" not in guesses:
        guesses["amount"] = amount
    return Match(lines.table, guesses, {c: q for c, q in lines.questions.items() if c != "amount"})


def _without(match: Match, column: str, own: Sequence[str]) -> Match:
    """The match without *column* where it is *own*, as a guess or among the candidates of a question."""
    guesses = {c: g for c, g in match.guesses.items() if c != column or (own and g.own != tuple(own))}
    questions = {c: q for c, q in match.questions.items() if c != column or (own and not set(own) & set(q.candidates))}
    return Match(match.table, guesses, questions)


def _asked(match: Match, column: str, own: Sequence[str], why: Text) -> Match:
    guesses = {c: g for c, g in match.guesses.items() if c != column}
    return Match(match.table, guesses, {**match.questions, column: Question(column, tuple(own), why)})


def _lines_of_orders(lines: Match, key: Guess) -> Match:
    known = {"order_id", *(("amount",) if {"quantity", "price"} <= set(lines.guesses) else ())}
    return Match(lines.table, {**lines.guesses, "order_id": key}, {c: q for c, q in lines.questions.items() if c not in known})


def _sum_note(amount: Guess) -> Text:
    return text("new.note.sum", "several rows make one order; {column} is summed over them", column=named(amount.own[0]))


def _repeated_note(amount: Guess) -> Text:
    return text(
        "new.note.repeated", "several rows make one order; {column} is the whole order's on each of them and counts once",
        column=named(amount.own[0]),
    )  # fmt: skip


# tickets and their log -------------------------------------------------------------------------------------------


def _service(extract: Extract, scores: Mapping[str, _Score], confidence: float) -> list[Draft]:
    tickets, events = scores["tickets"].match, scores["ticket_events"].match
    key = tickets.guesses.get("ticket_id") or events.guesses.get("ticket_id")
    if key is None or extract.column(key.own[0]).unique > 0.9:
        return [Draft(extract, tickets, confidence)]
    if {"happened_at", "activity"} <= set(events.guesses) and "opened_at" not in tickets.guesses:
        return [Draft(extract, events, confidence)]
    note = text("new.note.log", "several rows tell of one ticket; the last row of the file counts")
    drafts = [Draft(extract, tickets, confidence, "last", (note,))]
    if {"happened_at", "activity"} <= set(events.guesses):
        drafts.append(Draft(extract, events, confidence))
    return drafts

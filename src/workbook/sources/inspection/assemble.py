"""A folder of files → the proposal: read, placed, compared with one another, tried on the reader itself (D1, G4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from workbook.language import count, named, share, text
from workbook.settings.models import Source
from workbook.sources.columns import join_files, type_columns
from workbook.sources.inspection.beside_tickets import beside_tickets
from workbook.sources.inspection.coverage import Coverage, coverage_of, last_full_period
from workbook.sources.inspection.describe import describe, own_currencies
from workbook.sources.inspection.experiments import Experiment, experiment_of, experiments_in_tables
from workbook.sources.inspection.extracts import Extract, Unread, read_folder
from workbook.sources.inspection.keys import could_be_ids, gather_ids, overlap
from workbook.sources.inspection.match import Guess, Match, Question, match_columns
from workbook.sources.inspection.proposal import Proposal, ProposedSource
from workbook.sources.inspection.snapshots import nameless_customers, responses_of, snapshot_of
from workbook.sources.inspection.surveys import survey_of
from workbook.sources.inspection.tables import (
    CalledBy,
    Draft,
    Unplaced,
    buyers_of,
    place,
    products_of,
    refusal,
    sales_of,
)
from workbook.sources.inspection.vocabulary import Vocabulary, territory_code, vocabulary
from workbook.sources.waits import ELAPSED
from workbook.tables import SCHEMAS

KNOWN_SHARE = 0.9
"""Share of a column's ids in the lists of customers from which its values say that it is the customer."""

_CALLED_BY: tuple[CalledBy, ...] = ("name", "email", "phone")

PARTIAL_SHARE = 0.98
"""Share of the buyers in the lists of customers below which the lists are partial."""


@dataclass
class Inspection:
    """A folder that was read, held open so that answers of a person can be tried on it.

    Attributes:
        connection: DuckDB with the rows.
        extracts, unread: what was found.
        words: the vocabulary used.
        told: file's table → canonical table that a person has named.
    """

    connection: duckdb.DuckDBPyConnection
    extracts: Sequence[Extract]
    unread: Sequence[Unread]
    words: Vocabulary
    told: Mapping[str, str]

    def proposal(self) -> Proposal:
        """What the files become, as far as the files themselves decide it."""
        drafts: list[Draft] = []
        unplaced: list[Unplaced] = []
        trials: list[Experiment] = []
        for extract in self.extracts:
            trial = None if extract.name in self.told else experiment_of(self.connection, extract, self.words)
            trials += [trial] if isinstance(trial, Experiment) else []
            found = list(trial.drafts) if isinstance(trial, Experiment) else trial or self._placed(extract)
            if isinstance(found, Unplaced):
                unplaced.append(found)
            else:
                drafts += found
                drafts += [more for draft in found for more in self._beside(draft, found)]
        drafts, doubled = _without_undated(_without_doubled_orders(self.connection, drafts, self.words))
        named, unplaced = _named_customers(self.connection, drafts, unplaced, self.words)
        drafts = _with_customers(self.connection, _with_derived([*drafts, *named], self.words))
        drafts = _called(self.connection, drafts, self.words)
        nameless = {id(d): why for d in drafts if (why := refusal(d)) is not None}
        unplaced += [Unplaced(d.extract, nameless[id(d)], (d.table,)) for d in drafts if id(d) in nameless]
        drafts = [d for d in drafts if id(d) not in nameless]
        if not drafts and len(unplaced) == 1 and unplaced[0].candidates == ("customers",):  # a list of its own, all there is
            drafts = [d for d in (nameless_customers(unplaced[0].extract, self.words),) if d is not None]
            unplaced = [] if drafts else unplaced
        country, currency = _country(drafts), _currency(drafts, self.words)
        proposed = [_tried(self.connection, describe(draft, self.words), draft, country or "CN") for draft in drafts]
        coverages = [c for draft, one in zip(drafts, proposed, strict=True) if (c := self._coverage(draft, one))]
        partial = _partial(self.connection, drafts)
        long = [(draft, one.source) for draft, one in zip(drafts, proposed, strict=True)]
        trials += experiments_in_tables(self.connection, long, [trial.id for trial in trials])
        order = {name: i for i, name in enumerate(SCHEMAS)}
        proposed.sort(key=lambda p: (order[p.source.table], p.source.file, p.source.sheet or ""))
        return Proposal(
            tuple(proposed),
            (*unplaced, *doubled),
            tuple(self.unread),
            last_full_period(coverages),
            currency,
            country,
            partial,
            tuple(trials),
        )

    def _placed(self, extract: Extract) -> list[Draft] | Unplaced:
        """The tables of one file; where it says who has left, that it tells of contracts too."""
        told = self.told.get(extract.name)
        survey = survey_of(extract, self.words) if told in (None, "feedback") else []
        if survey:
            return survey
        found = place(self.connection, extract, self.words, told)
        snapshot = snapshot_of(extract, self.words) if told in (None, "contracts") else None
        if snapshot is None:
            reached = responses_of(extract, self.words) if told is None else []
            if isinstance(found, Unplaced):
                return reached or found
            return [*found, *reached[1:]] if {d.table for d in found} == {"customers"} else found
        known = {own for guess in snapshot.match.guesses.values() for own in guess.own}
        others = [] if isinstance(found, Unplaced) else [
            d for d in found if d.table == "customers" and any(not known.issuperset(g.own) for g in d.match.guesses.values())
        ]  # fmt: skip
        return [*others, snapshot]

    def _beside(self, draft: Draft, found: Sequence[Draft]) -> list[Draft]:
        alone = draft.table == "tickets" and self.told.get(draft.extract.name) in (None, "tickets")
        known = {other.table for other in found}
        return [more for more in beside_tickets(draft, self.words) if more.table not in known] if alone else []

    def seen_as(self, extract: Extract, table: str) -> ProposedSource | None:
        """One table of the files as a canonical one that a person has named; None where it cannot be that."""
        found = place(self.connection, extract, self.words, table)
        drafts = [] if isinstance(found, Unplaced) else [draft for draft in found if draft.table == table]
        country = _country(drafts) or "CN"
        return _tried(self.connection, describe(drafts[0], self.words), drafts[0], country) if drafts else None

    def unread_of(self, extract: Extract, source: Source, column: str) -> list[str]:
        """Why a source cannot read one of its columns from a table of the files; empty where it can."""
        return _problems(self.connection, extract, _only(source, [column]), "CN")

    def _coverage(self, draft: Draft, proposed: ProposedSource) -> Coverage | None:
        table = draft.table
        column = SCHEMAS[table].event or {"customers": "updated_at"}.get(table)
        if column not in proposed.source.columns or column in proposed.source.todo:
            return None
        found = type_columns(
            self.connection, join_files(self.connection, {0: draft.extract.raw}, proposed.source, "tried"),
            _only(proposed.source, [column]), "CN", "tried_days",
        )  # fmt: skip
        if found.problems:
            return None
        return coverage_of(self.connection, table, f'select cast("{column}" as date) as day from tried_days')


def inspect_folder(folder: Path, told: Mapping[str, str] | None = None) -> Inspection:
    """Read every file of *folder*; :meth:`Inspection.proposal` then says what they become.

    Args:
        folder: the client's files; they are only read.
        told: file (or ``file [sheet]``) → canonical table, where a person has said it.
    """
    connection = duckdb.connect(config={"autoinstall_known_extensions": False, "TimeZone": "UTC"})
    words = vocabulary()
    extracts, unread = read_folder(connection, folder, words)
    return Inspection(connection, extracts, unread, words, told or {})


def _with_derived(drafts: Sequence[Draft], words: Vocabulary) -> list[Draft]:
    """Orders that only the deals tell, products that only the lines name, customers whom only the orders describe."""
    there = {draft.table for draft in drafts}
    found = list(drafts)
    if "orders" not in there:
        found += [made for d in drafts if d.table == "leads" and (made := sales_of(d, words))]
    if "products" not in there:
        found += [made for d in drafts if d.table == "order_lines" and (made := products_of(d, words))]
    if "customers" not in there:
        found += [made for d in drafts if d.table == "orders" and (made := buyers_of(d, words))]
    return found


def _without_doubled_orders(connection: duckdb.DuckDBPyConnection, drafts: Sequence[Draft], words: Vocabulary) -> list[Draft]:
    """Lines whose only day was taken for that of their order stay lines where another file lists the orders, each once."""
    lines = {id(d.extract) for d in drafts if d.table == "order_lines"}
    listed = [
        d for d in drafts
        if d.table == "orders" and id(d.extract) not in lines and (key := d.match.guesses.get("order_id"))
        and d.extract.column(key.own[0]).unique > 0.9
    ]  # fmt: skip

    def doubled(draft: Draft) -> bool:
        day = draft.match.guesses.get("ordered_at")
        return draft.table == "orders" and id(draft.extract) in lines and (day is None or day.strength is None)

    left = {id(d.extract) for d in drafts if listed and doubled(d)}
    kept: list[Draft] = []
    for draft in drafts:
        if draft.table == "order_lines" and id(draft.extract) in left:
            again = place(connection, draft.extract, words, draft.table)
            kept += [draft] if isinstance(again, Unplaced) else again
        elif draft.table != "orders" or id(draft.extract) not in left:
            kept.append(draft)
    return kept


def _without_undated(drafts: Sequence[Draft]) -> tuple[list[Draft], list[Unplaced]]:
    """A second list of the same things without their day (payments beside orders) is left out, and said so."""
    dated = {d.table: d for d in drafts if (event := SCHEMAS[d.table].event) is None or event in d.match.guesses}
    kept, left = [], []
    for draft in drafts:
        event = SCHEMAS[draft.table].event
        known = event is None or event in draft.match.guesses or event in draft.match.questions
        if known or event not in SCHEMAS[draft.table].required or draft.table not in dated:
            kept.append(draft)
            continue
        why = text(
            "new.unplaced.undated", "it looks like {table}, but no column holds {column}; {file} holds it",
            table=draft.table, column=str(event), file=dated[draft.table].extract.name,
        )  # fmt: skip
        left.append(Unplaced(draft.extract, why, (draft.table,)))
    return kept, left


def _named_customers(
    connection: duckdb.DuckDBPyConnection, drafts: Sequence[Draft], unplaced: Sequence[Unplaced], words: Vocabulary
) -> tuple[list[Draft], list[Unplaced]]:
    """Lists of customers without an id, each with a name of its own, by which other files call them: the name is the id."""
    found: list[Draft] = []
    left: list[Unplaced] = []
    for one in unplaced:
        extract = one.extract
        match = match_columns("customers", extract.facts, words)
        name = match.guesses.get("name")
        column = extract.column(name.own[0]) if name and len(name.own) == 1 else None
        others = [d for d in drafts if "customer_id" in SCHEMAS[d.table].columns and "customer_id" not in d.match.guesses]
        if "customers" not in one.candidates or column is None or column.unique < 1 or column.filled < column.rows:
            left.append(one)
            continue
        gather_ids(connection, [(extract, column.name)])
        by_name = [f for d in others for f in d.extract.facts if could_be_ids(d.extract, f.name)
                   and overlap(connection, d.extract, f.name).share >= KNOWN_SHARE]  # fmt: skip
        if not by_name:
            left.append(one)
            continue
        reason = text("new.reason.named", "each name stands once, and other files call customers by it")
        key = Guess("customer_id", (column.name,), 0.8, reason, None)
        told = {c: g for c, g in match.guesses.items() if column.name not in g.own}
        found.append(Draft(extract, Match("customers", {"customer_id": key, **told}, {}), 0.8))
    return found, left


def _with_customers(connection: duckdb.DuckDBPyConnection, drafts: Sequence[Draft]) -> list[Draft]:
    """Each draft's customer ids compared with the lists of customers: a question answered by the values, or a note."""
    lists = _customer_lists(drafts)
    known = gather_ids(connection, lists)
    drafts = [_beside_others(connection, draft, lists) if draft.table == "customers" else draft for draft in drafts]
    gather_ids(connection, lists)
    return [_compared(connection, draft, known) if draft.table != "customers" and known else draft for draft in drafts]


def _customer_lists(drafts: Sequence[Draft]) -> list[tuple[Extract, str]]:
    return [
        (d.extract, key.own[0])
        for d in drafts
        if d.table == "customers" and d.group is None and (key := d.match.guesses.get("customer_id")) is not None
    ]


def _beside_others(connection: duckdb.DuckDBPyConnection, draft: Draft, lists: Sequence[tuple[Extract, str]]) -> Draft:
    """A list of customers whose ids stand in another list too: the same customers, or other people under the same number."""
    others = [pair for pair in lists if pair[0] is not draft.extract]
    if not others or draft.group is not None or "customer_id" not in draft.match.guesses:
        return draft
    gather_ids(connection, others)
    shared = overlap(connection, draft.extract, draft.match.guesses["customer_id"].own[0])
    if shared.known < 0.02 * shared.ids:
        return draft
    note = text(
        "new.note.shared_ids",
        "{known} of its {ids} ids stand in another list too: the last file counts; are they the same customers?",
        known=count(shared.known), ids=count(shared.ids),
    )  # fmt: skip
    return replace(draft, notes=(*draft.notes, note))


def _compared(connection: duckdb.DuckDBPyConnection, draft: Draft, known: int) -> Draft:
    if "customer_id" not in SCHEMAS[draft.table].columns:
        return draft
    match, extract = draft.match, draft.extract
    guess, question = match.guesses.get("customer_id"), match.questions.get("customer_id")
    taken = {own for g in match.guesses.values() for own in g.own}
    candidates = list(question.candidates) if question else []
    if guess is None and not candidates:
        candidates = [f.name for f in extract.facts if f.name not in taken and could_be_ids(extract, f.name)]
    if guess is not None:
        candidates = [guess.own[0], *guess.others]
    shares = {c: overlap(connection, extract, c) for c in candidates if extract.raw.columns.count(c) == 1}
    fitting = sorted((c for c in shares if shares[c].share >= KNOWN_SHARE), key=lambda c: -shares[c].share)
    if guess is None or (guess.own[0] not in fitting and len(fitting) == 1 and guess.strength != "sure"):
        if len(fitting) != 1 or not could_be_ids(extract, fitting[0]):
            return draft
        part = shares[fitting[0]].share
        reason = text("new.reason.ids", "{part} of its ids stand in the list of customers", part=share(part))
        guess = Guess("customer_id", (fitting[0],), 0.85, reason, None)
        questions = {c: q for c, q in match.questions.items() if c != "customer_id"}
        return replace(draft, match=Match(match.table, {**match.guesses, "customer_id": guess}, questions))
    found = shares.get(guess.own[0])
    if found is None or not found.ids or found.share >= PARTIAL_SHARE:
        return draft
    note = text(
        "new.note.overlap", "{known} of the {ids} different customers it names stand in the lists of customers",
        known=count(found.known), ids=count(found.ids),
    )  # fmt: skip
    return replace(draft, notes=(*draft.notes, note))


def _called(connection: duckdb.DuckDBPyConnection, drafts: Sequence[Draft], words: Vocabulary) -> list[Draft]:
    """Tables without an id of customers, of which a column holds the names, e-mails or phones that one list knows."""
    lists = [d for d in drafts if d.table == "customers" and d.group is None]
    lists = [d for d in lists if len(lists) == 1]
    found = list(drafts)
    for by in _CALLED_BY:
        for known in lists:
            guess = known.match.guesses.get(by)
            if guess is None or len(guess.own) > 1 or known.extract.column(guess.own[0]).unique < 0.98:
                continue
            gather_ids(connection, [(known.extract, guess.own[0])], by=by)
            found = [_called_so(connection, d, by, words) if d not in lists else d for d in found]
    return found


def _called_so(connection: duckdb.DuckDBPyConnection, draft: Draft, by: CalledBy, words: Vocabulary) -> Draft:
    match, extract = draft.match, draft.extract
    if "customer_id" not in SCHEMAS[draft.table].columns or "customer_id" in match.guesses:
        return draft
    meant = {m.column for m in words.of("customer")} | {by}
    shares = {
        f.name: overlap(connection, extract, f.name, by=by).share
        for f in extract.facts
        if f.filled and extract.raw.columns.count(f.name) == 1
        and (f.share(f.emails) > 0.5 if by == "email" else f.share(f.phones) > 0.5 if by == "phone"
             else any(m.column in meant for m in words.of(f.name)))
    }  # fmt: skip
    fitting = [name for name, part in shares.items() if part >= KNOWN_SHARE]
    if len(fitting) != 1:
        return draft
    reason = text("new.reason.called", "{part} of its values stand in the list of customers as {by}",
                  part=share(shares[fitting[0]]), by=by)  # fmt: skip
    guess = Guess("customer_id", (fitting[0],), 0.85, reason, None)
    guesses = {c: g for c, g in match.guesses.items() if g.own != guess.own}
    questions = {c: q for c, q in match.questions.items() if c != "customer_id"}
    return replace(draft, match=Match(match.table, {**guesses, "customer_id": guess}, questions), by=by)


def _partial(connection: duckdb.DuckDBPyConnection, drafts: Sequence[Draft]) -> tuple[int, int] | None:
    orders = [d for d in drafts if d.table == "orders" and "customer_id" in d.match.guesses and d.by == "id"]
    lists = _customer_lists(drafts)
    if not orders or not lists:
        return None
    gather_ids(connection, lists)  # names or telephones may have been compared since
    found = [overlap(connection, d.extract, d.match.guesses["customer_id"].own[0]) for d in orders]
    ids, known = sum(f.ids for f in found), sum(f.known for f in found)
    return (ids, known) if ids and known < PARTIAL_SHARE * ids else None


def _tried(connection: duckdb.DuckDBPyConnection, proposed: ProposedSource, draft: Draft, country: str) -> ProposedSource:
    """What the reader itself cannot read is not proposed: it becomes a question with the reader's words."""
    problems = _problems(connection, draft.extract, proposed.source, country)
    if not problems:
        return proposed
    source, questions, guesses = proposed.source, dict(proposed.questions), dict(proposed.guesses)
    for column in list(source.columns):
        if column in source.todo or not (
            found := _problems(connection, draft.extract, _only(source, _read_with(source, column)), country)
        ):
            continue
        own = guesses.pop(column).own
        why = text("new.question.unreadable", "the reader says: {words}", words=named(found[0].partition(": ")[2]))
        questions[column] = Question(column, own, why)
        source = source.model_copy(
            update={
                "columns": {c: o for c, o in source.columns.items() if c != column},
                "todo": {**source.todo, column: list(own)},
            }
        )
    return replace(proposed, source=source, questions=questions, guesses=guesses)


def _read_with(source: Source, column: str) -> list[str]:
    """A column with what it cannot be read without: how long something took says nothing without the opening."""
    form = source.dates.get(column) if isinstance(source.dates, dict) else None
    return [column, "opened_at"] if form in ELAPSED else [column]


def _problems(connection: duckdb.DuckDBPyConnection, extract: Extract, source: Source, country: str) -> list[str]:
    asked = [c for c in source.todo if c in source.columns]
    kept = _only(source, [c for c in source.columns if c not in asked])
    if not kept.columns:
        return []
    raw = join_files(connection, {0: extract.raw}, kept, "tried")
    return list(type_columns(connection, raw, kept, country, "tried_typed").problems)


def _only(source: Source, columns: Sequence[str]) -> Source:
    """The source with some of its columns, and without constants."""
    dates = source.dates if isinstance(source.dates, dict) else {}
    return source.model_copy(
        update={
            "columns": {c: own for c, own in source.columns.items() if c in columns},
            "constants": {},
            "only": {},
            "values": {c: v for c, v in source.values.items() if c in columns},
            "dates": {c: form for c, form in dates.items() if c in columns} or None,
        }
    )


def _country(drafts: Sequence[Draft]) -> str | None:
    """China where most telephone numbers are Chinese mobiles, else the one country that the customers' regions name."""
    phones = [d.extract.column(g.own[0]) for d in drafts if (g := d.match.guesses.get("phone"))]
    given = sum(f.filled for f in phones)
    foreign = sum(n for f in phones for t, n in f.top if t.startswith("+") and not t.startswith("+86"))
    if given and sum(f.mobiles for f in phones) >= 0.5 * given and not foreign:
        return "CN"
    regions = [d.extract.column(g.own[0]) for d in drafts if (g := d.match.guesses.get("region"))]
    for facts in regions:
        codes: Counter[str] = Counter()
        for words, rows in facts.top:
            if code := territory_code(words):
                codes[code] += rows
        if codes and (most := codes.most_common(1)[0])[1] >= 0.8 * facts.filled:
            return most[0]
    return None


def _currency(drafts: Sequence[Draft], words: Vocabulary) -> str | None:
    """The one currency that amounts, their names or a column of their own show."""
    found: Counter[str] = Counter()
    for draft in drafts:
        found.update(own_currencies(draft.extract))
        for column, guess in draft.match.guesses.items():
            if SCHEMAS[draft.table].columns[column] != "money":
                continue
            facts = draft.extract.column(guess.own[0])
            for code, signs in words.content["currencies"].items():
                if any(sign in facts.currencies or _bracketed(guess.own[0], sign) for sign in signs):
                    found[code] += 1
    return next(iter(found)) if len(found) == 1 else None


def _bracketed(name: str, sign: str) -> bool:
    return any(f"{a}{sign}{b}" in name for a, b in ("()", "[]", "（）", "【】"))

"""A placed table → its source: date orders, units, words for nothing, translations, constants, and notes on damage (D1, D2)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal, cast

from workbook.language import Text, count, share, text
from workbook.settings.models import Source
from workbook.sources.inspection.extracts import Extract
from workbook.sources.inspection.facts import TOP, Facts
from workbook.sources.inspection.match import CHURN_NAMES, Guess, Question
from workbook.sources.inspection.proposal import ProposedSource
from workbook.sources.inspection.scores import SCALES, Scores, answers, read_scores
from workbook.sources.inspection.tables import Draft
from workbook.sources.inspection.vocabulary import Vocabulary, squash
from workbook.sources.mapping import DERIVED_IDS
from workbook.sources.parsing import DAY_FIRST, EXCEL, MONTH_FIRST, UNIX
from workbook.sources.waits import follows_opening
from workbook.tables import SCHEMAS, Kind

Instrument = Literal["nps", "csat", "ces"]
_GROUPED = re.compile(r"-?[1-9][0-9]{0,2}[.][0-9]{3}")

USUAL_MISSING: tuple[str, ...] = tuple(Source.model_fields["missing"].default)


@dataclass
class _Writing:
    """A source in the making."""

    columns: dict[str, str | list[str]]
    constants: dict[str, str] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    only: dict[str, list[str]] = field(default_factory=dict)
    questions: dict[str, Question] = field(default_factory=dict)
    notes: list[Text] = field(default_factory=list)
    column_notes: dict[str, list[Text]] = field(default_factory=dict)
    unit: str = "yuan"
    falling: list[Instrument] = field(default_factory=list)

    def say(self, column: str, note: Text) -> None:
        self.column_notes.setdefault(column, []).append(note)

    def ask(self, column: str, candidates: Sequence[str], why: Text) -> None:
        self.questions[column] = Question(column, tuple(candidates), why)


def describe(draft: Draft, words: Vocabulary) -> ProposedSource:
    """The source that reads a placed table, and what is to be said of it."""
    schema, match, extract = SCHEMAS[draft.table], draft.match, draft.extract
    order = list(schema.columns)
    guesses = {c: match.guesses[c] for c in order if c in match.guesses}
    made = _Writing({c: g.own[0] if len(g.own) == 1 else list(g.own) for c, g in guesses.items()}, notes=list(draft.notes))
    made.questions = {c: match.questions[c] for c in order if c in match.questions}
    made.constants |= draft.constants
    facts = {c: extract.column(g.own[0]) for c, g in guesses.items()}
    for column, guess in guesses.items():
        _say_others(made, column, guess)
        _say_damage(made, column, facts[column])
    _write_dates(made, draft.table, facts, words)
    _ask_decimals(made, facts, schema.columns)
    _write_units(made, facts, words)
    _translate(made, draft.table, guesses, facts, words)
    made.values |= {column: dict(told) for column, told in draft.values.items() if told}
    if draft.only:
        made.only |= {column: sorted(kept) for column, kept in draft.only.items()}
    elif draft.table == "orders":
        _keep_sales(made, facts.get("status"), words)
    if draft.table == "feedback":
        _tell_instrument(made, draft, facts, words)
    _ask_required(made, draft)
    codes = own_currencies(extract)
    if len(codes) > 1 and any(schema.columns[c] == "money" for c in made.columns):
        note = text(
            "new.note.currencies", "amounts in several currencies: {codes}; ask for them in one", codes=", ".join(codes)
        )
        made.notes.append(note)
    guesses = {c: g for c, g in guesses.items() if c in made.columns}
    # "none" is an arm: the one without a measure
    missing = sorted(
        {w for c, f in facts.items() if c in made.columns and c != "arm" for w, _ in f.missing} - set(USUAL_MISSING)
    )
    source = Source(
        table=draft.table, file=extract.file, system=_system(extract.file), sheet=extract.reading.sheet,
        header_row=extract.reading.header_row, encoding=extract.reading.encoding, delimiter=extract.reading.delimiter,
        columns=made.columns, constants=made.constants, dates=made.dates or None, amounts_in=made.unit,
        customers_by=draft.by, values=made.values, low_is_good=made.falling, missing=[*USUAL_MISSING, *missing], only=made.only,
        group={"sum": True, "last": "last", None: False}[draft.group],
        todo={c: list(q.candidates) for c, q in made.questions.items()}, attributes=dict(draft.attributes or {}),
    )  # fmt: skip
    used = (
        set(draft.attributes or ())
        | {own for g in guesses.values() for own in g.own}
        | {own for q in made.questions.values() for own in q.candidates}
    )
    left = tuple(name for name in dict.fromkeys(extract.raw.columns) if name not in used and name)
    return ProposedSource(
        source, guesses, made.questions, draft.confidence, extract.raw.rows, tuple(made.notes),
        {c: tuple(notes) for c, notes in made.column_notes.items()}, left,
    )  # fmt: skip


CURRENCY_NAMES = ("currency", "currencycode", "currencyisocode", "币种", "货币", "币别")


def own_currencies(extract: Extract) -> list[str]:
    """The ISO codes that a column of currencies holds."""
    columns = [f for f in extract.facts if squash(f.name) in CURRENCY_NAMES]
    return sorted({t.upper() for f in columns for t, _ in f.top if re.fullmatch("[A-Za-z]{3}", t)})


def _system(file: str) -> str:
    """The name of a file without its ending and numbers: it tells exports of different systems apart."""
    stem = PurePosixPath(file).name.split(".")[0]
    return re.sub(r"[\s_*?-]*[0-9*?]+[\s_*?-]*", " ", stem).strip(" _-") or stem


def _say_others(made: _Writing, column: str, guess: Guess) -> None:
    if guess.others:
        made.say(column, text("new.note.others", "it could also be {columns}", columns=", ".join(guess.others)))


def _say_damage(made: _Writing, column: str, facts: Facts) -> None:
    if column == "phone" and facts.masked:
        made.say(column, text("new.note.masked", "{n} are masked and lost", n=count(facts.masked)))
    if facts.scientific and (column == "phone" or column.endswith("_id")):
        rounded = text(
            "new.note.scientific",
            "{n} were rounded by a spreadsheet program (1.38E+10) and are lost",
            n=count(facts.scientific),
        )
        made.say(column, rounded)
    if column.endswith("_id") and facts.float_ids:
        made.say(
            column, text("new.note.float_ids", "{n} end in .0, made numbers by a spreadsheet program", n=count(facts.float_ids))
        )
    if facts.relative and facts.dates:
        lost = text(
            "new.note.relative", "{n} only mean something on the day of the export and are lost", n=count(facts.relative)
        )
        made.say(column, lost)


def _write_dates(made: _Writing, table: str, facts: Mapping[str, Facts], words: Vocabulary) -> None:
    required = SCHEMAS[table].required
    for column, f in facts.items():
        if column not in made.columns or not _is_dated(column):
            continue
        unit = words.duration(f.name)[1]
        if unit and not f.dates and follows_opening(table, column):
            made.dates[column] = unit
            continue
        if f.serials and f.share(f.serials) >= 0.9 and f.share(f.dates) < 0.5:
            made.dates[column] = EXCEL
        elif f.epochs and f.share(f.epochs) >= 0.9 and f.share(f.dates) < 0.5:
            made.dates[column] = UNIX
        elif f.order.ambiguous:
            both = f.order.first_high > 0 and f.order.second_high > 0
            why = (
                text("new.question.both_orders", "day and month change places from row to row")
                if both
                else text("new.question.date_order", "day and month cannot be told apart in any of its values")
            )
            if column in required:
                made.ask(column, (DAY_FIRST, MONTH_FIRST), why)
            else:
                own = made.columns.pop(column)
                made.ask(column, (own,) if isinstance(own, str) else own, why)


def _is_dated(column: str) -> bool:
    return any(schema.columns.get(column) in ("date", "time") for schema in SCHEMAS.values())


def _write_units(made: _Writing, facts: Mapping[str, Facts], words: Vocabulary) -> None:
    """The one unit that the names of amounts give; amounts in another one become questions."""
    told = {c: words.unit(f.name) for c, f in facts.items() if c in ("amount", "value", "price", "cost", "discount")}
    units = [unit for unit in told.values() if unit and unit != "unsupported"]
    made.unit = units[0] if units and len(set(units)) == 1 and len(units) == len(told) else "yuan"
    for column, unit in told.items():
        if unit == "unsupported" or (unit not in (None, made.unit)):
            why = text("new.question.unit", "its amounts are in another unit than the rest, or one that cannot be declared")
            made.columns.pop(column, None)
            made.ask(column, (facts[column].name,), why)
        elif unit and unit != "yuan":
            made.say(column, text("new.note.unit", "its name tells the unit of the amounts"))


def _ask_decimals(made: _Writing, facts: Mapping[str, Facts], kinds: Mapping[str, Kind]) -> None:
    """Amounts of which each has a point and three digits behind it: 1.234 may be a thousand and more, or one and a bit."""
    for column, f in facts.items():
        if kinds[column] != "money" or column not in made.columns:
            continue
        grouped = [words for words, _ in f.top if _GROUPED.fullmatch(words)]
        if len(grouped) >= 10 and len(grouped) >= 0.95 * len(f.top):
            why = text(
                "new.question.decimals",
                "{value} may be above a thousand or with three decimals: write decimals: comma or point",
                value=grouped[0],
            )  # fmt: skip
            own = made.columns.pop(column)
            made.ask(column, (own,) if isinstance(own, str) else own, why)


def _translate(made: _Writing, table: str, guesses: Mapping[str, Guess], facts: Mapping[str, Facts], words: Vocabulary) -> None:
    for column, f in facts.items():
        name = f"{table}.{column}"
        if name == "customers.status" and squash(guesses[column].own[0]) in CHURN_NAMES:
            name = "customers.status.churn"
        if name == "tickets.status" and f.filled and f.flags == f.filled:
            name = "tickets.status.answered"
        known: Mapping[str, Sequence[Any]] = words.content["values"].get(name, {})
        ours = {squash(str(theirs)): canonical for canonical, all_ in known.items() for theirs in all_}
        found = {t: ours[squash(t)] for t, _ in f.top if squash(t) in ours and ours[squash(t)] != t}
        if name.endswith(".churn") and len(found) < f.distinct:
            continue
        if found:
            made.values[column] = dict(sorted(found.items()))


def _keep_sales(made: _Writing, status: Facts | None, words: Vocabulary) -> None:
    """Of an order's states those that are sales, where the vocabulary tells some that are none."""
    if status is None or "status" not in made.columns or status.distinct > TOP:
        return
    states = words.content["order_states"]
    finished, unfinished = ({squash(w) for w in states[kind]} for kind in ("finished", "unfinished"))
    if squash(status.name) == "state" and not {squash(t) for t, _ in status.top} & (finished | unfinished):
        del made.columns["status"]  # Kentucky and Ohio are no states of an order
        return
    none = [t for t, _ in status.top if squash(t) in unfinished]
    if not none:
        return
    unknown = [t for t, _ in status.top if squash(t) not in finished | unfinished]
    made.only["status"] = sorted(t for t, _ in status.top if squash(t) not in unfinished)
    rows = sum(n for t, n in status.top if t in none)
    made.say(
        "status",
        text("new.note.states", "{states} are no sales: {n} rows are left out", states=", ".join(sorted(none)), n=count(rows)),
    )
    if unknown:
        made.say("status", text("new.note.unknown_states", "not known, counted as sales: {states}", states=", ".join(unknown)))


def _tell_instrument(made: _Writing, draft: Draft, facts: Mapping[str, Facts], words: Vocabulary) -> None:
    instrument = made.constants.get("instrument")
    if "instrument" not in made.columns and "instrument" not in made.questions and instrument is None:
        instrument = _instrument(draft, words, "score" in made.columns)
        if instrument:
            made.constants["instrument"] = instrument
        else:
            why = text("new.question.instrument", "write nps, csat, ces, review or open under constants")
            made.ask("instrument", (), why)
    score = facts.get("score")
    told = read_scores(score) if score is not None else None
    if score is not None and "score" in made.columns and not (told and told.worded) and _may_be_reversed(score, words):
        own = made.columns.pop("score")
        why = text("new.question.reversed", "is a high score good? Write it under columns; if not, write the instrument under "
                   "low_is_good as well")  # fmt: skip
        made.ask("score", (own,) if isinstance(own, str) else own, why)
        return
    if told is not None and "score" in made.columns:
        _tell_scores(made, told, instrument)
        return
    if score is None or "score" not in made.columns or "scale_max" in made.columns or not score.numbers:
        return
    largest = 10 if instrument == "nps" else _scale(score)
    if largest is None or instrument is None:
        return
    made.constants["scale_max"] = str(largest)
    outside = [t for t, _ in score.top if _number(t) is not None and not 0 <= (_number(t) or 0) <= largest]
    if outside and score.distinct <= TOP:
        made.values["score"] = dict.fromkeys(sorted(outside), "")
        rows = sum(n for t, n in score.top if t in outside)
        made.say(
            "score",
            text(
                "new.note.sentinels", "{values} lie outside the scale of 0 to {most}: no answers ({n} rows)",
                values=", ".join(sorted(outside)), most=count(largest), n=count(rows),
            ),
        )  # fmt: skip
    if instrument != "nps":
        made.say("score", text("new.note.scale", "the scale ends at {most}, by its values", most=count(largest)))


def _may_be_reversed(score: Facts, words: Vocabulary) -> bool:
    name = unicodedata.normalize("NFKC", score.name).casefold()
    return any(str(sign).casefold() in name for sign in words.content["effort"])


def _tell_scores(made: _Writing, told: Scores, instrument: str | None) -> None:
    """Scores in signs or words: what each value means, the end of the scale, and which end is good."""
    made.values["score"] = dict(sorted(told.values.items()))
    if told.highest is not None and "scale_max" not in made.columns:
        made.constants["scale_max"] = str(told.highest)
    elif told.highest is None:
        made.say("score", text("new.note.no_scale", "where the scale ends, none of its values tells: write scale_max"))
    made.say("score", text("new.note.score_words", "its values are no bare numbers: see values for what each one means"))
    if told.falls and instrument in ("nps", "csat", "ces"):
        made.falling.append(cast(Instrument, instrument))
        made.say("score", text("new.note.falls", "its labels say that the lowest score is the best"))
    elif told.falls:
        why = text("new.question.falls", "its labels say that the lowest score is the best: write the instrument under "
                   "low_is_good, and the column under columns")  # fmt: skip
        own = made.columns.pop("score")
        made.ask("score", (own,) if isinstance(own, str) else own, why)


def _instrument(draft: Draft, words: Vocabulary, scored: bool) -> str | None:
    guess = draft.match.guesses.get("score") if scored else draft.match.guesses.get("text")
    names = [squash(guess.own[0])] if guess else []
    whole = squash(f"{draft.extract.file} {draft.extract.reading.sheet or ''}")
    for kind, known in words.content["instruments"].items():
        if any(squash(w) in names for w in known):
            return str(kind)
    for kind in ("nps", "csat", "ces", "review"):
        if any(len(squash(w)) > 2 and squash(w) in whole for w in words.content["instruments"][kind]):
            return kind
    return None if scored else "open"


def _scale(score: Facts) -> int | None:
    told = answers(score) or [(v, n) for t, n in score.top if (v := _number(t)) is not None]
    rows = sum(n for _, n in told)
    for largest in SCALES:
        within = sum(n for v, n in told if 0 <= v <= largest)
        if rows and within >= 0.9 * rows:
            return largest
    return None


def _number(words: str) -> float | None:
    found = re.fullmatch(r"\s*(-?[0-9]+(?:\.[0-9]+)?)\s*(?:星级?|stars?)?\s*", words, re.IGNORECASE)
    return float(found[1]) if found else None


def _ask_required(made: _Writing, draft: Draft) -> None:
    """A required column that no column of the file holds is asked for; so is a customer, without whom much cannot be said."""
    schema = SCHEMAS[draft.table]
    by_customer = (draft.table == "orders" and "customer_id" in made.columns) or draft.attributes is not None
    derived = DERIVED_IDS.get(draft.table) if by_customer else None
    for column in schema.required:
        if column not in {*made.columns, *made.questions, *draft.constants, derived}:
            why = text(
                "new.question.nowhere", "no column of the file holds it; where it is one for all rows, write it under constants"
            )
            made.ask(column, (), why)
    key = draft.match.guesses.get(schema.identity[0]) if len(schema.identity) == 1 else None
    if key is not None and draft.group is None:
        facts = draft.extract.column(key.own[0])
        if facts.filled < facts.rows:
            made.say(
                schema.identity[0], text("new.note.empty_keys", "{n} rows are without", n=count(facts.rows - facts.filled))
            )
        if facts.unique < 1:
            made.say(
                schema.identity[0],
                text("new.note.repeated_keys", "{part} of its values are repeated", part=share(1 - facts.unique)),
            )

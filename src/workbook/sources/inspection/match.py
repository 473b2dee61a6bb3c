"""Which column of a file is which canonical column: by its name, by all its values, with confidence and reason (D1).

A name proposes, the values dispose: a column called "phone" that holds dates is no telephone number, whatever its name.
Where two columns fit alike and neither name is sure, nothing is chosen; the candidates become a question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from workbook.language import Text, text
from workbook.sources.inspection.facts import TOP, Facts
from workbook.sources.inspection.moments import bare_of_time, clock_share, fit_date, fit_wait
from workbook.sources.inspection.scores import read_scores, unclear
from workbook.sources.inspection.vocabulary import Meaning, Strength, Vocabulary, squash
from workbook.sources.waits import follows_opening
from workbook.tables import SCHEMAS, Kind

ENOUGH = 0.7
"""Confidence from which a guess is written; below it is a question."""

WORTH_ASKING = 0.4
"""Confidence from which a column is a candidate of a question."""

_BASE: Mapping[Strength, float] = {"sure": 0.95, "maybe": 0.75, "partly": 0.6}
_LONG_TEXT = ("text", "need", "question", "choices", "evidence", "outcome", "name", "measure")
CHURN_NAMES = ("churn", "churned", "exited", "attrition", "是否流失")
"""Columns that say of each customer whether it left, as yes and no or 1 and 0."""
_ASK_KINDS = ("id", "date", "time", "money", "number", "count", "flag")


@dataclass(frozen=True)
class Guess:
    """One canonical column and the file's own column that it is taken from.

    Attributes:
        column: canonical column.
        own: the file's own column, or several that make one text.
        confidence: from 0 to 1.
        reason: why.
        strength: of the name; ``None`` where the values alone say it.
        others: columns that fit nearly as well.
    """

    column: str
    own: tuple[str, ...]
    confidence: float
    reason: Text
    strength: Strength | None
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """A canonical column for which nothing could be decided, and the file's columns (or date orders) it could be."""

    column: str
    candidates: tuple[str, ...]
    why: Text


@dataclass(frozen=True)
class Match:
    """What a file's columns are, seen as one canonical table."""

    table: str
    guesses: Mapping[str, Guess]
    questions: Mapping[str, Question]


@dataclass(frozen=True)
class _Candidate:
    column: str
    facts: Facts
    confidence: float
    rank: int
    strength: Strength | None
    reason: Text
    said: Text | None = None


def match_columns(table: str, facts: Iterable[Facts], vocabulary: Vocabulary) -> Match:
    """The columns of a file as those of *table*.

    Columns whose name stands twice in the header are no candidates: nobody could tell which one is meant.
    """
    columns = list(facts)
    names = [f.name for f in columns]
    alone = [f for f in columns if names.count(f.name) == 1 and f.name]
    candidates = [c for f in alone for c in _candidates(table, f, vocabulary)]
    candidates += [*_by_values(table, alone, candidates), *_only_day(table, alone, candidates, vocabulary)]
    schema = SCHEMAS[table]
    guesses: dict[str, Guess] = {}
    questions: dict[str, Question] = {}
    used: set[str] = set()
    order = sorted(candidates, key=lambda c: (-c.confidence, c.rank, c.facts.position))
    best_use = {f.name: next((c.column for c in order if c.facts is f), "") for f in alone}
    questions |= _without_doubt_wrong(table, alone, vocabulary)
    for column in sorted(schema.columns, key=lambda c: (c not in schema.required, _best(order, c))):
        fitting = [c for c in order if c.column == column and c.facts.name not in used]
        own = [c for c in fitting if best_use[c.facts.name] == column] or (fitting if column in schema.required else [])
        if not own:
            continue
        questions.pop(column, None)
        first, *rest = own
        rivals = [c for c in rest if c.confidence >= first.confidence - 0.1]
        asked = first.confidence < ENOUGH or (rivals and first.strength != "sure" and schema.columns[column] in _ASK_KINDS)
        if column in schema.identity and rivals and not _decided_by_uniqueness(table, column, first, rivals):
            asked = asked or first.strength != "sure"
        if asked and column in schema.identity and (full := _only_filled([first, *rivals])) and full.confidence >= ENOUGH:
            first, asked = full, False
            rivals = []
        if asked:
            worthy = [c.facts.name for c in own if c.confidence >= WORTH_ASKING]
            if worthy:
                questions[column] = Question(column, tuple(worthy), _why_asked(first, len(worthy)))
            continue
        others = tuple(c.facts.name for c in rivals)
        guesses[column] = Guess(column, (first.facts.name,), first.confidence, first.reason, first.strength, others)
        used.add(first.facts.name)
    _add_clock(table, guesses, questions, alone, used)
    if table == "customers":
        _add_name_parts(guesses, questions, alone, used, vocabulary)
    elif "customer_id" in schema.columns and not {"customer_id"} & (set(guesses) | set(questions)):
        _ask_contacts(questions, [f for f in alone if f.name not in used])
    _ask_doubled(questions, guesses, table, columns, vocabulary)
    _ask_unfit(questions, guesses, table, [f for f in alone if f.name not in used], vocabulary)
    return Match(table, guesses, questions)


def fit(kind: Kind, column: str, facts: Facts, strength: Strength) -> tuple[float, Text | None]:
    """How well all values of a column suit a canonical one, from 0 to 1, and what is to be said of them.

    Args:
        kind: kind of the canonical column.
        column: canonical column.
        strength: how surely the name means it: values that suit many things count less where the name says little.
    """
    if not facts.filled:
        return (0.78 if strength == "sure" else 0.0), text("new.values.none", "it is empty")  # a filled one comes first
    match kind:
        case "id":
            return _fit_id(facts, strength), None
        case "contact" if column == "phone":
            good = facts.share(facts.phones + facts.masked + facts.scientific)
            return (1.0 if good >= 0.6 else 0.0), None
        case "contact" if column == "email":
            return (1.0 if facts.share(facts.emails) >= 0.6 else 0.8 if facts.share(facts.masked) >= 0.6 else 0.0), None
        case "contact":
            return (0.2 if facts.share(facts.emails) > 0.5 or facts.share(facts.numbers) > 0.9 else 1.0), None
        case "time" if follows_opening("tickets", column):
            return fit_wait(facts)
        case "date" | "time":
            return fit_date(facts)
        case "number" if column == "score" and read_scores(facts) is not None:
            return 1.0, None
        case "number" if column == "score" and unclear(facts):
            return 0.0, text("new.values.scores", "its scores are not of one form: two scales, two words for "
                             "one place, or labels that do not tell which end is the good one")  # fmt: skip
        case "money" | "number":
            good = facts.share(facts.numbers + facts.ratings * (column == "score"))
            if kind == "money" and strength == "maybe" and _could_be_pieces(facts):
                return 0.8, text("new.values.pieces", "its values may be numbers of pieces")
            return (0.0 if _is_dates(facts) else 1.0 if good >= 0.9 else 0.8 if good >= 0.5 else 0.0), None
        case "count":
            return (1.0 if facts.share(facts.whole) >= 0.9 else 0.0), None
        case "flag":
            return (1.0 if facts.share(facts.flags) >= 0.9 else 0.0), None
        case _:
            return _fit_text(column, facts, strength)


def _could_be_pieces(facts: Facts) -> bool:
    """Whether amounts look like quantities: small whole numbers, few different ones over many rows."""
    small = facts.most is not None and facts.most <= 100 and all(t.isdigit() for t, _ in facts.top)
    return small and facts.filled >= 50 and facts.share(facts.whole) >= 0.99 and facts.distinct <= 20


def _fit_id(facts: Facts, strength: Strength) -> float:
    fractions = facts.numbers - facts.whole
    if fractions and _codes_with_point(facts):  # 01.017 is a code
        fractions = 0
    if facts.share(facts.scientific) > 0.5 or facts.share(fractions) > 0.1 or facts.share(facts.relative) > 0.5:
        return 0.0
    if _is_dates(facts):
        return 0.0
    if facts.share(facts.emails) > 0.5 or facts.width > (60 if _spaced(facts) else 130):
        return 0.5
    if facts.share(facts.han) > 0.5 and strength != "sure":
        return 0.5  # names of persons or firms, by which records can only be asked about
    if strength == "maybe" and (facts.distinct <= 2 < facts.filled or _spaced(facts) > 0.5):
        return 0.3
    return 1.0


def _codes_with_point(facts: Facts) -> bool:
    """Whether values with a point are written to one length, with zeros at their beginning or end that numbers do not keep."""
    seen = [words for words, _ in facts.top if words.replace(".", "").isdigit() and "." in words]
    zeros = [w for w in seen if w[0] == "0" and w[1] != "."]
    return len(seen) >= 3 and len(zeros) >= 0.5 * len(seen) and len({len(w) for w in seen}) <= 2


def _is_dates(facts: Facts) -> bool:
    """Dates that are no plain numbers: 20250103001 or 20250103 may be an id or an amount as well."""
    return facts.share(facts.dates) > 0.5 and facts.share(facts.numbers) < 0.5


def _spaced(facts: Facts) -> float:
    """Share of the most frequent values in which words stand apart, as in names."""
    rows = sum(n for _, n in facts.top)
    return sum(n for words, n in facts.top if " " in words.strip()) / rows if rows else 0.0


def _fit_text(column: str, facts: Facts, strength: Strength) -> tuple[float, Text | None]:
    if _is_dates(facts) or facts.share(facts.emails) > 0.5:
        return 0.0, None
    left = column == "status" and squash(facts.name) in CHURN_NAMES and facts.share(facts.flags) >= 0.9
    coded = facts.share(facts.whole) > 0.9 and facts.width <= 3 and not left
    if coded and (strength != "sure" or column == "language"):
        return 0.6, text("new.values.codes", "its values are numbers that stand for words")
    # few words over and over name kinds, nobody wrote them; of names there are more, and order lines repeat each
    repeated = facts.filled > 50 * max(facts.distinct, 1) and (column != "name" or facts.distinct <= TOP)
    if column in _LONG_TEXT and strength != "sure" and repeated:
        return 0.0, None
    if column in _LONG_TEXT:
        return (0.3 if facts.share(facts.numbers) > 0.9 else 1.0), None
    if facts.width > 80:
        return 0.3, None
    if facts.share(facts.numbers - facts.whole) > 0.5:
        return 0.2, None  # amounts are no words
    return (0.6 if facts.distinct > 1000 and facts.unique > 0.5 else 1.0), None


def _candidates(table: str, facts: Facts, vocabulary: Vocabulary) -> list[_Candidate]:
    found = []
    bare, unit = vocabulary.duration(facts.name)
    of_wait = [m for m in vocabulary.of(bare) if follows_opening(m.table, m.column)] if unit else []
    for meaning in of_wait or vocabulary.of(facts.name):
        if meaning.table != table or meaning.column not in SCHEMAS[table].columns:
            continue
        kind = SCHEMAS[table].columns[meaning.column]
        factor, said = fit(kind, meaning.column, facts, meaning.strength)
        telling = kind in ("date", "time", "flag") or meaning.column in ("phone", "email")
        bonus = 0.25 if meaning.strength == "partly" and telling and factor == 1 else 0.0
        confidence = round(_BASE[meaning.strength] * factor + bonus, 3)
        if confidence >= WORTH_ASKING:
            reason = _reason(meaning, said, telling=telling)
            found.append(_Candidate(meaning.column, facts, confidence, meaning.rank, meaning.strength, reason, said))
    return found


def _without_doubt_wrong(table: str, columns: list[Facts], vocabulary: Vocabulary) -> dict[str, Question]:
    """Required dates whose column is there, but holds nothing that can be dated: why is said, and no column is offered."""
    found = {}
    for facts in columns:
        for meaning in vocabulary.of(facts.name):
            if meaning.table == table and meaning.column in SCHEMAS[table].required and facts.filled:
                factor, said = fit(SCHEMAS[table].columns[meaning.column], meaning.column, facts, meaning.strength)
                if factor == 0 and said is not None:
                    why = text("new.question.wrong", "{own}: {said}", own=facts.name, said=said)
                    found[meaning.column] = Question(meaning.column, (), why)
    return found


def _ask_contacts(questions: dict[str, Question], columns: list[Facts]) -> None:
    """Where nothing names the customer, an e-mail or mobile number may; whether one is one customer, a person must say."""
    telling = [f for f in columns if f.filled and max(f.share(f.emails), f.share(f.mobiles)) >= 0.9]
    if telling:
        why = text("new.question.contact", "no id of customers; one of these may tell them apart")
        questions["customer_id"] = Question("customer_id", tuple(f.name for f in telling), why)


def _ask_doubled(
    questions: dict[str, Question], guesses: Mapping[str, Guess], table: str, columns: list[Facts], vocabulary: Vocabulary
) -> None:
    names = [f.name for f in columns]
    for name in dict.fromkeys(name for name in names if name and names.count(name) > 1):
        for meaning in vocabulary.of(name):
            if meaning.table == table and meaning.column not in guesses and meaning.column not in questions:
                why = text("new.question.doubled", "two columns of the file have this name: rename one of them in the file")
                questions[meaning.column] = Question(meaning.column, (name,), why)


def _ask_unfit(
    questions: dict[str, Question], guesses: Mapping[str, Guess], table: str, columns: list[Facts], vocabulary: Vocabulary
) -> None:
    """A sure name over values that do not suit it (amounts with decimal commas) is not passed over in silence."""
    for facts in columns:
        for m in vocabulary.of(facts.name):
            if m.table != table or m.strength != "sure" or m.column in guesses or m.column in questions or not facts.filled:
                continue
            factor, said = fit(SCHEMAS[table].columns[m.column], m.column, facts, m.strength)
            if factor == 0:
                why = said or text("new.question.unfit", "its values do not suit its name")
                questions[m.column] = Question(m.column, (facts.name,), why)


def _by_values(table: str, columns: list[Facts], named: list[_Candidate]) -> list[_Candidate]:
    """E-mails and mobile numbers of customers are known without a name, where one column holds them."""
    if table != "customers":
        return []
    found = []
    for column, enough in (("email", 0.9), ("phone", 0.95)):
        if any(c.column == column for c in named):
            continue
        holding = [f for f in columns if f.filled >= 5 and f.share(_of_kind(f, column)) >= enough and f.unique > 0.3]
        if len(holding) == 1 and not any(c.facts is holding[0] for c in named):
            reason = text("new.reason.values", "nearly all its values are of this kind")
            found.append(_Candidate(column, holding[0], 0.85, 0, None, reason))
    return found


def _only_day(table: str, columns: list[Facts], named: list[_Candidate], vocabulary: Vocabulary) -> list[_Candidate]:
    """The day of what happened, where no name tells it and one column alone holds days, of a name that says nothing else."""
    event = SCHEMAS[table].event
    if event not in SCHEMAS[table].required or any(c.column == event for c in named):
        return []
    days = [f for f in columns if f.share(f.dates) >= 0.95 or f.share(f.epochs) >= 0.95]
    if len(days) != 1 or days[0].filled < 20 or any(c.facts is days[0] for c in named) or vocabulary.of(days[0].name):
        return []
    reason = text("new.reason.only_day", "no other column holds days")
    return [_Candidate(str(event), days[0], 0.72, 0, None, reason)]


def _of_kind(facts: Facts, column: str) -> int:
    # any number of some digits passes for a telephone number: only mobiles are telling
    return facts.emails if column == "email" else facts.mobiles


def _best(order: list[_Candidate], column: str) -> float:
    return -max((c.confidence for c in order if c.column == column), default=0.0)


def _decided_by_uniqueness(table: str, column: str, first: _Candidate, rivals: list[_Candidate]) -> bool:
    unique_key = SCHEMAS[table].identity == (column,)
    return unique_key and first.facts.unique > 0.99 and all(c.facts.unique < 0.9 for c in rivals)


def _only_filled(candidates: list[_Candidate]) -> _Candidate | None:
    """The one of several that every row has, where the others lack more than a few (totals at the end): no row can do
    without its id."""
    full = [c for c in candidates if c.facts.filled == c.facts.rows]
    lacking = all(c.facts.filled < 0.98 * c.facts.rows for c in candidates if c not in full)
    return full[0] if len(full) == 1 < len(candidates) and lacking else None


def _reason(meaning: Meaning, said: Text | None, *, telling: bool) -> Text:
    if said is not None:
        return text("new.reason.said", "by its name; {said}", said=said)
    if meaning.strength == "sure":
        return text("new.reason.sure", "by its name, and its values fit")
    if meaning.strength == "maybe":
        return text("new.reason.maybe", "by its name in a table of this kind, and its values fit")
    if telling:
        return text("new.reason.partly_values", "by the end of its name and by its values")
    return text("new.reason.partly", "by the end of its name")


def _why_asked(first: _Candidate, candidates: int) -> Text:
    if candidates > 1:
        return text("new.question.several", "several columns fit alike")
    if first.said is not None:
        return first.said
    return text("new.question.unsure", "its name leaves doubt")


def _add_name_parts(
    guesses: dict[str, Guess], questions: dict[str, Question], columns: list[Facts], used: set[str], vocabulary: Vocabulary
) -> None:
    """A first and a last name make the name, where no column holds it whole."""
    whole = guesses.get("name")
    if whole is not None and whole.strength == "sure" and whole.own[0] not in _part_names(columns, vocabulary):
        return
    for first, second in vocabulary.content["name_parts"].values():
        parts = [next((f for f in columns if _is_one_of(f.name, words)), None) for words in (first, second)]
        if all(part is not None and part.name not in used - set(whole.own if whole else ()) for part in parts):
            own = tuple(part.name for part in parts if part is not None)
            reason = text("new.reason.parts", "put together from the parts of the name")
            guesses["name"] = Guess("name", own, 0.9, reason, "sure")
            questions.pop("name", None)
            used.update(own)
            return


def _add_clock(
    table: str, guesses: dict[str, Guess], questions: dict[str, Question], columns: list[Facts], used: set[str]
) -> None:
    """The time of day beside the day of what happened, where the two stand in columns of their own: Date and Time."""
    event = str(SCHEMAS[table].event)
    guess = guesses.get(event)
    if guess is None or SCHEMAS[table].columns[event] != "time" or len(guess.own) != 1:
        return
    day = next(f for f in columns if f.name == guess.own[0])
    clocks = [f for f in columns if f.name not in used and clock_share(f) >= 0.95 and f.filled >= 0.9 * day.filled]
    clocks = [f for f in clocks if bare_of_time(f.name) in ("", bare_of_time(day.name))]
    if day.share(day.dates - day.times) < 0.9 or len(clocks) != 1:
        return
    reason = text("new.reason.day_and_clock", "the day and its time of day, put together")
    guesses[event] = replace(guess, own=(day.name, clocks[0].name), reason=reason)
    used.add(clocks[0].name)
    for column in [c for c, q in questions.items() if clocks[0].name in q.candidates]:
        del questions[column]


def _part_names(columns: list[Facts], vocabulary: Vocabulary) -> set[str]:
    words = [word for pair in vocabulary.content["name_parts"].values() for part in pair for word in part]
    return {f.name for f in columns if _is_one_of(f.name, words)}


def _is_one_of(name: str, words: Iterable[str]) -> bool:
    return squash(name) in {squash(word) for word in words}

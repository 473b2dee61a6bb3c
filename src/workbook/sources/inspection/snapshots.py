"""Files with a row a customer and columns of their own: lists without ids; lists that say who has left, not when (D1, L4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from workbook.language import Text, number, text
from workbook.sources.inspection.extracts import Extract
from workbook.sources.inspection.facts import Facts
from workbook.sources.inspection.match import Guess, Match, Question, fit, match_columns
from workbook.sources.inspection.tables import Draft
from workbook.sources.inspection.vocabulary import Vocabulary, bare_name, squash
from workbook.tables import Kind

FEWEST_MONTHS, MOST_MONTHS = 15, 240
"""A largest value between them is one of months: of years it would be too long, of days too short."""

MONTH_SIGNS = ("month", "月")
"""What in the name of a column says that it counts months."""

NUMBERS_FROM = 10
"""Different numbers from which a column is kept as a number; fewer are as good as words."""

_PERSONAL = ("name", "phone", "email", "birthday", "union_id", "registration_id", "postcode", "owner")


def snapshot_of(extract: Extract, vocabulary: Vocabulary) -> Draft | None:
    """The contracts that a file tells of by months and a flag; None where it does not say who has left, or names days.

    The day of the snapshot stands in no such file and is asked for, and so is who is meant where no column says so.
    """
    words = vocabulary.content["snapshots"]
    left = [f for f in _called(extract, words["ended"]) if f.distinct == 2 and fit("flag", "ended", f, "sure")[0] > 0]
    if len(left) != 1 or any(f.share(f.dates) > 0.5 and f.share(f.numbers) < 0.5 for f in extract.facts):
        return None
    reason = text("new.reason.snapshot", "by its name in a list that says who has left, and its values fit")
    guesses = {"ended": Guess("ended", (left[0].name,), 0.9, reason, "sure")}
    questions = {
        "noted_at": Question("noted_at", (), text("new.question.snapshot_day", "of which day is this list? It names none"))
    }
    people = match_columns("customers", extract.facts, vocabulary)
    key = people.guesses.get("customer_id")
    if key is not None and extract.column(key.own[0]).unique == 1:
        guesses["customer_id"] = key
    else:
        questions["customer_id"] = _whose_row()
    _tell(extract, words["months"], "months", "number", guesses, questions)
    _tell(extract, words["value"], "value", "money", guesses, questions)
    taken = {own for guess in guesses.values() for own in guess.own}
    taken |= {own for question in questions.values() for own in question.candidates}
    taken |= {own for column in _PERSONAL if (g := people.guesses.get(column)) for own in g.own}
    note = text("new.note.snapshot", "a list that says who has left, but not when: how long customers stay is learned from it, "
                "and from its other columns what announces that they leave")  # fmt: skip
    return Draft(extract, Match("contracts", guesses, questions), 0.85, None, (note,),
                 attributes=attributes_of(f for f in extract.facts if f.name not in taken))  # fmt: skip


def responses_of(extract: Extract, vocabulary: Vocabulary) -> list[Draft]:
    """The customers whom one campaign reached, and who of them responded; empty where a file does not say so.

    The campaign's day stands in no such file and is asked for; it is called by the name of the file.
    """
    words = vocabulary.content["snapshots"]["responded"]
    said = [f for f in _called(extract, words) if f.distinct == 2 and fit("flag", "response", f, "sure")[0] > 0]
    people = match_columns("customers", extract.facts, vocabulary)
    key = people.guesses.get("customer_id")
    if len(said) != 1 or key is None or extract.column(key.own[0]).unique < 1:
        return []
    reason = text("new.reason.response", "by its name in a list of customers, and its values fit")
    guesses = {"customer_id": key, "response": Guess("response", (said[0].name,), 0.8, reason, "maybe")}
    day = text("new.question.campaign_day", "on which day were these customers reached? The list names none")
    note = text("new.note.response", "a list that says who responded to one campaign: it is called by the file's name")
    taken = {*key.own, said[0].name, *(own for c in _PERSONAL if (g := people.guesses.get(c)) for own in g.own)}
    return [
        Draft(extract, Match("customers", {"customer_id": key}, {}), 0.7,
              attributes=attributes_of(f for f in extract.facts if f.name not in taken)),
        Draft(extract, Match("campaign_contacts", guesses, {"contacted_at": Question("contacted_at", (), day)}), 0.7, None,
              (note,), constants={"campaign_id": PurePath(extract.file).name.split(".")[0]}),
    ]  # fmt: skip


def nameless_customers(extract: Extract, vocabulary: Vocabulary) -> Draft | None:
    """The customers of a list without ids, each row asked to be one; None where it knows nothing of what a customer is."""
    match = match_columns("customers", extract.facts, vocabulary)
    taken = {own for guess in match.guesses.values() for own in guess.own}
    taken |= {own for question in match.questions.values() for own in question.candidates}
    own = attributes_of(f for f in extract.facts if f.name not in taken)
    if not match.guesses or not own:
        return None
    return Draft(extract, Match("customers", match.guesses, {**match.questions, "customer_id": _whose_row()}), 0.7,
                 attributes=own)  # fmt: skip


def _whose_row() -> Question:
    why = text("new.question.rows", "no column names the customers; the constant row number counts each row as one")
    return Question("customer_id", (), why)


def attributes_of(facts: Iterable[Facts]) -> dict[str, Kind]:
    """Columns that tell what a customer is like, as text or number: none that names, reaches or numbers them."""
    found: dict[str, Kind] = {}
    for one in facts:
        numeric = one.share(one.numbers) >= 0.98 and one.distinct > NUMBERS_FROM
        naming = one.filled > NUMBERS_FROM and (_numbered(one) if numeric else one.unique > 0.9)
        personal = max(one.share(one.emails), one.share(one.mobiles)) > 0.1
        if one.name and one.distinct > 1 and not naming and not personal:
            found[one.name] = "number" if numeric else "text"
    return found


def _numbered(facts: Facts) -> bool:
    """Whether whole numbers are ids: each once, one after the other or all of one length."""
    if facts.unique < 1 or facts.whole < facts.numbers or facts.least is None or facts.most is None:
        return False
    return facts.most - facts.least < 1.5 * facts.filled or len(f"{facts.least:.0f}") == len(f"{facts.most:.0f}")


def _called(extract: Extract, names: Sequence[str]) -> list[Facts]:
    known = {squash(name) for name in names}
    alone = [f for f in extract.facts if extract.raw.columns.count(f.name) == 1]
    return [f for f in alone if squash(bare_name(f.name)) in known or squash(f.name) in known]


def _tell(
    extract: Extract, names: Sequence[str], column: str, kind: Kind, guesses: dict[str, Guess], questions: dict[str, Question]
) -> None:
    """The one column of such a name as a guess; several, or months that may be years or days, as a question."""
    fitting = [f for f in _called(extract, names) if fit(kind, column, f, "sure")[0] == 1]
    if not fitting:
        return
    candidates = tuple(f.name for f in fitting)
    if len(fitting) > 1:
        questions[column] = Question(column, candidates, text("new.question.snapshot_several", "several columns may be it"))
    elif column == "months" and (doubt := _doubt(fitting[0])) is not None:
        questions[column] = Question(column, candidates, doubt)
    else:
        said = text("new.reason.months", "by its name, and its largest value is one of months") if column == "months" else (
            text("new.reason.monthly", "by its name")
        )  # fmt: skip
        guesses[column] = Guess(column, candidates, 0.8, said, "maybe")


def _doubt(months: Facts) -> Text | None:
    if any(sign in months.name.casefold() for sign in MONTH_SIGNS) or FEWEST_MONTHS < (months.most or 0) <= MOST_MONTHS:
        return None
    return text("new.question.months", "its values reach to {most}: are they months, and not years or days?",
                most=number(float(months.most or 0)))  # fmt: skip

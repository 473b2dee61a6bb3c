"""Surveys with a row a respondent and a column a question, whose header is the question's text (D1, V1)."""

from __future__ import annotations

import re

from workbook.language import Text, text
from workbook.sources.inspection.extracts import Extract
from workbook.sources.inspection.facts import TOP, Facts
from workbook.sources.inspection.match import Guess, Match, Question, match_columns
from workbook.sources.inspection.scores import read_scores
from workbook.sources.inspection.tables import Draft
from workbook.sources.inspection.vocabulary import Vocabulary

FEWEST_QUESTIONS = 2
"""So many columns headed by questions make a survey; one alone may be anything."""

_ABOUT = {
    "nps": re.compile(r"recommend|推荐|推薦|empfehlen|weiterempf", re.I),
    "ces": re.compile(r"\b(easy|ease|effort|difficult)|容易|费力|轻松|困难|einfach|leicht|aufwand", re.I),
    "csat": re.compile(r"satisf|happy with|满意|滿意|zufrieden", re.I),
}
_ASKS = re.compile(
    r"[?？]\s*$|^(q|question|frage|题|第)\s*\d+.*\s|\b(how|what|why|which|would you|do you|did you|please)\b.* "
    r"|\b(wie|was|warum|welche)\b.* |请问|您|如何|哪些|哪种|为什么|多大程度|是否愿意", re.I,
)  # fmt: skip


_OPEN = re.compile(
    r"\b(reason|why|comments?|suggest\w*|tell us|warum|grund|vorschl\w*)\b|原因|为什么|建议|意见|还想|哪些方面", re.I
)
"""Words of a question that asks for words, however few different answers it got."""

_ASIDE = re.compile(r"^(q|题|第)?\s*\d+\s*[、.．):）题]?\s*|请(填写|输入|选择)|[您你]的|\byour\b|\bplease enter\b", re.I)
"""What a survey tool and politeness put around the name of a column."""


def survey_of(extract: Extract, vocabulary: Vocabulary) -> list[Draft]:
    """The answers of a survey, a draft a question; empty where fewer than :data:`FEWEST_QUESTIONS` columns ask anything.

    The instrument is that which the question's words name; a question that asks for a score and names none is asked about.
    """
    asked = [f for f in extract.facts if is_question(f, vocabulary) and extract.raw.columns.count(f.name) == 1 and f.filled]
    if len(asked) < FEWEST_QUESTIONS:
        return []
    others = match_columns("feedback", [f for f in extract.facts if f not in asked], vocabulary)
    kept = ("feedback_id", "customer_id", "given_at", "channel", "language", "weight", "order_id", "ticket_id")
    guesses = {column: guess for column, guess in others.guesses.items() if column in kept}
    questions = {column: question for column, question in others.questions.items() if column in kept}
    return [_draft(extract, one, guesses, questions) for one in asked]


def is_question(facts: Facts, vocabulary: Vocabulary) -> bool:
    """Whether the header of a column is a question: words that ask, long, and no name that the vocabulary knows whole."""
    name = " ".join(facts.name.split())
    long = len(name) >= 15 or (facts.name and sum("\u4e00" <= sign <= "\u9fff" for sign in name) >= 6)
    known = vocabulary.knows(name) or vocabulary.knows(" ".join(_ASIDE.sub(" ", name).split()))
    return bool(long and _ASKS.search(name) and not known)


def _draft(extract: Extract, asked: Facts, guesses: dict[str, Guess], questions: dict[str, Question]) -> Draft:
    reason = text("new.reason.question", "its header is a question, and its values are answers")
    constants, questions = {"question": " ".join(asked.name.split())}, dict(questions)
    about = next((name for name, words in _ABOUT.items() if words.search(asked.name)), None)
    scored = read_scores(asked) is not None or _is_scale(asked)
    column = "score" if scored else "choices" if _is_choice(asked) and not _OPEN.search(asked.name) else "text"
    if about == "nps" and scored and not _reaches_ten(asked):
        about = None  # a recommendation on another scale is no net promoter score
    if scored and about is None:
        questions["instrument"] = Question("instrument", (), _which())
    constants |= {"instrument": "open" if column == "text" else "choice"} if not scored else (
        {"instrument": about} if about else {}
    )  # fmt: skip
    found = {**guesses, column: Guess(column, (asked.name,), 0.8, reason, "maybe")}
    note = text("new.note.survey", "a survey with a column a question: this source reads “{question}”", question=asked.name)
    return Draft(extract, Match("feedback", found, questions), 0.8, None, (note,), constants=constants)


def _which() -> Text:
    return text(
        "new.question.survey_instrument", "the question asks for a score and does not tell of what: write nps, csat or ces "
        "under constants, or another word to keep it out of these figures"
    )  # fmt: skip


def _is_scale(facts: Facts) -> bool:
    whole = facts.share(facts.whole) >= 0.9 and facts.distinct <= 20
    return whole and facts.most is not None and facts.least is not None and facts.least >= 0 and facts.most <= 100


def _is_choice(facts: Facts) -> bool:
    return facts.distinct <= TOP and facts.filled >= 5 * facts.distinct


def _reaches_ten(facts: Facts) -> bool:
    told = read_scores(facts)
    return told.highest == 10 if told else facts.most is not None and 7 < facts.most <= 10

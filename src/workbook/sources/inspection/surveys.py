"""Surveys with a row a respondent and a column a question, whose header is the question's text (D1, V1)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from workbook.language import Text, text
from workbook.sources.inspection.extracts import Extract
from workbook.sources.inspection.facts import TOP, Facts
from workbook.sources.inspection.match import Guess, Match, Question, match_columns
from workbook.sources.inspection.scores import answers, read_scores
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


_RANGE = re.compile(r"\d+\s*(?:-|–|—|~|～|to|bis|至|到)\s*\d+", re.I)
"""The scale that a label names: “Satisfaction 1-5”."""

_OPTION = re.compile(r"\s*(?:[-–—:：]\s*([^-–—:：]*)|[(（]([^()（）]*)[)）])\s*$")
"""What stands behind a question whose options have columns of their own; `voice.choices` parts it off in the same way."""


def survey_of(extract: Extract, vocabulary: Vocabulary) -> list[Draft]:
    """The answers of a survey, a draft a question; empty where fewer than :data:`FEWEST_QUESTIONS` columns ask anything.

    The instrument is that which the question's words name; a question that asks for a score and names none is asked about.
    """
    options = _options(extract.facts)
    asked = [f for f in extract.facts if (is_question(f, vocabulary) or f.name in options)
             and extract.raw.columns.count(f.name) == 1 and f.filled]  # fmt: skip
    if len(asked) < FEWEST_QUESTIONS:
        return []
    bare = {f.name: _bare(f.name, vocabulary) for f in extract.facts if f not in asked}
    named = [replace(f, name=bare[f.name]) for f in extract.facts if f not in asked]
    own = {name: full for full, name in bare.items()}
    others = match_columns("feedback", named, vocabulary)
    kept = ("feedback_id", "customer_id", "given_at", "channel", "language", "weight", "order_id", "ticket_id")
    guesses = {column: replace(guess, own=tuple(own[n] for n in guess.own), others=tuple(own.get(n, n) for n in guess.others))
               for column, guess in others.guesses.items() if column in kept}  # fmt: skip
    questions = {column: replace(question, candidates=tuple(own.get(name, name) for name in question.candidates))
                 for column, question in others.questions.items() if column in kept}  # fmt: skip
    return [_draft(extract, one, guesses, questions, options.get(one.name)) for one in asked]


def _bare(name: str, vocabulary: Vocabulary) -> str:
    """The name of a column without what a survey tool puts around it, where the vocabulary knows only that."""
    bare = " ".join(_ASIDE.sub(" ", name).split())
    return bare if vocabulary.knows(bare) and not vocabulary.knows(name) else name


def _options(columns: Sequence[Facts]) -> dict[str, str]:
    """Columns of 0 and 1, several of which are headed by one question with an option behind it: header → option."""
    marked = {}
    for facts in columns:
        found = _OPTION.search(facts.name)
        if found and facts.filled and {word.strip() for word, _ in facts.top} <= {"0", "1"}:
            marked[facts.name] = (facts.name[: found.start()], (found[1] or found[2] or "").strip())
    often = Counter(stem for stem, _ in marked.values())
    return {name: option for name, (stem, option) in marked.items() if stem.strip() and option and often[stem] > 1}


def is_question(facts: Facts, vocabulary: Vocabulary) -> bool:
    """Whether the header of a column is a question: words that ask, long, and no name that the vocabulary knows whole; or the
    label of a scale that names what is rated and its ends."""
    name = " ".join(facts.name.split())
    long = len(name) >= 15 or (facts.name and sum("\u4e00" <= sign <= "\u9fff" for sign in name) >= 6)
    readings = [words for words in (name, " ".join(_ASIDE.sub(" ", name).split())) if vocabulary.knows(words)]
    # a question that is known to ask for a score or for words is a question all the same
    known = any(meaning.column not in ("score", "text") for words in readings for meaning in vocabulary.of(words))
    rated = _RANGE.search(name) and any(words.search(name) for words in _ABOUT.values()) and _is_scale(facts)
    return bool(((long and _ASKS.search(name)) or rated) and not known)


def _draft(
    extract: Extract, asked: Facts, guesses: dict[str, Guess], questions: dict[str, Question], option: str | None
) -> Draft:
    reason = text("new.reason.question", "its header is a question, and its values are answers")
    constants, questions = {"question": " ".join(asked.name.split())}, dict(questions)
    about = next((name for name, words in _ABOUT.items() if words.search(asked.name)), None)
    scored = option is None and (read_scores(asked) is not None or _is_scale(asked))
    chosen = option is not None or (_is_choice(asked) and not _OPEN.search(asked.name))
    column = "score" if scored else "choices" if chosen else "text"
    if about == "nps" and scored and not _reaches_ten(asked):
        about = None  # a recommendation on another scale is no net promoter score
    if scored and about is None:
        questions["instrument"] = Question("instrument", (), _which())
    constants |= {"instrument": "open" if column == "text" else "choice"} if not scored else (
        {"instrument": about} if about else {}
    )  # fmt: skip
    found = {**guesses, column: Guess(column, (asked.name,), 0.8, reason, "maybe")}
    note = text("new.note.survey", "a survey with a column a question: this source reads “{question}”", question=asked.name)
    return Draft(extract, Match("feedback", found, questions), 0.8, None, (note,), constants=constants,
                 values={"choices": {"0": "", "1": option}} if option else {})  # fmt: skip


def _which() -> Text:
    return text(
        "new.question.survey_instrument", "the question asks for a score and does not tell of what: write nps, csat or ces "
        "under constants, or another word to keep it out of these figures"
    )  # fmt: skip


def _is_scale(facts: Facts) -> bool:
    told = answers(facts) if facts.distinct <= 20 and facts.share(facts.whole) >= 0.9 else []
    return bool(told) and all(0 <= value <= 100 for value, _ in told)


def _is_choice(facts: Facts) -> bool:
    return facts.distinct <= TOP and facts.filled >= 5 * facts.distinct


def _reaches_ten(facts: Facts) -> bool:
    told = read_scores(facts)
    return told.highest == 10 if told else 7 < max((value for value, _ in answers(facts)), default=0) <= 10

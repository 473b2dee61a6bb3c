"""Scores that are not written as bare numbers: stars, “4 out of 5”, “4 stars”, words from best to worst (D1, V2).

A column is read whole or not at all: one value that does not fit its form, two scales, or two words for one place leave it
to a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbook.sources.inspection.facts import TOP, Facts
from workbook.sources.inspection.vocabulary import squash, vocabulary

SCALES = (5, 7, 10, 100)
"""Highest scores in use, the smallest first."""

CODES_FROM = 66
"""Smallest number that may be a code for no answer beside scores up to 10."""

_BARE = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
_STARS = re.compile(r"([★⭐🌟]\ufe0f?)*[☆✩]*")
_OF = re.compile(
    r"([0-9]+(?:\.[0-9]+)?)\s*(?:/|out of|of|von|sur|分?[,，(（/]?\s*满分)\s*([0-9]+)\s*(?:分|stars?|星|points?)?[)）]?", re.I
)
_UNIT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:stars?|points?|pts?|Sterne?|Punkte?|颗?星级?|分)", re.I)
_NAMED = re.compile(r"([0-9]{1,2})\s*(?:[=:：.、)）(（–—-]\s*|\s)([^0-9]*?[^\W\d_][^0-9]*?)[)）]?")


@dataclass(frozen=True)
class Scores:
    """What the values of a column mean.

    Attributes:
        values: the file's value → the score; empty where the values are bare numbers.
        highest: end of the scale; None where only the instrument can tell.
        falls: whether the lowest score is the best, where words beside the numbers say so.
        worded: whether words tell which end is good.
    """

    values: Mapping[str, str]
    highest: int | None
    falls: bool = False
    worded: bool = False


def read_scores(facts: Facts) -> Scores | None:
    """The scores that the values of a column write in one form; None where they are bare numbers, or not of one form.

    Args:
        facts: of a column with at most :data:`TOP` different values.
    """
    if not facts.filled or facts.distinct > TOP or facts.share(facts.numbers) >= 0.9:
        return None
    words = [word for word, _ in facts.top]
    return _stars(words) or _of(words) or _unit(words) or _named(words) or _words(words)


def answers(facts: Facts) -> list[tuple[float, int]]:
    """The bare numbers of a column with their rows, without codes for no answer: numbers below 0 or from :data:`CODES_FROM` on,
    where all others and most rows are scores up to 10 (-1, 88, 98, 99, -99 of survey tools).

    Args:
        facts: of a column with at most :data:`TOP` different values.
    """
    numbers = [(float(word), n) for word, n in facts.top if _BARE.fullmatch(word.strip())]
    scores = [(value, n) for value, n in numbers if 0 <= value <= 10]
    codes = [value for value, _ in numbers if not 0 <= value <= 10]
    coded = all(value < 0 or value >= CODES_FROM for value in codes)
    return scores if coded and 2 * sum(n for _, n in scores) > sum(n for _, n in numbers) else numbers


def unclear(facts: Facts) -> bool:
    """Whether signs, words or labels of scores stand among the values, and yet :func:`read_scores` cannot read them as one."""
    if facts.distinct > TOP or read_scores(facts) is not None:
        return False
    return facts.ratings > 0 or any((match := _NAMED.fullmatch(word)) and _place(match[2]) is not None for word, _ in facts.top)


def _stars(words: Sequence[str]) -> Scores | None:
    if not all(word and _STARS.fullmatch(word) for word in words):
        return None
    bare = {word: word.replace("\ufe0f", "") for word in words}
    full = {word: sum(bare[word].count(sign) for sign in "★⭐🌟") for word in words}
    lengths = {len(text) for text in bare.values()}
    hollow = any(sign in text for text in bare.values() for sign in "☆✩")
    if hollow and len(lengths) > 1:
        return None
    highest = lengths.pop() if hollow else _scale(max(full.values()))
    return None if highest is None else Scores({word: str(n) for word, n in full.items()}, highest)


def _of(words: Sequence[str]) -> Scores | None:
    found = {word: _OF.fullmatch(word) for word in words}
    read = {word: match for word, match in found.items() if match}
    ends = {int(match[2]) for match in read.values()}
    if len(read) < len(words) or len(ends) != 1 or any(float(match[1]) > int(match[2]) for match in read.values()):
        return None
    return Scores({word: match[1] for word, match in read.items()}, ends.pop())


def _unit(words: Sequence[str]) -> Scores | None:
    found = {word: _UNIT.fullmatch(word) for word in words}
    read = {word: match[1] for word, match in found.items() if match}
    return Scores(read, _scale(max(map(float, read.values())))) if len(read) == len(words) else None


def _named(words: Sequence[str]) -> Scores | None:
    """“1 = sehr gut” beside “2” … “5 = ungenügend”: numbers, some or all of them with words; these tell which end is good."""
    found = {word: _NAMED.fullmatch(word) for word in words}
    read = {word: match[1] if match else word for word, match in found.items()}
    named = {int(match[1]): place for match in found.values() if match and (place := _place(match[2])) is not None}
    if not named or not all(number.isdigit() for number in read.values()):
        return None
    least, most = min(map(int, read.values())), max(map(int, read.values()))
    good = {number for number, place in named.items() if place >= 4}
    bad = {number for number, place in named.items() if place <= 2}
    middle = (least + most) / 2
    rises = all(n > middle for n in good) and all(n < middle for n in bad)
    falls = all(n < middle for n in good) and all(n > middle for n in bad)
    # a scale that falls is turned round at its end, which must be told
    if rises == falls or (falls and most not in named):
        return None
    return Scores(read, most if most in named else _scale(most), falls, True)


def _words(words: Sequence[str]) -> Scores | None:
    """Words of one scale from best to worst; each place of the five at most once."""
    for family in _families():
        places = {squash(str(word)): place for place, known in family.items() for word in known}
        found = {word: int(str(places[squash(word)])) for word in words if squash(word) in places}
        if len(found) == len(words) and len(set(found.values())) == len(words) >= 2:
            return Scores({word: str(place) for word, place in found.items()}, 5, worded=True)
    return None


def _families() -> list[Mapping[object, Sequence[str]]]:
    """Scales in words, each by the place of five."""
    content = vocabulary().content
    return [content["values"]["feedback.score"], *content["score_words"].values()]


def _place(words: str) -> int | None:
    """1 (worst) to 5 (best) for words that stand in any scale."""
    for family in _families():
        for place, known in family.items():
            if squash(words) in {squash(str(word)) for word in known}:
                return int(str(place))
    return None


def _scale(most: float) -> int | None:
    return next((largest for largest in SCALES if most <= largest), None)

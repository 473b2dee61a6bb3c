"""The answers of a filled questionnaire form as rows of the table ``feedback``; what is wrong is told all at once (V1, V2)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence

import pandas as pd

from workbook.errors import SettingsError, WorkbookError
from workbook.settings.models import Name
from workbook.voice.questionnaires import HEAD, Item, read_questionnaire

FEEDBACK: tuple[str, ...] = (
    "feedback_id", "customer_id", "given_at", "channel", "instrument", "question", "score", "scale_max", "choices", "text",
)  # fmt: skip

MOST_FAULTS = 20
"""Faults of a form that are told one by one; how many more there are is said after them."""

_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%d.%m.%Y")
_WHOLE = re.compile(r"(\d+)(?:\.0+)?\s*(?:分|/\s*(\d+))?")
_PARTS, _MORE_PARTS = re.compile(r"\s*[;；\n]\s*"), re.compile(r"\s*[;；\n,，、/|]\s*")


def feedback_of(name: str, answers: pd.DataFrame, where: str) -> pd.DataFrame:
    """The answers of a filled form as rows of the table ``feedback``.

    Args:
        name: the questionnaire.
        answers: the sheet of answers as text, its index the row's number in the sheet: columns begin with ``respondent``,
            ``given_at`` … or a question's id and a colon.
        where: the file, for messages.

    Returns:
        One row an answer given, in the order of the form; columns ``FEEDBACK``. Scores of questions whose high end is bad are
        turned round; choices stand in the form's language, whichever they were answered in.

    Raises:
        WorkbookError: where a column lacks, nothing is filled in, or an answer is none of what may be answered.
    """
    asked = read_questionnaire(name)
    columns = {_key(str(column)): column for column in answers.columns}
    wanted = [*HEAD, *(item.id for item in asked.items)]
    if missing := [key for key in wanted if key not in columns]:
        raise WorkbookError(
            f"{where}: no column begins with {', '.join(missing)}; fill the form of `workbook questionnaire {name}`"
        )
    told = pd.DataFrame({key: answers[columns[key]].fillna("").astype(str).str.strip() for key in wanted})
    told = told[(told[[item.id for item in asked.items]] != "").any(axis=1)]
    if told.empty:
        raise WorkbookError(f"{where}: found no answer; fill in a row for each respondent")
    faults: list[tuple[int, str]] = []
    told["given_at"] = _days(told["given_at"], faults)
    told["respondent"] = told["respondent"].where(told["respondent"] != "", "row " + told.index.astype(str))
    for row in told.index[told["respondent"].duplicated()]:
        first = told.index[told["respondent"] == told.loc[row, "respondent"]][0]
        faults.append((int(row), f"respondent: found {told.loc[row, 'respondent']!r} again (row {first}), expected a number "
                       "of each respondent's own; number the row anew, or delete it where it stands twice"))  # fmt: skip
    language = "zh" if re.search("[\u4e00-\u9fff]", str(columns["respondent"])) else "en"
    parts = [_rows(name, item, told[told[item.id] != ""], language, faults) for item in asked.items]
    if faults:
        raise SettingsError(_said(faults, where))
    rows = pd.concat(parts).sort_index(kind="stable")
    return rows[list(FEEDBACK)].reset_index(drop=True)


def _said(faults: Sequence[tuple[int, str]], where: str) -> list[str]:
    told = [f"{where}: row {row}, {words}" for row, words in sorted(faults, key=lambda fault: fault[0])]
    rest = len(told) - MOST_FAULTS
    return [*told[:MOST_FAULTS], f"{where}: {rest} more faults of the kinds above"] if rest > 0 else told


def _key(column: str) -> str:
    return column.replace("：", ":").partition(":")[0].split("(")[0].split("（")[0].strip()


def _days(given: pd.Series, faults: list[tuple[int, str]]) -> pd.Series:
    """Days as 2025-12-31, from any form that leaves no doubt."""
    days = []
    for row, words in given.items():
        day = _day(str(words))
        if day is None:
            found = f": found {words!r}, expected the day of the answer" if words else " is empty; write the day of the answer"
            faults.append((int(str(row)), f"given_at{found}, such as 2025-12-31"))
        days.append(day.isoformat() if day else "")
    return pd.Series(days, index=given.index, dtype="str")


def _day(words: str) -> dt.date | None:
    words = re.sub(r"[ T]\d{1,2}:\d{2}(:\d{2})?(\.\d+)?$", "", words.strip())
    for form in _DAYS:
        try:
            return dt.datetime.strptime(words, form).date()
        except ValueError:
            continue
    return None


def _rows(name: str, item: Item, told: pd.DataFrame, language: str, faults: list[tuple[int, str]]) -> pd.DataFrame:
    """The rows of one question; what is no answer to it is added to the faults."""
    rows = pd.DataFrame(
        {
            # numbers of respondents begin anew on every form
            "feedback_id": told["given_at"] + " " + told["respondent"] + f"/{item.id}", "customer_id": told["customer_id"],
            "given_at": told["given_at"], "channel": told["channel"], "instrument": item.instrument or item.kind,
            "question": f"{name}.{item.id}", "score": "", "scale_max": "", "choices": "", "text": "",
        },
        index=told.index,
    )  # fmt: skip
    if item.kind == "open":
        return rows.assign(instrument="open", text=told[item.id])
    read = [_score(item, words) if item.kind == "scale" else _chosen(item, words, language) for words in told[item.id]]
    for row, words, answer in zip(told.index, told[item.id], read, strict=True):
        if answer is None:
            faults.append((int(row), f"{item.id}: found {words[:60]!r}, expected {_expected(item, language)}"))
    kept = pd.Series([answer or "" for answer in read], index=told.index, dtype="str")
    return rows.assign(score=kept, scale_max=str(item.highest)) if item.kind == "scale" else rows.assign(choices=kept)


def _score(item: Item, words: str) -> str | None:
    """The score as it counts: a whole number of the scale, or the words of one of its ends."""
    lowest, highest = int(item.lowest or 0), int(item.highest or 0)
    ends = _in_both(item.ends)
    if found := _WHOLE.fullmatch(words):
        score = int(found[1])
        if not lowest <= score <= highest or int(found[2] or highest) != highest:
            return None
    else:
        named = [re.split(r"\s+[–—-]\s+", both.lower()) for both in ends]
        score = next((end for low_high in named for end, word in zip((lowest, highest), low_high, strict=False)
                      if word == words.lower()), -1)  # fmt: skip
        if score < 0:
            return None
    return str(lowest + highest - score if item.reverse else score)


def _chosen(item: Item, words: str, language: str) -> str | None:
    """The choices in the form's language, whichever they were made in; None where one is none of them."""
    known = {both.lower(): _in(choice, language) for choice in item.choices for both in _in_both(choice)}
    splits = [[words.strip()]] if item.kind == "single" else [_PARTS.split(words.strip(" ;；")), _MORE_PARTS.split(words)]
    for parts in splits:
        chosen = [known.get(part.lower()) for part in parts if part]
        if chosen and all(chosen):
            return ";".join(dict.fromkeys(str(choice) for choice in chosen))
    return None


def _expected(item: Item, language: str) -> str:
    if item.kind == "scale":
        ends = _in(item.ends, language)
        return f"{item.lowest} to {item.highest} ({ends})" if ends else f"{item.lowest} to {item.highest}"
    options = " / ".join(_in(choice, language) for choice in item.choices)
    return f"one of {options}" if item.kind == "single" else f"any of {options}, with ; between"


def _in(name: Name, language: str) -> str:
    return name if isinstance(name, str) else name.get(language) or next(iter(name.values()))


def _in_both(name: Name) -> list[str]:
    """A name in every language it stands in."""
    return list(name.values()) if isinstance(name, Mapping) else [name]

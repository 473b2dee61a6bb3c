"""What people say of doubtful pairs (D4): the review file read back, and the precision that its answers tell.

Stage 2 writes ``lists/link_review.<language>.xlsx``. A consultant fills in its last column and saves it under any name that
begins with ``link_review`` in the client's ledger folder, ``data/<client>/ledger/``, where what was decided lies and is backed
up; the next run reads every such file (Excel or CSV, either language). The ids of the pairs decide, so rows may be left out,
sorted or gathered from several files.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook

from workbook.errors import DeliveryError
from workbook.language import LANGUAGES, Edition, Text, text
from workbook.sources.delivery import AnswerFile
from workbook.sources.link import PAIR_IDS

ANSWER_COLUMNS = (*PAIR_IDS, "answer")


def answer_words() -> dict[str, Text]:
    """What may be answered."""
    return {
        "same": text("links.same", "same customer"),
        "different": text("links.different", "different customers"),
        "unsure": text("links.unsure", "unsure"),
    }


def head_words() -> dict[str, Text]:
    """The heads of the columns by which an answer is found again."""
    return {
        "source_a": text("links.source_a", "System A"),
        "id_a": text("links.id_a", "Number in A"),
        "source_b": text("links.source_b", "System B"),
        "id_b": text("links.id_b", "Number in B"),
        "answer": text("links.answer", "Same customer?"),
    }


def read_answers(files: Sequence[AnswerFile]) -> pd.DataFrame:
    """All answers: source_a, id_a, source_b, id_b, answer (same, different, unsure); empty cells are no answers.

    Raises:
        DeliveryError: with every file that is no review file, every word that is no answer and every contradiction.
    """
    problems: list[str] = []
    answers: dict[frozenset[tuple[str, str]], tuple[str, str, tuple[str, ...]]] = {}
    for file in files:
        for place, row, answer in _answers_of(file, problems):
            key = frozenset([(row[0], row[1]), (row[2], row[3])])
            before = answers.get(key)
            if before is not None and before[0] != answer:
                problems.append(
                    f"{place}: found {answer!r} for {row[0]} {row[1]} and {row[2]} {row[3]}; expected {before[0]!r} as in "
                    f"{before[1]}; say the same in both or empty one of them"
                )
            answers.setdefault(key, (answer, place, row))
    if problems:
        raise DeliveryError(problems)
    return pd.DataFrame([(*row, answer) for answer, _, row in answers.values()], columns=list(ANSWER_COLUMNS), dtype="str")


def _answers_of(file: AnswerFile, problems: list[str]) -> Iterable[tuple[str, tuple[str, ...], str]]:
    """Place, ids and answer of each filled row."""
    words = _codes({name: (name, *_both(word)) for name, word in answer_words().items()})
    heads = _codes({name: (name, *_both(word)) for name, word in head_words().items()})
    try:
        sheets = _sheets(file.path)
    except (OSError, CalamineError, UnicodeDecodeError, csv.Error) as fault:
        problems.append(
            f"{file.name}: found a file that cannot be read ({fault}); expected a filled review file; save it again"
        )
        return
    found = False
    for name, rows in sheets:
        columns = {heads[_plain(cell)]: place for place, cell in enumerate(rows[0]) if _plain(cell) in heads} if rows else {}
        if set(columns) != set(ANSWER_COLUMNS):
            continue
        found = True
        for number, row in enumerate(rows[1:], start=2):
            cells = {column: row[place] if place < len(row) else "" for column, place in columns.items()}
            where = f"{file.name}, {name}row {number}"
            given = _plain(cells["answer"])
            if given and given not in words:
                allowed = ", ".join(word for code in answer_words() for word in (code, *_both(answer_words()[code])[1:]))
                problems.append(f"{where}: found the answer {cells['answer']!r}; expected one of {allowed}; correct it")
            elif given:
                yield where, tuple(str(cells[column]).strip().removeprefix("'") for column in PAIR_IDS), words[given]
    if not found:
        wanted = ", ".join(word.render(Edition("en")) for word in head_words().values())
        problems.append(f"{file.name}: found no sheet with the columns {wanted}; expected a filled review file; save it whole")


def _sheets(path: Path) -> list[tuple[str, list[list[str]]]]:
    if path.suffix.lower() == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [("", [list(row) for row in csv.reader(file)])]
    book = CalamineWorkbook.from_path(str(path))
    return [
        (f"sheet {name}, ", [[_cell(c) for c in row] for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False)])
        for name in book.sheet_names
    ]


def _cell(value: object) -> str:
    """A cell as text; a spreadsheet program may have made a number of an id."""
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


def _both(words: Text) -> tuple[str, ...]:
    return tuple(words.render(Edition(language)) for language in LANGUAGES)


def _codes(words: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {_plain(word): code for code, all_words in words.items() for word in all_words}


def _plain(word: object) -> str:
    return "".join(str(word).split()).lower()

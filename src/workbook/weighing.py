"""Pairwise comparisons on paper: a sheet for each expert to fill in, and the filled ones read back into the parameters (T2)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook

from workbook.errors import SettingsError, WorkbookError
from workbook.grading.ahp import Weights
from workbook.grading.composite import compare
from workbook.language import Edition, Language, Text, named, text
from workbook.period import Period
from workbook.report.blocks import Column, Sheet, Table
from workbook.report.excel import About, write_excel
from workbook.settings.models import Comparison, Grading, Settings
from workbook.settings.reading import read_settings
from workbook.settings.writing import Change, write_period

SCALE = [str(n) for n in range(9, 1, -1)] + ["1"] + [f"1/{n}" for n in range(2, 10)]
"""Saaty's scale: 1 as important as, 3 somewhat, 5 clearly, 7 much, 9 utterly more; fractions the other way round."""

_ID = re.compile(r"([^/|]+)/([^/|]+)(?:\|(.+))?")


@dataclass(frozen=True)
class Read:
    """What reading did.

    Attributes:
        path: the parameter file that was written.
        weights: what the comparisons now give, set by set.
        pairs: expert → number of pairs judged.
    """

    path: Path
    weights: Mapping[str, Weights]
    pairs: Mapping[str, int]


def write_sheet(home: Path, client: str, period: Period, path: Path, language: Language) -> Path:
    """Write the sheet in which one expert compares the groups of indices, and the indices of each group, pair by pair.

    Args:
        home: the folder that holds ``params/``.
        path: the Excel file to write; its folder exists.
        language: language of the sheet.

    Raises:
        WorkbookError: where there is nothing to compare, or the file cannot be written.
    """
    settings = read_settings(home, client, period)
    sheets = [_sheet(among, items) for among, items in _sets(settings.grading).items()]
    if not sheets:
        raise WorkbookError(f"{client} {period}: found nothing to compare, expected two groups, or two indices in one group")
    about = About(
        text("grading.sheet.title", "Pairwise comparisons (AHP)"),
        named(settings.client.name),
        period,
        (
            text(
                "grading.sheet.how",
                "For each pair choose how many times the first weighs more than the second: 1 the same, 3 somewhat, 5 clearly, "
                "7 much, 9 utterly more; 1/3, 1/5 … where the second weighs more. A pair that you cannot judge stays empty.",
            ),
        ),
        settings.client.synthetic,
    )
    return write_excel(path, sheets, Edition(language, settings.currency), about)


def read_sheets(home: Path, client: str, period: Period, paths: Sequence[Path]) -> Read:
    """Read filled sheets, one an expert (named after the file), into the parameters of *period*.

    An expert's earlier comparisons are replaced; those of others stay. Nothing is written where a sheet cannot be read or the
    comparisons together contradict each other beyond the limit.

    Raises:
        SettingsError: with every fault of every sheet.
    """
    settings = read_settings(home, client, period)
    sets = _sets(settings.grading)
    fresh: list[Comparison] = []
    problems: list[str] = []
    for path in paths:
        judged, faults = _judged(path, sets)
        problems += faults
        fresh += [Comparison(expert=path.stem, among=among or None, pairs=pairs) for among, pairs in judged.items()]
        if not judged and not faults:
            problems.append(f"{path}: found no judgement, expected a choice in at least one row; fill it in")
    if problems:
        raise SettingsError(problems)
    experts = {path.stem for path in paths}
    kept = [c for c in settings.grading.comparisons if c.expert not in experts]
    together = [*kept, *fresh]
    weights = compare(settings.grading.model_copy(update={"comparisons": together}))
    plain = [_plain(comparison) for comparison in together]
    because = text("grading.sheet.because", "Pairwise comparisons of {n} experts.", n=str(len({c.expert for c in together})))
    change = Change(plain, because.render(Edition(settings.languages[0])))
    written = write_period(home, client, period, {"grading.comparisons": change})
    return Read(written, weights, {e: sum(len(c.pairs) for c in fresh if c.expert == e) for e in sorted(experts)})


def present_weights(home: Path, client: str, period: Period) -> tuple[Settings, Mapping[str, Weights]]:
    """The settings of a period, and the weights that their comparisons give, set by set."""
    settings = read_settings(home, client, period)
    return settings, compare(settings.grading)


def told(grading: Grading, compared: Mapping[str, Weights], edition: Edition) -> str:
    """The weights of groups and indices in lines, with what the experts' comparisons agree and disagree on."""
    lines: list[str] = []
    for among in ("", *(group.id for group in grading.groups)):
        items: Sequence[Any] = [i for i in grading.indices if i.group == among] if among else grading.groups
        weights = compared.get(among)
        given = weights.by_item if weights else {item.id: 1.0 if item.weight is None else item.weight for item in items}
        whole = sum(given.values())
        lines.append(among or "groups")
        lines += [f"  {item.id:<24} {given[item.id] / whole:>6.1%}  {named(item.name).render(edition)}" for item in items]
        if weights:
            lines += [f"  {block.title.render(edition)}" for block in weights.blocks() if isinstance(block, Table)]
    return "\n".join(lines)


def _sets(grading: Grading) -> dict[str, dict[str, Text]]:
    """What is compared with each other: the groups under ``""``, the indices of each group under its id."""
    sets = {"": {group.id: named(group.name) for group in grading.groups}}
    sets |= {g.id: {i.id: named(i.name) for i in grading.indices if i.group == g.id} for g in grading.groups}
    return {among: items for among, items in sets.items() if len(items) > 1}


def _sheet(among: str, items: Mapping[str, Text]) -> Sheet:
    ids = list(items)
    rows = [(f"{a}/{b}" + (f"|{among}" if among else ""), items[a], "", items[b])
            for place, a in enumerate(ids) for b in ids[place + 1 :]]  # fmt: skip
    columns = (
        Column("first", text("grading.sheet.first", "The first")),
        Column("times", text("grading.sheet.times", "weighs how many times")),
        Column("second", text("grading.sheet.second", "the second")),
        Column("pair", text("grading.sheet.pair", "Pair (leave as it is)")),
    )
    name = named(among) if among else text("grading.sheet.groups", "Groups")
    frame = pd.DataFrame(rows, columns=["pair", "first", "times", "second"], dtype=object)
    title = text("grading.sheet.title", "Pairwise comparisons (AHP)")
    choices = {"times": tuple(named(step) for step in SCALE)}
    return Sheet(name, Table(f"grading.sheet.{among or 'groups'}", title, columns, frame), choices)


def _judged(path: Path, sets: Mapping[str, Mapping[str, Text]]) -> tuple[dict[str, dict[str, str | float]], list[str]]:
    """Set → pair → judgement of one filled sheet, and what is wrong with it. Rows are known by the pair in their last cell."""
    judged: dict[str, dict[str, str | float]] = {}
    faults: list[str] = []
    try:
        with CalamineWorkbook.from_path(path) as book:
            sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    except (CalamineError, OSError) as fault:
        return {}, [f"{path}: found {fault}; expected an Excel file made by `workbook weights CLIENT --sheet`"]
    for name, number, row in ((name, n, row) for name, rows in sheets.items() for n, row in enumerate(rows, start=1)):
        cells = [str(cell).strip() for cell in row]
        places = [k for k, cell in enumerate(cells) if _known(cell, sets)]
        if not places or places[0] < 2:
            continue
        found = _ID.fullmatch(cells[places[0]])
        value = cells[places[0] - 2]
        if found is None or not value:
            continue
        said = _times(row[places[0] - 2])
        if said is None:
            faults.append(f"{path}, sheet {name}, row {number}: found {value[:40]!r}, expected one of {', '.join(SCALE)}")
            continue
        judged.setdefault(found[3] or "", {})[f"{found[1]}/{found[2]}"] = said
    return judged, faults


def _known(cell: str, sets: Mapping[str, Mapping[str, Text]]) -> bool:
    found = _ID.fullmatch(cell)
    return bool(found) and {found[1], found[2]} <= set(sets.get(found[3] or "", ())) if found else False


def _times(cell: Any) -> str | float | None:
    """A judgement: a number above 0, or a fraction as text."""
    try:
        value = Fraction(str(cell).replace(" ", "")) if isinstance(cell, str) else Fraction(float(cell)).limit_denominator(1000)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        return None
    if not 0 < value <= 100:
        return None
    return int(value) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


def _plain(comparison: Comparison) -> dict[str, Any]:
    return comparison.model_dump(mode="json", exclude_none=True)

"""Values that say the same in another form – spaces taken off, a phone in one form, an amount without its sign – counted (D2).

Nothing is changed without a name: each rule has its count, and an example that is masked where it is personal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import duckdb

from workbook.settings.models import Source
from workbook.sources.masking import shown_value
from workbook.sources.parsing import RATING, literal
from workbook.sources.typed import Cell, Held, RawSource, Repair

FORM_REPAIRS = (
    "spaces_and_widths", "word_for_missing", "word_translated", "phone_form", "amount_form", "date_form",
)  # fmt: skip
"""Rules that lose nothing: the value is the same, or was none."""

_FORMS = {"money": "amount_form", "number": "amount_form", "count": "amount_form", "date": "date_form", "time": "date_form"}
_PLAIN = {
    "amount_form": "'-?[0-9]+(\\.[0-9]+)?'",
    "date_form": "'[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?'",
}


_TEXT_RULES = {1: "spaces_and_widths", 2: "word_for_missing", 4: "word_translated"}
"""Bit of ``f_<column>`` → what became of the text."""


def form_flags(held: Held) -> str:
    """The column ``f_<column>`` of the table of texts: which of the rules changed a cell, as bits."""
    if not held.compared:
        return ""
    own, tidied, text = f'"h_{held.column}"', f'"u_{held.column}"', f'"t_{held.column}"'
    meaning = f"case when {text} is null then 2 when {text} <> {tidied} then 4 else 0 end::utinyint"
    bits = f"({own} <> {tidied})::utinyint + {meaning}"
    return f", case when {tidied} <> '' then {bits} else 0::utinyint end as \"f_{held.column}\""


def count_forms(
    connection: duckdb.DuckDBPyConnection,
    raw: RawSource,
    texts: str,
    relation: str,
    held: Sequence[Held],
    cells: Sequence[Cell],
    source: Source,
) -> list[Repair]:
    """What was brought to another form, by file, column and rule.

    Args:
        texts: the table of texts, with the bits of :func:`form_flags`.
        relation: the typed source, with ``t_<column>`` beside each column that was read from text.
    """
    return [*_of_text(connection, raw, texts, held, source), *_of_values(connection, relation, cells, source)]


def _of_text(
    connection: duckdb.DuckDBPyConnection, raw: RawSource, texts: str, held: Sequence[Held], source: Source
) -> Iterator[Repair]:
    """Cells whose text was tidied, emptied as a word for missing, or translated."""
    compared = [one for one in held if one.compared]
    if not compared:
        return
    bits = ", ".join(f'max("f_{one.column}")' for one in compared)
    most = connection.execute(f"select {bits} from {texts}").fetchall()[0]
    found: dict[tuple[int, int, int], tuple[int, str]] = {}
    for place, (one, flags) in enumerate(zip(compared, most, strict=True)):
        if not flags:
            continue
        flag = f'"f_{one.column}"'
        rows = connection.execute(
            f"select _file, {flag}, count(*), min({one.own}), min({one.tidy}) from {raw.relation} "
            f"join (select _file, _row, {flag} from {texts} where {flag} > 0) using (_file, _row) group by all"
        ).fetchall()
        for file, changed, number, own, tidied in rows:
            for rule, bit in enumerate(_TEXT_RULES):
                if changed & bit:
                    example = own if bit == 1 else tidied
                    before, least = found.get((file, place, rule), (0, example))
                    found[file, place, rule] = before + number, min(least, example)
    for (file, place, rule), (number, example) in sorted(found.items()):
        column = compared[place].column
        yield Repair(file, column, list(_TEXT_RULES.values())[rule], number, shown_value(source.table, column, example, 40))


def _of_values(connection: duckdb.DuckDBPyConnection, relation: str, cells: Sequence[Cell], source: Source) -> Iterator[Repair]:
    """Cells that were read, and stood in the file in another form than the plain one."""
    changed = [(cell, rule, condition) for cell in cells if cell.fallible for rule, condition in _changed(cell)]
    if not changed:
        return
    counts = ", ".join(
        f'count(*) filter ({condition}), min("t_{cell.column}") filter ({condition})' for cell, _, condition in changed
    )
    rows = connection.execute(f"select _file, {counts} from {relation} group by _file order by _file").fetchall()
    for file, *found in rows:
        for i, (cell, rule, _) in enumerate(changed):
            number, example = found[2 * i : 2 * i + 2]
            if number:
                yield Repair(file, cell.column, rule, number, shown_value(source.table, cell.column, example, 40))


def _changed(cell: Cell) -> Iterator[tuple[str, str]]:
    value, text = f'"{cell.column}"', f'"t_{cell.column}"'
    if cell.column == "phone":
        yield "phone_form", f"{value} <> {text}"
    rule = _FORMS.get(cell.kind)
    if rule:
        yield rule, f"{value} is not null and not regexp_full_match({text}, {_PLAIN[rule]})"


def several_scales(
    connection: duckdb.DuckDBPyConnection, raw: RawSource, held: str, own: str, told: Collection[str]
) -> list[str]:
    """The fault of a column of scores that tell different scales, as 4/5 beside 8/10: as bare numbers they would be mixed.

    Args:
        held: cell of the column in the source's relation.
        own: the column as its file calls it.
        told: values of the file for which the settings say what they mean.
    """
    known = ", ".join(map(literal, told)) or "null"
    found = connection.execute(
        f"""
        select min(words) from (select lower(trim({held})) as words, trim({held}) as own from {raw.relation})
        where regexp_full_match(words, '{RATING}') and coalesce(own not in ({known}), true)
        group by regexp_extract(words, '{RATING}', 4) order by 1
        """
    ).fetchall()
    if len(found) < 2:
        return []
    shown = ", ".join(repr(words) for (words,) in found)
    return [f"{raw.name}: found scores of several scales such as {shown} in {own!r}; expected one scale; say under "
            "sources.values what each value means, and its end as scale_max"]  # fmt: skip

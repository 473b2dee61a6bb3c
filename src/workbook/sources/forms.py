"""Values that say the same in another form – spaces taken off, a phone in one form, an amount without its sign – counted (D2).

Nothing is changed without a name: each rule has its count, and an example that is masked where it is personal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb

from workbook.settings.models import Source
from workbook.sources.masking import shown_value
from workbook.sources.typed import Cell, RawSource, Repair

FORM_REPAIRS = (
    "spaces_and_widths", "word_for_missing", "word_translated", "phone_form", "amount_form", "date_form",
)  # fmt: skip
"""Rules that lose nothing: the value is the same, or was none."""

_FORMS = {"money": "amount_form", "number": "amount_form", "count": "amount_form", "date": "date_form", "time": "date_form"}
_PLAIN = {
    "amount_form": "'-?[0-9]+(\\.[0-9]+)?'",
    "date_form": "'[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?'",
}


def count_forms(
    connection: duckdb.DuckDBPyConnection, raw: RawSource, relation: str, cells: Sequence[Cell], source: Source
) -> list[Repair]:
    """What was brought to another form, by file, column and rule.

    Args:
        relation: the typed source, with ``t_<column>`` beside each column that was read from text.
    """
    return [*_of_text(connection, raw, cells, source), *_of_values(connection, relation, cells, source)]


def _of_text(connection: duckdb.DuckDBPyConnection, raw: RawSource, cells: Sequence[Cell], source: Source) -> Iterator[Repair]:
    """Cells whose text was tidied, emptied as a word for missing, or translated."""
    own = {cell.column: source.columns.get(cell.column) for cell in cells}
    places = {column: raw.columns.index(name) for column, name in own.items() if isinstance(name, str)}
    texts = [cell for cell in cells if cell.column in places and raw.types[places[cell.column]] == "VARCHAR"]
    if not texts:
        return
    held = ", ".join(f'c{places[c.column]} as "h_{c.column}", {c.tidy} as "u_{c.column}"' for c in texts)
    read = ", ".join(f'"h_{c.column}", "u_{c.column}", {c.text} as "t_{c.column}"' for c in texts)
    counts = ", ".join(part for c in texts for part in _text_counts(c.column))
    rows = connection.execute(
        f"select _file, {counts} from (select _file, {read} from (select _file, {held} from {raw.relation})) "
        "group by _file order by _file"
    ).fetchall()
    for file, *found in rows:
        for i, cell in enumerate(texts):
            for j, rule in enumerate(("spaces_and_widths", "word_for_missing", "word_translated")):
                number, example = found[6 * i + 2 * j : 6 * i + 2 * j + 2]
                if number:
                    yield Repair(file, cell.column, rule, number, shown_value(source.table, cell.column, example, 40))


def _text_counts(column: str) -> Iterator[str]:
    held, tidied, text = f'"h_{column}"', f'"u_{column}"', f'"t_{column}"'
    for condition, example in (
        (f"{held} <> {tidied} and {tidied} <> ''", held),
        (f"{tidied} <> '' and {text} is null", tidied),
        (f"{text} <> {tidied}", tidied),
    ):
        yield f"count(*) filter ({condition})"
        yield f"min({example}) filter ({condition})"


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

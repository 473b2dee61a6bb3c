"""What a comparison says, in words: lists of rows that the screen and the page show alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from workbook.diff.reasons import Cause, ValueChange
from workbook.diff.tables import ColumnChange, Kind, TableChange, as_words
from workbook.diff.whole import Difference, KpiChange
from workbook.language import Edition, Text, Unit, count, format_value, joined, named, text
from workbook.report.cells import mask
from workbook.report.words import block_words, chapter_name
from workbook.stages import STAGES

Name = Literal["kpis", "files", "rows", "inherited", "parameters", "code", "tables", "columns", "examples", "blocks"]
DIGITS: Mapping[Unit, int] = {"share": 1, "points": 1, "hours": 2, "days": 1, "months": 1, "score": 1}
"""Decimals of KPIs, so that a small change shows; other units as sentences have them."""

PERSONAL = ("name", "phone", "email", "birthday", "union_id")
"""Columns whose values are masked wherever they are shown."""


@dataclass(frozen=True)
class Listing:
    """One list of a comparison.

    Attributes:
        sentence: what the list comes to, complete without its rows.
        head: words above the columns.
        numeric: for each column whether it holds numbers.
        rows: cells in words, one tuple a line.
    """

    name: Name
    heading: str
    sentence: str
    head: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]


def title(difference: Difference) -> Text:
    """The message: what of the key figures moved, or that nothing did."""
    moved = sum(kpi.changed for kpi in difference.kpis)
    names = {"before": difference.before.label, "after": difference.after.label}
    if difference.same:
        return text("diff.title.same", "{after} against {before}: no result differs", **names)
    if not moved:
        return text("diff.title.no_kpi", "{after} against {before}: no KPI differs, other results do", **names)
    return text(
        "diff.title.kpis", "{after} against {before}: {moved} of {kpis} KPIs differ",
        moved=count(moved), kpis=count(len(difference.kpis)), **names,
    )  # fmt: skip


def lead(difference: Difference) -> tuple[Text, ...]:
    """What kind of comparison this is, and what can have made the difference."""
    kind = (
        text("diff.lead.runs", "Two results of one period: what differs comes from data, parameters or code that changed.")
        if difference.same_period
        else text("diff.lead.periods", "Two periods: the data are other data by nature, so figures move with time as well.")
    )
    causes = difference.reasons.causes
    if causes:
        names = joined([cause_name(cause) for cause in causes])
        return kind, text("diff.lead.causes", "What went in differs in: {causes}.", causes=names)
    if difference.same:
        return kind, text("diff.lead.nothing", "Data, parameters and code are the same on both sides.")
    return kind, text(
        "diff.lead.unexplained",
        "Data, parameters and code are the same on both sides by the manifests, so the results should be too: "
        "verify both periods.",
    )


def cause_name(cause: Cause) -> Text:
    """The kind of a reason."""
    return {
        "data": text("diff.cause.data", "data"),
        "parameters": text("diff.cause.parameters", "parameters"),
        "code": text("diff.cause.code", "code"),
    }[cause]


def listings(difference: Difference, edition: Edition) -> tuple[Listing, ...]:
    """All lists of a comparison, in the order in which they are told."""
    return (
        _kpis(difference, edition),
        _files(difference, edition),
        _rows(difference, edition),
        _inherited(difference, edition),
        _parameters(difference, edition),
        _code(difference, edition),
        _tables(difference, edition),
        _columns(difference, edition),
        _examples(difference, edition),
        _blocks(difference, edition),
    )


def _listing(
    name: Name,
    heading: Text,
    sentence: Text,
    head: Sequence[Text | str],
    numeric: str,
    rows: Sequence[tuple[str, ...]],
    e: Edition,
) -> Listing:
    words = tuple(h if isinstance(h, str) else h.render(e) for h in head)
    return Listing(name, heading.render(e), sentence.render(e), words, tuple(c == "n" for c in numeric), tuple(rows))


def _kpis(difference: Difference, e: Edition) -> Listing:
    clear = [kpi for kpi in difference.kpis if kpi.movement in ("better", "worse")]
    moved = sum(kpi.changed for kpi in difference.kpis)
    sentence = text(
        "diff.kpis.sentence", "{moved} of {kpis} differ; clearly better: {better}, clearly worse: {worse}.",
        moved=count(moved), kpis=count(len(difference.kpis)), better=count(sum(k.movement == "better" for k in clear)),
        worse=count(sum(k.movement == "worse" for k in clear)),
    ) if clear else text(
        "diff.kpis.plain", "{moved} of {kpis} differ.", moved=count(moved), kpis=count(len(difference.kpis))
    )  # fmt: skip
    head = (text("diff.head.kpi", "KPI"), difference.before.label, difference.after.label,
            text("diff.head.change", "Change (interval)"), text("diff.head.reading", "Reading"))  # fmt: skip
    rows = [_kpi(kpi, e) for kpi in difference.kpis]
    return _listing("kpis", text("diff.heading.kpis", "Key figures"), sentence, head, "tnnnt", rows, e)


def _kpi(kpi: KpiChange, e: Edition) -> tuple[str, ...]:
    values = tuple(_value(kpi.value[i], kpi.low[i], kpi.high[i], kpi.unit, e) for i in (0, 1))
    change = "–"
    if kpi.change is not None:
        change = signed(kpi.change, kpi.unit, e) if kpi.change else "–"
        if kpi.change_interval:
            unit: Unit = "points" if kpi.unit == "share" else kpi.unit
            change += _interval(*kpi.change_interval, unit, e)
    return (kpi.name.render(e), *values, change, _reading(kpi, e))


def _reading(kpi: KpiChange, e: Edition) -> str:
    if kpi.value[0] is None:
        return text("diff.kpi.new", "newly measured").render(e)
    if kpi.value[1] is None:
        return text("diff.kpi.gone", "no longer measured").render(e)
    if kpi.movement:
        return block_words(e).get(kpi.movement, kpi.movement)
    if not kpi.changed:
        return block_words(e)["same"]
    if kpi.change == 0:
        return text("diff.kpi.interval", "same value, other interval").render(e)
    return text("diff.kpi.differs", "differs").render(e)


def _value(value: float | None, low: float | None, high: float | None, unit: Unit, e: Edition) -> str:
    words = format_value(value, unit, e, DIGITS.get(unit))
    return words if low is None or high is None else words + _interval(low, high, unit, e)


def _interval(low: float, high: float, unit: Unit, e: Edition) -> str:
    """The two ends in brackets; a unit that is a word is not said again."""
    scale, spoken = (100.0, "number") if unit == "points" else (1.0, "number" if unit in ("hours", "days", "months") else unit)
    digits = DIGITS.get(unit)
    ends = [("−" if end < 0 else "") + format_value(abs(end) * scale, cast(Unit, spoken), e, digits) for end in (low, high)]
    return f" ({ends[0]} to {ends[1]})" if e.language == "en" else f"（{ends[0]}～{ends[1]}）"


def signed(change: float, unit: Unit, e: Edition) -> str:
    """A change with its sign: in points for shares, else in the unit of the value.

    >>> signed(-0.0187, "share", Edition("en")), signed(33, "count", Edition("en"))
    ('−1.9 points', '+33')
    """
    return ("+" if change > 0 else "−") + format_value(abs(change), "points" if unit == "share" else unit, e, DIGITS.get(unit))


def _files(difference: Difference, e: Edition) -> Listing:
    files = difference.reasons.files
    states = {
        "added": text("diff.state.added", "added"),
        "removed": text("diff.state.removed", "removed"),
        "changed": text("diff.state.changed", "changed"),
    }
    sentence = text(
        "diff.files.sentence", "Delivered files: {added} added, {removed} removed, {changed} changed, {same} the same.",
        **{state: count(sum(file.state == state for file in files)) for state in states},
        same=count(difference.reasons.same_files),
    )  # fmt: skip
    rows = [(file.file, states[file.state].render(e)) for file in files]
    head = (text("diff.head.file", "File"), text("diff.head.state", "State"))
    return _listing("files", text("diff.heading.files", "Changed data: files"), sentence, head, "tt", rows, e)


def _rows(difference: Difference, e: Edition) -> Listing:
    changed = difference.reasons.rows
    sentence = (
        text("diff.rows.sentence", "Tables with other rows: {tables}.", tables=count(len(changed)))
        if changed
        else text("diff.rows.none", "Every table has as many rows delivered and kept as before.")
    )
    head = (
        text("diff.head.table", "Table"),
        text("diff.head.rows_in_before", "Delivered before"), text("diff.head.rows_in_after", "after"),
        text("diff.head.rows_kept_before", "Kept before"), text("diff.head.rows_kept_after", "after"),
    )  # fmt: skip
    rows = [(row.table, *("–" if n is None else count(n).render(e) for n in (*row.rows_in, *row.rows_kept))) for row in changed]
    return _listing("rows", text("diff.heading.rows", "Changed data: rows"), sentence, head, "tnnnn", rows, e)


def _inherited(difference: Difference, e: Edition) -> Listing:
    changed = difference.reasons.inherited
    sentence = (
        text(
            "diff.inherited.sentence",
            "Results of the period before and accepted records that differ: {n}.",
            n=count(len(changed)),
        )
        if changed
        else text("diff.inherited.none", "No difference is on record in results of the period before or in accepted records.")
    )
    head = (text("diff.head.name", "Name"), difference.before.label, difference.after.label)
    heading = text("diff.heading.inherited", "Changed data: earlier results and ledger")
    return _listing("inherited", heading, sentence, head, "ttt", _values(changed), e)


def _parameters(difference: Difference, e: Edition) -> Listing:
    changed = difference.reasons.settings
    sentence = (
        text("diff.parameters.sentence", "Parameters that differ: {keys}.", keys=count(len(changed)))
        if changed
        else text("diff.parameters.none", "All parameters are the same.")
    )
    head = (text("diff.head.parameter", "Parameter"), difference.before.label, difference.after.label)
    return _listing(
        "parameters", text("diff.heading.parameters", "Changed parameters"), sentence, head, "ttt", _values(changed), e
    )


def _code(difference: Difference, e: Edition) -> Listing:
    changed = difference.reasons.code
    sentence = (
        text("diff.code.sentence", "Marks of code and packages that differ: {marks}.", marks=count(len(changed)))
        if changed
        else text("diff.code.none", "Code and packages are the same.")
    )
    head = (text("diff.head.mark", "Mark"), difference.before.label, difference.after.label)
    return _listing("code", text("diff.heading.code", "Changed code"), sentence, head, "ttt", _values(changed), e)


def _values(changes: tuple[ValueChange, ...]) -> list[tuple[str, ...]]:
    return [(c.key, as_words(c.before), as_words(c.after)) for c in changes]


def _tables(difference: Difference, e: Edition) -> Listing:
    changed = difference.changed_tables
    sentence = text(
        "diff.tables.sentence", "{changed} of {tables} differ.",
        changed=count(len(changed)), tables=count(len(difference.tables)),
    )  # fmt: skip
    head = (
        text("diff.head.table", "Table"), text("diff.head.rows_before", "Rows before"), text("diff.head.rows_after", "after"),
        text("diff.head.added", "Added"), text("diff.head.removed", "Removed"), text("diff.head.cells", "Cells changed"),
        text("diff.head.what", "What else"), text("diff.head.cause", "Possible causes"),
    )  # fmt: skip
    rows = [
        (
            table.name,
            *(count(n).render(e) if kind in ("table", "object") else "–"
              for n, kind in zip(table.rows, (table.before, table.after), strict=True)),
            *(count(n).render(e) if n else "–" for n in (table.rows_added, table.rows_removed, table.cells)),
            _beside(table, e),
            joined([cause_name(cause) for cause in difference.reasons.of_artefact(table.name)]).render(e),
        )
        for table in changed
    ]  # fmt: skip
    return _listing("tables", text("diff.heading.tables", "Tables"), sentence, head, "tnnnnntt", rows, e)


def _beside(table: TableChange, e: Edition) -> str:
    """What a table's numbers do not tell: kind, columns, order, no key."""
    kinds: dict[Kind, Text] = {
        "table": text("diff.kind.table", "a table"), "object": text("diff.kind.object", "an object"),
        "not_measured": text("diff.kind.not_measured", "not measured"), "absent": text("diff.kind.absent", "not there"),
    }  # fmt: skip
    said: list[Text] = []
    if table.before != table.after:
        said.append(text("diff.table.kind", "was {before}, is {after}", before=kinds[table.before], after=kinds[table.after]))
    if table.columns_added:
        said.append(text("diff.table.columns_added", "new columns {names}", names=", ".join(table.columns_added)))
    if table.columns_removed:
        said.append(text("diff.table.columns_removed", "without columns {names}", names=", ".join(table.columns_removed)))
    if table.reordered:
        said.append(text("diff.table.reordered", "rows in another order"))
    if table.before == table.after == "table" and not table.key and (table.rows_added or table.rows_removed):
        said.append(text("diff.table.no_key", "no column tells rows apart: compared whole"))
    return _apart(e).join(words.render(e) for words in said)


def _apart(e: Edition) -> str:
    return "; " if e.language == "en" else "；"


def _columns(difference: Difference, e: Edition) -> Listing:
    changed = [(table.name, column) for table in difference.changed_tables for column in table.columns]
    sentence = text(
        "diff.columns.sentence", "{cells} cells differ in {columns} columns, over the rows that both sides have.",
        cells=count(sum(column.cells for _, column in changed)), columns=count(len(changed)),
    )  # fmt: skip
    head = (
        text("diff.head.table", "Table"), text("diff.head.column", "Column"), text("diff.head.cells", "Cells changed"),
        text("diff.head.largest", "Largest difference"), text("diff.head.mean", "Mean difference"),
        text("diff.head.example", "First"), difference.before.label, difference.after.label,
    )  # fmt: skip
    rows = [
        (name, column.name, count(column.cells).render(e), _size(column.largest), _size(column.mean), *_example(column))
        for name, column in changed
    ]
    return _listing("columns", text("diff.heading.columns", "Cells by column"), sentence, head, "ttnnnttt", rows, e)


def _example(column: ColumnChange) -> tuple[str, str, str]:
    key, before, after = column.example
    return (key, mask(before), mask(after)) if column.name in PERSONAL else (key, before, after)


def _size(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _examples(difference: Difference, e: Edition) -> Listing:
    changed = [t for t in difference.changed_tables if t.added or t.removed]
    sentence = text(
        "diff.examples.sentence", "Rows added: {added}; removed: {removed}. The first of each are named.",
        added=count(sum(t.rows_added for t in difference.changed_tables)),
        removed=count(sum(t.rows_removed for t in difference.changed_tables)),
    )  # fmt: skip
    head = (text("diff.head.table", "Table"), text("diff.head.key", "Rows are told apart by"),
            text("diff.head.added", "Added"), text("diff.head.removed", "Removed"))  # fmt: skip
    rows = [(t.name, ", ".join(t.key) or "–", _named(t.added, t.rows_added, e), _named(t.removed, t.rows_removed, e))
            for t in changed]  # fmt: skip
    return _listing("examples", text("diff.heading.examples", "Rows added and removed"), sentence, head, "tttt", rows, e)


def _named(keys: tuple[str, ...], n: int, e: Edition) -> str:
    if not keys:
        return "–"
    listed = _apart(e).join(keys)
    if n == len(keys):
        return listed
    return text("diff.more", "{listed} and {more} more", listed=named(listed), more=count(n - len(keys))).render(e)


def _blocks(difference: Difference, e: Edition) -> Listing:
    states = {
        "title": text("diff.block.title", "other words"),
        "content": text("diff.block.content", "other content"),
        "added": text("diff.state.added", "added"),
        "removed": text("diff.state.removed", "removed"),
    }
    sentence = text(
        "diff.blocks.sentence",
        "Other words: {title}, other content under the same words: {content}, added: {added}, removed: {removed}; "
        "the same: {same}.",
        **{state: count(sum(block.state == state for block in difference.blocks)) for state in states},
        same=count(difference.same_blocks),
    )
    head = (text("diff.head.chapter", "Chapter"), text("diff.head.block", "Block"), text("diff.head.state", "State"),
            difference.before.label, difference.after.label)  # fmt: skip
    order = [stage.id for stage in STAGES]
    blocks = sorted(difference.blocks, key=lambda b: order.index(b.stage))
    rows = [
        (chapter_name(b.stage).render(e), b.id, states[b.state].render(e), _spoken(b.before, e), _spoken(b.after, e))
        for b in blocks
    ]
    return _listing("blocks", text("diff.heading.blocks", "What the report says"), sentence, head, "ttttt", rows, e)


def _spoken(words: Mapping[str, str], e: Edition) -> str:
    """The leading words in the reader's language, else in the language there is."""
    return words.get(e.language) or next(iter(words.values()), "–")

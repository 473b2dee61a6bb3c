"""Two versions of an artefact: columns, rows by their keys, and cells that changed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from workbook.diff.published import Published
from workbook.stages import STAGES

NOT_MEASURED = "not_measured"
EXAMPLES = 5
"""Most rows and values named as examples."""

Kind = Literal["table", "object", "not_measured", "absent"]


@dataclass(frozen=True)
class ColumnChange:
    """Cells of one column that differ, over the rows that both versions have.

    Attributes:
        cells: number of cells that differ.
        largest, mean: largest and mean size of the difference over the cells that are numbers in both; None without any.
        example: key of the first such row, the cell before and after, as words.
    """

    name: str
    cells: int
    largest: float | None
    mean: float | None
    example: tuple[str, str, str]


@dataclass(frozen=True)
class TableChange:
    """What became of one artefact.

    Attributes:
        before, after: what it was and is.
        rows: number of rows before and after (entries, for an object).
        key: columns that tell rows apart in both versions; empty where none do, then rows are compared whole.
        rows_added, rows_removed: how many; of an object, its entries.
        added, removed: keys of the first of them, as words.
        columns: changed cells by column.
        reordered: whether the rows that both have stand in another order.
    """

    name: str
    before: Kind
    after: Kind
    rows: tuple[int, int] = (0, 0)
    key: tuple[str, ...] = ()
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    rows_added: int = 0
    rows_removed: int = 0
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    columns: tuple[ColumnChange, ...] = ()
    reordered: bool = False

    @property
    def cells(self) -> int:
        """Number of cells that differ."""
        return sum(column.cells for column in self.columns)

    @property
    def changed(self) -> bool:
        """Whether anything differs."""
        return (
            self.before != self.after
            or bool(self.columns_added or self.columns_removed or self.columns)
            or bool(self.rows_added or self.rows_removed or self.reordered)
        )


def compare_tables(before: Published, after: Published) -> tuple[TableChange, ...]:
    """Every artefact that either result holds, changed or not, in the order of the stages that make them."""
    made = [name for stage in STAGES for name in stage.makes]
    held = {*before.tables, *after.tables}
    names = [*(name for name in made if name in held), *sorted(held.difference(made))]
    return tuple(_compare(name, before, after) for name in names)


def _compare(name: str, before: Published, after: Published) -> TableChange:
    one, other = before.frame(name), after.frame(name)
    if one is not None and other is not None:
        return compare_frames(name, one, other)
    then, now = before.object(name), after.object(name)
    if then is not None and now is not None:
        kinds = _kind(None, then), _kind(None, now)
        return compare_objects(name, then, now) if kinds[0] == kinds[1] else TableChange(name, *kinds)
    rows = (0 if one is None else len(one), 0 if other is None else len(other))
    return TableChange(name, _kind(one, then), _kind(other, now), rows)


def _kind(frame: pd.DataFrame | None, object: dict[str, Any] | None) -> Kind:
    if frame is not None:
        return "table"
    if object is None:
        return "absent"
    return "not_measured" if set(object) == {NOT_MEASURED} else "object"


def compare_objects(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> TableChange:
    """Two JSON objects by their entries, each entry at its dotted key."""
    one, other = flattened(before), flattened(after)
    added, removed = [k for k in other if k not in one], [k for k in one if k not in other]
    kind: Kind = "not_measured" if set(before) == {NOT_MEASURED} else "object"
    return TableChange(
        name, kind, kind, (len(one), len(other)),
        rows_added=len(added), rows_removed=len(removed), added=tuple(added[:EXAMPLES]), removed=tuple(removed[:EXAMPLES]),
        columns=tuple(_entry(key, one[key], other[key]) for key in one if key in other and one[key] != other[key]),
    )  # fmt: skip


def _entry(key: str, before: Any, after: Any) -> ColumnChange:
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (before, after))
    size = abs(float(after) - float(before)) if numbers else None
    return ColumnChange(key, 1, size, size, ("", as_words(before), as_words(after)))


def compare_frames(name: str, before: pd.DataFrame, after: pd.DataFrame) -> TableChange:
    """Two tables: rows are matched by the first columns that tell them apart in both."""
    shared = [column for column in before.columns if column in after.columns]
    change: dict[str, Any] = {
        "rows": (len(before), len(after)),
        "columns_added": tuple(str(c) for c in after.columns if c not in shared),
        "columns_removed": tuple(str(c) for c in before.columns if c not in shared),
    }
    key = row_key(before, after)
    if not key:
        return TableChange(name, "table", "table", **change, **_whole_rows(before[shared], after[shared]))
    one, other = _by_key(before, key), _by_key(after, key)
    kept = one.index[one.index.isin(other.index)]
    gone, new = one.index.difference(other.index, sort=False), other.index.difference(one.index, sort=False)
    then, now = one.loc[kept], other.loc[kept]
    columns = [_column(str(c), then[c], now[c]) for c in shared if c not in key]
    return TableChange(
        name, "table", "table", key=key, rows_added=len(new), rows_removed=len(gone),
        added=tuple(map(_key_words, new[:EXAMPLES])), removed=tuple(map(_key_words, gone[:EXAMPLES])),
        columns=tuple(column for column in columns if column is not None),
        reordered=not kept.equals(other.index[other.index.isin(one.index)]), **change,
    )  # fmt: skip


def row_key(before: pd.DataFrame, after: pd.DataFrame) -> tuple[str, ...]:
    """The fewest leading columns that tell the rows of both tables apart; empty where none do.

    Canonical tables and artefacts name their keys first; a column of floats is a measurement and ends the search.

    >>> tiers = pd.DataFrame({"tier": ["gold", "silver"], "customers": [3, 3]})
    >>> row_key(tiers, tiers)
    ('tier',)
    """
    key: list[str] = []
    for column in before.columns:
        if column not in after.columns or any(pd.api.types.is_float_dtype(t[column]) for t in (before, after)):
            break
        key.append(str(column))
        if not before.duplicated(key).any() and not after.duplicated(key).any():
            return tuple(key)
    return ()


def _by_key(frame: pd.DataFrame, key: tuple[str, ...]) -> pd.DataFrame:
    words = pd.MultiIndex.from_frame(frame[list(key)].astype("string").fillna("∅"))
    return frame.set_axis(words, axis=0)


def _key_words(key: Any) -> str:
    return ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _whole_rows(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, Any]:
    """Rows without a key: how many stand in one version more often than in the other."""
    counts = [t.astype("string").fillna("∅").value_counts(sort=False, dropna=False) for t in (before, after)]
    surplus = counts[1].sub(counts[0], fill_value=0)
    added, removed = int(surplus.clip(lower=0).sum()), int(-surplus.clip(upper=0).sum())
    same = before.astype("string").fillna("∅").equals(after.astype("string").fillna("∅"))
    return {"rows_added": added, "rows_removed": removed, "reordered": not (added or removed or same)}


def _column(name: str, before: pd.Series, after: pd.Series) -> ColumnChange | None:
    differs = _differs(before, after)
    if not differs.any():
        return None
    largest = mean = None
    if all(pd.api.types.is_numeric_dtype(s) and not pd.api.types.is_bool_dtype(s) for s in (before, after)):
        sizes = (after[differs].astype(float) - before[differs].astype(float)).abs()
        sizes = sizes[np.isfinite(sizes)]
        if len(sizes):
            largest, mean = float(sizes.max()), float(sizes.mean())
    first = int(np.argmax(differs))
    example = _key_words(before.index[first]), as_words(before.iloc[first]), as_words(after.iloc[first])
    return ColumnChange(name, int(differs.sum()), largest, mean, example)


def _differs(before: pd.Series, after: pd.Series) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Cell by cell; two missing cells are equal, however each is missing."""
    missing = before.isna().to_numpy(), after.isna().to_numpy()
    if all(pd.api.types.is_numeric_dtype(s) for s in (before, after)):
        unequal = before.to_numpy(dtype=float, na_value=np.nan) != after.to_numpy(dtype=float, na_value=np.nan)
    else:
        unequal = before.astype("string").fillna("").to_numpy() != after.astype("string").fillna("").to_numpy()
    differs: np.ndarray[Any, np.dtype[np.bool_]] = np.where(missing[0] | missing[1], missing[0] != missing[1], unequal)
    return differs


def flattened(tree: Any, path: str = "") -> dict[str, Any]:
    """Nested mappings and lists as dotted keys; records that have an ``id`` (or are sources of a table) go by it.

    >>> flattened({"goals": [{"id": "repurchase", "target": 0.8}], "seed": 1, "tags": []})
    {'goals.repurchase.target': 0.8, 'seed': 1, 'tags': []}
    """
    if isinstance(tree, dict):
        parts: Iterable[tuple[str, Any]] = ((str(k), v) for k, v in tree.items())
    elif isinstance(tree, list) and any(isinstance(item, dict | list) for item in tree):
        parts = zip(_names(tree), tree, strict=True)
    else:
        return {path: tree}
    flat: dict[str, Any] = {}
    for name, value in parts:
        inner = value
        if isinstance(tree, list) and isinstance(value, dict) and value.get("id") == name:
            inner = {k: v for k, v in value.items() if k != "id"}
        flat |= flattened(inner, f"{path}.{name}" if path else name)
    return flat or {path: tree}


def _names(records: list[Any]) -> list[str]:
    """What each record of a list is called: its id, its table and file, or its place."""
    names = []
    for place, record in enumerate(records, start=1):
        known = record if isinstance(record, dict) else {}
        name = known.get("id") or " ".join(str(known[k]) for k in ("table", "file") if known.get(k)) or str(place)
        names.append(str(name))
    return names if len(set(names)) == len(names) else [f"{n}#{place}" for place, n in enumerate(names, start=1)]


def as_words(value: Any) -> str:
    """A raw value as a comparison shows it: floats with at most six digits, what is missing as a dash."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return "–" if np.isnan(value) else f"{float(value):.6g}"
    if isinstance(value, str):
        return value or "“”"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False) if value else "–"
    if isinstance(value, dt.datetime) and value is not pd.NaT:
        return str(value).removesuffix(" 00:00:00")
    return "–" if value is None or value is pd.NaT or value is pd.NA else str(value)

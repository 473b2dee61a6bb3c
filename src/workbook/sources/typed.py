"""A file on its way to a canonical table: all files of a source together, its cells typed, what was changed (D1, D2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbook.settings.models import Source
from workbook.sources.read import RawFile
from workbook.tables import Kind


@dataclass(frozen=True)
class RawSource:
    """All files of one source under one another, so that a column is judged by all its values.

    Attributes:
        name: the file, or the pattern of several.
        relation: DuckDB view with ``_file``, ``_row`` and ``c0 … cn``.
        columns: the file's own names of ``c0 … cn``: those that the settings map.
        types: their DuckDB types.
        iso_dates: True where the file format itself knows dates.
        files: number of each file (``_file``) → its name.
    """

    name: str
    relation: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    iso_dates: bool
    files: Mapping[int, str]


@dataclass(frozen=True)
class Repair:
    """A kind of value that was emptied or changed: ``example`` is masked where it is personal."""

    file: int
    column: str
    repair: str
    rows: int
    example: str


@dataclass(frozen=True)
class LostValue:
    """A value that could not be read, in its row, as it stood in the file."""

    file: int
    column: str
    repair: str
    row: int
    value: str


@dataclass(frozen=True)
class TypedSource:
    """A source in canonical columns.

    Attributes:
        relation: DuckDB table with ``_file``, ``_row``, the canonical columns that the source fills, and ``_reason`` (null
            where the row is sound).
        columns: the canonical columns that the source fills.
        repairs: what was emptied, by file and column.
        problems: faults that stop the delivery.
        lost: values that were emptied, some of each column and file.
    """

    relation: str
    columns: tuple[str, ...]
    repairs: tuple[Repair, ...]
    problems: tuple[str, ...]
    lost: tuple[LostValue, ...] = ()


@dataclass(frozen=True)
class Held:
    """Where a file holds a canonical column: ``own`` is its cell (``h_<column>``), ``tidy`` that cell without the spaces around
    it (``u_<column>``), ``text`` the words for missing made null and the client's vocabulary canonical (``t_<column>``).

    Attributes:
        type: DuckDB type of the cell.
        native: whether it needs no reading, only a cast.
        compared: whether what became of its text is counted.
    """

    column: str
    own: str
    type: str
    tidy: str
    text: str
    native: bool = False
    compared: bool = False


@dataclass(frozen=True)
class Cell:
    """One canonical column read from its text: ``bare`` over ``t_<column>``, ``typed`` over both (``t_`` and ``s_<column>``).
    The steps keep long expressions from being computed many times. ``wait``: it tells how long after the opening."""

    column: str
    kind: Kind
    typed: str
    fallible: bool
    bare: str | None = None
    wait: bool = False


@dataclass(frozen=True)
class Delivered:
    """A file that was read, and its source typed: ``file`` is its number, in the order in which later files win."""

    file: int
    raw: RawFile
    typed: TypedSource
    source: Source

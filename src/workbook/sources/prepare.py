"""Stage 2 as one step: a delivery → the canonical tables on disk, with an account of every row (D1–D3).

The result lies in ``outputs/<client>/.prepared/<period>-<key>/``; the key stands for everything that decides it (the
files' content, the settings that are read, this code), so that the same inputs are prepared once.

The client's rows are brought together with all threads where they are many, since ids and decimals do not care about
order; the tables are then read with one thread, since sums of floats do.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pandas as pd

from workbook import tables as tables_module
from workbook.errors import DeliveryError, WorkbookError
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.sources.clean import CleanTable, clean_table, count_rows
from workbook.sources.columns import join_files, type_columns
from workbook.sources.customers_by import find_customers
from workbook.sources.delivery import AnswerFile, DeliveredFile, answer_files, delivery_files
from workbook.sources.derived import add_customers, fill_amounts, keep_attributes, name_units
from workbook.sources.later import set_aside_later_customers
from workbook.sources.link import Linked
from workbook.sources.link_merge import read_provenance
from workbook.sources.link_review import read_answers
from workbook.sources.link_tables import apart_sql, customer_systems, link_tables
from workbook.sources.mapping import ROW_NUMBER, mapping_problems
from workbook.sources.parsing import literal
from workbook.sources.problem_rows import problem_rows
from workbook.sources.read import RawFile, read_file
from workbook.sources.refunds import pair_refunds
from workbook.sources.repeated import find_overlaps
from workbook.sources.rules import Found, find_faults
from workbook.sources.scope import SCOPE, check_condition, in_scope, write_scope
from workbook.sources.third_party import count_third_party
from workbook.sources.typed import Delivered
from workbook.tables import SCHEMAS, SQL_TYPES, Tables, count_filled, first_order

LEDGER_COLUMNS = (
    "file", "table", "system", "rows_in", "rows_kept", "rows_quarantined", "rows_repeated", "rows_set_aside",
)  # fmt: skip
QUARANTINE_COLUMNS = ("file", "row", "reason", "original")
SMALL = 50_000_000
"""Bytes of a delivery below which further threads cost more than they save."""


class Change(NamedTuple):
    """A row of ``repairs``: values that were emptied, given or derived; *file* is empty where all files are meant."""

    file: str
    table: str
    column: str
    repair: str
    rows: int
    example: str


@dataclass(frozen=True)
class Preparation:
    """How a delivery became the canonical tables. The account of it is read when it is asked for: most stages do not.

    Attributes:
        tables: the canonical tables, open for reading.
        folder: where all of it lies.
        files: name, source, sha256 of each delivered file.
    """

    tables: Tables
    folder: Path
    files: tuple[DeliveredFile, ...]
    _saved: Mapping[str, Any]

    @cached_property
    def row_ledger(self) -> pd.DataFrame:
        """One row a file and table: rows_in = rows_kept + rows_quarantined + rows_repeated + rows_set_aside."""
        return self._account("row_ledger")

    @cached_property
    def repairs(self) -> pd.DataFrame:
        """file, table, column, repair, rows, example (masked where personal)."""
        return self._account("repairs")

    @cached_property
    def quarantine(self) -> Mapping[str, pd.DataFrame]:
        """Table → file, row, reason, original (the row as JSON text)."""
        return {name: self._account(f"quarantine_{name}") for name in self._saved["quarantined"]}

    @cached_property
    def alerts(self) -> pd.DataFrame:
        """alert, table, column, rows, share, severity, weakens."""
        return self._account("alerts")

    @cached_property
    def problem_rows(self) -> pd.DataFrame:
        """kind, problem, table, column, file, row, value: the client's own rows behind each problem, some of each."""
        return self._account("problem_rows")

    @cached_property
    def overlaps(self) -> pd.DataFrame:
        """file, other, table, rows, share, kind: which files hold rows of which others."""
        return self._account("overlaps")

    @cached_property
    def refunds(self) -> pd.DataFrame:
        """pairing, rows, amount: refunds by whether their purchase was delivered."""
        return self._account("refunds")

    @cached_property
    def linked(self) -> Linked | None:
        """How records became customers; None where customers of one system are not linked."""
        facts = self._saved["linked"]
        if facts is None:
            return None
        return Linked(self._account("xref"), self._account("link_pairs"), self._account("link_review"), facts)

    @cached_property
    def provenance(self) -> pd.DataFrame:
        """customer_id, field, source, different: where the fields of customers of several records come from."""
        return self._account("provenance")

    @cached_property
    def third_party(self) -> pd.DataFrame:
        """source, table, column, rows, matched, customers, everyone, latest: fields of third parties."""
        return self._account("third_party")

    def _account(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "account" / f"{name}.parquet")


def prepare(home: Path, client: str, period: Period, settings: Settings) -> Preparation:
    """Bring the delivery of a client and period to the canonical tables, or open what was prepared before.

    Args:
        home: folder that holds params/, data/ and outputs/.

    Raises:
        DeliveryError: with every fault of every file at once; nothing is left behind then.
        SettingsError: where ``scope.where`` is no condition, or nobody meets it.
    """
    if settings.scope.where:
        check_condition(settings.scope.where)
    files = delivery_files(home, client, period, settings)
    answers = answer_files(home, client, settings)
    root = home / "outputs" / client / ".prepared"
    folder = root / f"{period.name}-{preparation_key(files, answers, period, settings)}"
    if not (folder / "preparation.json").is_file():
        draft = root / f".{uuid.uuid4().hex}.tmp"
        try:
            draft.mkdir(parents=True)
            _prepare_into(draft, files, answers, period, settings)
            _publish(draft, folder)
        except (OSError, duckdb.IOException) as fault:
            raise WorkbookError(
                f"{root}: found {fault}; expected room and the right to write there; free some space or choose another home"
            ) from fault
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    for old in root.glob(f"{period.name}-*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    return _open(folder, files, period)


def check_delivery(home: Path, client: str, period: Period, settings: Settings) -> list[dict[str, Any]]:
    """The ``files`` of ``workbook check --json``: rows of each file and table, and why rows were quarantined.

    Raises:
        DeliveryError: with every fault of every file at once.
    """
    preparation = prepare(home, client, period, settings)
    report = []
    # sheets of one file that fill one table are told together
    for row in (
        preparation.row_ledger.groupby(["table", "file"], sort=False).sum(numeric_only=True).reset_index().to_dict("records")
    ):
        frame = preparation.quarantine.get(row["table"])
        reasons = (
            {} if frame is None else frame.loc[frame["file"] == row["file"], "reason"].value_counts().sort_index().to_dict()
        )
        report.append(
            {
                "file": row["file"],
                "table": row["table"],
                "rows_in": row["rows_in"],
                "rows_kept": row["rows_kept"],
                "rows_quarantined": row["rows_quarantined"],
                "reasons": reasons,
            }
        )
    return report


def preparation_key(files: Sequence[DeliveredFile], answers: Sequence[AnswerFile], period: Period, settings: Settings) -> str:
    """What decides a preparation, as 16 hexadecimal digits."""
    code = hashlib.sha256()
    here = Path(__file__).parent
    for path in (*sorted(here.rglob("*.py")), *sorted(here.rglob("*.sql")), Path(tables_module.__file__)):
        code.update(path.read_bytes())
    content = {
        "code": code.hexdigest(),
        "duckdb": duckdb.__version__,
        "period": period.name,
        "files": [[f.source, f.name, f.sha256] for f in files],
        "sources": [s.model_dump(mode="json") for s in settings.sources],
        "linking": [settings.linking.model_dump(mode="json"), settings.seed, [[a.name, a.sha256] for a in answers]],
        "country": settings.client.country,
        "finished_orders": settings.analysis.finished_orders,
        "customers_from_orders": settings.analysis.customers_from_orders,
        "key_fields": settings.diagnosis.key_fields,
        "scope": settings.scope.where,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def _prepare_into(
    folder: Path, files: Sequence[DeliveredFile], answers: Sequence[AnswerFile], period: Period, settings: Settings
) -> None:
    told = read_answers(answers)
    with duckdb.connect(config=_config(folder, files)) as connection:
        delivered = _read_all(connection, files, settings)
        by_table: dict[str, list[Delivered]] = {}
        for one in delivered:
            by_table.setdefault(one.source.table, []).append(one)
        apart = apart_sql(customer_systems(settings), by_table.get("customers", ()))
        cleaned: dict[str, CleanTable] = {}
        if "customers" in by_table:  # first, since other files may call customers by what stands in their list
            cleaned["customers"] = clean_table(
                connection, "customers", by_table["customers"], period, settings.analysis, apart=apart
            )
        named = find_customers(connection, delivered, settings.client.country)
        for name in SCHEMAS:
            if name in by_table and name not in cleaned:
                cleaned[name] = clean_table(connection, name, by_table[name], period, settings.analysis)
        if "customers" in cleaned:
            set_aside_later_customers(connection, list(cleaned), period)
        # rows are counted as they were delivered: what becomes one customer afterwards was kept all the same
        ledger = [count for name in cleaned for count in count_rows(connection, name, by_table[name])]
        linked, link_notes = link_tables(connection, by_table, settings, told, folder / "spill")
        notes = _join_tables(connection, cleaned, settings) + [Change("", *note, "") for note in link_notes]
        notes += [Change("", table, *note) for table, note in named]
        notes += [Change("", "attributes", *note) for note in keep_attributes(connection, delivered, settings.client.country)]
        third_party = count_third_party(connection, by_table)
        quarantine = {name: _quarantine(connection, name, by_table[name]) for name in cleaned}
        made = [name for name, there in (
            ("customers", "customers" not in cleaned),
            ("attributes", "attributes" not in cleaned and any(d.source.attributes for d in delivered)),
        ) if there]  # fmt: skip
        _write_tables(connection, folder, [*cleaned, *made])
        names = {d.file: d.raw.name for d in delivered}
        overlaps = find_overlaps(connection, list(cleaned), names, {(row.file, row.table): row.rows_in for row in ledger})
        tables = _open_tables(folder, period, placed=True)
        provenance = read_provenance(connection)
        refunds = pair_refunds(tables)
        faults = find_faults(tables, settings.diagnosis.key_fields, _found_in_reading(cleaned, delivered, tables))
        everyone = None
        if settings.scope.where:
            everyone = write_scope(tables.connection, settings.scope.where, folder)
            tables.connection.close()
            tables = _open_tables(folder, period)
        filled = {name: dict(tables.filled[name]) for name in tables.filled}
        tables.connection.close()
    changes = notes + [
        Change(d.raw.name, d.source.table, r.column, r.repair, r.rows, r.example)
        for d in delivered
        for r in d.typed.repairs
        if r.file == d.file
    ]
    order = list(SCHEMAS)
    changes.sort(key=lambda c: (order.index(c.table), c.column, c.repair, c.file))
    frames = {
        "row_ledger": pd.DataFrame([asdict(count) for count in ledger], columns=list(LEDGER_COLUMNS)),
        "repairs": pd.DataFrame(changes, columns=list(Change._fields)),
        "alerts": faults.alerts,
        "problem_rows": problem_rows(quarantine, delivered, faults.rows),
        "overlaps": overlaps,
        "refunds": refunds,
        "provenance": provenance,
        "third_party": third_party,
        **{f"quarantine_{name}": frame for name, frame in quarantine.items()},
        **({"xref": linked.xref, "link_pairs": linked.pairs, "link_review": linked.review} if linked else {}),
    }
    (folder / "account").mkdir()
    for name, frame in frames.items():
        frame.to_parquet(folder / "account" / f"{name}.parquet", index=False)
    (folder / "preparation.json").write_text(
        json.dumps(
            {
                "filled": filled,
                "quarantined": sorted(quarantine),
                "everyone": everyone,
                "linked": linked.facts if linked else None,
            },
            ensure_ascii=False,
            indent=1,
            sort_keys=True,
        ),
        "utf-8",
    )
    shutil.rmtree(folder / "spill", ignore_errors=True)


def _config(folder: Path, files: Sequence[DeliveredFile]) -> dict[str, Any]:
    # nothing is fetched from anywhere, and what does not fit in memory goes beside the result
    small = sum(file.path.stat().st_size for file in files) < SMALL
    return {
        **({"threads": 1} if small else {}),
        "autoinstall_known_extensions": False,
        "temp_directory": str(folder / "spill"),
        "preserve_insertion_order": True,
        "TimeZone": "UTC",
    }


def _read_all(connection: duckdb.DuckDBPyConnection, files: Sequence[DeliveredFile], settings: Settings) -> list[Delivered]:
    """Read every file and type every source; all faults are gathered before any stops the work."""
    problems: list[str] = []
    sound: dict[int, dict[int, RawFile]] = {}
    read: dict[tuple[Any, ...], RawFile] = {}
    for number, file in enumerate(files):
        source = settings.sources[file.source]
        if source.table not in SCHEMAS:
            problems += mapping_problems(RawFile(file.name, "", (), (), 0), source)
            continue
        as_read = (file.path, source.sheet, source.header_row, source.encoding, source.delimiter)
        try:
            if as_read not in read:
                read[as_read] = read_file(connection, file.path, file.name, source, f"raw_{number}")
        except DeliveryError as fault:
            problems += fault.problems
            continue
        wrong = mapping_problems(read[as_read], source)
        problems += wrong
        if not wrong:
            sound.setdefault(file.source, {})[number] = read[as_read]
    delivered: list[Delivered] = []
    for position, raws in sound.items():
        source = settings.sources[position]
        together = join_files(connection, raws, source, f"source_{position}")
        typed = type_columns(connection, together, source, settings.client.country, f"typed_{position}")
        problems += typed.problems
        delivered += [Delivered(number, raw, typed, source) for number, raw in raws.items()]
    if problems:
        raise DeliveryError(list(dict.fromkeys(problems)))
    return delivered


def _join_tables(connection: duckdb.DuckDBPyConnection, cleaned: Mapping[str, CleanTable], settings: Settings) -> list[Change]:
    """What one table owes another: amounts of orders come from lines, customers from orders."""
    notes = [Change("", name, *note) for name, table in cleaned.items() for note in table.notes]
    if "orders" in cleaned and "order_lines" in cleaned:
        notes += [Change("", "orders", *note) for note in fill_amounts(connection)]
    if "customers" not in cleaned:
        columns = ", ".join(f'null::{SQL_TYPES[kind]} as "{c}"' for c, kind in SCHEMAS["customers"].columns.items())
        connection.execute(f"create table clean_customers as select 0 as _file, 0::bigint as _row, {columns} limit 0")
        notes += [Change("", "customers", *note) for note in add_customers(connection, list(cleaned))]
    elif settings.analysis.customers_from_orders and "orders" in cleaned:
        notes += [Change("", "customers", *note) for note in add_customers(connection, ["orders"])]
    numbered = any(s.table == "assignments" and s.constants.get("unit_id") == ROW_NUMBER for s in settings.sources)
    if "assignments" in cleaned and not numbered:
        notes += [Change("", "assignments", *note) for note in name_units(connection)]
    return notes


def _found_in_reading(cleaned: Mapping[str, CleanTable], delivered: Sequence[Delivered], tables: Tables) -> list[Found]:
    """What no query over the tables can see: equal rows that were kept, purposes of consent that the settings assume."""
    found = [("identical_rows", name, SCHEMAS[name].key[0], c.identical, tables.rows(name)) for name, c in cleaned.items()]
    consents = [d for d in delivered if d.source.table == "consents"]
    assumed = sum(d.raw.rows for d in consents if "purpose" in d.source.constants)
    rows = sum(d.raw.rows for d in consents)
    return [*found, ("consent_purpose_assumed", "consents", "purpose", assumed, rows)]


def _quarantine(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Delivered]) -> pd.DataFrame:
    """The rows of a table that were not used, with the reason and the row as it stood in the file."""
    kept: list[tuple[str, int, str, str]] = []
    rows = connection.execute(f"select distinct _file from lost_{name} where _fate = 'quarantined'").fetchall()
    concerned = {file for (file,) in rows}
    for d in files:
        found: list[tuple[int, str, str]] = []
        if d.file in concerned:
            cells = ", ".join(
                f"{literal(column)}: cast(raw.c{i} as varchar)"
                for i, column in enumerate(d.raw.columns)
                if d.raw.columns.index(column) == i and column
            )
            found = connection.execute(
                f"select lost._row, lost._reason, cast(to_json({{{cells}}}) as varchar) "
                f"from lost_{name} as lost join {d.raw.relation} as raw on raw._row = lost._row "
                "where lost._file = ? and lost._fate = 'quarantined' order by lost._row",
                [d.file],
            ).fetchall()
        found += [(row, "wrong_number_of_cells", json.dumps(text, ensure_ascii=False)) for row, text in d.raw.misfits]
        kept += [(d.raw.name, *row) for row in sorted(found, key=lambda row: row[0])]
    frame = pd.DataFrame(kept, columns=list(QUARANTINE_COLUMNS))
    return frame.astype({"file": "str", "row": "int64", "reason": "str", "original": "str"})


def _write_tables(connection: duckdb.DuckDBPyConnection, folder: Path, names: Sequence[str]) -> None:
    for name in names:
        schema = SCHEMAS[name]
        columns = ", ".join(f'"{c}"' for c in (*schema.columns, "_file", "_row"))
        # linking may leave two rows of one key
        key = ", ".join([*(f'"{c}" nulls first' for c in schema.key), "_file", "_row"])
        place = literal(str(folder / f"{name}.parquet"))
        connection.execute(
            f"copy (select {columns} from clean_{name} order by {key}) to {place} (format parquet, compression zstd)"
        )


def _publish(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError:
        # another process finished the same preparation in the meantime, or a broken one lies there
        if (folder / "preparation.json").is_file():
            return
        shutil.rmtree(folder)
        draft.rename(folder)


def _open_tables(
    folder: Path,
    period: Period,
    filled: Mapping[str, Mapping[str, int]] | None = None,
    everyone: int | None = None,
    *,
    placed: bool = False,
) -> Tables:
    """The canonical tables on disk; *placed*: with the client's file (``_file``) and row (``_row``) beside each row."""
    # what does not fit in memory goes beside the prepared tables, each process to a place of its own
    spill = folder.parent / f".spill-{os.getpid()}"
    connection = duckdb.connect(
        config={"threads": 1, "autoinstall_known_extensions": False, "TimeZone": "UTC", "temp_directory": str(spill)}
    )
    delivered = {name: path for name in SCHEMAS if (path := folder / f"{name}.parquet").is_file()}
    tables_module.empty_tables(period, connection, [name for name in SCHEMAS if name not in delivered])
    narrow = (folder / SCOPE).is_file()
    for name, path in delivered.items():
        where = in_scope(name, folder) if narrow else ""
        columns = ", ".join(f'"{c}"' for c in (*SCHEMAS[name].columns, *(("_file", "_row") if placed else ())))
        connection.execute(f'create view "{name}" as select {columns} from read_parquet({literal(str(path))}) {where}')
    if filled is None:
        filled = {name: count_filled(connection, name) for name in delivered}
    first = first_order(connection, f"read_parquet({literal(str(delivered['orders']))})") if "orders" in delivered else None
    return Tables(connection, period, filled, everyone, first)


def _open(folder: Path, files: Sequence[DeliveredFile], period: Period) -> Preparation:
    saved = json.loads((folder / "preparation.json").read_text("utf-8"))
    return Preparation(_open_tables(folder, period, saved["filled"], saved["everyone"]), folder, tuple(files), saved)

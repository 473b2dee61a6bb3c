"""The ledger: what was decided for a client and may not be recomputed away. This module only reads it.

``data/<client>/ledger/<kind>.jsonl`` holds one record a line. Records that were accepted together stand together, and the
line below them is their signature::

    {"period":"2025Q4","customer_id":"C000001","tier":"gold","score":71.25,"cause":"first grade"}
    {"accepted":{"period":"2025Q4","on":"2026-01-12","by":"sales director","run":"…","records":1,"bytes":94,"sha256":"…"}}

What stands below the last signature was left by a crash and was never accepted: readers pass over it, and the next
``workbook accept`` (:mod:`workbook.accepting`, the only writer) moves it aside. A signature says how many bytes it signs, so
the signatures are found from the end of the file without reading the records.

A run of a period sees what was accepted for periods whose analysis date lies before its own, whatever day it was accepted
on. So a period that is run again after it was accepted, or after a later one was, gives the same bytes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from workbook.errors import UsageError, WorkbookError
from workbook.period import Period

if TYPE_CHECKING:  # keys are made before anything heavy is imported
    import pandas as pd
    import pyarrow as pa

    from workbook.report.blocks import NotMeasured

LONGEST_SIGNATURE = 4096
"""Bytes; a line that is longer is no signature."""

_SIGNED = b'{"accepted":'


@dataclass(frozen=True)
class Kind:
    """One file of the ledger.

    Attributes:
        key: fields that identify a record; the same key is accepted once.
        fields: all fields of a record in order, each ``text``, ``number`` or ``count``.
        noted: fields that are kept but not compared when a record is accepted again.
    """

    name: str
    key: tuple[str, ...]
    fields: Mapping[str, Literal["text", "number", "count"]]
    noted: tuple[str, ...] = ()

    @property
    def dated(self) -> tuple[str, ...]:
        """Key fields that name the period, or its last day: no other period holds a record of the same key."""
        return tuple(name for name in self.key if name in ("period", "looked_at"))

    @property
    def compared(self) -> tuple[str, ...]:
        """Fields that must be equal when a record is accepted again."""
        return tuple(name for name in self.fields if name not in self.key + self.noted)


def _kind(name: str, key: str, fields: str, noted: str = "") -> Kind:
    forms: Any = {field.partition(":")[0]: field.partition(":")[2] or "text" for field in fields.split()}
    return Kind(name, tuple(key.split()), forms, tuple(noted.split()))


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        _kind("grades", "period customer_id", "period customer_id tier score:number cause waiting:count held",
              noted="cause waiting held"),
        _kind("policies", "number", "number:count since cause content", noted="cause"),
        _kind("looks", "pilot metric arm looked_at",
              "pilot metric arm looked_at n_control:count n_arm:count effect:number low:number high:number unit verdict "
              "method why information:number limit:number", noted="method why information limit"),
        _kind("cards", "pilot item", "pilot item value sha256", noted="sha256"),
        _kind("decisions", "pilot period",
              "pilot period decision reason_en reason_zh metric arm effect:number low:number high:number unit"),
        _kind("events", "customer_id happened_on event", "customer_id happened_on event period given tier_before score_before:"
              "number tier score:number held facts policy:count cause delivered", noted="delivered"),
        _kind("appeals", "customer_id period id", "customer_id period id raised_on about decision reason decided_on author "
              "given tier_before score_before:number tier score:number held facts policy:count delivered", noted="delivered"),
        _kind("lessons", "id",
              "id pilot measure decision metric arm effect:number low:number high:number unit better verdict corrected:number "
              "corrected_low:number corrected_high:number", noted="corrected corrected_low corrected_high"),
    )
}  # fmt: skip
"""Grades given (``cause``: first grade, re-graded, or re-graded with told facts that count or gave way; ``waiting``: periods
in which the buffer held the tier; ``held``: the tier before the rules), the policies that they were given by (``content``: the
policy as JSON), cards of pilots as they were fixed, looks taken at pilots (``looked_at``: the analysis date; ``method`` and
``why``: which limit applied and for what reason), decisions on pilots, events and appeals that graded customers again
(``period``: the grades that they stand on; ``given``: what was said, ``facts``: all that it and earlier ones changed, both
JSON; ``delivered``: what the delivery says of the same facts in the grades that they stand on; ``policy``: its number), and
what pilots taught about measures (``corrected``: the effect without the luck of having
crossed a limit, with its interval)."""


@dataclass(frozen=True)
class Signature:
    """What closes a batch of records.

    Attributes:
        period: the period whose results were accepted.
        on: day of the acceptance.
        by: role of the person who accepted; None where it was not said.
        run: key of the run that the records come from.
        records: number of records signed.
        sha256: hash of their bytes.
        start, end: where their bytes stand in the file.
        line: the signature as it is written.
    """

    period: Period
    on: dt.date
    by: str | None
    run: str
    records: int
    sha256: str
    start: int
    end: int
    line: bytes


def ledger_folder(home: Path, client: str) -> Path:
    """The folder of a client's ledger."""
    return home / "data" / client / "ledger"


def ledger_file(home: Path, client: str, kind: str) -> Path:
    """The file of one kind of record.

    Raises:
        UsageError: for a kind that there is not.
    """
    return ledger_folder(home, client) / f"{ledger_kind(kind).name}.jsonl"


def ledger_kind(name: str) -> Kind:
    """The kind called *name*.

    Raises:
        UsageError: where there is none.
    """
    if name not in KINDS:
        raise UsageError(f"ledger: found {name!r}, expected one of {', '.join(KINDS)}")
    return KINDS[name]


def ledger_key(home: Path, client: str, kinds: Iterable[str], before: Period) -> str:
    """SHA-256 of what a run of the period *before* can see of some kinds; made from signatures, so it costs no reading."""
    digest = hashlib.sha256()
    for kind in sorted(set(kinds)):
        for line in sorted(signed.line for signed in _visible(ledger_file(home, client, kind), before)):
            digest.update(kind.encode() + b" " + line)
    return digest.hexdigest()


def read_ledger(home: Path, client: str, kind: str, *, before: Period | None = None, of: Period | None = None) -> pd.DataFrame:
    """The accepted records of one kind, sorted by key.

    Args:
        before: the period that is analysed; None for the records of every period.
        of: only what was accepted for this period; None for all.

    Returns:
        The fields of the kind, then accepted_for (period), accepted_on (date), accepted_by and run; no row where nothing was
        accepted.

    Raises:
        WorkbookError: where the file was changed by hand.
    """
    import pandas as pd

    path, what = ledger_file(home, client, kind), ledger_kind(kind)
    frames = [decode(b"", what).assign(accepted_for="", accepted_on="", accepted_by=None, run="")]
    for signed in _visible(path, before):
        if of is not None and signed.period != of:
            continue
        records = decode(_signed_bytes(path, signed), what)
        frames.append(
            records.assign(
                accepted_for=signed.period.name, accepted_on=signed.on.isoformat(), accepted_by=signed.by, run=signed.run
            )
        )
    frame = pd.concat(frames[1:] or frames, ignore_index=True)
    frame["accepted_on"] = pd.to_datetime(frame["accepted_on"], format="%Y-%m-%d")
    frame = frame.astype({"accepted_for": "str", "accepted_by": "str", "run": "str"})
    return frame.sort_values(list(what.key), ignore_index=True)


def accepted_values(home: Path, client: str, kind: str, field: str, *, before: Period) -> pa.ChunkedArray:
    """The values of one text field in all records that a run of the period *before* can see, in no order, maybe repeated.

    Raises:
        WorkbookError: where the file was changed by hand.
    """
    import pyarrow as pa

    path = ledger_file(home, client, kind)
    one = Kind(kind, (field,), {field: "text"})
    parts = [_table(_signed_bytes(path, signed), one, "ignore").column(field) for signed in _visible(path, before)]
    return pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.string())


def given_before(home: Path, client: str, kind: str, period: Period) -> pd.DataFrame | NotMeasured:
    """What a stage of *period* may know of the ledger: see :func:`read_ledger`; NotMeasured where nothing was accepted."""
    from workbook.language import text
    from workbook.report.blocks import NotMeasured

    frame = read_ledger(home, client, kind, before=period)
    if len(frame):
        return frame
    names = {
        "grades": text("ledger.grades", "Grades accepted for earlier periods"),
        "policies": text("ledger.policies", "Grade policies accepted for earlier periods"),
        "cards": text("ledger.cards", "Cards of pilots accepted for earlier periods"),
        "looks": text("ledger.looks", "Looks at pilots accepted for earlier periods"),
        "decisions": text("ledger.decisions", "Decisions on pilots accepted for earlier periods"),
        "events": text("ledger.events", "Events that graded customers again since"),
        "appeals": text("ledger.appeals", "Appeals against grades of earlier periods"),
        "lessons": text("ledger.lessons", "What pilots of earlier periods taught"),
    }
    why = text("ledger.nothing", "Nothing was accepted yet; `workbook accept` records what was decided.")
    return NotMeasured(f"ledger.{kind}", names[kind], (), why)


def signatures(path: Path) -> tuple[list[Signature], int]:
    """The signatures of a ledger file, first to last, and where the signed part ends (bytes).

    Raises:
        WorkbookError: where the lines do not fit the signatures.
    """
    if not path.is_file():
        return [], 0
    found: list[Signature] = []
    with path.open("rb") as file:
        signed_end = position = _signed_end(file)
        while position:
            signed = _signature_before(file, position)
            if signed is None:
                raise _changed(path, found[-1] if found else None)
            found.append(signed)
            position = signed.start
    return found[::-1], signed_end


def decode(lines: bytes, kind: Kind) -> pd.DataFrame:
    """Records from their lines, with the fields of the kind; what a line lacks is missing.

    Raises:
        ValueError: where a line is no record of this kind.
    """
    frame: pd.DataFrame = _table(lines, kind, "error").to_pandas()
    return frame


def _table(lines: bytes, kind: Kind, others: Literal["error", "ignore"]) -> pa.Table:
    import pyarrow as pa
    from pyarrow import json as lines_of_json

    types = {"text": pa.string(), "number": pa.float64(), "count": pa.int64()}
    schema = pa.schema([(name, types[form]) for name, form in kind.fields.items()])
    if not lines:
        return schema.empty_table()
    options = lines_of_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior=others)
    # a block must hold the longest line; blocks are read side by side and put together in order
    blocks = lines_of_json.ReadOptions(block_size=1 << 24)
    return lines_of_json.read_json(pa.BufferReader(lines), blocks, options).select(schema.names)


def encode_signature(records: bytes, *, n: int, period: Period, on: dt.date, by: str | None, run: str) -> bytes:
    """The line that signs *n* records."""
    signed = {
        "period": period.name, "on": on.isoformat(), "by": by, "run": run, "records": n, "bytes": len(records),
        "sha256": hashlib.sha256(records).hexdigest(),
    }  # fmt: skip
    return json.dumps({"accepted": signed}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _visible(path: Path, before: Period | None) -> list[Signature]:
    return [signed for signed in signatures(path)[0] if before is None or signed.period.end < before.end]


def _signed_bytes(path: Path, signed: Signature) -> bytes:
    with path.open("rb") as file:
        file.seek(signed.start)
        records = file.read(signed.end - signed.start)
    if hashlib.sha256(records).hexdigest() != signed.sha256:
        raise _changed(path, signed)
    return records


def _signed_end(file: BinaryIO) -> int:
    """Where the last signature ends; 0 where there is none."""
    size = file.seek(0, 2)
    if _signature_before(file, size) is not None:
        return size
    file.seek(0)
    content = file.read()
    at = len(content)
    while (at := content.rfind(b"\n" + _SIGNED, 0, at)) >= 0:
        end = content.find(b"\n", at + 1) + 1
        if end and _signature_before(file, end) is not None:
            return end
    return 0


def _signature_before(file: BinaryIO, end: int) -> Signature | None:
    """The signature whose line ends at *end*; None where that line is none."""
    head = max(0, end - LONGEST_SIGNATURE)
    file.seek(head)
    chunk = file.read(end - head)
    line = chunk[chunk.rfind(b"\n", 0, -1) + 1 :]
    if not (line.startswith(_SIGNED) and line.endswith(b"\n")):
        return None
    try:
        signed = json.loads(line)["accepted"]
        records_end = end - len(line)
        start = records_end - int(signed["bytes"])
        if start < 0:
            return None
        return Signature(
            Period.parse(signed["period"]), dt.date.fromisoformat(signed["on"]), signed["by"], signed["run"],
            int(signed["records"]), signed["sha256"], start, records_end, line,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, UsageError):
        return None


def _changed(path: Path, signed: Signature | None) -> WorkbookError:
    which = f"the records accepted for {signed.period} on {signed.on} " if signed else "lines "
    return WorkbookError(
        f"{path}: found {which}changed since they were signed, expected a ledger that only `workbook accept` writes; "
        "put the file back from your backup"
    )

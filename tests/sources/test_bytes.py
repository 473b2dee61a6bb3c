"""Whatever bytes a file holds, it is read with every row accounted for, or refused with a message; never a traceback."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from workbook.errors import WorkbookError
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.sources.prepare import prepare

HEAD = "id,who,day,sum\n"
ROW = "{n},C{n},2025-11-0{d},{n}.50\n"
SOUND = (HEAD + "".join(ROW.format(n=n, d=n % 9 + 1) for n in range(1, 9))).encode()
SOURCE = {"table": "orders", "columns": {"order_id": "id", "customer_id": "who", "ordered_at": "day", "amount": "sum"}}

often = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def outcome(name: str, content: bytes) -> str:
    """``kept``, or the message with which the file was refused; rows must add up where it was read."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "data" / "acme" / "2025Q4").mkdir(parents=True)
        (home / "data" / "acme" / "2025Q4" / name).write_bytes(content)
        chosen = Settings.model_validate({"client": {"name": "Acme"}, "sources": [{**SOURCE, "file": name}]})
        try:
            done = prepare(home, "acme", Period.parse("2025Q4"), chosen)
        except WorkbookError as fault:
            assert name in str(fault) and "expected" in str(fault), str(fault)
            assert not list((home / "outputs").rglob("*.parquet"))
            return str(fault)
        for row in done.row_ledger.to_dict("records"):
            fates = [row[f"rows_{fate}"] for fate in ("kept", "quarantined", "repeated", "set_aside")]
            assert row["rows_in"] == sum(fates)
            told = sum(len(frame) for frame in done.quarantine.values())
            assert told == row["rows_quarantined"]
        done.tables.connection.close()
        return "kept"


@often
@given(st.binary(max_size=600), st.sampled_from(["o.csv", "o.tsv", "o.xlsx", "o.xls", "o.parquet", "o.jsonl", "o.csv.gz"]))
@example(b"", "o.csv")
@example(b"\x00" * 64, "o.csv")
@example(b"\xff\xfe" + "id,who".encode("utf-16-le"), "o.csv")
@example(b"PK\x03\x04", "o.xlsx")
@example(b"PAR1PAR1", "o.parquet")
@example(b"{", "o.jsonl")
def test_any_bytes_under_any_name_are_read_or_refused(content, name):
    outcome(name, content)


@often
@given(st.integers(0, len(SOUND)), st.integers(0, len(SOUND)), st.binary(max_size=12))
@example(len(HEAD), len(SOUND), b"")
@example(20, 30, b'"')
@example(20, 30, b"\r")
@example(20, 21, b"\n\n\n")
@example(0, 2, "编号".encode("gb18030"))
def test_a_sound_file_of_which_any_stretch_of_bytes_was_changed_is_read_or_refused(first, last, between):
    first, last = sorted((first, last))
    outcome("o.csv", SOUND[:first] + between + SOUND[last:])


def test_the_sound_file_is_kept():
    assert outcome("o.csv", SOUND) == "kept"

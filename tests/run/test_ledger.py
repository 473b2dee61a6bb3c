"""A run reads the ledger and never writes to it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
from tests.run.conftest import Q3, Q4, Tiny

from workbook.accepting import append
from workbook.ledger import ledger_folder


def test_a_run_leaves_every_byte_of_the_ledger_alone(tiny: Tiny) -> None:
    rows = pd.DataFrame({"period": "2025Q3", "customer_id": ["a", "b"], "tier": "gold", "score": 1.0})
    assert append(tiny.home, "tiny", Q3, {"grades": rows}, on=dt.date(2025, 10, 12)).ok
    folder = ledger_folder(tiny.home, "tiny")
    torn = folder / "looks.jsonl"
    torn.write_bytes(b'{"pilot":"ca')  # what a crash left is mended by accepting, not by a run

    def state() -> dict[Path, tuple[bytes, int]]:
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*")}

    before = state()
    tiny.run(Q3, Q4)
    assert state() == before

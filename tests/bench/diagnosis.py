"""A million tickets through X3 and X5, and cross-sell over a million baskets of 2,000 products, each beside a baseline."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable

import duckdb
import numpy as np
import pandas as pd
from scipy import sparse

from workbook.diagnosis.companions import baskets_of, companion_pairs
from workbook.diagnosis.interaction import interaction_checks
from workbook.diagnosis.processes import complaint_loop, process_map
from workbook.diagnosis.queues import late_grid, queue
from workbook.diagnosis.reversal import channel_gaps
from workbook.diagnosis.service import service_checks
from workbook.diagnosis.tickets import ticket_times
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.tables import SCHEMAS, SQL_TYPES, Tables, count_filled, empty_tables

TICKETS, BASKETS, PRODUCTS = 1_000_000, 1_000_000, 2_000
SECONDS_OF_TICKETS, SECONDS_OF_BASKETS, MEGABYTES = 5.0, 10.0, 2048
PERIOD = Period.parse("2025Q4")
SETTINGS = Settings(client={"name": "Bench"})


def main() -> None:
    """Print the figures, each part in a process of its own."""
    for part in (tickets, baskets):
        sys.stdout.flush()
        if (child := os.fork()) == 0:
            part()
            sys.stdout.flush()
            os._exit(0)
        _, code = os.waitpid(child, 0)
        if code:
            raise SystemExit(f"failed: {part.__name__}")


def tables_with(**queries: str) -> Tables:
    """Canonical tables filled by queries that name some of their columns."""
    connection = duckdb.connect(config={"threads": 1})
    empty_tables(PERIOD, connection)
    for table, query in queries.items():
        given = connection.execute(f"describe {query}").df()["column_name"]
        columns = [c for c in SCHEMAS[table].columns if c in set(given)]
        casts = ", ".join(f'cast("{c}" as {SQL_TYPES[SCHEMAS[table].columns[c]]})' for c in columns)
        connection.execute(f'insert into "{table}" ({", ".join(columns)}) select {casts} from ({query})')
    return Tables(connection, PERIOD, {table: count_filled(connection, table) for table in queries})


def timed(name: str, work: Callable[[], object], goal: float | None = None) -> float:
    """Run and print wall seconds."""
    begun = time.monotonic()
    work()
    taken = time.monotonic() - begun
    print(f"{name:<46} {taken:6.1f} s wall{f'   (goal {goal:.0f} s)' if goal else ''}", flush=True)
    return taken


def tickets() -> None:
    """X3 and X5 over a million tickets of the period, with three logged events each."""
    tables = tables_with(
        tickets=f"""
            select i as ticket_id, hash(i) % 300000 as customer_id,
                   timestamp '2025-10-01' + to_seconds(cast(hash(i, 1) % 7900000 as bigint)) as opened_at,
                   opened_at + to_seconds(cast(hash(i, 2) % 40000 as bigint)) as first_response_at,
                   first_response_at + to_seconds(cast(hash(i, 3) % 300000 as bigint)) as resolved_at,
                   case when hash(i, 4) % 2 = 0
                        then resolved_at + to_seconds(cast(hash(i, 5) % 300000 as bigint)) end as called_back_at,
                   ['phone', 'web', 'wechat', 'email'][1 + cast(hash(i, 6) % 4 as int)] as channel,
                   ['complaint', 'use', 'delivery'][1 + cast(hash(i, 7) % 3 as int)] as topic,
                   ['high', 'medium', 'low'][1 + cast(hash(i, 8) % 3 as int)] as priority, hash(i, 9) % 20 = 0 as reopened
            from range({TICKETS}) t(i)""",
        customers="select i as customer_id, ['gold', 'silver', 'ordinary'][1 + i % 3] as tier from range(300000) t(i)",
        ticket_events=f"""
            select i // 3 as ticket_id,
                   timestamp '2025-10-01' + to_seconds(cast(hash(i // 3, 1) % 7900000 + i % 3 * 9000 as bigint)) as happened_at,
                   ['new', 'active', 'solved'][1 + i % 3] as activity from range({3 * TICKETS}) t(i)""",
    )
    profile = pd.DataFrame({"customer_id": np.arange(300_000).astype(str), "revenue": 1.0})

    def ours() -> None:
        interaction_checks(tables, profile, SETTINGS)
        service_checks(tables, profile, SETTINGS)
        late_grid(tables, SETTINGS)
        queue(tables)
        channel_gaps(tables, SETTINGS)
        ticket_times(tables, SETTINGS, "first_response_at")
        ticket_times(tables, SETTINGS, "resolved_at")
        complaint_loop(tables, SETTINGS)

    frame = tables.sql("select * from tickets")
    events = tables.sql("select * from ticket_events")

    def by_pandas() -> None:
        limit = frame["priority"].map(SETTINGS.service.first_response_hours)
        for start, end in (("opened_at", "first_response_at"), ("opened_at", "resolved_at")):
            hours = (frame[end] - frame[start]).dt.total_seconds() / 3600
            for by in ("channel", "priority", frame["opened_at"].dt.hour):
                (hours > limit).groupby(frame[by] if isinstance(by, str) else by).mean()
                hours.groupby(frame[by] if isinstance(by, str) else by).quantile([0.5, 0.9])

    def map_by_pandas() -> None:
        ordered = events.sort_values(["ticket_id", "happened_at"])
        after = ordered.groupby("ticket_id")["activity"].shift(-1)
        pd.crosstab(ordered["activity"], after)

    timed(f"{TICKETS:,} tickets through X3 and X5", ours, SECONDS_OF_TICKETS)
    timed("  late shares and quantiles alone in pandas", by_pandas)
    timed(f"  the map of {3 * TICKETS:,} events", lambda: process_map(tables))
    timed("  what follows on what alone in pandas", map_by_pandas)


def baskets() -> None:
    """The surest pairs of a million baskets."""
    tables = tables_with(
        orders=f"""
            select i as order_id, hash(i) % 200000 as customer_id, timestamp '2025-11-01' as ordered_at
            from range({BASKETS}) t(i)""",
        order_lines=f"""
            select i // 5 as order_id, i % 5 as line_id, 1 as quantity, 1 as amount,
                   cast(floor({PRODUCTS} * pow((hash(i) % 1000003) / 1000003, 2)) as integer) as product_id
            from range({5 * BASKETS}) t(i)""",
    )

    def ours() -> None:
        with baskets_of(tables, 12):
            companion_pairs(tables, SETTINGS.diagnosis.cross_lift)

    begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    timed(f"{BASKETS:,} baskets × {PRODUCTS:,} products: pairs", ours, SECONDS_OF_BASKETS)
    print(f"  most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB, {begun:.0f} MB before "
          f"(goal {MEGABYTES} MB)")  # fmt: skip
    lines = tables.sql("select distinct cast(order_id as int) as o, cast(product_id as int) as p from order_lines")

    def by_scipy() -> None:
        x = sparse.csr_matrix((np.ones(len(lines)), (lines["o"], lines["p"])))
        (x.T @ x).tocoo()

    timed("  joint counts alone by scipy.sparse", by_scipy)


if __name__ == "__main__":
    main()

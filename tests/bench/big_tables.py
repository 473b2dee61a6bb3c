"""Large deliveries: order lines to the profile beside a query written by hand, the same under a memory limit, a GBK file.

Ten million lines, 3.3 million orders, one million customers; both sides read the same Parquet files with one thread, since
the product sums floats with one. CPU is the figure to compare on a machine that others use too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb
import pandas as pd
from measuring import Measured, measured

from workbook.period import Period
from workbook.settings.models import Settings, Source
from workbook.sources.profile import build_profile
from workbook.sources.read import read_file
from workbook.tables import MEMORY, SCHEMAS, SQL_TYPES, Tables, count_filled, empty_tables

LINES, CUSTOMERS, LINES_AN_ORDER = 10_000_000, 1_000_000, 3
ROWS_OF_CSV = 1_000_000
RATIO, MEGABYTES, SECONDS_OF_CSV = 1.3, 1500, 10.0
PERIOD = Period.parse("2025Q4")
_BY_HAND = Path(__file__).with_name("profile_by_hand.sql")


def compare(place: Path) -> None:
    """Print the figures."""
    small, large = place / "lines", place / "many_lines"
    invent(small, LINES)
    tables(small).connection.close()  # counts what is filled, as the preparation has done before any profile
    ours, hand = (run("profile", small, way) for way in ("ours", "by hand"))
    told(f"{LINES:,} lines to {CUSTOMERS:,} profiles", ours)
    told("  the query written by hand", hand)
    print(f"  CPU {ours.cpu / hand.cpu:.2f} ×, wall {ours.wall / hand.wall:.2f} × by hand (goal {RATIO} ×)")
    print(f"  most memory {ours.memory:.0f} MB (goal {MEGABYTES} MB)", flush=True)
    same(small)
    invent(large, 5 * LINES)
    tables(large).connection.close()
    told(f"{5 * LINES:,} lines (limit {MEMORY})", run("profile", large, "ours"))
    path = place / "orders.csv"
    write_gbk(path)
    reading = run("csv", path, "ours")
    told(f"{ROWS_OF_CSV:,} rows of CSV in GBK", reading)
    told("  pandas.read_csv", run("csv", path, "by hand"))
    print(f"  wall {reading.wall:.1f} s (goal {SECONDS_OF_CSV:.0f} s on two quiet cores)", flush=True)


def told(name: str, one: Measured) -> None:
    """One line of the result."""
    print(f"{name:<46} {one.wall:6.1f} s wall {one.cpu:6.1f} s CPU {one.memory:6.0f} MB", flush=True)


def run(what: str, path: Path, way: str) -> Measured:
    """One piece of work in a process of its own, less what its imports take."""
    command = [sys.executable, __file__, what, str(path), way]
    idle = measured([sys.executable, __file__, "nothing", str(path), way], path.parent)
    whole = measured(command, path.parent)
    return Measured(whole.wall - idle.wall, whole.cpu - idle.cpu, whole.memory)


def invent(folder: Path, lines: int) -> None:
    """Canonical tables as stage 2 writes them: sorted by key, decimals, text ids."""
    folder.mkdir()
    with duckdb.connect(config={"temp_directory": str(folder / "spill"), "memory_limit": "3GB"}) as connection:

        def write(table: str, query: str) -> None:
            given = connection.execute(f"describe {query}").df()["column_name"]
            empty_tables(PERIOD, connection)
            columns = ", ".join(f'cast("{c}" as {t}) as "{c}"' for c, t in _types(table).items() if c in set(given))
            rest = ", ".join(f'cast(null as {t}) as "{c}"' for c, t in _types(table).items() if c not in set(given))
            connection.execute(
                f"copy (select {columns}{', ' + rest if rest else ''} from ({query})) to '{folder / (table + '.parquet')}' "
                "(format parquet, compression zstd)"
            )

        orders = lines // LINES_AN_ORDER
        write(
            "customers",
            f"""
            select 'C' || lpad(i::varchar, 7, '0') as customer_id, 'person' as kind, '上海' as region, '餐饮' as industry,
                '+8613' || lpad((hash(i) % 1000000000)::varchar, 9, '0') as phone, 'active' as status,
                date '2022-01-01' + (hash(i, 1) % 1400)::integer as created_at, date '2025-06-01' as updated_at
            from range({CUSTOMERS}) as t(i) order by 1""",
        )
        write(
            "orders",
            f"""
            select 'O' || lpad(i::varchar, 9, '0') as order_id, 'C' || lpad((hash(i, 2) % {CUSTOMERS})::varchar, 7, '0')
                as customer_id, timestamp '2023-07-01' + interval (hash(i, 3) % 79000000) second as ordered_at,
                (hash(i, 4) % 100000) / 100 as amount, 'completed' as status, 'online' as channel
            from range({orders}) as t(i) order by 1""",
        )
        write(
            "order_lines",
            f"""
            select 'O' || lpad((i // {LINES_AN_ORDER})::varchar, 9, '0') as order_id, (i % {LINES_AN_ORDER})::varchar
                as line_id,
                'P' || (hash(i, 5) % 500)::varchar as product_id, 1 + hash(i, 6) % 3 as quantity,
                (hash(i, 7) % 30000) / 100 as amount, (hash(i, 7) % 30000) / 160 as cost, (hash(i, 8) % 300) / 100 as discount
            from range({orders * LINES_AN_ORDER}) as t(i) order by 1, 2""",
        )
        write(
            "products",
            """
            select 'P' || i::varchar as product_id, '商品' || i as name, '类目' || (i % 12) as category, 9.9 as price
            from range(500) as t(i) order by 1""",
        )


def _types(table: str) -> dict[str, str]:
    return {name: SQL_TYPES[kind] for name, kind in SCHEMAS[table].columns.items()}


def tables(folder: Path) -> Tables:
    """The canonical tables as the preparation opens them."""
    config: dict[str, str | int] = {"temp_directory": str(folder / "spill"), "threads": 1}
    found = empty_tables(PERIOD, duckdb.connect(config=config))
    filled = {}
    for path in sorted(folder.glob("*.parquet")):
        found.connection.execute(f'drop table "{path.stem}"')
        found.connection.execute(f"create view \"{path.stem}\" as select * from read_parquet('{path}')")
        facts = folder / f"{path.stem}.json"
        if not facts.is_file():
            facts.write_text(json.dumps(count_filled(found.connection, path.stem)))
        filled[path.stem] = json.loads(facts.read_text())
    return Tables(found.connection, PERIOD, filled)


def profile(folder: Path, way: str) -> pd.DataFrame:
    """One row a customer, by the product or by hand."""
    opened = tables(folder)
    if way == "by hand":
        return opened.connection.execute(_BY_HAND.read_text("utf-8")).df()
    return build_profile(opened, Settings.model_validate({"client": {"name": "Bench"}})).frame


def same(folder: Path) -> None:
    """Stop where the two profiles differ in a column."""
    ours, hand = profile(folder, "ours"), profile(folder, "by hand")
    if list(ours.columns) != list(hand.columns):
        raise SystemExit(f"other columns: {set(ours.columns) ^ set(hand.columns)}")
    for column in ours.columns:
        a, b = ours[column], hand[column]
        if a.isna().all() or not b.notna().any():
            continue  # not delivered: null for the product, nothing or zero by hand
        if pd.api.types.is_numeric_dtype(a):
            alike = (a.astype("float64") - b.astype("float64")).abs().max() < 1e-6
        elif pd.api.types.is_datetime64_any_dtype(a):
            alike = a.equals(pd.to_datetime(b).astype(a.dtype))
        else:
            alike = (a.astype("str").to_numpy() == b.astype("str").to_numpy()).all()
        if not alike:
            raise SystemExit(f"{column} differs from the query by hand")


def write_gbk(path: Path) -> None:
    """Orders in GBK, as a shop's back office exports them."""
    cities = ["上海市浦东新区", "北京市朝阳区", "广州市天河区", "成都市武侯区"]
    with path.open("w", encoding="gbk", newline="") as file:
        file.write("订单编号,客户编号,下单时间,应付金额,订单状态,收货地址,备注\r\n")
        for i in range(ROWS_OF_CSV):
            file.write(
                f"2025{i:010d},C{i % 200_000:07d},2025/{1 + i % 12}/{1 + i % 28} {i % 24}:{i % 60:02d},"
                f'"{1 + i % 9},{i % 1000:03d}.{i % 100:02d}",已完成,{cities[i % 4]}第{i % 500}号,\r\n'
            )


def read(path: Path, way: str) -> int:
    """Rows of the file, by the product's reader or by pandas."""
    if way == "by hand":
        return len(pd.read_csv(path, encoding="gbk", dtype="str"))
    source = Source(table="orders", file=path.name, columns={})
    with duckdb.connect() as connection:
        return read_file(connection, path, path.name, source, "raw").rows


if __name__ == "__main__":
    what, path, way = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    if what == "profile":
        assert len(profile(path, way)) == CUSTOMERS
    elif what == "csv":
        assert read(path, way) == ROWS_OF_CSV
    else:
        tables(path) if path.is_dir() else None

"""The files on disk: the demo is what its seed makes, the settings are valid, the truth is complete."""

import json
import re
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from workbook.errors import UsageError
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.synthetic import Faults, write_delivery
from workbook.tables import SCHEMAS

REPOSITORY = Path(__file__).resolve().parents[2]


def files_of(home: Path) -> dict[str, Path]:
    folders = (home / "data" / "synthetic" / "demo", home / "params" / "demo")
    return {p.relative_to(home).as_posix(): p for folder in folders for p in folder.rglob("*") if p.is_file()}


def content(path: Path) -> object:
    if path.suffix != ".xlsx":
        return path.read_bytes()
    # builds of zlib pack alike content differently; what is packed must be the same byte for byte
    with zipfile.ZipFile(path) as pack:
        return [(info.filename, info.date_time, pack.read(info)) for info in pack.infolist()]


def test_committed_demo_is_remade_byte_for_byte(remade: Path) -> None:
    made, committed = files_of(remade), files_of(REPOSITORY)
    assert sorted(made) == sorted(committed)
    assert [name for name in made if content(made[name]) != content(committed[name])] == []


def test_demo_stays_small_enough_to_commit(remade: Path) -> None:
    assert sum(p.stat().st_size for n, p in files_of(remade).items() if n.startswith("data/")) <= 6_000_000


def test_settings_of_the_demo_are_valid_and_map_columns_that_exist(remade: Path) -> None:
    raw = YAML(typ="safe").load((remade / "params" / "demo" / "engagement.yaml").read_text("utf-8"))
    settings = Settings.model_validate(raw)
    assert settings.client.synthetic
    assert {s.table for s in settings.sources} <= set(SCHEMAS)
    for period in ("2025Q1", "2025Q2", "2025Q3", "2025Q4"):
        Settings.model_validate(raw | YAML(typ="safe").load((remade / "params" / "demo" / f"{period}.yaml").read_text("utf-8")))
        for source in settings.sources:
            assert set(source.columns) | set(source.constants) <= set(SCHEMAS[source.table].columns)
            found = sorted((remade / "data" / "synthetic" / "demo" / period).glob(source.file))
            assert found, (period, source.file)
            for path in found:
                if path.suffix == ".csv":
                    header = pd.read_csv(path, nrows=1, encoding=source.encoding or "utf-8-sig").columns
                    assert set(source.columns.values()) <= set(header), (path, set(source.columns.values()) - set(header))


def test_deliveries_after_the_first_hold_only_new_orders(remade: Path) -> None:
    months = {p.parent.name: [] for p in (remade / "data").rglob("orders_*.csv")}
    for path in sorted((remade / "data").rglob("orders_*.csv")):
        months[path.parent.name].append(path.stem.removeprefix("orders_"))
    assert months["2025Q1"][0] == "2024-01"
    assert months["2025Q1"][-1] == "2025-03"
    assert months["2025Q3"] == ["2025-07", "2025-08", "2025-09"]
    assert months["2025Q4"] == ["2025-10", "2025-11", "2025-12", "2026-01"], "rows dated too late are part of the last delivery"


def test_no_contact_could_be_a_real_persons_address(remade: Path) -> None:
    crm = pd.read_csv(remade / "data/synthetic/demo/2025Q4/crm_客户.csv", encoding="gbk", dtype=str)
    whole = crm["邮箱"].dropna().loc[lambda e: e.str.contains(r"@.*\.")]
    assert whole.str.fullmatch(r"u\d+@example\.(?:cn|com)").all()


def test_truth_names_every_fault_with_its_victims(remade: Path) -> None:
    truth = json.loads((remade / "data/synthetic/demo/truth.json").read_text("utf-8"))
    assert set(truth["faults"]) == set(Faults.none().strengths())
    for name, fault in truth["faults"].items():
        assert fault["strength"] > 0, name
        assert 0 < fault["affected"] == len(fault["ids"]) <= fault["eligible"], name
    assert [p["id"] for p in truth["pilots"]] == ["welcome_card", "monthly_care"]
    assert len(truth["customers"]["customer_id"]) == 2000
    assert all(pair["lift"] > 1 for pair in truth["pairs"])


def test_other_seed_other_client_and_same_seed_same_client(tmp_path: Path) -> None:
    a, b, c = (
        write_delivery("small", tmp_path / n, customers=150, periods=1, seed=s) for n, s in (("a", 1), ("b", 1), ("c", 2))
    )
    assert (a / "truth.json").read_bytes() == (b / "truth.json").read_bytes()
    assert (a / "truth.json").read_bytes() != (c / "truth.json").read_bytes()


@pytest.mark.parametrize("last", ["2025-06", "2025H1", "2024"])
def test_periods_of_any_length_can_be_made(tmp_path: Path, last: str) -> None:
    folder = write_delivery("any", tmp_path, customers=300, periods=2, last_period=Period.parse(last), faults={})
    assert sorted(p.name for p in folder.iterdir() if p.is_dir()) == sorted([Period.parse(last).previous.name, last])
    for path in folder.rglob("*.csv"):
        assert len(path.read_bytes().splitlines()) > 1, f"{path.name} is a header without rows"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "../x"}, "name: found '../x'"),
        ({"name": "Demo"}, "name: found 'Demo'"),
        ({"customers": 3}, "customers: found 3, expected 100 or more"),
        ({"periods": 0}, "periods: found 0"),
        ({"seed": -1}, "seed: found -1"),
        ({"faults": {"typo": 1}}, "faults: found typo"),
        ({"faults": {"misgraded": 1.5}}, "faults.misgraded: found 1.5"),
    ],
)
def test_arguments_without_meaning_are_refused_and_nothing_is_written(tmp_path: Path, arguments: dict, words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        write_delivery(**({"name": "x", "out": tmp_path} | arguments))
    assert list(tmp_path.iterdir()) == []


def test_an_engagement_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "params" / "x").mkdir(parents=True)
    with pytest.raises(UsageError, match="found a folder"):
        write_delivery("x", tmp_path, customers=100)

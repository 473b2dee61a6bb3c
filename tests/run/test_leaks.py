"""The demo's people stand in no output of a run: neither in notebooks and pages nor in manifest and lists."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DEPARTMENTS = ("sales", "marketing", "service")
"""Lists in which a department reads the names of its own account managers."""


@pytest.fixture(scope="module")
def people(demo_home: Path) -> tuple[set[str], set[str]]:
    """Names of persons, and telephone numbers and addresses, as they stand in the delivery of the last period."""
    folder = demo_home / "data" / "synthetic" / "demo" / "2025Q4"
    crm = (folder / "crm_客户.csv").read_bytes().decode("gbk")
    shop = (folder / "shop_members.csv").read_text("utf-8-sig")
    names = {line.split(",")[1] for line in crm.splitlines()[1:] if line.split(",")[2] == "个人"}
    names |= {line.split(",")[1] for line in shop.splitlines()[1:]}
    contacts = set(re.findall(r"[\w.]+@\w[\w.]*", (crm + shop).lower()))
    contacts |= set(re.findall(r"(?<!\d)1[3-9]\d{9}(?!\d)", crm + shop))
    names = {name for name in names if re.fullmatch(r"[一-鿿]{3,4}", name)}
    assert len(names) > 300 and len(contacts) > 1000
    return names, contacts


def texts(folder: Path) -> dict[str, str]:
    """Every file that a person reads, as text; of Excel files the strings."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.suffix in (".html", ".ipynb", ".json", ".csv", ".ics", ".md"):
            found[name] = path.read_text("utf-8")
        elif path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                found[name] = "\n".join(book.read(part).decode("utf-8") for part in book.namelist() if part.endswith(".xml"))
    return found


def spoken(text: str) -> set[str]:
    """All that could be a name, a telephone number or an address in a text."""
    runs = set(re.findall("[一-鿿]{3,}", text))
    names = {run[i : i + n] for run in runs for n in (3, 4) for i in range(len(run) - n + 1)}
    near = " ".join(run for run in re.findall(r"[\w.@]+", text.lower()) if "@" in run)  # embedded fonts are one long word
    return names | set(re.findall(r"[\w.]+@\w[\w.]*", near)) | set(re.findall(r"(?<!\d)1[3-9]\d{9}(?!\d)", text))


@pytest.mark.parametrize("period", ["2025Q3", "2025Q4"])
def test_no_output_names_a_person(demo_home: Path, people: tuple[set[str], set[str]], period: str) -> None:
    names, contacts = people
    outputs = texts(demo_home / "outputs" / "demo" / period)
    assert {"manifest.json", "report.zh.html", "notebooks/2_integrate.ipynb", "lists/data_quality.zh.xlsx"} <= set(outputs)
    told = {name: sorted(found)[:3] for name, text in outputs.items() if (found := spoken(text) & (names | contacts))}
    assert told == {}


def test_account_managers_are_named_only_to_departments(demo_home: Path) -> None:
    outputs = texts(demo_home / "outputs" / "demo" / "2025Q4")
    telling = {name for name, text in outputs.items() if re.search("客户经理[甲乙丙丁戊己庚辛]", text)}
    assert telling and {name.rpartition("/")[2].partition(".")[0] for name in telling} <= set(DEPARTMENTS)

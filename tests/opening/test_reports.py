"""Published sets from the bare files to a report: the pages show the published figures and claim nothing beside them."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from workbook.opening.client import open_client
from workbook.period import Period
from workbook.run.execute import run_periods

DATA = Path(__file__).parents[3] / "shared" / "data"
Reported = Callable[..., dict[str, str]]


def words(page: Path) -> str:
    """The words of a page, cells parted by bars."""
    bare = re.sub(r"<style.*?</style>", "", page.read_text("utf-8"), flags=re.S)
    parted = re.sub(r"</t[dh]>", " | ", bare)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", parted)))


@pytest.fixture
def reported(tmp_path: Path) -> Reported:
    """Open an engagement from files, answers given, run it, and read the English pages: period → words."""

    def run(files: list[Path], period: str, *answers: str, settings: dict[str, str] | None = None, template: str = "retail"):
        folder = tmp_path / "in"
        folder.mkdir()
        for file in files:
            shutil.copy(file, folder)
        replies = iter(answers)
        when = Period.parse(period)
        open_client(tmp_path, "acme", folder, period=when, template=template, ask=lambda _: next(replies, ""))
        for name, said in (settings or {period: ""}).items():
            (tmp_path / "params" / "acme" / f"{name}.yaml").write_text(said)
            if name != period:  # the same files, seen at an earlier day
                shutil.copytree(tmp_path / "data" / "acme" / period, tmp_path / "data" / "acme" / name)
        wanted = sorted((Period.parse(name) for name in settings or {period: ""}), key=lambda one: one.end)
        run_periods(tmp_path, "acme", wanted)
        results = tmp_path / "outputs" / "acme"
        assert all((results / one.name / "report.zh.html").is_file() for one in wanted)
        return {one.name: words(results / one.name / "report.en.html") for one in wanted}

    return run


def files_of(name: str) -> list[Path]:
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return [path for path in sorted(folder.iterdir()) if path.suffix != ".md"]


@pytest.fixture
def cdnow(tmp_path: Path) -> list[Path]:
    """The sample with names above its columns, as the workbook asks for them."""
    sample = next(path for path in files_of("cdnow") if path.name == "CDNOW_sample.txt")
    rows = [line.split() for line in sample.read_text().splitlines()]
    path = tmp_path / "orders.csv"
    path.write_text("customer_id,order_date,units,amount\n" + "".join(f"{a},{d},{n},{m}\n" for a, _, d, n, m in rows))
    return [path]


@pytest.mark.long
def test_cdnow_shows_the_published_fits_and_the_published_holdout(cdnow, reported):
    # the cohort is seen from its first day; 39 weeks end on 30 September 1997, the 39 of the holdout on 30 June 1998
    pages = reported(cdnow, "1998Q2", settings={
        "1997Q3": "value: {lead_days: 0, models: [bg_nbd], holdout_months: 3}\n",
        "1998Q2": "value: {lead_days: 0, holdout_months: 9}\n",
    })  # fmt: skip
    early, late = pages["1997Q3"], pages["1998Q2"]
    # oracles.md: Fader, Hardie & Lee 2005: .2426, 4.4135, .7929, 2.4258; Gamma-Gamma 6.25, 3.74, 15.44 on 946
    for name, value in (("r", "0.243"), ("alpha", "4.414"), ("a", "0.793"), ("b", "2.426")):
        assert re.search(rf"BG/NBD \| all \| {name} \| {value} \([^)]*\) \| 2,357 \|", early), name
    for name, value in (("p", "6.250"), ("q", "3.744"), ("v", "15.444")):
        assert re.search(rf"Gamma-Gamma \(spend\) \| all \| {name} \| {value} \([^)]*\) \| 946 \|", early), name
    # oracles.md: 1,882 transactions; RMSE, bias, r, top tenth
    assert "n = 2,357 customers, 1,882 purchases" in late
    for method, rmse, bias, r, top in (
        ("Pareto/NBD", "1.603", -12, "0.630", "47.0"), ("BG/NBD", "1.608", -12, "0.626", "46.7"),
        ("Past rate, none after a long silence", "2.022", -2, "0.603", "47.1"),
        ("Past rate carried on", "2.212", 56, "", ""), ("Nobody buys again", "2.206", -100, "", ""),
    ):  # fmt: skip
        row = re.search(rf"\| {re.escape(method)} \| {rmse} \([^)]*\) \| (\S+)% [^|]*\| ([^|]*)\| [^|]*\| ([^|]*)\|", late)
        assert row, method
        assert round(float(row[1])) == bias and row[2].startswith(r) and row[3].startswith(top), (method, row[0])


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "period", "template", "answers", "shown", "claimed"),
    [
        # oracles.md and the README of each set
        ("iranian_churn", "2025Q4", "subscription", ["= row number", "= 2025-12-31"],
         ["495 of 3,150 have left", "495 (16%) have left"], ["Repeat-purchase rate |"]),
        ("ibm_telco", "2018Q4", "subscription", ["= 2018-12-31"], ["1,869 of 7,043 have left", "1,869 (27%) have left"],
         ["Repeat-purchase rate |"]),
        ("bank_marketing", "2025Q4", "finance", ["= row number", "= 2025-12-31"], ["12% of 45,211 customers reached responded"],
         ["Repeat-purchase rate |", "raised it"]),
        ("wholesale_customers", "2025Q4", "b2b", ["= row number"], ["100% of 440 rows"], ["Repeat-purchase rate |"]),
        ("online_retail", "2011Q4", "retail", [], ["Customers | 541,909 | 135,080 |", "n = 4,372 customers"], []),
        ("complete_journey", "2017Q4", "retail", [],
         ["n = 2,469 customers", "Campaigns were not randomised: no effect can be claimed"], ["raised it"]),
    ],
)  # fmt: skip
def test_a_published_set_runs_to_a_report_with_its_figures(name, period, template, answers, shown, claimed, reported):
    files = files_of(name)
    if name == "wholesale_customers":  # the other file is the same list in another encoding
        files = [path for path in files if "clean" in path.name]
    page = reported(files, period, *answers, template=template)[period]
    for figure in shown:
        assert figure in page, figure
    for claim in claimed:
        assert claim not in page, claim

"""What the overview finds in a home, and how little it reads to find it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.diff.made_up import KPIS, manifest, publish, tables
from tests.overview.conftest import add_period, made_up_home

from workbook.overview import results
from workbook.overview.results import Measure, find_results, keep_figures


def test_states_of_all_periods_the_latest_first(home):
    found = [(r.client, r.period.name, r.state) for r in find_results(home).results]
    assert found == [
        ("hostile", "2025-11", "failed_after"),
        ("made-up", "2026Q1", "waiting"),
        ("made-up", "2025Q4", "published"),
        ("made-up", "2025Q3", "published"),
        ("made-up", "2025Q2", "failed"),
    ]


def test_a_delivery_that_is_a_package_waits_for_nothing(tmp_path):
    add_period(tmp_path, "panel", "2017Q4", delivered=False)
    assert find_results(tmp_path).results[0].state == "waiting"
    (tmp_path / "params" / "panel" / "engagement.yaml").write_text("delivery:\n  package: somewhere\n")
    assert find_results(tmp_path).results[0].state == "not_run"


def test_key_figures_are_those_of_the_artefacts(home):
    figures = next(r for r in find_results(home).results if r.period.name == "2025Q4").figures
    assert figures.repurchase == Measure(0.8, -0.02, "worse")
    assert figures.revenue == Measure(1000.0)
    assert (figures.high_tiers, figures.high_problems) == (0.8, 2)


def test_what_was_not_measured_is_nothing_and_not_zero(tmp_path):
    publish(tmp_path / "outputs" / "c" / "2025Q4", artefacts={"kpis": KPIS.iloc[:0], "problems": {"not_measured": {}}})
    figures = find_results(tmp_path).results[0].figures
    assert (figures.repurchase, figures.revenue, figures.high_tiers, figures.high_problems) == (None, None, None, None)


@pytest.mark.parametrize("broken", ["manifest.json", "tables/kpis.parquet"])
def test_a_broken_file_costs_one_row_its_figures_and_no_other(tmp_path, broken):
    made_up_home(tmp_path)
    (tmp_path / "outputs" / "made-up" / "2025Q4" / broken).write_bytes(b"{ not what it was")
    found = {r.period.name: r for r in find_results(tmp_path).results}
    assert (found["2025Q4"].state, found["2025Q4"].figures) == ("published", None)
    assert found["2025Q3"].figures is not None


def test_kept_figures_are_read_anew_only_where_a_manifest_changed(tmp_path, monkeypatch):
    made_up_home(tmp_path)
    first = find_results(tmp_path)
    keep_figures(first)
    read = []
    monkeypatch.setattr(results, "_read_figures", lambda folder, settings: read.append(folder) or results.Figures())
    assert find_results(tmp_path).results == first.results
    assert read == []
    publish(tmp_path / "outputs" / "made-up" / "2025Q4", manifest(seed=2), tables())
    find_results(tmp_path)
    assert [folder.parent.name for folder in read] == ["2025Q4"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"made-up/2025Q4": 1}'])
def test_torn_kept_figures_are_read_anew(tmp_path, content):
    made_up_home(tmp_path)
    (tmp_path / "outputs" / ".overview").mkdir()
    (tmp_path / "outputs" / ".overview" / "figures.json").write_text(content)
    assert all(r.figures for r in find_results(tmp_path).results if r.manifest)


def test_files_of_other_names_and_an_empty_home_do_no_harm(tmp_path):
    assert find_results(tmp_path).results == ()
    made_up_home(tmp_path)
    (tmp_path / "params" / "made-up" / "notes.yaml").touch()
    (tmp_path / "outputs" / "made-up" / "old copy").mkdir()
    assert len(find_results(tmp_path).results) == 5


def test_two_hundred_periods_are_listed_without_importing_anything_heavy(tmp_path):
    template = publish(tmp_path / "one", manifest("2024Q1"))
    content = json.loads((template / "manifest.json").read_text("utf-8"))
    for client in range(50):
        for quarter in range(1, 5):
            folder = tmp_path / "outputs" / f"c{client}" / f"2025Q{quarter}"
            folder.mkdir(parents=True)
            (folder / "tables").symlink_to(template / "tables")
            (folder / "manifest.json").write_text(json.dumps({**content, "period": folder.name}), "utf-8")
    keep_figures(find_results(tmp_path))
    code = (
        "import sys; from pathlib import Path; from workbook.overview.results import find_results;"
        "from workbook.overview.words import as_screen; from workbook.language import Edition;"
        "assert as_screen(find_results(Path(sys.argv[1])), Edition('en')).count('\\n') == 200;"
        "heavy = {'pandas', 'pyarrow', 'matplotlib', 'nbconvert', 'pydantic'};"
        "print(*heavy & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert done.stdout.split() == []

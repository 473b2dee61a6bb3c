"""``workbook diff`` and ``workbook list`` from the command line."""

from __future__ import annotations

import json

import pytest
from tests.diff.made_up import manifest, publish
from typer.testing import CliRunner

from workbook.cli import app


@pytest.fixture
def workbook(tmp_path):
    for period in ("2025Q3", "2025Q4"):
        publish(tmp_path / "outputs" / "made-up" / period, manifest(period))
    return lambda *words: CliRunner().invoke(app, ["--home", str(tmp_path), *words])


@pytest.mark.parametrize(("language", "head"), [("en", "2025Q4 against 2025Q3"), ("zh", "2025Q4 对比 2025Q3")])
def test_diff_tells_the_screen_in_the_language_asked_for(workbook, language, head):
    done = workbook("diff", "made-up", "2025Q3", "2025Q4", "--language", language)
    assert done.exit_code == 0
    assert done.stdout.startswith(head)


def test_diff_writes_pages_beside_the_results(workbook, tmp_path):
    done = workbook("diff", "made-up", "2025Q3", "2025Q4", "--html")
    folder = tmp_path / "outputs" / "made-up"
    assert done.stdout.split() == [str(folder / f"diff-2025Q3-2025Q4.{code}.html") for code in ("zh", "en")]
    named = workbook("diff", "made-up", "2025Q3", "2025Q4", "--file", str(tmp_path / "x.html"))
    assert named.stdout.strip() == str(tmp_path / "x.html")


def test_diff_tells_programs_in_json(workbook):
    told = json.loads(workbook("diff", "made-up", "2025Q3", "2025Q4", "--json").stdout)
    assert (told["before"]["period"], told["after"]["period"], told["same"]) == ("2025Q3", "2025Q4", True)


def test_faults_of_the_input_and_of_the_usage_are_told_apart(workbook):
    assert workbook("diff", "made-up", "2025Q1", "2025Q4").exit_code == 1
    assert workbook("diff", "made-up", "2025Q3", "2025Q4", "--language", "fr").exit_code == 2


def test_list_as_screen_json_and_pages(workbook, tmp_path):
    assert workbook("list", "--language", "zh").stdout.count("已发布") == 2
    told = json.loads(workbook("list", "--json").stdout)
    assert [(line["period"], line["figures"]["revenue"]["value"]) for line in told] == [("2025Q4", 1000.0), ("2025Q3", 1000.0)]
    pages = workbook("list", "--html").stdout.split()
    assert pages == [str(tmp_path / "outputs" / name) for name in ("index.html", "index.zh.html")]

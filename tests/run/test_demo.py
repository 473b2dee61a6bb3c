"""The whole way, for real: the demo's deliveries become reports, twice the same."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import demo_periods

from workbook.period import Period
from workbook.run.execute import run_periods
from workbook.run.verify import verify
from workbook.settings.reading import periods
from workbook.stages import STAGES
from workbook.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def last(demo_home: Path) -> Path:
    """The published folder of the last period."""
    return demo_home / "outputs" / "demo" / periods(demo_home, "demo")[-1].name


def test_each_period_is_published_with_a_report_in_every_language(demo_home: Path) -> None:
    for period in periods(demo_home, "demo")[-2:]:
        folder = demo_home / "outputs" / "demo" / period.name
        for language in ("en", "zh"):
            page = (folder / f"report.{language}.html").read_text("utf-8")
            assert len(page) > 100_000
            assert period.name in page


def test_every_stage_saved_what_it_declares(last: Path) -> None:
    store = Store(last / "tables")
    for stage in STAGES:
        for name in stage.makes:
            store.read(name)


def test_the_manifest_holds_the_hash_of_every_published_file(last: Path) -> None:
    manifest = json.loads((last / "manifest.json").read_text("utf-8"))
    for name, digest in manifest["artefacts"].items():
        assert hashlib.sha256((last / name).read_bytes()).hexdigest() == digest, name
    assert set(manifest["stages"]) == {stage.id for stage in STAGES}
    assert len(manifest["deliveries"]) >= 10


def test_no_published_text_names_a_folder_of_the_machine(demo_home: Path, last: Path) -> None:
    for path in last.rglob("*"):
        if path.suffix in (".html", ".ipynb", ".json", ".csv", ".ics"):
            words = path.read_text("utf-8")
            assert str(demo_home) not in words and sys.prefix not in words, path


@pytest.fixture(scope="module")
def copied(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's home in a folder of another name."""
    home = tmp_path_factory.mktemp("another place") / "home"
    shutil.copytree(demo_home, home)
    return home


def test_fresh_kernels_elsewhere_leave_the_same_bytes_figures_and_pages_included(copied: Path, last: Path) -> None:
    notebooks = [path.read_text("utf-8") for path in sorted((last / "notebooks").glob("*.ipynb"))]
    assert len(notebooks) == len(STAGES) and sum('"kind": "figure"' in text for text in notebooks) >= 5
    assert verify(copied, "demo", Period.parse(last.name), engine="papermill") == []


def test_where_nothing_is_stale_nothing_heavy_is_imported(copied: Path, demo_home: Path) -> None:
    code = """if True:
        import sys
        from workbook.cli import app
        try:
            app(sys.argv[1:])
        except SystemExit as end:
            assert not end.code, end.code
        print(sorted({name.partition(".")[0] for name in sys.modules}))
    """
    names = [period.name for period in demo_periods()]
    words = [sys.executable, "-c", code, "--home", str(copied), "run", "demo", *names]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *reports, modules = done.stdout.splitlines()
    assert len(reports) == 2 * len(names)
    heavy = {"pandas", "numpy", "duckdb", "matplotlib", "IPython", "papermill", "nbformat", "nbclient", "ruamel", "babel"}
    assert heavy & set(ast.literal_eval(modules)) == set()


def test_one_setting_changed_executes_only_the_stages_that_read_it(copied: Path, last: Path) -> None:
    told = []
    period = Period.parse(last.name)
    (result,) = run_periods(copied, "demo", [period], overrides={"next_pilot.power": 0.9}, echo=told.append)
    assert result.stages == ("5_pilot",)
    # 6_iterate reads the decision on the pilots, which came out the same
    assert [event.stage for event in told if event.kind == "reused"] == [s.id for s in STAGES if s.id != "5_pilot"]


@pytest.mark.parametrize("stage", ["3_diagnose", "6_iterate"])
def test_papermill_alone_executes_a_notebook_whose_inputs_exist(
    demo_home: Path, last: Path, stage: str, tmp_path: Path
) -> None:
    """By its command line; test_nbval executes each of the six without the run."""
    from workbook.places import notebooks_folder

    home = tmp_path / "home"
    shutil.copytree(demo_home, home)
    published = home / "outputs" / "demo" / last.name
    before = sorted(published.rglob("*"))
    papermill = Path(sys.executable).parent / "papermill"
    words = [papermill, notebooks_folder() / f"{stage}.ipynb", "out.ipynb", "-p", "client", "demo", "-p", "period", last.name]
    environment = {**os.environ, "WORKBOOK_HOME": str(home)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert sorted(published.rglob("*")) == before

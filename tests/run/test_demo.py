"""The whole way, for real: the demo's deliveries become reports, twice the same."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbook.period import Period
from workbook.run.execute import run_periods
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


def test_a_second_run_elsewhere_leaves_the_same_bytes(
    demo_home: Path, last: Path, tmp_path: Path, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    home = tmp_path / "another place"
    shutil.copytree(demo_home, home)
    shutil.rmtree(home / "outputs" / "demo" / last.name)
    shutil.rmtree(home / "outputs" / "demo" / ".prepared")
    (again,) = run_periods(home, "demo", [Period.parse(last.name)])
    one, two = contents(last), contents(again.folder)
    assert sorted(one) == sorted(two)
    assert [name for name in one if one[name] != two[name]] == []


@pytest.mark.parametrize("stage", [stage.id for stage in STAGES])
def test_papermill_alone_executes_a_notebook_whose_inputs_exist(
    demo_home: Path, last: Path, stage: str, tmp_path: Path
) -> None:
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

"""The manifest says what went in and what came out, and holds the only times."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

from workbook.run.manifest import git_revision


def test_the_manifest_names_settings_deliveries_artefacts_code_and_packages(tiny: Any) -> None:
    (result,) = tiny.run()
    manifest = json.loads((result.folder / "manifest.json").read_text("utf-8"))
    assert manifest["settings"]["client"]["name"] == "Tiny"
    assert manifest["deliveries"] == {"orders.csv": hashlib.sha256(b"id\n1\n").hexdigest()}
    artefact = result.folder / "tables" / "doubled.json"
    assert manifest["artefacts"]["tables/doubled.json"] == hashlib.sha256(artefact.read_bytes()).hexdigest()
    assert set(manifest["artefacts"]) == {
        p.relative_to(result.folder).as_posix() for p in result.folder.rglob("*") if p.is_file() and p.name != "manifest.json"
    }
    assert {"pandas", "duckdb", "papermill"} <= set(manifest["packages"])
    assert manifest["git"] is None


def test_the_manifest_differs_between_two_runs_in_times_alone(tiny: Any) -> None:
    (first,) = tiny.run()
    one = json.loads((first.folder / "manifest.json").read_text("utf-8"))
    (second,) = tiny.run()
    two = json.loads((second.folder / "manifest.json").read_text("utf-8"))
    for manifest in (one, two):
        for stage in manifest["stages"].values():
            assert stage.pop("started") < stage.pop("ended")
    assert one == two


def test_the_revision_is_the_commit_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    assert git_revision(tmp_path) is None

    def git(*words: str) -> None:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True)

    (tmp_path / "file").write_text("1", "utf-8")
    git("init")
    git("add", "file")
    git("commit", "-m", "one")
    clean = git_revision(tmp_path)
    assert clean is not None and len(clean["commit"]) == 40 and clean["changed"] is False
    (tmp_path / "file").write_text("2", "utf-8")
    assert git_revision(tmp_path) == {**clean, "changed": True}
    (tmp_path / "inner").mkdir()
    assert git_revision(tmp_path / "inner") is None

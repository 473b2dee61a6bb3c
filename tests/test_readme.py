"""The commands of the README do what it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workbook.stages import STAGES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
BIN = Path(sys.executable).parent
LONG = ("replay", "run", "verify", "lab", "next", "accept", "new", "customer", "regrade", "appeals")
"""Commands of ``workbook`` that take long, need a run before them or wait for a person: only their words are checked."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the engagements, so that commands may write."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(ROOT / "params", folder / "params")
    shutil.copytree(ROOT / "data" / "synthetic" / "demo", folder / "data" / "synthetic" / "demo")
    return folder


def execute(words: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "WORKBOOK_HOME": str(home)}
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make ")])
def test_the_targets_of_make_exist(command: str, home: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("no make on this machine")
    done = execute([*shlex.split(command), "--dry-run"], home)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(".venv/bin/workbook ")])
def test_the_workbook_commands_work(command: str, home: Path) -> None:
    words = shlex.split(command)
    if words[1] in LONG:
        shown = execute([str(BIN / "workbook"), words[1], "--help"], home)
        assert shown.returncode == 0
        for option in (word for word in words if word.startswith("--")):
            assert option in shown.stdout
        return
    done = execute([str(BIN / "workbook"), *words[1:]], home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(".venv/bin/papermill ")])
def test_papermill_alone_works(command: str, home: Path, tmp_path: Path) -> None:
    words = [word if word != "out.ipynb" else str(tmp_path / word) for word in shlex.split(command)]
    done = execute([str(BIN / "papermill"), *words[1:]], home)
    assert done.returncode == 0, done.stderr[-3000:]


def test_every_command_of_the_readme_is_tested_here() -> None:
    assert len(COMMANDS) >= 10
    assert all(command.startswith(("make ", ".venv/bin/workbook ", ".venv/bin/papermill ")) for command in COMMANDS)


def test_the_table_names_the_six_notebooks() -> None:
    assert re.findall(r"^\| `(\d_\w+)` \|", README, re.MULTILINE) == [stage.id for stage in STAGES]


def test_the_folders_that_the_readme_names_exist() -> None:
    for name in re.findall(r"^\| `([\w/]+/)` \|", README, re.MULTILINE):
        assert (ROOT / name).is_dir(), name

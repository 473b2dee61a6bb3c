"""Re-executing an executed notebook gives the outputs that stand in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workbook.settings.reading import periods
from workbook.stages import STAGES

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("stage", [stage.id for stage in STAGES])
def test_re_execution_gives_the_same_outputs(demo_home: Path, stage: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(demo_home, home)
    executed = home / "outputs" / "demo" / periods(home, "demo")[-1].name / "notebooks" / f"{stage}.ipynb"
    notebook = shutil.copy(executed, tmp_path / executed.name)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-q", str(notebook)],
        cwd=tmp_path,
        env={**os.environ, "WORKBOOK_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout

"""Keys hold what results depend on, by name, and nothing that they do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbook.run import keys
from workbook.run.keys import file_hash, files_below, key_of, packages, surroundings


def test_packages_are_those_that_ours_needs_with_what_they_need() -> None:
    assert {"pandas", "numpy", "duckdb", "papermill", "python-dateutil"} <= set(packages())
    assert {"pytest", "ruff", "mypy"} & set(packages()) == set()


def test_code_and_templates_are_inputs_and_commands_are_not() -> None:
    names = set(surroundings())
    assert {"python", "platform", "code.workbook/grading/rfm.py", "code.workbook/sources/sql/profile.sql"} <= names
    assert any(name.startswith("code.templates/locale/zh/") for name in names)
    assert not [name for name in names if "/cli.py" in name or "/synthetic/" in name or "__pycache__" in name]


def test_what_is_no_input_is_not_imported_where_results_are_made() -> None:
    beside = [name.removesuffix(".py") for name in keys._BESIDE if name != "__main__.py"]
    code = f"""if True:
        import sys
        import workbook.book, workbook.run.work, workbook.run.fork
        from workbook.run.preload import preload
        preload()
        print([name for name in {beside} if "workbook." + name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@given(st.dictionaries(st.text(), st.text()), st.text(), st.text())
def test_a_key_depends_on_every_input_and_not_on_their_order(inputs: dict[str, str], name: str, value: str) -> None:
    more = {**inputs, name: value}
    assert (key_of(more) == key_of(inputs)) == (inputs.get(name) == value)
    assert key_of(dict(reversed(list(more.items())))) == key_of(more)


def test_a_file_that_changed_has_another_hash(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    before = file_hash(path)
    path.write_text("others")
    assert file_hash(path) != before


def test_linked_folders_are_followed_and_some_skipped(tmp_path: Path) -> None:
    for name in ("data/b.csv", "data/a.csv", "data/skipped/c.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    home = tmp_path / "home"
    home.mkdir()
    try:
        (home / "linked").symlink_to(tmp_path / "data", target_is_directory=True)
    except OSError:
        pytest.skip("no links here")
    found = [path.relative_to(home).as_posix() for path in files_below(home, skipped=("skipped",))]
    assert found == ["linked/a.csv", "linked/b.csv"]

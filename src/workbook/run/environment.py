"""Writes ``environment.yml`` from ``pyproject.toml`` for people who work with conda: ``python -m workbook.run.environment``."""

from __future__ import annotations

import tomllib
from pathlib import Path


def environment(pyproject: str) -> str:
    """The conda environment that a ``pyproject.toml`` asks for.

    The packages come through pip, since not all of them are packaged for conda.

    >>> print(environment('project = {name = "x", requires-python = ">=3.11", dependencies = ["numpy>=2"]}'))
    # Made from pyproject.toml by `make lock`; change that file instead.
    name: x
    channels:
      - conda-forge
    dependencies:
      - python>=3.11
      - pip
      - pip:
          - numpy>=2
          - --editable .
    <BLANKLINE>
    """
    project = tomllib.loads(pyproject)["project"]
    lines = [
        "# Made from pyproject.toml by `make lock`; change that file instead.",
        f"name: {project['name']}",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        f"  - python{project['requires-python']}",
        "  - pip",
        "  - pip:",
        *(f"      - {dependency}" for dependency in [*project["dependencies"], "--editable ."]),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path("environment.yml").write_text(environment(Path("pyproject.toml").read_text("utf-8")), "utf-8")

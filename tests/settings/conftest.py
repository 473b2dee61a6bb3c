"""A small home with one client, whose files a test may spoil."""

from __future__ import annotations

from pathlib import Path

import pytest

ENGAGEMENT = """\
client:
  name: {en: Demo, zh: 示例}
languages: [zh, en]
goals:
  - id: repeat
    name: Repeat purchase
    kpi: repurchase_rate
    change: 0.03
    due: 2025-12-31
"""


class Home:
    """A folder with params/demo/engagement.yaml and params/demo/2025Q4.yaml."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = folder / "params" / "demo"
        self.client.mkdir(parents=True)
        self.write("engagement", ENGAGEMENT)
        self.write("2025Q4", "# the fourth quarter\n")

    def write(self, name: str, words: str | bytes) -> Path:
        path = self.client / f"{name}.yaml"
        path.write_bytes(words if isinstance(words, bytes) else words.encode())
        return path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)

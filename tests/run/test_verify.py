"""Verifying says that every byte is the same, or what differs and where."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.run.conftest import Q3, Q4

from workbook.errors import WorkbookError
from workbook.run.verify import compare_files, verify

RANDOM = "import random\n\ncounted = {'client': client, 'n': random.SystemRandom().randrange(10**9)}"


def test_results_that_can_be_made_again_do_not_differ_and_nothing_is_touched(tiny: Any) -> None:
    tiny.run(Q3, Q4, overrides={"seed": 3})
    files = {path: path.stat().st_mtime_ns for path in tiny.home.rglob("*") if path.is_file() and path.name != ".lock"}
    assert verify(tiny.home, "tiny", Q4) == []
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert not list((tiny.outputs / ".work").glob("*"))


def test_both_engines_make_the_same_bytes(tiny: Any) -> None:
    tiny.run(engine="papermill")
    assert verify(tiny.home, "tiny", Q4) == []
    assert verify(tiny.home, "tiny", Q4, engine="papermill") == []


def test_what_differs_is_told_by_cell_and_output(tiny: Any) -> None:
    path = tiny.notebooks / "1_count.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if source.startswith("counted = "):
            cell["source"] = RANDOM + "\n" + source.partition("\n")[2]
    path.write_text(json.dumps(notebook), "utf-8")
    tiny.run()
    found = verify(tiny.home, "tiny", Q4)
    assert {difference.file for difference in found} == {
        "notebooks/1_count.ipynb", "notebooks/2_double.ipynb", "tables/counted.json", "tables/doubled.json",
    }  # fmt: skip
    shown = next(c["id"] for c in notebook["cells"] if c["source"] in ("counted", ["counted"]))
    place = f"cell {shown} output 1 line "
    (cell,) = [d for d in found if d.file == "notebooks/1_count.ipynb" and d.place.startswith(place)]
    assert "'n': " in cell.published and cell.published != cell.again
    assert cell.words.startswith("notebooks/1_count.ipynb cell ")


def test_what_is_not_published_or_stale_is_refused_with_the_command(tiny: Any) -> None:
    with pytest.raises(WorkbookError, match=r"found nothing published.*workbook run tiny 2025Q4"):
        verify(tiny.home, "tiny", Q4)
    tiny.run()
    (tiny.home / "params" / "tiny" / "2025Q4.yaml").write_text("seed: 4\n", "utf-8")
    with pytest.raises(WorkbookError, match=r"1_count.*workbook why tiny 2025Q4"):
        verify(tiny.home, "tiny", Q4)


@pytest.fixture
def pair(tmp_path: Path) -> Callable[[str, pd.DataFrame, pd.DataFrame], list[str]]:
    def compared(name: str, *frames: pd.DataFrame) -> list[str]:
        paths = [tmp_path / f"{number}.parquet" for number in (1, 2)]
        for path, frame in zip(paths, frames, strict=True):
            frame.to_parquet(path)
        return [difference.words for difference in compare_files(name, *paths)]

    return compared


def test_tables_are_compared_by_column(pair: Any) -> None:
    one = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]})
    assert pair("t", one, one.assign(a=[1, 5, 6])) == ["t column a, 2 rows, first 2: published np.int64(2), now np.int64(5)"]
    assert pair("t", one, one.head(2)) == ["t: published 3 rows of a, b, now 2 rows of a, b"]


def test_texts_are_compared_by_line(tmp_path: Path) -> None:
    for number, words in enumerate(("a\nb\nc", "a\nB\nc")):
        (tmp_path / f"{number}.html").write_text(words, "utf-8")
    (difference,) = compare_files("report.en.html", tmp_path / "0.html", tmp_path / "1.html")
    assert (difference.place, difference.published, difference.again) == ("line 2", "a b c", "a B c")

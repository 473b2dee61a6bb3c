"""One made-up comparison with a planted difference of every class."""

from __future__ import annotations

import pandas as pd
import pytest
from tests.diff.made_up import HOSTILE, KPIS, SCORES, blocks, manifest, publish, tables

from workbook.diff.published import Published
from workbook.diff.whole import Difference, compare
from workbook.language import named


@pytest.fixture(scope="session")
def difference(tmp_path_factory: pytest.TempPathFactory) -> Difference:
    folder = tmp_path_factory.mktemp("diff")
    settings = manifest()["settings"]
    content = manifest(
        settings={**settings, "client": {"name": HOSTILE, "synthetic": True}, "grading": {"rfm": {"bins": HOSTILE}}},
        deliveries={f"{HOSTILE}{n}.csv": str(n) for n in range(20)},
        packages={"pandas": "3.0.1", "numpy": "2.3.0"},
    )
    artefacts = {
        **tables(),
        "kpis": KPIS.assign(value=[0.81, 900.0, 2.5]),
        "scores": pd.concat([SCORES.assign(tier=HOSTILE), SCORES.head(1).assign(customer_id=HOSTILE)]),
    }
    before = Published.open(publish(folder / "before", manifest("2025Q3")), "2025Q3")
    after = Published.open(publish(folder / "after", content, artefacts, blocks(named(HOSTILE))), "2025Q4")
    return compare("made-up", before, after)

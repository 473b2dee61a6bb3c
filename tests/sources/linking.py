"""Customer records of several systems as linking finds them, and how well a clustering agrees with the truth."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from workbook.settings.models import Linking
from workbook.sources.link import Linked, link_customers
from workbook.sources.link_review import ANSWER_COLUMNS
from workbook.tables import SCHEMAS, SQL_TYPES

NO_ANSWERS = pd.DataFrame({name: pd.Series(dtype="str") for name in ANSWER_COLUMNS})


def link(
    systems: Mapping[str, pd.DataFrame], answers: pd.DataFrame = NO_ANSWERS, country: str = "CN", **linking: Any
) -> Linked:
    """Link frames of customers (canonical columns, any subset), one a system, the most trusted first."""
    with duckdb.connect() as connection:
        columns = SCHEMAS["customers"].columns
        kinds = ", ".join(f'"{name}" {SQL_TYPES[kind]}' for name, kind in columns.items())
        connection.execute(f"create table clean_customers (_file integer, _row bigint, {kinds})")
        for number, frame in enumerate(systems.values()):
            connection.register("delivered", frame.assign(_file=number, _row=range(len(frame))))
            casts = ", ".join(f'try_cast("{c}" as {SQL_TYPES[columns[c]]}) as "{c}"' for c in frame.columns)
            connection.execute(f"insert into clean_customers by name select _file, _row, {casts} from delivered")
            connection.unregister("delivered")
        with tempfile.TemporaryDirectory() as spill:
            return link_customers(
                connection, dict(enumerate(systems)), list(systems), Linking(**linking), answers,
                country=country, seed=1, spill=Path(spill),
            )  # fmt: skip


def agreement(found: pd.Series, truth: pd.Series) -> tuple[float, float, float]:
    """Pairwise precision, recall and F1 of a clustering against the true one; both hold a label for each record."""
    both = _together(pd.Series(list(zip(found, truth, strict=True))))
    claimed, true = _together(found), _together(truth)
    return both / max(claimed, 1), both / max(true, 1), 2 * both / max(claimed + true, 1)


def _together(labels: pd.Series) -> float:
    """Number of pairs that share a label."""
    sizes = labels.value_counts().to_numpy()
    return float((sizes * (sizes - 1) / 2).sum())

"""Could anybody meet a condition that nobody meets? A customer is invented at its own limits, and asked; row T6 of the method.

A rule that fires for nobody this period may be a rule for hard times, or one that contradicts itself. The numbers and words of
the condition, a step to either side of them and the ends of what the client has are put together in every way; a customer so
made who meets the condition is a witness that it can be met. Where none does, that is reasoned from those tried, not proved.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pandas as pd

MOST = 20_000
"""Invented customers at most."""

_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_NAME = re.compile(r'"([^"]+)"|\b([A-Za-z_]\w*)\b')
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])")
_SHOWN = 3
_NOT_SHOWN = {"owner"}  # people's names stand in no report


@dataclass(frozen=True)
class Search:
    """What asking invented customers gave.

    Attributes:
        tried: how many were asked.
        witness: column → value of one who meets the condition; None where none does.
    """

    tried: int
    witness: Mapping[str, Any] | None

    @property
    def words(self) -> str:
        """The witness in a few words: ``score = 96, tier = gold``."""
        told = {name: value for name, value in (self.witness or {}).items() if name not in _NOT_SHOWN}
        return ", ".join(f"{name} = {_plain(value)}" for name, value in itertools.islice(told.items(), _SHOWN))


def find_witness(people: pd.DataFrame, when: str, tiers: Sequence[str]) -> Search:
    """Invent customers about the limits of a condition, and look for one who meets it.

    Args:
        people: the customers whom nobody of meets it; they tell which columns there are, and their ends.
        when: an SQL condition that can be run over them.
        tiers: ids of all tiers.
    """
    said = [word.replace("''", "'") for word in _QUOTED.findall(when)]
    bare = _QUOTED.sub("''", when)
    called = {(quoted or plain).lower() for quoted, plain in _NAME.findall(bare)}
    limits = [float(one) for one in _NUMBER.findall(bare)]
    columns = [str(name) for name in people.columns if str(name).lower() in called]
    choices = [_choices(people[name], name, limits, said, tiers) for name in columns]
    frame = _put_together(columns, choices, people)
    with duckdb.connect(config={"threads": 1, "enable_external_access": False}) as connection:
        connection.register("arriving", frame.assign(invented_row=np.arange(len(frame))))
        connection.execute("create table people as select * from arriving")
        connection.unregister("arriving")
        try:
            rows = connection.execute(f"select min(invented_row) from people where ({when}\n)").fetchall()
        except duckdb.Error:  # runs on what the customers have, not on what was invented: nothing can be said
            return Search(0, None)
    if rows[0][0] is None:
        return Search(len(frame), None)
    return Search(len(frame), {name: frame[name].iloc[int(rows[0][0])] for name in columns})


def _choices(column: pd.Series, name: str, limits: Sequence[float], said: Sequence[str], tiers: Sequence[str]) -> list[Any]:
    """Values that a customer could have in one column, those about the limits first."""
    if name == "tier":
        return list(tiers)
    if name == "cluster":
        return [1, 2, 3, 4, 5, 6, None]
    if pd.api.types.is_bool_dtype(column):
        return [True, False, None]
    if pd.api.types.is_datetime64_any_dtype(column):
        named = [one for one in (pd.to_datetime(word, errors="coerce") for word in said) if pd.notna(one)]
        near = [one + pd.Timedelta(days=step) for one in named for step in (-1, 0, 1)]
        return [*dict.fromkeys([*near, *column.dropna().agg(["min", "max"]).tolist()] if column.notna().any() else near), None]
    if pd.api.types.is_numeric_dtype(column):
        return [*_numbers(pd.to_numeric(column).astype(float).dropna(), name, limits), None]
    known = column.dropna().astype(str).value_counts().index[:10].tolist()
    return [*dict.fromkeys([*said, *(word.strip("%_") for word in said), *known]), None]


def _numbers(present: pd.Series, name: str, limits: Sequence[float]) -> list[float]:
    steps = [limit + step for limit in limits for step in (0, -0.01, 0.01, -1, 1)] + [-limit for limit in limits]
    ends = [float(present.min()), float(present.median()), float(present.max())] if len(present) else [0.0, 1.0]
    beyond = [10 * max([1.0, *map(abs, limits), *map(abs, ends)]), 0.0]
    found = [*steps, *ends, *beyond]
    if name == "score":
        return list(dict.fromkeys(one for one in [*found, 50.0, 100.0] if 0 <= one <= 100))
    if len(present) and (present % 1 == 0).all():  # a count has no halves
        found = [whole for one in found for whole in (float(np.floor(one)), float(np.ceil(one)))]
    if len(present) and present.min() >= 0:
        found = [one for one in found if one >= 0]
    return list(dict.fromkeys(found))


def _put_together(columns: Sequence[str], choices: Sequence[list[Any]], people: pd.DataFrame) -> pd.DataFrame:
    """One row a combination; where there are too many of them, as many drawn."""
    if not columns:
        return pd.DataFrame({"nothing": [0]})
    if np.prod([float(len(one)) for one in choices]) <= MOST:
        rows = list(itertools.product(*choices))
        picked = [list(column) for column in zip(*rows, strict=True)]
    else:
        rng = np.random.default_rng(0)
        picked = [[one[k] for k in rng.integers(0, len(one), MOST)] for one in choices]
    made = {}
    for name, values in zip(columns, picked, strict=True):
        column = people[name]
        if pd.api.types.is_bool_dtype(column):
            made[name] = pd.Series(values, dtype="boolean")
        elif pd.api.types.is_datetime64_any_dtype(column):
            made[name] = pd.Series(pd.to_datetime(pd.Series(values, dtype=object)))
        elif pd.api.types.is_numeric_dtype(column):
            made[name] = pd.Series(values, dtype="float64")
        else:
            made[name] = pd.Series(values, dtype="str")
    return pd.DataFrame(made)


def _plain(value: Any) -> str:
    if value is None or pd.isna(value):
        return "NULL"
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    return f"{value:g}" if isinstance(value, float) else str(value)[:40]

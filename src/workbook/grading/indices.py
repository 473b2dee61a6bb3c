"""Indices of the grading: their values from the profile and their scores from 0 to 100, rows T1 and T3 of the method.

Every normalisation maps a value to a score that never falls when the value rises (cost indices are turned round), does
not depend on the order of the customers, and gives equal values equal scores. All but ``log`` and ``z`` are explained by
order or range alone; ``percentile`` and ``robust`` are not moved by outliers.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import rankdata

from workbook.errors import SettingsError
from workbook.language import Text, text
from workbook.settings.models import Index

Values = NDArray[np.float64]

NORMALISATIONS: Mapping[str, Text] = {
    "percentile": text("grading.normalise.percentile", "Percentile"),
    "minmax": text("grading.normalise.minmax", "Min–max"),
    "robust": text("grading.normalise.robust", "Robust min–max"),
    "log": text("grading.normalise.log", "Logarithm"),
    "z": text("grading.normalise.z", "z score"),
    "target": text("grading.normalise.target", "Target"),
}
MISSING_RULES: Mapping[str, Text] = {
    "median": text("grading.missing.median", "median score"),
    "worst": text("grading.missing.worst", "worst score (0)"),
    "neutral": text("grading.missing.neutral", "middle score (50)"),
    "exclude": text("grading.missing.exclude", "left out, re-weighted"),
}
DIRECTIONS: Mapping[str, Text] = {
    "benefit": text("grading.direction.benefit", "More is better"),
    "cost": text("grading.direction.cost", "Less is better"),
}


def index_values(profile: pd.DataFrame, indices: Sequence[Index]) -> pd.DataFrame:
    """The value of each index for each customer, by the SQL expression of the settings over the profile.

    Args:
        profile: one row a customer.
        indices: the indices; ``source`` is a column of the profile or a DuckDB expression over its columns.

    Returns:
        One column an index, one row a customer in the order of the profile; NaN where there is no finite number.

    Raises:
        SettingsError: for expressions that cannot be computed, with key path, fault and nearest column.
    """
    picked = ", ".join(f"{_number(index.source)} as i{k}" for k, index in enumerate(indices))
    try:
        with _Open(profile) as connection:
            frame = connection.execute(f"select {picked} from profile order by customer_row").df()
        sound = frame.shape == (len(profile), len(indices))
    except duckdb.Error:
        sound = False
    if not sound:  # only now ask each expression by itself which one is at fault
        raise SettingsError([fault for index in indices if (fault := _fault(index, profile)) is not None])
    values = frame.to_numpy(dtype=float, na_value=np.nan)
    values = np.where(np.isfinite(values), values, np.nan)
    return pd.DataFrame(values, columns=[index.id for index in indices])


def normalise(values: Values, index: Index) -> Values:
    """The scores of one index, 0 to 100 with 100 the best; NaN stays NaN.

    * ``percentile``: share of customers below plus half of those equal (mid-rank), so that ties score alike.
    * ``minmax``: position between the smallest and the largest value.
    * ``robust``: position between the 5th and the 95th percentile; beyond them 0 and 100.
    * ``log``: position on the scale sign(x)·log(1 + |x| / median of |x| above 0): free of the unit of money.
    * ``z``: normal probability of the standard score, 50 at the mean.
    * ``target``: benefit: value / target; cost: 2 − value / target; held between 0 and 1.

    Where all values are equal, no order can be told and each scores 50 (``target`` excepted).

    Raises:
        SettingsError: where ``target`` is chosen without a target above 0.

    >>> normalise(np.array([1.0, 5.0, 5.0, 9.0]), Index(id="x", name="x", source="x", group="g"))
    array([12.5, 50. , 50. , 87.5])
    """
    known = ~np.isnan(values)
    scores = np.full(len(values), np.nan)
    if not known.any():
        return scores
    x = values[known]
    if index.normalise == "target":
        unit = _to_target(x, index)
    else:
        unit = _UNIT_SCORES[index.normalise](x)
        if index.direction == "cost":
            unit = 1.0 - unit
    scores[known] = 100.0 * np.clip(unit, 0.0, 1.0)
    return scores


def fill_missing(scores: Values, index: Index) -> Values:
    """The scores with the settings' rule applied to customers without a value; ``exclude`` leaves them NaN."""
    if index.missing == "exclude" or np.isnan(scores).all():
        return scores
    fill = {"median": float(np.nanmedian(scores)), "worst": 0.0, "neutral": 50.0}[index.missing]
    return np.where(np.isnan(scores), fill, scores)


def _percentile(x: Values) -> Values:
    return np.asarray((rankdata(x) - 0.5) / len(x))


def _between(x: Values, low: float, high: float) -> Values:
    if high > low:
        # halves first, so that a range near the largest float does not overflow
        return (x / 2 - low / 2) / (high / 2 - low / 2)
    return np.where(x < low, 0.0, np.where(x > high, 1.0, 0.5))


def _minmax(x: Values) -> Values:
    return _between(x, float(x.min()), float(x.max()))


def _robust(x: Values) -> Values:
    low, high = np.quantile(x, [0.05, 0.95])
    return _between(x, float(low), float(high))


def _log(x: Values) -> Values:
    size = np.abs(x)
    if not (size > 0).any():
        return np.full(len(x), 0.5)
    return _minmax(np.sign(x) * np.log1p(size / np.median(size[size > 0])))


def _z(x: Values) -> Values:
    spread = float(x.std())
    if x.min() == x.max() or spread == 0.0:
        return np.full(len(x), 0.5)
    return np.asarray(ndtr((x - x.mean()) / spread))


_UNIT_SCORES: Mapping[str, Callable[[Values], Values]] = {
    "percentile": _percentile,
    "minmax": _minmax,
    "robust": _robust,
    "log": _log,
    "z": _z,
}


def _to_target(x: Values, index: Index) -> Values:
    if index.target is None or index.target <= 0:
        raise SettingsError(
            [f"grading.indices.{index.id}.target: found {index.target!r}, expected a number above 0, since normalise is target"]
        )
    part = x / index.target
    return part if index.direction == "benefit" else 2.0 - part


def _number(source: str) -> str:
    # a column of the profile, or an expression, cast so that flags and decimals count as numbers
    return f"cast(({source}\n) as double)"


class _Open:
    """DuckDB with the profile as its only table and no way to any file."""

    def __init__(self, profile: pd.DataFrame) -> None:
        self._profile = profile

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        self._open = duckdb.connect(config={"enable_external_access": False})
        numbered = self._profile.assign(customer_row=np.arange(len(self._profile)))
        self._open.register("profile", numbered)
        return self._open

    def __exit__(self, *_: object) -> None:
        self._open.close()


def _fault(index: Index, profile: pd.DataFrame) -> str | None:
    """What is wrong with the source of *index*, None where it gives one number for each customer."""
    where = f"grading.indices.{index.id}.source"
    with _Open(profile) as connection:
        try:
            query = f"select {_number(index.source)} as value from profile"
            if len(duckdb.extract_statements(query)) != 1:
                return f"{where}: found {index.source!r}, expected one expression over the columns of the profile"
            relation = connection.sql(query)
            rows = len(relation.df()) if relation is not None else -1
        except duckdb.Error as error:
            said = str(error).strip().splitlines()[0]
            return f"{where}: found {index.source!r}, expected an expression over the profile; {said}{_nearest(index, profile)}"
    if rows != len(profile):
        return (
            f"{where}: found {index.source!r}, which gives {rows} values for {len(profile)} customers;"
            " expected one a customer (no aggregate such as sum or max)"
        )
    return None


def _nearest(index: Index, profile: pd.DataFrame) -> str:
    near = difflib.get_close_matches(index.source.strip(), list(profile.columns), 1, 0.7)
    return f"; the nearest column is {near[0]!r}" if near else ""

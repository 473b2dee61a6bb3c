"""Indices of the grading: their values from the profile and their scores from 0 to 100, rows T1 and T3 of the method.

Every normalisation (:mod:`workbook.grading.scale`) maps a value to a score that never falls when the value rises (cost indices
are turned round), does not depend on the order of the customers, and gives equal values equal scores. All but ``log`` and ``z``
are explained by order or range alone; ``percentile`` and ``robust`` are not moved by outliers.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import pandas as pd

from workbook.errors import SettingsError
from workbook.grading.scale import Scale, Values, freeze
from workbook.language import Text, text
from workbook.settings.models import Index

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
    """The scores of one index, 0 to 100 with 100 the best, on the scale of these very values; NaN stays NaN.

    Raises:
        SettingsError: where ``target`` is chosen without a target above 0.

    >>> normalise(np.array([1.0, 5.0, 5.0, 9.0]), Index(id="x", name="x", source="x", group="g"))
    array([12.5, 50. , 50. , 87.5])
    """
    return values if np.isnan(values).all() else freeze(values, index).score(values)


def fill_missing(scores: Values, index: Index, median: float | None = None) -> Values:
    """The scores with the settings' rule applied to customers without a value; ``exclude`` leaves them NaN.

    Args:
        median: the score that the rule ``median`` gives; that of these scores by default, and then an index without any
            score keeps none.
    """
    if index.missing == "exclude" or (median is None and np.isnan(scores).all()):
        return scores
    middle = float(np.nanmedian(scores)) if median is None else median
    fill = {"median": middle, "worst": 0.0, "neutral": 50.0}[index.missing]
    return np.where(np.isnan(scores), fill, scores)


def score_indices(values: pd.DataFrame, indices: Sequence[Index], scales: Mapping[str, Scale] | None = None) -> pd.DataFrame:
    """The score of each index, 0 to 100, missing values by each index's rule; an index nobody has a value for is NaN.

    Args:
        values: one column an index.
        scales: index → scale; an index without one gets the scale of these very values.
    """
    found = {}
    for index in indices:
        given = values[index.id].to_numpy()
        scale = None if scales is None else scales.get(index.id)
        if scale is None or np.isnan(given).all():
            found[index.id] = fill_missing(normalise(given, index), index)
        else:
            found[index.id] = fill_missing(scale.score(given), index, scale.median)
    return pd.DataFrame(found, index=values.index)


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

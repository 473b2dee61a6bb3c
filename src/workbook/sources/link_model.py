"""Linking by probability (D4), where no key agrees: the model of Fellegi and Sunter, estimated without labels by splink 5.

For each compared column the model knows how often it agrees among records of one customer (m) and by chance (u); the weights
of the columns add up to the probability of a match. m comes from expectation maximisation over blocked pairs, u from a
sample of pairs drawn by the hash of their ids, so the same records give the same model. Nothing is downloaded, no more pairs
are looked at than the blocks allow, and what does not fit in memory goes to disk.

Source: Fellegi & Sunter 1969, A Theory for Record Linkage, JASA 64; https://moj-analytical-services.github.io/splink.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from workbook.settings.models import Linking

ASSUMED_RECALL = 0.6
"""Share of all matches that rule keys are taken to find; it gives the model its prior probability of a match."""

FEWEST_RECORDS, FEWEST_MATCHES = 200, 30
"""Below these the model has nothing to learn from."""

MOST_SHARING_BLOCK = 200
"""A block that more records share is left out: it would cost much and tell little."""

SAMPLED_PAIRS = 1_000_000

COLUMNS: Mapping[str, str] = {
    "given": "name", "family": "name", "whole": "name", "birthday": "date", "phone_key": "digits", "email_key": "contact",
    "postcode": "place", "region": "place", "industry": "category",
}  # fmt: skip
"""Column that is compared → how. ``whole`` is a name written as one word, as Chinese names are."""

BLOCKS: Sequence[tuple[str, ...]] = (
    ("email_key",), ("phone_key",), ("postcode",), ("birthday", "given"), ("birthday", "family"), ("birthday", "whole"),
    ("given", "family"), ("whole", "region"), ("birthday", "region"), ("substr(given, 1, 3)", "substr(family, 1, 3)"),
)  # fmt: skip
"""Pairs are looked at where all columns of one of these agree."""

TRAINING: Sequence[tuple[str, ...]] = (("birthday",), ("given", "family"), ("whole",), ("email_key",), ("phone_key",))
"""Blocks for the estimation of m; two of them, so that each column is estimated where it was not blocked on."""


@dataclass(frozen=True)
class Scored:
    """What the model says.

    Attributes:
        pairs: a, b (numbers of records, a < b), score (match probability, 4 decimals); from ``linking.review_from`` on.
        columns: the columns that were compared.
        untrained: empty, or why the model could not be estimated: few_records, few_matches, few_columns.
    """

    pairs: pd.DataFrame
    columns: tuple[str, ...] = ()
    untrained: str = ""


def score_pairs(connection: duckdb.DuckDBPyConnection, linking: Linking, matches: int, seed: int, spill: Path) -> Scored:
    """Probabilities of a match for the pairs of ``link_records`` that share a block.

    Args:
        linking: ``within``, ``review_from`` and ``model_memory_mb``.
        matches: pairs that the rule keys link.
        seed: of the sample from which u is estimated.
        spill: folder for what does not fit in memory.
    """
    nothing = pd.DataFrame({"a": pd.Series(dtype="int64"), "b": pd.Series(dtype="int64"), "score": pd.Series(dtype="float64")})
    records = connection.sql(
        "select * replace (cast(birthday as varchar) as birthday) from link_records order by record"
    ).to_arrow_table()
    with duckdb.connect(config=_config(linking, spill)) as own:
        own.register("delivered", records)
        own.execute("create table delivered_records as select * from delivered order by record")
        own.unregister("delivered")
        columns = _filled(own)
        (row,) = own.execute("select count(*), count(distinct system) from delivered_records").fetchall()
        n, systems = int(row[0]), int(row[1])
        reason = _untrained(n, matches, columns)
        if reason or (systems < 2 and not linking.within):
            return Scored(nothing, columns, reason or "few_records")
        blocks = _make_blocks(own, columns)
        found = _predict(own, columns, blocks, linking, _prior(own, n, matches, linking), seed)
    pairs = found.assign(score=found["score"].clip(upper=0.9999).round(4))
    return Scored(pairs.astype({"a": "int64", "b": "int64"}).sort_values(["a", "b"], ignore_index=True), columns)


def _config(linking: Linking, spill: Path) -> dict[str, Any]:
    # one thread: sums of floats over several differ from run to run
    return {
        "threads": 1, "memory_limit": f"{linking.model_memory_mb}MB", "temp_directory": str(spill),
        "autoinstall_known_extensions": False, "TimeZone": "UTC",
    }  # fmt: skip


def _filled(own: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Columns that at least one record in fifty holds, with more than one value."""
    found = []
    for column in COLUMNS:
        query = f'select count("{column}") >= 0.02 * count(*) and count(distinct "{column}") > 1 from delivered_records'
        if own.execute(query).fetchall()[0][0]:
            found.append(column)
    return tuple(found)


def _untrained(n: int, matches: int, columns: Sequence[str]) -> str:
    if n < FEWEST_RECORDS:
        return "few_records"
    if matches < FEWEST_MATCHES:
        return "few_matches"
    return "" if len(columns) >= 3 else "few_columns"


def _prior(own: duckdb.DuckDBPyConnection, n: int, matches: int, linking: Linking) -> float:
    """Probability that two records drawn at random are one customer."""
    possible = n * (n - 1) / 2
    if not linking.within:
        sizes = own.execute("select count(*) from delivered_records group by system").fetchall()
        possible -= sum(size * (size - 1) / 2 for (size,) in sizes)
    return min(0.5, matches / ASSUMED_RECALL / possible)


def _make_blocks(own: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Table ``model_records`` with a column for each block, empty where too many share it: (block, training block, columns)."""
    chosen = [block for block in (*BLOCKS, *TRAINING) if _columns_of(block) <= set(columns)]
    unique = list(dict.fromkeys(chosen))
    made = []
    for number, block in enumerate(unique):
        key = "concat_ws(chr(31), " + ", ".join(block) + ")"
        filled = " and ".join(f"{part} is not null" for part in block)
        few = f"count(*) over (partition by {key}) <= {MOST_SHARING_BLOCK}"
        made.append(f"case when {filled} and {few} then {key} end as block_{number}")
    wanted = ", ".join(("record", "system", *columns))
    own.execute(f"create table model_records as select {wanted}, {', '.join(made)} from delivered_records order by record")
    used = [(f"block_{n}", "block" if block in BLOCKS else "", block) for n, block in enumerate(unique)]
    return [(name, use + (" train" if block in TRAINING else ""), block) for name, use, block in used]


def _columns_of(block: Sequence[str]) -> set[str]:
    return {part.removeprefix("substr(").partition(",")[0] for part in block}


def _predict(
    own: duckdb.DuckDBPyConnection,
    columns: Sequence[str],
    blocks: Sequence[tuple[str, str, tuple[str, ...]]],
    linking: Linking,
    prior: float,
    seed: int,
) -> pd.DataFrame:
    # splink takes a fifth of a second to import and is only needed here
    from splink import DuckDBAPI, Linker, SettingsCreator

    def rule(block: str) -> str:
        return f"l.{block} = r.{block}" + ("" if linking.within else " and l.system <> r.system")

    looked_at: list[Any] = [rule(name) for name, use, _ in blocks if "block" in use]
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record",
        probability_two_random_records_match=prior,
        comparisons=[_comparison(column, COLUMNS[column]) for column in columns],
        blocking_rules_to_generate_predictions=looked_at,
        retain_matching_columns=False,
        linker_uid="linking",
    )
    linker = Linker(DuckDBAPI(own).register("model_records"), settings, log_level=logging.ERROR)
    linker.training.estimate_u_using_random_sampling(max_pairs=SAMPLED_PAIRS, seed=seed)
    trained: set[str] = set()
    for name, use, block in blocks:
        # a second session estimates what the first one was blocked on
        if "train" in use and (not trained or not _columns_of(block) <= trained):
            if trained and set(columns) <= trained:
                break
            linker.training.estimate_parameters_using_expectation_maximisation(
                rule(name), estimate_without_term_frequencies=True
            )
            trained |= set(columns) - _columns_of(block)
    found = linker.inference.predict(threshold_match_probability=linking.review_from).as_duckdbpyrelation()
    scored: pd.DataFrame = found.project(
        "least(record_l, record_r) as a, greatest(record_l, record_r) as b, match_probability as score"
    ).df()
    return scored


def _comparison(column: str, kind: str) -> Any:
    from splink import comparison_level_library as levels
    from splink import comparison_library as comparisons

    exact = levels.ExactMatchLevel(column, term_frequency_adjustments=kind != "date")
    between: Mapping[str, Sequence[Any]] = {
        "name": [levels.JaroWinklerLevel(column, 0.92), levels.JaroWinklerLevel(column, 0.8)],
        "date": [levels.DamerauLevenshteinLevel(column, 1), levels.DamerauLevenshteinLevel(column, 2)],
        "digits": [levels.DamerauLevenshteinLevel(column, 1)],
        "contact": [levels.JaroWinklerLevel(column, 0.9)],
        "place": [levels.JaroWinklerLevel(column, 0.88)],
        "category": [],
    }
    return comparisons.CustomComparison(
        comparison_levels=[levels.NullLevel(column), exact, *between[kind], levels.ElseLevel()], output_column_name=column
    )

"""Who is leaving, read from one snapshot that says who has left (``contracts.ended``); row L4 of the method.

Such a file tells of every customer the months on board, whether he has left, and what he is like. It has no days, so nothing
can be foretold and then awaited: each customer is foretold from the others. What stands in the file may have been written after
a customer left; columns that tell the outcome itself are found and left out, and said.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from workbook.language import Text, named, number, text
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Value
from workbook.tables import Tables
from workbook.value.churn_exhibits import Churn, FromSnapshot
from workbook.value.fitting import Fit, Values
from workbook.value.histories import Chosen, Places
from workbook.value.lifetime import Lifetime
from workbook.value.renewing import fit_terms, survival
from workbook.value.risk import (
    ENOUGH_FOR_TREES,
    FEWEST_TO_LEARN,
    clear_signs,
    folds_of,
    judge_risk,
    learn,
    too_few,
    weigh_signals,
)

FEWEST = 30
"""Fewest customers who show a sign, or are of one value of a column."""

WORDS = 24
"""Most different words of a column that is read as words; numbers may have any number."""

TELLS_ALL = 0.98
"""A column alone that ranks leavers this surely (AUC) tells the outcome itself."""

ONLY_LEAVERS = 0.99
"""So does one with a value of which at least this share has left."""

BINS = 20
MONTHS, VALUE = "months", "value"
SNAPSHOT = ("contracts.ended", "contracts.months", "contracts.noted_at")
"""What a snapshot has to tell."""

OF_CUSTOMERS = ("kind", "region", "industry", "size", "channel")

Codes = NDArray[np.int64]


def trait_name(trait: str) -> Text:
    """A column as readers see it; the file's own columns keep their names."""
    return {
        MONTHS: text("value.trait.months", "Months on board"),
        VALUE: text("value.trait.value", "Value of a month"),
        "kind": text("value.trait.kind", "Kind of customer"),
        "region": text("value.trait.region", "Region"),
        "industry": text("value.trait.industry", "Industry"),
        "size": text("value.trait.size", "Size"),
        "channel": text("value.trait.channel", "Channel"),
    }.get(trait) or named(trait)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What one file says of every customer.

    Attributes:
        people: customer_id, months (on board), value (of a month; NaN where not told), left; ordered by customer_id.
        traits: one column a trait, as text, missing where not told; the same rows.
        noted: the day of the snapshot.
    """

    people: pd.DataFrame
    traits: pd.DataFrame
    noted: dt.date

    @property
    def left(self) -> Chosen:
        """Who has left."""
        return self.people["left"].to_numpy(dtype=bool)


def open_snapshot(tables: Tables) -> Snapshot:
    """The latest snapshot among the contracts; a customer with several contracts has left when all of them ended."""
    noted = tables.sql("select max(noted_at) as noted from contracts where ended is not null")["noted"].iloc[0]
    day = pd.Timestamp(noted).date()
    people = tables.sql(
        "select customer_id, cast(max(months) as double) as months, cast(sum(value) as double) as value, bool_and(ended) as"
        ' "left" from contracts where ended is not null and noted_at = $noted group by customer_id order by customer_id',
        noted=day,
    )
    told = tables.sql(
        "select customer_id, attribute, value from attributes where noted_at is null or noted_at = $noted order by all",
        noted=day,
    )
    wide = told.set_index(["customer_id", "attribute"])["value"].unstack("attribute").reindex(people["customer_id"])  # noqa: PD010
    own = tables.sql(f"select customer_id, {', '.join(OF_CUSTOMERS)} from customers").set_index("customer_id")
    own = own.reindex(people["customer_id"])
    traits = pd.concat([wide, own[[name for name in own if own[name].notna().any() and name not in wide]]], axis=1)
    return Snapshot(people, traits.reset_index(drop=True), day)


@dataclass(frozen=True, eq=False)
class Design:
    """What probabilities and signs are made of.

    Attributes:
        features: one row a customer, no value missing.
        signs: a column of yes or no a trait: the value, or quarter of values, of which most left.
        names: sign → what readers see.
        tried: values and quarters that were looked at for it.
        leaky: traits that tell the outcome itself; unread: traits of too many different words.
    """

    features: Values
    signs: pd.DataFrame
    names: Mapping[str, Text]
    tried: int
    leaky: tuple[str, ...]
    unread: tuple[str, ...]


def design(snapshot: Snapshot) -> Design:
    """The features and signs of a snapshot; traits that give the outcome away are left out."""
    left = snapshot.left
    numbers = {name: snapshot.people[name].astype(float) for name in (MONTHS, VALUE) if snapshot.people[name].notna().any()}
    words: dict[str, pd.Series[str]] = {}
    unread: list[str] = []
    for trait in snapshot.traits:
        column = snapshot.traits[trait]
        read = pd.to_numeric(column, errors="coerce")
        if column.nunique() > WORDS and read.notna().sum() == column.notna().sum():
            numbers[str(trait)] = read.astype(float)
        elif len(column.unique()) > 1:
            words[str(trait)] = column
    features: list[Values] = []
    signs: dict[str, Chosen] = {}
    names: dict[str, Text] = {}
    leaky: list[str] = []
    tried = 0
    for trait in sorted([*numbers, *words]):
        levels = _levels(numbers[trait]) if trait in numbers else _words(words[trait])
        if _tells_all(levels, left):
            leaky.append(trait)
            continue
        if trait in words and words[trait].nunique() > WORDS:
            unread.append(trait)
            continue
        candidates = _quarters(trait, numbers[trait]) if trait in numbers else _of_words(trait, words[trait])
        features += _numbers(numbers[trait]) if trait in numbers else [flag.astype(float) for _, flag, _ in candidates[1:]]
        shown = [one for one in candidates if FEWEST <= one[1].sum() <= len(left) - FEWEST]
        tried += len(shown)
        if shown:
            name, flag, said = max(shown, key=lambda one: (float(left[one[1]].mean()), one[0]))
            if not any(np.array_equal(flag, other) for other in signs.values()):  # the same thing under two names
                signs[name], names[name] = flag, said
    table = np.column_stack(features) if features else np.zeros((len(left), 0))
    return Design(table, pd.DataFrame(signs, index=snapshot.people.index), names, tried, tuple(leaky), tuple(unread))


def _levels(values: pd.Series[float]) -> Codes:
    """Numbers in at most BINS groups of like size, what is missing in one of its own."""
    return np.asarray(pd.qcut(values.rank(), BINS, labels=False, duplicates="drop").fillna(-1), dtype=np.int64)


def _words(values: pd.Series[str]) -> Codes:
    """The most frequent words by number, the others together, what is missing by itself."""
    common = values.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable").index[:WORDS]
    codes = pd.Categorical(values.where(values.isin(common)), categories=common).codes.astype(np.int64)
    return np.where(values.isna(), -2, codes)


def _tells_all(levels: Codes, left: Chosen) -> bool:
    people = pd.DataFrame({"level": levels, "left": left})
    share, size = (people.groupby("level")["left"].transform(how) for how in ("mean", "size"))
    ranks = rankdata(share.to_numpy(dtype=float))
    gone, stayed = int(left.sum()), int((~left).sum())
    auc = (float(ranks[left].sum()) - gone * (gone + 1) / 2) / (gone * stayed)
    return auc >= TELLS_ALL or bool(((share >= ONLY_LEAVERS) & (size >= FEWEST)).any())


def _numbers(values: pd.Series[float]) -> list[Values]:
    """A number as it is, and whether it was told; what is missing stands at the median."""
    filled = np.asarray(values.fillna(float(values.median())), dtype=np.float64)
    return [filled, np.asarray(values.isna(), dtype=np.float64)] if values.isna().any() else [filled]


def _quarters(trait: str, values: pd.Series[float]) -> list[tuple[str, Chosen, Text]]:
    """The lowest and the highest quarter of a number, each with its id and its words."""
    low, high = float(values.quantile(0.25)), float(values.quantile(0.75))
    shown = trait_name(trait)
    at_most = text("value.trait.at_most", "{trait}, at most {value}", trait=shown, value=number(low))
    at_least = text("value.trait.at_least", "{trait}, at least {value}", trait=shown, value=number(high))
    return [
        (f"{_id(trait)} <= {low:g}", (values <= low).to_numpy(dtype=bool), at_most),
        (f"{_id(trait)} >= {high:g}", (values >= high).to_numpy(dtype=bool), at_least),
    ]


def _of_words(trait: str, values: pd.Series[str]) -> list[tuple[str, Chosen, Text]]:
    """Each word of a column, and that there is none, with its id and its words; the most frequent first."""
    counted = values.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
    shown = trait_name(trait)
    found = [
        (
            f"{_id(trait)}: {_id(str(word))}",
            (values == word).fillna(False).to_numpy(dtype=bool),
            text("value.trait.is", "{trait} = {value}", trait=shown, value=named(str(word))),
        )
        for word in counted.index[:WORDS]
    ]
    if values.isna().any():
        none = text("value.trait.not_told", "{trait}: not told", trait=shown)
        found.append((f"{_id(trait)}: -", values.isna().to_numpy(dtype=bool), none))
    return found


def _id(words: str) -> str:
    # ids stand in one cell, set apart by a comma and a space
    return " ".join(words.split()).replace(", ", "; ")


def alike(features: Values) -> Places:
    """The number of each customer's kind: those of equal features have the same, and must be learned from together."""
    _, kind = np.unique(features, axis=0, return_inverse=True)
    return np.asarray(kind, dtype=np.int64).ravel()


def by_months(months: pd.Series[float], left: Chosen, folds: Places) -> Values:
    """The rule of thumb: the share that left of those with about as many months, each from the other folds."""
    group = _levels(months)
    found = np.zeros(len(left))
    for fold in np.unique(folds):
        others = folds != fold
        known = pd.Series(left[others].astype(float)).groupby(group[others]).mean()
        found[~others] = pd.Series(group[~others]).map(known).fillna(float(left[others].mean())).to_numpy(dtype=float)
    return found


def value_to_come(snapshot: Snapshot, months_ahead: int, discount: float) -> Values | None:
    """What each customer will bring: value of a month × the months to be expected, discounted; see :func:`still_there`.

    Args:
        months_ahead: months that are looked ahead.
        discount: yearly rate.

    Returns:
        One value a customer, for those who have not left; None where no value was told, or not everybody's months.
    """
    months = np.floor(snapshot.people[MONTHS].to_numpy(dtype=float))
    if snapshot.people[VALUE].isna().all() or np.isnan(months).any():
        return None
    ahead = np.arange(1, months_ahead + 1, dtype=float)
    so_far, place = np.unique(months, return_inverse=True)
    there = still_there(months.astype(np.int64), snapshot.left, so_far, ahead)
    expected = (there * (1 + discount) ** (-ahead / 12)).sum(axis=1)
    return np.asarray(snapshot.people[VALUE].to_numpy(dtype=float) * expected[place])


def still_there(months: Codes, left: Chosen, so_far: Values, ahead: Values) -> Values:
    """The chance of customers of so many months to be there so many months later, one row a customer and column a month.

    By the shifted beta-geometric model; where it cannot be fitted, since the customers differ too little, all have one rate.
    """
    most = int(months.max(initial=1))
    gone = np.bincount(np.maximum(months[left], 1), minlength=most + 1)[1:].astype(float)
    still = np.bincount(months[~left], minlength=most + 1)[1:].astype(float)
    model = fit_terms(gone, still)
    if isinstance(model, Fit):
        return survival(model.values, so_far[:, None] + ahead) / survival(model.values, so_far)[:, None]
    rate = float(left.sum()) / float(np.maximum(months, 1).sum())
    return np.broadcast_to((1 - rate) ** ahead, (len(so_far), len(ahead)))


def foresee_from_snapshot(
    tables: Tables, settings: Value, expected: Lifetime | NotMeasured, *, period: Period, seed: int = 0
) -> Churn | NotMeasured:
    """The risk of leaving where the delivery says who has left: see :func:`workbook.value.churn.foresee_churn`.

    Each customer is foretold from the others (five folds), and customers alike in everything from none of their kind.
    Whoever has not left has the probability that the others give.
    """
    what = text("value.churn.what", "Who is about to leave")
    snapshot = open_snapshot(tables)
    left, made = snapshot.left, design(snapshot)
    if min(left.sum(), (~left).sum()) < FEWEST_TO_LEARN:
        return NotMeasured("value.churn", what, (), too_few(left))
    if not made.features.shape[1]:
        why = text("value.churn.no_trait", "The snapshot tells nothing of the customers that could announce their leaving.")
        return NotMeasured("value.churn", what, ("attributes",), why)
    kind = alike(made.features)
    _, first = np.unique(kind, return_index=True)
    folds = folds_of(left[first], seed)[kind]
    methods = ["logistic"] + (["boosting"] if min(left.sum(), (~left).sum()) >= ENOUGH_FOR_TREES else [])
    held_out = {method: learn(method, made.features, left, seed=seed, folds=folds).held_out for method in methods}
    held_out["tenure"] = by_months(snapshot.people[MONTHS], left, folds)
    scores = pd.DataFrame([{"method": method, **judge_risk(p, left)} for method, p in held_out.items()])
    scores = scores.sort_values(["brier", "method"], ignore_index=True)
    chosen = str(scores["method"].iloc[0])
    months = np.log1p(snapshot.people[[MONTHS]].fillna(0.0).to_numpy(dtype=float))
    weighed = weigh_signals(made.signs, left, months, tried=made.tried)
    if isinstance(expected, Lifetime):
        known = expected.frame.set_index("customer_id")["value"]
        worth = snapshot.people["customer_id"].map(known).to_numpy(dtype=float)
    else:
        found = value_to_come(snapshot, settings.horizon_months, settings.discount)
        worth = np.full(len(left), np.nan) if found is None else found
    people = pd.DataFrame({
        "customer_id": snapshot.people["customer_id"], "probability": held_out[chosen],
        "signals": clear_signs(made.signs, weighed), "value": worth, "value_at_risk": held_out[chosen] * worth,
    })[~left]  # fmt: skip
    leaky, unread = (tuple(map(trait_name, columns)) for columns in (made.leaky, made.unread))
    alone = FromSnapshot(made.names, made.tried, leaky, unread, by_contract=not isinstance(expected, Lifetime))
    days = (period.end - snapshot.noted).days
    return Churn(people.reset_index(drop=True), scores, chosen, held_out[chosen], left, weighed, "flag", settings, days,
                 snapshot.noted, snapshot.noted, False, len(left), alone)  # fmt: skip

"""Draw customers into arms by a hash, and again until the arms are alike in what was known before (row P1).

A draw is kept where the Mahalanobis distance between the means of the arms lies among the smallest that chance gives. The
estimates stay unbiased, and the ordinary interval covers at least as often as it says, since the metric then varies less.
Source: Morgan & Rubin (2012), Rerandomization to improve covariate balance in experiments, Annals of Statistics 40, 1263-1282.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from workbook.settings.models import Settings

MOST_DRAWS = 500
"""Draws tried at most; at the smallest share allowed (0.01) a draw is kept before with a chance above 99 %."""

AT_ONCE = 16
"""Draws made in one go."""

Floats = NDArray[np.float64]


def known_before(people: pd.DataFrame, columns: Sequence[str]) -> Floats:
    """Covariates in units in which they are uncorrelated and vary by one: n × rank.

    Missing numbers count as the mean; columns that are constant or follow from the others drop out.
    """
    table = [
        pd.to_numeric(people[column], errors="coerce").to_numpy("float64") for column in columns if column in people.columns
    ]
    filled = [np.where(np.isnan(x), np.nanmean(x), x) for x in table if not np.isnan(x).all()]
    spread = [(x - x.mean()) / x.std() for x in filled if x.std() > 1e-9 * max(1.0, float(np.abs(x).max()))]
    if not spread:
        return np.empty((len(people), 0))
    left, sizes, _ = np.linalg.svd(np.column_stack(spread), full_matrices=False)
    kept = sizes > 1e-6 * sizes[0]
    return np.asarray(left[:, kept] * np.sqrt(len(people)), dtype=np.float64)


def distance(known: Floats, arm: NDArray[np.object_], control: str) -> float:
    """Largest squared Mahalanobis distance of an arm's means from the control's, in units in which chance gives χ².

    Args:
        known: as :func:`known_before` gives them.
        arm: the arm of each row.
        control: name of the control arm; the others are all set beside it.
    """
    base = known[arm == control]
    found = []
    for other in sorted(set(arm.tolist()) - {control}):
        rows = known[arm == other]
        if not len(base) or not len(rows):
            continue
        apart = rows.mean(axis=0) - base.mean(axis=0)
        found.append(float(apart @ apart) / (1 / len(base) + 1 / len(rows)))
    return max(found, default=0.0)


def limit(rank: int, share: float, arms: int) -> float:
    """Distance that about *share* of all draws stays below.

    With several arms their distances are taken as independent: they share the control, so a little more of the draws is kept.
    """
    return float(stats.chi2.ppf(share ** (1 / max(arms - 1, 1)), rank)) if rank else 0.0


def balanced_draw(drawn: pd.DataFrame, settings: Settings, covariates: Sequence[str]) -> tuple[pd.DataFrame, int]:
    """The first draw that is balanced as the settings ask, and which it was; the best of all tried where none is.

    Each draw follows from seed, pilot and its number, so that the kept one can be repeated.

    Args:
        drawn: customer_id, place (hash of the stratum), draw (hash of the customer) and the covariates, in the order of place
            and draw.
        settings: seed and ``next_pilot``.
        covariates: columns to balance; those that are not there are left out.

    Returns:
        *drawn* with the column arm, and the number of the draw, 1 being the first.
    """
    pilot = settings.next_pilot
    salt = f"{settings.seed}:{pilot.id}"
    order = drawn[["customer_id", "place", "draw"]]
    best = _arms(order, salt, settings)
    if pilot.balance is None:
        return drawn.assign(arm=best), 1
    known, control = known_before(drawn, covariates), next(iter(pilot.arms))
    most = limit(known.shape[1], pilot.balance, len(pilot.arms))
    least, kept = distance(known, best.to_numpy(object), control), 1
    for begin in range(2, MOST_DRAWS + 1, AT_ONCE):
        salts = [f"{salt}:{attempt}" for attempt in range(begin, begin + AT_ONCE)]
        for attempt, draw in enumerate(hashes(drawn["customer_id"], *[f"{s}:" for s in salts]) if least > most else [], begin):
            again = order.assign(draw=draw).sort_values(["place", "draw", "customer_id"], kind="stable")
            tried = _arms(again, salts[attempt - begin], settings).reindex(drawn.index)
            away = distance(known, tried.to_numpy(object), control)
            if away < least:
                best, least, kept = tried, away, attempt
            if away <= most:
                break
        if least <= most:
            break
    return drawn.assign(arm=best), kept


def _arms(order: pd.DataFrame, salt: str, settings: Settings) -> pd.Series:
    """The arm of each customer, given in the order of one draw."""
    start = int(hashlib.sha256(salt.encode()).hexdigest()[:13], 16) / 16**13
    return pd.Series(allot(len(order), settings.next_pilot.arms, start), index=order.index)


def allot(n: int, arms: Mapping[str, float], start: float) -> NDArray[np.object_]:
    """The arm of each of *n* units in a random order: every stretch holds the arms in their shares, within one or two units.

    Args:
        n: number of units.
        arms: arm → share; shares need not add to one.
        start: random number from 0 to 1 from which the systematic draw sets out.

    Returns:
        Names of arms, length *n*. Systematic sampling, arm after arm (Cochran 1977, Sampling Techniques, ch. 8).

    >>> list(allot(4, {"control": 0.5, "treatment": 0.5}, 0.0))
    ['control', 'treatment', 'control', 'treatment']
    """
    first, *others = arms
    result = np.full(n, first, dtype=object)
    left = np.arange(n)
    share_left = sum(arms.values())
    for arm in reversed(others):
        rate = arms[arm] / share_left
        # rounding keeps a third of 3 at 1, where binary fractions would make it 0.99…
        steps = np.floor(np.round(rate * np.arange(len(left) + 1) + start, 9))
        chosen = np.diff(steps) > 0
        result[left[chosen]] = arm
        left = left[~chosen]
        share_left -= arms[arm]
    return result


def arm_by_hash(ids: pd.Series, salt: str, arms: Mapping[str, float]) -> NDArray[np.object_]:
    """The arm of each customer by a hash of its own id alone: the same whenever and beside whomever it is asked for.

    Unlike :func:`allot` it does not even the arms out, so it serves where customers come one after the other.

    Args:
        ids: of customers.
        salt: what keeps one draw apart from another: seed, pilot and use.
        arms: arm → share; shares need not add to one.

    Returns:
        Names of arms, in the order of *ids*.

    >>> list(arm_by_hash(pd.Series(["a", "b"]), "1:care:", {"control": 0.5, "treatment": 0.5}))
    ['treatment', 'control']
    """
    return arms_of(hashes(ids, salt)[0], arms)


def arms_of(drawn: pd.Series, arms: Mapping[str, float]) -> NDArray[np.object_]:
    """The arm of each hash: the hashes of each share of all that there can be belong to one arm.

    Args:
        drawn: of :func:`hashes`.
        arms: arm → share; shares need not add to one.
    """
    shares = np.cumsum(list(arms.values())) / sum(arms.values())
    # thirteen hexadecimal digits of the hash are ordered as the numbers that they write
    ends = np.array([f"{int(share * 16**13):013x}" for share in shares[:-1]], dtype=str)
    digits = drawn.astype(str).str[:13].to_numpy(dtype=str)
    found: NDArray[np.object_] = np.array(list(arms), dtype=object)[np.searchsorted(ends, digits, side="right")]
    return found


def hashes(ids: pd.Series, *salts: str) -> list[pd.Series]:
    """SHA-256 of each salt and id: random to look at, the same everywhere, for ever.

    Returns:
        One series a salt, in the order of *ids*.
    """
    with duckdb.connect() as connection:
        connection.register("ids", pd.DataFrame({"place": range(len(ids)), "id": ids.astype(str).to_numpy()}))
        columns = ", ".join(f"sha256(concat($s{i}, id)) as d{i}" for i in range(len(salts)))
        values = {f"s{i}": salt for i, salt in enumerate(salts)}
        found = connection.execute(f"select {columns} from ids order by place", values).df()
    return [found[f"d{i}"].set_axis(ids.index) for i in range(len(salts))]

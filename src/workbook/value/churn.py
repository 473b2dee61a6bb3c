"""Who is leaving: a definition written out, probabilities held against what happened, early signs, value at risk; row L4.

Whoever leaves without a contract does not say so. So a customer has left who buys nothing within a horizon set by the
customer's own rhythm; with contracts, whoever lets one end without a new one. What the probability is learned from was known
on the cut-off day (workbook/value/before.py); what is learned is who left after it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from workbook.language import text
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Analysis, Value
from workbook.tables import Tables
from workbook.value.before import known_on
from workbook.value.buying import MODELS
from workbook.value.churn_exhibits import Churn
from workbook.value.fitting import NoFit, Values
from workbook.value.histories import WEEK, Chosen, Rows, purchase_histories
from workbook.value.lifetime import Lifetime
from workbook.value.risk import ENOUGH_FOR_TREES, FEWEST_TO_LEARN, Risk, clear_signs, judge_risk, learn, too_few, weigh_signals
from workbook.value.snapshot import SNAPSHOT, foresee_from_snapshot

Definition = Literal["purchases", "contracts"]

RENEWED_WITHIN = 30
"""Days after the end of a contract within which the next one counts as its renewal."""

SLOWING = 1.5
"""Silence, in mean days between the customer's own purchases, from which on the rhythm counts as slowing."""


@dataclass(frozen=True, eq=False)
class Standing:
    """The customers who could leave after a day, and what was known of them on it.

    Attributes:
        frame: what risk_features.sql says, gap_days (the customer's rhythm) and horizon (days in which the customer would have
            to act to count as staying).
        cut: the day.
    """

    frame: pd.DataFrame
    cut: dt.date


def features_on(tables: Tables, cut: dt.date, recent_days: int) -> pd.DataFrame:
    """What was known of each customer on a day; see risk_features.sql."""
    frame = known_on(tables, _query("risk_features.sql"), cut, recent=recent_days)
    return frame.astype(dict.fromkeys(("tenure_days", "silence_days", "span_days", "lowest_score"), float))


def standing_on(tables: Tables, cut: dt.date, definition: Definition, settings: Value, longest: int) -> Standing:
    """The customers who had not left on the day *cut* and could leave after it.

    purchases: everybody whose silence was no longer than the own horizon: ``rhythm`` times the own mean days between purchases,
    at least ``shortest_days``, at most *longest*. To the own gaps one typical gap is added, so that two purchases in one week
    do not make a rhythm and who bought once has the typical one.
    contracts: everybody whose contract was to end within *longest* days.
    """
    churn = settings.churn
    frame = features_on(tables, cut, churn.recent_days)
    again = frame[frame["purchases"] > 1]
    gaps = again["span_days"] / (again["purchases"] - 1)
    typical = float(gaps.median()) if len(gaps) else float(longest) / churn.rhythm
    frame = frame.assign(gap_days=((frame["span_days"] + typical) / frame["purchases"]).fillna(typical))
    if definition == "purchases":
        horizon = (churn.rhythm * frame["gap_days"]).clip(min(churn.shortest_days, longest), longest)
        frame = frame.assign(horizon=np.floor(horizon))
        frame = frame[(frame["purchases"] > 0) & (frame["silence_days"] <= frame["horizon"])]
    else:
        left = (pd.to_datetime(frame["contract_ends"]) - pd.Timestamp(cut)).dt.days
        frame = frame.assign(horizon=left.astype(float))[(left > 0) & (left <= longest)]
    return Standing(frame.reset_index(drop=True), cut)


def who_left(tables: Tables, standing: Standing, definition: Definition) -> Chosen:
    """Who of the customers left, as it turned out after the day."""
    people = standing.frame[["customer_id", "horizon"]]
    if definition == "purchases":
        went_on = tables.sql(
            "select customer_id, date_diff('day', cast($cut as date), min(cast(ordered_at as date))) as after"
            " from orders where cast(ordered_at as date) > $cut and customer_id is not null group by customer_id order by 1",
            cut=standing.cut,
        )
        after = people.merge(went_on, on="customer_id", how="left")["after"].astype(float).to_numpy()
        return np.asarray(~(after <= people["horizon"].to_numpy(dtype=float)))
    kept = tables.sql(_query("renewals.sql"), cut=standing.cut, within=RENEWED_WITHIN)
    found = people.merge(kept, on="customer_id", how="left")["kept"]
    return np.asarray(~(found.astype("boolean").fillna(False)).to_numpy(dtype=bool))


def signals_of(standing: Standing, tables: Tables, definition: Definition) -> pd.DataFrame:
    """The early signs of each customer, a column of yes or no for each that the delivery allows."""
    f = standing.frame
    signs: dict[str, pd.Series[bool]] = {}
    if definition == "purchases" or tables.has("orders.customer_id"):
        signs["slowing"] = (f["purchases"] > 1) & (f["silence_days"] > SLOWING * f["gap_days"])
        signs["once"] = f["purchases"] == 1
    if tables.has("orders.amount"):
        signs["spends_less"] = (f["spent_before"] > 0) & (f["spent_recent"] < f["spent_before"] / 2)
    if tables.has("tickets.customer_id"):
        signs["ticket"] = f["tickets_recent"] > 0
        if tables.has("tickets.resolved_at"):
            signs["unsolved"] = f["tickets_open"] > 0
    if tables.has("feedback.score", "feedback.scale_max", "feedback.customer_id"):
        signs["unhappy"] = f["lowest_score"] <= 0.5
    if tables.has("interactions"):
        signs["contact_lost"] = (f["contacts_before"] > 0) & (f["contacts_recent"] == 0)
    return pd.DataFrame({name: sign.fillna(False).to_numpy(dtype=bool) for name, sign in signs.items()}, index=f.index)


def measures_of(standing: Standing) -> Values:
    """The numbers that probabilities are learned from besides the signs; logarithms where they spread over orders of size."""
    f = standing.frame
    silence, tenure = f["silence_days"].fillna(0.0), f["tenure_days"].fillna(0.0)
    gap = f["gap_days"]
    # purchases that the own rate lets expect in the horizon and in the silence so far
    rate = f["purchases"] / (tenure + gap)
    columns = [
        np.log1p(f["purchases"]), np.log1p(silence), np.log1p(gap), np.log1p(rate * silence), np.log(rate * f["horizon"] + 0.1),
        np.log(f["horizon"]), np.log1p(tenure), np.log1p(f["spent"].clip(lower=0)), np.log1p(f["spent_recent"].clip(lower=0)),
        np.log1p(f["spent_before"].clip(lower=0)), np.log1p(f["tickets_recent"]), np.log1p(f["contacts_recent"]),
        f["lowest_score"].fillna(0.8), f["lowest_score"].notna(), f["kind"] == "company", np.log1p(f["contracts"]),
        np.log1p(f["contract_value"].clip(lower=0)),
    ]  # fmt: skip
    return np.column_stack([np.asarray(column, dtype=float) for column in columns])


def foresee_churn(
    tables: Tables, settings: Value, analysis: Analysis, expected: Lifetime | NotMeasured, *, period: Period, seed: int = 0
) -> Churn | NotMeasured:
    """The probability of each customer that leaves may be feared of, what it rests on, and how good it is.

    Learned on the customers of the latest day after which everybody's horizon is over. Held against what happened: where the
    orders reach back far enough, learned a horizon earlier and judged on that day; else across customers (five folds).

    Args:
        tables: orders or contracts, and what signs need: tickets, feedback, interactions.
        settings: definition, rhythm and days; models of repeat buying and hiatus for comparison.
        analysis: churn_days, the longest horizon.
        expected: the forecast of value, for the value at risk.
        period: the period analysed; probabilities hold for its last day.
        seed: decides the folds.

    Returns:
        The risk, or NotMeasured where neither orders nor contracts were delivered, or too few customers left or stayed.
    """
    what = text("value.churn.what", "Who is about to leave")
    definition = _definition(tables, settings)
    if definition == "flag":
        return foresee_from_snapshot(tables, settings, expected, period=period, seed=seed)
    if definition is None:
        needed = {"contracts": ("contracts.ends_at",), "purchases": ("orders.customer_id",), "flag": SNAPSHOT}
        both = (*needed["purchases"], *needed["contracts"])
        return NotMeasured("value.churn", what, needed.get(settings.churn.definition, both))
    longest = analysis.churn_days
    end = period.end - dt.timedelta(days=RENEWED_WITHIN if definition == "contracts" else 0)
    cut, earlier = (end - dt.timedelta(days=times * longest) for times in (1, 2))
    then = standing_on(tables, cut, definition, settings, longest)
    lost = who_left(tables, then, definition)
    if min(lost.sum(), (~lost).sum()) < FEWEST_TO_LEARN:
        return NotMeasured("value.churn", what, (), too_few(lost))
    signs, numbers = signals_of(then, tables, definition), measures_of(then)
    features = np.column_stack([numbers, signs.to_numpy(dtype=float)])
    methods = ["logistic"] + (["boosting"] if min(lost.sum(), (~lost).sum()) >= ENOUGH_FOR_TREES else [])
    learned = {method: learn(method, features, lost, seed=seed) for method in methods}
    held_out: dict[str, Values] = {method: risk.held_out for method, risk in learned.items()}
    first = standing_on(tables, earlier, definition, settings, longest) if _reaches(tables, earlier, longest) else None
    before = who_left(tables, first, definition) if first is not None else np.zeros(0, dtype=bool)
    known, left = then, lost
    later = first is not None and int(min(before.sum(), (~before).sum())) >= FEWEST_TO_LEARN
    if first is not None and later:
        known, left = first, before
        old = np.column_stack([measures_of(first), signals_of(first, tables, definition).to_numpy(dtype=float)])
        held_out = {method: learn(method, old, before, seed=seed).of(features) for method in methods}
    if definition == "purchases":
        held_out["hiatus"] = _by_silence(_silent_long(then, settings), _silent_long(known, settings), left)
        said = _no_purchase(tables, then, settings)
        held_out |= {} if said is None else {settings.models[0]: said}
    scores = pd.DataFrame([{"method": method, **judge_risk(p, lost)} for method, p in held_out.items()])
    scores = scores.sort_values(["brier", "method"], ignore_index=True)
    now = standing_on(tables, period.end, definition, settings, longest)
    now_signs = signals_of(now, tables, definition)
    now_features = np.column_stack([measures_of(now), now_signs.to_numpy(dtype=float)])
    chosen, probability = _best(list(scores["method"]), learned, now_features, lambda: _no_purchase(tables, now, settings))
    weighed = weigh_signals(signs, lost, numbers[:, [0, 2]])
    people = _people(now, probability, now_signs, weighed, expected)
    return Churn(people, scores, chosen, held_out[chosen], lost, weighed, definition, settings, longest, cut, period.end,
                 later, len(left))  # fmt: skip


def _people(
    now: Standing, probability: Values, signs: pd.DataFrame, weighed: pd.DataFrame, expected: Lifetime | NotMeasured
) -> pd.DataFrame:
    """customer_id, probability, value_at_risk, signals (the clear ones, strongest first), value."""
    people = pd.DataFrame({
        "customer_id": now.frame["customer_id"], "probability": probability, "signals": clear_signs(signs, weighed),
    })  # fmt: skip
    if isinstance(expected, Lifetime):
        people = people.merge(expected.frame[["customer_id", "value"]], on="customer_id", how="left")
    else:
        people = people.assign(value=np.nan)
    people["value_at_risk"] = people["probability"] * people["value"]
    return people.sort_values("customer_id", ignore_index=True)


def _definition(tables: Tables, settings: Value) -> Definition | Literal["flag"] | None:
    allowed: Mapping[Definition | Literal["flag"], bool] = {
        "purchases": tables.has("orders.customer_id"),
        "flag": tables.has(*SNAPSHOT),
        "contracts": tables.has("contracts.ends_at", "contracts.customer_id"),
    }
    wanted = settings.churn.definition
    return next((one for one, there in allowed.items() if there and wanted in ("auto", one)), None)


def _reaches(tables: Tables, cut: dt.date, longest: int) -> bool:
    """Whether the files begin at least the longest horizon before a day."""
    first = tables.first_order
    return first is not None and (cut - first.date()).days >= longest


def _silent_long(standing: Standing, settings: Value) -> Chosen:
    return standing.frame["silence_days"].to_numpy(dtype=float) > settings.hiatus_days


def _by_silence(silent: Chosen, known: Chosen, left: Chosen) -> Values:
    """The rule of thumb: the share that left of those long silent and of the others, learned where *left* is known."""
    long, short = (float(left[part].mean()) if part.any() else float(left.mean()) for part in (known, ~known))
    return np.where(silent, long, short)


def _best(
    ranked: list[str], learned: Mapping[str, Risk], features: Values, by_rhythm: Callable[[], Values | None]
) -> tuple[str, Values]:
    """The method with the smallest error that gives each customer a probability of the own, and what it says today."""
    for method in ranked:
        found = learned[method].of(features) if method in learned else by_rhythm() if method in MODELS else None
        if found is not None:
            return method, found
    raise AssertionError("a learned method is always among those ranked")


def _no_purchase(tables: Tables, standing: Standing, settings: Value) -> Values | None:
    """The probability of no purchase in each customer's horizon by the first model of repeat buying in the settings; None where
    it cannot be fitted."""
    model = MODELS[settings.models[0]]
    histories = purchase_histories(tables, until=standing.cut, lead_days=settings.lead_days)
    rows, place = histories.rows()
    fitted = model.fit(rows.only(place[histories.ground()]))
    if isinstance(fitted, NoFit):
        return None
    people = standing.frame[["customer_id", "horizon"]].merge(histories.frame, on="customer_id", how="left")
    own = Rows.of(*(people[name].to_numpy(dtype=float) / by for name, by in (("x", 1.0), ("last", WEEK), ("age", WEEK))))
    return model.silent(fitted.values, own, people["horizon"].to_numpy(dtype=float) / WEEK)


def _query(name: str) -> str:
    return (Path(__file__).parent / "sql" / name).read_text("utf-8")

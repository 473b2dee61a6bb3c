"""What the buffer costs and saves on real orders by quarter: fewer moves, no worse a forecast, lasting movers followed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.grading.quarters import ENDS, profile_at, real_orders

from workbook.grading.policy import past_of
from workbook.grading.score import grade
from workbook.grading.tiers import places_of
from workbook.period import Period
from workbook.settings.models import Buffer, Grading


def graded(profiles, year, buffer, window):
    """Grades of each quarter, one on the other."""
    found, past = [], None
    for n, profile in enumerate(profiles, 1):
        period = Period.parse(f"{year}Q{n}")
        covered = min(window, 3 * n)
        grades = grade(profile, Grading(buffer=buffer), period=period, window_months=covered, whole=window, past=past)
        by_score = places_of(grades.frame["score"].to_numpy(), grades.policy.lows)
        found.append(grades.frame.assign(by_score=by_score).set_index("customer_id"))
        past = past_of(grades.frame, grades.policy.json, periods=(period, period.following))
    return found


def moved(before, after):
    both = before["tier"].reindex(after.index).dropna().index
    return float((after.loc[both, "tier"] != before.loc[both, "tier"]).mean())


def top_decile(grades):
    """Customers of the best tenth, by tier and then by score."""
    place = grades["tier"].map({tier.id: k for k, tier in enumerate(Grading().tiers)})
    order = np.lexsort((-grades["score"], place))
    chosen = np.zeros(len(grades), dtype=bool)
    chosen[order[: len(grades) // 10]] = True
    return chosen


@pytest.mark.parametrize(("name", "window"), [("complete_journey", 12), ("complete_journey", 3), ("online_retail", 12)])
def test_the_buffer_saves_two_moves_in_five_and_costs_nothing(name, window):
    lines = real_orders(name)
    profiles = [profile_at(lines, end, window) for end in ENDS[name]]
    with_buffer, without = (graded(profiles, ENDS[name][0][:4], buffer, window) for buffer in (Buffer(), Buffer(points=0)))
    pairs = list(zip(range(3), range(1, 4), strict=True))
    held, free = (np.mean([moved(found[a], found[b]) for a, b in pairs]) for found in (with_buffer, without))
    assert held <= 0.6 * free

    # loss of the revenue of the next quarter that the best tenth brings, customers drawn anew
    rng = np.random.default_rng(20170101)
    losses = []
    for a, b in pairs:
        later = profiles[b].set_index("customer_id")["revenue_period"].reindex(with_buffer[a].index).fillna(0.0).to_numpy()
        kept, best = top_decile(with_buffer[a]) * later, top_decile(without[a]) * later
        draws = rng.multinomial(len(later), np.full(len(later), 1 / len(later)), 400)
        losses.append((draws @ best - draws @ kept) / (draws @ later))
    assert np.quantile(np.mean(losses, axis=0), 0.975) < 0.02

    followed = []
    for k in range(2):
        people = with_buffer[k].index
        place = {tier.id: position for position, tier in enumerate(Grading().tiers)}
        start, end = (with_buffer[at].loc[people, "tier"].map(place) for at in (k, k + 2))
        first, second = (with_buffer[at].loc[people, "by_score"] for at in (k + 1, k + 2))
        lasting = (np.sign(first - start) == np.sign(second - start)) & (first != start)
        followed.append((np.sign(end - start) == np.sign(second - start))[lasting])
    assert pd.concat(followed).mean() >= 0.9

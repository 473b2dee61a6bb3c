"""Whether an effect lasts: a planted novelty is found, a lasting effect is not called one, both ways of measuring agree."""

import numpy as np
import pandas as pd
import pytest
from tests.pilots.trials import pilot, settings, spend, tables, two_arms, units

from workbook.language import Edition
from workbook.pilots.checks import check_pilots
from workbook.pilots.effects import measure_effects

EN, ZH = Edition("en"), Edition("zh")
N, WEEKS = 400, 8
ARMS = two_arms(N)
SPENT = (
    "(select coalesce(sum(o.amount), 0) from orders o where o.customer_id = unit.customer_id "
    "and o.ordered_at between $first_day and $last_day)"
)


def weekly(fade, seed=1):
    """Values of eight weeks, the effect 20 at first and *fade* of the week before in each that follows."""
    rng = np.random.default_rng(seed)
    gain = 20 * fade ** np.arange(WEEKS)
    level = rng.normal(100, 10, N)
    return [level + rng.normal(0, 8, N) + gain[week] * (ARMS == "treatment") for week in range(WEEKS)]


def days():
    return [(pd.Timestamp("2025-10-04") + pd.Timedelta(days=7 * week)).date() for week in range(WEEKS)]


def found(fade, source="outcomes", seed=1):
    ids = units(ARMS)["customer_id"]
    rows = [
        pd.DataFrame({"pilot": "care", "unit_id": ids, "customer_id": ids, "metric": "spend", "value": v, "amount": v.round(2),
                      "measured_at": on, "ordered_at": on})
        for v, on in zip(weekly(fade, seed), days(), strict=True)
    ]  # fmt: skip
    frame = pd.concat(rows, ignore_index=True)
    frame["order_id"] = np.arange(len(frame))
    names = ["pilot", "unit_id", "metric", "value", "measured_at"]
    more = {"orders": frame[["order_id", "customer_id", "ordered_at", "amount"]]}
    plan = settings(pilot(metrics=[spend(source=source, repeats="mean")], ends="2025-11-25"))
    delivered = tables(units(ARMS), *([frame[names]] if source == "outcomes" else []), **more)
    return measure_effects(delivered, plan, check_pilots(delivered, plan))


def test_a_planted_novelty_wears_off_and_says_what_it_was_in_both_halves():
    (one,) = found(0.6).lasting
    gain = 20 * 0.6 ** np.arange(WEEKS)
    assert one.wears_off and one.first.effect == pytest.approx(gain[:4].mean(), abs=2)
    assert one.second.effect == pytest.approx(gain[4:].mean(), abs=2)
    assert one.change.effect == pytest.approx(one.second.effect - one.first.effect)
    assert one.change.low < gain[4:].mean() - gain[:4].mean() < one.change.high


def test_a_lasting_effect_is_told_to_wear_off_as_rarely_as_the_level_says():
    told = [one.wears_off for seed in range(24) for one in found(1.0, seed=seed).lasting]
    assert len(told) == 24 and sum(told) <= 3


def test_orders_of_both_halves_say_the_same_as_delivered_measurements():
    (one,), (other,) = found(0.6).lasting, found(0.6, SPENT).lasting
    # four weeks of orders are four times their mean
    assert other.first.effect == pytest.approx(4 * one.first.effect, rel=1e-3)
    assert other.wears_off


def test_one_measurement_says_nothing_about_lasting():
    ids = units(ARMS)["unit_id"]
    rows = pd.DataFrame(
        {"pilot": "care", "unit_id": ids, "metric": "spend", "value": weekly(1)[0], "measured_at": "2025-11-20"}
    )
    plan = settings(pilot(metrics=[spend(repeats="mean")]))
    delivered = tables(units(ARMS), rows)
    assert measure_effects(delivered, plan, check_pilots(delivered, plan)).lasting == ()


def test_the_sentence_stands_in_the_chapter_in_both_languages():
    blocks = [block for block in found(0.6).blocks() if block.id.startswith("pilots.lasting")]
    words = [blocks[0].bundle((e,))["languages"][e.language]["words"] for e in (EN, ZH)]
    assert "wears off" in words[0] and "消退" in words[1]

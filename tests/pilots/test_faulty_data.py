"""Faulty pilots as a client delivers them, in a settings file and files of a delivery: each is refused or counted with a
message that says what is wrong, and none reads as an effect."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from workbook.errors import SettingsError, WorkbookError
from workbook.language import Edition
from workbook.period import Period
from workbook.pilots.card import fix_cards
from workbook.pilots.checks import check_pilots
from workbook.pilots.decision import decide
from workbook.pilots.effects import measure_effects
from workbook.settings.reading import read_settings
from workbook.sources.prepare import prepare

EN, ZH = Edition("en"), Edition("zh")
PERIOD = Period.parse("2025Q4")
SETTINGS = """client: {{name: Acme}}
sources:
  - table: assignments
    file: assigned.csv
    columns: {{pilot: p, unit_id: u, customer_id: k, arm: a, assigned_at: d, cluster: c}}
  - {{table: outcomes, file: measured.csv, columns: {{pilot: p, unit_id: u, metric: m, value: v, measured_at: d}}}}
{more}
pilots:
  - id: care
    name: Care
    starts: 2025-10-01
    ends: 2025-12-20
    arms: {arms}
    unit: {unit}
    metrics: [{{id: spend, name: Spend, unit: money, margin: 5, source: {source}}}]
"""
ORDERS = "  - {table: orders, file: orders.csv, columns: {order_id: u, customer_id: k, ordered_at: d, amount: v}}"
N = 400
ARMS = np.where(np.arange(N) % 2 == 0, "control", "treatment")
IDS = [f"c{k:04d}" for k in range(N)]


@pytest.fixture
def run(tmp_path):
    """The pilot as a run judges it: checks, effects and decision of the settings and files of one delivery."""

    def judged(values, *, arms="{control: 0.5, treatment: 0.5}", unit="customer", source="outcomes", drawn=ARMS,
               assigned="2025-10-01", measured="2025-12-20", clusters=None, orders=None, cards=None):  # fmt: skip
        folder = tmp_path / "data" / "acme" / "2025Q4"
        folder.mkdir(parents=True, exist_ok=True)
        more = "" if orders is None else ORDERS
        (tmp_path / "params" / "acme").mkdir(parents=True, exist_ok=True)
        (tmp_path / "params" / "acme" / "engagement.yaml").write_text(
            SETTINGS.format(arms=arms, unit=unit, source=source, more=more), encoding="utf-8"
        )
        (tmp_path / "params" / "acme" / "2025Q4.yaml").write_text("{}\n", encoding="utf-8")
        rows = pd.DataFrame(
            {"p": "care", "u": IDS, "k": IDS, "a": drawn, "d": assigned, "c": IDS if clusters is None else clusters}
        )
        rows.to_csv(folder / "assigned.csv", index=False)
        pd.DataFrame({"p": "care", "u": IDS, "m": "spend", "v": values, "d": measured}).to_csv(
            folder / "measured.csv", index=False
        )
        if orders is not None:
            pd.DataFrame({"u": IDS, "k": IDS, "d": "2025-11-01", "v": orders}).to_csv(folder / "orders.csv", index=False)
        settings = read_settings(tmp_path, "acme", PERIOD)
        tables = prepare(tmp_path, "acme", PERIOD, settings).tables
        checks = check_pilots(tables, settings, fix_cards(settings, PERIOD, cards))
        effects = measure_effects(tables, settings, checks)
        return checks, effects, decide(effects, checks, settings, PERIOD).decisions[0]

    return judged


def noise(seed=0, gain=0.0):
    return 100 + np.random.default_rng(seed).normal(0, 10, N) + np.where(ARMS == "control", 0, gain)


def red(checks):
    return {check.check: check.words for check in checks.failed("care")}


def test_a_sound_pilot_is_decided(run):
    checks, effects, decision = run(noise(gain=12))
    assert not red(checks) and effects.effects[0].shown and decision.action == "roll_out"


def test_a_card_changed_after_it_was_accepted_is_not_judged(run, tmp_path):
    run(noise(gain=12))
    before = read_settings(tmp_path, "acme", PERIOD, {"pilots.care.ends": "2025-12-30", "pilots.care.metrics.spend.margin": 20})
    checks, effects, decision = run(noise(gain=12), cards=fix_cards(before, PERIOD).frame)
    assert set(red(checks)) == {"card"} and not effects.effects[0].shown and decision.action == "cannot_decide"
    assert "fixed 2025-12-30, now 2025-12-20" in red(checks)["card"].render(EN)


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        ("{control: 0.5, treatment: 0.6}", "1.1"),
        ("{control: 0, treatment: 1}", "a number above 0"),
        ("{control: .nan, treatment: 0.5}", "arms"),
        ("{control: 1}", "1 arm"),
    ],
)
def test_impossible_shares_are_refused_with_their_place(run, arms, said):
    with pytest.raises(SettingsError, match=r"engagement\.yaml:\d+: pilots\.care\.arms") as refused:
        run(noise(), arms=arms)
    assert said in str(refused.value)


def test_an_empty_arm_is_named(run):
    checks, effects, decision = run(noise(), drawn=np.repeat("control", N))
    assert "treatment" in red(checks)["assigned"].render(EN) and decision.action == "cannot_decide"
    assert not any(effect.shown for effect in effects.effects)


def test_all_outcomes_missing_is_not_measured(run):
    _, effects, decision = run(np.full(N, np.nan))
    assert effects.effects == () and effects.missing[0].missing == ("outcomes.value",)
    assert decision.action == "cannot_decide"


@pytest.mark.parametrize("constant", [0.0, 1e9])
def test_a_constant_metric_cannot_tell(run, constant):
    _, effects, decision = run(np.full(N, constant))
    assert effects.effects[0].state == "no_interval" and decision.action == "cannot_decide"


def test_over_a_control_of_zero_the_difference_is_told_and_no_relative_lift(run):
    values = np.where(ARMS == "control", 0.0, np.random.default_rng(0).normal(20, 5, N))
    _, effects, decision = run(values)
    assert effects.effects[0].lift is None and effects.effects[0].found.control == 0 and decision.action == "roll_out"


def test_one_cluster_an_arm_cannot_tell(run):
    _, effects, decision = run(noise(gain=12), unit="cluster", clusters=np.where(ARMS == "control", "north", "south"))
    assert effects.effects[0].state == "no_interval" and decision.action == "cannot_decide"
    assert "too few clusters" in decision.reason.render(EN) and "整群" in decision.reason.render(ZH)


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        ({"measured": "2025-12-28"}, f"after the last: {N}; units"),
        ({"measured": "2025-09-01"}, f"measured before the first day: {N}"),
        ({"assigned": "2022-03-01"}, f"over 92 days before the first: {N}"),
        ({"assigned": "2025-12-29", "measured": "2025-12-20"}, f"first: 0, after the last: {N}"),
    ],
)
def test_a_date_outside_the_pilot_shuts_the_gate_and_is_counted(run, dates, said):
    checks, effects, decision = run(noise(gain=12), **dates)
    assert said in red(checks)["dates"].render(EN)
    assert not effects.effects[0].shown and decision.action == "cannot_decide"


def test_units_drawn_in_the_quarter_before_the_start_are_sound(run):
    checks, _, decision = run(noise(gain=12), assigned="2025-07-15")
    assert not red(checks) and decision.action == "roll_out"


def test_a_few_late_outcomes_are_told_and_shut_nothing(run):
    days = np.where(np.arange(N) < 3, "2025-12-28", "2025-12-20")
    checks, effects, _ = run(noise(gain=12), measured=days)
    words = next(c for c in checks.checks if c.check == "dates").words
    assert "after the last: 3;" in words.render(EN) and effects.effects[0].shown


def test_means_of_a_thousand_million_with_unit_variance_keep_their_digits(run):
    values = np.random.default_rng(1).normal(0, 1, N) + np.where(ARMS == "control", 0, 0.5)
    one, other = (run(shift + values)[1].effects[0].found for shift in (0.0, 1e9))
    assert other.effect == pytest.approx(one.effect, abs=1e-5) and other.error == pytest.approx(one.error, rel=1e-5)


def times(size):
    """An expression that makes the delivered outcomes *size* times as large."""
    return f'"{size} * (select max(o.value) from outcomes o where o.unit_id = unit.unit_id)"'


@pytest.mark.parametrize("size", ["1e300", "-1e200 * 1e200"])
def test_a_value_beyond_all_measure_is_refused_with_its_unit(run, size):
    with pytest.raises(WorkbookError, match=r"pilots\.care\.metrics\.spend\.source: unit 'c0000' has the value"):
        run(noise(), source=times(size))


@pytest.mark.parametrize("size", [1e300, -np.inf])
def test_a_delivered_value_beyond_all_measure_is_missing_and_counted(run, size):
    values = noise(gain=12)
    values[7] = size
    checks, effects, _ = run(values)
    assert "Spend: 1 missing" in next(c for c in checks.checks if c.check == "missing.spend").words.render(EN)
    assert effects.effects[0].missing_arm == 1 and abs(effects.effects[0].found.effect) < 20


@pytest.mark.parametrize("size", [1e-140, 1e80])
def test_very_small_and_very_large_values_are_judged_as_any_other(run, size):
    plain = run(noise(gain=12))[1].effects[0]
    effect = run(noise(gain=12), source=times(size))[1].effects[0]
    assert effect.found.low == pytest.approx(plain.found.low * size, rel=1e-9)
    assert effect.found.freedom == pytest.approx(plain.found.freedom, rel=1e-9)
    assert (effect.lift.low, effect.lift.high) == pytest.approx((plain.lift.low, plain.lift.high), rel=1e-9)


ZERO = '"(select sum(o.amount) / sum(o.amount) from orders o where o.customer_id = unit.customer_id)"'


def test_zero_over_zero_is_counted_with_its_reason(run):
    orders = np.where(np.arange(N) < 30, 0, 5)
    checks, _, _ = run(noise(), source=ZERO, orders=orders)
    words = next(c for c in checks.checks if c.check == "missing.spend").words
    assert "30 missing" in words.render(EN) and "of 30 of them the expression divides zero by zero" in words.render(EN)
    assert "零除以零" in words.render(ZH) and checks.doubts["care"]
    _, effects, decision = run(noise(), source=ZERO, orders=np.zeros(N))
    assert effects.effects == () and f"zero by zero for {N} of them" in effects.missing[0].why.render(EN)
    assert decision.action == "cannot_decide"


def test_the_last_day_is_the_one_it_was_extended_to(run, tmp_path):
    run(noise(gain=12))
    settings = read_settings(tmp_path, "acme", PERIOD, {"pilots.care.extended_to": "2025-12-30"})
    assert settings.pilots[0].extended_to == dt.date(2025, 12, 30)
    assert "dates" in red(run(noise(gain=12), measured="2025-12-28")[0])

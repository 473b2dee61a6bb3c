"""Hillstrom's 64,000 e-mails as an engagement of its own: from the published file to the decision.

Figures: the method's list of oracles (recomputed by hand from the MineThatData challenge of 2008).
"""

import shutil
from pathlib import Path

import pytest

from workbook.language import Edition
from workbook.period import Period
from workbook.pilots.card import fix_cards
from workbook.pilots.checks import check_pilots
from workbook.pilots.decision import decide
from workbook.pilots.effects import measure_effects
from workbook.settings.reading import read_settings
from workbook.sources.prepare import prepare

FILE = Path(__file__).parents[3] / "shared" / "data" / "hillstrom" / "hillstrom.csv"
PERIOD = Period.parse("2008Q2")
OUTCOME = """
  - table: outcomes
    file: hillstrom.csv
    columns: {{value: {name}{more}}}
    constants: {{pilot: mail, unit_id: row number, metric: {name}, measured_at: "2008-04-14"}}"""
SETTINGS = (
    """client: {name: {en: E-mail retailer, zh: 邮件零售商}, country: US}
currency: USD
sources:
  - table: assignments
    file: hillstrom.csv
    columns: {arm: segment, stratum: channel}
    constants: {pilot: mail, unit_id: row number, assigned_at: "2008-04-01"}
    values: {arm: {No E-Mail: control, Mens E-Mail: men, Womens E-Mail: women}}"""
    + OUTCOME.format(name="spend", more=", pre_value: history")
    + OUTCOME.format(name="visit", more="")
    + OUTCOME.format(name="conversion", more="")
    + """
pilots:
  - id: mail
    name: {en: Merchandise e-mail, zh: 商品邮件}
    arms: {control: 1/3, men: 1/3, women: 1/3}
    starts: 2008-04-01
    ends: 2008-04-14
    population: 64000
    cost: 2.6
    metrics:
      - {id: spend, name: {en: Spend in two weeks, zh: 两周消费额}, unit: money, margin: 0.1}
      - {id: visit, name: {en: Visited, zh: 访问}, kind: proportion, unit: share, margin: 0.005}
      - {id: conversion, name: {en: Bought, zh: 购买}, kind: proportion, unit: share, margin: 0.001}
"""
)


@pytest.fixture(scope="module")
def engagement(tmp_path_factory):
    if not FILE.is_file():
        pytest.skip(f"the data set is not here: {FILE}")
    home = tmp_path_factory.mktemp("hillstrom")
    (home / "params" / "mail").mkdir(parents=True)
    (home / "params" / "mail" / "engagement.yaml").write_text(SETTINGS, encoding="utf-8")
    (home / "params" / "mail" / "2008Q2.yaml").write_text("{}\n", encoding="utf-8")
    (home / "data" / "mail" / "2008Q2").mkdir(parents=True)
    shutil.copy(FILE, home / "data" / "mail" / "2008Q2")
    plan = read_settings(home, "mail", PERIOD)
    tables = prepare(home, "mail", PERIOD, plan).tables
    checks = check_pilots(tables, plan, fix_cards(plan, PERIOD))
    effects = measure_effects(tables, plan, checks)
    return checks, effects, decide(effects, checks, plan, PERIOD)


def test_the_file_without_an_id_becomes_a_pilot_with_the_published_figures(engagement):
    checks, effects, _ = engagement
    rows = checks.frame.set_index("check")
    assert rows["passed"].all() and {"strata", "balance", "sample_ratio"} <= set(rows.index)
    assert rows.loc["sample_ratio", "statistic"] == pytest.approx(0.20253125, abs=5e-9)
    frame = effects.frame.set_index(["metric", "arm"])
    men, women = frame.loc[("spend", "men")], frame.loc[("spend", "women")]
    assert (men["n_control"], men["n_arm"], women["n_arm"]) == (21306, 21307, 21387)
    assert (men["effect"], men["error"]) == pytest.approx((0.7698271559, 0.1452465602), abs=5e-11)
    assert (women["effect"], women["error"]) == pytest.approx((0.4244122159, 0.1303328585), abs=5e-11)
    assert frame.loc[("visit", "men"), "p"] == pytest.approx(5.685165e-112, rel=1e-6)
    assert frame.loc[("conversion", "women"), "p"] == pytest.approx(1.571051e-4, rel=1e-6)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            (
                "Merchandise e-mail (arm men): roll out",
                "Spend in two weeks: raised it by $0.77 ($0.65 without the measure, $1.42 with it; 95% interval of the "
                "difference $0.44 to $1.10; 42,613 units).",
                "That it is better than arm women is not clear: $0.35 apart (-$0.01 to $0.70).",
            ),
        ),
        ("zh", ("商品邮件（men 组）：全面推广", "提高 0.77 美元", "42,613")),
    ],
)
def test_the_chapter_says_what_an_analyst_would(engagement, language, said):
    _, _, verdict = engagement
    answer = verdict.answer().bundle((Edition(language, "USD"),))["languages"][language]
    text = "\n".join([answer["heading"], *answer["sentences"]])
    assert all(sentence in text for sentence in said), text
    (decision,) = verdict.decisions
    low, high = decision.planned
    found = decision.effect.found
    # far beyond its limit luck played no part: the interval is the one that both arms hold together
    assert (low, high) == pytest.approx((found.low, found.high), abs=0.02)
    assert decision.worth.value == pytest.approx(64_000 * (365 / 14 * found.effect - 2.6))

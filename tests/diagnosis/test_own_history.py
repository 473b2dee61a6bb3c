"""Limits from the client's own history: what they rest on, how often they cry wolf, and what is said where there is none."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbook.diagnosis.finding import Finding
from workbook.diagnosis.own_history import HISTORY_COLUMNS, figure_rule, own_limit
from workbook.diagnosis.problems import diagnose
from workbook.language import Edition
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.tables import tables_of

NOW = Period.parse("2025Q4")


def rows(figures, width=0.0):
    period, found = NOW, []
    for figure in reversed(figures):
        period = period.previous
        found.insert(0, {"period": period.name, "figure": figure, "low": figure - width, "high": figure + width,
                         "from": "report"})  # fmt: skip
    return pd.DataFrame(found)


def test_the_limit_is_the_prediction_limit_of_one_more_figure():
    figures = [0.10, 0.12, 0.11, 0.15]
    one = own_limit(rows(figures), "share", "above", 0.95)
    # second way: t statistic of the next figure against the earlier ones is just at its 97.5th percentile
    s, m = np.std(figures, ddof=1), np.mean(figures)
    assert (one.limit - m) / (s * np.sqrt(1.25)) == pytest.approx(stats.t.ppf(0.975, 3))
    below = own_limit(rows(figures), "share", "below", 0.95)
    assert m - below.limit == pytest.approx(one.limit - m)
    assert one.periods == ("2024Q4", "2025Q1", "2025Q2", "2025Q3")


def test_equal_figures_of_few_cases_do_not_give_a_limit_without_width():
    one = own_limit(rows([0.0, 0.0, 0.0], width=0.04), "share", "above", 0.95)
    assert one.limit > 0.02 and one.spread == pytest.approx(0.04 / stats.norm.ppf(0.975))


def test_two_periods_give_no_limit():
    assert np.isnan(own_limit(rows([0.1, 0.2]), "share", "above", 0.95).limit)


def test_a_client_who_does_not_change_seldom_passes_the_limit():
    # 8 earlier quarters whose level moves by chance and by 2 points beside; the next is one more of them
    rng = np.random.default_rng(0)
    passed, worse, tries = 0, 0, 600
    for _ in range(tries):
        n = 200
        level = np.clip(rng.normal(0.2, 0.02, 10), 0, 1)
        level[9] += 0.2
        figures = rng.binomial(n, level) / n
        half = 1.96 * np.sqrt(figures * (1 - figures) / n)
        frame = rows(list(figures[:8])).assign(low=figures[:8] - half[:8], high=figures[:8] + half[:8])
        limit = own_limit(frame, "share", "above", 0.95).limit
        passed += figures[8] > limit
        worse += figures[9] > limit
    # 2.5 % nominal; within four standard errors of it, and a rise of 20 points, five times the spread, is seen
    assert passed / tries < 0.025 + 4 * np.sqrt(0.025 * 0.975 / tries)
    assert worse / tries > 0.9


def delivery(quarters, reopened, n=100):
    """Solved tickets of so many quarters up to now, with the share opened again in each of them."""
    frames, period = [], NOW
    for share in reversed(reopened[-quarters:]):
        opened = pd.Series(pd.date_range(period.start, period.end, periods=n).floor("s"))
        frames.append(
            pd.DataFrame({"opened_at": opened, "resolved_at": opened, "reopened": (np.arange(n) < share * n).astype(int)})
        )
        period = period.previous
    tickets = pd.concat(frames, ignore_index=True)
    tickets["ticket_id"] = [f"T{i}" for i in range(len(tickets))]
    tickets["customer_id"] = [f"C{i % 50}" for i in range(len(tickets))]
    customers = pd.DataFrame({"customer_id": [f"C{i}" for i in range(50)]})
    return tables_of({"customers": customers, "tickets": tickets}, NOW), customers.assign(revenue=1.0)


def settings_of(**more):
    return Settings(client={"name": "Test"}, diagnosis={"own_history": ["service.reopened"], **more})


def test_a_first_delivery_that_reaches_back_gives_the_limit_itself():
    tables, profile = delivery(6, [0.30, 0.32, 0.31, 0.30, 0.32, 0.31])
    found = diagnose(tables, profile, settings_of())
    one = found.own_limits["service.reopened"]
    assert one.periods == ("2024Q3", "2024Q4", "2025Q1", "2025Q2", "2025Q3") and one.origin == "delivery"
    reopened = found.found("service.reopened")
    # always bad is not worse than before: the default limit of 10 % would have called it a problem
    assert reopened.threshold == one.limit and reopened.breached == "fine"
    assert reopened.source.render(Edition("en")).startswith("own history 2024Q3 to 2025Q3: mean 31.0%, spread ")
    assert found.history_table()[0].frame["origin"].tolist() == ["delivery"]


def test_what_has_become_worse_breaches_the_own_limit():
    tables, profile = delivery(6, [0.02, 0.03, 0.02, 0.03, 0.02, 0.09])
    settings = settings_of()
    # 9 % lies within the default of 10 % and far beyond what this client keeps to
    assert diagnose(tables, profile, settings).found("service.reopened").breached != "fine"
    plain = Settings(client={"name": "Test"})
    assert diagnose(tables, profile, plain).found("service.reopened").breached == "fine"


def test_without_history_the_limit_of_the_settings_holds_and_it_is_said():
    tables, profile = delivery(2, [0.30, 0.30])
    found = diagnose(tables, profile, settings_of(reopened_share=0.2))
    reopened = found.found("service.reopened")
    assert reopened.threshold == 0.2
    assert reopened.source.render(Edition("en")) == "set for this client; own history asked for, but 1 of 3 periods known"
    assert found.history_table()[0].title.render(Edition("en")).endswith("0 of 1 asked for")


def test_reports_come_before_the_delivery_and_figures_of_another_rule_are_left_out():
    tables, profile = delivery(6, [0.30] * 6)
    settings = settings_of()
    rule = figure_rule("service.reopened", settings)
    told = [("service.reopened", "2025Q3", 0.5, 0.4, 0.6, 100, rule, "report"),
            ("service.reopened", "2025Q2", 0.9, 0.8, 1.0, 100, "another", "report")]  # fmt: skip
    history = pd.DataFrame(told, columns=list(HISTORY_COLUMNS))
    one = diagnose(tables, profile, settings, history=history).own_limits["service.reopened"]
    # Q3 as reported, Q2 again from the delivery as its report counted otherwise
    assert one.origin == "both" and one.mean == pytest.approx((0.5 + 4 * 0.3) / 5)


def test_the_rule_of_a_figure_changes_with_what_it_counts_and_not_with_its_limit():
    base = figure_rule("service.repeat", settings_of())
    assert figure_rule("service.repeat", settings_of(repeat_share=0.5)) == base
    assert figure_rule("service.repeat", settings_of(repeat_days=7)) != base


def test_figures_pile_up_from_report_to_report():
    tables, profile = delivery(1, [0.3])
    first = diagnose(tables, profile, settings_of()).figure_history
    assert tuple(first.columns) == HISTORY_COLUMNS and set(first["period"]) == {"2025Q4"}
    older = first.assign(period="2025Q3")
    both = diagnose(tables, profile, settings_of(), history=older).figure_history
    assert len(both) == 2 * len(first)
    again = diagnose(tables, profile, settings_of(), history=both).figure_history
    assert len(again) == len(both)
    assert isinstance(diagnose(tables, profile, settings_of()).found("service.reopened"), Finding)

"""How long contracts last: the estimate by hand, Telco's published shares, planted renewals, and spells at their edges."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from tests.report.picture_checks import assert_readable
from tests.value.test_risk import telco

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured, Table
from workbook.report.figures import house_style
from workbook.settings.models import Value
from workbook.tables import tables_of
from workbook.value.contracts import Contracts, keep_contracts, kept_after, survive
from workbook.value.fitting import Fit
from workbook.value.renewing import fit_renewals, fit_terms, survival

PERIOD = Period.parse("2025Q4")
END = pd.Timestamp(PERIOD.end)
EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")
TODAY = dt.date(2025, 12, 31)
PLANTED = (1.5, 3.5)


def by_hand(terms, lost):
    """Kaplan and Meier's product over terms with Greenwood's variance, one contract at a time."""
    kept, variance, found = 1.0, 0.0, []
    for t in range(1, max(terms) + 1):
        at_risk = sum(1 for one in terms if one >= t)
        gone = sum(1 for one, left in zip(terms, lost, strict=True) if left and one == t)
        kept *= 1 - gone / at_risk
        variance += gone / (at_risk * (at_risk - gone)) if at_risk > gone else 0.0
        half = 1.959964 * np.sqrt(variance) / abs(np.log(kept))
        found.append((kept, kept ** np.exp(half), kept ** np.exp(-half)))
    return np.array(found)


def test_the_estimate_agrees_with_the_product_by_hand():
    rng = np.random.default_rng(1)
    terms, lost = rng.integers(1, 6, 200), rng.random(200) < 0.5
    found = kept_after(terms, lost)
    assert found[["kept", "low", "high"]].to_numpy() == pytest.approx(by_hand(terms, lost), abs=1e-9)
    assert found["at_risk"].tolist() == [int((terms >= t).sum()) for t in range(1, 6)]


def test_a_step_that_few_contracts_decide_is_left_out():
    found = kept_after(np.array([1] * 20 + [2] * 9), np.array([True] * 10 + [False] * 19))
    assert found["term"].tolist() == [1]


def test_nobody_lost_leaves_an_interval_below_one():
    found = kept_after(np.full(20, 1), np.zeros(20, dtype=bool))
    assert found["kept"].tolist() == [1.0] and 0.8 < found["low"][0] < 1 and found["high"][0] == 1


def test_telco_keeps_its_published_shares_and_segments_differ():
    frame, _, lost = telco()
    terms = frame["tenure"].to_numpy()
    found = survive(terms, lost, frame["Contract"], by="contract", term_days=30, until=TODAY)
    segments = found.segments.set_index("segment")
    share = segments["lost"] / segments["contracts"]
    assert segments["contracts"].sum() == 7043 and segments["lost"].sum() == 1869
    assert share["Month-to-month"] == pytest.approx(0.4271, abs=0.00005)
    assert share["Two year"] == pytest.approx(0.0283, abs=0.00005)
    assert found.apart < 1e-10 and segments["kept_1"].idxmin() == "Month-to-month"
    assert found.table().title.render(EN).endswith("Month-to-month: 90%")
    # the median customer by month: 26.54% have left, but time-censored: more leave in the end
    at_60 = found.curve.set_index("term").loc[60]
    assert at_60["kept"] == pytest.approx(by_hand(terms, lost)[59, 0]) and at_60["kept"] < 1 - 0.2654


def test_ends_at_different_times_find_the_planted_model():
    rng = np.random.default_rng(5)
    left = rng.geometric(rng.beta(1.5, 4.0, 60_000))
    known = rng.integers(1, 7, 60_000)
    terms, lost = np.minimum(left, known), left <= known
    gone, still = (np.bincount(terms[part], minlength=7)[1:] for part in (lost, ~lost))
    found = fit_terms(gone, still)
    assert isinstance(found, Fit)
    assert list(found.parameters.values()) == pytest.approx([1.5, 4.0], rel=0.08)
    for name, truth in (("alpha", 1.5), ("beta", 4.0)):
        low, high = found.interval(name)
        assert low < truth < high


def test_a_cohort_is_the_case_in_which_all_began_together():
    cohort, terms = fit_renewals([1000, 869, 743, 653]), fit_terms([131, 126, 90], [0, 0, 653])
    assert isinstance(cohort, Fit) and isinstance(terms, Fit)
    assert cohort.parameters == pytest.approx(terms.parameters)


def contracts(n=400, seed=5):
    """Yearly contracts begun over four years, renewed with each customer's own chance; what ended without renewal says so."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(n):
        begins, term, leaves = END - pd.Timedelta(days=int(rng.integers(0, 1400))), 0, rng.beta(*PLANTED)
        while begins <= END:
            ends = begins + pd.Timedelta(days=364)
            again = rng.random() >= leaves
            rows.append({"contract_id": f"k{k}-{term}", "customer_id": f"c{k:03d}", "starts_at": begins, "ends_at": ends,
                         "renewed": again if ends <= END else None})  # fmt: skip
            if not again:
                break
            begins, term = ends + pd.Timedelta(days=1), term + 1
    customers = pd.DataFrame({"customer_id": [f"c{k:03d}" for k in range(n)], "size": ["large", "small"] * (n // 2)})
    return tables_of({"contracts": pd.DataFrame(rows), "customers": customers}, PERIOD)


@pytest.fixture(scope="module")
def found():
    made = keep_contracts(contracts(), Value(), period=PERIOD)
    assert isinstance(made, Contracts)
    return made


def test_planted_renewals_lie_within_the_intervals(found):
    counted = found.curve.dropna(subset=["kept"])
    assert found.term_days == 365 and counted["term"].tolist() == [1, 2, 3]
    for row in counted.itertuples():
        assert row.low < survival(np.array(PLANTED), np.array([float(row.term)]))[0] < row.high
        assert row.sbg == pytest.approx(row.kept, abs=0.03)
    assert found.curve["term"].max() == counted["term"].max() + 2


def test_segments_without_a_difference_are_not_told_apart(found):
    assert found.segments["segment"].tolist() == ["large", "small"]
    assert found.apart > 0.05 and "do not differ" in found.table().title.render(EN)


def test_blocks_show_in_both_languages(found):
    for block in found.blocks():
        block.bundle((EN, ZH))
    assert f"{found.curve.dropna()['kept'].iloc[-1]:.0%}" in found.figure().title.render(EN)
    for edition in (EN, ZH):
        with house_style():
            assert_readable(found.figure().draw(edition))
    assert isinstance(found.table(), Table)


@pytest.mark.parametrize(
    ("gap", "renewed", "spells", "lost"), [(30, None, 1, 0), (31, None, 2, 1), (None, True, 1, 0), (None, None, 1, 1)]
)
def test_contracts_that_follow_within_thirty_days_are_one(gap, renewed, spells, lost):
    ends = END - pd.Timedelta(days=100)
    rows = [
        {
            "contract_id": "a",
            "customer_id": "c",
            "starts_at": ends - pd.Timedelta(days=364),
            "ends_at": ends,
            "renewed": renewed,
        }
    ]
    if gap is not None:
        begins = ends + pd.Timedelta(days=gap)
        rows.append({"contract_id": "b", "customer_id": "c", "starts_at": begins, "ends_at": begins + pd.Timedelta(days=364)})
    others = contracts()
    frame = pd.concat([pd.DataFrame(rows), others.sql("select * from contracts")], ignore_index=True)
    before = keep_contracts(others, Value(), period=PERIOD)
    after = keep_contracts(tables_of({"contracts": frame}, PERIOD), Value(), period=PERIOD)
    assert (after.contracts - before.contracts, after.lost - before.lost) == (spells, lost)
    assert isinstance(after.table(), NotMeasured)  # nobody's size was delivered


def test_no_contracts_and_too_few_are_said():
    none = keep_contracts(tables_of({}, PERIOD), Value(), period=PERIOD)
    assert isinstance(none, NotMeasured) and "contracts.ends_at" in none.missing
    few = keep_contracts(contracts(12), Value(), period=PERIOD)
    assert isinstance(few, NotMeasured) and few.why is not None

"""No look ahead: what is planted after the cut-off changes nothing, and a query that sees it is caught."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from workbook.period import Period
from workbook.settings.models import Value
from workbook.tables import SCHEMAS, Tables, tables_of
from workbook.value import before
from workbook.value.before import KNOWN, known_on, leaks
from workbook.value.churn import Definition, _query, features_on, measures_of, signals_of, standing_on

CUT = dt.date(2025, 6, 30)
PERIOD = Period.parse("2025Q4")


def delivery(seed: int = 1, later: bool = False) -> Tables:
    """A small client until the cut; with *later*, rows dated after it and columns filled in after it as well."""
    rng = np.random.default_rng(seed)
    n = 80
    who = [f"c{k:02d}" for k in rng.integers(0, 20, n)]
    days = [pd.Timestamp(CUT) - pd.Timedelta(days=int(k)) for k in rng.integers(0, 400, n)]
    after = [pd.Timestamp(CUT) + pd.Timedelta(days=int(k)) for k in rng.integers(1, 150, n)]
    end, more = pd.Timestamp(CUT), [f"c{k:02d}" for k in range(20)]
    orders = pd.DataFrame({"order_id": [f"o{k}" for k in range(n)], "customer_id": who, "ordered_at": days, "amount": 10.0,
                           "status": "completed"})  # fmt: skip
    solved = [day + pd.Timedelta(days=2) if k % 3 else pd.NaT for k, day in enumerate(days)]
    solved = pd.Series(solved).where(pd.Series(solved) <= end)
    tickets = pd.DataFrame({"ticket_id": [f"t{k}" for k in range(n)], "customer_id": who, "opened_at": days,
                            "status": "open", "resolved_at": solved})  # fmt: skip
    feedback = pd.DataFrame({"feedback_id": [f"f{k}" for k in range(n)], "customer_id": who, "given_at": days, "score": 5.0,
                             "scale_max": 5.0})  # fmt: skip
    met = pd.DataFrame({"interaction_id": [f"i{k}" for k in range(n)], "customer_id": who, "happened_at": days})
    contracts = pd.DataFrame({"contract_id": [f"k{k}" for k in range(20)], "customer_id": more, "value": 5.0,
                              "starts_at": end - pd.Timedelta(days=90), "ends_at": end + pd.Timedelta(days=30)})  # fmt: skip
    if later:  # the end of a story told by its later rows, and by what was written into the earlier ones
        orders = pd.concat([orders.assign(status="returned"), orders.assign(
            order_id=[f"x{k}" for k in range(n)], ordered_at=after, amount=999.0)])  # fmt: skip
        closed = tickets["resolved_at"].fillna(end + pd.Timedelta(days=3))
        tickets = pd.concat([tickets.assign(status="closed", resolved_at=closed, reopened=4),
                             tickets.assign(ticket_id=[f"y{k}" for k in range(n)], opened_at=after)])  # fmt: skip
        feedback = pd.concat([feedback, feedback.assign(feedback_id=[f"z{k}" for k in range(n)], given_at=after, score=1.0)])
        met = pd.concat([met, met.assign(interaction_id=[f"w{k}" for k in range(n)], happened_at=after)])
        contracts = pd.concat([contracts.assign(renewed=False), contracts.assign(
            contract_id=[f"v{k}" for k in range(20)], starts_at=end + pd.Timedelta(days=31),
            ends_at=end + pd.Timedelta(days=300), value=77.0)])  # fmt: skip
    customers = pd.DataFrame({"customer_id": more, "kind": "person", "created_at": end - pd.Timedelta(days=500),
                              "status": "lost" if later else "active"})  # fmt: skip
    frames = {"orders": orders, "tickets": tickets, "feedback": feedback, "interactions": met, "contracts": contracts,
              "customers": customers}  # fmt: skip
    return tables_of({name: frame.reset_index(drop=True) for name, frame in frames.items()}, PERIOD)


def test_what_is_planted_after_the_cut_off_changes_no_feature():
    at_cut, went_on = features_on(delivery(), CUT, 90), features_on(delivery(later=True), CUT, 90)
    assert len(at_cut) == 20 and leaks(at_cut, went_on) == ()
    pd.testing.assert_frame_equal(at_cut, went_on)
    # and they do change when the cut-off moves on, so that the comparison can fail
    assert "spent" in leaks(at_cut, features_on(delivery(later=True), CUT + dt.timedelta(days=150), 90))


@pytest.mark.parametrize(
    ("column", "planted"),
    [
        ("orders_later", "select customer_id, count(*) as orders_later from main.orders group by customer_id"),
        ("closed", "select customer_id, max(case when resolved_at is null then 0 else 1 end) as closed"
                   " from main.tickets group by customer_id"),
        ("renewed", "select customer_id, min(coalesce(renewed, true)) as renewed from main.contracts group by customer_id"),
        ("status", "select customer_id, status from main.customers"),
    ],
)  # fmt: skip
def test_a_feature_that_looks_ahead_is_caught(column, planted):
    found = leaks(known_on(delivery(), planted, CUT), known_on(delivery(later=True), planted, CUT))
    assert found == (column,)
    # the same query over the tables as they stood cannot look ahead: the column is the same, or not there at all
    honest = planted.replace("main.", "")
    if column != "status":
        assert leaks(known_on(delivery(), honest, CUT), known_on(delivery(later=True), honest, CUT)) == ()


def test_a_customer_who_comes_later_gives_every_column_away():
    one = features_on(delivery(), CUT, 90)
    assert leaks(one.iloc[1:], one) == tuple(one.columns)


def known_of(tables: Tables, definition: Definition) -> pd.DataFrame:
    """All that probabilities are learned from, as it is learned: who could leave, the early signs, and the measures."""
    standing = standing_on(tables, CUT, definition, Value(), 180)
    measures = pd.DataFrame(measures_of(standing)).add_prefix("measure_")
    return pd.concat([standing.frame, signals_of(standing, tables, definition).add_prefix("sign_"), measures], axis=1)


@pytest.mark.parametrize("definition", ["purchases", "contracts"])
def test_what_is_planted_after_the_cut_off_changes_no_early_sign_and_no_measure(definition):
    at_cut, went_on = known_of(delivery(), definition), known_of(delivery(later=True), definition)
    signs = [name for name in at_cut if name.startswith("sign_")]
    assert len(signs) == 7 and at_cut[signs].any(axis=None) and not at_cut[signs].all(axis=None)
    assert len(at_cut) >= 5 and leaks(at_cut, went_on) == ()
    pd.testing.assert_frame_equal(at_cut, went_on)


@pytest.mark.parametrize(
    ("table", "definition", "given_away"),
    [
        ("orders", "purchases", {"sign_slowing", "sign_spends_less"}), ("tickets", "purchases", {"sign_ticket"}),
        ("feedback", "purchases", {"sign_unhappy"}), ("interactions", "purchases", {"sign_contact_lost"}),
        ("contracts", "contracts", {"horizon"}),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:invalid value encountered")  # days after the cut are below zero
def test_a_table_that_is_not_cut_off_gives_itself_away_in_the_signs(monkeypatch, table, definition, given_away):
    cut = dict(before.KNOWN)
    monkeypatch.setattr(before, "KNOWN", cut | {table: f"select * from main.{table}"})
    found = set(leaks(known_of(delivery(), definition), known_of(delivery(later=True), definition)))
    assert found & given_away and any(name.startswith("measure_") for name in found), found


def test_no_feature_names_a_table_around_the_cut_off():
    assert "main." not in _query("risk_features.sql")


def test_states_without_a_date_and_tables_without_one_are_out_of_reach():
    tables = delivery(later=True)
    for table in sorted(set(SCHEMAS) - set(KNOWN)):
        assert known_on(tables, f"select count(*) as n from {table}", CUT)["n"].tolist() == [0]
    for column, table in (("status", "customers"), ("status", "tickets"), ("reopened", "tickets"), ("status", "orders")):
        with pytest.raises(Exception, match=column):
            known_on(tables, f"select {column} from {table}", CUT)

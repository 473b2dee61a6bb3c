"""Lists with a row a customer and no days: who has left is proposed as a snapshot, what the list does not say is asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.opening.conftest import mapped, source_of, write_files

from workbook.errors import SettingsError
from workbook.opening.client import open_client
from workbook.period import Period
from workbook.settings.reading import read_settings
from workbook.settings.writing import one_line

Q4, Q1 = Period.parse("2025Q4"), Period.parse("2026Q1")
DATA = Path(__file__).parents[3] / "shared" / "data"


def subscribers(n: int = 200, **columns) -> str:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({
        "customerID": [f"{i:04}-ABC" for i in range(n)], "tenure": rng.integers(0, 73, n),
        "Contract": rng.choice(["M", "Y"], n), "MonthlyCharges": np.round(rng.gamma(9, 7, n), 2),
        "Churn": rng.choice(["Yes", "No"], n), "E-mail": [f"a{i}@b.cn" for i in range(n)],
    })  # fmt: skip
    return frame.assign(**columns).drop(columns=[name for name in columns if columns[name] is None]).to_csv(index=False)


def test_a_list_of_who_has_left_is_a_snapshot_and_its_day_is_asked(look):
    proposal = look({"telco.csv": subscribers()})
    assert mapped(proposal, "contracts") == {
        "customer_id": "customerID", "value": "MonthlyCharges", "months": "tenure", "ended": "Churn",
    }  # fmt: skip
    contracts = source_of(proposal, "contracts")
    assert contracts.source.own_columns == {"Contract": "text"}
    assert list(contracts.questions) == ["noted_at"]
    # the e-mail is the customer's, and no sign of leaving
    assert mapped(proposal, "customers")["email"] == "E-mail"


def test_without_ids_each_row_is_asked_to_be_a_customer(look):
    proposal = look({"telco.csv": subscribers(customerID=None, **{"E-mail": None})})
    assert list(source_of(proposal, "contracts").questions) == ["customer_id", "noted_at"]
    assert "customers" not in proposal.names


@pytest.mark.parametrize(("most", "asked"), [(11, True), (72, False), (900, True)])
def test_a_tenure_that_may_be_years_or_days_is_asked(look, most, asked):
    contracts = source_of(look({"bank.csv": subscribers(tenure=np.linspace(0, most, 200).astype(int))}), "contracts")
    assert ("months" in contracts.questions) == asked != ("months" in contracts.source.columns)


@pytest.mark.parametrize(
    "columns",
    [{"Churn": ["Yes", "No", "Maybe", "No"] * 50}, {"Churn": None}, {"since": ["2025-01-01"] * 200}],
    ids=["three words", "no flag", "days"],
)
def test_a_list_that_does_not_say_who_has_left_or_names_days_is_no_snapshot(look, columns):
    assert "contracts.ended" not in look({"telco.csv": subscribers(**columns)}).names


def test_an_engagement_with_hostile_column_names_reads_them_back(tmp_path):
    header = "a: b # {c}"
    folder = write_files(tmp_path / "in", {"t.csv": subscribers(**{header: np.arange(200) % 3})})
    replies = iter(["= 2025-12-31"])
    open_client(tmp_path, "acme", folder, period=Q4, ask=lambda _: next(replies, ""))
    (contracts,) = [s for s in read_settings(tmp_path, "acme", Q4).sources if s.table == "contracts"]
    assert contracts.own_columns == {"Contract": "text", one_line(header): "text"}
    assert contracts.constants == {"noted_at": "2025-12-31"}


def test_an_unanswered_day_stops_check_with_the_place_of_the_answer(tmp_path):
    open_client(tmp_path, "acme", write_files(tmp_path / "in", {"t.csv": subscribers()}), period=Q4)
    with pytest.raises(SettingsError, match=r"todo.noted_at: found an open question"):
        read_settings(tmp_path, "acme", Q4)


def test_the_next_list_has_a_day_of_its_own_and_tells_what_it_no_longer_holds(tmp_path):
    replies = iter(["= 2025-12-31"])
    first = write_files(tmp_path / "q4", {"t.csv": subscribers()})
    open_client(tmp_path, "acme", first, period=Q4, ask=lambda _: next(replies, ""))
    shutil.copytree(first, tmp_path / "q1")
    (tmp_path / "q1" / "t.csv").write_text(subscribers(Contract=None), "utf-8")
    opened = open_client(tmp_path, "acme", tmp_path / "q1", period=Q1)
    assert "which day is it now" in opened.words and "no longer kept by name: Contract" in opened.words
    assert "2025-12-31" not in opened.text.split("sources:")[1].replace("it was 2025-12-31", "")


@pytest.mark.parametrize(
    ("name", "table", "columns"),
    [
        (
            "ibm_telco/Telco-Customer-Churn.csv",
            "contracts",
            {"customer_id": "customerID", "value": "MonthlyCharges", "months": "tenure", "ended": "Churn"},
        ),
        ("iranian_churn/Customer_Churn.csv", "contracts", {"months": "Subscription  Length", "ended": "Churn"}),
        ("wholesale_customers/wholesale_customers_clean.csv", "customers", {"region": "Region"}),
    ],
)
def test_published_lists_without_days_are_proposed(look, name, table, columns):
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{path} is not on this machine")
    assert mapped(look({path.name: path.read_bytes()}), table) == columns


def test_who_responded_to_a_campaign_is_told_apart_from_what_customers_are_like(look):
    columns = {"Churn": None, "tenure": None, "MonthlyCharges": None, "E-mail": None, "y": ["yes", "no"] * 100}
    proposal = look({"deposit_2025.csv": subscribers(**columns, balance=np.arange(200) ** 2)})
    assert mapped(proposal, "campaign_contacts") == {"customer_id": "customerID", "response": "y"}
    reached = source_of(proposal, "campaign_contacts")
    assert list(reached.questions) == ["contacted_at"] and reached.source.constants == {"campaign_id": "deposit_2025"}
    assert source_of(proposal, "customers").source.own_columns == {"Contract": "text", "balance": "number"}


@pytest.mark.skipif(not DATA.is_dir(), reason="shared/data is not beside the project")
def test_the_published_bank_campaign_is_proposed_from_its_file_alone(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(DATA / "bank_marketing" / "bank_full.csv.gz", folder)
    replies = iter(["= 2010-11-30"])
    open_client(tmp_path, "bank", folder, period=Period.parse("2010Q4"), ask=lambda _: next(replies, ""))
    sources = {s.table: s for s in read_settings(tmp_path, "bank", Period.parse("2010Q4")).sources}
    assert sources["campaign_contacts"].columns == {"customer_id": "Cust_num", "response": "y"}
    assert sources["campaign_contacts"].constants == {"campaign_id": "bank_full", "contacted_at": "2010-11-30"}
    assert sources["customers"].own_columns["balance"] == "number"

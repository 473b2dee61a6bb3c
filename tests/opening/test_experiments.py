"""Files of published experiments, as they look: the pilot and its card are proposed, what no file knows is asked, or they are
refused by name."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbook.errors import WorkbookError
from workbook.language import Edition
from workbook.opening.client import open_client
from workbook.period import Period
from workbook.pilots.card import fix_cards
from workbook.pilots.checks import check_pilots
from workbook.pilots.decision import decide
from workbook.pilots.effects import measure_effects
from workbook.settings.reading import check_settings, read_settings
from workbook.sources.prepare import prepare

N = 600
PERIOD = Period.parse("2025Q4")
RNG = np.random.default_rng(1)
HALF = np.where(np.arange(N) % 2 == 0, "control", "treatment")


def spent(n=N):
    return RNG.lognormal(2, 1, n).round(2)


def bought(rate=0.3, n=N):
    return (RNG.random(n) < rate).astype(int)


def opened(tmp_path, **files):
    """The text of the engagement that ``new`` writes of the files, at tmp_path/home."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, frame in files.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    home = tmp_path / "home"
    home.mkdir()
    open_client(home, "acme", folder, period=PERIOD)
    return home / "params" / "acme" / "engagement.yaml"


def judged(engagement, *answers, margin="0.05"):
    """The pilot by its card, the questions answered: red gates, doubts, effects, decision."""
    home, words = engagement.parents[2], engagement.read_text("utf-8")
    for key, answer in (("starts", "2025-10-01"), ("ends", "2025-12-20"), ("looks", "1"), ("margin", margin)):
        words = words.replace(f"{key}: todo", f"{key}: {answer}")
    for found, wanted in answers:
        assert found in words
        words = words.replace(found, wanted)
    engagement.write_text(words, "utf-8")
    plan = read_settings(home, "acme", PERIOD)
    tables = prepare(home, "acme", PERIOD, plan).tables
    checks = check_pilots(tables, plan, fix_cards(plan, PERIOD))
    effects = measure_effects(tables, plan, checks)
    red = {check.check for check in checks.checks if not check.passed}
    return red, effects.frame.set_index(["metric", "arm"]), decide(effects, checks, plan, PERIOD).decisions[0]


def test_what_no_file_knows_stops_the_check_by_line_and_name(tmp_path):
    engagement = opened(tmp_path, mail=pd.DataFrame({"customer_id": range(N), "arm": HALF, "spend": spent()}))
    faults = check_settings(engagement.parents[2], "acme", [PERIOD])
    assert {fault.key.rpartition(".")[2] for fault in faults} == {"starts", "ends", "looks", "margin"}
    assert all(fault.found == "'todo'" and fault.line for fault in faults)
    red, effects, decision = judged(engagement)
    assert not red and effects.loc[("spend", "treatment"), "n_arm"] == N / 2 and decision.action == "extend"


def test_landing_pages_that_do_not_go_with_their_group_are_told_and_the_group_counts(tmp_path):
    page = np.where(HALF == "control", "old_page", "new_page")
    page[:6] = "old_page"
    frame = pd.DataFrame(
        {"user_id": range(630_000, 630_000 + N), "timestamp": pd.date_range("2025-10-02 22:11:48", periods=N, freq="1h"),
         "group": HALF, "landing_page": page, "converted": bought()}
    )  # fmt: skip
    engagement = opened(tmp_path, ab_data=frame)
    words = engagement.read_text("utf-8")
    assert (
        "landing_page does not go with group in 3 rows" in words
        and "starts: 2025-10-02" in words
        and "ends: 2025-10-27" in words
    )
    red, effects, _ = judged(engagement)
    assert not red and effects.loc[("converted", "treatment"), "treated"] == frame["converted"][HALF == "treatment"].mean()


def test_arms_without_a_word_for_the_control_ask_which_it_is(tmp_path):
    frame = pd.DataFrame(
        {"userid": RNG.permutation(N) + 116, "version": np.where(HALF == "control", "gate_30", "gate_40"),
         "sum_gamerounds": RNG.integers(0, 300, N), "retention_1": bought(0.44) == 1, "retention_7": bought(0.19) == 1}
    )  # fmt: skip
    engagement = opened(tmp_path, cookie_cats=frame)
    assert "the first arm is taken for the control: is it?" in engagement.read_text("utf-8")
    red, effects, _ = judged(engagement)
    assert not red and effects.loc[("retention_1", "gate_40"), "control"] == frame["retention_1"][HALF == "control"].mean()
    assert set(effects.index.get_level_values(0)) == {"retention_1", "retention_7", "sum_gamerounds"}


def test_lopsided_shares_stay_red_until_the_planned_ones_are_written(tmp_path):
    treated = np.arange(N) % 25 != 0
    frame = pd.DataFrame({"user id": range(N), "test group": np.where(treated, "ad", "psa"), "converted": bought(0.1) == 1,
                          "total ads": RNG.integers(1, 90, N)})  # fmt: skip
    engagement = opened(tmp_path, marketing_AB=frame)
    assert "found: control 24, ad 576" in engagement.read_text("utf-8")
    assert judged(engagement)[0] == {"sample_ratio"}
    red, effects, _ = judged(engagement, ("arms: {control: 1, ad: 1}", "arms: {control: 4, ad: 96}"))
    assert not red and effects.loc[("converted", "ad"), "n_control"] == 24


def test_a_treatment_of_0_and_1_beside_unnamed_features_and_no_id(tmp_path):
    treated = np.arange(N) % 2
    frame = pd.DataFrame({**{f"f{k}": RNG.normal(size=N).round(5) for k in range(4)}, "treatment": treated,
                          "conversion": bought(0.05), "visit": bought(0.2), "exposure": treated * bought(0.2)})  # fmt: skip
    red, effects, _ = judged(opened(tmp_path, uplift=frame))
    assert not red and effects.loc[("visit", "treatment"), "control"] == frame["visit"][treated == 0].mean()


def test_three_chinese_arms_with_yes_and_no(tmp_path):
    arms = np.array(["对照组", "短信", "电话"])[np.arange(N) % 3]
    amount, again = spent(), bought()
    frame = pd.DataFrame({"会员编号": [f"M{k:05d}" for k in range(N)], "组别": arms, "分组日期": "2025-10-08",
                          "消费金额": amount, "是否复购": np.where(again, "是", "否")})  # fmt: skip
    engagement = opened(tmp_path, 试点结果=frame)
    red, effects, _ = judged(engagement)
    assert not red and effects.loc[("metric_5", "电话"), "treated"] == again[arms == "电话"].mean()
    assert effects.loc[("metric_4", "短信"), "treated"] == pytest.approx(amount[arms == "短信"].mean())


def test_amounts_with_signs_are_money_and_outcomes_lost_in_one_arm_shut_the_gate(tmp_path):
    told = [f"${value:,.2f}" for value in spent() * 100]
    told = ["" if k % 2 and k < 120 else value for k, value in enumerate(told)]
    frame = pd.DataFrame({"member_id": [f"M{k}" for k in range(N)], "test_group": HALF, "sales": told})
    engagement = opened(tmp_path, ab=frame)
    assert "unit: money" in engagement.read_text("utf-8") and judged(engagement)[0] == {"missing.sales"}


def test_stores_that_stand_whole_in_an_arm_are_what_was_drawn(tmp_path):
    store = np.array([f"S{k % 6}" for k in range(N)])
    frame = pd.DataFrame({"customer_id": range(N), "store": store, "group": HALF, "spend": spent()})
    engagement = opened(tmp_path, stores=frame)
    assert "unit: cluster  # each store stands whole in one arm" in engagement.read_text("utf-8")
    red, effects, decision = judged(engagement)
    assert not red and effects.loc[("spend", "treatment"), "n_arm"] == 3 and decision.action == "cannot_decide"
    assert "too few clusters" in decision.reason.render(Edition("en"))


def test_units_in_several_rows_and_daily_counts_are_refused_and_nothing_is_written(tmp_path):
    several = pd.DataFrame({"USER_ID": RNG.integers(1, 200, N), "VARIANT_NAME": HALF, "REVENUE": spent()})
    with pytest.raises(WorkbookError, match=r"VARIANT_NAME.*the same units stand in several rows"):
        opened(tmp_path, AB_Test_Results=several)
    shutil.rmtree(tmp_path / "in")
    shutil.rmtree(tmp_path / "home")
    daily = pd.DataFrame({"Date": [f"Sat, Oct {k}" for k in range(1, 31)], "Pageviews": range(7000, 7030), "Clicks": range(30)})
    with pytest.raises(WorkbookError, match=r"counts by day and names no unit; write it as pilot_summaries \(n: Pageviews"):
        opened(tmp_path, control_data=daily, experiment_data=daily)
    assert not any((tmp_path / "home").iterdir())


def test_files_of_assignments_and_outcomes_get_a_card_too(tmp_path):
    ids = [f"u{k:05d}" for k in range(N)]
    drawn = pd.DataFrame({"experiment": "mail", "unit_id": ids, "variant": HALF, "assigned_at": "2025-10-01"})
    spend = pd.DataFrame(
        {"experiment": "mail", "unit_id": ids, "metric": "spend", "value": spent(), "measured_at": "2025-12-01"}
    )
    measured = pd.concat([spend, spend.assign(metric="again", value=bought())])
    engagement = opened(tmp_path, assignments=drawn, outcomes=measured)
    words = engagement.read_text("utf-8")
    assert "  - id: mail" in words and "starts: 2025-10-01" in words and "kind: proportion" in words
    red, effects, _ = judged(engagement)
    assert not red and effects.loc[("spend", "treatment"), "n_arm"] == N / 2
    assert effects.loc[("again", "treatment"), "control"] == measured["value"][N:].to_numpy()[HALF == "control"].mean()


def test_a_list_of_orders_with_a_group_column_stays_a_list_of_orders(tmp_path):
    orders = pd.DataFrame({"order_id": range(N), "customer_id": RNG.integers(1, 150, N), "group": HALF, "amount": spent(),
                           "ordered_at": pd.date_range("2025-10-01", periods=N, freq="3h")})  # fmt: skip
    words = opened(tmp_path, orders=orders).read_text("utf-8")
    assert "table: orders" in words and "pilots:" not in words


@pytest.mark.long
def test_hillstrom_as_published_becomes_a_pilot_with_the_published_figures(tmp_path):
    published = Path(__file__).parents[3] / "shared" / "data" / "hillstrom" / "hillstrom.csv"
    if not published.is_file():
        pytest.skip(f"{published} is not there")
    engagement = opened(tmp_path, hillstrom=pd.read_csv(published))
    red, effects, decision = judged(engagement, margin="0.001")
    # oracles.md: men − none and women − none
    men, women = effects.loc[("spend", "Mens E-Mail")], effects.loc[("spend", "Womens E-Mail")]
    assert not red and (men["effect"], men["error"]) == pytest.approx((0.7698271559, 0.1452465602), abs=5e-11)
    assert (women["effect"], women["error"]) == pytest.approx((0.4244122159, 0.1303328585), abs=5e-11)
    assert effects.loc[("conversion", "Mens E-Mail"), "n_control"] == 21_306 and decision.action == "roll_out"


def test_days_that_switch_whole_are_clusters_and_tell_when_it_began(tmp_path):
    day = pd.date_range("2025-10-06", periods=20).repeat(24)
    arm = np.where(np.arange(480) // 24 % 2 == 0, "control", "surge")
    frame = pd.DataFrame({"day": day.strftime("%Y-%m-%d"), "variant": arm, "revenue": spent(480)})
    engagement = opened(tmp_path, switchback=frame)
    words = engagement.read_text("utf-8")
    assert "unit: cluster" in words and "starts: 2025-10-06" in words and "ends: 2025-10-25" in words
    red, effects, _ = judged(engagement)
    assert not red and effects.loc[("revenue", "surge"), "n_arm"] == 10


def test_units_called_like_customers_are_those_customers(tmp_path):
    ids = [f"C{k:05d}" for k in range(N)]
    orders = pd.DataFrame({"order_id": range(3 * N), "customer_id": ids * 3, "amount": spent(3 * N),
                           "ordered_at": pd.date_range("2025-07-01", periods=3 * N, freq="2h")})  # fmt: skip
    people = pd.DataFrame({"customer_id": ids, "name": [f"N{k}" for k in range(N)], "region": "East"})
    tried = pd.DataFrame({"customer_id": ids, "group": HALF, "converted": bought()})
    engagement = opened(tmp_path, orders=orders, customers=people, spring_test=tried)
    red, effects, _ = judged(engagement)
    plan = read_settings(engagement.parents[2], "acme", PERIOD)
    prepared = prepare(engagement.parents[2], "acme", PERIOD, plan)
    assert prepared.tables.sql("select count(*) as n from assignments where customer_id = unit_id")["n"][0] == N
    # so what they ordered before the pilot tells whether the arms were alike
    checks = check_pilots(prepared.tables, plan, fix_cards(plan, PERIOD))
    assert not red and {"balance"} <= {check.check for check in checks.checks} and len(effects) == 1


@pytest.mark.parametrize(
    ("control", "other", "group", "money", "flag", "yes", "no", "unit"),
    [
        ("Kontrolle", "Brief", "Gruppe", "Umsatz", "Kauf", "ja", "nein", "Kunden-Nr"),
        ("témoin", "courrier", "groupe", "montant", "achat", "oui", "non", "client_id"),
        ("gruppo di controllo", "lettera", "gruppo", "importo", "acquisto", "sì", "no", "id_cliente"),
        ("Grupo de control", "carta", "grupo", "importe", "compra", "sí", "no", "id_cliente"),
        ("controle", "carta", "grupo", "valor", "comprou", "sim", "não", "id_cliente"),
        ("对照组", "电话", "分组", "消费金额", "是否复购", "是", "否", "客户编号"),
        ("None", "Letter", "arm", "spend", "converted", "yes", "no", "customer_id"),
    ],
)  # fmt: skip
def test_the_control_is_known_by_its_word_in_several_languages(tmp_path, control, other, group, money, flag, yes, no, unit):
    again, amount = bought(), spent()
    frame = pd.DataFrame({unit: [f"K{k:05d}" for k in range(N)], group: np.where(HALF == "control", control, other),
                          money: amount, flag: np.where(again, yes, no)})  # fmt: skip
    engagement = opened(tmp_path, mail=frame)
    assert f"arms: {{control: 1, {other}: 1}}" in engagement.read_text("utf-8") and "row number" not in engagement.read_text(
        "utf-8"
    )
    red, effects, _ = judged(engagement)
    by_kind = {row["unit"]: row for row in effects.to_dict("records")}
    assert not red and {row["n_control"] for row in by_kind.values()} == {N / 2}
    assert by_kind["money"]["control"] == pytest.approx(amount[HALF == "control"].mean())
    assert by_kind["share"]["treated"] == pytest.approx(again[HALF != "control"].mean())


def test_an_arm_that_got_nothing_beside_a_control_keeps_its_units(tmp_path):
    arm = np.array(["control", "None", "letter"])[np.arange(N) % 3]
    red, effects, _ = judged(opened(tmp_path, mail=pd.DataFrame({"customer_id": range(N), "arm": arm, "spend": spent()})))
    assert not red and effects.loc[("spend", "None"), "n_arm"] == N / 3 == effects.loc[("spend", "letter"), "n_control"]
    rare = np.where(np.arange(N) == 7, "None", HALF)  # one gap is no arm
    (tmp_path / "other").mkdir()
    engagement = opened(tmp_path / "other", mail=pd.DataFrame({"customer_id": range(N), "arm": rare, "spend": spent()}))
    assert "arms: {control: 1, treatment: 1}" in engagement.read_text("utf-8")


def test_a_dozen_arms_are_told_and_share_the_error(tmp_path):
    arm = np.array(["control", *(f"offer {k}" for k in range(11))])[np.arange(N) % 12]
    red, effects, _ = judged(opened(tmp_path, offers=pd.DataFrame({"customer_id": range(N), "arm": arm, "spend": spent()})))
    assert not red and len(effects) == 11
    assert effects["limit"].to_numpy() == pytest.approx(stats.norm.isf(0.025 / 11))


@pytest.mark.parametrize("form", ["{:.1f} %", "{:.1f}%", "{:.1f}％"])
def test_outcomes_in_percent_are_shares(tmp_path, form):
    rate = RNG.normal(12, 3, N).round(1)
    frame = pd.DataFrame({"customer_id": range(N), "group": HALF, "conversion": [form.format(x) for x in rate]})
    red, effects, _ = judged(opened(tmp_path, shops=frame))
    row = effects.loc[("conversion", "treatment")]
    assert not red and row["unit"] == "share" and row["control"] == pytest.approx(rate[HALF == "control"].mean() / 100)


def test_percent_beside_plain_numbers_is_refused_with_both(tmp_path):
    told = [f"{x:.1f}%" if k % 5 else f"{x:.1f}" for k, x in enumerate(RNG.normal(12, 3, N))]
    engagement = opened(tmp_path, shops=pd.DataFrame({"customer_id": range(N), "group": HALF, "conversion": [
        f"{x:.1f}%" for x in RNG.normal(12, 3, N)]}))  # fmt: skip
    (delivered,) = (engagement.parents[2] / "data" / "acme" / "2025Q4").glob("*.csv")
    pd.DataFrame({"customer_id": range(N), "group": HALF, "conversion": told}).to_csv(delivered, index=False)
    with pytest.raises(WorkbookError, match="expected all numbers with a sign of percent, or none"):
        judged(engagement)

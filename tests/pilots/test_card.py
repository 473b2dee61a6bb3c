import numpy as np
import pandas as pd
from tests.pilots.trials import PERIOD, outcomes, pilot, settings, spend, tables, two_arms, units

from workbook.language import Edition
from workbook.pilots.card import card_of, compare_cards, fingerprint, fix_cards
from workbook.pilots.checks import check_pilots
from workbook.pilots.decision import decide
from workbook.pilots.effects import measure_effects

EN, ZH = Edition("en"), Edition("zh")
ARMS = two_arms(400)


def fixed(plan, **more):
    return fix_cards(plan, PERIOD, **more)


def test_a_card_that_is_the_same_passes_and_is_called_so():
    plan = settings(pilot())
    accepted = fixed(plan).frame.drop(columns="launched")
    again = fixed(plan, accepted=accepted)
    assert again.differences == {"care": ()} and again.fixed == {"care": "accepted"}
    assert again.blocks()[0].title.render(EN) == "Care calls: the card is as it was fixed"


def test_a_card_changed_after_it_was_accepted_hides_the_effect_and_shows_the_difference():
    accepted = fixed(settings(pilot(metrics=[spend(margin=20)]))).frame
    now = settings(pilot(metrics=[spend(margin=5)]))
    cards = fixed(now, accepted=accepted)
    delivered = tables(units(ARMS), outcomes(100 + np.arange(400.0) % 7, metric="spend"))
    checks = check_pilots(delivered, now, cards)
    assert [c.check for c in checks.failed("care")] == ["card"]
    (words,) = [c.words.render(EN) for c in checks.failed("care")]
    assert words == "items that differ: 1; Spend: smallest worthwhile effect: fixed 20, now 5"
    effects = measure_effects(delivered, now, checks)
    assert effects.frame["verdict"].tolist() == ["hidden"] and np.isnan(effects.frame["effect"].iloc[0])
    assert decide(effects, checks, now, PERIOD).json["care"]["decision"] == "cannot_decide"
    table = cards.blocks()[0].bundle((EN, ZH), 60)
    assert ["Spend: smallest worthwhile effect", "5", "20"] in table["languages"]["en"]["cells"]
    assert "1 项" in table["languages"]["zh"]["title"]


def test_what_was_published_binds_a_pilot_that_had_begun_and_not_one_that_had_not():
    before = settings(pilot(looks=1))
    published = fixed(before).frame
    assert published["launched"].all()
    assert [d.item for d in fixed(settings(pilot(looks=4)), previous=published).differences["care"]] == ["looks"]
    assert fixed(settings(pilot(looks=4)), previous=published.assign(launched=False)).fixed == {}


def test_names_and_an_extension_are_not_on_the_card():
    one, other = settings(pilot()), settings(pilot(name="Other name", measure="calls", extended_to="2026-02-01"))
    assert card_of(one.pilots[0], 0.95) == card_of(other.pilots[0], 0.95)


def test_shares_by_weight_or_fraction_are_one_card():
    plans = [settings(pilot(arms={"a": x, "b": y})).pilots[0] for x, y in ((1, 1), (0.5, 0.5), ("1/2", "1/2"))]
    assert len({fingerprint(card_of(plan, 0.95)) for plan in plans}) == 1


def test_items_added_and_dropped_are_differences():
    two = card_of(settings(pilot(metrics=[spend(), spend(id="other")])).pilots[0], 0.95)
    one = card_of(settings(pilot(metrics=[spend()])).pilots[0], 0.95)
    found = {d.item for d in compare_cards(one, two)}
    assert {"metrics", "other.kind", "other.margin"} <= found and all(i == "metrics" or i.startswith("other.") for i in found)
    assert found == {d.item for d in compare_cards(two, one)}
    assert compare_cards(one, one) == ()


def test_the_artefact_is_what_the_ledger_keeps():
    frame = fixed(settings(pilot(), pilot(id="other"))).frame
    assert list(frame.columns) == ["pilot", "item", "value", "sha256", "launched"]
    assert not frame.duplicated(["pilot", "item"]).any() and frame.groupby("pilot")["sha256"].nunique().tolist() == [1, 1]
    assert fixed(settings()).frame.empty and list(fixed(settings()).frame.columns) == list(frame.columns)
    assert isinstance(frame, pd.DataFrame)

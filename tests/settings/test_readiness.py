"""Which stages the mapped files are enough for: what a stage can say anything from opens it, and nothing less does."""

from __future__ import annotations

from workbook.settings.readiness import readiness


def test_answers_to_campaigns_are_enough_for_stage_5_and_contacts_without_answers_are_not():
    contacts = ["campaign_contacts", "campaign_contacts.customer_id"]
    assert not readiness(contacts)["5_pilot"].ready
    assert readiness([*contacts, "campaign_contacts.response"])["5_pilot"].ready
    assert readiness(["assignments", "outcomes"])["5_pilot"].ready and not readiness(["assignments"])["5_pilot"].ready


def test_columns_are_asked_for_only_where_their_table_is_there():
    assert "campaign_contacts.response" not in readiness(["orders"])["5_pilot"].missing
    asked = readiness(["campaign_contacts", "campaign_contacts.customer_id"])["5_pilot"].missing
    assert "campaign_contacts.response" in asked

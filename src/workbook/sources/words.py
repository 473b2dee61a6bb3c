"""The names that readers see for tables, reasons, repairs, alerts and modules."""

from __future__ import annotations

from collections.abc import Mapping

from workbook.language import Text, named, text


def table_names() -> Mapping[str, Text]:
    """Canonical tables."""
    return {
        "customers": text("sources.table.customers", "Customers"),
        "orders": text("sources.table.orders", "Orders"),
        "order_lines": text("sources.table.order_lines", "Order lines"),
        "products": text("sources.table.products", "Products"),
        "contracts": text("sources.table.contracts", "Contracts"),
        "interactions": text("sources.table.interactions", "Interactions"),
        "tickets": text("sources.table.tickets", "Service tickets"),
        "feedback": text("sources.table.feedback", "Feedback"),
        "needs": text("sources.table.needs", "Needs"),
        "consents": text("sources.table.consents", "Consents"),
        "risk": text("sources.table.risk", "Risk"),
        "status_history": text("sources.table.status_history", "Status history"),
        "leads": text("sources.table.leads", "Leads"),
        "ticket_events": text("sources.table.ticket_events", "Ticket events"),
        "campaigns": text("sources.table.campaigns", "Campaigns"),
        "campaign_contacts": text("sources.table.campaign_contacts", "Campaign contacts"),
        "assignments": text("sources.table.assignments", "Pilot assignments"),
        "outcomes": text("sources.table.outcomes", "Pilot outcomes"),
        "attributes": text("sources.table.attributes", "Attributes of customers"),
        "pilot_summaries": text("sources.table.pilot_summaries", "Pilot summaries"),
        "tasks": text("sources.table.tasks", "Tasks"),
    }


def reason_name(reason: str) -> Text:
    """Why a row was quarantined."""
    if reason.startswith("missing_"):
        return text("sources.reason.missing", "{column} is missing", column=reason.removeprefix("missing_"))
    if reason.startswith("unreadable_"):
        return text("sources.reason.unreadable", "{column} cannot be read", column=reason.removeprefix("unreadable_"))
    return {
        "duplicate_key": text("sources.reason.duplicate_key", "an older version of the same record"),
        "not_valid_business": text("sources.reason.not_valid_business", "no valid business by the client's own mark"),
        "unfinished_order": text("sources.reason.unfinished_order", "order not finished"),
        "unknown_customer": text("sources.reason.unknown_customer", "the list of customers does not know the name it gives"),
        "orders_quarantined": text("sources.reason.orders_quarantined", "its order was quarantined"),
        "campaigns_quarantined": text("sources.reason.campaigns_quarantined", "its campaign was quarantined"),
        "wrong_number_of_cells": text("sources.reason.wrong_number_of_cells", "too many or too few cells in the row"),
    }.get(reason) or named(reason)


def repair_name(repair: str) -> Text:
    """What was done to values."""
    if repair.startswith("unreadable_"):
        return text("sources.repair.unreadable", "could not be read and was emptied")
    return {
        "spaces_and_widths": text("sources.repair.spaces_and_widths", "spaces or full-width characters made plain"),
        "word_for_missing": text("sources.repair.word_for_missing", "word for “missing” emptied"),
        "word_translated": text("sources.repair.word_translated", "translated by the vocabulary of the settings"),
        "phone_form": text("sources.repair.phone_form", "phone brought to one form"),
        "amount_form": text("sources.repair.amount_form", "number freed of signs, commas or 万"),
        "date_form": text("sources.repair.date_form", "date brought to one form"),
        "masked_phone": text("sources.repair.masked_phone", "hidden by the exporting system and emptied"),
        "phone_in_scientific_notation": text(
            "sources.repair.phone_in_scientific_notation", "rounded by a spreadsheet program and emptied"
        ),
        "id_given": text("sources.repair.id_given", "had no number and was given one"),
        "id_of_customer_and_time": text(
            "sources.repair.id_of_customer_and_time", "had no number and was given one of customer and time"
        ),
        "answer_of_respondent": text(
            "sources.repair.answer_of_respondent", "number of the respondent, with the question behind it"
        ),
        "id_of_question": text("sources.repair.id_of_question", "one number for several answers: what was asked put behind it"),
        "score_turned": text("sources.repair.score_turned", "score turned round: low was good in this file"),
        "customer_is_row": text(
            "sources.repair.customer_is_row", "row counted as a customer of its own: the file names nobody"
        ),
        "start_by_months": text(
            "sources.repair.start_by_months", "start worked out: the day of the snapshot less the months it names"
        ),
        "customer_is_unit": text("sources.repair.customer_is_unit", "a pilot's unit is the customer of the same id"),
        "end_by_snapshot": text(
            "sources.repair.end_by_snapshot", "said to have ended: the day of the snapshot stands for the end"
        ),
        "discount_of_share": text(
            "sources.repair.discount_of_share", "discount told as a share of the list price, counted in money"
        ),
        "amount_from_price": text("sources.repair.amount_from_price", "amount worked out as quantity times unit price"),
        "amount_from_lines": text("sources.repair.amount_from_lines", "amount taken from the order's lines"),
        "records_linked": text("sources.repair.records_linked", "records of one customer joined"),
        "ambiguous_customer": text(
            "sources.repair.ambiguous_customer", "number of different customers in several systems, emptied"
        ),
        "merged_by_link": text(
            "sources.repair.merged_by_link", "rows of one key after their customers were joined, newest kept"
        ),
        "customer_found": text("sources.repair.customer_found", "customer's id found by the name or e-mail given"),
        "customer_unknown": text("sources.repair.customer_unknown", "name or e-mail that no customer has: no id"),
        "customer_called_twice": text(
            "sources.repair.customer_called_twice", "name or e-mail that several customers have: no id"
        ),
        "customers_from_orders": text("sources.repair.customers_from_orders", "customer added who is known from rows alone"),
    }.get(repair) or named(repair)


def alert_name(alert: str, column: str) -> Text:
    """What a failed check across tables says."""
    if alert == "incomplete_field":
        return text("sources.alert.incomplete_field", "Key field {column} without a value", column=column)
    return {
        "order_amount_differs": text("sources.alert.order_amount_differs", "Order amount differs from the sum of its lines"),
        "order_without_lines": text("sources.alert.order_without_lines", "Order without lines"),
        "lines_without_order": text("sources.alert.lines_without_order", "Lines without an order"),
        "line_without_product": text("sources.alert.line_without_product", "Line of an unknown product"),
        "order_without_customer": text("sources.alert.order_without_customer", "Order without a customer"),
        "order_of_unknown_customer": text("sources.alert.order_of_unknown_customer", "Order of a customer not on the list"),
        "order_before_customer": text("sources.alert.order_before_customer", "Order before the customer record existed"),
        "refund_order": text("sources.alert.refund_order", "Orders below zero, counted as refunds"),
        "zero_order": text("sources.alert.zero_order", "Orders of amount zero"),
        "refund_line": text("sources.alert.refund_line", "Lines below zero, counted as refunds"),
        "zero_quantity": text("sources.alert.zero_quantity", "Lines of quantity zero"),
        "extreme_amount": text("sources.alert.extreme_amount", "Order far above all others, kept"),
        "paid_before_ordered": text("sources.alert.paid_before_ordered", "Paid before it was ordered"),
        "ticket_response_before_opened": text(
            "sources.alert.ticket_response_before_opened", "Ticket answered before it was opened"
        ),
        "ticket_closed_before_opened": text("sources.alert.ticket_closed_before_opened", "Ticket closed before it was opened"),
        "ticket_of_unknown_customer": text("sources.alert.ticket_of_unknown_customer", "Ticket of a customer not on the list"),
        "contact_of_unknown_customer": text(
            "sources.alert.contact_of_unknown_customer", "Interaction with a customer not on the list"
        ),
        "feedback_of_unknown_customer": text(
            "sources.alert.feedback_of_unknown_customer", "Feedback of a customer not on the list"
        ),
        "score_outside_scale": text("sources.alert.score_outside_scale", "Score outside its scale"),
        "consent_of_unknown_customer": text(
            "sources.alert.consent_of_unknown_customer", "Consent of a customer not on the list"
        ),
        "contract_ends_before_start": text("sources.alert.contract_ends_before_start", "Contract ends before it starts"),
        "record_updated_before_created": text(
            "sources.alert.record_updated_before_created", "Record updated before it was created"
        ),
        "record_after_period": text(
            "sources.alert.record_after_period", "Customer record created after the period in which the customer acts"
        ),
        "impossible_birthday": text("sources.alert.impossible_birthday", "Birthday in the future or over 110 years ago"),
        "shared_contact": text("sources.alert.shared_contact", "Records that share a phone, e-mail or union id"),
        "product_without_line": text("sources.alert.product_without_line", "Product that no line names"),
        "customer_without_order": text("sources.alert.customer_without_order", "Customer without an order"),
        "extreme_quantity": text("sources.alert.extreme_quantity", "Quantity far above all others, kept"),
        "event_of_unknown_ticket": text("sources.alert.event_of_unknown_ticket", "Event of a ticket not on the list"),
        "feedback_of_unknown_order": text("sources.alert.feedback_of_unknown_order", "Feedback on an order not on the list"),
        "feedback_of_unknown_ticket": text("sources.alert.feedback_of_unknown_ticket", "Feedback on a ticket not on the list"),
        "contract_of_unknown_customer": text(
            "sources.alert.contract_of_unknown_customer", "Contract of a customer not on the list"
        ),
        "need_of_unknown_customer": text("sources.alert.need_of_unknown_customer", "Need of a customer not on the list"),
        "risk_of_unknown_customer": text("sources.alert.risk_of_unknown_customer", "Risk report on a customer not on the list"),
        "campaign_contact_of_unknown_customer": text(
            "sources.alert.campaign_contact_of_unknown_customer", "Campaign contact of a customer not on the list"
        ),
        "consent_without_date": text("sources.alert.consent_without_date", "Consent without a date, a bare yes"),
        "consent_purpose_assumed": text(
            "sources.alert.consent_purpose_assumed", "Consent without a purpose of its own; the settings assume one"
        ),
        "identical_rows": text("sources.alert.identical_rows", "Identical rows in one file, kept"),
    }.get(alert) or named(alert)


def module_name(code: str) -> Text:
    """What an alert weakens: a module, or a figure."""
    return {
        "information": text("sources.weakens.information", "customer information"),
        "needs": text("sources.weakens.needs", "needs analysis"),
        "interaction": text("sources.weakens.interaction", "interaction tracking"),
        "value": text("sources.weakens.value", "value assessment"),
        "service": text("sources.weakens.service", "service optimisation"),
        "revenue": text("sources.weakens.revenue", "revenue figures"),
        "lifecycle": text("sources.weakens.lifecycle", "lifecycle stages"),
        "outreach": text("sources.weakens.outreach", "outreach lists"),
    }.get(code) or named(code)


def severity_names() -> Mapping[str, Text]:
    """Severity of an alert."""
    return {
        "high": text("sources.severity.high", "high"),
        "medium": text("sources.severity.medium", "medium"),
        "low": text("sources.severity.low", "low"),
    }


def consent_words() -> Mapping[str, Text]:
    """The usual purposes and channels of consents."""
    return {
        "marketing": text("sources.consent.marketing", "Marketing"),
        "research": text("sources.consent.research", "Research"),
        "service": text("sources.consent.service", "Service"),
        "all": text("sources.consent.all", "All purposes"),
        "erasure": text("sources.consent.erasure", "Erasure asked for"),
        "wechat": text("sources.consent.wechat", "WeChat"),
        "sms": text("sources.consent.sms", "Text message"),
        "phone": text("sources.consent.phone", "Phone"),
        "email": text("sources.consent.email", "E-mail"),
    }


def overlap_kinds() -> Mapping[str, Text]:
    """What it is when rows of one file stand in another, or twice in one."""
    return {
        "batch": text("sources.overlap.batch", "a stretch of the file stands in it twice"),
        "whole": text("sources.overlap.whole", "the whole file was delivered before"),
        "part": text("sources.overlap.part", "exports that overlap"),
        "scattered": text("sources.overlap.scattered", "single rows twice in one file"),
    }


def pairing_names() -> Mapping[str, Text]:
    """Whether the purchase that a refund undoes was delivered."""
    return {
        "paired": text("sources.pairing.paired", "Of a purchase of that quantity and amount"),
        "part": text("sources.pairing.part", "Of a part of what was bought before"),
        "without_purchase": text("sources.pairing.without_purchase", "No purchase before it in the delivery"),
        "without_customer": text("sources.pairing.without_customer", "No customer, cannot be paired"),
    }


def advice(problem: str) -> Text:
    """What the client's IT department can do about a problem."""
    for words, hint in _ADVICE:
        if any(problem.startswith(word) or problem.endswith(word) for word in words):
            return hint
    return _LOOK


_LOOK = text("sources.advice.look", "Look at the rows in the source system and correct what is wrong.")
_ADVICE: tuple[tuple[tuple[str, ...], Text], ...] = (
    (
        ("missing_", "incomplete_field"),
        text("sources.advice.fill", "Fill it in the source system, or confirm that such rows may be left out."),
    ),
    (
        ("unreadable_", "impossible_birthday"),
        text("sources.advice.mend", "Correct the value in the source system and export it in its plain form."),
    ),
    (
        ("duplicate_key",),
        text("sources.advice.version", "For your information: the newest version counts. Tell us if another one holds."),
    ),
    (
        ("unfinished_order", "not_valid_business"),
        text("sources.advice.state", "For your information: by its own state the row is no business done."),
    ),
    (("_quarantined",), text("sources.advice.parent", "For your information: it follows the record that it belongs to.")),
    (
        ("wrong_number_of_cells",),
        text("sources.advice.cells", "Put cells that hold the separator or a line break in quotation marks and export again."),
    ),
    (
        ("masked_phone", "phone_in_scientific_notation"),
        text(
            "sources.advice.phone",
            "Export telephone numbers in full and as text; what is hidden or rounded cannot be restored.",
        ),
    ),
    (
        ("order_amount_differs",),
        text("sources.advice.amount", "Compare the amounts in the source system; tell us which one holds."),
    ),
    (("refund_", "zero_"), text("sources.advice.refund", "Confirm that these are refunds, cancellations or gifts.")),
    (("extreme_",), text("sources.advice.extreme", "Confirm the figure or correct it; it was kept.")),
    (
        ("shared_contact",),
        text("sources.advice.double", "Merge records of one customer, or confirm that several share the contact."),
    ),
    (
        ("identical_rows",),
        text("sources.advice.equal", "Confirm that equal rows are separate events, or give each row a number of its own."),
    ),
    (
        ("consent_without_date", "consent_purpose_assumed"),
        text(
            "sources.advice.consent",
            "Export each consent with purpose, channel, day and evidence; without them nobody can be approached.",
        ),
    ),
    (("score_outside_scale",), text("sources.advice.scale", "Correct the score, or tell us the scale of the question.")),
    (
        (
            "order_before_customer",
            "paid_before_ordered",
            "before_opened",
            "before_start",
            "before_created",
            "after_period",
        ),
        text("sources.advice.order", "Compare the two dates in the source system and correct the wrong one."),
    ),
    (
        ("_customer", "_lines", "_order", "_product", "_line", "_ticket"),
        text("sources.advice.orphan", "Deliver the missing records, or correct the reference."),
    ),
)


def block_reasons() -> Mapping[str, Text]:
    """Why the consent gate blocks a customer."""
    return {
        "withdrawn": text("sources.block.withdrawn", "refused or withdrawn"),
        "expired": text("sources.block.expired", "expired"),
        "undated": text("sources.block.undated", "a yes without a date"),
        "never": text("sources.block.never", "never asked"),
        "undelivered": text("sources.block.undelivered", "no consents were delivered"),
        "closed": text("sources.block.closed", "withdrew everything or asked to be erased"),
        "no_contract": text("sources.block.no_contract", "no contract, order or ticket in the window"),
    }

"""X1, customer information: is the customer record complete, valid, fresh and held once?"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from workbook.diagnosis.finding import Context, Measured, Module, Words, not_delivered, share_finding
from workbook.diagnosis.quality import COMPANY_FIELDS, field_name, judged_records, of_person, record_quality
from workbook.language import Text, count, joined, named, text
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import Tables

MODULE: Module = "information"


def information_checks(tables: Tables, profile: pd.DataFrame, settings: Settings) -> list[Measured]:
    """Completeness of each key field, validity of contacts, stale records, duplicates, status not carried over.

    Args:
        tables: the canonical tables.
        profile: one row a customer with customer_id and revenue.
        settings: sections diagnosis, analysis and client.

    Source: method.md X1.
    """
    context = Context.of(profile, settings.analysis.confidence)
    with record_quality(tables, settings):
        return [
            *(_complete(field, tables, settings, context) for field in settings.diagnosis.key_fields),
            _valid_phone(tables, settings, context),
            _valid_email(tables, settings, context),
            _valid_industry(tables, settings, context),
            _industry_name(tables, settings, context),
            _stale(tables, settings, context),
            _duplicates(tables, settings, context),
            _status(tables, settings, context),
        ]


def _share_of_records(
    check: str,
    words: Words,
    measure: str,
    threshold: float,
    tables: Tables,
    context: Context,
    *,
    good: bool = False,
    left_out: str = "false",
) -> Measured:
    """The share of records that are bad by one column of ``record_quality``; of those that are not, where *good*.

    *left_out* is the condition of records that the measure is meant for and cannot judge.
    """
    rows = judged_records(tables, measure)
    n, bad = int(rows["n"].iloc[0]), rows["customer_id"].dropna()
    return share_finding(
        check, MODULE, words, hits=n - len(bad) if good else len(bad), n=n, threshold=threshold,
        direction="below" if good else "above", touched=bad, context=context,
        unjudged=int(tables.sql(f"select count(*) as n from record_quality where {left_out}")["n"].iloc[0]),
    )  # fmt: skip


def _complete(field: str, tables: Tables, settings: Settings, context: Context) -> Measured:
    check, label = f"information.complete.{field}", field_name(field)
    words = Words(
        text("diagnosis.complete.measure", "Records with {field} filled", field=label),
        text("diagnosis.complete.problem", "Records without {field}", field=label),
        text("diagnosis.complete.cause", "The field is optional on entry and nobody completes it afterwards."),
    )
    if missing := tables.lacks(f"customers.{field}"):
        return not_delivered(check, words.measure, missing)
    persons = tables.sql(f"select count(*) as n from customers c where {of_person('c')}")["n"].iloc[0]
    if apart := field in COMPANY_FIELDS and bool(persons):
        words = replace(
            words,
            measure=text("diagnosis.complete.companies", "Records with {field} filled, persons left out", field=label),
            problem=text("diagnosis.complete.companies_without", "Records without {field}, persons left out", field=label),
        )
    found = _share_of_records(
        check, words, f"empty_{field}", settings.diagnosis.completeness, tables, context, good=True
    )  # fmt: skip
    if apart and isinstance(found, NotMeasured):
        why = text("diagnosis.complete.persons", "All records are of persons, of whom no {field} is expected.", field=label)
        return NotMeasured(found.id, words.measure, why=why)
    return found


def _valid_phone(tables: Tables, settings: Settings, context: Context) -> Measured:
    words = Words(
        text("diagnosis.valid_phone.measure", "Phone numbers of impossible form"),
        text("diagnosis.valid_phone.problem", "Invalid phone numbers"),
        text("diagnosis.valid_phone.cause", "The form of a phone number is not checked on entry."),
    )
    if missing := tables.lacks("customers.phone"):
        return not_delivered("information.valid_phone", words.measure, missing)
    return _share_of_records("information.valid_phone", words, "bad_phone", settings.diagnosis.invalid_share, tables, context)


def _valid_email(tables: Tables, settings: Settings, context: Context) -> Measured:
    words = Words(
        text("diagnosis.valid_email.measure", "E-mail addresses of impossible form"),
        text("diagnosis.valid_email.problem", "Invalid e-mail addresses"),
        text("diagnosis.valid_email.cause", "The form of an e-mail address is not checked on entry."),
    )
    if missing := tables.lacks("customers.email"):
        return not_delivered("information.valid_email", words.measure, missing)
    return _share_of_records("information.valid_email", words, "bad_email", settings.diagnosis.invalid_share, tables, context)


def _valid_industry(tables: Tables, settings: Settings, context: Context) -> Measured:
    check = "information.valid_industry"
    words = Words(
        text("diagnosis.valid_industry.measure", "Industries outside the agreed list, or in another spelling"),
        text("diagnosis.valid_industry.problem", "Industries unknown or spelt in several ways"),
        text("diagnosis.valid_industry.cause", "Industries are typed in freely instead of being chosen from a list."),
    )
    if missing := tables.lacks("customers.industry"):
        return not_delivered(check, words.measure, missing)
    if examples := _examples(tables):
        words = replace(words, cause=text(
            "diagnosis.valid_industry.examples",
            "Industries are typed in freely instead of being chosen from a list; most frequent: {examples}.",
            examples=joined(examples),
        ))  # fmt: skip
    return _share_of_records(check, words, "bad_industry", settings.diagnosis.invalid_share, tables, context)


def _examples(tables: Tables) -> list[Text]:
    """The three most frequent industries that are not what they should be, with what was meant where that is known."""
    rows = tables.sql(
        """
        select o.value, any_value(o.meant) as meant from odd_industries o join customers c on c.industry = o.value
        join record_quality q on q.customer_id = c.customer_id and q.bad_industry
        group by o.value order by count(*) desc, o.value limit 3
        """
    )
    return [
        text("diagnosis.valid_industry.meant", "{value} for {meant}", value=named(value), meant=named(meant))
        if meant
        else named(value)
        for value, meant in rows.itertuples(index=False, name=None)
    ]


def _industry_name(tables: Tables, settings: Settings, context: Context) -> Measured:
    check = "information.industry_name"
    words = Words(
        text("diagnosis.industry_name.measure", "Companies under another industry than their name speaks for"),
        text("diagnosis.industry_name.problem", "Industry on record contradicts the company’s name"),
        text("diagnosis.industry_name.cause",
             "Industries are guessed on entry and not checked; or the name outlived the business: ask before changing."),
    )  # fmt: skip
    if missing := tables.lacks("customers.industry", "customers.name"):
        return not_delivered(check, words.measure, missing)
    found = _share_of_records(check, words, "odd_name", settings.diagnosis.industry_name_share, tables, context)
    if isinstance(found, NotMeasured):
        why = text("diagnosis.industry_name.none", "No word in the names of companies tells their industry surely enough.")
        return NotMeasured(found.id, words.measure, why=why)
    return found


def _stale(tables: Tables, settings: Settings, context: Context) -> Measured:
    check, days = "information.stale", settings.diagnosis.stale_days
    words = Words(
        text(
            "diagnosis.stale.measure", "Records of active customers not updated for {days}", days=_days(days),
        ),
        text("diagnosis.stale.problem", "Records of active customers out of date"),
        text("diagnosis.stale.cause", "Nothing reminds staff to confirm a record when the customer buys or calls."),
    )  # fmt: skip
    if missing := tables.lacks("customers.updated_at"):
        return not_delivered(check, words.measure, missing)
    if not tables.has("orders") and not tables.has("interactions"):
        return not_delivered(check, words.measure, ("orders", "interactions"))
    return _share_of_records(
        check, words, "stale", settings.diagnosis.stale_share, tables, context, left_out="active and stale is null"
    )  # fmt: skip


def _duplicates(tables: Tables, settings: Settings, context: Context) -> Measured:
    check = "information.duplicates"
    words = Words(
        text("diagnosis.duplicates.measure", "Records with the phone or e-mail of another record"),
        text("diagnosis.duplicates.problem", "Customers held more than once"),
        text("diagnosis.duplicates.cause", "Systems open new records without looking for the customer first."),
    )
    if not tables.has("customers.phone") and not tables.has("customers.email"):
        return not_delivered(check, words.measure, tables.lacks("customers.phone", "customers.email"))
    rows = tables.sql("select count(filler) as n, mode(filler order by filler) as example from record_quality")
    fillers, example = int(rows["n"].iloc[0]), _masked(str(rows["example"].iloc[0]))
    if fillers:
        words = replace(
            words,
            measure=text("diagnosis.duplicates.apart", "Records with the phone or e-mail of another record, fillers left out"),
            cause=text(
                "diagnosis.duplicates.fillers",
                "Systems open new records without looking for the customer first. Not counted: {n} records share a filler or "
                "switchboard, such as {example}; they need a contact of their own, not merging.",
                n=count(fillers),
                example=example,
            ),
        )
    found = _share_of_records(
        check, words, "repeated", settings.diagnosis.duplicate_share, tables, context, left_out="repeated is null"
    )  # fmt: skip
    if fillers and isinstance(found, NotMeasured):
        why = text(
            "diagnosis.duplicates.only",
            "No contact tells customers apart: {n} records share a filler, such as {example}.",
            n=count(fillers),
            example=example,
        )
        return NotMeasured(found.id, words.measure, why=why)
    return found


def _masked(contact: str) -> Text:
    """As much of a phone or e-mail as tells a filler to who knows it: it may be a customer's switchboard."""
    user, at, _ = contact.partition("@")
    return named(f"{user[:2]}…@…" if at else f"{contact[:3]}…{contact[-2:]}")


def _status(tables: Tables, settings: Settings, context: Context) -> Measured:
    check = "information.status"
    words = Words(
        text("diagnosis.status.measure", "Active records that a later status change or the orders contradict"),
        text("diagnosis.status.problem", "Status changes not carried over"),
        text("diagnosis.status.cause", "A change noted by one team does not reach the customer record."),
    )
    if missing := tables.lacks("customers.status"):
        return not_delivered(check, words.measure, missing)
    if not tables.has("status_history.new") and not tables.has("orders"):
        return not_delivered(check, words.measure, ("status_history", "orders"))
    return _share_of_records(
        check, words, "wrong_status", settings.diagnosis.stale_status_share, tables, context,
        left_out="customer_id in (select customer_id from customers where coalesce(trim(status), '') = '')",
    )  # fmt: skip


def _days(days: int) -> Text:
    return text("diagnosis.days", "{n} days", n=count(days))

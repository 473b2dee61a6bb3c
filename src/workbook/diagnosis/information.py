"""X1, customer information: is the customer record complete, valid, fresh and held once?"""

from __future__ import annotations

import pandas as pd

from workbook.diagnosis.finding import Context, Measured, Module, Words, not_delivered, share_finding
from workbook.diagnosis.quality import field_name, judged_records, record_quality
from workbook.language import Text, count, text
from workbook.settings.models import Settings
from workbook.tables import Tables

MODULE: Module = "information"

ACTIVE_STATUS = ("active", "existing", "normal", "活跃", "正常", "在用", "有效")
"""Words of customers.status that say that the customer is alive."""


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
    return _share_of_records(
        check, words, f"empty_{field}", settings.diagnosis.completeness, tables, context, good=True
    )  # fmt: skip


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
    return _share_of_records(
        check, words, "repeated", settings.diagnosis.duplicate_share, tables, context, left_out="repeated is null"
    )  # fmt: skip


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
    # noted changes are evidence against a record; silence in the orders is a makeshift where no changes were delivered
    rows = tables.sql(_NOTED_STATUS if tables.has("status_history.new") else _SILENT_STATUS,
                      active=list(ACTIVE_STATUS), churn_days=settings.analysis.churn_days)  # fmt: skip
    wrong = rows["wrong"].astype(bool)
    return share_finding(
        check, MODULE, words, hits=int(wrong.sum()), n=len(rows), threshold=settings.diagnosis.stale_status_share,
        direction="above", touched=rows.loc[wrong, "customer_id"], context=context,
        unjudged=int(tables.sql("select count(*) as n from customers where coalesce(trim(status), '') = ''")["n"].iloc[0]),
    )  # fmt: skip


def _days(days: int) -> Text:
    return text("diagnosis.days", "{n} days", n=count(days))


_NOTED_STATUS = """
    with noted as (
        select customer_id, arg_max(lower(trim(new)), changed_at) as last_status
        from status_history where field is null or lower(field) = 'status' group by customer_id
    )
    select c.customer_id, coalesce(n.last_status <> lower(trim(c.status)), false) as wrong
    from customers c left join noted n on n.customer_id = c.customer_id
    where list_contains($active, lower(trim(c.status))) order by c.customer_id
"""

_SILENT_STATUS = """
    with bought as (
        select customer_id, max(cast(ordered_at as date)) as last_order from orders group by customer_id
    )
    select c.customer_id, coalesce(date_diff('day', b.last_order, cast($end as date)) > $churn_days, false) as wrong
    from customers c left join bought b on b.customer_id = c.customer_id
    where list_contains($active, lower(trim(c.status))) order by c.customer_id
"""

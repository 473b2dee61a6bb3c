"""X1, customer information: is the customer record complete, valid, fresh and held once?"""

from __future__ import annotations

import pandas as pd

from workbook.diagnosis.finding import Context, Measured, Module, Words, not_delivered, share_finding
from workbook.language import Text, count, named, text
from workbook.settings.models import Settings
from workbook.tables import Tables

MODULE: Module = "information"

ACTIVE_STATUS = ("active", "existing", "normal", "活跃", "正常", "在用", "有效")
"""Words of customers.status that say that the customer is alive."""

_AREA = (
    "(10|2[0-57-9]|31[0-9]|335|349|35[0-9]|37[0-9]|39[1-8]|4[1-8][0-9]|5[1-9][0-9]|6[369][0-9]|7[0-9]{2}"
    "|8[13578][0-9]|9[0-9]{2})"
)
_CHINESE_PHONE = rf"^(((\+|00)?86)?(1[3-9][0-9]{{9}}|[48]00[0-9]{{7}})|((\+|00)?86|0){_AREA}[0-9]{{7,8}})$"
"""Mobile, landline with area code and 400/800 numbers; without +86 a landline needs its 0."""

_ANY_PHONE = r"^\+?[0-9]{7,15}$"
_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s.]{2,}$"


def information_checks(tables: Tables, profile: pd.DataFrame, settings: Settings) -> list[Measured]:
    """Completeness of each key field, validity of contacts, stale records, duplicates, status not carried over.

    Args:
        tables: the canonical tables.
        profile: one row a customer with customer_id and revenue.
        settings: sections diagnosis, analysis and client.

    Source: method.md X1.
    """
    context = Context.of(profile, settings.analysis.confidence)
    return [
        *(_complete(field, tables, settings, context) for field in settings.diagnosis.key_fields),
        _valid_phone(tables, settings, context),
        _valid_email(tables, settings, context),
        _stale(tables, settings, context),
        _duplicates(tables, settings, context),
        _status(tables, settings, context),
    ]


def _complete(field: str, tables: Tables, settings: Settings, context: Context) -> Measured:
    check, label = f"information.complete.{field}", field_name(field)
    words = Words(
        text("diagnosis.complete.measure", "Records with {field} filled", field=label),
        text("diagnosis.complete.problem", "Records without {field}", field=label),
        text("diagnosis.complete.cause", "The field is optional on entry and nobody completes it afterwards."),
    )
    if missing := tables.lacks(f"customers.{field}"):
        return not_delivered(check, words.measure, missing)
    empty = tables.sql(
        f'select customer_id from customers where "{field}" is null or trim(cast("{field}" as varchar)) = \'\' order by 1'
    )
    n = tables.rows("customers")
    return share_finding(
        check, MODULE, words, hits=n - len(empty), n=n, threshold=settings.diagnosis.completeness, direction="below",
        touched=empty["customer_id"], context=context,
    )  # fmt: skip


def field_name(field: str) -> Text:
    """What readers call a column of the customer table; the column's own name where the house has no word for it."""
    names = {
        "phone": text("diagnosis.field.phone", "phone"),
        "email": text("diagnosis.field.email", "e-mail"),
        "region": text("diagnosis.field.region", "region"),
        "industry": text("diagnosis.field.industry", "industry"),
        "name": text("diagnosis.field.name", "name"),
        "kind": text("diagnosis.field.kind", "kind of customer"),
        "status": text("diagnosis.field.status", "status"),
        "size": text("diagnosis.field.size", "size"),
        "channel": text("diagnosis.field.channel", "channel"),
        "birthday": text("diagnosis.field.birthday", "birthday"),
        "tier": text("diagnosis.field.tier", "tier"),
        "owner": text("diagnosis.field.owner", "account manager"),
    }
    return names.get(field, named(field))


def _valid_phone(tables: Tables, settings: Settings, context: Context) -> Measured:
    words = Words(
        text("diagnosis.valid_phone.measure", "Phone numbers of impossible form"),
        text("diagnosis.valid_phone.problem", "Invalid phone numbers"),
        text("diagnosis.valid_phone.cause", "The form of a phone number is not checked on entry."),
    )
    if missing := tables.lacks("customers.phone"):
        return not_delivered("information.valid_phone", words.measure, missing)
    pattern = _CHINESE_PHONE if settings.client.country == "CN" else _ANY_PHONE
    # a number of one repeated digit fills a form and reaches nobody
    rows = tables.sql(
        r"""
        with digits as (
            select customer_id, regexp_replace(phone, '[\s().-]', '', 'g') as phone
            from customers where phone is not null
        )
        select customer_id,
               not regexp_matches(phone, $pattern) or phone = repeat(right(phone, 1), length(phone)) as invalid
        from digits order by customer_id
        """,
        pattern=pattern,
    )
    return _invalid("information.valid_phone", words, rows, settings, context)


def _valid_email(tables: Tables, settings: Settings, context: Context) -> Measured:
    words = Words(
        text("diagnosis.valid_email.measure", "E-mail addresses of impossible form"),
        text("diagnosis.valid_email.problem", "Invalid e-mail addresses"),
        text("diagnosis.valid_email.cause", "The form of an e-mail address is not checked on entry."),
    )
    if missing := tables.lacks("customers.email"):
        return not_delivered("information.valid_email", words.measure, missing)
    rows = tables.sql(
        """
        select customer_id, not regexp_matches(trim(email), $pattern) as invalid
        from customers where email is not null order by customer_id
        """,
        pattern=_EMAIL,
    )
    return _invalid("information.valid_email", words, rows, settings, context)


def _invalid(check: str, words: Words, rows: pd.DataFrame, settings: Settings, context: Context) -> Measured:
    bad = rows["invalid"].astype(bool)
    return share_finding(
        check, MODULE, words, hits=int(bad.sum()), n=len(rows), threshold=settings.diagnosis.invalid_share,
        direction="above", touched=rows.loc[bad, "customer_id"], context=context,
    )  # fmt: skip


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
    # active: bought or was in touch since the day on which the record would have to be confirmed
    rows = tables.sql(
        """
        with seen as (
            select customer_id, max(cast(ordered_at as date)) as last_seen from orders group by customer_id
            union all
            select customer_id, max(cast(happened_at as date)) as last_seen from interactions group by customer_id
        ), active as (
            select customer_id from seen where last_seen is not null group by customer_id
            having date_diff('day', max(last_seen), cast($end as date)) < $days
        )
        select c.customer_id, date_diff('day', c.updated_at, cast($end as date)) > $days as stale
        from customers c join active a on a.customer_id = c.customer_id
        where c.updated_at is not null order by c.customer_id
        """,
        days=days,
    )
    old = rows["stale"].astype(bool)
    return share_finding(
        check, MODULE, words, hits=int(old.sum()), n=len(rows), threshold=settings.diagnosis.stale_share,
        direction="above", touched=rows.loc[old, "customer_id"], context=context,
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
    rows = tables.sql(
        r"""
        with contacts as (
            select customer_id, 'phone' as kind, right(regexp_replace(phone, '[^0-9]', '', 'g'), 11) as contact
            from customers where phone is not null
            union all
            select customer_id, 'email' as kind, lower(trim(email)) as contact from customers where email is not null
        ), shared as (
            select kind, contact from contacts
            where contact <> '' and (kind = 'email' or length(contact) >= 7)
            group by kind, contact having count(*) > 1
        )
        select distinct c.customer_id from contacts c
        join shared s on s.kind = c.kind and s.contact = c.contact order by c.customer_id
        """
    )
    n = int(tables.sql("select count(*) as n from customers where phone is not null or email is not null")["n"].iloc[0])
    return share_finding(
        check, MODULE, words, hits=len(rows), n=n, threshold=settings.diagnosis.duplicate_share, direction="above",
        touched=rows["customer_id"], context=context,
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

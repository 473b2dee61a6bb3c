"""How good the customer records are, record by record: filled, valid, held once, fresh; by source and segment (X1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from workbook.diagnosis.grid import Grid, Worst, labelled
from workbook.diagnosis.tickets import channel_name
from workbook.language import Text, day, named, share, text
from workbook.report.blocks import Figure, NotMeasured
from workbook.service_hours import tier_words
from workbook.settings.models import Settings
from workbook.tables import Tables

_AREA = (
    "(10|2[0-57-9]|31[0-9]|335|349|35[0-9]|37[0-9]|39[1-8]|4[1-8][0-9]|5[1-9][0-9]|6[369][0-9]|7[0-9]{2}"
    "|8[13578][0-9]|9[0-9]{2})"
)
_CHINESE_PHONE = rf"^(((\+|00)?86)?(1[3-9][0-9]{{9}}|[48]00[0-9]{{7}})|((\+|00)?86|0){_AREA}[0-9]{{7,8}})$"
"""Mobile, landline with area code and 400/800 numbers; without +86 a landline needs its 0."""

_ANY_PHONE = r"^\+?[0-9]{7,15}$"
_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s.]{2,}$"

_PLACEHOLDER = (
    r"(?i)^([[:punct:][:space:]　－—–·。、]*|n/?a|none|null|nil|nan|tbd|tba|unknown|not known|unspecified|not specified"
    r"|未知|不详|不明|无|空|暂无|待定|待补充|未填写?)$"
)
"""What is entered so that a field is not empty, and says nothing. To the database every Chinese character is ``\\W``."""

MOST_GROUPS = 5
"""Groups of one dimension in the heat map; the others are counted together in none."""

LEAST_RECORDS = 20
"""Records of a group and measure below which a share is not shown, whatever is said of customers."""


@contextmanager
def record_quality(tables: Tables, settings: Settings) -> Iterator[None]:
    """A short-lived table ``record_quality``: one row a record of a customer, for each measure true where it is bad.

    Columns: customer_id, ``empty_<field>`` for each key field, bad_phone, bad_email, repeated and stale; null where the measure
    does not apply to the record (no phone that could be invalid, a customer who is not active). Beside them active.
    """
    fields = ", ".join(
        f'coalesce(regexp_matches(trim(cast("{field}" as varchar)), $placeholder), true) as "empty_{field}"'
        for field in dict.fromkeys(settings.diagnosis.key_fields)
    )
    pattern = _CHINESE_PHONE if settings.client.country == "CN" else _ANY_PHONE
    tables.connection.execute(
        f"""
        create or replace temp table record_quality as
        with contacts as (
            select customer_id, 'phone' as kind, right(regexp_replace(phone, '[^0-9]', '', 'g'), 11) as contact
            from customers where phone is not null
            union all
            select customer_id, 'email' as kind, lower(trim(email)) as contact from customers where email is not null
        ), shared as (
            select kind, contact from contacts
            where contact <> '' and (kind = 'email' or length(contact) >= 7)
            group by kind, contact having count(*) > 1
        ), repeated as (
            select distinct c.customer_id from contacts c join shared s on s.kind = c.kind and s.contact = c.contact
        ), seen as (
            select customer_id, max(cast(ordered_at as date)) as last_seen from orders group by customer_id
            union all
            select customer_id, max(cast(happened_at as date)) as last_seen from interactions group by customer_id
        ), active as (
            select customer_id from seen where last_seen is not null group by customer_id
            having date_diff('day', max(last_seen), cast($end as date)) < $days
        ), digits as (
            select *, regexp_replace(phone, '[\\s().-]', '', 'g') as dialled from customers
        )
        select c.customer_id, {fields + "," if fields else ""}
               not regexp_matches(dialled, $pattern) or dialled = repeat(right(dialled, 1), length(dialled)) as bad_phone,
               not regexp_matches(trim(email), $email) as bad_email,
               case when phone is not null or email is not null then r.customer_id is not null end as repeated,
               case when a.customer_id is not null then date_diff('day', c.updated_at, cast($end as date)) > $days end as stale,
               a.customer_id is not null as active
        from digits c
        left join repeated r on r.customer_id = c.customer_id
        left join active a on a.customer_id = c.customer_id
        """,
        {
            "end": tables.period.end,
            "days": settings.diagnosis.stale_days,
            "pattern": pattern,
            "email": _EMAIL,
            **({"placeholder": _PLACEHOLDER} if fields else {}),
        },
    )
    try:
        yield
    finally:
        tables.connection.execute("drop table record_quality")


def judged_records(tables: Tables, measure: str) -> pd.DataFrame:
    """The bad records by one column of ``record_quality``, and how many it applies to: customer_id (null where none), n."""
    return tables.sql(
        f"""
        with judged as (select customer_id, "{measure}" as bad from record_quality where "{measure}" is not null)
        select t.n, j.customer_id from (select count(*) as n from judged) t left join judged j on j.bad order by j.customer_id
        """
    )


def measures_of(tables: Tables, settings: Settings) -> dict[str, tuple[Text, float]]:
    """Columns of ``record_quality`` for which data were delivered: their names, and the accepted share of bad records."""
    rule = settings.diagnosis
    found = {
        f"empty_{field}": (text("diagnosis.quality.empty", "no {field}", field=field_name(field)), 1 - rule.completeness)
        for field in rule.key_fields
        if tables.has(f"customers.{field}")
    }
    if tables.has("customers.phone"):
        found["bad_phone"] = (text("diagnosis.quality.phone", "phone invalid"), rule.invalid_share)
    if tables.has("customers.email"):
        found["bad_email"] = (text("diagnosis.quality.email", "e-mail invalid"), rule.invalid_share)
    if tables.has("customers.phone") or tables.has("customers.email"):
        found["repeated"] = (text("diagnosis.quality.repeated", "held twice"), rule.duplicate_share)
    if tables.has("customers.updated_at") and (tables.has("orders") or tables.has("interactions")):
        found["stale"] = (text("diagnosis.quality.stale", "out of date"), rule.stale_share)
    return found


def quality_grid(tables: Tables, xref: pd.DataFrame | NotMeasured, settings: Settings) -> Figure | NotMeasured:
    """Completeness, validity, uniqueness and timeliness by source and segment, as a heat map.

    Args:
        tables: the canonical tables.
        xref: source and customer_id of each linked record; where nothing was linked there is no source to tell apart.
        settings: diagnosis.quality_by says by what records are grouped.
    """
    id, what = "diagnosis.quality", text("diagnosis.quality.what", "Quality of the customer records by source and segment")
    measures = measures_of(tables, settings)
    if not measures:
        return NotMeasured(id, what, ("customers",))
    groups = _groups(tables, xref, settings)
    if groups.empty:
        lacking = [f"customers.{name}" for name in settings.diagnosis.quality_by if name != "source"]
        return NotMeasured(id, what, tables.lacks(*lacking))
    with record_quality(tables, settings):
        cells = _cells(tables, list(measures), groups)
    names = _names(settings)
    rows = [text("diagnosis.quality.all", "all records"),
            *(labelled(_dimension(d), names.get((d, g), channel_name(g) if d == "channel" else named(g)))
              for d, g in groups.itertuples(index=False, name=None))]  # fmt: skip
    least = max(settings.analysis.small_cell, LEAST_RECORDS)
    grid = Grid(
        tuple(rows), tuple(name for name, _ in measures.values()), cells,
        tuple(limit for _, limit in measures.values()), least, settings.analysis.confidence,
    )  # fmt: skip
    note = text(
        "diagnosis.quality.note", "Customer records as of {end}; a customer of several sources counts in each.",
        end=day(tables.period.end),
    )  # fmt: skip
    return grid.figure(
        id, what, _title, note, text("diagnosis.column.group", "Group"), text("diagnosis.column.fault", "Fault")
    )  # fmt: skip


def _title(worst: Worst) -> Text:
    if not worst.beyond:
        return text("diagnosis.quality.fine", "No group of records is clearly beyond its limits")
    return text("diagnosis.quality.title", "Worst: {row}, {share} {fault}",
                row=worst.row, share=share(worst.share), fault=worst.column)  # fmt: skip


def _groups(tables: Tables, xref: pd.DataFrame | NotMeasured, settings: Settings) -> pd.DataFrame:
    """The groups looked at, left in the short-lived table ``record_groups`` with their customers: dimension, group."""
    sources = xref[["source", "customer_id"]] if isinstance(xref, pd.DataFrame) and len(xref) else None
    if "source" not in settings.diagnosis.quality_by:
        sources = None
    parts = [
        f'select customer_id, \'{column}\' as dimension, trim(cast("{column}" as varchar)) as "group" from customers '
        f"where trim(cast(\"{column}\" as varchar)) <> ''"
        for column in settings.diagnosis.quality_by
        if column != "source"
    ]
    if sources is not None:
        tables.connection.register("xref_of_records", sources)
        parts.insert(
            0, "select distinct customer_id, 'source' as dimension, source as \"group\" from xref_of_records"
        )  # fmt: skip
    order = [*settings.diagnosis.quality_by]
    every = " union all ".join(parts) or "select customer_id, '' as dimension, '' as \"group\" from customers where false"
    try:
        tables.connection.execute(f"create or replace temp table record_groups as {every}")
    finally:
        if sources is not None:
            tables.connection.unregister("xref_of_records")
    found = tables.sql('select dimension, "group", count(*) as n from record_groups group by dimension, "group"')
    found["place"] = found["dimension"].map({name: place for place, name in enumerate(order)})
    ranked = found.sort_values(["place", "n", "group"], ascending=[True, False, True])
    ranked = ranked.groupby("dimension", sort=False).head(MOST_GROUPS)
    return ranked[["dimension", "group"]].reset_index(drop=True)


def _cells(tables: Tables, measures: list[str], groups: pd.DataFrame) -> pd.DataFrame:
    sums = ", ".join(
        f'count("{m}") as "n_{m}", cast(coalesce(sum(case when "{m}" then 1 else 0 end), 0) as bigint) as "bad_{m}"'
        for m in measures
    )
    wide = tables.sql(
        f"""
        select '' as dimension, '' as "group", {sums} from record_quality
        union all
        select g.dimension, g."group", {sums} from record_groups g join record_quality q on q.customer_id = g.customer_id
        group by g.dimension, g."group"
        """
    )
    tables.connection.execute("drop table record_groups")
    keys = [("", ""), *groups.itertuples(index=False, name=None)]
    place = pd.Series(range(len(keys)), index=pd.MultiIndex.from_tuples(keys))
    wide["row"] = place.reindex(pd.MultiIndex.from_frame(wide[["dimension", "group"]])).to_numpy()
    wide = wide[wide["row"].notna()]
    return pd.concat(
        [
            pd.DataFrame({"row": wide["row"].astype(int), "column": i, "bad": wide[f"bad_{m}"], "n": wide[f"n_{m}"]})
            for i, m in enumerate(measures)
        ],
        ignore_index=True,
    )


def _names(settings: Settings) -> dict[tuple[str, str], Text]:
    """What readers call the groups whose codes the house knows."""
    tiers = {tier.id.lower(): named(tier.name) for tier in settings.grading.tiers}
    found = {("tier", word): tiers[id] for id, words in tier_words(settings).items() for word in words}
    found[("kind", "person")] = text("diagnosis.kind.person", "persons")
    found[("kind", "company")] = text("diagnosis.kind.company", "companies")
    return found


def _dimension(column: str) -> Text:
    return text("diagnosis.field.source", "source") if column == "source" else field_name(column)


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

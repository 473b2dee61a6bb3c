"""How good the customer records are, record by record: filled, valid, held once, fresh; by source and segment (X1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from workbook.diagnosis.grid import Grid, Worst, labelled
from workbook.diagnosis.industries import judged_industries
from workbook.diagnosis.tickets import channel_name
from workbook.language import Text, count, day, joined, named, share, text
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

MOST_ROWS = 16
"""Groups drawn in the heat map; the others are read with them and stand in its table where they are among the worst."""

LEAST_RECORDS = 20
"""Records of a group and measure below which a share is not shown, whatever is said of customers."""

ACTIVE_STATUS = ("active", "existing", "normal", "活跃", "正常", "在用", "有效")
"""Words of customers.status that say that the customer is alive."""

MOST_SHARERS = 5
"""Customers of different names that one phone or e-mail may have and still speak for a customer held more than once: a
household or a small office shares one among few; what more share was entered to fill the field, or is a switchboard."""

COMPANY_FIELDS = ("industry", "size")
"""Fields that a company has and a person has not: the records of persons are not judged by them."""


def of_person(alias: str) -> str:
    """SQL: whether a record is known to be of a person; *alias* is what the query calls ``customers``."""
    return f"coalesce(lower(trim({alias}.kind)) = 'person', false)"


@contextmanager
def record_quality(tables: Tables, settings: Settings) -> Iterator[None]:
    """A short-lived table ``record_quality``: one row a record of a customer, for each measure true where it is bad.

    Columns: customer_id, ``empty_<field>`` for each key field, bad_phone, bad_email, bad_industry (see industries.py),
    odd_name (the name of a company speaks for another industry), repeated_phone, repeated_email, repeated (one of them), stale,
    ``stale_<field>`` for each field of :func:`dated_fields`, and wrong_status (a later change or the orders contradict it);
    null where the measure does not apply to the record (no phone that could be invalid, a customer who is not active, the
    industry of a person, no contact that could tell a customer). Beside them active, and filler: a contact of the record that
    more than ``MOST_SHARERS`` customers have, which makes no duplicate, as one of impossible form makes none.
    """
    fields = [
        f"case when not ({of_person('c') if field in COMPANY_FIELDS else 'false'}) then "
        f'coalesce(regexp_matches(trim(cast(c."{field}" as varchar)), $placeholder), true) end as "empty_{field}"'
        for field in dict.fromkeys(settings.diagnosis.key_fields)
    ]
    fields += [
        f"""case when a.customer_id is not null and trim(cast(c."{field}" as varchar)) <> '' then coalesce(
            date_diff('day', (select last from written w where w.customer_id = c.customer_id and w.field = '{field}'),
                      cast($end as date)),
            date_diff('day', c.created_at, cast($end as date))) > $days end as "stale_{field}" """
        for field in dated_fields(tables, settings)
    ]
    pattern = _CHINESE_PHONE if settings.client.country == "CN" else _ANY_PHONE
    with judged_industries(tables, settings.diagnosis.industries):
        tables.connection.execute(
            _RECORDS.format(fields="".join(f"{field}, " for field in fields),
                            status=_NOTED if tables.has("status_history.new") else _SILENT),
            {
                "end": tables.period.end, "days": settings.diagnosis.stale_days, "pattern": pattern, "email": _EMAIL,
                "placeholder": _PLACEHOLDER, "alive": list(ACTIVE_STATUS), "sharers": MOST_SHARERS,
                **({} if tables.has("status_history.new") else {"churn_days": settings.analysis.churn_days}),
            },
        )  # fmt: skip
        try:
            yield
        finally:
            tables.connection.execute("drop table record_quality")


# noted changes are evidence against a status; silence in the orders is a makeshift where no changes were delivered
_NOTED = "coalesce(n.last_status <> lower(trim(c.status)), false)"
_SILENT = "coalesce(date_diff('day', n.last_order, cast($end as date)) > $churn_days, false)"

_RECORDS = """
    create or replace temp table record_quality as
    with digits as (
        select *, regexp_replace(phone, '[\\s().-]', '', 'g') as dialled,
               case when regexp_matches(trim(name), $placeholder) then customer_id
                    else coalesce(nullif(lower(trim(name)), ''), customer_id) end as holder
        from customers
    ), contacts as (
        select customer_id, holder, 'phone' as kind, right(regexp_replace(phone, '[^0-9]', '', 'g'), 11) as contact
        from digits where regexp_matches(dialled, $pattern) and dialled <> repeat(right(dialled, 1), length(dialled))
        union all
        select customer_id, holder, 'email' as kind, lower(trim(email)) as contact
        from digits where regexp_matches(trim(email), $email)
    ), held as (
        select kind, contact, count(*) > 1 as twice, count(distinct holder) > $sharers as filler
        from contacts group by kind, contact
    ), repeated as (
        select c.customer_id, bool_or(h.twice) filter (not h.filler) as either,
               bool_or(h.twice) filter (not h.filler and c.kind = 'phone') as phone,
               bool_or(h.twice) filter (not h.filler and c.kind = 'email') as email,
               max(c.contact) filter (h.filler) as filler
        from contacts c join held h on h.kind = c.kind and h.contact = c.contact group by c.customer_id
    ), bought as (
        select customer_id, max(cast(ordered_at as date)) as last_order from orders group by customer_id
    ), seen as (
        select customer_id, last_order as last_seen from bought
        union all
        select customer_id, max(cast(happened_at as date)) as last_seen from interactions group by customer_id
    ), active as (
        select customer_id from seen where last_seen is not null group by customer_id
        having date_diff('day', max(last_seen), cast($end as date)) < $days
    ), changed as (
        select customer_id, arg_max(lower(trim(new)), changed_at) as last_status
        from status_history where field is null or lower(field) = 'status' group by customer_id
    ), written as (
        select customer_id, lower(trim(field)) as field, max(cast(changed_at as date)) as last
        from status_history where changed_at is not null group by all
    ), noted as (
        select coalesce(h.customer_id, b.customer_id) as customer_id, h.last_status, b.last_order
        from changed h full join bought b on b.customer_id = h.customer_id
    )
    select c.customer_id, {fields}
           not regexp_matches(dialled, $pattern) or dialled = repeat(right(dialled, 1), length(dialled)) as bad_phone,
           not regexp_matches(trim(c.email), $email) as bad_email,
           case when not regexp_matches(trim(c.industry), $placeholder) then o.value is not null end as bad_industry,
           i.wrong as odd_name,
           r.phone as repeated_phone, r.email as repeated_email, r.either as repeated, r.filler,
           case when a.customer_id is not null then date_diff('day', c.updated_at, cast($end as date)) > $days end as stale,
           case when list_contains($alive, lower(trim(c.status))) then {status} end as wrong_status,
           a.customer_id is not null as active
    from digits c
    left join repeated r on r.customer_id = c.customer_id
    left join active a on a.customer_id = c.customer_id
    left join noted n on n.customer_id = c.customer_id
    left join odd_industries o on o.value = c.industry
    left join industry_of_name i on i.customer_id = c.customer_id
"""


def dated_fields(tables: Tables, settings: Settings) -> tuple[str, ...]:
    """The key fields of which the delivery tells when they were last written: by the changes in status_history, where these
    reach back as far as a record may go without an update."""
    if not tables.has("status_history.field") or not tables.has("customers.created_at"):
        return ()
    logged = tables.sql(
        """
        select lower(trim(field)) as field from status_history group by 1
        having date_diff('day', min(cast(changed_at as date)), cast($end as date)) > $days
        """,
        days=settings.diagnosis.stale_days,
    )
    known = set(logged["field"])
    return tuple(f for f in dict.fromkeys(settings.diagnosis.key_fields) if f in known and tables.has(f"customers.{f}"))


def judged_records(tables: Tables, measure: str) -> pd.DataFrame:
    """The bad records by one column of ``record_quality``, and how many it applies to: customer_id (null where none), n."""
    return tables.sql(
        f"""
        with judged as (select customer_id, "{measure}" as bad from record_quality where "{measure}" is not null)
        select t.n, j.customer_id from (select count(*) as n from judged) t left join judged j on j.bad order by j.customer_id
        """
    )


def measures_of(tables: Tables, settings: Settings) -> dict[str, tuple[Text, float]]:
    """Columns of ``record_quality`` for which data were delivered, by field: their names, and the accepted share of bad
    records."""
    rule = settings.diagnosis
    dated = dated_fields(tables, settings)
    found = {}
    for field in dict.fromkeys((*rule.key_fields, "phone", "email", "industry")):
        if not tables.has(f"customers.{field}"):
            continue
        name = field_name(field)
        if field in rule.key_fields:
            found[f"empty_{field}"] = (text("diagnosis.quality.empty", "no {field}", field=name), 1 - rule.completeness)
        if field in ("phone", "email", "industry"):
            found[f"bad_{field}"] = (text("diagnosis.quality.invalid", "{field} invalid", field=name), rule.invalid_share)
        if field == "industry" and tables.has("customers.name"):
            found["odd_name"] = (text("diagnosis.quality.odd_name", "industry against name"), rule.industry_name_share)
        if field in ("phone", "email"):
            found[f"repeated_{field}"] = (text("diagnosis.quality.twice", "{field} held twice", field=name),
                                          rule.duplicate_share)  # fmt: skip
        if field in dated:
            found[f"stale_{field}"] = (text("diagnosis.quality.old", "{field} out of date", field=name), rule.stale_share)
    if tables.has("customers.updated_at") and (tables.has("orders") or tables.has("interactions")):
        found["stale"] = (text("diagnosis.quality.stale", "record out of date"), rule.stale_share)
    if tables.has("customers.status") and (tables.has("status_history.new") or tables.has("orders")):
        found["wrong_status"] = (text("diagnosis.quality.status", "status out of date"), rule.stale_status_share)
    return found


def quality_grid(tables: Tables, xref: pd.DataFrame | NotMeasured, settings: Settings) -> Figure | NotMeasured:
    """Completeness, validity, uniqueness and timeliness by field, crossed with source and segment, as a heat map.

    Args:
        tables: the canonical tables.
        xref: source and customer_id of each linked record; where nothing was linked there is no source to tell apart.
        settings: diagnosis.quality_by says by what records are grouped: each segment within each source.
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
    least = max(settings.analysis.small_cell, LEAST_RECORDS)
    # a group or a measure without a cell that may be shown would be an empty line
    enough = cells[cells["n"] >= least]
    kept, shown = sorted(set(enough["row"])), sorted(set(enough["column"]))
    cells = cells[cells["row"].isin(kept) & cells["column"].isin(shown)]
    cells = cells.assign(row=cells["row"].map({r: i for i, r in enumerate(kept)}),
                         column=cells["column"].map({c: i for i, c in enumerate(shown)}))  # fmt: skip
    names = _row_names(groups, settings)
    asked = list(measures.values())
    grid = Grid(
        tuple(names[i] for i in kept), tuple(asked[i][0] for i in shown), cells, tuple(asked[i][1] for i in shown), least,
        settings.analysis.confidence, drawn := _drawn(groups, kept),
    )  # fmt: skip
    return grid.figure(
        id, what, _title, _note(tables, settings, drawn, len(kept)), text("diagnosis.column.group", "Group"),
        text("diagnosis.column.fault", "Fault"),
    )  # fmt: skip


def _drawn(groups: pd.DataFrame, kept: list[int]) -> int:
    """How many groups are drawn: whole dimensions, as many as there is room for, yet the first of them in any case."""
    of = ["", *groups["dimension"]]
    ends = [i for i in range(1, len(kept) + 1) if i == len(kept) or of[kept[i]] != of[kept[i - 1]]]
    return max([end for end in ends if end <= MOST_ROWS and of[kept[end - 1]] not in ("", "source")], default=MOST_ROWS)


def _note(tables: Tables, settings: Settings, drawn: int, groups: int) -> Text:
    """Population and date, how timeliness is told, and what is not drawn."""
    dated = dated_fields(tables, settings)
    said = (
        text("diagnosis.quality.by_field", "Out of date: by field where changes are logged ({fields}), else by record.",
             fields=joined([field_name(f) for f in dated]))
        if dated
        else text("diagnosis.quality.by_record", "Out of date: by record, for no field tells when it was written last.")
    )  # fmt: skip
    end = day(tables.period.end)
    if groups > drawn:
        return text(
            "diagnosis.quality.note_cut",
            "Customer records as of {end}, each segment within each source; a customer of several sources counts in each. "
            "{dated} The first {drawn} of {groups} groups are drawn.",
            end=end, dated=said, drawn=count(drawn), groups=count(groups),
        )  # fmt: skip
    return text(
        "diagnosis.quality.note",
        "Customer records as of {end}, each segment within each source; a customer of several sources counts in each. {dated}",
        end=end, dated=said,
    )  # fmt: skip


def _row_names(groups: pd.DataFrame, settings: Settings) -> list[Text]:
    """What the groups are called: all records, a source, a segment, or a segment within a source."""
    names = _names(settings)
    found = [text("diagnosis.quality.all", "all records")]
    for source, dimension, group in groups.itertuples(index=False, name=None):
        if dimension == "source":
            found.append(labelled(_dimension("source"), named(source)))
            continue
        segment = names.get((dimension, group), channel_name(group) if dimension == "channel" else named(group))
        found.append(
            text("diagnosis.quality.cross", "{source} · {group}", source=named(source), group=segment)
            if source
            else labelled(_dimension(dimension), segment)
        )
    return found


def _title(worst: Worst) -> Text:
    if not worst.beyond:
        return text("diagnosis.quality.fine", "No group of records is clearly beyond its limits")
    return text("diagnosis.quality.title", "Worst: {row}, {share} {fault}",
                row=worst.row, share=share(worst.share), fault=worst.column)  # fmt: skip


def _groups(tables: Tables, xref: pd.DataFrame | NotMeasured, settings: Settings) -> pd.DataFrame:
    """The groups looked at, left in the short-lived table ``record_groups`` with their customers: source, dimension, group.

    Each source as a whole, and each segment within each source; segments alone where there are no two sources.
    """
    by = list(dict.fromkeys(settings.diagnosis.quality_by))
    linked = xref if isinstance(xref, pd.DataFrame) and len(xref) and "source" in by else None
    several = linked is not None and len(set(linked["source"])) > 1
    segments = [
        f'select customer_id, \'{column}\' as dimension, trim(cast("{column}" as varchar)) as "group" from customers '
        f"where trim(cast(\"{column}\" as varchar)) <> ''"
        for column in by
        if column != "source"
    ]
    parts = []
    if linked is not None:
        tables.connection.register("xref_of_records", linked[["source", "customer_id"]])
        parts.append("select distinct customer_id, source, 'source' as dimension, '' as \"group\" from xref_of_records")
    for segment in segments:
        parts.append(
            f'select distinct s.customer_id, x.source, s.dimension, s."group" from ({segment}) s '
            "join xref_of_records x on x.customer_id = s.customer_id"
            if several
            else f"select customer_id, '' as source, dimension, \"group\" from ({segment})"
        )
    none = "select customer_id, '' as source, '' as dimension, '' as \"group\" from customers where false"
    try:
        tables.connection.execute(f"create or replace temp table record_groups as {' union all '.join(parts) or none}")
    finally:
        if linked is not None:
            tables.connection.unregister("xref_of_records")
    found = tables.sql('select source, dimension, "group", count(*) as n from record_groups group by all')
    found["place"] = found["dimension"].map({name: place for place, name in enumerate(by)})
    for key, over in (("sized", ["dimension", "group"]), ("weight", ["source"])):
        found[key] = found.groupby(over)["n"].transform("sum")
    largest = found.drop_duplicates(["dimension", "group"]).sort_values(["sized", "group"], ascending=[False, True])
    kept = largest.groupby("dimension").head(MOST_GROUPS)[["dimension", "group"]]
    sources = found.drop_duplicates("source").sort_values(["weight", "source"], ascending=[False, True])["source"]
    found = found.merge(kept, on=["dimension", "group"])
    found = found[found["source"].isin(sources.head(MOST_GROUPS))]
    ranked = found.sort_values(["place", "weight", "source", "sized", "group"], ascending=[True, False, True, False, True])
    return ranked[["source", "dimension", "group"]].reset_index(drop=True)


def _cells(tables: Tables, measures: list[str], groups: pd.DataFrame) -> pd.DataFrame:
    sums = ", ".join(
        f'count("{m}") as "n_{m}", cast(coalesce(sum(case when "{m}" then 1 else 0 end), 0) as bigint) as "bad_{m}"'
        for m in measures
    )
    wide = tables.sql(
        f"""
        select '' as source, '' as dimension, '' as "group", {sums} from record_quality
        union all
        select g.source, g.dimension, g."group", {sums}
        from record_groups g join record_quality q on q.customer_id = g.customer_id
        group by g.source, g.dimension, g."group"
        """
    )
    tables.connection.execute("drop table record_groups")
    keys = [("", "", ""), *groups.itertuples(index=False, name=None)]
    place = pd.Series(range(len(keys)), index=pd.MultiIndex.from_tuples(keys))
    wide["row"] = place.reindex(pd.MultiIndex.from_frame(wide[["source", "dimension", "group"]])).to_numpy()
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

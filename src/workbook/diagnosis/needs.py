"""X2, needs analysis: are needs recorded down to their cause, and does what was recommended match what is bought?"""

from __future__ import annotations

import pandas as pd

from workbook.diagnosis.finding import Cases, Context, Measured, Module, Words, no_case, not_delivered, share_finding
from workbook.diagnosis.tickets import frequent_words, in_short
from workbook.language import Text, count, share, text
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import Tables

MODULE: Module = "needs"


def needs_checks(tables: Tables, profile: pd.DataFrame, settings: Settings) -> list[Measured]:
    """Depth of the recorded needs, and match of recommendations with later purchases.

    Source: method.md X2.
    """
    context = Context.of(profile, settings.analysis.confidence)
    return [_depth(tables, settings, context), _match(tables, settings, context)]


def _depth(tables: Tables, settings: Settings, context: Context) -> Measured:
    check = "needs.depth"
    words = Words(
        text("diagnosis.depth.measure", "Needs recorded down to the root cause"),
        text("diagnosis.depth.problem", "Needs recorded only on the surface"),
        text("diagnosis.depth.cause", "Conversations note the wish and do not ask what lies behind it."),
    )
    if missing := tables.lacks("needs.level"):
        return not_delivered(check, words.measure, missing)
    if why := unknown_levels(tables, settings):
        return NotMeasured(f"diagnosis.{check}", words.measure, why=why)
    known = level_words(settings)
    rows = tables.sql(
        """
        select customer_id, count(*) as needs,
               sum(case when list_contains($root, lower(trim(level))) then 1 else 0 end) as deep
        from needs where list_contains($known, lower(trim(level))) group by customer_id order by customer_id
        """,
        **known,
    )
    judged = int(rows["needs"].sum())
    return share_finding(
        check, MODULE, words, hits=int(rows["deep"].sum()), n=judged,
        threshold=settings.diagnosis.root_cause_share, direction="below",
        touched=rows.loc[rows["deep"] < rows["needs"], "customer_id"], context=context,
        cases=Cases("needs", _SHALLOW, known),
        unjudged=int(tables.sql("select count(*) as n from needs")["n"].iloc[0]) - judged,
    )  # fmt: skip


# a need has no id of its own: the customer and the day tell it
_SHALLOW = """
    select cast(null as varchar) as record_id, customer_id, noted_at as happened_at from needs
    where list_contains($known, lower(trim(level))) and not list_contains($root, lower(trim(level)))
"""


def level_words(settings: Settings) -> dict[str, list[str]]:
    """Words of needs.level, in small letters: ``root`` for a need followed down to its cause, ``known`` with those of the
    surface."""
    limits = settings.diagnosis
    root, surface = ([word.strip().lower() for word in words] for words in (limits.root_levels, limits.surface_levels))
    return {"root": root, "known": [*root, *surface]}


def unknown_levels(tables: Tables, settings: Settings) -> Text | None:
    """Why the depth of needs cannot be judged: most of the recorded levels are words of neither list; None otherwise."""
    recorded, unknown = tables.sql(
        """
        select count(*) as recorded, count(*) filter (where not list_contains($known, lower(trim(level)))) as unknown
        from needs where trim(level) <> ''
        """,
        known=level_words(settings)["known"],
    ).iloc[0]
    if unknown * 2 <= recorded:
        return None
    return text(
        "diagnosis.depth.unknown",
        "Of {n} recorded levels {unknown} are words that are not known; the most frequent levels are: {found}. Name those of a "
        "cause in diagnosis.root_levels (known: {root}) and those of a wish in diagnosis.surface_levels (known: {surface}).",
        n=count(int(recorded)), unknown=count(int(unknown)),
        found=frequent_words(tables, "needs.level", settings.analysis.small_cell),
        root=in_short(settings.diagnosis.root_levels), surface=in_short(settings.diagnosis.surface_levels),
    )  # fmt: skip


def _match(tables: Tables, settings: Settings, context: Context) -> Measured:
    check, days = "needs.match", settings.diagnosis.match_days
    measure = text("diagnosis.match.measure", "Recommended products bought within {days} days", days=count(days))
    if missing := tables.lacks("needs.product_recommended", "needs.noted_at", "order_lines.product_id", "orders"):
        return not_delivered(check, measure, missing)
    rows = recommendations(tables, days)
    if rows.empty:
        return no_case(check, measure)
    words = Words(
        measure,
        text("diagnosis.match.problem", "Recommended products are not bought"),
        text(
            "diagnosis.match.cause",
            "Recommendations follow stock or habit rather than need; chance alone would reach {chance}.",
            chance=share(float(rows["chance"].mean()), 1),
        ),
    )
    bought = rows["bought"].astype(bool)
    advice = rows.loc[~bought, ["product_id", "customer_id", "noted_at"]]  # told by what was recommended to whom, and when
    waiting = tables.sql(
        "select count(*) as n from needs where product_recommended is not null "
        "and coalesce(date_diff('day', noted_at, cast($end as date)) < $days, true)", days=days,
    )  # fmt: skip
    return share_finding(
        check, MODULE, words, hits=int(bought.sum()), n=len(rows), threshold=settings.diagnosis.match_share,
        direction="below", touched=rows.loc[~bought, "customer_id"], context=context,
        cases=Cases("recommendations", rows=advice.rename(columns={"product_id": "record_id", "noted_at": "happened_at"})),
        unjudged=int(waiting["n"].iloc[0]),
    )  # fmt: skip


_RECOMMENDATIONS = """
    with recommended as (
        select distinct customer_id, product_recommended as product_id, noted_at from needs
        where product_recommended is not null and noted_at is not null
          and date_diff('day', noted_at, cast($end as date)) >= $days
    ), advised as (
        select distinct customer_id from recommended
    ), bought as (
        select distinct o.customer_id, l.product_id, cast(o.ordered_at as date) as bought_at
        from order_lines l
        join orders o on o.order_id = l.order_id
        join advised a on a.customer_id = o.customer_id
        where l.refund_of is null
    ), months as (
        select distinct product_id, date_trunc('month', noted_at) as first_day from recommended
    ), buyers as (
        select m.product_id, m.first_day, b.customer_id
        from months m join bought b on b.product_id = m.product_id
        where date_diff('day', m.first_day, b.bought_at) >= 0 and date_diff('day', m.first_day, b.bought_at) <= $days
        group by m.product_id, m.first_day, b.customer_id
    ), chances as (
        select product_id, first_day, count(*) / nullif((select count(*) from advised), 0) as chance
        from buyers group by product_id, first_day
    )
    select r.customer_id, r.product_id, r.noted_at, coalesce(max(c.chance), 0) as chance,
           max(case when b.bought_at is not null then 1 else 0 end) as bought
    from recommended r
    left join bought b on b.customer_id = r.customer_id and b.product_id = r.product_id
         and date_diff('day', r.noted_at, b.bought_at) >= 0 and date_diff('day', r.noted_at, b.bought_at) <= $days
    left join chances c on c.product_id = r.product_id and c.first_day = date_trunc('month', r.noted_at)
    group by r.customer_id, r.product_id, r.noted_at
    order by r.customer_id, r.product_id, r.noted_at
"""


def recommendations(tables: Tables, days: int) -> pd.DataFrame:
    """One row a recommendation old enough to have been followed: whether it was, and how likely that was by chance.

    Chance is the share of all customers with a recommendation who bought the same product within *days* of the first day of
    the month of the recommendation, whatever had been recommended to them.
    """
    return tables.once(_RECOMMENDATIONS, days=days)

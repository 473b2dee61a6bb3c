"""Rates compared like with like: whether a change since the period before, or a gap of a group, comes from the mix (X3, X5).

A rate may rise because more hard tickets came in, though none was served worse. So each comparison stands twice: as it is, and
within tickets of one kind (Mantel and Haenszel), where a change of the mix has no part in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from workbook.diagnosis.ranking import Trend
from workbook.diagnosis.reversal import READINGS, WITHIN, compared
from workbook.diagnosis.tickets import channel_name, reaches_back
from workbook.language import Text, count, named, points, share, text
from workbook.period import Period
from workbook.report.blocks import Column, NotMeasured, Paragraph, Table
from workbook.service_hours import judged_tickets, tier_words
from workbook.settings.models import Settings
from workbook.tables import Tables

RATES: Mapping[str, Text] = {
    "interaction.late_response": text("diagnosis.rate.late_response", "Late first responses"),
    "service.late_resolution": text("diagnosis.rate.late_resolution", "Late solutions"),
    "service.reopened": text("diagnosis.rate.reopened", "Solved tickets opened again"),
}
"""Checks whose figure is a share of tickets that groups and periods are compared by."""

KINDS = ("channel", "priority", "tier", "topic")
LEAST_TICKETS = 10
MOST_ROWS = 12

CHANGES = {
    "service": text("diagnosis.mix.service", "changed at equal mix too"),
    "mix": text("diagnosis.mix.mix", "comes from the mix"),
    "hidden": text("diagnosis.mix.hidden", "hidden by the mix"),
    "unclear": text("diagnosis.mix.unclear", "no clear change"),
}
DIMENSIONS = {"channel": text("diagnosis.dimension.channel", "channel"), **WITHIN}


def rate_cells(tables: Tables, settings: Settings) -> pd.DataFrame:
    """Tickets of the period by kind: check, channel, priority, tier, topic, n, hits; of the rates that can be measured."""
    frames = []
    for check, event in (("interaction.late_response", "first_response_at"), ("service.late_resolution", "resolved_at")):
        if tables.lacks(f"tickets.{event}"):
            continue
        judged, values = judged_tickets(tables, settings, "resolved_at" if event == "resolved_at" else "first_response_at")
        query = f"with {judged} {_CELLS.format(hit='late', rows='judged where late is not null')}"
        frames.append(tables.once(query, **values).assign(check=check))
    if not tables.lacks("tickets.reopened", "tickets.resolved_at"):
        frames.append(tables.once(_CELLS.format(hit="reopened > 0", rows=_SOLVED)).assign(check="service.reopened"))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["check", *KINDS, "n", "hits"])


_CELLS = """
    select channel, priority, tier, coalesce(topic, '') as topic, count(*) as n,
           cast(sum(case when {hit} then 1 else 0 end) as bigint) as hits
    from {rows} group by all
"""

_SOLVED = """(
    select coalesce(t.channel, '') as channel, coalesce(lower(trim(t.priority)), '') as priority,
           coalesce(c.tier, '') as tier, trim(t.topic) as topic, t.reopened
    from tickets t left join customers c on c.customer_id = t.customer_id
    where t.resolved_at >= cast($start as timestamp) and t.resolved_at < cast($end as timestamp) + interval 1 day
      and t.reopened is not null
) as solved"""


def rate_changes(tables: Tables, settings: Settings) -> pd.DataFrame:
    """Each rate against the period before, as it is and within tickets of one channel, priority, tier and topic.

    The period before is counted in the same delivery, so that both stand by the same settings; where the tickets do not reach
    back to its beginning there is no row.

    Returns:
        check, n, other_n (tickets of both periods), now, before, gap with low and high (Newcombe), inside with inside_low and
        inside_high (Mantel-Haenszel, Sato), shared (share of this period's tickets whose kind both periods have), reading
        (``CHANGES``). Levels are corrected for the number of rates.
    """
    columns = ["check", "n", "other_n", "now", "before", "gap", "low", "high", "inside", "inside_low", "inside_high", "shared",
               "reading"]  # fmt: skip
    if not tables.has("tickets") or not reaches_back(tables, tables.period.previous):
        return pd.DataFrame(columns=columns)
    now, before = rate_cells(tables, settings), rate_cells(replace(tables, period=tables.period.previous), settings)
    checks = [check for check in RATES if check in set(now["check"]) & set(before["check"])]
    level = 1 - (1 - settings.analysis.confidence) / max(len(checks), 1)
    rows = []
    for check in checks:
        own, other = (cells[cells["check"] == check].set_index(list(KINDS))[["hits", "n"]] for cells in (now, before))
        strata = own.join(other.add_prefix("other_"), how="outer").fillna(0)
        both = strata["other_n"] > 0
        found = compared(strata, level)
        shared = float(strata.loc[both, "n"].sum() / own["n"].sum())
        rows.append({"check": check, **found, "now": found["part"], "before": found["other_part"], "shared": shared,
                     "reading": _change_reading(found)})  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _change_reading(found: Mapping[str, Any]) -> str:
    if not found["clear"]:
        return "hidden" if found["clear_inside"] else "unclear"
    gone = not found["clear_inside"] and abs(found["inside"]) <= abs(found["gap"]) / 2
    return "mix" if found["turned"] or gone else "service"


def trends_at_equal_mix(trends: Mapping[str, Trend], changes: pd.DataFrame) -> dict[str, Trend]:
    """The trends of checks, where a change that comes from the mix is none, and one that the mix hides is one."""
    found = dict(trends)
    for check, inside, reading in zip(changes["check"], changes["inside"], changes["reading"], strict=True):
        if found.get(check, "none") == "none":
            continue
        if reading == "mix":
            found[check] = "unclear"
        elif reading == "hidden":
            found[check] = "worse" if inside > 0 else "better"
    return found


def change_table(changes: pd.DataFrame, settings: Settings, period: Period) -> Table | NotMeasured:
    """The rates against the period before, as they are and at equal mix."""
    id, what = "diagnosis.mix", text("diagnosis.mix.what", "Service rates against the period before, at equal mix of tickets")
    if changes.empty:
        why = text("diagnosis.mix.short", "The tickets delivered do not reach back to the beginning of the period before.")
        return NotMeasured(id, what, why=why)
    frame = changes.assign(name=pd.Series([RATES[check] for check in changes["check"]], dtype=object))
    columns = (
        Column("name", text("diagnosis.column.measure", "Measure")),
        Column("n", text("diagnosis.column.tickets", "Tickets"), "count"),
        Column("before", text("diagnosis.mix.before", "Period before"), "share", digits=1),
        Column("now", text("diagnosis.mix.now", "This period"), "share", digits=1),
        Column("gap", text("diagnosis.mix.gap", "Change, points"), "points", low="low", high="high"),
        Column("inside", text("diagnosis.mix.inside", "Change at equal mix, points"), "points", low="inside_low",
               high="inside_high"),
        Column("reading", text("diagnosis.mix.reading", "The change"), labels=CHANGES),
    )  # fmt: skip
    note = text(
        "diagnosis.mix.note",
        "{now} against {before}, both from this delivery by the same settings; before and after without a control group: it "
        "tells that a rate changed, not what changed it. Equal mix: within tickets of one channel, "
        "priority, tier and topic (Mantel-Haenszel); {shared} of this period’s tickets or more have their like before. "
        "Intervals allow for {n} {n:rate|rates}.",
        now=period.name, before=period.previous.name, shared=share(float(changes["shared"].min())), n=count(len(changes)),
    )  # fmt: skip
    return Table(id, _change_title(changes), columns, frame, note)


def _change_title(changes: pd.DataFrame) -> Text:
    mixed, hidden = (changes[changes["reading"] == reading] for reading in ("mix", "hidden"))
    if len(mixed):
        return text("diagnosis.mix.title_mix", "{rate}: the change of {gap} comes from another mix of tickets",
                    rate=RATES[mixed.iloc[0]["check"]], gap=points(float(mixed.iloc[0]["gap"])))  # fmt: skip
    if len(hidden):
        return text("diagnosis.mix.title_hidden", "{rate}: the mix hides a change of {gap} at equal mix",
                    rate=RATES[hidden.iloc[0]["check"]], gap=points(float(hidden.iloc[0]["inside"])))  # fmt: skip
    clear = int((changes["reading"] == "service").sum())
    return text("diagnosis.mix.title", "Of {n} service {n:rate|rates}, {clear} changed clearly at equal mix",
                n=count(len(changes)), clear=count(clear))  # fmt: skip


def group_gaps(tables: Tables, settings: Settings) -> pd.DataFrame:
    """Each group of a channel or tier against all others in each rate, as it is and within tickets of one kind.

    Late first responses by channel are left out: ``reversal.channel_gaps`` looks into them.

    Returns:
        check, by, group, within, and of the comparison what :func:`rate_changes` gives (n of the group, other_n of the others),
        reading: reversed, gone, holds or unclear (``READINGS``). Levels are corrected for the number of rows (Bonferroni).
    """
    cells = rate_cells(tables, settings)
    least = max(LEAST_TICKETS, settings.analysis.small_cell)
    pairs: list[tuple[str, str, str, str, pd.DataFrame]] = []
    for check in [check for check in RATES if check in set(cells["check"])]:
        mine = cells[cells["check"] == check]
        for by in ("channel", "tier"):
            known = mine[mine[by] != ""]
            sizes = known.groupby(by)["n"].sum()
            groups = sizes[sizes >= least].index
            if len(groups) < 2 or (check, by) == ("interaction.late_response", "channel"):
                continue
            known = known[known[by].isin(groups)]
            for within in [kind for kind in KINDS if kind != by and len(set(known[kind])) > 1]:
                sums = known.groupby([within, by])[["hits", "n"]].sum()
                every = sums.groupby(level=0).sum()
                for group in groups:
                    own = sums.xs(group, level=1).reindex(every.index, fill_value=0)
                    pairs.append((check, by, str(group), within, own.join((every - own).add_prefix("other_"))))
    level = 1 - (1 - settings.analysis.confidence) / max(len(pairs), 1)
    rows = []
    for check, by, group, within, strata in pairs:
        found = compared(strata, level)
        # a gap as large within, and less sure only as its strata are small, is not lost
        lost = abs(float(found["inside"])) <= abs(float(found["gap"])) / 2
        sure = "reversed" if found["turned"] else "holds" if found["clear_inside"] else "gone" if lost else "unclear"
        reading = sure if found["clear"] else "unclear"
        rows.append({"check": check, "by": by, "group": group, "within": within, **found, "reading": reading})
    return pd.DataFrame(rows)


def group_table(tables: Tables, settings: Settings) -> Table | Paragraph | NotMeasured:
    """The gaps of groups that turn round, or are no longer clear, among tickets of one kind; a sentence where none does."""
    id, what = "diagnosis.reversals", text("diagnosis.reversals.what", "Gaps between groups among tickets of one kind")
    found = group_gaps(tables, settings)
    if found.empty:
        why = text("diagnosis.reversal.none", "There are no two channels of {n} tickets to compare.", n=count(LEAST_TICKETS))
        return NotMeasured(id, what, tables.lacks("tickets") or (), why=None if tables.lacks("tickets") else why)
    rates = found["check"].nunique()
    shown = found[found["reading"].isin(("reversed", "gone"))]
    if shown.empty:
        return Paragraph(id, text(
            "diagnosis.reversals.none",
            "Simpson’s reversals were looked for in {n} comparisons of channels and tiers in {rates} {rates:rate|rates}, "
            "within tickets of one kind: none turns round and no clear gap is lost.", n=count(len(found)), rates=count(rates),
        ))  # fmt: skip
    order = shown["reading"].map({"reversed": 0, "gone": 1})
    shown = shown.assign(place=order).sort_values(["place", "check", "by", "group", "within"], ignore_index=True)
    names = _tier_names(settings)
    frame = shown.assign(
        rate=pd.Series([RATES[check] for check in shown["check"]], dtype=object),
        name=pd.Series(
            [channel_name(g) if by == "channel" else names.get(g.strip().lower(), named(g))
             for by, g in zip(shown["by"], shown["group"], strict=True)], dtype=object
        ),
    )  # fmt: skip
    columns = (
        Column("rate", text("diagnosis.column.measure", "Measure")),
        Column("by", text("diagnosis.column.dimension", "By"), labels=DIMENSIONS),
        Column("name", text("diagnosis.column.group", "Group")),
        Column("n", text("diagnosis.column.tickets", "Tickets"), "count"),
        Column("gap", text("diagnosis.reversals.gap", "Gap to the other groups, points"), "points", low="low", high="high"),
        Column("within", text("diagnosis.reversal.within", "Compared within"), labels=DIMENSIONS),
        Column("inside", text("diagnosis.reversal.inside", "Gap within, points"), "points", low="inside_low",
               high="inside_high"),
        Column("reading", text("diagnosis.reversal.reading", "The gap"), labels=READINGS),
    )  # fmt: skip
    turned = int((shown["reading"] == "reversed").sum())
    title = text("diagnosis.reversals.title", "Of {n} comparisons of groups, {turned} turn round and {gone} lose their gap",
                 n=count(len(found)), turned=count(turned), gone=count(len(shown) - turned))  # fmt: skip
    note = text(
        "diagnosis.reversals.note",
        "Share in a group less that in all others, as it is and within tickets of one kind (Mantel-Haenszel); groups of "
        "{least} tickets or more; intervals allow for all {n} comparisons. What holds or was not clear is not listed.",
        least=count(max(LEAST_TICKETS, settings.analysis.small_cell)), n=count(len(found)),
    )  # fmt: skip
    return Table(id, title, columns, frame, note, rows=MOST_ROWS)


def _tier_names(settings: Settings) -> dict[str, Text]:
    tiers = {tier.id.lower(): named(tier.name) for tier in settings.grading.tiers}
    return {word: tiers[id] for id, words in tier_words(settings).items() for word in words}

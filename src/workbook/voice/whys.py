"""What the data say to the second and third why of a problem, for the sheets of the 5 Whys (V4).

The second why asks where: the customers whom a problem touches against the others, place by place, by the exact test that
also tells systemic faults from single cases. The third asks what goes with it: the fact that foretells late answers best on
rows held out, or the step of the complaint loop that a problem is about. Where the data cannot tell, the sheet asks.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from workbook.language import Quantity, Text, count, joined, number, share, text
from workbook.report.blocks import NotMeasured, Table
from workbook.settings.models import Settings
from workbook.tables import Tables
from workbook.voice.drivers import FACT_NAMES, Drivers
from workbook.voice.excess import counted, held
from workbook.voice.exhibits import group_name
from workbook.voice.intervals import share_interval
from workbook.voice.placing import place_name
from workbook.voice.teams import staff_numbers

PLACES: Mapping[str, Text] = {
    "region": text("voice.whys.region", "Region"),
    "owner": text("voice.whys.owner", "Account owner"),
    "tier": text("voice.whys.tier", "Tier"),
    "industry": text("voice.whys.industry", "Industry"),
    "channel": text("voice.whys.channel", "Channel by which the customer came"),
}
LATE = ("interaction.late_response", "interaction.late_channel")
LOOP = {"service.callback": "called_back", "service.late_resolution": "solved", "service.reopened": "solved"}
"""Check → the step of the complaint loop that it is about."""

LIKE: Mapping[str, str] = {
    "information.": "known", "service.callback": "complained", "service.": "ticketed", "interaction.late_": "ticketed",
}  # fmt: skip
"""Beginning of a check → which customers can meet its problem at all; the first that fits. Who can meet the problems of other
checks is not known here, and a place is not blamed for having more of them."""

LIKE_NAMES: Mapping[str, Text] = {
    "known": text("voice.whys.known", "customers"),
    "ticketed": text("voice.whys.ticketed", "customers with a ticket"),
    "complained": text("voice.whys.complained", "customers with a complaint"),
}
MOST = 0.001


def known_whys(
    problem_customers: pd.DataFrame, loop: Table | NotMeasured, late: Drivers | NotMeasured, tables: Tables, settings: Settings
) -> dict[str, tuple[Text, ...]]:
    """The answers to the second why and those after it that the data give, problem by problem.

    Args:
        problem_customers: the artefact of the same name: problem, customer_id.
        loop: the steps of the complaint loop: step, complaints, of, share, low, high, median, p90 (hours).
        late: which facts foretell late first responses.
        tables: customers with whatever places were delivered, and tickets.
        settings: section analysis, and the names of the tiers.

    Returns:
        check → answers, each with its figures.
    """
    everyone = _customers(tables, settings)
    places = [name for name in PLACES if len(everyone[name].dropna().unique()) > 1]
    found: dict[str, tuple[Text, ...]] = {}
    for check, touched in problem_customers.groupby("problem")["customer_id"]:
        told = [_where(str(check), everyone, set(touched), places, settings)]
        if check in LATE and isinstance(late, Drivers):
            told.append(_driver(late, settings))
        elif str(check) in LOOP and isinstance(loop, Table):
            told.append(_step(loop.frame, LOOP[str(check)]))
        found[str(check)] = tuple(answer for answer in told if answer is not None)
    return found


def _customers(tables: Tables, settings: Settings) -> pd.DataFrame:
    """Customers by the places that can be looked at, owners numbered; whether they had a ticket, a complaint in the period."""
    rows = tables.sql(
        """
        with met as (
            select customer_id, bool_or(list_contains($complaints, lower(trim(topic)))) as complained from tickets
            where cast(opened_at as date) between $start and $end and customer_id is not null group by customer_id
        )
        select c.customer_id, any_value(region) as region, any_value(owner) as owner, any_value(tier) as tier,
               any_value(industry) as industry, any_value(channel) as channel, true as known,
               bool_or(m.customer_id is not null) as ticketed, bool_or(coalesce(m.complained, false)) as complained
        from customers c left join met m on m.customer_id = c.customer_id group by c.customer_id order by c.customer_id
        """,
        complaints=[topic.strip().lower() for topic in settings.service.complaint_topics],
    )
    flags = {name: rows[name].astype(bool) for name in LIKE_NAMES}
    return rows.assign(owner=rows["owner"].map(staff_numbers(tables)), **flags)


def _where(check: str, everyone: pd.DataFrame, touched: set[str], places: list[str], settings: Settings) -> Text | None:
    """Where the customers touched gather, against the others; None where nothing can be looked at."""
    like = next((name for begins, name in LIKE.items() if check.startswith(begins)), None)
    if like is None:
        return None
    of = everyone[everyone[like]]
    of = of.assign(case=of["customer_id"].isin(touched))
    if not of["case"].any() or of["case"].all() or not places:
        return None
    confidence = settings.analysis.confidence
    rows = held(counted(of, places, confidence, settings.analysis.small_cell), confidence)
    if rows.empty:
        return None
    first = rows.iloc[0]
    rest, others = len(of) - int(first["n"]), int(of["case"].sum()) - int(first["cases"])
    low, high = share_interval([others], [rest], confidence)
    values: dict[str, Text | Quantity | str] = {
        "factor": PLACES[str(first["factor"])], "place": _place(str(first["factor"]), str(first["level"]), settings),
        "like": LIKE_NAMES[like], "cases": count(int(first["cases"])), "n": count(int(first["n"])),
        "part": share(float(first["share"]), 0),
        "low": share(float(first["low"]), 0), "high": share(float(first["high"]), 0), "other": share(others / max(rest, 1), 0),
        "other_low": share(float(low[0]), 0), "other_high": share(float(high[0]), 0), "places": count(len(rows)),
        "p": _p(float(first["p_held"])),
    }  # fmt: skip
    if float(first["p_held"]) <= 1 - confidence:
        return text(
            "voice.whys.gathers",
            "It gathers by {factor}: {place}, {cases} of {n} {like} ({part}; {low} to {high}), elsewhere {other} "
            "({other_low} to {other_high}); {p} over {places} places. What is done otherwise there?",
            **values,
        )  # fmt: skip
    values["looked"] = joined([PLACES[name] for name in places])
    return text(
        "voice.whys.nowhere",
        "It gathers at none of {places} places ({looked}) more than chance allows; most at {place}: {cases} of {n} {like} "
        "({part}; {low} to {high}), elsewhere {other}, {p}. So look for a rule, a tool or a habit that all share.",
        **{name: value for name, value in values.items() if name not in ("factor", "other_low", "other_high")},
    )  # fmt: skip


def _place(factor: str, level: str, settings: Settings) -> Text:
    return group_name(factor, level, settings) if factor in ("tier", "channel") else place_name(factor, level)


def _p(p: float) -> Text:
    if p < MOST:
        return text("voice.whys.p_small", "p < {p}", p=number(MOST, 3))
    return text("voice.whys.p", "p = {p}", p=number(p, 3))


def _driver(late: Drivers, settings: Settings) -> Text:
    """What late first responses go with, on rows that the model had not seen."""
    held_out, first = late.held, late.held.contributions.iloc[0]
    auc = {"auc": number(held_out.auc, 2), "low": number(held_out.low, 2), "high": number(held_out.high, 2)}
    if not late.foretold or float(first["low"]) <= 0:
        return text("voice.whys.no_driver",
                    "No single fact of a ticket foretells a late first response clearly (AUC {auc}, {low} to {high}; 0.5 is a "
                    "coin): the cause is not among the facts delivered.", **auc)  # fmt: skip
    worst = late.worst(first)
    values: dict[str, Text | Quantity | str] = {
        "fact": FACT_NAMES[str(first["factor"])], "drop": number(100 * float(first["drop"]), 1),
        "drop_low": number(100 * float(first["low"]), 1), "drop_high": number(100 * float(first["high"]), 1),
    }  # fmt: skip
    if worst is None:
        return text("voice.whys.driver", "Late first responses go most with: {fact}; without it the AUC of {auc} loses {drop} "
                    "points ({drop_low} to {drop_high}).", auc=auc["auc"], **values)  # fmt: skip
    return text("voice.whys.driver_at", "Late first responses go most with: {fact}; without it the AUC of {auc} loses {drop} "
                "points ({drop_low} to {drop_high}). Most often late: {worst} tickets.", auc=auc["auc"], worst=worst,
                **values)  # fmt: skip


def _step(loop: pd.DataFrame, step: str) -> Text | None:
    """How many complaints reach a step of the loop, with the time that it takes since the one before."""
    steps = loop[(loop["step"] == step) & loop["share"].notna()]
    if steps.empty:
        return None
    row = steps.iloc[0]
    values: dict[str, Text | Quantity | str] = {
        "step": STEPS[str(row["step"])], "n": count(int(row["complaints"])), "of": count(int(row["of"])),
        "part": share(float(row["share"]), 0), "low": share(float(row["low"]), 0), "high": share(float(row["high"]), 0),
    }  # fmt: skip
    if row["median"] != row["median"]:
        return text("voice.whys.step", "In the complaint loop the step “{step}” is reached by {n} of {of} ({part}; {low} "
                    "to {high}).", **values)  # fmt: skip
    return text("voice.whys.step_hours", "In the complaint loop the step “{step}” is reached by {n} of {of} ({part}; {low} "
                "to {high}); those who do wait {median} hours in the median, one in ten {p90} or more.",
                median=number(float(row["median"]), 1), p90=number(float(row["p90"]), 1), **values)  # fmt: skip


STEPS: Mapping[str, Text] = {
    "analysed": text("voice.whys.analysed", "analysed"),
    "solved": text("voice.whys.solved", "solved"),
    "called_back": text("voice.whys.called_back", "called back"),
}

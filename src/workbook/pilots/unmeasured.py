"""Why an effect could not be measured: what the settings ask for beside what was delivered, by name."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from workbook.language import Text, count, day, joined, named, text
from workbook.report.blocks import NotMeasured, Paragraph
from workbook.settings.models import Metric, Pilot, Settings
from workbook.tables import Tables

MOST = 6
"""Names told at most."""


def unassigned(tables: Tables, pilot: Pilot, settings: Settings) -> NotMeasured:
    """A pilot without units or summaries; what those are called that were delivered and have no card, where there are any."""
    delivered = _without_card(tables, settings)["pilot"].tolist()
    what = text("pilots.missing.units", "Effect of {pilot}", pilot=named(pilot.name))
    if not delivered:
        return NotMeasured(f"pilots.missing.{pilot.id}", what, ("assignments.unit_id", "assignments.arm"))
    why = text(
        "pilots.missing.pilot",
        "Pilots were delivered that are called {found}, none is called {wanted}; use one name in files and settings.",
        found=_listed(delivered),
        wanted=named(pilot.id),
    )
    return NotMeasured(f"pilots.missing.{pilot.id}", what, why=why)


def unarmed(pilot: Pilot, arms: Iterable[str]) -> NotMeasured:
    """A pilot whose delivered arms are not those of its card, so that nothing can be compared.

    Args:
        arms: the delivered ones.
    """
    found, wanted = sorted(set(arms)), list(pilot.arms)
    what = text("pilots.missing.units", "Effect of {pilot}", pilot=named(pilot.name))
    if len(found) > 1 and set(found) <= set(wanted) and wanted[0] in found:
        why = text(
            "pilots.missing.both_arms",
            "Every unit stands in two arms: who had the measure and went without it, one after the other, is not compared.",
        )
    elif found and set(found) <= set(wanted):
        why = text(
            "pilots.missing.arm",
            "No unit stands in {arms}: before and after without anybody beside them cannot tell an effect.",
            arms=_listed([arm for arm in wanted if arm not in found]),
        )
    else:
        why = text(
            "pilots.missing.arms",
            "The units stand in arms that are called {found}, the card names {wanted}; use the same names (sources.values).",
            found=_listed(found),
            wanted=_listed(wanted),
        )
    return NotMeasured(f"pilots.missing.{pilot.id}.arms", what, why=why)


def unmeasured(tables: Tables, pilot: Pilot, metric: Metric, tally: pd.DataFrame | None = None) -> NotMeasured:
    """A metric without one outcome; what to do depends on where its outcomes should come from.

    Args:
        tally: arm → units, undefined; None where only summaries were delivered.
    """
    name = f"pilots.missing.{pilot.id}.{metric.id}"
    what = text(
        "pilots.missing.metric",
        "Effect of {pilot} on {metric}",
        pilot=named(pilot.name),
        metric=named(metric.name),
    )
    if metric.source != "outcomes" and tally is not None:
        why = text(
            "pilots.missing.expression",
            "The expression of the metric gives no value for any of {n} units; it divides zero by zero for {undefined} of "
            "them.",
            n=count(int(tally["units"].sum())),
            undefined=count(int(tally["undefined"].sum())),
        )
        return NotMeasured(name, what, why=why)
    table = "outcomes" if tally is not None else "pilot_summaries"
    delivered = tables.sql(f"select distinct metric from {table} where pilot = $name order by metric", name=pilot.id)
    told = {name for one in pilot.metrics if one is not metric for name in (one.id, one.denominator)}
    found = [name for name in delivered["metric"].dropna() if name not in told]
    if found and metric.id not in found:
        why = text(
            "pilots.missing.metrics",
            "Metrics were delivered that are called {found}, none is called {wanted}; use one name in files and settings.",
            found=_listed(found),
            wanted=named(metric.id),
        )
        return NotMeasured(name, what, why=why)
    if tally is not None:
        if not found:
            why = text(
                "pilots.missing.none_yet",
                "No outcome of the pilot is dated up to {day}; those dated later are set aside.",
                day=day(tables.period.end),
            )
            return NotMeasured(name, what, ("outcomes.value",), why)
        why = text("pilots.missing.values", "No unit of the assignment has a value: the outcomes hold other units, or none.")
        return NotMeasured(name, what, ("outcomes.value",), why)
    if metric.kind == "quantile":
        why = text(
            "pilots.missing.summary_quantile",
            "No quantile can be told from a mean and a variance; deliver the units themselves.",
        )
        return NotMeasured(name, what, why=why)
    if metric.kind == "ratio":
        why = text(
            "pilots.missing.summary_ratio",
            "A ratio needs mean and variance of {metric} and of {below} over the same units of each arm, and the covariance of "
            "both, to date (not day by day).",
            metric=named(metric.id),
            below=named(metric.denominator or ""),
        )
        return NotMeasured(name, what, ("pilot_summaries.mean", "pilot_summaries.variance", "pilot_summaries.covariance"), why)
    wanted = "successes" if metric.kind == "proportion" else "variance"
    return NotMeasured(name, what, ("pilot_summaries.n", "pilot_summaries.mean", f"pilot_summaries.{wanted}"))


def delivered_pilots(tables: Tables) -> pd.DataFrame:
    """Pilots that units or summaries were delivered of: columns pilot and units (0 where only summaries were); sorted."""
    return tables.sql(
        """select pilot, max(units) as units from (
               select pilot, count(distinct unit_id) as units from assignments where pilot is not null group by pilot
               union all select distinct pilot, 0 from pilot_summaries where pilot is not null)
           group by pilot order by pilot"""
    )


def without_card(tables: Tables, settings: Settings) -> Paragraph | None:
    """What was delivered and no card names, so that nobody judges it; None where there is none."""
    lost = _without_card(tables, settings)
    if lost.empty:
        return None
    words = text(
        "pilots.uncarded",
        "Delivered and not judged, since the settings have no card of that name under pilots: {pilots}.",
        pilots=joined(
            [
                text("pilots.uncarded.one", "{pilot} ({n} units)", pilot=named(row["pilot"]), n=count(int(row["units"])))
                for row in lost.head(MOST).to_dict("records")
            ]
        ),
    )
    return Paragraph("pilots.uncarded", words, "limits")


def _without_card(tables: Tables, settings: Settings) -> pd.DataFrame:
    delivered = delivered_pilots(tables)
    return delivered[~delivered["pilot"].isin({pilot.id for pilot in settings.pilots})]


def _listed(names: list[str]) -> Text:
    return joined([named(name) for name in names[:MOST]])

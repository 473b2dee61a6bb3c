"""The gates one by one: what must hold of a pilot's data before its effect may be seen (row P2)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from workbook.language import Text, count, named, number, points, share, text
from workbook.pilots.card import Binding, item_name
from workbook.pilots.card import Difference as CardDifference
from workbook.pilots.comparison import standardised, welch
from workbook.pilots.drawn import Drawn
from workbook.pilots.moments import Moments
from workbook.pilots.outcomes import LARGEST
from workbook.pilots.samples import VALUE, FrameSample, Sample, sample_of
from workbook.pilots.units import money_before
from workbook.settings.models import Metric, Pilot
from workbook.tables import Tables

SMALLEST_P = 0.001
"""A gate is red below this: a sound pilot meets it once in a thousand (Fabijan et al. 2019, KDD, on sample ratios)."""
DOUBTED_P = 0.01
"""Sizes of the arms that are seldomer than this are doubted, though nothing is hidden."""
LARGEST_FAULTY = 0.01
"""Share of units in two arms, or exposed before they were assigned, above which a gate is red."""
LONGEST_LEAD = 92
"""Days before the start on which units may be drawn: the draw of one quarter is the pilot of the next."""
MANY_MISSING = 0.05
"""Share of missing outcomes above which a result is no longer called sound."""

CHECKS: Mapping[str, Text] = {
    "card": text("pilots.check.card", "Card as it was fixed"),
    "assigned": text("pilots.check.assigned", "Units assigned to every arm"),
    "sample_ratio": text("pilots.check.sample_ratio", "Sample ratio"),
    "arrivals": text("pilots.check.arrivals", "Sample ratio day by day"),
    "two_arms": text("pilots.check.two_arms", "Units in two arms"),
    "exposure": text("pilots.check.exposure", "Exposed before assigned or started"),
    "clusters": text("pilots.check.clusters", "Clusters drawn whole"),
    "dates": text("pilots.check.dates", "Drawn and measured within the pilot"),
    "summaries": text("pilots.check.summaries", "Summaries are possible"),
    "duplicates": text("pilots.check.duplicates", "One outcome a unit"),
    "missing": text("pilots.check.missing", "Missing outcomes by arm"),
    "strata": text("pilots.check.strata", "Strata alike in every arm"),
    "whole_clusters": text("pilots.check.whole_clusters", "Customers, not clusters, were drawn"),
    "amounts": text("pilots.check.amounts", "Amounts are in the unit of the orders"),
    "scale": text("pilots.check.scale", "One unit of measure in every arm"),
    "possible": text("pilots.check.possible", "Outcomes are possible"),
    "balance": text("pilots.check.balance", "Balance before the pilot"),
    "before": text("pilots.check.before", "Other metrics before the pilot (A/A)"),
}


@dataclass(frozen=True)
class Check:
    """One check of one pilot.

    Attributes:
        check: a name in :data:`CHECKS`; ``missing.<metric>`` for the outcomes of a metric.
        statistic: chi-square, share or standardised difference, as the check has it.
        p: probability of so much by chance, where the check is a test.
        passed: False shuts the gate.
        words: what was found.
    """

    pilot: str
    check: str
    statistic: float | None
    p: float | None
    passed: bool
    words: Text

    @property
    def name(self) -> Text:
        """What readers call the check."""
        return CHECKS[self.check.partition(".")[0]]


def card(pilot: Pilot, differences: Sequence[CardDifference], fixed: Binding | None) -> Check:
    """Whether the settings still say what was fixed before the start."""
    if not differences:
        match fixed:
            case "accepted":
                words = text("pilots.found.card", "as it was accepted")
            case "published":
                words = text("pilots.found.card_published", "as in the period before, not accepted yet")
            case _:
                words = text("pilots.found.no_card", "not accepted yet")
        return Check(pilot.id, "card", 0.0, None, True, words)
    first = differences[0]
    words = text(
        "pilots.found.card_changed",
        "items that differ: {n}; {item}: fixed {before}, now {now}",
        n=count(len(differences)),
        item=item_name(first.item, pilot),
        before=first.fixed,
        now=first.found,
    )
    return Check(pilot.id, "card", float(len(differences)), None, False, words)


def assigned(pilot: Pilot, arms: pd.Series) -> Check:
    """Whether every arm of the card has units, and no other has.

    Args:
        arms: arm → number of units drawn.
    """
    strange = sorted(set(arms.index) - set(pilot.arms))
    empty = [arm for arm in pilot.arms if arm not in arms.index]
    if strange:
        words = text("pilots.found.strange", "arms that the settings do not name: {arms}", arms=", ".join(strange))
    elif empty:
        words = text("pilots.found.empty", "no unit in: {arms}", arms=", ".join(empty))
    else:
        words = text("pilots.found.assigned", "{n} units in {arms} arms", n=count(int(arms.sum())), arms=count(len(arms)))
    return Check(pilot.id, "assigned", float(arms.sum()), None, not strange and not empty, words)


def sample_ratio(pilot: Pilot, arms: pd.Series) -> Check:
    """Pearson's chi-square of the units drawn into each arm against the shares that the card fixed."""
    seen = arms.reindex(list(pilot.arms), fill_value=0).to_numpy(float)
    expected = seen.sum() * _shares(pilot)
    if seen.sum() == 0 or len(seen) < 2:
        words = text("pilots.found.one_arm", "fewer than two arms")
        return Check(pilot.id, "sample_ratio", None, None, False, words)
    statistic = float(((seen - expected) ** 2 / expected).sum())
    p = float(stats.chi2.sf(statistic, len(seen) - 1))
    words = text("pilots.found.ratio", "{counts} units", counts=" / ".join(f"{int(n):,}" for n in seen))
    return Check(pilot.id, "sample_ratio", statistic, p, p >= SMALLEST_P, words)


def arrivals(pilot: Pilot, by_day: pd.DataFrame) -> Check | None:
    """Whether the split strayed from the plan on any day so far, at a limit that holds however often one looks.

    Args:
        by_day: rows days in order, columns arms, cells units drawn on that day.

    Returns:
        None where all were drawn on one day. The p is 1 over the largest Bayes factor of any split (Dirichlet) against that of
        the card. Source: Lindon & Malek (2022), Anytime-valid inference for multinomial count data, NeurIPS.
    """
    seen = by_day.reindex(columns=list(pilot.arms), fill_value=0).fillna(0).to_numpy(float).cumsum(axis=0)
    if len(seen) < 2 or seen[-1].sum() == 0:
        return None
    evidence = float(split_evidence(seen, _shares(pilot)).max())
    p = min(1.0, math.exp(-max(evidence, 0.0)))
    factor = math.exp(min(evidence, 700.0))  # what is larger does not fit into a number
    words = text("pilots.found.arrivals", "{days} days of arrivals", days=count(len(seen)))
    return Check(pilot.id, "arrivals", factor, p, p >= SMALLEST_P, words)


def split_evidence(seen: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log Bayes factor of a split other than planned, for cumulated counts (rows: days, columns: arms)."""
    prior = 100 * shares
    total, n = prior.sum(), seen.sum(axis=1)
    other = special.gammaln(total) - special.gammaln(total + n)
    other += (special.gammaln(prior + seen) - special.gammaln(prior)).sum(axis=1)
    return np.asarray(other - seen @ np.log(shares))


def two_arms(pilot: Pilot, drawn: Drawn) -> Check:
    """Share of units, or of customers, that stand in more than one arm."""
    faulty = drawn.doubled / drawn.units
    words = text("pilots.found.doubled", "{n} units, left out of the effect", n=count(drawn.doubled))
    return Check(pilot.id, "two_arms", faulty, None, faulty <= LARGEST_FAULTY, words)


def clusters(pilot: Pilot, drawn: Drawn) -> Check:
    """Whether every unit has a cluster and every cluster stands in one arm."""
    split = int((drawn.clusters["arms"] > 1).sum())
    words = text(
        "pilots.found.clusters",
        "{n} clusters, {split} of them in two arms; {lost} units without a cluster",
        n=count(len(drawn.clusters)),
        split=count(split),
        lost=count(drawn.unclustered),
    )
    whole = not split and not drawn.unclustered
    return Check(pilot.id, "clusters", float(len(drawn.clusters)), None, whole, words)


def dates(tables: Tables, pilot: Pilot) -> Check | None:
    """The larger of two shares: outcomes measured on a day outside the pilot or before their unit was drawn, and units drawn
    too early or after its end. What was measured before the first day of a unit that was measured later too is its history.

    Returns:
        None where no date was delivered.
    """
    (row,) = tables.sql(
        """with measured as (select measured_at, unit_id, metric from outcomes where pilot = $name and measured_at is not null),
                early as (select distinct unit_id from measured where measured_at < $first_day),
                drawn as (select assigned_at from assignments where pilot = $name and assigned_at is not null),
                first_drawn as (select unit_id, min(assigned_at) as assigned_at from assignments
                                where pilot = $name and unit_id is not null and assigned_at > $first_day group by unit_id)
           select (select count(*) from measured) as measured, (select count(*) from drawn) as drawn,
                  (select coalesce(sum(n), 0)
                   from (select count(*) as n from measured where unit_id in (select unit_id from early)
                         group by unit_id, metric having max(measured_at) < $first_day)) as before,
                  (select count(*) from measured m join first_drawn d using (unit_id)
                   where m.measured_at >= $first_day and m.measured_at < d.assigned_at) as undrawn,
                  (select count(*) from measured where measured_at > $last_day) as after,
                  (select count(*) from drawn where assigned_at < $first_day - $lead * interval 1 day) as early,
                  (select count(*) from drawn where assigned_at > $last_day) as late""",
        name=pilot.id,
        first_day=pilot.starts,
        last_day=pilot.extended_to or pilot.ends,
        lead=LONGEST_LEAD,
    ).to_dict("records")
    if not row["measured"] and not row["drawn"]:
        return None
    before, after, undrawn, early, late = (int(row[key]) for key in ("before", "after", "undrawn", "early", "late"))
    faulty = max((before + after + undrawn) / max(int(row["measured"]), 1), (early + late) / max(int(row["drawn"]), 1))
    if not faulty:
        within = text("pilots.found.dates_within", "all {n} dates", n=count(int(row["measured"]) + int(row["drawn"])))
        return Check(pilot.id, "dates", 0.0, None, True, within)
    words = text(
        "pilots.found.dates",
        "outcomes measured before the first day: {before}, before their unit was drawn: {undrawn}, after the last: {after}; "
        "units drawn over {lead} days before the first: {early}, after the last: {late}",
        before=count(before),
        undrawn=count(undrawn),
        after=count(after),
        lead=count(LONGEST_LEAD),
        early=count(early),
        late=count(late),
    )
    return Check(pilot.id, "dates", faulty, None, faulty <= LARGEST_FAULTY, words)


def summaries(tables: Tables, pilot: Pilot) -> Check:
    """Whether every delivered summary can be: a number of units that grows from look to look (unless each tells of its own days
    alone), successes among them, a variance not below zero, a mean of a size that can be measured, a look not before the pilot,
    and one row an arm, metric and look."""
    (row,) = tables.sql(
        """select count(*) as rows, count(*) filter (where n is null or n <= 0) as empty,
                  count(*) filter (where successes < 0 or successes > n
                                   or (list_contains($shares, metric) and (mean < 0 or mean > 1))) as beyond,
                  count(*) filter (where variance < 0 or abs(mean) > $largest or variance > $largest
                                   or isnan(mean) or isnan(variance)) as odd,
                  count(*) filter (where looked_at < $first_day) as early
           from pilot_summaries where pilot = $name""",
        name=pilot.id,
        first_day=pilot.starts,
        largest=LARGEST,
        shares=[metric.id for metric in pilot.metrics if metric.kind == "proportion" and metric.scale == 1],
    ).to_dict("records")
    (more,) = tables.sql(
        """with looks as (select arm, metric, looked_at, n,
                               lag(n) over (partition by arm, metric order by looked_at, n) as before,
                               count(*) over (partition by arm, metric, looked_at) as same
                        from pilot_summaries where pilot = $name)
           select count(*) filter (where same > 1) as several, count(*) filter (where n < before) as falling from looks""",
        name=pilot.id,
    ).to_dict("records")
    to_date = pilot.summaries == "to_date"
    several, falling = (int(more[key]) if to_date else 0 for key in ("several", "falling"))
    empty, beyond, odd, early = (int(row[key]) for key in ("empty", "beyond", "odd", "early"))
    words = text(
        "pilots.found.summaries",
        "{rows} rows; without units: {empty}; successes or shares that cannot be: {beyond}; means or variances that cannot be: "
        "{odd}; looked at before the first day: {early}",
        rows=count(int(row["rows"])),
        empty=count(empty),
        beyond=count(beyond),
        odd=count(odd),
        early=count(early),
    )
    if several:
        words = text(
            "pilots.found.summaries_several",
            "{words}; several rows of one arm, metric and look: {n}",
            words=words,
            n=count(several),
        )
    if falling:
        words = text(
            "pilots.found.summaries_falling",
            "{words}; fewer units than at the look before: {n}; where each row tells of its own days alone, say summaries: "
            "daily",
            words=words,
            n=count(falling),
        )
    faulty = empty + beyond + odd + early + falling + several
    return Check(pilot.id, "summaries", float(faulty), None, faulty == 0, words)


def duplicates(tables: Tables, pilot: Pilot) -> Check | None:
    """Share of units and metrics with several outcomes that differ; the latest one counts. Several days are several outcomes,
    unless they lie before the pilot or the card takes the mean of all."""
    (row,) = tables.sql(
        """select count(*) as pairs, count(*) filter (where different) as doubled
           from (select unit_id, metric, bool_or(different) as different
                 from (select unit_id, metric, min(value) is distinct from max(value) as different from outcomes
                       where pilot = $name and unit_id is not null
                       group by unit_id, metric,
                                case when list_contains($mean, metric) or measured_at < $first_day then measured_at end)
                 group by unit_id, metric)""",
        name=pilot.id,
        first_day=pilot.starts,
        mean=[metric.id for metric in pilot.metrics if metric.repeats == "mean"],
    ).to_dict("records")
    if not row["pairs"]:
        return None
    faulty = int(row["doubled"]) / int(row["pairs"])
    words = text("pilots.found.duplicates", "{n} with several that differ; the latest counts", n=count(int(row["doubled"])))
    return Check(pilot.id, "duplicates", faulty, None, faulty <= LARGEST_FAULTY, words)


def exposure(pilot: Pilot, drawn: Drawn) -> Check:
    """Share of units that met the measure before they were drawn, or before the pilot began."""
    faulty = drawn.early / max(drawn.kept, 1)
    words = text("pilots.found.early", "{n} units", n=count(drawn.early))
    return Check(pilot.id, "exposure", faulty, None, faulty <= LARGEST_FAULTY, words)


def missing(pilot: Pilot, metric: Metric, sample: Sample, doubts: list[Text], *, ended: bool) -> Check | None:
    """Whether missing outcomes differ by arm; None where the metric has no outcome at all (it is not measured then).

    Args:
        sample: the metric of all units drawn.
        doubts: gets a sentence where many are missing at the end; before it, outcomes are simply still to come.
    """
    tally = sample.tally()
    units, gone = int(tally["units"].sum()), int(tally["missing"].sum())
    if units == gone:
        return None
    by_arm = tally.reindex([arm for arm in pilot.arms if arm in tally.index])
    rates = by_arm["missing"] / by_arm["units"]
    if ended and gone / units > MANY_MISSING:
        doubts.append(
            text(
                "pilots.doubt.missing",
                "{part} of the outcomes of {metric} are missing",
                part=share(gone / units),
                metric=named(metric.name),
            )
        )
    p = 1.0
    if gone and len(by_arm) > 1:
        if pilot.unit == "cluster":
            p = _smallest_p(pilot, FrameSample(sample.lost_by_cluster()))[0]
        elif by_arm["missing"].any():
            table = np.array([by_arm["missing"], by_arm["units"] - by_arm["missing"]])
            p = float(stats.chi2_contingency(table, correction=False).pvalue)
    words = text(
        "pilots.found.missing",
        "{metric}: {n} missing, {apart} between arms",
        metric=named(metric.name),
        n=count(gone),
        apart=points(float(rates.max() - rates.min())),
    )
    undefined = int(tally["undefined"].sum())
    if undefined:
        words = text(
            "pilots.found.undefined",
            "{words}; of {n} of them the expression divides zero by zero",
            words=words,
            n=count(undefined),
        )
    return Check(pilot.id, f"missing.{metric.id}", float(rates.max() - rates.min()), p, p >= SMALLEST_P, words)


def balance(tables: Tables, pilot: Pilot, sample: Sample) -> Check | None:
    """The primary metric before the pilot (or, where it was not delivered, the year's revenue before it) between the arms.

    Args:
        sample: the primary metric.
    """
    earlier = sample.earlier()
    tally = earlier.tally()
    if (tally["units"] == tally["missing"]).all():
        if tables.lacks("orders.customer_id", "orders.amount", "assignments.customer_id"):
            return None
        earlier = sample_of(tables, pilot, money_before(pilot), ("value",))
        if earlier.top([*pilot.arms], 0.5) is None:
            return None
    control, *others = _moments(pilot, _drawn_one_by_one(pilot, earlier))
    sizes = [abs(d) for other in others if (d := standardised(control, other)) is not None]
    p, tested = _smallest_p(pilot, _drawn_one_by_one(pilot, earlier))
    if not sizes or not tested:
        return None
    words = text("pilots.found.balance", "largest standardised difference {size}", size=number(max(sizes), 3))
    return Check(pilot.id, "balance", max(sizes), p, p >= SMALLEST_P, words)


def before(pilot: Pilot, samples: Mapping[str, Sample]) -> Check | None:
    """The pilot worked out on what its other metrics were before it, when nothing can have worked yet: an A/A comparison.

    The primary metric is the one of :func:`balance`.

    Args:
        samples: metric → its sample.

    Returns:
        None where no metric was delivered from before. The p is the smallest of all arms and metrics times their number.
    """
    smallest, tested = 1.0, 0
    for metric, sample in samples.items():
        if metric == pilot.metrics[0].id:
            continue
        p, n = _smallest_p(pilot, _drawn_one_by_one(pilot, sample.earlier()))
        smallest, tested = min(smallest, p / max(n, 1)), tested + n
    if not tested:
        return None
    p = min(1.0, smallest * tested)
    words = text("pilots.found.before", "comparisons of the time before: {n}", n=count(tested))
    return Check(pilot.id, "before", smallest, p, p >= SMALLEST_P, words)


def _shares(pilot: Pilot) -> NDArray[np.float64]:
    shares = np.array(list(pilot.arms.values()))
    return np.asarray(shares / shares.sum())


def _drawn_one_by_one(pilot: Pilot, sample: Sample) -> Sample:
    """Units, or the means of clusters."""
    return sample if pilot.unit == "customer" else sample.clusters()


def _moments(pilot: Pilot, sample: Sample) -> list[Moments]:
    return [sample.moments(arm, VALUE) for arm in pilot.arms]


def _smallest_p(pilot: Pilot, sample: Sample) -> tuple[float, int]:
    """The smallest p of any arm against the control times the number of arms tested, and that number."""
    control, *others = _moments(pilot, sample)
    tests = [t.p for other in others if (t := welch(control, other)) is not None and t.p is not None]
    return (min(1.0, min(tests) * len(tests)) if tests else 1.0), len(tests)

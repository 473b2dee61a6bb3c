"""The next pilot: who takes part and in which arm, drawn by a hash and a seed, with its balance and its power (row P1)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbook.errors import WorkbookError
from workbook.language import Quantity, Text, Unit, count, joined, named, number, points, share, text
from workbook.pilots.clusters import FEWEST_CLUSTERS
from workbook.pilots.comparison import standardised_difference
from workbook.pilots.design_clusters import clusters_table, detectable, draw_clusters, way_of
from workbook.pilots.draws import balanced_draw, hashes
from workbook.pilots.power import clustering_blocks, clusterings, detectable_mean, detectable_proportion, ratio_spread
from workbook.pilots.units import arm_name, meeting, purpose_name, with_scores
from workbook.report.blocks import Block, Column, NotMeasured, Paragraph, Sheet, Table
from workbook.settings.models import NextPilot, Settings

BALANCED = 0.1
"""Standardised difference below which a covariate counts as balanced (Austin 2009)."""

FAR = 0.25
"""Standardised difference from which on few clusters are not called even, though chance alone may make it (Rubin 2001)."""

COVARIATES: Mapping[str, tuple[Text, Unit]] = {
    "revenue": (text("pilots.covariate.revenue", "Revenue in the window"), "money"),
    "orders": (text("pilots.covariate.orders", "Orders in the window"), "number"),
    "revenue_period": (text("pilots.covariate.revenue_period", "Revenue of the period"), "money"),
    "recency_days": (text("pilots.covariate.recency_days", "Days since last order"), "days"),
    "tenure_days": (text("pilots.covariate.tenure_days", "Days as a customer"), "days"),
    "score": (text("pilots.covariate.score", "Score"), "score"),
}
"""Columns of profile and scores whose balance is shown, where they are there."""


@dataclass(frozen=True)
class Unplanned:
    """Nothing is there to plan, which another exhibit says: shows nothing and writes nothing.

    Attributes:
        frame: an empty frame with the columns of the plan.
        what: what would have been planned.
    """

    frame: pd.DataFrame
    what: Text

    def blocks(self) -> tuple[Block, ...]:
        """Nothing."""
        return ()

    def sheet(self) -> NotMeasured:
        """No file."""
        return NotMeasured("pilots.unplanned", self.what)


_NO_TEXT = text("pilots.assignment.none", "No customer could be drawn for the next pilot")


@dataclass(frozen=True)
class Assignment:
    """Who takes part in the next pilot.

    Attributes:
        frame: columns pilot, customer_id, stratum, arm; sorted by customer. ``stratum`` holds the values of the strata columns
            parted by "|". Where clusters were drawn it has a column cluster too.
        people: the profile of those drawn, with their arm.
        eligible: customers that meet the condition, consent aside.
        blocked: of these, those without consent for the purpose.
        beyond: those left out because the pilot has a largest size.
        pilot: the pilot as planned.
        settings: the parameters.
        reason: why nobody was drawn; None where somebody was.
        draw: which draw was kept; above 1 only where the settings ask for balance.
        drawn_clusters: one row a cluster with the means of its customers and its arm; None where single customers were drawn.
    """

    frame: pd.DataFrame
    people: pd.DataFrame
    eligible: int
    blocked: int
    beyond: int
    pilot: NextPilot
    settings: Settings
    reason: NotMeasured | None = None
    draw: int = 1
    drawn_clusters: pd.DataFrame | None = None

    @property
    def artefact(self) -> pd.DataFrame | NotMeasured:
        """What is saved under ``assignment``."""
        return self.frame if self.reason is None else self.reason

    def table(self) -> Table | NotMeasured:
        """Customers in each stratum and arm, or clusters and their customers."""
        if self.reason is not None:
            return self.reason
        if self.drawn_clusters is not None:
            told = (self.eligible, self.blocked, self.beyond)
            return clusters_table(self.drawn_clusters, self.settings, *told)
        counts = pd.crosstab(self.frame["stratum"], self.frame["arm"]).reindex(columns=list(self.pilot.arms), fill_value=0)
        order = counts.sum(axis=1).sort_values(ascending=False, kind="stable").index
        tiers = {tier.id: named(tier.name) for tier in self.settings.grading.tiers}
        rows: list[dict[str, object]] = [
            {"stratum": joined([tiers.get(part, named(part)) for part in str(stratum).split("|")]), **counts.loc[stratum]}
            for stratum in order
        ]
        title = text(
            "pilots.assignment.title",
            "{pilot}: {n} customers drawn into {arms} arms",
            pilot=named(self.pilot.name),
            n=count(len(self.frame)),
            arms=count(len(self.pilot.arms)),
        )
        note = text(
            "pilots.assignment.note",
            "{eligible} customers meet the condition; {blocked} of them have not granted the purpose “{purpose}” and are left "
            "out; {beyond} are beyond the largest size. Drawn within strata by a hash of customer and seed {seed}: anybody can "
            "repeat it.",
            eligible=count(self.eligible),
            blocked=count(self.blocked),
            purpose=purpose_name(self.pilot.purpose),
            beyond=count(self.beyond),
            seed=str(self.settings.seed),
        )
        columns = (
            Column("stratum", text("pilots.head.stratum", "Stratum")),
            *(Column(arm, arm_name(arm), "count") for arm in self.pilot.arms),
        )
        return Table("pilots.assignment", title, columns, pd.DataFrame(rows), note, artefact="assignment")

    def balance(self) -> pd.DataFrame:
        """Columns covariate, arm, control, treated, smd, chance: standardised differences of what was known before, and the
        size that chance alone stays below 19 times in 20; of the means of clusters where those were drawn."""
        control, *arms = self.pilot.arms
        rows = []
        people = self.people if self.drawn_clusters is None else self.drawn_clusters
        for covariate in [c for c in COVARIATES if c in people.columns]:
            values = pd.to_numeric(people[covariate], errors="coerce").to_numpy("float64")
            arm_of = people["arm"].to_numpy()
            base = values[(arm_of == control) & ~np.isnan(values)]
            for arm in arms:
                other = values[(arm_of == arm) & ~np.isnan(values)]
                smd = standardised_difference(base, other)
                if smd is not None:
                    chance = 1.96 * math.sqrt(1 / len(base) + 1 / len(other))
                    rows.append((covariate, arm, float(base.mean()), float(other.mean()), smd, chance))
        return pd.DataFrame(rows, columns=["covariate", "arm", "control", "treated", "smd", "chance"])

    def balance_table(self) -> Table | NotMeasured:
        """How alike the arms are in what was known before the pilot."""
        frame = self.balance()
        if self.reason is not None or frame.empty:
            return NotMeasured("pilots.balance", text("pilots.balance.none", "Balance of the arms"),
                               why=text("pilots.balance.few", "Fewer than two customers stand in an arm."))  # fmt: skip
        rows: list[dict[str, object]] = []
        for row in frame.to_dict("records"):
            name, unit = COVARIATES[row["covariate"]]
            rows.append(
                {
                    "covariate": name,
                    "arm": arm_name(row["arm"]),
                    "control": Quantity(row["control"], unit),
                    "treated": Quantity(row["treated"], unit),
                    "smd": row["smd"],
                    "words": _balance_words(abs(row["smd"]), row["chance"]),
                }
            )
        uneven = int((frame["smd"].abs() >= np.maximum(frame["chance"].astype(float), BALANCED)).sum())
        title = (
            text("pilots.balance.title", "The arms are even in all {n} comparisons", n=count(len(frame)))
            if uneven == 0
            else text(
                "pilots.balance.title_uneven",
                "The arms are uneven in {n} of {all} comparisons",
                n=count(uneven),
                all=count(len(frame)),
            )
        )
        largest = float(frame["smd"].abs().max())
        if self.drawn_clusters is not None and uneven == 0 and largest >= FAR:
            title = text(
                "pilots.balance.title_chance",
                "The arms differ by up to {size} standard deviations, as chance alone may",
                size=number(largest, 2),
            )
        note = text(
            "pilots.balance.note",
            "Standardised difference: difference of means over the pooled standard deviation, arm less control; below {limit} "
            "counts as alike. {n} customers.",
            limit=number(BALANCED, 1),
            n=count(len(self.frame)),
        )
        if self.pilot.balance is not None:
            note = text(
                "pilots.balance.redrawn",
                "{note} Draw {draw} was kept: the arms are as close (Mahalanobis) as in the best {share} of all draws.",
                note=note,
                draw=count(self.draw),
                share=share(self.pilot.balance, 0),
            )
        columns = (
            Column("covariate", text("pilots.head.covariate", "Known before")),
            Column("arm", text("pilots.head.arm", "Arm")),
            Column("control", text("pilots.head.control", "Control"), "number"),
            Column("treated", text("pilots.head.treated", "With measure"), "number"),
            Column("smd", text("pilots.head.smd", "Standardised difference"), "number", digits=3),
            Column("words", text("pilots.head.status", "Status")),
        )
        return Table("pilots.balance", title, columns, pd.DataFrame(rows, dtype=object), note)

    def power(self) -> pd.DataFrame:
        """Columns metric, arm, n_control, n_arm, level, detectable: the smallest difference that the drawn numbers find with
        the wanted power, for revenue, for the share that buys and for revenue over orders, all of a period."""
        control, *arms = self.pilot.arms
        if self.frame.empty or not {"revenue_period", "orders_period"} <= set(self.people.columns):
            return pd.DataFrame(columns=["metric", "arm", "n_control", "n_arm", "level", "detectable"])
        revenue = self.people["revenue_period"].astype("float64").fillna(0.0)
        orders = self.people["orders_period"].astype("float64").fillna(0.0)
        buys = float((orders > 0).mean())
        scatter = ratio_spread(np.asarray(revenue, np.float64), np.asarray(orders, np.float64))
        sizes = self.frame["arm"].value_counts()
        confidence, wanted = self.settings.analysis.confidence, self.pilot.power
        rows = []
        if self.drawn_clusters is not None:
            of_clusters = self.drawn_clusters["arm"].value_counts()
            level = float(self.drawn_clusters["revenue_period"].mean())
            for arm in arms:
                least = detectable(self.drawn_clusters, "revenue_period", control, arm, confidence, wanted)
                rows.append(("revenue", arm, int(of_clusters[control]), int(of_clusters[arm]), level, least))
            return pd.DataFrame(rows, columns=["metric", "arm", "n_control", "n_arm", "level", "detectable"])
        for arm in arms:
            n0, n1 = int(sizes.get(control, 0)), int(sizes.get(arm, 0))
            if n0 < 2 or n1 < 2:
                continue
            spread = float(revenue.std(ddof=1))
            rows.append(("revenue", arm, n0, n1, float(revenue.mean()), detectable_mean(spread, n0, n1, confidence, wanted)))
            rows.append(("buyers", arm, n0, n1, buys, detectable_proportion(buys, n0, n1, confidence, wanted)))
            if math.isfinite(scatter):
                level = float(revenue.sum() / orders.sum())
                rows.append(("average_order", arm, n0, n1, level, detectable_mean(scatter, n0, n1, confidence, wanted)))
        return pd.DataFrame(rows, columns=["metric", "arm", "n_control", "n_arm", "level", "detectable"])

    def power_table(self) -> Table | NotMeasured:
        """What the pilot can find, before it starts."""
        frame = self.power()
        if frame.empty:
            return NotMeasured("pilots.power", text("pilots.power.none", "Power of the next pilot"),
                               ("orders.amount", "orders.customer_id"))  # fmt: skip
        rows: list[dict[str, object]] = []
        for row in frame.to_dict("records"):
            money_row = row["metric"] != "buyers"
            level, least = row["level"], row["detectable"]
            rows.append(
                {
                    "metric": _POWER_METRICS[row["metric"]],
                    "arm": arm_name(row["arm"]),
                    "n": text("pilots.n", "{control} / {arm}", control=count(row["n_control"]), arm=count(row["n_arm"])),
                    "level": Quantity(level, "money") if money_row else share(level, 1),
                    "detectable": Quantity(least, "money") if money_row else points(least),
                    "relative": least / level if level else None,
                }
            )
        first = frame.iloc[0].to_dict()
        title = text(
            "pilots.power.title",
            "The next pilot can find a difference of {amount} a customer",
            amount=Quantity(first["detectable"], "money"),
        )
        note = text(
            "pilots.power.note",
            "Smallest true difference that is found with power {power} at {level} confidence, from the numbers drawn and from "
            "the customers' own figures in this period. Smaller effects will mostly read “no clear difference yet”.",
            power=share(self.pilot.power),
            level=share(self.settings.analysis.confidence),
        )
        if self.drawn_clusters is not None:
            note = text("pilots.power.note_clusters", "{note} n counts clusters, whose means are compared (Student's t).",
                        note=note)  # fmt: skip
        columns = (
            Column("metric", text("pilots.head.metric", "Metric")),
            Column("arm", text("pilots.head.arm", "Arm")),
            Column("n", text("pilots.head.n", "n (control / arm)"), "number"),
            Column("level", text("pilots.head.level", "Level today"), "number"),
            Column("detectable", text("pilots.head.detectable", "Smallest difference found"), "number"),
            Column("relative", text("pilots.head.relative", "As a share of the level"), "share"),
        )
        return Table("pilots.power", title, columns, pd.DataFrame(rows, dtype=object), note)

    def clusters(self) -> tuple[Block, ...]:
        """What the pilot could find if whole clusters were drawn, as table and picture; none where nobody is grouped."""
        control, first = list(self.pilot.arms.values())[:2]
        confidence, wanted, metric = self.settings.analysis.confidence, self.pilot.power, "revenue_period"
        if self.frame.empty or metric not in self.people.columns:
            return ()
        ways = clusterings(self.people, metric, control / (control + first), confidence, wanted)
        return clustering_blocks(ways, float(self.people[metric].astype(float).fillna(0.0).mean()), confidence, wanted)

    def paragraph(self) -> Paragraph | NotMeasured:
        """The pilot in one sentence."""
        if self.reason is not None:
            return self.reason
        words = text(
            "pilots.assignment.words",
            "{pilot} starts with {n} customers; {blocked} more meet the condition but have not granted the purpose.",
            pilot=named(self.pilot.name),
            n=count(len(self.frame)),
            blocked=count(self.blocked),
        )
        return Paragraph("pilots.assignment.words", words)

    def sheet(self) -> Sheet | NotMeasured:
        """The assignment as a file for those who run the pilot; arms and strata as the systems know them."""
        if self.reason is not None:
            return self.reason
        title = text("pilots.sheet.title", "{pilot}: who takes part", pilot=named(self.pilot.name))
        columns = (
            Column("pilot", text("pilots.head.pilot", "Pilot")),
            Column("customer_id", text("pilots.head.customer", "Customer")),
            Column("stratum", text("pilots.head.stratum", "Stratum")),
            Column("arm", text("pilots.head.arm", "Arm")),
            *((Column("cluster", text("pilots.rollout.head.cluster", "Cluster")),) if "cluster" in self.frame.columns else ()),
        )
        table = Table("pilots.sheet", title, columns, self.frame, artefact="assignment")
        return Sheet(text("pilots.sheet", "Pilot assignment"), table)

    def blocks(self) -> tuple[Block, ...]:
        """Tables of assignment, balance and power, by single draws and by clusters; one note where nobody could be drawn."""
        if self.reason is not None:
            return (self.reason,)
        return (self.table(), self.balance_table(), self.power_table(), *self.clusters())


_POWER_METRICS: Mapping[str, Text] = {
    "revenue": text("pilots.power.revenue", "Revenue a customer and period"),
    "buyers": text("pilots.power.buyers", "Share that buys in a period"),
    "average_order": text("pilots.power.average_order", "Revenue over orders (ratio)"),
}


def draw_assignment(
    profile: pd.DataFrame,
    scores: object,
    settings: Settings,
    *,
    allowed: Collection[str] | pd.DataFrame | None,
) -> Assignment:
    """Draw the next pilot: eligible by condition, consenting, within strata, repeatable from the seed.

    The order of the rows of *profile* has no influence: units are ordered by a hash of seed, pilot and customer.

    Args:
        profile: one row a customer.
        scores: the artefact ``scores`` (customer_id, score, tier); its tier takes the place of the client's own, which is then
            ``client_tier``. Anything but a frame (not measured) leaves the client's own tier.
        settings: ``next_pilot`` and the seed.
        allowed: customers that granted ``next_pilot.purpose``, as ids or as a frame with customer_id. None: no consents were
            delivered, so nobody may take part.

    Raises:
        WorkbookError: where the condition cannot be worked out or a strata column is not there.
    """
    pilot = settings.next_pilot
    people = with_scores(profile, scores)
    eligible = people[people["customer_id"].isin(meeting(people, pilot.groups, "next_pilot.groups"))]
    ids = allowed["customer_id"] if isinstance(allowed, pd.DataFrame) else list(allowed or ())
    granted = eligible[eligible["customer_id"].isin(ids)]
    blocked = len(eligible) - len(granted)
    if granted.empty:
        empty = pd.DataFrame(columns=["pilot", "customer_id", "stratum", "arm"], dtype="str")
        reason = _nobody(pilot, len(people), len(eligible), allowed is None)
        return Assignment(empty, granted.assign(arm=""), len(eligible), blocked, 0, pilot, settings, reason)
    if pilot.cluster is not None:
        return _of_clusters(granted, len(eligible), blocked, settings)
    drawn = granted.assign(
        stratum=strata_of(granted, pilot.strata, "next_pilot.strata"),
        draw=hashes(granted["customer_id"], f"{settings.seed}:{pilot.id}:")[0],
    )
    drawn = drawn.sort_values(["draw", "customer_id"], kind="stable")
    beyond = max(0, len(drawn) - pilot.largest) if pilot.largest else 0
    drawn = drawn.head(len(drawn) - beyond)
    strata = {s: hashlib.sha256(f"{settings.seed}:{pilot.id}:{s}".encode()).hexdigest() for s in drawn["stratum"].unique()}
    drawn = drawn.assign(place=drawn["stratum"].map(strata)).sort_values(["place", "draw", "customer_id"], kind="stable")
    drawn, attempt = balanced_draw(drawn, settings, list(COVARIATES))
    drawn = drawn.sort_values("customer_id", kind="stable")
    frame = drawn[["customer_id", "stratum", "arm"]].reset_index(drop=True)
    frame.insert(0, "pilot", pilot.id)
    people_drawn = drawn.drop(columns=["draw", "place"]).reset_index(drop=True)
    return Assignment(frame, people_drawn, len(eligible), blocked, beyond, pilot, settings, draw=attempt)


def _of_clusters(granted: pd.DataFrame, eligible: int, blocked: int, settings: Settings) -> Assignment:
    """The draw of whole clusters; why there is none where they are too few."""
    pilot = settings.next_pilot
    draw = draw_clusters(granted, settings, list(COVARIATES))
    if draw is None:
        empty = pd.DataFrame(columns=["pilot", "customer_id", "stratum", "arm", "cluster"], dtype="str")
        why = text(
            "pilots.assignment.few_clusters",
            "Fewer than {n} clusters can be drawn {way}: below {least} an arm no interval can be told.",
            n=count(FEWEST_CLUSTERS * len(pilot.arms)),
            way=way_of(str(pilot.cluster)),
            least=count(FEWEST_CLUSTERS),
        )
        reason = NotMeasured("pilots.assignment", _NO_TEXT, why=why)
        return Assignment(empty, granted.assign(arm=""), eligible, blocked, 0, pilot, settings, reason)
    frame = draw.people[["customer_id", "stratum", "arm", "cluster"]]
    frame = frame.assign(pilot=pilot.id)[["pilot", "customer_id", "stratum", "arm", "cluster"]]
    return Assignment(frame, draw.people, eligible, blocked, draw.beyond, pilot, settings, draw=draw.attempt,
                      drawn_clusters=draw.clusters)  # fmt: skip


def _balance_words(size: float, chance: float) -> Text:
    if size < BALANCED:
        return text("pilots.balance.alike", "alike")
    if size < chance:
        return text("pilots.balance.chance", "within chance")
    return text("pilots.balance.uneven", "uneven")


def strata_of(people: pd.DataFrame, names: Sequence[str], key: str) -> pd.Series:
    """The stratum of each customer: the values of its strata columns parted by "|".

    Raises:
        WorkbookError: where a column, of those under *key* of the settings, is not there.
    """
    unknown = [column for column in names if column not in people.columns]
    if unknown:
        raise WorkbookError(f"{key}: found {', '.join(unknown)}, expected columns of the profile: {', '.join(people.columns)}")
    if not names:
        return pd.Series("–", index=people.index)
    columns = [people[column].astype("object").where(people[column].notna(), "–").astype(str) for column in names]
    joined_columns = columns[0]
    for column in columns[1:]:
        joined_columns = joined_columns + "|" + column
    return joined_columns


def _nobody(pilot: NextPilot, everyone: int, eligible: int, undelivered: bool) -> NotMeasured:
    if not everyone:
        return NotMeasured("pilots.assignment", _NO_TEXT, ("customers.customer_id",))
    if eligible and undelivered:
        return NotMeasured("pilots.assignment", _NO_TEXT, ("consents.customer_id", "consents.purpose"))
    if eligible:
        why = text(
            "pilots.assignment.blocked",
            "{n} customers meet the condition, but none has granted the purpose “{purpose}”.",
            n=count(eligible),
            purpose=purpose_name(pilot.purpose),
        )
    else:
        why = text("pilots.assignment.nobody", "No customer meets the condition of next_pilot.groups.")
    return NotMeasured("pilots.assignment", _NO_TEXT, why=why)

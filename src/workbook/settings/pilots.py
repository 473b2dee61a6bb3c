"""Parameters of pilots: those that ran or run, and the one to start next."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from workbook.settings.section import Identifier, Name, Positive, Section, Share


def _fraction(value: object) -> object:
    """A fraction written as text, such as ``1/3``, as a number; anything else is left as it is."""
    if isinstance(value, str) and value.count("/") == 1:
        above, below = (part.strip() for part in value.split("/"))
        if above.isdecimal() and below.isdecimal() and int(below):
            return int(above) / int(below)
    return value


Weight = Annotated[float, BeforeValidator(_fraction, json_schema_input_type=float | str), Field(gt=0)]
"""A share or a weight: 0.5, 1/3 or 2."""


class Metric(Section):
    """What a pilot measures."""

    id: Identifier = Field(description="Short name of the metric.")
    name: Name = Field(description="The metric as readers see it.")
    kind: Literal["mean", "proportion", "ratio", "quantile"] = Field(
        "mean", description="Mean of a number, proportion of yes, ratio of two sums (with denominator), or quantile."
    )
    unit: Literal["money", "share", "number", "score", "hours"] = Field("number", description="Unit of the metric.")
    source: str = Field(
        "outcomes", description="'outcomes' (delivered), or SQL expression over the canonical tables for each customer."
    )
    denominator: str | None = Field(
        None, description="Of a ratio: the id of the delivered outcome that the metric's sum is divided by (orders, visits)."
    )
    quantile: float = Field(0.5, gt=0, lt=1, description="Of a quantile: which one; 0.5 is the median.")
    scale: Positive = Field(
        1, description="What delivered values are multiplied by to be in the unit: 0.01 for cents, or for percent of a share."
    )
    repeats: Literal["latest", "mean"] = Field(
        "latest", description="Of a unit measured on several days of the pilot: its latest outcome counts, or the mean of all."
    )
    better: Literal["higher", "lower"] = Field("higher", description="Which way is better.")
    margin: Positive = Field(description="Smallest worthwhile effect, in the metric's unit (0.02 = 2 points for a share).")
    guardrail: bool = Field(False, description="True for a metric that must not get worse by more than harm.")
    harm: Positive | None = Field(
        None, description="Of a guardrail: the worsening that must be ruled out, in the metric's unit; its margin by default."
    )
    cap: float = Field(
        0.99, gt=0.5, le=1, description="Quantile at which values are capped beside the plain mean; 1 caps nothing."
    )
    covariates: list[str] = Field(
        default_factory=list,
        description="SQL expressions over the canonical tables for what was known of each customer before the pilot.",
    )
    estimate: Literal["plain", "adjusted"] = Field(
        "plain", description="What the reading rests on: the plain difference, or the one adjusted by what was known before."
    )
    worth: Positive | None = Field(
        None, description="What one unit of the metric is worth a customer and year, in the currency; money is its own worth."
    )


class Rollout(Section):
    """How a measure is rolled out once its pilot says so: wave after wave by tier, some customers held out in each."""

    waves: list[list[Identifier]] = Field(
        default_factory=list,
        description="Tiers of each wave, in order. By default a wave a tier, the tier worth most a customer first.",
    )
    holdout: Share | None = Field(
        None,
        gt=0,
        le=0.5,
        description="Share held out in each wave; by default the smallest that finds the effect to plan with, 0.2 at most.",
    )
    power: Share = Field(0.8, description="Power with which those held out find that effect.")
    starts: dt.date | None = Field(
        None, description="First day of the first wave; by default the first Monday two weeks after the period."
    )
    days: int | None = Field(
        None,
        ge=1,
        description="Days from one wave to the next; by default as many as the pilot ran, so that each is read first.",
    )


class Change(Section):
    """What was changed of a measure while it was tried out, or after it, because of what was heard."""

    on: dt.date = Field(description="First day on which it was so.")
    what: Name = Field(description="What was changed and why, as readers see it.")


class Pilot(Section):
    """A pilot: fixed before it starts."""

    id: Identifier = Field(description="Short name of the pilot.")
    name: Name = Field(description="The pilot as readers see it.")
    measure: str = Field("", description="The measure that it tries out.")
    arms: dict[str, Weight] = Field(
        {"control": 0.5, "treatment": 0.5},
        description="Arm: its share of the units (0.5, 1/3) or its weight in whole numbers; the first arm is the control.",
    )
    factors: dict[str, list[str]] = Field(
        default_factory=dict,
        description="Of two measures tried out alone and together (2 × 2): each measure and the arms that have it, "
        "{letter: [letter, both], call: [call, both]}. Its effect and whether the two add up are then told too.",
    )
    unit: Literal["customer", "cluster"] = Field(
        "customer", description="What was drawn: single customers, or whole clusters (shops, regions; assignments.cluster)."
    )
    summaries: Literal["to_date", "daily"] = Field(
        "to_date",
        description="What a delivered summary tells of: all units up to its day (each is a look), or its own days alone; "
        "those are put together into one look.",
    )
    randomised: bool = Field(True, description="False where the client chose who gets it; no effect is claimed then.")
    starts: dt.date = Field(description="First day.")
    ends: dt.date = Field(description="Last day, as planned before the start.")
    extended_to: dt.date | None = Field(
        None, description="New last day where the pilot went on past its plan; the plan itself stays as it was."
    )
    metrics: list[Metric] = Field(min_length=1, description="The first is the primary metric.")
    groups: str | None = Field(None, description="SQL condition over the profile: the customers that take part.")
    strata: list[str] = Field(["tier"], description="Columns of the profile or tiers within which units are drawn evenly.")
    looks: int = Field(1, ge=1, le=100, description="Planned looks at the result, the last one included.")
    spending: Literal["obrien_fleming", "pocock"] = Field(
        "obrien_fleming",
        description="How planned looks share the error: late (O'Brien-Fleming type) or evenly (Pocock).",
    )
    units: int | None = Field(
        None, ge=4, description="Units with an outcome at the planned end; without it the calendar says how far the pilot is."
    )
    population: int | None = Field(None, ge=1, description="Customers who would get the measure when it is rolled out.")
    cost: float = Field(0, ge=0, description="Cost of the rolled-out measure a customer and year, in the currency.")
    arrivals: bool = Field(
        False, description="True where customers who come to meet the condition while it runs are drawn too, by a keyed hash."
    )
    purpose: str = Field(
        "marketing", description="Consent purpose that each customer of arrivals and roll-out must have granted."
    )
    changes: list[Change] = Field(
        default_factory=list,
        description="What was changed of the measure because of feedback. While the pilot ran it makes the result less sure.",
    )
    rollout: Rollout = Field(default_factory=Rollout, description="How it is rolled out, wave by wave.")


class NextPilot(Section):
    """The pilot to start next: who takes part is drawn in this run and written to a file."""

    id: Identifier = Field("next_pilot", description="Short name of the pilot.")
    name: Name = Field({"en": "Next pilot", "zh": "下一期试点"}, description="The pilot as readers see it.")
    groups: str | None = Field(None, description="SQL condition over the profile: the customers that may take part.")
    arms: dict[str, Weight] = Field(
        {"control": 0.5, "treatment": 0.5}, description="Arm: its share (0.5, 1/3) or its weight in whole numbers."
    )
    strata: list[str] = Field(["tier"], description="Columns of the profile within which customers are drawn evenly.")
    cluster: Literal["region", "industry", "size", "channel"] | None = Field(
        None, description="Column of the profile whose values are drawn whole, with all their customers; by default customers."
    )
    purpose: str = Field("marketing", description="Consent purpose that each customer must have granted.")
    balance: float | None = Field(
        None,
        ge=0.01,
        lt=1,
        description="Draw again until the arms are as alike in what was known before as in this share of all draws (0.1: the "
        "best tenth). One draw by default.",
    )
    power: Share = Field(0.8, description="Power wanted.")
    margin: Share = Field(0.1, gt=0, description="Smallest worthwhile difference of a metric, as a share of its level today.")
    largest: int | None = Field(None, ge=2, description="Most customers that may take part.")

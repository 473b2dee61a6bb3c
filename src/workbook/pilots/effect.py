"""One effect of one arm on one metric: its numbers, its state and its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbook.language import Quantity, Text, named, share, text
from workbook.pilots.comparison import Difference, Lift
from workbook.pilots.estimates import Estimate
from workbook.pilots.looks import Look
from workbook.pilots.units import arm_name
from workbook.pilots.verdicts import Guard, Verdict, guard_words, reading
from workbook.settings.models import Metric, Pilot

State = Verdict | Guard | Literal["hidden", "not_randomised", "no_interval"]
"""``hidden``: a check was not passed; ``not_randomised``: no effect is claimed; ``no_interval``: too few units, or no
variation. A guardrail has a state of its own kind."""

Role = Literal["primary", "secondary", "guardrail"]


@dataclass(frozen=True)
class Effect:
    """The effect of one arm on one metric.

    Attributes:
        found: both means, their difference and the interval that the look allows; effect and interval are kept back where
            ``state`` is ``hidden`` or ``not_randomised``. Where clusters were drawn, n counts clusters.
        missing_control, missing_arm: units whose outcome is missing; they are in no mean.
        sound: False where something is in doubt (see :class:`~workbook.pilots.checks.Checks`).
        look: which look it is and which interval that allows.
        role: ``primary`` decides, a ``guardrail`` must not get worse, anything else is ``secondary``.
        p_holm: p adjusted among the arms of the metric; ``q``: false-discovery rate among the secondary comparisons.
        lift: the effect over the control's level; None where that level is not surely above zero.
        ways: other ways of estimating it, the plain one first; of the primary metric only.
        stratum: the stratum of an exploratory part; None for the whole pilot.
    """

    pilot: Pilot
    metric: Metric
    arm: str
    found: Difference
    missing_control: int
    missing_arm: int
    state: State
    sound: bool
    look: Look
    role: Role
    p_holm: float | None = None
    q: float | None = None
    lift: Lift | None = None
    ways: tuple[Estimate, ...] = ()
    stratum: str | None = None

    def words(self) -> Text:
        """The reading, in the words of the wording table."""
        match self.state:
            case "hidden":
                return text("pilots.state.hidden", "not shown: a check was not passed")
            case "not_randomised":
                return text("pilots.state.not_randomised", "not randomised: no effect can be claimed")
            case "no_interval" if self.pilot.unit == "cluster":
                return text("pilots.state.few_clusters", "cannot tell: too few clusters or no variation")
            case "no_interval":
                return text("pilots.state.no_interval", "cannot tell: too few units or no variation")
            case "safe" | "open" | "broken":
                return guard_words(self.state)
            case _:
                return reading(self.state, self.amount(abs(self.found.effect)), self.metric.better, sound=self.sound)

    def amount(self, value: float | None) -> Quantity:
        """A difference in the metric's unit."""
        return amount_of_difference(self.metric, value)

    def level(self, value: float | None) -> Quantity:
        """A mean in the metric's unit."""
        return share(value, 1) if self.metric.unit == "share" else Quantity(value, self.metric.unit)

    def bare(self, value: float | None) -> Text:
        """An end of an interval without its unit where the unit is said already (points)."""
        if self.metric.unit == "share" and value is not None:
            return text("pilots.bare", "{value}", value=Quantity(100 * value, "number", 1))
        return text("pilots.bare", "{value}", value=self.amount(value))

    def row(self) -> tuple[object, ...]:
        """The effect as a row of the artefact ``pilot_effects``."""
        d, look = self.found, self.look
        closed = self.state in ("hidden", "not_randomised")
        kept = (None,) * 4 if closed else (d.effect, d.low, d.high, d.p)
        more = (None,) * 7 if closed else (d.error, self.p_holm, self.q, *self._lift(), look.limit)
        return (self.pilot.id, self.metric.id, self.arm, d.n_control, d.n_treated, d.control, d.treated, *kept,
                self.metric.margin, self.metric.unit, self.state, self.role, *more, look.method, look.why,
                look.information)  # fmt: skip

    def _lift(self) -> tuple[float | None, float | None, float | None]:
        return (self.lift.value, self.lift.low, self.lift.high) if self.lift else (None, None, None)

    @property
    def shown(self) -> bool:
        """Whether there is an effect with an interval to show."""
        return self.state not in ("hidden", "not_randomised", "no_interval")

    @property
    def interval(self) -> tuple[float, float]:
        """The interval of an effect that is shown.

        Raises:
            ValueError: where there is none.
        """
        if self.found.low is None or self.found.high is None:
            raise ValueError(f"{self.pilot.id}: the effect on {self.metric.id} has no interval")
        return self.found.low, self.found.high


def amount_of_difference(metric: Metric, value: float | None) -> Quantity:
    """A difference of *metric* with its unit: points for shares."""
    if metric.unit == "share":
        return Quantity(value, "points", 1)
    return Quantity(value, metric.unit, 2 if metric.unit == "money" and value is not None and abs(value) < 100 else None)


def message(effect: Effect) -> Text:
    """The finding in one sentence: metric, arm where there are several, and reading, with the number of the difference."""
    metric = named(effect.metric.name)
    if len(effect.pilot.arms) > 2:
        metric = text("pilots.message.arm", "{metric} (arm {arm})", metric=metric, arm=arm_name(effect.arm))
    return text("pilots.message", "{metric}: {words}", metric=metric, words=effect.words())

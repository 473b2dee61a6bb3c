"""What a run is asked for: the periods in time order, and for each what becomes of every stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbook import stages
from workbook.errors import WorkbookError
from workbook.period import Period
from workbook.stages import Stage


@dataclass(frozen=True)
class Plan:
    """One period's share of a run.

    Attributes:
        forced: stages to execute whatever is kept of them.
        wanted: stages to execute where they are stale.
        carried: stages whose published results are carried over as they are.
    """

    period: Period
    forced: tuple[Stage, ...] = ()
    wanted: tuple[Stage, ...] = ()
    carried: tuple[Stage, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether all stages are wanted and none is forced, so that there may be nothing to do."""
        return not self.forced and not self.carried


def plan_runs(periods: Iterable[Period], chosen: Sequence[str] | None = None, *, force: bool = False) -> list[Plan]:
    """The plans of several periods, earliest first, since each reads the results of the one before.

    Args:
        chosen: ids of the stages to execute, whose needs are met first where they are stale; None for all six.
        force: whether to execute stages that are not stale too.

    Raises:
        UsageError: where a stage is not known.
    """
    if chosen is None:
        forced = set(stages.STAGES) if force else set()
        wanted = set(stages.STAGES) - forced
    else:
        forced = {stages.stage(id) for id in chosen}
        wanted = _needed(forced) - forced
        forced, wanted = (forced | wanted, set()) if force else (forced, wanted)
    carried = set(stages.STAGES) - forced - wanted
    parts = [tuple(stage for stage in stages.STAGES if stage in some) for some in (forced, wanted, carried)]
    return [Plan(period, *parts) for period in sorted(set(periods))]


def _needed(chosen: Iterable[Stage]) -> set[Stage]:
    """The stages that make what others need, and what those need."""
    found: set[Stage] = set()
    waiting = list(chosen)
    while waiting:
        needs = waiting.pop().needs
        makers = [stage for stage in stages.STAGES if set(stage.makes) & set(needs) and stage not in found]
        found.update(makers)
        waiting += makers
    return found


def check_carried(plan: Plan, client: str, published: Mapping[str, Any]) -> None:
    """See that the results to carry over are there.

    Args:
        published: id of each stage whose results are published and kept.

    Raises:
        WorkbookError: where they are not, naming the command that makes them.
    """
    absent = [stage.id for stage in plan.carried if stage.id not in published]
    if absent:
        executed = ", ".join(stage.id for stage in (*plan.forced, *plan.wanted))
        raise WorkbookError(
            f"{client} {plan.period.name}: found no published results of {', '.join(absent)}, expected them, since only "
            f"{executed} is to be executed; run all stages first: workbook run {client} {plan.period.name}"
        )

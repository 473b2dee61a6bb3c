"""What a run executes: the periods in time order, and for each the stages to execute and those whose results stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbook import stages
from workbook.errors import WorkbookError
from workbook.period import Period
from workbook.stages import Stage
from workbook.store import Store


@dataclass(frozen=True)
class Plan:
    """One period's share of a run.

    Attributes:
        executed: stages to execute, in the order of the method.
        reused: stages whose published results are carried over as they are.
    """

    period: Period
    executed: tuple[Stage, ...]
    reused: tuple[Stage, ...]


def plan_runs(periods: Iterable[Period], wanted: Sequence[str] | None = None) -> list[Plan]:
    """The plans of several periods, earliest first, since each reads the results of the one before.

    Args:
        wanted: ids of the stages to execute; None for all six.

    Raises:
        UsageError: where a stage is not known.
    """
    chosen = {stages.stage(id).id for id in wanted} if wanted is not None else {s.id for s in stages.STAGES}
    executed = tuple(s for s in stages.STAGES if s.id in chosen)
    reused = tuple(s for s in stages.STAGES if s.id not in chosen)
    return [Plan(period, executed, reused) for period in sorted(set(periods))]


def check_reused(plan: Plan, client: str, published: Path) -> None:
    """See that the results to carry over are there.

    Raises:
        WorkbookError: where they are not, naming the command that makes them.
    """
    store = Store(published / "tables")
    absent = [f"{stage.id} ({name})" for stage in plan.reused for name in stage.makes if not store.has(name)]
    if absent:
        raise WorkbookError(
            f"{published}: found no results of {', '.join(absent)}, expected them there, since only "
            f"{', '.join(s.id for s in plan.executed)} is to be executed; run all stages first: "
            f"workbook run {client} {plan.period.name}"
        )

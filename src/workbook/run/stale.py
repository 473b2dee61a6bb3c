"""What is stale and why: each stage's inputs of today beside those that its published results were made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from workbook import stages
from workbook.period import Period
from workbook.run.kept import REPORT, Kept, find_kept
from workbook.run.keys import Ground, Inputs, key_of
from workbook.run.published import kept_by, read_pointer
from workbook.run.stamp import is_fresh

State = Literal["fresh", "stale", "follows", "new"]

_WIDEST = 60
"""Most characters of a value in a line for people."""


@dataclass(frozen=True)
class Change:
    """An input that is not what it was.

    Attributes:
        name: the input, as :mod:`workbook.run.keys` names them.
        before, after: value or hash; None where it was not there.
    """

    name: str
    before: str | None
    after: str | None

    @property
    def words(self) -> str:
        """The change in a line.

        >>> Change("settings.grading.rfm.bins", "5", "4").words
        'settings.grading.rfm.bins  5 → 4'
        >>> Change("delivery.orders.csv", "d2a84f4b8b650937", None).words
        'delivery.orders.csv  removed'
        """
        kind = self.name.partition(".")[0]
        if self.before is not None and self.after is not None and kind in _HASHED:
            return f"{self.name}  changed"
        if kind in _HASHED or (kind == "settings" and None in (self.before, self.after)):
            value = f" ({_short(self.after or self.before or '')})" if kind not in _HASHED else ""
            return f"{self.name}  {'added' if self.before is None else 'removed'}{value}"
        return f"{self.name}  {_short(self.before or 'none')} → {_short(self.after or 'none')}"


_HASHED = ("code", "notebook", "delivery", "ledger", "artefact", "stage", "logo")


def _short(value: str) -> str:
    return value if len(value) <= _WIDEST else value[: _WIDEST - 1] + "…"


@dataclass(frozen=True)
class StageState:
    """How a stage's published results stand to today's inputs.

    Attributes:
        stage: id of the stage, or ``report`` for the pages.
        state: ``fresh``; ``stale``, with the changes; ``follows``, which may become stale once the stages in *after* have
            been executed; ``new``, where nothing is published.
        changes: inputs that are not what they were.
        after: stages whose results it reads and which are not fresh.
        kept: whether results of today's inputs are kept, so that nothing needs to be executed.
    """

    stage: str
    state: State
    changes: tuple[Change, ...] = ()
    after: tuple[str, ...] = ()
    kept: bool = False

    def as_json(self) -> dict[str, Any]:
        """The state as ``workbook why --json`` prints it."""
        return asdict(self)

    @property
    def words(self) -> str:
        """The state in a line."""
        more = {
            "fresh": "",
            "stale": "  its results of today's inputs are kept" if self.kept else "",
            "follows": f"  reads what {', '.join(self.after)} will make anew",
            "new": "  nothing is published",
        }[self.state]
        return f"{self.stage:<13}{self.state}{more}"


def as_words(states: Sequence[StageState], most: int) -> str:
    """Some states in lines for people: what changed for all of them once, then each with what else changed.

    Args:
        most: most changes told of each.
    """
    stale = [state for state in states if state.state == "stale"]
    shared = [change for change in stale[0].changes if all(change in state.changes for state in stale)] if stale[1:] else []
    lines = ["changed for all that are stale", *_changes(shared, most), ""] if shared else []
    for state in states:
        lines += [state.words, *_changes([change for change in state.changes if change not in shared], most)]
    return "\n".join(lines)


def _changes(changes: Sequence[Change], most: int) -> list[str]:
    rest = len(changes) - most
    return [f"    {change.words}" for change in changes[:most]] + (
        [f"    … and {rest} more; --json tells all"] if rest > 0 else []
    )


def is_stale(home: Path, client: str, period: Period, overrides: Mapping[str, Any] | None = None) -> bool:
    """Whether a run of the period would execute a stage or build pages. Quick where nothing at all changed.

    Raises:
        WorkbookError: where parameters or delivery are at fault.
    """
    return not is_fresh(home, client, period, overrides) and any(
        state.state != "fresh" for state in examine(home, client, period, overrides)
    )


def examine(home: Path, client: str, period: Period, overrides: Mapping[str, Any] | None = None) -> list[StageState]:
    """The state of each stage and of the pages, in the order of the method. Nothing is executed.

    Raises:
        WorkbookError: where parameters or delivery are at fault.
    """
    ground = Ground.read(home, client, period, dict(overrides or {}))
    folder = home / "outputs" / client
    published = kept_by(folder, read_pointer(folder, period.name))
    found: list[StageState] = []
    today: dict[str, Kept] = {}
    for stage in stages.STAGES:
        makers = {name: maker.id for maker in stages.STAGES for name in maker.makes if name in stage.needs}
        known = {id: today.get(id) or published.get(id) for id in makers.values()}
        if stage.id not in published or None in known.values():
            found.append(StageState(stage.id, "new"))
            continue
        holders = {name: kept for name, id in makers.items() if (kept := known[id])}
        artefacts = {name: _artefact(kept, name) for name, kept in holders.items()}
        waits = tuple(dict.fromkeys(id for id in makers.values() if id not in today))
        found.append(_state(folder, stage.id, published[stage.id], ground.of_stage(stage, artefacts), waits, today))
    waits = tuple(stage.id for stage in stages.STAGES if stage.id not in today)
    if REPORT not in published or any(stage.id not in published for stage in stages.STAGES):
        return [*found, StageState(REPORT, "new")]
    made = {stage.id: (today.get(stage.id) or published[stage.id]).content for stage in stages.STAGES}
    return [*found, _state(folder, REPORT, published[REPORT], ground.of_report(made), waits, today)]


def _artefact(kept: Kept, name: str) -> str:
    file = kept.artefact(name)
    return str(kept.files[file]["sha256"]) if file else ""


def _state(
    folder: Path, id: str, published: Kept, inputs: Inputs, waits: tuple[str, ...], today: dict[str, Kept]
) -> StageState:
    """The state of one stage; what is kept for today's inputs is noted in *today*."""
    changes = differences(published.inputs, inputs)
    if not changes:
        if waits:
            return StageState(id, "follows", (), waits)
        today[id] = published
        return StageState(id, "fresh")
    kept = None if waits else find_kept(folder, id, key_of(inputs))
    if kept:
        today[id] = kept
    return StageState(id, "stale", changes, waits, kept is not None)


def differences(before: Inputs, after: Inputs) -> tuple[Change, ...]:
    """The inputs that differ: settings and overrides first, then in the order of their names.

    >>> [change.words for change in differences({"python": "3.11.7"}, {"python": "3.12.1", "settings.seed": "1"})]
    ['settings.seed  added (1)', 'python  3.11.7 → 3.12.1']
    """
    names = sorted({*before, *after}, key=lambda name: (not name.startswith(("override", "settings")), name))
    return tuple(Change(n, before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n))

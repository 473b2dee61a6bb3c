"""What ``workbook check`` finds: faults of settings and delivery, and what the data are enough for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from workbook.errors import DeliveryError, Problem, SettingsError, WorkbookError
from workbook.period import Period
from workbook.settings.checks import open_questions
from workbook.settings.models import Settings
from workbook.settings.readiness import Readiness, mapped_names, readiness
from workbook.settings.reading import check_settings, known_periods, read_settings


@dataclass(frozen=True)
class Outcome:
    """The outcome of a check.

    Attributes:
        errors: every fault of the settings, or of the deliveries where the settings are sound.
        files: one dict a period, file and table: period, file, table, rows_in, rows_kept, rows_quarantined, reasons.
        stages: what the files mapped in the latest period are enough for.
        open: canonical columns that are not read until a question of ``sources.todo`` is answered, with its candidates.
        waiting: periods with parameters whose delivery is still to come; a run of all periods leaves them out.
    """

    errors: tuple[Problem, ...]
    files: tuple[Mapping[str, Any], ...] = ()
    stages: Mapping[str, Readiness] = field(default_factory=dict)
    waiting: tuple[Period, ...] = ()
    open: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether a run can start."""
        return not self.errors

    def as_json(self) -> dict[str, Any]:
        """The outcome as ``workbook check --json`` prints it."""
        return {
            "ok": self.ok,
            "errors": [asdict(p) | {"message": str(p)} for p in self.errors],
            "files": [dict(file) for file in self.files],
            "open": list(self.open),
            "waiting": [period.name for period in self.waiting],
            "stages": {name: {"ready": r.ready, "missing": list(r.missing)} for name, r in self.stages.items()},
        }

    def as_words(self, screen: int) -> str:
        """The outcome for a person, with at most *screen* faults."""
        if self.errors:
            lines = [str(problem) for problem in self.errors[:screen]]
            more = len(self.errors) - len(lines)
            lines += [f"… and {more} more; --json tells all"] if more else []
            return "\n".join([*lines, "", f"{len(self.errors)} fault{'s' if len(self.errors) > 1 else ''} to mend"])
        lines = [f"{'period':<9} {'file':<32} {'table':<18} {'rows in':>10} {'kept':>10} {'aside':>10} {'quarantined':>12}"]
        for file in self.files:
            aside = file["rows_in"] - file["rows_kept"] - file["rows_quarantined"]  # repeated, or after the analysis date
            lines.append(
                f"{file['period']:<9} {file['file']:<32} {file['table']:<18} {file['rows_in']:>10,} {file['rows_kept']:>10,} "
                f"{aside:>10,} {file['rows_quarantined']:>12,}"
            )
            lines += [f"{'':<9}   {reason}: {rows:,}" for reason, rows in file["reasons"].items()]
        lines += [f"{period.name:<9} no delivery yet" for period in self.waiting]
        lines += ["", *self.open] if self.open else []
        lines.append("")
        for name, stage in self.stages.items():
            more_with = f"; more with {', '.join(stage.missing)}" if stage.missing else ""
            lines.append(f"{name:<12} {'ready' if stage.ready else 'no data yet'}{more_with}")
        return "\n".join([*lines, "", "settings and delivery are sound"])


def check_client(home: Path, client: str, wanted: Sequence[Period] | None = None) -> Outcome:
    """Check the settings of a client's periods; where they are sound the SQL in them, and then the deliveries.

    Args:
        home: the folder that holds ``params/`` and ``data/``.
        client: name of the folder in ``params/``.
        wanted: the periods; all of the client where None.
    """
    try:
        several = known_periods(home, client, list(wanted) if wanted is not None else None)
        problems = check_settings(home, client, several)
    except SettingsError as fault:
        problems = fault.details
    except WorkbookError as fault:
        told = _of_delivery(str(fault))  # "client: found …": what stands first is the argument, not a file
        problems = [replace(told, file="", key=told.file)]
    if problems:
        return Outcome(tuple(problems))
    from workbook.expressions import check_expressions

    problems = check_expressions(home, client, several)
    if problems:
        return Outcome(tuple(problems))
    waiting = waiting_periods(home, client, several) if wanted is None else []
    outcome = _check_deliveries(home, client, [period for period in several if period not in waiting])
    return replace(outcome, waiting=tuple(waiting))


def waiting_periods(home: Path, client: str, periods: Sequence[Period]) -> list[Period]:
    """The last periods of a client that have parameters and no delivery yet: opened ahead, by ``workbook next`` for one.

    A period without a delivery before one that has it, or a client without any, is a fault and does not wait.

    Args:
        periods: periods with parameters, earliest first.

    Raises:
        SettingsError: where the settings of such a period are at fault.
    """
    waiting: list[Period] = []
    for period in reversed(periods):
        places = (home / "data" / client / period.name, home / "data" / "synthetic" / client / period.name)
        if any(place.is_dir() for place in places) or read_settings(home, client, period).delivery.package:
            return waiting[::-1]
        waiting.append(period)
    return []


def _check_deliveries(home: Path, client: str, periods: Sequence[Period]) -> Outcome:
    from workbook.sources.prepare import check_delivery

    errors: dict[Problem, None] = {}
    files: list[Mapping[str, Any]] = []
    names: list[str] = []
    asked: dict[str, None] = {}
    for period in periods:
        settings = read_settings(home, client, period)
        names = mapped_names(settings)
        asked |= dict.fromkeys(_open(settings))
        try:
            files += [{"period": period.name, **file} for file in check_delivery(home, client, period, settings)]
        except DeliveryError as fault:
            errors |= dict.fromkeys(_of_delivery(words) for words in fault.problems)
        except WorkbookError as fault:
            errors[_of_delivery(str(fault))] = None
    return Outcome(tuple(errors), tuple(files), readiness(names), open=tuple(asked))


def _open(settings: Settings) -> list[str]:
    """What optional columns wait for (a required one is a fault of the settings), and pilots that nobody would judge."""
    pilots = next((s.file for s in settings.sources if s.table in ("assignments", "pilot_summaries")), None)
    cards = [f"{pilots}: pilots are delivered and no card stands under pilots, so none is judged; `workbook explain pilots`"]
    questions = [
        f"{source.file}: {source.table}.{column} is not read until todo is answered: {', '.join(candidates) or 'a constant'}"
        for source in settings.sources
        for column, candidates in open_questions(source).items()
    ]
    return [*(cards if pilots and not settings.pilots else ()), *questions]


def _of_delivery(words: str) -> Problem:
    """The record of a fault told as ``file: found …; expected …``."""
    place, colon, rest = words.partition(": found ")
    if not colon:
        return Problem("", None, "", words, "")
    found, expected = next(
        ((a, b) for sign in (", expected ", "; expected ") for a, cut, b in [rest.partition(sign)] if cut), (rest, "")
    )
    return Problem(place, None, "", found, expected)

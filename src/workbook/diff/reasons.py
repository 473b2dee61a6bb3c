"""Why two results differ: what was delivered, what was set, and what computed them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from workbook.diff.published import Published
from workbook.diff.tables import flattened
from workbook.stages import STAGES, Stage

Cause = Literal["data", "parameters", "code"]
State = Literal["added", "removed", "changed"]

SHARED_SETTINGS = ("template", "client", "languages", "currency", "seed", "analysis", "report")
"""Sections that every stage may read (stages.py names the others)."""


INHERITED = ("previous.", "ledger.")
KINDS: Mapping[Cause, tuple[str, ...]] = {
    "data": ("delivery.", "previous", "ledger."),
    "parameters": ("settings.", "override."),
    "code": ("code.", "package.", "python", "platform", "notebook"),
}
"""How the names of a stage's inputs begin, by the kind that they are of."""


@dataclass(frozen=True)
class FileChange:
    """A delivered file that is new, gone or of other content."""

    file: str
    state: State


@dataclass(frozen=True)
class RowChange:
    """Rows of one canonical table: delivered and kept, before and after (None where the table was not there)."""

    table: str
    rows_in: tuple[int | None, int | None]
    rows_kept: tuple[int | None, int | None]


@dataclass(frozen=True)
class ValueChange:
    """A setting, package version or other mark of a run with its old and new value; None where it was not there."""

    key: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Reasons:
    """Everything that went into two results and differs.

    Attributes:
        files: delivered files by hash.
        same_files: number of files that are the same.
        rows: canonical tables whose rows differ.
        inherited: results of the previous period and accepted records that a stage read, by hash.
        settings: flattened keys with old and new value.
        code: git revision, source, Python and package versions.
        by_stage: stage → kinds that differ in what it depended on, where both runs kept a record of it.
    """

    files: tuple[FileChange, ...]
    same_files: int
    rows: tuple[RowChange, ...]
    settings: tuple[ValueChange, ...]
    code: tuple[ValueChange, ...]
    inherited: tuple[ValueChange, ...] = ()
    by_stage: Mapping[str, tuple[Cause, ...]] = field(default_factory=dict)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Which of the three kinds differ at all."""
        kinds: dict[Cause, bool] = {
            "data": bool(self.files or self.rows or self.inherited),
            "parameters": bool(self.settings),
            "code": bool(self.code),
        }
        return tuple(cause for cause, differs in kinds.items() if differs)

    def of_artefact(self, name: str) -> tuple[Cause, ...]:
        """Which kinds can have changed an artefact.

        Without records of what its stage depended on, settings count where the stage, or one that it needs, reads them.
        """
        stage = next((s for s in STAGES if name in s.makes), None)
        if stage is None:
            return self.causes
        if stage.id in self.by_stage:
            return self.by_stage[stage.id]
        read = {*SHARED_SETTINGS, *(section for s in _upstream(stage) for section in s.settings)}
        told = any(change.key.partition(".")[0] in read for change in self.settings)
        return tuple(cause for cause in self.causes if cause != "parameters" or told)


def _upstream(stage: Stage) -> set[Stage]:
    """A stage and all whose artefacts it needs; every stage stands on the canonical tables that stage 2 tells of."""
    found, waiting = set(), [stage, STAGES[1]]
    while waiting:
        present = waiting.pop()
        if present not in found:
            found.add(present)
            waiting += [s for s in STAGES if set(s.makes) & set(present.needs)]
    return found


def find_reasons(before: Published, after: Published) -> Reasons:
    """Compare what the manifests of two results name."""
    files, same_files = compare_files(_mapping(before, "deliveries"), _mapping(after, "deliveries"))
    return Reasons(
        files=files,
        same_files=same_files,
        rows=_rows(before, after),
        settings=changes(flattened(_mapping(before, "settings")), flattened(_mapping(after, "settings"))),
        code=changes(_code(before), _code(after)),
        inherited=changes(_inputs(before, INHERITED), _inputs(after, INHERITED)),
        by_stage=_by_stage(before, after),
    )


def compare_files(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[tuple[FileChange, ...], int]:
    """Delivered files that differ, and how many are the same, by hash: a file under another name is the same file.

    >>> compare_files({"a.csv": "1", "b.csv": "2"}, {"old/a.csv": "1", "a.csv": "9", "b.csv": "3"})
    ((FileChange(file='a.csv', state='added'), FileChange(file='b.csv', state='changed')), 1)
    """
    kept = {name for name in after if before.get(name) == after[name]}
    matched = {name: name for name in kept}
    waiting: dict[str, list[str]] = {}
    for name in sorted(before):
        if name not in kept:
            waiting.setdefault(before[name], []).append(name)
    for name in sorted(after):
        if name not in kept and waiting.get(after[name]):
            matched[name] = waiting[after[name]].pop(0)
    one, other = set(before) - set(matched.values()), set(after) - set(matched)
    differing = tuple(
        FileChange(name, "added" if name not in one else "removed" if name not in other else "changed")
        for name in sorted(one | other)
    )
    return differing, len(matched)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[ValueChange, ...]:
    """Keys whose values differ, in the order of the later one, those that are gone last.

    >>> changes({"a": 1, "b": 2}, {"b": 3, "c": 4})
    (ValueChange(key='b', before=2, after=3), ValueChange(key='c', before=None, after=4), \
ValueChange(key='a', before=1, after=None))
    """
    keys = [*after, *(key for key in before if key not in after)]
    nothing = object()
    return tuple(
        ValueChange(key, before.get(key), after.get(key)) for key in keys if before.get(key, nothing) != after.get(key, nothing)
    )


def _mapping(result: Published, name: str) -> dict[str, Any]:
    found = result.manifest.get(name)
    return dict(found) if isinstance(found, dict) else {}


def kind_of(name: str) -> Cause | None:
    """Which kind an input of a stage is of; None for what names the run and for artefacts, whose own stages tell."""
    for cause, beginnings in KINDS.items():
        if name.startswith(beginnings):
            return cause
    return None


def _by_stage(before: Published, after: Published) -> dict[str, tuple[Cause, ...]]:
    """The kinds that differ for each stage, those of the stages whose artefacts it read and that differ included."""
    makers = {name: stage.id for stage in STAGES for name in stage.makes}
    found: dict[str, set[Cause]] = {}
    for stage in STAGES:  # in their order, so that an artefact's maker was looked at before
        if stage.id not in before.inputs or stage.id not in after.inputs:
            continue
        differing = [change.key for change in changes(before.inputs[stage.id], after.inputs[stage.id])]
        found[stage.id] = {cause for name in differing if (cause := kind_of(name)) is not None}
        for name in differing:
            found[stage.id] |= found.get(makers.get(name.removeprefix("artefact."), ""), set())
    order: tuple[Cause, ...] = ("data", "parameters", "code")
    return {stage: tuple(cause for cause in order if cause in causes) for stage, causes in found.items()}


def _inputs(result: Published, beginnings: tuple[str, ...]) -> dict[str, Any]:
    """Inputs of all stages whose names begin so."""
    return {name: value for inputs in result.inputs.values() for name, value in inputs.items() if name.startswith(beginnings)}


def _code(result: Published) -> dict[str, Any]:
    """What computed a result, as flat marks; a work tree that differs from its commit is another revision."""
    git = result.manifest.get("git") or {}
    marks: dict[str, Any] = {}
    if git:
        marks["git"] = str(git.get("commit", ""))[:12] + ("+" if git.get("changed") else "")
    for name in ("code", "python", "platform"):
        if result.manifest.get(name):
            marks |= flattened({name: result.manifest[name]})
    marks |= {f"notebook {stage}": inputs["notebook"] for stage, inputs in result.inputs.items() if "notebook" in inputs}
    marks |= {name.removeprefix("code."): digest for name, digest in _inputs(result, ("code.",)).items()}
    return marks | {f"package {name}": version for name, version in _mapping(result, "packages").items()}


def _rows(before: Published, after: Published) -> tuple[RowChange, ...]:
    one, other = _totals(before), _totals(after)
    tables = [*other, *(table for table in one if table not in other)]
    return tuple(
        RowChange(table, (then[0], now[0]), (then[1], now[1]))
        for table in tables
        if (then := one.get(table, (None, None))) != (now := other.get(table, (None, None)))
    )


def _totals(result: Published) -> dict[str, tuple[int | None, int | None]]:
    ledger: pd.DataFrame | None = result.frame("row_ledger")
    if ledger is None or not {"table", "rows_in", "rows_kept"} <= set(ledger.columns):
        return {}
    sums = ledger.groupby("table", sort=False)[["rows_in", "rows_kept"]].sum()
    return {str(table): (int(row.rows_in), int(row.rows_kept)) for table, row in sums.iterrows()}

"""Which results the two words of ``workbook diff CLIENT A B`` mean."""

from __future__ import annotations

from pathlib import Path

from workbook.diff.published import MANIFEST, POINTERS, Published, kept_folders, read_manifest
from workbook.errors import UsageError, WorkbookError
from workbook.period import Period

EARLIER = "earlier"
"""Folder beside the pointers that holds those which were replaced."""

BEFORE = "before"


def find_result(home: Path, client: str, words: str) -> Published:
    """The result that *words* name: a period of the client, or a folder of published results.

    Args:
        home: folder that holds ``outputs/``.
        words: ``2025Q4``; ``2025Q4@3fa2``, an earlier run of it by the beginning of its key; ``2025Q4@before``, the run that
            was published before the present one; or the path of a folder with a ``manifest.json``.

    Raises:
        WorkbookError: where there is no such result; the message names those that there are.
    """
    outputs = home / "outputs" / client
    name, at, key = words.partition("@")
    try:
        period = Period.parse(name)
    except UsageError:
        folder = Path(words).expanduser()
        if folder.is_dir():
            return Published.open(folder, folder.resolve().name)
    else:
        if at:
            return _earlier_run(outputs, period.name, key)
        if (outputs / period.name / MANIFEST).is_file():
            return Published.open(outputs / period.name, period.name)
    known = ", ".join(published_periods(outputs)) or "none yet"
    raise WorkbookError(
        f"{words}: found no result of {client} called so, expected a published period ({known}) or a folder with a "
        f"{MANIFEST}; workbook run {client} publishes its periods"
    )


def earlier_runs(outputs: Path, period: str) -> dict[str, Path]:
    """Key of each earlier run of a period whose results are all kept → its manifest, the latest first; not the present one."""
    present = outputs / POINTERS / f"{period}.json"
    published = read_manifest(present).get("run") if present.is_file() else None
    found: list[tuple[str, str, Path]] = []
    for path in (outputs / POINTERS / EARLIER).glob(f"{period}-*.json"):
        manifest = read_manifest(path)
        whole = set(kept_folders(outputs, manifest)) == set(manifest.get("stages") or ())
        if whole and manifest.get("run") != published:
            ended = max((str(record.get("ended", "")) for record in manifest["stages"].values()), default="")
            found.append((ended, str(manifest.get("run", "")), path))
    return {run: path for _, run, path in sorted(found, reverse=True)}


def _earlier_run(outputs: Path, period: str, key: str) -> Published:
    runs = earlier_runs(outputs, period)
    chosen = list(runs)[:1] if key == BEFORE else [run for run in runs if key and run.startswith(key)]
    if len(chosen) == 1:
        return Published.open_kept(runs[chosen[0]], f"{period}@{chosen[0][:8]}")
    known = ", ".join(run[:8] for run in runs) or "none"
    found = f"{len(chosen)} earlier runs" if chosen else "no earlier run"
    raise WorkbookError(
        f"{period}@{key}: found {found} of which results are kept, expected the beginning of one of these keys: {known}; "
        "workbook prune removes what is kept"
    )


def published_periods(outputs: Path) -> list[str]:
    """Names of the periods whose results stand in a client's outputs folder, earliest first."""
    found = []
    for manifest in outputs.glob(f"*/{MANIFEST}"):
        try:
            found.append(Period.parse(manifest.parent.name))
        except UsageError:
            continue
    return [period.name for period in sorted(found)]

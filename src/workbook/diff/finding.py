"""Which results the two words of ``workbook diff CLIENT A B`` mean."""

from __future__ import annotations

from pathlib import Path

from workbook.diff.published import MANIFEST, Published
from workbook.errors import UsageError, WorkbookError
from workbook.period import Period


def find_result(home: Path, client: str, words: str) -> Published:
    """The result that *words* name: a period of the client, or a folder of published results.

    Args:
        home: folder that holds ``outputs/``.
        words: ``2025Q4``, or the path of a folder with a ``manifest.json``, such as a copy kept of an earlier run.

    Raises:
        WorkbookError: where there is no such result; the message names those that there are.
    """
    outputs = home / "outputs" / client
    folder = Path(words).expanduser()
    try:
        period = Period.parse(words)
    except UsageError:
        if folder.is_dir():
            return Published.open(folder, folder.resolve().name)
    else:
        if (outputs / period.name / MANIFEST).is_file():
            return Published.open(outputs / period.name, period.name)
    known = ", ".join(published_periods(outputs)) or "none yet"
    raise WorkbookError(
        f"{words}: found no result of {client} called so, expected a published period ({known}) or a folder with a "
        f"{MANIFEST}; workbook run {client} publishes its periods"
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

"""Putting a new engagement in its place: whole or not at all, the client's own files untouched."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from workbook.errors import SettingsError, WorkbookError
from workbook.opening.cards import OPEN
from workbook.period import Period
from workbook.settings.folders import ENGAGEMENT, check_client_name
from workbook.settings.reading import check_settings
from workbook.sources.inspection.extracts import delivered_paths


def places(home: Path, client: str, period: Period) -> tuple[Path, Path]:
    """Where parameters and delivery go.

    Raises:
        WorkbookError: where either is there already.
    """
    check_client_name(client)
    params, data = home / "params" / client, home / "data" / client / period.name
    if params.is_dir() and any(params.iterdir()):
        raise WorkbookError(
            f"params/{client}: found files without an engagement, expected none; choose another name, or move them away"
        )
    if data.exists():
        raise WorkbookError(f"data/{client}/{period.name}: found a delivery, expected none; choose another name or period")
    return params, data


def place_engagement(
    home: Path, client: str, period: Period, folder: Path, engagement: str, period_words: str
) -> tuple[Path, Path]:
    """Copy the delivery and write the parameters, by renaming when all is made: a failure leaves neither.

    A fault of a required column, or of a pilot's card, that is an open question is no failure: the file says so where the
    answer goes.

    Args:
        folder: the client's files.
        engagement, period_words: the texts of the two files.

    Returns:
        The engagement file and the folder of the delivery.
    """
    params, data = places(home, client, period)
    draft = home / f".new-{client}-{uuid.uuid4().hex}"
    made: list[Path] = []
    try:
        drafted = draft / "params" / client
        drafted.mkdir(parents=True)
        (drafted / ENGAGEMENT).write_text(engagement, "utf-8", newline="\n")
        (drafted / f"{period.name}.yaml").write_text(period_words, "utf-8", newline="\n")
        asked = f"'{OPEN}'"
        faults = [p for p in check_settings(draft, client, [period]) if ".todo." not in p.key and p.found != asked]
        if faults:
            raise SettingsError(faults)
        _copy(delivered_paths(folder), draft / "data")
        for source, target in ((draft / "data", data), (drafted, params)):
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir():
                target.rmdir()
            source.rename(target)
            made.append(target)
    except BaseException:
        for target in made:
            shutil.rmtree(target, ignore_errors=True)
        with contextlib.suppress(OSError):  # not empty: other periods lie there
            data.parent.rmdir()
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return params / ENGAGEMENT, data


def place_delivery(home: Path, client: str, period: Period, folder: Path) -> Path:
    """Copy the delivery of a later period, by renaming when all is copied.

    Raises:
        WorkbookError: where there is one already.
    """
    data = home / "data" / client / period.name
    if data.exists():
        raise WorkbookError(
            f"data/{client}/{period.name}: found a delivery, expected none; choose another period with --period"
        )
    draft = home / f".new-{client}-{uuid.uuid4().hex}"
    try:
        _copy(delivered_paths(folder), draft)
        data.parent.mkdir(parents=True, exist_ok=True)
        draft.rename(data)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return data


def _copy(files: Sequence[tuple[str, Path]], into: Path) -> None:
    into.mkdir(parents=True)
    for name, path in files:
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)

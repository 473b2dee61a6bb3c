"""``manifest.json``: what went into a run and what came out, by hash; times stand here and nowhere else."""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what is published must be found without anything heavy
    from workbook.settings.models import Settings

NAME = "manifest.json"


@dataclass(frozen=True)
class StageRecord:
    """When a stage was executed and with which settings; kept over runs that reuse its results."""

    stage: str
    started: dt.datetime
    ended: dt.datetime
    settings_sha256: str

    def as_json(self) -> dict[str, str]:
        """The record as the manifest holds it."""
        return {
            "started": self.started.isoformat(timespec="milliseconds"),
            "ended": self.ended.isoformat(timespec="milliseconds"),
            "settings_sha256": self.settings_sha256,
        }


def manifest(
    *,
    client: str,
    period: str,
    settings: Settings,
    overrides: Mapping[str, Any],
    deliveries: Mapping[str, str],
    results: Path,
    executed: Iterable[StageRecord],
    reused: Mapping[str, Any],
    code: Path,
) -> dict[str, Any]:
    """The manifest of one run.

    Args:
        deliveries: name of each file that the client delivered → its SHA-256.
        results: the folder whose files are listed with their hashes.
        executed: the stages that this run executed.
        reused: entries of earlier manifests for stages whose results stand.
        code: folder of the source, whose git revision is noted where it has one.
    """
    records = {record.stage: record.as_json() for record in executed}
    return {
        "client": client,
        "period": period,
        "seed": settings.seed,
        "stages": dict(sorted({**reused, **records}.items())),
        "settings": json.loads(settings.model_dump_json()),
        "settings_sha256": settings_hash(settings),
        "overrides": dict(overrides),
        "deliveries": dict(sorted(deliveries.items())),
        "artefacts": {
            path.relative_to(results).as_posix(): sha256(path)
            for path in sorted(results.rglob("*"))
            if path.is_file() and path.name != NAME
        },
        "git": git_revision(code),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": dict(sorted({d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions()}.items())),
    }


def write_manifest(content: Mapping[str, Any], results: Path) -> None:
    """Write ``manifest.json`` into a results folder."""
    (results / NAME).write_text(json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n", "utf-8")


def read_manifest(results: Path) -> dict[str, Any]:
    """The manifest of published results; empty where there is none."""
    path = results / NAME
    content: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return content


def settings_hash(settings: Settings) -> str:
    """SHA-256 of the settings as JSON."""
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()


def sha256(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_revision(folder: Path) -> dict[str, Any] | None:
    """The commit that *folder* stands on and whether files differ from it; None where it is not the top of a repository."""

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "--no-optional-locks", "-C", str(folder), *words],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    top = git("rev-parse", "--show-toplevel")
    commit = git("rev-parse", "HEAD")
    if not top or not commit or Path(top).resolve() != folder.resolve():
        return None
    return {"commit": commit, "changed": bool(git("status", "--porcelain", "--untracked-files=no"))}

"""``manifest.json``: what went into a run and what came out, by hash; times stand here and nowhere else."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbook.run.kept import Kept
from workbook.run.keys import Ground, packages

if TYPE_CHECKING:  # what is published must be found without anything heavy
    from workbook.settings.models import Settings

NAME = "manifest.json"


def manifest(ground: Ground, run: str, made: Mapping[str, Kept], pages: Kept, code: Path) -> dict[str, Any]:
    """The manifest of one run, which is the pointer to its results too.

    Args:
        ground: what the run stood on.
        run: hash of the keys of all stages and of the pages.
        made: id of each stage → its results.
        code: folder of the source, whose git revision is noted where it has one.
    """
    files = sorted((name, file["sha256"]) for kept in (*made.values(), pages) for name, file in kept.files.items())
    return {
        "client": ground.client,
        "period": ground.period.name,
        "run": run,
        "seed": ground.settings.seed,
        "stages": {name: _record(kept) for name, kept in made.items()},
        "report": _record(pages),
        "settings": json.loads(ground.settings.model_dump_json()),
        "settings_sha256": settings_hash(ground.settings),
        "overrides": dict(ground.overrides),
        "deliveries": dict(sorted(ground.deliveries.items())),
        "artefacts": dict(files),
        "git": git_revision(code),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages(),
    }


def _record(kept: Kept) -> dict[str, str]:
    return {"key": kept.key, "started": kept.started, "ended": kept.ended}


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

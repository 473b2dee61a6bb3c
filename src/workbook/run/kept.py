"""Results that are kept: an immutable folder for each stage and key in ``outputs/<client>/.store/``.

``<stage>-<key>/`` holds what the stage made, laid out as it will be published, and ``stage.json`` beside it: the key, the
inputs that it is the hash of, and hash and size of each file. The folder is made elsewhere and renamed, so that it is there
whole or not at all. The pages of a report are kept in the same way, as the stage :data:`REPORT`.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbook.run.keys import Inputs, file_hash, short
from workbook.run.publish import exchange

RECORD = "stage.json"
REPORT = "report"


@dataclass(frozen=True)
class Kept:
    """What a stage made of some inputs.

    Attributes:
        folder: where it lies.
        stage: id of the stage.
        key: hash of the inputs.
        inputs: what the stage depended on.
        files: path below the folder → SHA-256 and size of each file that the stage made.
        started, ended: when it was executed; told in the manifest and nowhere else.
    """

    folder: Path
    stage: str
    key: str
    inputs: Inputs
    files: Mapping[str, Mapping[str, Any]]
    started: str
    ended: str

    @property
    def content(self) -> str:
        """Hash of all that the stage made."""
        return short(json.dumps({name: file["sha256"] for name, file in self.files.items()}, sort_keys=True).encode())

    def artefact(self, name: str) -> str | None:
        """The file of an artefact, as a key of *files*; None where there is none of that name."""
        return next((file for ending in (".parquet", ".json") if (file := f"tables/{name}{ending}") in self.files), None)


def store_folder(client_folder: Path) -> Path:
    """Where a client's kept results lie."""
    return client_folder / ".store"


def find_kept(client_folder: Path, stage: str, key: str) -> Kept | None:
    """What a stage made of the inputs of that key; None where nothing is kept, or it is not whole."""
    return read_kept(store_folder(client_folder) / f"{stage}-{key}")


def read_kept(folder: Path) -> Kept | None:
    """The results in a folder of the store; None where they are not there or not whole."""
    try:
        record = json.loads((folder / RECORD).read_text("utf-8"))
        for name, file in record["files"].items():
            if (folder / name).stat().st_size != file["bytes"]:
                return None
        return Kept(folder=folder, **record)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a disk that went away in the middle leaves anything


def keep(
    draft: Path, client_folder: Path, stage: str, inputs: Inputs, key: str, started: dt.datetime, ended: dt.datetime
) -> Kept:
    """Keep the files of a folder as what a stage made of some inputs; the folder is gone afterwards.

    What was kept under the same key before gives way.
    """
    paths = sorted(path for path in draft.rglob("*") if path.is_file())
    files = {p.relative_to(draft).as_posix(): {"sha256": file_hash(p), "bytes": p.stat().st_size} for p in paths}
    record: dict[str, Any] = {"stage": stage, "key": key, "inputs": dict(inputs), "files": files}
    record |= {"started": started.isoformat(timespec="milliseconds"), "ended": ended.isoformat(timespec="milliseconds")}
    (draft / RECORD).write_text(json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
    folder = store_folder(client_folder) / f"{stage}-{key}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        draft.rename(folder)
    elif exchange(draft, folder):
        shutil.rmtree(draft)
    else:
        shutil.rmtree(folder)
        draft.rename(folder)
    return Kept(folder=folder, **record)

"""A quick answer to whether anything changed since a period was published: nothing is parsed and nothing heavy is imported.

A stamp is the hash of all files that could matter: parameters, deliveries, ledger, code, notebooks, what is published of the
previous period. The same stamp means that nothing is stale. Another stamp means nothing yet (a delivery of a later period
changes it too): then the keys of the stages tell (:mod:`workbook.run.keys`).
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbook import stages
from workbook.period import Period
from workbook.places import notebooks_folder, templates_folder
from workbook.run.keys import DIGITS, file_hash, files_below, published_before, short, surroundings
from workbook.run.published import is_visible, pointer_file, read_pointer, replace_text

_PACKAGE = re.compile(r"package['\"]?\s*:\s*['\"]?([A-Za-z_]\w*)")


def stamp(home: Path, client: str, period: Period, overrides: Mapping[str, Any], *, previous: bool = True) -> str:
    """The hash of all files that could matter to a period's results.

    Args:
        previous: whether what is published of the previous period counts.
    """
    found = dict(surroundings())
    params = home / "params" / client
    folders = {"params": params, "data": home / "data" / client, "synthetic": home / "data" / "synthetic" / client,
               "notebook": notebooks_folder()}  # fmt: skip
    for name, folder in folders.items():
        for path in files_below(folder):
            found[f"{name}/{path.relative_to(folder).as_posix()}"] = file_hash(path)[:DIGITS]
    for package, folder in _packages(params, overrides).items():
        for path in files_below(folder, skipped=("__pycache__",)):
            facts = path.stat()
            found[f"{package}/{path.relative_to(folder).as_posix()}"] = f"{facts.st_size} {facts.st_mtime_ns}"
    if previous:
        names = {name for stage in stages.STAGES for name in stage.previous}
        found |= published_before(home, client, period, names).inputs
    return short(json.dumps([found, overrides], sort_keys=True, ensure_ascii=False, default=str).encode())


def _packages(params: Path, overrides: Mapping[str, Any]) -> dict[str, Path]:
    """Installed packages that may carry the delivery: whatever the parameters call a package."""
    files = [*sorted(params.glob("*.yaml")), *sorted((templates_folder() / "engagements").glob("*.yaml"))]
    words = [path.read_text("utf-8", errors="replace") for path in files]
    words.append("".join(f"package: {value}\n" for key, value in overrides.items() if key.startswith("delivery")))
    found = {}
    for name in sorted(set(_PACKAGE.findall("\n".join(words)))):
        spec = importlib.util.find_spec(name)
        for place in (spec.submodule_search_locations or [] if spec else [])[:1]:
            found[name] = Path(place)
    return found


def write_stamp(home: Path, client: str, period: Period, taken: str) -> None:
    """Note the stamp of the files that the published results were made of."""
    folder = home / "outputs" / client
    run = read_pointer(folder, period.name).get("run", "")
    replace_text(_stamp_file(folder, period), f"{taken} {run}\n")


def is_fresh(home: Path, client: str, period: Period, overrides: Mapping[str, Any] | None = None) -> bool:
    """Whether nothing at all changed since the period was published, and its visible folder is as it was published.

    False says only that the keys of the stages must be looked at.
    """
    folder = home / "outputs" / client
    run = read_pointer(folder, period.name).get("run")
    try:
        noted = _stamp_file(folder, period).read_text("utf-8").split()
    except OSError:
        return False
    return bool(run) and noted == [stamp(home, client, period, overrides or {}), run] and is_visible(folder, period.name)


def _stamp_file(client_folder: Path, period: Period) -> Path:
    return pointer_file(client_folder, period.name).with_suffix(".stamp")

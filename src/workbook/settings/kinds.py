"""What a field of the settings accepts, in words, found from its type."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from workbook.settings.models import Settings

_MAPPINGS = (dict, Mapping)

_PATTERNS = {
    r"^[a-z][a-z0-9_]*$": "a short name of small letters, digits and _ that begins with a letter",
    r"^[A-Z]{2}$": "a country code of two capital letters, such as CN",
    r"^[A-Z]{3}$": "a currency code of three capital letters, such as CNY",
    r"^#[0-9A-Fa-f]{6}$": "a colour such as #12436D",
}


@dataclass(frozen=True)
class Slot:
    """One place of the settings: its type, the limits on it and the field that declares it (None inside lists and dicts)."""

    kind: Any
    limits: tuple[Any, ...] = ()
    field: FieldInfo | None = None

    @property
    def section(self) -> type[BaseModel] | None:
        """The section that stands here, None for a value."""
        return self.kind if isinstance(self.kind, type) and issubclass(self.kind, BaseModel) else None


def slot_at(path: Sequence[str | int], root: Any = Settings) -> Slot | None:
    """The place that *path* leads to; None where the settings have none. In a list any position or id will do."""
    slot: Slot | None = Slot(root)
    for part in path:
        slot = _step(slot, part) if slot else None
    return slot


def _step(slot: Slot, part: str | int) -> Slot | None:
    for member in members(slot):
        if member.section:
            field = member.section.model_fields.get(str(part))
            if field:
                return _unwrapped(field.annotation, tuple(field.metadata), field)
        elif get_origin(member.kind) is list:
            return _unwrapped(get_args(member.kind)[0], (), None)
        elif get_origin(member.kind) in _MAPPINGS:
            return _unwrapped(get_args(member.kind)[1], (), None)
    return None


def _unwrapped(kind: Any, limits: tuple[Any, ...], field: FieldInfo | None) -> Slot:
    while get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        for extra in more:
            limits += tuple(extra.metadata) if isinstance(extra, FieldInfo) else (extra,)
    return Slot(kind, limits, field)


def members(slot: Slot) -> list[Slot]:
    """The alternatives of a place (one unless it is a union), None left out."""
    if get_origin(slot.kind) in (Union, types.UnionType):
        parts = [_unwrapped(kind, slot.limits, slot.field) for kind in get_args(slot.kind)]
        return [part for part in parts if part.kind is not type(None)]
    return [slot]


def container(slot: Slot) -> Literal["mapping", "items"] | None:
    """Whether keys stand at a place, or a list of items with ids; None for values and other lists."""
    for member in members(slot):
        if member.section or get_origin(member.kind) in _MAPPINGS:
            return "mapping"
        inner = _step(member, 0) if get_origin(member.kind) is list else None
        if inner and inner.section and "id" in inner.section.model_fields:
            return "items"
    return None


def optional(slot: Slot) -> bool:
    """Whether nothing may stand there."""
    return type(None) in get_args(slot.kind)


def allowed(slot: Slot) -> str:
    """What may stand at a place, in words.

    >>> allowed(slot_at(("grading", "rfm", "bins")))
    'a whole number from 2 to 10'
    """
    parts = [_allowed_one(member) for member in members(slot)]
    return " or ".join(dict.fromkeys(parts))


def _allowed_one(slot: Slot) -> str:
    kind = slot.kind
    if slot.section:
        return "keys with values"
    origin = get_origin(kind)
    if origin is Literal:
        choices = [str(choice) for choice in get_args(kind)]
        return f"one of {', '.join(choices)}"
    if origin is list:
        least = _limit(slot.limits, "min_length")
        return ("a list with at least one item" if least else "a list") + _each(get_args(kind)[0])
    if origin in _MAPPINGS:
        return "keys with values" + _each(get_args(kind)[1])
    if kind is bool:
        return "yes or no"
    if kind is int:
        return "a whole number" + _range(slot.limits)
    if kind is float:
        return "a number" + _range(slot.limits)
    if kind is dt.date:
        return "a date such as 2025-12-31"
    pattern = next((p for limit in slot.limits if (p := getattr(limit, "pattern", None))), None)
    return _PATTERNS.get(str(pattern), "text")


def _each(kind: Any) -> str:
    inner = _unwrapped(kind, (), None)
    return "" if any(member.section for member in members(inner)) else f" (each {allowed(inner)})"


def _range(limits: tuple[Any, ...]) -> str:
    least, most = _limit(limits, "ge"), _limit(limits, "le")
    above, below = _limit(limits, "gt"), _limit(limits, "lt")
    if least is not None and most is not None:
        return f" from {least} to {most}"
    words = [
        f"{sign} {value}"
        for sign, value in (("at least", least), ("above", above), ("at most", most), ("below", below))
        if value is not None
    ]
    return " " + " and ".join(words) if words else ""


def _limit(limits: tuple[Any, ...], name: str) -> Any:
    return next((value for limit in limits if (value := getattr(limit, name, None)) is not None), None)

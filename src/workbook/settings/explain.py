"""What each parameter does, in words for the command line and as a JSON schema for editors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from workbook.errors import UsageError
from workbook.settings.kinds import Slot, allowed, members, slot_at
from workbook.settings.models import KPIS, Section, Settings
from workbook.stages import EVERY_STAGE, STAGES
from workbook.tables import SCHEMAS

_KPI_WORDS = {
    "repurchase_rate": "share of the buyers of analysis.window_months who ordered twice or more in them",
    "revenue": "sum of the orders of the period, in the engagement's currency",
    "active_customers": "customers with an order in the period",
    "average_order": "revenue of the period over its orders, in the engagement's currency",
    "first_response_hours": "median hours from opening to first response of the period's tickets",
    "late_share": "share of the period's tickets answered after the limit of their priority, or past it and open",
    "nps": "percentage of scores 9 and 10 less percentage of scores 0 to 6",
    "csat": "share of satisfaction answers in the top two fifths of the scale",
    "churn_share": "share of those who bought more than analysis.churn_days ago without an order since",
    "complaints_called_back": "share of the complaints solved in the period called back within service.callback_hours",
}


def explain(key: str | None = None) -> str:
    """What the parameter called *key* does, what may stand there, its default and the stages that read it.

    Args:
        key: dotted key such as ``grading.rfm.bins`` or ``goals.change`` (ids and numbers of list items may stand in it);
            ``kpis`` and ``tables`` list what goals and sources can name; None gives the sections.

    Raises:
        UsageError: for a key that does not exist, with the nearest one.
    """
    if key is None:
        return _sections()
    if key == "kpis":
        return "\n".join(f"{kpi:<24}{_KPI_WORDS[kpi]}" for kpi in KPIS)
    if key == "tables":
        return "\n\n".join(_table(name) for name in SCHEMAS)
    if key.startswith("tables.") and key.partition(".")[2] in SCHEMAS:
        return _table(key.partition(".")[2])
    path = _path(key.split("."))
    slot = slot_at(path) if path else None
    if slot is None or slot.field is None:
        if slot is not None and path is not None:
            return _entry(key, path, slot)
        raise UsageError(_unknown(key))
    return _described(key, path or (), slot, slot.field)


def all_keys() -> list[str]:
    """Every key of the settings, sections before what is in them; items of lists without their ids."""

    def of(section: type[BaseModel], before: str) -> list[str]:
        found: list[str] = []
        for name, field in section.model_fields.items():
            found.append(before + name)
            inner = _section_within(Slot(field.annotation))
            if inner:
                found += of(inner, f"{before}{name}.")
        return found

    return of(Settings, "")


def schema() -> dict[str, Any]:
    """The JSON schema of a settings file. Every file may give a part only, so that no key is required by it."""
    made = Settings.model_json_schema()
    _loosen(made)
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = "Parameters of an engagement"
    made["description"] = "engagement.yaml and <period>.yaml; `workbook explain KEY` says more about each."
    return made


def schema_text() -> str:
    """The schema as it lies in ``params/schema.json``."""
    return json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"


def stages_reading(key: str) -> tuple[str, ...]:
    """The stages that read the parameter *key*, or a part of it."""

    def reads(declared: str) -> bool:
        return f"{key}.".startswith(f"{declared}.") or f"{declared}.".startswith(f"{key}.")

    return tuple(s.id for s in STAGES if any(reads(declared) for declared in EVERY_STAGE + s.settings))


def _loosen(part: Any) -> None:
    if isinstance(part, dict):
        if isinstance(part.get("properties"), dict):
            part.pop("required", None)
            if "id" in part["properties"]:
                part["properties"]["remove"] = {
                    "type": "boolean",
                    "description": "true takes the item away that an earlier layer gave.",
                }
        for inner in part.values():
            _loosen(inner)
    elif isinstance(part, list):
        for inner in part:
            _loosen(inner)


def _section_within(slot: Slot) -> type[BaseModel] | None:
    """The section that stands at a place or in the list there."""
    for member in members(slot):
        if member.section:
            return member.section
        if get_origin(member.kind) is list:
            return _section_within(Slot(get_args(member.kind)[0]))
    return None


def _path(parts: Sequence[str]) -> tuple[str | int, ...] | None:
    """The path of a dotted key in which items of lists may be left out: ``goals.change`` is ``goals.<any>.change``."""
    path: tuple[str | int, ...] = ()
    for part in parts:
        slot = slot_at(path)
        if slot is None:
            return None
        within = _section_within(slot) if slot.section is None else None
        listed = any(get_origin(member.kind) is list for member in members(slot))
        path = (*path, 0, part) if listed and within and part in within.model_fields else (*path, part)
    return path


def _sections() -> str:
    lines = ["Parameters by section; `workbook explain SECTION` lists the keys in it.", ""]
    lines += [f"{name:<12}{field.description}" for name, field in Settings.model_fields.items()]
    return "\n".join([*lines, "", "`workbook explain kpis` and `workbook explain tables` list what can be named in them."])


def _described(key: str, path: tuple[str | int, ...], slot: Slot, field: FieldInfo) -> str:
    section = _section_within(slot)
    kind = "a list of items:" if section and slot.section is None else allowed(slot) + (":" if section else "")
    lines = [key, f"  {field.description}", f"  expects: {kind}"]
    if section:
        width = max(len(name) for name in section.model_fields) + 2
        lines += [f"    {name:<{width}}{inner.description}" for name, inner in section.model_fields.items()]
    lines += [f"  default: {_default(field)}"] if not (section and slot.section) else []
    return "\n".join([*lines, f"  read by: {_readers(path)}"])


def _entry(key: str, path: tuple[str | int, ...], slot: Slot) -> str:
    """A place inside a list or mapping: described by what holds it."""
    above = slot_at(path[:-1])
    said = above.field.description if above and above.field else ""
    return "\n".join([key, f"  an entry of: {said}", f"  expects: {allowed(slot)}", f"  read by: {_readers(path)}"])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none; must be given"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "not set"
    if isinstance(value, list) and value and isinstance(value[0], Section):
        items = [json.dumps(item.model_dump(mode="json", exclude_unset=True), ensure_ascii=False) for item in value]
        return "\n" + "\n".join(f"    {item}" for item in items)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in ("", [], {}):
        return "empty"
    words = json.dumps(value, ensure_ascii=False, default=str)
    return words.strip('"') if isinstance(value, str) else words


def _readers(path: Sequence[str | int]) -> str:
    section = path[0]
    if section == "report":
        return "the report"
    if section == "template":
        return "the reading of the settings"
    stages = stages_reading(".".join(part for part in path if isinstance(part, str)))
    return "all stages" if len(stages) == len(STAGES) else ", ".join(stages)


def _table(name: str) -> str:
    table = SCHEMAS[name]
    lines = [name]
    for column, kind in table.columns.items():
        marks = [word for word, names in (("key", table.key), ("required", table.required)) if column in names]
        lines.append(f"  {column:<22}{kind}{' (' + ', '.join(marks) + ')' if marks else ''}")
    return "\n".join(lines)


def _unknown(key: str) -> str:
    known = [*all_keys(), "kpis", "tables", *(f"tables.{name}" for name in SCHEMAS)]
    nearest = get_close_matches(key, known, 1, 0.4)
    last = key.split(".")[-1]
    same = [name for name in known if name.split(".")[-1] == last]
    hint = f"; did you mean {(same or nearest)[0]!r}?" if same or nearest else ""
    return f"explain: found {key!r}, expected a key of the settings{hint} (`workbook explain` lists the sections)"

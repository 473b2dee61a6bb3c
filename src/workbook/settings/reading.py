"""Reading the parameters: layers of YAML files become validated :class:`Settings`, or a list of every fault in them.

Nothing heavy is imported here: faults are told in well under a second, before any kernel starts.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from workbook.errors import Problem, SettingsError, UsageError
from workbook.period import Period
from workbook.places import templates_folder
from workbook.settings.check_files import with_check_files
from workbook.settings.checks import Fault, check
from workbook.settings.folders import (
    ENGAGEMENT,
    choice,
    clients,
    earlier_periods,
    engagement_file,
    known_periods,
    period_file,
    periods,
    shown,
)
from workbook.settings.kinds import allowed, optional, slot_at
from workbook.settings.label_file import with_label_file
from workbook.settings.models import OwnCheck, Section, Settings
from workbook.settings.tree import Node, Path_, dotted, merged, node_of, parse_tree, placed, plain, read_tree, walked

__all__ = [
    "check_settings",
    "check_words",
    "clients",
    "defaults",
    "earlier_periods",
    "engagement_file",
    "judged",
    "known_periods",
    "override_of",
    "own_checks_of",
    "period_file",
    "periods",
    "read_settings",
    "validated",
]

OVERRIDES = "overrides"
"""How messages name what came from the command line or a notebook's ``overrides``."""

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def read_settings(home: Path, client: str, period: Period, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The parameters of one client and period, all layers laid over one another.

    Args:
        home: the folder that holds ``params/``.
        client: name of the folder in ``params/``.
        period: a period with a file of its own in it.
        overrides: dotted keys and values laid over the files, ``{"grading.rfm.bins": 4, "goals.repeat.change": 0.02}``.

    Raises:
        WorkbookError: for an unknown client or period.
        SettingsError: with every fault of every file.
    """
    engagement_file(home, client)
    period_file(home, client, period)
    settings, problems = _read(home, client, period, overrides or {})
    if settings is None or problems:
        raise SettingsError(problems)
    return settings


def check_settings(home: Path, client: str, wanted: Iterable[Period] | None = None) -> list[Problem]:
    """Every fault of the client's engagement and period files, each once; empty where all is well.

    Raises:
        WorkbookError: for an unknown client or period.
    """
    engagement_file(home, client)
    several: list[Period | None] = [*(periods(home, client) if wanted is None else wanted)]
    for period in several:
        if period:
            period_file(home, client, period)
    found: dict[Problem, None] = {}
    for period in several or [None]:
        found |= dict.fromkeys(_read(home, client, period, {})[1])
    return list(found)


def judged(
    home: Path,
    client: str,
    period: Period,
    judge: Callable[[Settings], Iterable[Fault]],
    overrides: Mapping[str, Any] | None = None,
) -> list[Problem]:
    """What *judge* finds in settings that are sound by themselves, each with its file, line and key.

    Raises:
        SettingsError: where they are not sound.
    """
    tree, problems = _layers(home, client, period, overrides or {})
    settings, faults = validated(tree) if tree else (None, [])
    if tree is None or settings is None or problems:
        raise SettingsError(_each_place_once(problems + faults))
    return [_cross(tree, fault) for fault in judge(settings)]


def own_checks_of(home: Path) -> tuple[dict[str, list[OwnCheck]], list[str]]:
    """The checks of the consultant's own in all engagements of a home: file → its checks; and clients at fault."""
    found: dict[str, list[OwnCheck]] = {}
    at_fault = []
    for client in clients(home):
        tree, problems = _layers(home, client, None, {})
        settings, faults = validated(tree) if tree else (None, [])
        if tree is None or settings is None or problems or faults:
            at_fault.append(client)
            continue
        for i, own in enumerate(settings.diagnosis.checks):
            *_, (_, node) = walked(tree, ("diagnosis", "checks", i))
            found.setdefault(node.file, []).append(own)
    return found, at_fault


def check_words(home: Path, client: str, period: Period, words: str) -> list[Problem]:
    """Every fault there would be if the period's file held *words*."""
    return _read(home, client, period, {}, words)[1]


def settings_if(home: Path, client: str, period: Period, words: str) -> Settings:
    """The parameters there would be if the period's file held *words*.

    Raises:
        SettingsError: with every fault of the files.
    """
    settings, problems = _read(home, client, period, {}, words)
    if settings is None or problems:
        raise SettingsError(problems)
    return settings


def override_of(words: str) -> tuple[str, Any]:
    """A ``KEY=VALUE`` of the command line: the dotted key and the value; lists and mappings as YAML writes them in a line.

    >>> override_of("languages=[zh, en]")
    ('languages', ['zh', 'en'])

    Raises:
        UsageError: where there is no key, no ``=`` or no YAML.
    """
    key, equals, value = words.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set: found {words!r}, expected KEY=VALUE, such as grading.rfm.bins=4")
    value = value.strip()
    if value in ("null", "~"):
        return key.strip(), None
    if not value.startswith(("[", "{")):
        return key.strip(), value  # the field decides what the word means
    tree, problems = parse_tree(f"value: {value}", "--set")
    if tree is None or problems:
        raise UsageError(f"--set: found {words!r}, expected a list such as [zh, en] or a mapping such as {{a: 1}}")
    return key.strip(), plain(tree.value["value"])


def _read(
    home: Path, client: str, period: Period | None, overrides: Mapping[str, Any], period_words: str | None = None
) -> tuple[Settings | None, list[Problem]]:
    tree, problems = _layers(home, client, period, overrides, period_words)
    settings, faults = validated(tree) if tree else (None, [])
    return settings, _each_place_once(problems + faults)


def _layers(
    home: Path, client: str, period: Period | None, overrides: Mapping[str, Any], period_words: str | None = None
) -> tuple[Node | None, list[Problem]]:
    """All layers laid over one another; None where a file cannot be read as YAML."""
    problems: list[Problem] = []
    layers: list[Node] = []
    path = home / "params" / client / ENGAGEMENT
    tree, faults = read_tree(path, shown(home, path))
    problems += faults
    if tree is None and not faults:
        problems.append(Problem(shown(home, path), 1, "", "an empty file", "at least 'client:' with a name"))
    unreadable = tree is None
    if tree:
        tree, faults = with_check_files(tree, home, client)
        problems += faults
        tree, faults = with_label_file(tree, home, client)
        problems += faults
        layers.append(tree)
    if period:
        path = home / "params" / client / f"{period.name}.yaml"
        name = shown(home, path)
        tree, faults = read_tree(path, name) if period_words is None else parse_tree(period_words, name)
        problems += faults
        unreadable |= tree is None and bool(faults)
        if tree:
            layers.append(tree)
    if unreadable:
        return None, problems  # what is missing below would only be told wrongly
    top = defaults()
    starter, faults = _starter(layers, overrides)
    problems += faults
    for layer in ([starter] if starter else []) + layers:
        top = merged(top, layer)
    for key, value in overrides.items():
        top, fault = placed(top, key, value, OVERRIDES)
        problems += [fault] if fault else []
    return top, problems


def _starter(layers: list[Node], overrides: Mapping[str, Any]) -> tuple[Node | None, list[Problem]]:
    named = [layer.value["template"] for layer in layers if "template" in layer.value]
    if "template" in overrides:
        named.append(node_of(overrides["template"], OVERRIDES))
    if not named or not isinstance(named[-1].value, str):
        return None, []
    name, node = named[-1].value, named[-1]
    path = templates_folder() / "engagements" / f"{name}.yaml"
    known = sorted(p.stem for p in path.parent.glob("*.yaml"))
    if name not in known:
        return None, [Problem(node.file, node.line, "template", repr(name), choice(name, known, "no template"))]
    return read_tree(path, f"templates/engagements/{name}.yaml")


def defaults() -> Node:
    """The defaults of the models that a file may give in part: lists whose items have an id, and mappings with an entry
    ``default`` for all else, such as the service limits."""

    def of(section: type[BaseModel]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, field in section.model_fields.items():
            default = None if field.is_required() else field.get_default(call_default_factory=True)
            if isinstance(default, Section) and (inner := of(type(default))):
                found[name] = inner
            elif isinstance(default, dict) and "default" in default:
                found[name] = default
            elif isinstance(default, list) and default and isinstance(default[0], Section):
                full = tuple(key for key, part in type(default[0]).model_fields.items() if part.is_required())
                if "id" in full:
                    items = node_of([item.model_dump(exclude_unset=True) for item in default], "")
                    found[name] = replace(items, complete=full)
        return found

    return node_of(of(Settings), "")


def validated(tree: Node) -> tuple[Settings | None, list[Problem]]:
    """The settings that a tree holds, and every fault in it."""
    data = plain(tree)
    settings, errors = _validate(tree, data)
    problems = [_problem(tree, error) for error in errors]
    if settings is None:
        # sections without a fault are still checked against one another, so that all faults are told at once
        bad = {str(error["loc"][0]) for error in errors}
        rest = {key: value for key, value in data.items() if key not in bad}
        settings, _ = _validate(tree, {"client": {"name": "-"}, **rest})
        faults = check(settings) if settings else []
        problems += [_cross(tree, f) for f in faults if f.path[0] not in bad and not _fixed_level(tree, f)]
        settings = None
    else:
        problems += _mistyped(tree, settings)
        problems += [_cross(tree, fault) for fault in check(settings) if not _fixed_level(tree, fault)]
    return (None if problems else settings), _each_place_once(problems)


def _each_place_once(problems: list[Problem]) -> list[Problem]:
    """The first problem of each place: alternatives of a type, and what follows from a slip, say no more."""
    first: dict[tuple[str, int | None, str], Problem] = {}
    for problem in problems:
        first.setdefault((problem.file, problem.line, problem.key), problem)
    return list(first.values())


def _validate(tree: Node, data: dict[str, Any]) -> tuple[Settings | None, list[ErrorDetails]]:
    """Validate, mending what YAML typed otherwise than the field: 00123 as text, a section whose lines are all comments."""
    mended: set[Path_] = set()
    while True:
        try:
            return Settings.model_validate(data), []
        except ValidationError as fault:
            errors = fault.errors(include_url=False, include_context=True)
        again = False
        for error in errors:
            steps = list(walked(tree, error["loc"]))
            path = tuple(part for part, _ in steps)
            if not steps or path in mended:
                continue
            node = steps[-1][1]
            if error["type"] == "string_type" and node.raw and not isinstance(node.value, str) and node.value is not None:
                _set(data, path, node.raw)
            elif error["type"] in _EMPTY_SECTION and node.value is None and node.raw == "":
                _drop(data, path)
            else:
                continue
            mended.add(path)
            again = True
        if not again:
            return None, errors


_EMPTY_SECTION = {"model_type", "list_type", "dict_type", "model_attributes_type", "mapping_type"}


def _holder(data: Any, path: Path_) -> Any:
    for part in path[:-1]:
        data = data[part if isinstance(data, list) else str(part)]
    return data


def _set(data: Any, path: Path_, value: Any) -> None:
    holder = _holder(data, path)
    holder[path[-1] if isinstance(holder, list) else str(path[-1])] = value


def _drop(data: Any, path: Path_) -> None:
    holder = _holder(data, path)
    if isinstance(holder, dict):
        holder.pop(str(path[-1]), None)


def _problem(tree: Node, error: ErrorDetails) -> Problem:
    loc = error["loc"]
    steps = list(walked(tree, loc))
    path = tuple(part for part, _ in steps)
    if error["type"] == "missing":
        path = tuple(loc)
        slot = slot_at(path)
        expected = allowed(slot) if slot else "a value"
        return _at(tree, path, "nothing", expected)
    if error["type"] == "extra_forbidden":
        return _unknown_key(tree, path)
    slot = slot_at(path)
    node = steps[-1][1] if steps else tree
    expected = allowed(slot) if slot else error["msg"]
    hint = ""
    if slot and isinstance(node.value, str) and expected.startswith("one of "):
        hint = _meant(node.value, expected.removeprefix("one of ").split(", "))
    return _at(tree, path, node.found, expected, hint)


def _unknown_key(tree: Node, path: Path_) -> Problem:
    above = slot_at(path[:-1])
    sections = [above.section] if above and above.section else []
    known = list(sections[0].model_fields) if sections else []
    hint = _meant(str(path[-1]), known) or _elsewhere(str(path[-1]))
    expected = f"one of {', '.join(known)}" if len(known) <= 12 else "a known key"
    return _at(tree, path, "a key that does not exist", expected, hint)


def _meant(word: str, known: list[str]) -> str:
    nearest = get_close_matches(word, known, 1, 0.55)
    return f"did you mean {nearest[0]!r}?" if nearest else ""


def _elsewhere(word: str) -> str:
    """Where a key of that very name does exist: the usual slip is a wrong indent."""
    places = [name for name, field in Settings.model_fields.items() if word in _keys_of(field.annotation)]
    return f"did you mean '{places[0]}.{word}'?" if places else ""


def _keys_of(kind: Any) -> list[str]:
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def _at(tree: Node, path: Path_, found: str, expected: str, hint: str = "") -> Problem:
    """The problem at the nearest place on the way to *path* that a file wrote."""
    written = [node for _, node in walked(tree, path) if node.file]
    place = written[-1] if written else _first_file(tree)
    return Problem(place.file, place.line, dotted(path, tree), found, expected, hint)


def _first_file(tree: Node) -> Node:
    entries = [node for node in tree.value.values() if node.file]
    return Node(None, None, entries[0].file, 1) if entries else Node(None, None, OVERRIDES)


def _cross(tree: Node, fault: Fault) -> Problem:
    return _at(tree, fault.path, fault.found, fault.expected, fault.hint)


def _fixed_level(tree: Node, fault: Fault) -> bool:
    """Whether a goal's target is the level that a later layer fixed its change at: that is no contradiction."""
    if fault.path[0] != "goals" or fault.path[-1] != "target":
        return False
    goal = list(walked(tree, fault.path[:-1]))[-1][1]
    return _layer(goal.value["target"]) > _layer(goal.value["change"])


def _layer(node: Node) -> int:
    """The place of a value's file in the order of the layers."""
    if node.file == OVERRIDES:
        return 3
    return 0 if node.file.startswith("templates/") else 1 if node.file.endswith(f"/{ENGAGEMENT}") else 2


def _mistyped(tree: Node, settings: Settings) -> list[Problem]:
    """Values that pydantic would bend: true as the number 1, 20251231 as a moment in 1970."""
    return [
        _at(tree, path, node.found, allowed(slot))
        for path, node, value in _leaves(tree, settings, ())
        if _bent(node, value) and (slot := slot_at(path)) and not (node.value is None and optional(slot))
    ]


def _bent(node: Node, value: Any) -> bool:
    if isinstance(value, bool):
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)
    if isinstance(value, int | float):
        return isinstance(node.value, bool)
    if isinstance(value, dt.date):
        return not isinstance(node.value, dt.date) and not _ISO_DAY.fullmatch(str(node.value))
    return False


def _leaves(node: Node, value: Any, path: Path_) -> Iterable[tuple[Path_, Node, Any]]:
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            below = (
                getattr(value, key, None)
                if isinstance(value, BaseModel)
                else value.get(key)
                if isinstance(value, Mapping)
                else None
            )
            yield from _leaves(child, below, (*path, key))
    elif isinstance(node.value, list) and isinstance(value, list | tuple):
        for i, (child, below) in enumerate(zip(node.value, value, strict=False)):
            yield from _leaves(child, below, (*path, i))
    else:
        yield path, node, value

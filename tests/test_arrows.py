"""Who may know whom (design: rooms). An import against the arrows, or a circle, fails here with its file and line."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "workbook"
METHODS = ("sources", "diagnosis", "voice", "grading", "value", "strategy", "pilots", "review")
GROUND = ("errors", "language", "period", "places", "tables", "settings.models", "service_hours",
          "report.blocks", "report.cells", "report.figures", "stages")  # fmt: skip

# room → what it may import besides itself and, for methods, nothing of each other; a name admits all that lies in it
PERMITTED: dict[str, tuple[str, ...]] = {
    "errors": (),
    "places": (),
    "period": ("errors",),
    "language": ("errors", "places"),
    "tables": ("errors", "period"),
    "clocks": ("tables",),
    "service_hours": ("clocks", "errors", "tables", "settings.models", "settings.diagnosing"),
    "stages": ("errors",),
    **dict.fromkeys(METHODS, tuple(name for name in GROUND if name != "stages")),
    "settings": (*GROUND,),
    "report": (*GROUND, "store"),
    "store": (*GROUND,),
    "synthetic": (*GROUND,),
    "ledger": (*GROUND,),
    # what was published, read again: manifests, artefacts and the blocks of executed notebooks
    "diff": (*GROUND, "report"),
    "overview": (*GROUND, "settings.folders", "report", "run.published", "run.stamp"),
    # the book opens the delivery, shows blocks and keeps artefacts; methods are called by the notebooks
    "book": (*GROUND, "settings", "store", "ledger", "report", "sources.prepare"),
    # the run knows notebooks and stages; the delivery is prepared before the first kernel, so that its faults come at once
    "run": (
        *GROUND,
        "settings",
        "ledger",
        "store",
        "checking",
        "expressions",
        "report.build",
        "report.templating",
        "sources.prepare",
        "sources.delivery",
    ),
    "accepting": (*GROUND, "settings", "store", "ledger", "run.manifest", "run.publish"),
    # single customers graded again between periods: files in, the ledger out
    "regrading": (*GROUND, "settings", "store", "ledger", "grading", "sources.read", "report.screen"),
    "events": (*GROUND, "settings", "ledger", "grading", "regrading", "accepting", "report.excel"),
    "appeals": (*GROUND, "settings", "ledger", "grading", "regrading", "accepting", "report.excel"),
    "replaying": (*GROUND, "ledger", "grading"),
    "weighing": (*GROUND, "settings", "grading", "report.blocks", "report.excel"),
    "competing": (*GROUND, "settings", "voice"),
    # comments drawn from the prepared delivery for a person to judge, and the judgement read back
    "labelling": (*GROUND, "settings", "voice", "sources.prepare", "regrading", "report.excel"),
    # a customer is looked up in what was published and given
    "customer": (*GROUND, "settings", "store", "ledger", "grading", "regrading", "report.screen"),
    "checking": (*GROUND, "settings", "sources.prepare", "expressions"),
    # the SQL of the settings is judged on an empty profile
    "expressions": (*GROUND, "settings", "sources.profile", "sources.scope"),
    "lab": (*GROUND, "settings"),
    # looks into a client's folder by the reader's own inspection, and writes settings
    "opening": (*GROUND, "settings", "sources.inspection", "sources.parsing", "sources.waits"),
    # questionnaires as files: what the method room declares, written and read as Excel
    "forms": (*GROUND, "report.excel", "voice.answers", "voice.questionnaires"),
    "cli": (*GROUND, "commands", "run.failures"),
    "commands": (
        *GROUND,
        "settings",
        "store",
        "run",
        "ledger",
        "diff",
        "overview",
        "sources.prepare",
        "synthetic",
        "accepting",
        "checking",
        "weighing",
        "competing",
        "labelling",
        "customer",
        "lab",
        "opening",
        "report",
        "events",
        "appeals",
        "replaying",
        "forms",
        "diagnosis.catalogue",  # what `workbook explain checks` lists
    ),
    "__main__": ("cli", "run.steady"),
}


def modules() -> dict[str, Path]:
    """Module name without ``workbook.`` → its file."""
    names = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = list(path.relative_to(SOURCE).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        names[".".join(parts)] = path
    return names


MODULES = modules()


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Modules of the package that a file imports, at its head or later, with the line."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative imports hide the room"
            base = node.module or ""
            inner = [f"{base}.{alias.name}" for alias in node.names]
            names = [name if name.removeprefix("workbook.") in MODULES else base for name in inner]
        else:
            continue
        for name in names:
            if name == "workbook" or name.startswith("workbook."):
                yield name.removeprefix("workbook").removeprefix("."), node.lineno


def within(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


@pytest.mark.parametrize("module", [name for name in MODULES if name])
def test_a_module_imports_only_what_its_room_may_know(module: str) -> None:
    room = module.partition(".")[0]
    assert room in PERMITTED, f"src/workbook/{room} is not one of the rooms"
    wrong = [
        f"{MODULES[module]}:{line}: {module} may not import {name}"
        for name, line in imports(MODULES[module])
        if name and not within(name, (room, *PERMITTED[room]))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_circle_of_imports() -> None:
    graph = {module: {name for name, _ in imports(path) if name not in ("", module)} for module, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(f"imports run in a circle: {' → '.join(circle.args[1])}")

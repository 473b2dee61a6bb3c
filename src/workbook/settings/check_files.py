"""Checks of the consultant's own that stand in files of their own: ``params/<client>/checks/<id>.sql``.

The comment at the head of such a file declares the check (the keys of diagnosis.checks as YAML); the query follows.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from workbook.errors import Problem
from workbook.settings.folders import shown
from workbook.settings.tree import Node, parse_tree

FOLDER = "checks"

_HEAD = "a comment that declares the check, such as '-- module: service', and below it the query"


def with_check_files(tree: Node, home: Path, client: str) -> tuple[Node, list[Problem]]:
    """The engagement's *tree* with the checks of the client's files behind those of diagnosis.checks, and every fault found.

    Each value keeps the file and line where it stands, so that all that is judged later is told there.
    """
    problems: list[Problem] = []
    items: list[Node] = []
    folder = home / "params" / client / FOLDER
    for path in sorted(folder.glob("[!.]*")):  # what a machine leaves there (.DS_Store) is no check
        item, faults = _read(path, shown(home, path))
        problems += faults
        items += [item] if item else []
    if not items:
        return tree, problems
    diagnosis = tree.value.get("diagnosis")
    if diagnosis is None or diagnosis.value is None:
        diagnosis = Node({}, None, items[0].file, 1)
    if not isinstance(diagnosis.value, dict):
        return tree, problems  # told as what it is
    given = diagnosis.value.get("checks")
    if given is not None and given.value is not None and not isinstance(given.value, list):
        return tree, problems
    there = list(given.value or []) if given is not None else []
    names = {str(node.value["id"].value): node for node in there if isinstance(node.value, dict) and "id" in node.value}
    for item in items:
        name = str(item.value["id"].value)
        if name in names:
            place = f"{names[name].file}, line {names[name].line}"
            problems.append(
                Problem(item.file, 1, f"diagnosis.checks.{name}", f"a check that stands in {place}, too",
                        "a check in one place", "give the file another name")
            )  # fmt: skip
    checks = Node([*there, *items], None, tree.file, given.line if given is not None else 1)
    section = replace(diagnosis, value={**diagnosis.value, "checks": checks})
    return replace(tree, value={**tree.value, "diagnosis": section}), problems


def _read(path: Path, name: str) -> tuple[Node | None, list[Problem]]:
    if path.suffix != ".sql" or not path.is_file():
        return None, [Problem(name, None, "", f"a file called {path.name!r}", "a check in a file called <id>.sql")]
    content = path.read_bytes()
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as fault:
        line = content[: fault.start].count(b"\n") + 1
        return None, [Problem(name, line, "", "bytes that are not UTF-8", "a text file in UTF-8", "save it as UTF-8")]
    last = next((i for i, line in enumerate(lines) if not line.lstrip().startswith("--") and line.strip()), len(lines))
    head = [line.lstrip().removeprefix("--").removeprefix(" ") for line in lines[:last]]  # a line a line: numbers stay
    tree, problems = parse_tree("\n".join(head), name)
    if tree is None:
        return None, problems or [Problem(name, 1, "", "no declaration", _HEAD)]
    for key in ("id", "sql"):
        if key in tree.value:
            what = "the file's name" if key == "id" else "the query below the comment"
            problems.append(Problem(name, tree.value[key].line, key, f"the key {key}", f"{what} instead of it"))
    if last == len(lines):
        problems.append(Problem(name, len(lines), "", "no query", _HEAD))
    if problems:
        return None, problems
    query = Node("\n".join(lines[last:]), None, name, last + 1)
    return Node({"id": Node(path.stem, None, name, 1), **tree.value, "sql": query}, None, name, 1), []

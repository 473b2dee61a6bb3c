"""A notebook is the method told to a reader: no machinery in it, one way to open, nothing executed in what is committed."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from workbook.stages import STAGES, stage
from workbook.strategy.tier_lists import Department

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("[0-9]_*.ipynb"))
MOST_LINES = 10
MOST_CALLS = 3

ALLOWED = (
    ast.Module, ast.Import, ast.ImportFrom, ast.alias, ast.Assign, ast.Expr, ast.Call, ast.keyword, ast.Attribute, ast.Name,
    ast.Constant, ast.Load, ast.Store, ast.Starred, ast.Tuple, ast.List, ast.Dict, ast.UnaryOp, ast.USub,
)  # fmt: skip
"""What a cell may be made of: imports, names, calls and plain values. No loop, no function, no arithmetic, no indexing."""

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).as_posix())


def cells(path: Path, kind: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["cells"]
    return [cell for cell in found if kind is None or cell["cell_type"] == kind]


def code(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def calls(path: Path) -> Iterator[ast.Call]:
    for cell in cells(path, "code"):
        yield from (node for node in ast.walk(ast.parse(code(cell))) if isinstance(node, ast.Call))


def book_calls(path: Path, method: str) -> list[str]:
    """The first argument of each ``book.<method>("…")``."""
    return [
        ast.literal_eval(call.args[0])
        for call in calls(path)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == method
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "book"
    ]


def test_a_cell_is_made_of_imports_calls_and_plain_values(path: Path) -> None:
    for cell in cells(path, "code"):
        for node in ast.walk(ast.parse(code(cell))):
            line = getattr(node, "lineno", 0)
            assert isinstance(node, ALLOWED), f"cell {cell['id']}, line {line}: {type(node).__name__} belongs in the package"


def test_a_cell_has_at_most_ten_lines_and_calls_at_most_three_functions_of_the_package(path: Path) -> None:
    modules = {
        alias.asname or alias.name
        for cell in cells(path, "code")
        for node in ast.walk(ast.parse(code(cell)))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("workbook")
        for alias in node.names
    } - {"Book"}
    for cell in cells(path, "code"):
        assert len([line for line in code(cell).splitlines() if line.strip()]) <= MOST_LINES, cell["id"]
        called = [
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(code(cell)))
            if isinstance(node, ast.Call) and re.fullmatch(r"(\w+)(\.\w+)*", ast.unparse(node.func))
            if ast.unparse(node.func).split(".")[0] in modules
        ]
        assert len(called) <= MOST_CALLS, f"cell {cell['id']} calls {called}"


def test_only_the_package_is_imported_and_only_at_the_head(path: Path) -> None:
    for cell in cells(path, "code"):
        for node in ast.walk(ast.parse(code(cell))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert cell["id"] == "open", f"cell {cell['id']} imports"
                assert isinstance(node, ast.ImportFrom) and str(node.module).startswith("workbook"), ast.unparse(node)


def test_one_cell_is_tagged_parameters_and_holds_client_period_and_overrides(path: Path) -> None:
    (cell,) = [cell for cell in cells(path) if "parameters" in cell["metadata"].get("tags", [])]
    statements = ast.parse(code(cell)).body
    assert all(isinstance(statement, ast.Assign) for statement in statements)
    values = {ast.unparse(s.targets[0]): ast.literal_eval(s.value) for s in statements if isinstance(s, ast.Assign)}
    assert values == {"client": "demo", "period": "2025Q4", "overrides": {}}


def test_the_first_code_after_the_parameters_opens_the_book_of_its_own_stage(path: Path) -> None:
    parameters, opening = cells(path, "code")[:2]
    assert parameters["id"] == "parameters"
    assert f'book = Book.open(client, period, overrides, stage="{path.stem}")' in code(opening).splitlines()


def test_the_notebook_saves_loads_and_lists_what_its_stage_declares(path: Path) -> None:
    declared = stage(path.stem)
    assert sorted(book_calls(path, "save")) == sorted(declared.makes)
    assert set(book_calls(path, "load")) <= {*declared.needs, *declared.makes}
    assert set(book_calls(path, "previous")) <= set(declared.previous)
    named = set(book_calls(path, "write_list"))
    by_department = any("book.write_lists(" in code(cell) for cell in cells(path, "code"))
    assert named | (set(get_args(Department)) if by_department else set()) == set(declared.lists)


def test_prose_comes_first_and_again_after_at_most_three_cells_of_code(path: Path) -> None:
    kinds = "".join(cell["cell_type"][0] for cell in cells(path))
    assert kinds.startswith("m") and code(cells(path)[0]).startswith("# ")
    assert "cccc" not in kinds


def test_nothing_executed_is_committed(path: Path) -> None:
    for cell in cells(path, "code"):
        assert cell["outputs"] == [] and cell["execution_count"] is None, cell["id"]


def test_cell_ids_are_chosen_names_and_unique(path: Path) -> None:
    ids = [cell["id"] for cell in cells(path)]
    assert len(ids) == len(set(ids))
    wrong = [id for id in ids if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", id)]
    assert not wrong, f"{wrong}: not names (small letters, digits, hyphens)"


def test_kernel_and_format_are_plain(path: Path) -> None:
    notebook = json.loads(path.read_text("utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert notebook["metadata"]["language_info"] == {"name": "python"}


def test_every_stage_has_its_notebook(path: Path) -> None:
    assert sorted(p.stem for p in path.parent.glob("*.ipynb")) == [s.id for s in STAGES]

"""The pages of a run: one report a language, and an edition of each notebook with its code.

The six executed notebooks are joined to one notebook and exported by nbconvert through ``templates/report``.
"""

from __future__ import annotations

import base64
import functools
import html
import importlib.metadata
import mimetypes
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from markupsafe import Markup
from nbconvert.exporters import TemplateExporter
from nbformat import NotebookNode
from traitlets import default

import workbook
from workbook.errors import WorkbookError
from workbook.language import Edition, count, day, named, translation
from workbook.period import Period
from workbook.places import templates_folder
from workbook.report import fonts
from workbook.report.assemble import LESSON, Contents, assemble, bundles
from workbook.report.blocks import MIME
from workbook.report.colours import legible
from workbook.report.html import block_html
from workbook.report.markdown import markdown_html
from workbook.report.templating import anchor, css_string, environment
from workbook.report.words import chapter_name, method_notes, more_asks, more_unknown, page_words, period_words
from workbook.settings.models import Settings
from workbook.stages import STAGES
from workbook.store import Store

SOFTWARE = ("crm-workbook", "pandas", "duckdb", "numpy", "scipy", "matplotlib", "nbconvert")
FONTS = "/*fonts*/"
PARAMETERS = {"parameters", "injected-parameters"}


class PageExporter(TemplateExporter):
    """nbconvert with the report's own templates, escaping everything that is not marked as markup."""

    def __init__(self, template_file: str) -> None:
        super().__init__(template_file=template_file)  # type: ignore[no-untyped-call]

    @default("file_extension")
    def _html(self) -> str:
        return ".html"

    @default("template_paths")
    def _own_templates(self) -> list[str]:
        return [str(templates_folder() / "report")]

    def _create_environment(self) -> Any:
        return environment()

    def _preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Pages read notebooks as they are; nbconvert would copy and validate each several times first."""
        return nb, resources


@dataclass(frozen=True)
class Cover:
    """What stands on the first page, in words."""

    title: str
    client: str
    facts: tuple[tuple[str, str], ...]
    brand: str
    logo: str
    synthetic: bool


@dataclass(frozen=True)
class Appendix:
    """What closes the report besides definitions and changes."""

    method: tuple[str, ...]
    files: tuple[tuple[str, ...], ...]
    lists: tuple[str, ...]
    notebooks: tuple[tuple[str, str], ...]
    software: tuple[str, ...]


def build_report(
    folder: Path,
    settings: Settings,
    period: Period,
    client: str,
    home: Path,
    deliveries: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write the pages of one run.

    Args:
        folder: the run's folder, with ``notebooks/<stage>.ipynb`` as executed; the pages are written into it.
        settings: the engagement's settings; their languages decide which pages are made.
        period: the period analysed.
        client: name of the folder in ``params/``, beside whose settings the logo lies.
        home: folder that holds ``params/``, and ``outputs/``, where the fonts of pages are kept.
        deliveries: name of each delivered file → its SHA-256, for the appendix.

    Returns:
        The pages: ``report.<language>.html`` first, then ``notebooks/<stage>.<language>.html``.

    Raises:
        WorkbookError: where no executed notebook is there, or the logo is missing.
        StaleTranslation: where a text of a page has no words in a language.
    """
    notebooks = _read_notebooks(folder / "notebooks")
    run = _Run(folder, notebooks, settings, period, client, home, deliveries or {})
    pages = [_pages(run, edition) for edition in _editions(settings)]
    for page in pages:
        for path, content in page.items():
            path.write_text(content, "utf-8")
    reports = [path for page in pages for path in page if path.parent == folder]
    return reports + [path for page in pages for path in page if path.parent != folder]


def _editions(settings: Settings) -> list[Edition]:
    return [Edition(language, settings.currency, settings.analysis.small_cell) for language in settings.languages]


def _read_notebooks(folder: Path) -> dict[str, NotebookNode]:
    found = {s.id: folder / f"{s.id}.ipynb" for s in STAGES if (folder / f"{s.id}.ipynb").is_file()}
    if not found:
        raise WorkbookError(f"{folder}: no executed notebook is here; run the stages first")
    return {stage: nbformat.reads(path.read_text("utf-8"), as_version=4) for stage, path in found.items()}


@dataclass(frozen=True)
class _Run:
    """What the pages of one run are made of."""

    folder: Path
    notebooks: Mapping[str, NotebookNode]
    settings: Settings
    period: Period
    client: str
    home: Path
    deliveries: Mapping[str, str]


def _pages(run: _Run, edition: Edition) -> dict[Path, str]:
    """All pages of one language: path → content."""
    language = edition.language
    cover = _cover(run, edition)
    contents = assemble(run.notebooks, edition, cover.client)
    words = page_words(edition)
    shared = {
        "words": words,
        "language": {"en": "en", "zh": "zh-Hans"}[language],
        "code": language,
        "cover": cover,
        "brand_colour": run.settings.report.brand.colour,
        "brand_text": legible(run.settings.report.brand.colour),
        "footer": css_string(f"{cover.client} – {cover.title}"),
        "ribbon": css_string(f"{words['synthetic']}{words['colon']}{words['synthetic_more']}"),
    }
    others = [(e.language, {"en": "English", "zh": "中文"}[e.language]) for e in _editions(run.settings) if e != edition]
    pages = {
        run.folder / f"report.{language}.html": _export(
            _joined(run.notebooks),
            "report.html.j2",
            {
                **shared,
                "contents": contents,
                "appendix": _appendix(run, edition),
                "others": others,
                "more_asks": more_asks(contents.summary.more_asks).render(edition),
                "more_unknown": more_unknown(contents.summary.more_unknown).render(edition),
            },
        )
    }
    for stage, notebook in run.notebooks.items():
        pages[run.folder / "notebooks" / f"{stage}.{language}.html"] = _export(
            notebook,
            "notebook.html.j2",
            {**shared, "stage": stage, "name": chapter_name(stage).render(edition),
             "cells": _cells(notebook, stage, contents, language), "others": others,
             "chapter": anchor("chapter", stage)},
        )  # fmt: skip
    face = fonts.page_font((_visible(page) for page in pages.values()), language, run.home)
    return {path: page.replace(FONTS, face, 1) for path, page in pages.items()}


def _export(notebook: NotebookNode, template: str, resources: dict[str, Any]) -> str:
    exporter = PageExporter(template_file=template)
    page, _ = exporter.from_notebook_node(notebook, {"page": resources})
    return str(page)


def _joined(notebooks: Mapping[str, NotebookNode]) -> NotebookNode:
    """The notebooks of a run as one, in the order of the chapters."""
    cells = [
        NotebookNode({**cell, "id": f"{place}-{cell.id}"[:64]})
        for place, notebook in enumerate(notebooks.values(), start=1)
        for cell in notebook.cells
    ]
    return NotebookNode(nbformat=4, nbformat_minor=5, metadata=NotebookNode(), cells=cells)


def _visible(page: str) -> str:
    """A page without its pictures: the characters that the font must have."""
    return html.unescape(re.sub(r"base64,[A-Za-z0-9+/=]+", "", page))


def _cover(run: _Run, edition: Edition) -> Cover:
    words, settings, period = page_words(edition), run.settings, run.period
    name = named(settings.client.name).render(edition)
    author = named(settings.report.author).render(edition)
    facts = [
        (words["period"], period_words(period, edition)),
        (words["cut_off"], day(period.end).render(edition)),
        (words["version"], workbook.__version__),
        (words["author"], author),
    ]
    return Cover(
        title=named(settings.report.title).render(edition),
        client=name,
        facts=tuple(fact for fact in facts if fact[1]),
        brand=named(settings.report.brand.name).render(edition),
        logo=_logo(run),
        synthetic=settings.client.synthetic,
    )


def _logo(run: _Run) -> str:
    """The logo as a data address; empty where the brand has none.

    Raises:
        WorkbookError: where the file is missing, lies elsewhere or is no picture.
    """
    logo = run.settings.report.brand.logo
    if not logo:
        return ""
    engagement = (run.home / "params" / run.client).resolve()
    path = (engagement / logo).resolve()
    kind = mimetypes.guess_type(path.name)[0]
    if engagement not in path.parents or not path.is_file() or kind not in ("image/png", "image/svg+xml", "image/jpeg"):
        raise WorkbookError(f"report.brand.logo: found {logo!r}, expected a PNG, JPEG or SVG file in {engagement}")
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _appendix(run: _Run, edition: Edition) -> Appendix:
    lists, analysis = run.folder / "lists", run.settings.analysis
    return Appendix(
        method=tuple(method_notes(analysis.confidence, analysis.small_cell, edition)),
        files=tuple(_delivered(run.folder, run.deliveries, edition)),
        lists=tuple(sorted(p.name for p in lists.iterdir() if p.is_file())) if lists.is_dir() else (),
        notebooks=tuple(
            (chapter_name(stage).render(edition), f"notebooks/{stage}.{edition.language}.html") for stage in run.notebooks
        ),
        software=tuple(_software()),
    )


def _delivered(folder: Path, deliveries: Mapping[str, str], edition: Edition) -> list[tuple[str, ...]]:
    """The delivered files: name, table, rows in, rows kept and the head of the SHA-256, as far as each is known."""
    store = Store(folder / "tables")
    ledger = store.read("row_ledger") if store.has("row_ledger") else None
    if not isinstance(ledger, pd.DataFrame):
        return [(name, "", "", "", digest[:12]) for name, digest in sorted(deliveries.items())]
    return [
        (
            str(row["file"]),
            str(row["table"]),
            count(row["rows_in"]).render(edition),
            count(row["rows_kept"]).render(edition),
            deliveries.get(str(row["file"]), "")[:12],
        )
        for row in ledger.sort_values(["file", "table"], kind="stable").to_dict("records")
    ]


@functools.cache
def _software() -> Sequence[str]:
    return [f"Python {platform.python_version()}", *(f"{name} {importlib.metadata.version(name)}" for name in SOFTWARE)]


def _cells(notebook: NotebookNode, stage: str, contents: Contents, language: str) -> list[dict[str, Any]]:
    """The cells of a notebook edition: words in the language, code highlighted, blocks as in the report."""
    cells: list[dict[str, Any]] = []
    for place, cell in enumerate(notebook.cells):
        tags = set(cell.metadata.get("tags", []))
        name = "parameters-" + str(place) if tags & PARAMETERS else cell.id
        if cell.cell_type == "markdown":
            source = cell.source if language == "en" else translation(f"notebooks.{stage}.{cell.id}", cell.source, language)
            cells.append({"kind": "lesson" if LESSON in tags else "prose", "anchor": anchor("cell", name),
                          "html": markdown_html(source, top=1)})  # fmt: skip
        elif cell.cell_type == "code":
            cells.append({"kind": "code", "anchor": anchor("cell", name), "html": _highlighted(cell.source),
                          "outputs": _outputs(cell, stage, contents, language), "name": name})  # fmt: skip
    return cells


def _outputs(cell: NotebookNode, stage: str, contents: Contents, language: str) -> list[Markup]:
    shown = [Markup(block_html(bundle, language, contents.numbers.get((stage, bundle["id"])))) for bundle in bundles(cell)]
    plain = [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
        if MIME not in output.get("data", {})
    ]
    return shown + [Markup("<pre>{}</pre>").format(words) for words in plain if words]


def _highlighted(code: str) -> Markup:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return Markup(highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)))

"""What a notebook holds in its hand: settings, canonical tables, artefacts in and artefacts out, and how results show.

>>> book = Book.open("demo", "2025Q4", stage="4_strategy")  # doctest: +SKIP
>>> profile = book.load("profile")  # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import display

from workbook.errors import UndeclaredRead, WorkbookError
from workbook.language import Edition, named
from workbook.ledger import given_before
from workbook.period import Period
from workbook.places import PREVIOUS, WORKSPACE_VARIABLE, home_folder
from workbook.report import html
from workbook.report.blocks import MIME, Block, NotMeasured, Sheet, Table
from workbook.report.excel import About, write_csv, write_excel
from workbook.settings.declared import declared
from workbook.settings.models import Settings
from workbook.settings.reading import earlier_periods, read_settings
from workbook.sources.prepare import Preparation, prepare
from workbook.stages import EVERY_STAGE, Stage, stage
from workbook.store import Artefact, Store
from workbook.tables import Tables


@dataclass(frozen=True)
class Book:
    """One stage of one client and period, open for work.

    Attributes:
        stage: the stage as declared in stages.py.
        settings: validated parameters of client and period; those that the stage does not declare raise when they are read.
        period: the period analysed.
        preparation: how the delivery became the canonical tables (row ledger, quarantine, repairs).
        tables: the canonical tables.
        home: folder that holds params/, data/ and outputs/.
    """

    stage: Stage
    client: str
    period: Period
    settings: Settings
    preparation: Preparation
    tables: Tables
    home: Path
    workspace: Path
    _shown: dict[str, Block] = field(default_factory=dict)

    @classmethod
    def open(cls, client: str, period: object, overrides: Mapping[str, Any] | None = None, *, stage: str) -> Book:
        """Read the settings and bring the delivery to the canonical tables, unless that was done before.

        Args:
            client: name of the folder in params/.
            period: ``2025Q4``, ``2025-11``, ``2025H2`` or ``2025`` (a number will do).
            overrides: settings to replace, ``{"grading.rfm.bins": 4}``.
            stage: the notebook that opens the book, e.g. ``4_strategy``.

        Raises:
            WorkbookError: where settings or delivery are at fault; the message says where and what to do.
        """
        home, when = home_folder(), Period.parse(period)
        settings = read_settings(home, client, when, overrides)
        preparation = prepare(home, client, when, settings)
        named = os.environ.get(WORKSPACE_VARIABLE)
        workspace = Path(named) if named else home / "outputs" / client / ".draft" / when.name
        chosen = find_stage(stage)
        seen = declared(settings, EVERY_STAGE + chosen.settings, chosen.id)
        return cls(chosen, client, when, seen, preparation, preparation.tables, home, workspace)

    @property
    def editions(self) -> tuple[Edition, ...]:
        """The languages (with the currency) in which results show, the leading one first."""
        return tuple(
            Edition(language, self.settings.currency, self.settings.analysis.small_cell) for language in self.settings.languages
        )

    def show(self, *blocks: Block) -> None:
        """Show results, one output each, with their words in every language of the settings.

        Raises:
            WorkbookError: where an id was shown before in this notebook (ids carry comments and comparisons).
        """
        for block in blocks:
            if isinstance(block, NotMeasured) and self._shown.get(block.id) == block:
                continue  # one note is enough for all parts of one missing result
            if block.id in self._shown:
                raise WorkbookError(f"{self.stage.id}: two blocks have the id {block.id!r}; ids must be unique in a notebook")
            self._shown[block.id] = block
            bundle = block.bundle(self.editions, self.settings.report.rows)
            page = html.block_html(bundle, self.settings.languages[0])
            shown = {MIME: bundle, "text/html": page, "text/plain": f"<{bundle['kind']} {block.id}>"}
            display(shown, raw=True)  # type: ignore[no-untyped-call]

    def save(self, name: str, value: Artefact) -> None:
        """Save an artefact for later stages.

        Raises:
            UndeclaredRead: where stages.py does not say that this stage makes it.
        """
        if name not in self.stage.makes:
            raise UndeclaredRead(f"{self.stage.id} saves {name!r}, which stages.py does not list under makes")
        Store(self.workspace / "tables").write(name, value)

    def load(self, name: str) -> Any:
        """An artefact of an earlier stage of this period: a frame, a dict or NotMeasured.

        Raises:
            UndeclaredRead: where stages.py does not say that this stage needs it.
            WorkbookError: where the earlier stage has not run.
        """
        if name not in self.stage.needs + self.stage.makes:
            raise UndeclaredRead(f"{self.stage.id} reads {name!r}, which stages.py does not list under needs")
        drafted = Store(self.workspace / "tables")
        published = Store(self.published(self.period) / "tables")
        if drafted.has(name) or not published.has(name):
            return drafted.read(name)
        return published.read(name)

    def previous(self, name: str) -> Any:
        """An artefact of the previous period (the latest earlier one of equal length), None where there is none.

        Raises:
            UndeclaredRead: where stages.py does not say that this stage reads it.
        """
        if name not in self.stage.previous:
            raise UndeclaredRead(f"{self.stage.id} reads {name!r} of the previous period, which stages.py does not list")
        earlier = earlier_periods(self.home, self.client, self.period)
        if not earlier:
            return None
        laid_out = self.workspace / PREVIOUS
        store = Store(laid_out if laid_out.is_dir() else self.published(earlier[0]) / "tables")
        return store.read(name) if store.has(name) else None

    def ledger(self, kind: str) -> pd.DataFrame | NotMeasured:
        """What was accepted for earlier periods, sorted by key; NotMeasured where nothing was.

        Records of this period and of later ones stay out of sight, so that a period run again gives the same bytes.

        Args:
            kind: ``grades``, ``policies``, ``cards``, ``looks``, ``decisions``, ``appeals`` or ``lessons``.

        Raises:
            UndeclaredRead: where stages.py does not say that this stage reads it.
            WorkbookError: where the ledger was changed by hand.
        """
        if kind not in self.stage.ledger:
            raise UndeclaredRead(f"{self.stage.id} reads {kind!r} of the ledger, which stages.py does not list under ledger")
        return given_before(self.home, self.client, kind, self.period)

    @property
    def window_months(self) -> int:
        """Months of the trailing window that the delivered orders cover: what notes say of it must be true of the data."""
        return self.tables.covered_months(self.settings.analysis.window_months)

    @property
    def compared(self) -> tuple[Period, Period]:
        """The previous period (the one before this where the client has none yet) and this one."""
        earlier = earlier_periods(self.home, self.client, self.period)
        return (earlier[0] if earlier else self.period.previous, self.period)

    def published(self, period: Period) -> Path:
        """The visible folder of a period's results."""
        return self.home / "outputs" / self.client / period.name

    def write_list(self, name: str, *tables: Table | Sheet | NotMeasured) -> None:
        """Write a file for the client's departments, ``lists/<name>.<language>.xlsx``, one for each language.

        A list of a single sheet is written as CSV beside it, for systems that import. What was not measured gives no file.

        Raises:
            UndeclaredRead: where stages.py does not say that this stage writes it.
        """
        if name not in self.stage.lists:
            raise UndeclaredRead(f"{self.stage.id} writes the list {name!r}, which stages.py does not list under lists")
        sheets = [Sheet(table.title, table) if isinstance(table, Table) else table for table in tables]
        measured = [sheet for sheet in sheets if isinstance(sheet, Sheet)]
        if not measured:
            return
        folder = self.workspace / "lists"
        folder.mkdir(parents=True, exist_ok=True)
        client = self.settings.client
        about = About(measured[0].name, named(client.name), self.period, synthetic=client.synthetic)
        for edition in self.editions:
            write_excel(folder / f"{name}.{edition.language}.xlsx", measured, edition, about)
            if len(measured) == 1:
                path = folder / f"{name}.{edition.language}.csv"
                write_csv(path, measured[0].table, edition, unmasked=measured[0].unmasked)

    def write_lists(self, lists: Mapping[str, Sequence[Table | Sheet | NotMeasured]]) -> None:
        """Write several files, name → its tables; see :meth:`write_list`."""
        for name, tables in lists.items():
            self.write_list(name, *tables)


find_stage = stage

"""What ``workbook new`` proposes: a source for every table found, with all that the settings say of it, and what is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbook.language import Text
from workbook.period import Period
from workbook.settings.models import Source
from workbook.sources.inspection.experiments import Experiment
from workbook.sources.inspection.extracts import Unread
from workbook.sources.inspection.match import Guess, Question
from workbook.sources.inspection.tables import Unplaced


@dataclass(frozen=True)
class ProposedSource:
    """A source of the settings, and why it is as it is.

    Attributes:
        source: as the settings will hold it.
        guesses: canonical column → the guess behind it.
        questions: canonical column → what could not be decided; they stand in ``source.todo``.
        confidence: of the table itself.
        rows: rows of its files.
        notes: what the reader should know of the table.
        column_notes: canonical column → what the reader should know of it.
        left: the files' own columns that are not used.
    """

    source: Source
    guesses: Mapping[str, Guess]
    questions: Mapping[str, Question]
    confidence: float
    rows: int
    notes: tuple[Text, ...] = ()
    column_notes: Mapping[str, tuple[Text, ...]] = field(default_factory=dict)
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """What a folder of files becomes.

    Attributes:
        sources: a table each.
        unplaced: tables that become nothing.
        unread: files that could not be read.
        period: the last period that the data cover whole; None where nothing is dated.
        currency: ISO code that the files show; None where they show none, or several.
        country: ISO code that the files show; None where they show none.
        experiments: pilots that the files tell of, with what their cards can be proposed of.
        partial_customers: customers that orders name, and those of them in the lists of customers, where lists lack many.
    """

    sources: tuple[ProposedSource, ...]
    unplaced: tuple[Unplaced, ...]
    unread: tuple[Unread, ...]
    period: Period | None
    currency: str | None
    country: str | None
    partial_customers: tuple[int, int] | None = None
    experiments: tuple[Experiment, ...] = ()

    @property
    def names(self) -> list[str]:
        """Tables and ``table.column`` that will be filled, each once."""
        names: dict[str, None] = {}
        for proposed in self.sources:
            source = proposed.source
            names |= dict.fromkeys([source.table, *(f"{source.table}.{c}" for c in (*source.columns, *source.constants))])
            names |= {"attributes": None} if source.attributes else {}
        return list(names)

    def open_questions(self) -> Sequence[tuple[ProposedSource, Question]]:
        """Everything that a person should decide, in the order of the sources."""
        return [(proposed, question) for proposed in self.sources for question in proposed.questions.values()]

"""From executed notebooks to the content of a report in one language: chapters, numbered exhibits, summary, appendix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from markupsafe import Markup
from nbformat import NotebookNode
from ruamel.yaml import YAML

from workbook.errors import WorkbookError
from workbook.language import Edition, text, translation
from workbook.places import templates_folder
from workbook.report.blocks import MIME, Bundle
from workbook.report.html import Source, block_html
from workbook.report.markdown import markdown_html
from workbook.report.templating import anchor
from workbook.report.words import caption_label, chapter_name, heading_number, shortened
from workbook.stages import STAGES

MOST_EXHIBITS = 5
MOST_KEY_FIGURES = 5
MOST_ASKS = 4
MOST_UNKNOWN = 3
MOST_UNKNOWN_LINES = 3
LESSON = "lesson"
"""Tag of markdown cells that teach: they stand in the notebook edition and not in the client's report."""


@dataclass(frozen=True)
class Exhibit:
    """A figure or table of the report: its number, label ("Figure 1-1"), title, place on the page and markup."""

    block: str
    number: str
    label: str
    title: str
    anchor: str
    html: Markup


@dataclass(frozen=True)
class Ask:
    """A decision asked of the client, in words."""

    what: str
    who: str
    by: str
    rank: int


@dataclass(frozen=True)
class Unknown:
    """What could not be measured and what would change that, in words."""

    what: str
    why: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Message:
    """One sentence of the summary with the chapter that it comes from."""

    words: str
    more: str
    href: str


@dataclass(frozen=True)
class Chapter:
    """One stage of the method as a chapter.

    Attributes:
        number: what stands before the heading ("1" or "一、").
        heading: the message; the chapter's neutral name where the notebook gave no answer.
        body: prose and exhibits in the notebook's order.
        further: exhibits that stand in the appendix.
    """

    stage: str
    anchor: str
    number: str
    name: str
    heading: str
    sentences: tuple[str, ...]
    body: tuple[Markup, ...]
    exhibits: tuple[Exhibit, ...]
    further: tuple[Exhibit, ...]
    meaning: tuple[str, ...]
    asks: tuple[Ask, ...]
    limits: tuple[str, ...]
    unknown: tuple[tuple[str, str], ...]
    section_numbers: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """The one page: Minto's three parts, numbers as cards, decisions and what remains unknown."""

    parts: Mapping[str, tuple[Message, ...]]
    cards: tuple[Markup, ...]
    notes: tuple[tuple[str, str], ...]
    asks: tuple[Ask, ...]
    more_asks: int
    more_unknown: int
    unknown: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Contents:
    """All of a report in one language, before it is laid out."""

    summary: Summary
    chapters: tuple[Chapter, ...]
    definitions: tuple[str, ...]
    changes: tuple[Mapping[str, Any], ...]

    @property
    def numbers(self) -> dict[tuple[str, str], str]:
        """(stage, block id) → number of the exhibit, for the notebook editions."""
        return {(c.stage, e.block): e.number for c in self.chapters for e in (*c.exhibits, *c.further)}


@dataclass
class _Draft:
    """A chapter being gathered, cell by cell."""

    stage: str
    place: int
    edition: Edition
    client: str
    wanted: tuple[str, ...] | None = None
    answers: list[Bundle] = field(default_factory=list)
    body: list[Markup] = field(default_factory=list)
    exhibits: list[Exhibit] = field(default_factory=list)
    further: list[tuple[Bundle, str]] = field(default_factory=list)
    meaning: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    key_figures: list[Bundle] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"figure": 0, "table": 0})
    sections: int = 0

    def words(self, bundle: Bundle) -> dict[str, Any]:
        words: dict[str, Any] = bundle["languages"][self.edition.language]
        return words

    def next_section(self) -> str:
        """The number of the next heading inside the chapter: （一）; none in English."""
        self.sections += 1
        return heading_number(self.sections, 2, self.edition.language)

    def add_prose(self, cell: NotebookNode) -> None:
        source = cell.source
        if self.edition.language != "en":
            source = translation(f"notebooks.{self.stage}.{cell.id}", source, self.edition.language)
        if words := markdown_html(source, number=self.next_section, top=3, drop_title=True):
            self.body.append(Markup('<div class="prose">') + words + Markup("</div>"))

    def add_block(self, bundle: Bundle, cell: str) -> None:
        words = self.words(bundle)
        match bundle["kind"]:
            case "answer":
                self.answers.append(bundle)
            case "table" if not bundle["n_rows"]:
                if words["title"] not in [self.words(answer)["heading"] for answer in self.answers]:
                    self.meaning.append(words["title"] + ("。" if self.edition.language == "zh" else "."))
            case "figure" | "table":
                if self.belongs(bundle["id"]):
                    self.exhibits.append(self.exhibit(bundle, cell))
                    self.body.append(self.exhibits[-1].html)
                else:
                    self.further.append((bundle, cell))
            case "key_figure":
                self.key_figures.append(bundle)
            case "ask":
                self.asks.append(Ask(words["what"], words["who"], words["by"], int(bundle["rank"])))
            case "not_measured":
                unknown = Unknown(words["what"], words["why"], tuple(bundle["missing"]))
                if unknown not in self.unknown:
                    self.unknown.append(unknown)
            case "paragraph":
                {"meaning": self.meaning, "limits": self.limits, "definition": self.definitions}[bundle["role"]].append(
                    words["words"]
                )

    def belongs(self, block: str) -> bool:
        """Whether an exhibit stands in the chapter: as chapters.yaml says, and never more than five."""
        room = len(self.exhibits) < MOST_EXHIBITS
        return room and (self.wanted is None or any(fnmatchcase(block, pattern) for pattern in self.wanted))

    def exhibit(self, bundle: Bundle, cell: str) -> Exhibit:
        """The next exhibit, numbered by its kind."""
        kind, language = bundle["kind"], self.edition.language
        self.counts[kind] += 1
        number = f"{self.place}-{self.counts[kind]}"
        label = caption_label(kind, number, self.edition)
        page = Markup(block_html(bundle, language, number, self.source(cell)))
        title = self.words(bundle)["title"]
        return Exhibit(bundle["id"], number, label, title, anchor("exhibit", bundle["id"]), page)

    def source(self, cell: str) -> Source:
        latin = self.edition.language == "zh" and self.client[-1:].isascii()
        words = text(
            "report.source",
            "Source: {client} delivery; calculation: notebook {notebook}, cell {cell}",
            client=self.client + (" " if latin else ""),
            notebook=self.stage,
            cell=cell,
        ).render(self.edition)
        return Source(words, f"notebooks/{self.stage}.{self.edition.language}.html#{anchor('cell', cell)}")

    def chapter(self) -> Chapter:
        name = chapter_name(self.stage).render(self.edition)
        first: dict[str, Any] = self.words(self.answers[0]) if self.answers else {"heading": name, "sentences": []}
        more = [s for answer in self.answers[1:] for s in (self.words(answer)["heading"], *self.words(answer)["sentences"])]
        closing = [bool(self.meaning), bool(self.asks), bool(self.limits)]
        return Chapter(
            stage=self.stage,
            anchor=anchor("chapter", self.stage),
            number=heading_number(self.place, 1, self.edition.language),
            name=name,
            heading=first["heading"],
            sentences=(*first["sentences"], *more),
            body=tuple(self.body),
            exhibits=tuple(self.exhibits),
            further=tuple(self.exhibit(bundle, cell) for bundle, cell in self.further),
            meaning=tuple(self.meaning),
            asks=tuple(self.asks),
            limits=tuple(self.limits),
            unknown=_by_reason(self.unknown, self.edition),
            section_numbers=tuple(self.next_section() if used else "" for used in closing),
        )


def chapter_exhibits() -> Mapping[str, tuple[str, ...]]:
    """Stage → patterns of the ids of the exhibits that stand in its chapter, from ``templates/report/chapters.yaml``.

    Raises:
        WorkbookError: where the file does not hold a list of ids for each stage.
    """
    path = templates_folder() / "report" / "chapters.yaml"
    content = YAML(typ="safe").load(path) or {}
    faulty = [str(stage) for stage, ids in content.items() if not isinstance(ids, list) or stage not in {s.id for s in STAGES}]
    if faulty:
        raise WorkbookError(f"{path}: found {', '.join(faulty)}, expected a list of block ids under the name of a stage")
    return {stage: tuple(map(str, ids)) for stage, ids in content.items()}


def assemble(notebooks: Mapping[str, NotebookNode], edition: Edition, client: str) -> Contents:
    """The report's content in one language.

    Args:
        notebooks: stage → executed notebook, in the order of the chapters; a stage that did not run is left out.
        edition: the language and currency.
        client: the client's name as readers see it, for the source lines.

    Raises:
        StaleTranslation: where a markdown cell of the report has no words in the language.
    """
    drafts, wanted = [], chapter_exhibits()
    for place, (stage, notebook) in enumerate(notebooks.items(), start=1):
        draft = _Draft(stage, place, edition, client, wanted.get(stage))
        for cell in notebook.cells:
            if cell.cell_type == "markdown" and LESSON not in cell.metadata.get("tags", []):
                draft.add_prose(cell)
            for bundle in bundles(cell):
                draft.add_block(bundle, cell.id)
        drafts.append(draft)
    chapters = tuple(draft.chapter() for draft in drafts)
    return Contents(
        summary=_summary(drafts, chapters, edition),
        chapters=chapters,
        definitions=tuple(dict.fromkeys(words for draft in drafts for words in draft.definitions)),
        changes=_changes(drafts, edition),
    )


def bundles(cell: NotebookNode) -> Iterator[Bundle]:
    """The blocks that a cell showed, in order."""
    if cell.cell_type != "code":
        return
    for output in cell.outputs:
        if bundle := output.get("data", {}).get(MIME):
            yield bundle


def _summary(drafts: Sequence[_Draft], chapters: Sequence[Chapter], edition: Edition) -> Summary:
    parts: dict[str, list[Message]] = {"situation": [], "complication": [], "resolution": []}
    for draft, chapter in zip(drafts, chapters, strict=True):
        for answer in draft.answers:
            words = draft.words(answer)
            more = words["sentences"][0] if words["sentences"] else ""
            parts[answer["part"]].append(Message(words["heading"], more, f"#{chapter.anchor}"))
    cards = sorted((b for d in drafts for b in d.key_figures if b["known"]), key=lambda b: (b["rank"], b["id"]))[
        :MOST_KEY_FIGURES
    ]
    asks = sorted((a for d in drafts for a in d.asks), key=lambda a: a.rank)
    unknown = _by_table([unknown for draft in drafts for unknown in draft.unknown], edition)
    return Summary(
        parts={part: tuple(messages) for part, messages in parts.items()},
        cards=tuple(Markup(block_html(b, edition.language)) for b in cards),
        notes=tuple((w["label"], w["note"]) for b in cards if (w := b["languages"][edition.language])["note"]),
        asks=tuple(asks[:MOST_ASKS]),
        more_asks=max(0, len(asks) - MOST_ASKS),
        more_unknown=max(0, len(unknown) - MOST_UNKNOWN_LINES),
        unknown=unknown[:MOST_UNKNOWN_LINES],
    )


def _by_reason(unknown: Sequence[Unknown], edition: Edition) -> tuple[tuple[str, str], ...]:
    """What could not be measured, gathered by the same reason: (what, why) in words."""
    reasons: dict[str, list[str]] = {}
    for each in unknown:
        reasons.setdefault(each.why, []).append(each.what)
    return tuple((shortened(list(dict.fromkeys(what)), len(what), edition), why) for why, what in reasons.items())


def _by_table(unknown: Sequence[Unknown], edition: Edition) -> tuple[tuple[str, str], ...]:
    """The same for the summary: gathered by the table to deliver, most results waiting first: what is worth delivering."""
    tables: dict[str, list[Unknown]] = {}
    for each in unknown:
        table = each.missing[0].partition(".")[0] if each.missing else each.why
        tables.setdefault(table, []).append(each)
    lines = []
    for table, waiting in sorted(tables.items(), key=lambda each: -len(each[1])):
        why, names = waiting[0].why, list(dict.fromkeys(each.what for each in waiting))
        if any(each.why != why for each in waiting):
            why = text(
                "report.not_measured.deliver", "To measure it, deliver: {needed}.", needed=_needed(table, waiting, edition)
            ).render(edition)
        lines.append((shortened(names, MOST_UNKNOWN, edition), why))
    return tuple(lines)


def _needed(table: str, waiting: Sequence[Unknown], edition: Edition) -> str:
    """The table, or its columns where the table itself may well have been delivered."""
    names = [name for each in waiting for name in each.missing if name.partition(".")[0] == table]
    return table if table in names else shortened(list(dict.fromkeys(names)), MOST_UNKNOWN, edition)


def _changes(drafts: Sequence[_Draft], edition: Edition) -> tuple[Mapping[str, Any], ...]:
    """Every key figure that the previous period had too: then, now, change and reading."""
    figures = sorted((b for d in drafts for b in d.key_figures), key=lambda b: (b["rank"], b["id"]))
    return tuple(
        {**b["languages"][edition.language], "verdict": b["verdict"]}
        for b in figures
        if b["languages"][edition.language]["previous"]
    )

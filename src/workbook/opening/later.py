"""``workbook new`` of a client that is there: a later delivery is read with the settings that stand; what changed is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workbook.errors import UsageError, WorkbookError
from workbook.language import Edition, Text, count, text
from workbook.opening.asking import Ask, ask_columns
from workbook.opening.engagement import source_text
from workbook.opening.placing import place_delivery
from workbook.period import Period
from workbook.settings.folders import engagement_file, periods
from workbook.settings.models import Settings
from workbook.settings.reading import check_words, settings_if
from workbook.settings.tree import parse_tree
from workbook.settings.writing import SCHEMA_LINE, one_line, write_whole
from workbook.sources.inspection.again import Folder, Reread, Revision, revise
from workbook.sources.inspection.assemble import inspect_folder
from workbook.sources.inspection.proposal import Proposal


def later_delivery(
    home: Path, client: str, folder: Path, *, period: Period | None, ask: Ask | None, write: bool
) -> tuple[str, Path | None, Path | None, str]:
    """Place a later delivery of a client that has an engagement, and tell what differs from the one before.

    Nothing that stands is changed. Where the settings do not read the delivery as it is, the file of the period gets sources of
    its own, with each change marked and a question for what cannot be decided; what else is new stands there as comments.

    Args:
        home: the folder that holds ``params/`` and ``data/``.
        folder: the client's files.
        period: of the delivery; the last one that its rows cover whole where None.
        ask: asks a person; None leaves questions as ``todo``.
        write: False where nothing is to be written.

    Returns:
        What to show, the period's file and the delivery's folder (None where nothing was written), the text of the file.

    Raises:
        WorkbookError: where the period cannot be told, or has a delivery.
        SettingsError: where the settings that stand are at fault.
    """
    known = [p for p in periods(home, client) if p != period]
    later = Folder.of(folder, inspect_folder(folder))
    when = period or _period(later.inspection.proposal().period, known, folder)
    earlier = [p for p in known if p < when and (home / "data" / client / p.name).is_dir()]
    path = engagement_file(home, client).parent / f"{when.name}.yaml"
    given = path.read_text("utf-8-sig") if path.is_file() else ""
    plain = settings_if(home, client, when, given)
    if plain.delivery.package:
        raise UsageError(
            f"{client}: found delivery.package, whose files are installed; expected a client whose files are copied"
        )
    if write and (home / "data" / client / when.name).exists():
        raise WorkbookError(f"data/{client}/{when.name}: found a delivery, expected none; choose another period with --period")
    before = _before(home, client, earlier)
    edition = Edition(plain.languages[0], plain.currency)
    since = earlier[-1].name if earlier else "engagement.yaml"
    revision = revise(plain.sources, later, before, since)
    stands = revision.stands
    if not stands and earlier:
        last = _settings_of(home, client, earlier[-1])
        if last.sources != plain.sources:
            revision = revise(last.sources, later, before, since)
    if ask is not None:
        revision = _asked(revision, ask, edition)
    words = _period_words(revision, stands, client, when, given, edition)
    place = None if stands else "held" if words == given else "own"
    shown = "\n".join(_screen(revision, since, place, path.relative_to(home).as_posix(), when, edition))
    if not write:
        return shown, None, None, words
    faults = [p for p in check_words(home, client, when, words) if ".todo." not in p.key]
    if faults:
        raise WorkbookError("\n".join(map(str, faults)))
    data = place_delivery(home, client, when, folder)
    if words != given:
        write_whole(path, words)
    return shown, path, data, words


def _period(found: Period | None, known: Sequence[Period], folder: Path) -> Period:
    if found is None or (known and found.months != known[-1].months):
        last = known[-1].following.name if known else "2025Q4"
        seen = f"rows that cover {found}" if found else "no dated rows to tell the period by"
        raise WorkbookError(f"{folder}: found {seen}, expected the name of the period; say it, such as --period {last}")
    return found


def _before(home: Path, client: str, earlier: Sequence[Period]) -> Folder | None:
    if not earlier:
        return None
    folder = home / "data" / client / earlier[-1].name
    return Folder.of(folder, inspect_folder(folder))


def _settings_of(home: Path, client: str, period: Period) -> Settings:
    return settings_if(home, client, period, (home / "params" / client / f"{period.name}.yaml").read_text("utf-8-sig"))


def _asked(revision: Revision, ask: Ask, edition: Edition) -> Revision:
    asked = ask_columns(Proposal(tuple(one.proposed for one in revision.sources), (), (), None, None, None), ask, edition)
    for one, answered in zip(revision.sources, asked.sources, strict=True):
        one.proposed = answered
    return revision


def _period_words(revision: Revision, stands: bool, client: str, period: Period, given: str, edition: Edition) -> str:
    """The text of the period's file, with sources of its own where those of the engagement do not stand; what a person wrote in
    it stays."""
    tree, _ = parse_tree(given, "") if given.strip() else (None, [])
    held = tree is not None and "sources" in tree.value
    lines = [given.rstrip("\n")] if given.strip() else [f"# {SCHEMA_LINE}", f"# {client}, {period.name}"]
    notes = [f"# {line}" for line in _told(revision, edition)]
    if held:
        return given
    if stands:
        return "\n".join([*lines, *notes]) + "\n" if notes or not given else given
    why = text(
        "new.again.own", "The settings that stand do not read this delivery: the sources of this period, changes marked."
    )
    lines += ["", *notes, f"# {one_line(why.render(edition))}", "sources:"]
    for one in revision.sources:
        marked = (*one.proposed.notes, *(_absent(one),) * one.missing, *one.changes)
        lines += source_text(replace(one.proposed, notes=marked), edition)
    return "\n".join(lines) + "\n"


def _absent(one: Reread) -> Text:
    return text(
        "new.again.missing",
        "{file} was not delivered: ask for it, or delete these lines to go on without it",
        file=one.standing.file,
    )


def _told(revision: Revision, edition: Edition) -> list[str]:
    """What a person may want to write into the settings, as lines of text."""
    lines = [f"{one.standing.table}: {one_line(told.render(edition))}" for one in revision.sources for told in one.told]
    for name, why in revision.unplaced:
        told = text("new.again.unplaced", "{file} is new and not read: {why}", file=name, why=why)
        lines.append(one_line(told.render(edition)))
    for fresh in revision.fresh:
        told = text("new.again.fresh", "{file} is new; to read it as {table} write under sources:", file=fresh.source.file,
                    table=fresh.source.table)  # fmt: skip
        lines += [one_line(told.render(edition)), *source_text(fresh, edition)]
    return lines


def _screen(revision: Revision, since: str, place: str | None, path: str, period: Period, edition: Edition) -> list[str]:
    lines = []
    for one in revision.sources:
        rows = "–" if one.missing else f"{one.proposed.rows:,}"
        lines.append(f"{one.standing.table:<18} {one_line(one.proposed.source.file)}  ({rows})")
        marked = [("!", t) for t in ((_absent(one),) * one.missing)] + [("!", t) for t in one.changes]
        lines += [f"{'':<18}   {sign} {one_line(t.render(edition))}" for sign, t in [*marked, *(("?", t) for t in one.told)]]
    for name, why in revision.unplaced:
        lines.append(f"{'':<18}   + {one_line(name)}: {one_line(why.render(edition))}")
    for fresh in revision.fresh:
        lines.append(f"{fresh.source.table:<18} + {one_line(fresh.source.file)}  ({fresh.rows:,})")
    differing = sum(len(one.changes) + len(one.told) + one.missing for one in revision.sources)
    differing += len(revision.unplaced) + len({fresh.source.file for fresh in revision.fresh})
    lines.append("")
    if not differing:
        lines.append(
            text("new.again.same", "Read with the settings of {since}: nothing has changed", since=since).render(edition)
        )
    else:
        lines.append(
            text(
                "new.again.differs", "Against {since}: {n} {n:difference|differences}", since=since, n=count(differing)
            ).render(edition)
        )
    if place == "own":
        lines.append(text("new.again.written", "{path} has sources of its own: read it", path=path).render(edition))
    elif place == "held":
        told = text("new.again.held", "{path} has sources already and was left as it is; put the changes there", path=path)
        lines.append(told.render(edition))
    lines.append(text("new.screen.period", "Period: {period}", period=period.name).render(edition))
    return lines

"""A later delivery seen with the settings that stand: what of it they read, what changed, and what they would need (D1)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from workbook.errors import DeliveryError
from workbook.language import Text, count, named, number, share, text
from workbook.settings.models import Source
from workbook.sources.columns import AMOUNT_SCALES, tidy_text
from workbook.sources.inspection.assemble import Inspection
from workbook.sources.inspection.extracts import Extract, Reading, delivered_paths, pattern_of
from workbook.sources.inspection.facts import TOP, Facts, column_facts
from workbook.sources.inspection.match import Guess, Question
from workbook.sources.inspection.proposal import ProposedSource
from workbook.sources.mapping import own_columns
from workbook.sources.parsing import DAY_FIRST, bare_number_sql, number_sql
from workbook.sources.read import read_file
from workbook.tables import SCHEMAS

FAR_OFF = 2.0
"""So many times as many rows, or so many times fewer, are told."""

UNIT_OFF = 20.0
"""A middle amount so many times as large, or as small, is another unit rather than another season."""

_DIGITS = re.compile(r"[0-9*?]+")


@dataclass(frozen=True)
class Folder:
    """A delivery that was looked into.

    Attributes:
        inspection: what its files hold.
        paths: path of each file by its name inside the folder.
    """

    inspection: Inspection
    paths: Mapping[str, Path]

    @classmethod
    def of(cls, folder: Path, inspection: Inspection) -> Folder:
        """The folder that *inspection* has read."""
        return cls(inspection, dict(delivered_paths(folder)))

    def extracts_of(self, source: Source) -> list[Extract]:
        """The tables of its files that a source reads; none where the file, or the sheet, is not there."""
        files = [name for name in self.paths if _fits(name, source.file)]
        found = [e for e in self.inspection.extracts if any(_fits(name, e.file) for name in files)]
        first = found[0].reading.sheet if found else None
        sheets = [e for e in found if e.reading.sheet == (source.sheet or first) or (source.sheet and e.sheets == 1)]
        return [self._as_said(e, source) if e.files == 1 else e for e in sheets]

    def _as_said(self, extract: Extract, source: Source) -> Extract:
        """The table as the settings say that it is read, where that finds the columns and looking at it does not."""
        wanted = {name for own in own_columns(source).values() for name in own}
        if wanted <= set(extract.raw.columns):
            return extract
        connection = self.inspection.connection
        try:
            raw = read_file(connection, self.paths[extract.file], extract.file, source, f"{extract.raw.relation}_said")
        except DeliveryError:
            return extract
        if not wanted <= set(raw.columns):
            return extract
        facts = tuple(column_facts(connection, raw, self.inspection.words, source.missing))
        reading = Reading(source.sheet, source.header_row, source.encoding, source.delimiter)
        return replace(extract, reading=reading, raw=raw, facts=facts)


@dataclass
class Reread:
    """A source of the settings in a later delivery.

    Attributes:
        standing: the source as it stands.
        proposed: as this delivery needs it, with a question for what cannot be decided.
        changes: what the settings would not read, each with what is proposed.
        told: what else differs from the delivery before.
        missing: whether its file was not delivered.
    """

    standing: Source
    proposed: ProposedSource
    changes: list[Text] = field(default_factory=list)
    told: list[Text] = field(default_factory=list)
    missing: bool = False


@dataclass(frozen=True)
class Revision:
    """A later delivery against the settings that stand.

    Attributes:
        sources: every source of the settings, in order.
        fresh: tables of files that no source reads and the delivery before did not have.
        unplaced: such files of which nothing is known, with the reason.
    """

    sources: tuple[Reread, ...]
    fresh: tuple[ProposedSource, ...]
    unplaced: tuple[tuple[str, Text], ...]

    @property
    def stands(self) -> bool:
        """Whether the settings read the delivery as they stand."""
        return not any(one.changes or one.missing for one in self.sources)


def revise(standing: Sequence[Source], later: Folder, before: Folder | None, since: str) -> Revision:
    """What a later delivery has become under the sources that stand.

    Args:
        standing: the sources of the settings.
        later, before: the delivery, and the one before it where there is one.
        since: name of the period whose settings stand, for the reasons.
    """
    claimed = {e.name for source in standing for e in later.extracts_of(source)}
    moved: dict[tuple[str, str | None], Extract | None] = {}
    found = []
    for source in standing:
        extracts = later.extracts_of(source)
        place = (source.file, source.sheet)
        if not extracts and place not in moved:
            free = [e for e in later.inspection.extracts if e.name not in claimed]
            moved[place] = _renamed(source, free)
            claimed |= {e.name for e in [moved[place]] if e}
        elsewhere = moved.get(place)
        found.append(_reread(source, extracts or ([elsewhere] if elsewhere else []), not extracts, later, before, since))
    known = {_bare(e.name) for e in before.inspection.extracts} if before else set()
    proposal = later.inspection.proposal()
    new = [e.name for e in later.inspection.extracts if e.name not in claimed and _bare(e.name) not in known]
    names = {(e.file, e.reading.sheet): e.name for e in later.inspection.extracts}
    return Revision(
        tuple(found),
        tuple(p for p in proposal.sources if names[p.source.file, p.source.sheet] in new),
        tuple((one.extract.name, one.why) for one in proposal.unplaced if one.extract.name in new),
    )


def _reread(
    source: Source, extracts: Sequence[Extract], moved: bool, later: Folder, before: Folder | None, since: str
) -> Reread:
    reason = text("new.reason.stands", "as in {period}", period=since)
    guesses = {c: Guess(c, own, 1.0, reason, "sure") for c, own in own_columns(source).items()}
    proposed = ProposedSource(source, guesses, {}, 1.0, sum(e.raw.rows for e in extracts))
    one = Reread(source, proposed)
    if not extracts:
        one.missing = True
        return one
    extract = extracts[0]
    if moved:
        _move(one, extract, later)
    _layout(one, extract)
    fresh = later.inspection.seen_as(extract, source.table)
    for column, own in own_columns(source).items():
        if any(name not in e.raw.columns for e in extracts for name in own):
            _gone(one, column, own, extracts, fresh)
        else:
            _format(one, column, own, extract, fresh, later)
    _without_attributes(one, [name for name in source.own_columns if any(name not in e.raw.columns for e in extracts)])
    for column in [c for c in source.constants if SCHEMAS[source.table].columns[c] in ("date", "time")]:
        _of_which_day(one, column)
    if before and (earlier := before.extracts_of(source)):
        _compare(one, extracts, earlier[0], fresh, later, before)
    return one


# what the settings would not read -----------------------------------------------------------------------------------


def _renamed(source: Source, free: Sequence[Extract]) -> Extract | None:
    """The file that a missing one has become: the same name but for numbers, or most of its columns; None where two fit."""
    wanted = {name for own in own_columns(source).values() for name in own}
    holding = [e for e in free if len(wanted & set(e.raw.columns)) >= max(2, 0.7 * len(wanted))]
    called = [e for e in free if _bare(e.file) == _bare(source.file) and (source.sheet is None or e in holding)]
    for some in (called, holding):
        if len(some) == 1:
            return some[0]
    return None


def _move(one: Reread, extract: Extract, later: Folder) -> None:
    old, file = one.standing.file, extract.file
    if old != file and _bare(old) == _bare(file):
        pattern = pattern_of([old.replace("*", "0"), file.replace("*", "1")])
        if {n for n in later.paths if _fits(n, pattern)} == {n for n in later.paths if _fits(n, file)}:
            file = pattern
    _update(one, file=file, sheet=extract.reading.sheet)
    one.changes.append(
        text("new.change.file", "{old} is not there; {file} has its columns and is read instead", old=_place(one.standing),
             file=extract.name)
    )  # fmt: skip


def _layout(one: Reread, extract: Extract) -> None:
    """The row of the names has moved, where the names are not in the row that stands."""
    row = extract.reading.header_row
    if row != one.standing.header_row:
        _update(one, header_row=row)
        one.changes.append(text("new.change.header", "the names of its columns stand in row {row} now", row=count(row)))
    if one.standing.delimiter not in (None, extract.reading.delimiter):
        _update(one, delimiter=extract.reading.delimiter)
        one.changes.append(text("new.change.delimiter", "another character stands between its columns now"))


def _gone(one: Reread, column: str, own: tuple[str, ...], extracts: Sequence[Extract], fresh: ProposedSource | None) -> None:
    """A column that is not there: taken from the one that has its meaning now, or asked for."""
    lost = ", ".join(name for name in own if any(name not in e.raw.columns for e in extracts))
    used = {name for names in own_columns(one.standing).values() for name in names}
    guess = fresh.guesses.get(column) if fresh else None
    if guess and not used & set(guess.own) and all(name in e.raw.columns for e in extracts for name in guess.own):
        source = one.proposed.source
        columns = {**source.columns, column: guess.own[0] if len(guess.own) == 1 else list(guess.own)}
        one.proposed = replace(one.proposed, guesses={**one.proposed.guesses, column: guess})
        _update(one, columns=columns, dates=_dates(source, column, fresh))
        one.changes.append(
            text("new.change.column", "{column}: {old} is gone, {own} is taken for it ({reason})", column=column, old=lost,
                 own=", ".join(guess.own), reason=guess.reason)
        )  # fmt: skip
        if SCHEMAS[one.standing.table].columns[column] == "money" and fresh and fresh.source.amounts_in != source.amounts_in:
            _update(one, amounts_in=fresh.source.amounts_in)
            one.changes.append(text("new.change.unit", "{own}: its name tells another unit of the amounts", own=guess.own[0]))
        return
    free = [name for name in extracts[0].raw.columns if name and name not in used]
    near = tuple(difflib.get_close_matches(own[0], free, 3, 0.6))
    why = text("new.change.gone", "{old} is gone, and nothing surely stands for it", old=lost)
    _ask(one, Question(column, near, why))


def _without_attributes(one: Reread, gone: Sequence[str]) -> None:
    """Attributes whose columns are not there are kept no longer; what leans on them is told by `check`."""
    if not gone:
        return
    kept = {name: kind for name, kind in one.standing.own_columns.items() if name not in gone}
    _update(one, attributes=kept)
    one.changes.append(text("new.change.attributes", "gone and no longer kept by name: {columns}", columns=", ".join(gone)))


def _of_which_day(one: Reread, column: str) -> None:
    """A day that was one for all rows is that of the delivery before: it is asked for anew."""
    constants = dict(one.proposed.source.constants)
    why = text(
        "new.change.day", "it was {day} for every row of the delivery before: which day is it now?", day=constants.pop(column)
    )
    _update(one, constants=constants)
    _ask(one, Question(column, (), why))


def _format(
    one: Reread, column: str, own: tuple[str, ...], extract: Extract, fresh: ProposedSource | None, later: Folder
) -> None:
    """Values that the settings cannot read any more: in the form that the values show now, or asked for."""
    problems = later.inspection.unread_of(extract, one.proposed.source, column)
    if not problems:
        return
    sure = fresh is not None and fresh.guesses.get(column, None) is not None and fresh.guesses[column].own == own
    if sure and fresh is not None and column not in fresh.questions:
        dates = _dates(one.proposed.source, column, fresh)
        trial = one.proposed.source.model_copy(update={"dates": dates, "decimals": fresh.source.decimals})
        if not later.inspection.unread_of(extract, trial, column):
            _update(one, dates=dates, decimals=fresh.source.decimals)
            one.changes.append(
                text("new.change.format", "{column}: {own} is written in another form now", column=column, own=", ".join(own))
            )
            return
    asked = fresh.questions.get(column) if fresh else None
    why = text("new.question.unreadable", "the reader says: {words}", words=named(problems[0].partition(": ")[2]))
    _ask(one, asked or Question(column, own, why))


def _ask(one: Reread, question: Question) -> None:
    source, column = one.proposed.source, question.column
    order = DAY_FIRST in question.candidates  # the column is known, only how its dates are written is not
    one.proposed = replace(one.proposed, questions={**one.proposed.questions, column: question})
    _update(
        one, columns={c: own for c, own in source.columns.items() if order or c != column}, dates=_dates(source, column, None),
        todo={**source.todo, column: list(question.candidates)},
    )  # fmt: skip
    one.changes.append(text("new.change.asked", "{column}: {why}", column=column, why=question.why))


def _dates(source: Source, column: str, fresh: ProposedSource | None) -> dict[str, str] | None:
    """The forms of dates that a source tells, that of one column as *fresh* has it."""
    kinds = SCHEMAS[source.table].columns
    dated = [c for c in source.columns if kinds[c] in ("date", "time")]
    told = dict.fromkeys(dated, source.dates) if isinstance(source.dates, str) else dict(source.dates or {})
    told.pop(column, None)
    if fresh and isinstance(fresh.source.dates, dict) and column in fresh.source.dates:
        told[column] = fresh.source.dates[column]
    return told or None


def _update(one: Reread, **changes: object) -> None:
    one.proposed = replace(one.proposed, source=one.proposed.source.model_copy(update=changes))


# what else differs ----------------------------------------------------------------------------------------------------


def _compare(
    one: Reread, extracts: Sequence[Extract], earlier: Extract, fresh: ProposedSource | None, later: Folder, before: Folder
) -> None:
    """Rows, columns and values against the delivery before."""
    rows, was = one.proposed.rows, sum(e.raw.rows for e in before.extracts_of(one.standing))
    if was and not was / FAR_OFF <= rows <= was * FAR_OFF:
        one.told.append(text("new.told.rows", "{rows} rows, {was} in the delivery before", rows=count(rows), was=count(was)))
    known = set(earlier.raw.columns)
    added = [name for name in extracts[0].raw.columns if name and name not in known]
    taken = {name for own in own_columns(one.proposed.source).values() for name in own} | set(one.proposed.source.attributes)
    added = [name for name in added if name not in taken]
    meant = {own: c for c, g in fresh.guesses.items() for own in g.own if c not in one.proposed.source.columns} if fresh else {}
    for name in added:
        if name in meant:
            one.told.append(
                text("new.told.column_meant", "{own} is new; to read it write {column}: {own} under columns", own=name,
                     column=meant[name])
            )  # fmt: skip
    if plain := [name for name in added if name not in meant]:
        one.told.append(text("new.told.columns", "new and not read: {columns}", columns=", ".join(plain[:TOP])))
    for column, own in own_columns(one.proposed.source).items():
        standing = own_columns(one.standing).get(column, ())
        if len(own) == len(standing) == 1 and own[0] in extracts[0].raw.columns and standing[0] in known:
            now, then = extracts[0].column(own[0]), earlier.column(standing[0])
            _compare_values(one, column, now, then, fresh)
            if SCHEMAS[one.standing.table].columns[column] == "money":
                middles = _middle(later, extracts[0], now), _middle(before, earlier, then)
                scales = (float(AMOUNT_SCALES[s.amounts_in]) for s in (one.proposed.source, one.standing))
                _compare_amounts(one, column, *(m and m * scale for m, scale in zip(middles, scales, strict=True)))


def _compare_values(one: Reread, column: str, now: Facts, then: Facts, fresh: ProposedSource | None) -> None:
    filled, was = now.filled / max(now.rows, 1), then.filled / max(then.rows, 1)
    if was >= 0.2 and filled < was / 2:
        told = text("new.told.filled", "{column}: {now} of its rows are filled, {was} before", column=column, now=share(filled),
                    was=share(was))  # fmt: skip
        one.told.append(told)
    few = now.distinct <= TOP and then.distinct <= TOP and SCHEMAS[one.standing.table].columns[column] in ("text", "flag")
    if not few:
        return
    known = {t for t, _ in then.top} | set(one.standing.values.get(column, ())) | set(one.standing.only.get(column, ()))
    new = [(t, n) for t, n in now.top if t not in known]
    if not new:
        return
    words, rows = ", ".join(t for t, _ in new[:12]), sum(n for _, n in new)
    if column in one.standing.only:
        one.told.append(
            text("new.told.only", "{column}: {words} are new, and their {n} rows are left out unless they are added under only",
                 column=column, words=words, n=count(rows))
        )  # fmt: skip
        return
    meant = fresh.source.values.get(column, {}) if fresh else {}
    shown = ", ".join(f"{t}: {meant[t]}" for t, _ in new if t in meant)
    if shown:
        one.told.append(
            text("new.told.translated", "{column}: {words} are new ({n} rows); write under values, {column}: {shown}",
                 column=column, words=words, n=count(rows), shown=shown)
        )  # fmt: skip
    else:
        one.told.append(
            text("new.told.values", "{column}: {words} are new ({n} rows)", column=column, words=words, n=count(rows))
        )


def _compare_amounts(one: Reread, column: str, now: float | None, was: float | None) -> None:
    if now and was and not 1 / UNIT_OFF <= now / was <= UNIT_OFF:
        one.told.append(
            text("new.told.amounts", "{column}: the middle amount is {now}, it was {was}: is it in another unit?",
                 column=column, now=number(now, 2), was=number(was, 2))
        )  # fmt: skip


def _middle(folder: Folder, extract: Extract, facts: Facts) -> float | None:
    words = tidy_text(f"c{facts.position}", extract.raw.types[facts.position])
    row = folder.inspection.connection.execute(
        f"select median(abs(v)) from (select {number_sql('s')} as v from (select {bare_number_sql('t')} as s "
        f"from (select {words} as t from {extract.raw.relation}))) where v <> 0"
    ).fetchone()
    return float(row[0]) if row and row[0] is not None else None


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _bare(name: str) -> str:
    return _DIGITS.sub("#", name).casefold()


def _place(source: Source) -> str:
    return f"{source.file} [{source.sheet}]" if source.sheet else source.file

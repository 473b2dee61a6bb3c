"""``workbook new``: look into a folder, ask what cannot be decided, write the engagement and place the delivery."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from workbook.errors import UsageError, WorkbookError
from workbook.language import Edition, Language, count, text
from workbook.opening.asking import Ask, ask_columns, ask_tables
from workbook.opening.cards import asked_on_card
from workbook.opening.engagement import Choices, engagement_text, period_text, stage_lines
from workbook.opening.later import later_delivery
from workbook.opening.placing import place_engagement, places
from workbook.period import Period
from workbook.places import templates_folder
from workbook.settings.folders import check_client_name, choice, clients
from workbook.settings.writing import one_line
from workbook.sources.inspection.assemble import inspect_folder
from workbook.sources.inspection.proposal import Proposal


@dataclass(frozen=True)
class Opened:
    """A new engagement, or a later delivery of one.

    Attributes:
        words: what was found, for the screen.
        engagement: its file, or that of the later period; None where nothing was to be written.
        delivery: the folder with the copies of the client's files.
        text: the text of the file.
    """

    words: str
    engagement: Path | None
    delivery: Path | None
    text: str


def open_client(
    home: Path,
    client: str,
    folder: Path,
    *,
    period: Period | None = None,
    template: str | None = None,
    language: Language = "en",
    currency: str | None = None,
    ask: Ask | None = None,
    write: bool = True,
) -> Opened:
    """Open an engagement from the files of *folder*; of a client that has one, take them as a later delivery.

    Args:
        home: the folder that holds ``params/`` and ``data/``.
        period: of the delivery; the last one that its data cover whole where None.
        template: starter of an industry in ``templates/engagements/``.
        currency: ISO code, where a person has said it.
        ask: asks a person; None leaves what cannot be decided as ``todo``.
        write: False where only the proposal is wanted.

    Raises:
        WorkbookError: where nothing can be made of the files, or something is in the way; nothing is written then.
    """
    check_client_name(client)
    if template is not None:
        known = sorted(p.stem for p in (templates_folder() / "engagements").glob("*.yaml"))
        if template not in known:
            raise UsageError(f"--template: found {template!r}, expected {choice(template, known, 'none')}")
    if not folder.is_dir():
        raise WorkbookError(f"{folder}: found no folder, expected one with the client's files")
    if client in clients(home):
        if template or currency:
            raise UsageError(f"{client}: found an engagement; template and currency stand in params/{client}/engagement.yaml")
        return Opened(*later_delivery(home, client, folder, period=period, ask=ask, write=write))
    edition = Edition(language, currency or "CNY")
    inspection = inspect_folder(folder)
    proposal = inspection.proposal()
    if ask is not None:
        if told := ask_tables(proposal.unplaced, ask, edition):
            proposal = replace(inspection, told=told).proposal()
        proposal = ask_columns(proposal, ask, edition)
    if not proposal.sources:
        raise WorkbookError(_nothing(folder, proposal, edition))
    when = period or proposal.period or _asked_period(ask, edition)
    if when is None:
        raise WorkbookError(
            f"{folder}: found no dated rows to tell the period by, expected its name; say --period, such as --period 2025Q4\n\n"
            + screen(proposal, None, edition)
        )
    choices = Choices(client, when, language, template, currency)
    words = engagement_text(proposal, choices)
    if not write:
        return Opened(screen(proposal, when, edition), None, None, words)
    places(home, client, when)
    file, data = place_engagement(home, client, when, folder, words, period_text(choices))
    return Opened(screen(proposal, when, edition), file, data, words)


def screen(proposal: Proposal, period: Period | None, edition: Edition) -> str:
    """What was found, in one screen: tables, what is open, what was not placed, which stages will work."""
    lines = []
    for one in proposal.sources:
        named = f"{one.source.file} [{one.source.sheet}]" if one.source.sheet else one.source.file
        lines.append(f"{one.source.table:<18} {one.confidence:>4.0%}  {one_line(named)}  ({one.rows:,})")
        for column, question in one.questions.items():
            needed = column in one.source.needed
            sentence = (
                text("new.screen.required", "must be answered: {column}: {why}", column=column, why=question.why)
                if needed
                else text("new.screen.optional", "left out: {column}: {why}", column=column, why=question.why)
            )
            among = f" ({', '.join(question.candidates)})" if question.candidates else ""
            lines.append(_indented(f"{'':<18}   {'!' if needed else '?'} {sentence.render(edition)}{among}"))
    for trial in proposal.experiments:
        sentence = text(
            "new.screen.card", "must be answered on the card of the pilot {pilot}: {keys}",
            pilot=trial.id, keys=", ".join(asked_on_card(trial)),
        )  # fmt: skip
        lines.append(_indented(f"{'':<18}   ! {sentence.render(edition)}"))
    lines += not_placed(proposal, edition)
    lines += ["", *stage_lines(proposal, edition)]
    if period is not None:
        lines.append(text("new.screen.period", "Period: {period}", period=period.name).render(edition))
    return "\n".join(lines)


def _indented(words: str) -> str:
    margin = len(words) - len(words.lstrip())
    return " " * margin + one_line(words)


def not_placed(proposal: Proposal, edition: Edition) -> list[str]:
    """Files that become nothing, and why."""
    lines = []
    for one in proposal.unplaced:
        candidates = f" ({' / '.join(one.candidates)}?)" if len(one.candidates) > 1 else ""
        lines.append(_indented(f"{'':<18}     – {one.extract.name}: {one.why.render(edition)}{candidates}"))
    for other in proposal.unread:
        sentence = text("new.unread", "{file}: not read: {why}", file=other.file, why=other.why)
        lines.append(_indented(f"{'':<18}     – {sentence.render(edition)}"))
    return lines


def _nothing(folder: Path, proposal: Proposal, edition: Edition) -> str:
    files = len(proposal.unplaced) + len(proposal.unread)
    if not files:
        return f"{folder}: found no file to read, expected the client's files"
    sentence = text(
        "new.nothing", "{n} {n:table was|tables were} found and none can be used; nothing was written", n=count(files)
    ).render(edition)
    return "\n".join([f"{folder}: {sentence}", *not_placed(proposal, edition)])


def _asked_period(ask: Ask | None, edition: Edition) -> Period | None:
    if ask is None:
        return None
    words = text("new.prompt.period", "No row is dated. Which period is it (such as 2025Q4)?").render(edition)
    while True:
        reply = ask(words).strip()
        if not reply:
            return None
        try:
            return Period.parse(reply)
        except UsageError as fault:
            words = str(fault)

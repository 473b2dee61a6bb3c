"""The commands ``weights``, ``accept``, ``replay``, ``regrade`` and ``appeals``: what people decide about grades."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from workbook.commands.words import SCREEN, AsJson, ClientName, Spoken, json_text, signer, speak
from workbook.errors import UsageError
from workbook.period import Period

Accept = Annotated[bool, typer.Option("--accept", help="Enter what it gives in the ledger; needs --by.")]
By = Annotated[str | None, typer.Option(help="Role of the person who accepts.", metavar="ROLE")]


def weights(
    ctx: typer.Context,
    client: ClientName,
    period: Annotated[
        str | None, typer.Argument(help="The period whose parameters are meant; the latest by default.", metavar="[PERIOD]")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="Write an Excel sheet for an expert to fill in.", metavar="FILE")] = None,
    read: Annotated[
        list[Path] | None, typer.Option(help="Read a filled sheet; the file's name is the expert's role.", metavar="FILE")
    ] = None,
    language: Spoken = "en",
) -> None:
    """Weights of groups and indices; pairwise comparisons (AHP) written as a sheet and read back into the parameters."""
    from workbook.language import Edition
    from workbook.settings.folders import periods
    from workbook.weighing import present_weights, read_sheets, told, write_sheet

    edition = Edition(speak(language))
    when = Period.parse(period) if period else periods(ctx.obj, client)[-1]
    if sheet is not None and read:
        raise UsageError("weights: found --sheet and --read, expected one of the two")
    if sheet is not None:
        typer.echo(str(write_sheet(ctx.obj, client, when, sheet, edition.language)))
        return
    if read:
        done = read_sheets(ctx.obj, client, when, read)
        typer.echo(str(done.path))
        for expert, pairs in done.pairs.items():
            typer.echo(f"  {expert}: {pairs} pairs")
    settings, compared = present_weights(ctx.obj, client, when)
    typer.echo(told(settings.grading, compared, edition))


def accept(
    ctx: typer.Context,
    client: ClientName,
    period: Annotated[str, typer.Argument(help="The period whose published results are accepted.", metavar="PERIOD")],
    only: Annotated[
        str | None, typer.Option(help="Of grades, policies, looks, decisions and lessons, with commas.", metavar="KINDS")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Role of the person who accepts.", metavar="ROLE")] = None,
) -> None:
    """Enter what a run proposed in the ledger; exit 1 and nothing written where it differs from what was accepted before."""
    from workbook.accepting import accept as enter

    kinds = [kind.strip() for kind in only.split(",")] if only is not None else None
    outcome = enter(ctx.obj, client, Period.parse(period), kinds=kinds, on=dt.date.today(), by=by)
    typer.echo(outcome.as_words(SCREEN // 2), err=not outcome.ok)
    if not outcome.ok:
        raise typer.Exit(1)


def replay(ctx: typer.Context, client: ClientName) -> None:
    """Build the grades given so far again from the ledger alone; exit 1 where one does not follow from what was accepted."""
    from workbook.replaying import replay as rebuild
    from workbook.replaying import replay_words

    built = rebuild(ctx.obj, client)
    typer.echo(replay_words(client, built, SCREEN // 2))
    if not all(one.ok for one in built):
        raise typer.Exit(1)


def regrade(
    ctx: typer.Context,
    client: ClientName,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Excel or CSV: customer, date, kind and what changed.", metavar="[FILE]", exists=True, dir_okay=False
        ),
    ] = None,
    form: Annotated[Path | None, typer.Option(help="Write the Excel form for such a file.", dir_okay=False)] = None,
    accept: Accept = False,
    by: By = None,
    as_json: AsJson = False,
    language: Spoken = "en",
) -> None:
    """Grade single customers again at once after an event (large order, default, contract), by the policy in force."""
    from workbook.events import enter, propose, write_form
    from workbook.language import Edition

    spoken = speak(language)
    if form is not None and file is None:
        typer.echo(str(write_form(ctx.obj, client, form, spoken)))
        return
    if file is None or form is not None:
        raise UsageError("regrade: expected a FILE of events, or --form FILE to write an empty one")
    today = dt.date.today()
    if accept:
        typer.echo(enter(ctx.obj, client, file, today=today, by=signer(by, "regrade")).as_words())
        return
    found = propose(ctx.obj, client, file, today=today)
    typer.echo(json_text(found.as_json()) if as_json else found.as_screen(Edition(spoken, found.base.settings.currency)))


def appeals(
    ctx: typer.Context,
    client: ClientName,
    file: Annotated[Path | None, typer.Argument(help="The filled form.", metavar="[FILE]", exists=True, dir_okay=False)] = None,
    form: Annotated[Path | None, typer.Option(help="Write the Excel form for --customers.", dir_okay=False)] = None,
    customers: Annotated[str | None, typer.Option(help="Who appeals, with commas.", metavar="ID,ID")] = None,
    register: Annotated[Path | None, typer.Option(help="Write the register of all appeals decided.", dir_okay=False)] = None,
    accept: Accept = False,
    by: By = None,
    as_json: AsJson = False,
    language: Spoken = "en",
) -> None:
    """Appeals against grades: a form out, what corrected facts give, the decisions into the ledger, the register out."""
    from workbook.appeals import enter, review, write_form, write_register
    from workbook.language import Edition

    spoken = speak(language)
    if sum(one is not None for one in (file, form, register)) != 1 or (form is None) != (customers is None):
        raise UsageError("appeals: expected a filled FILE, --form FILE with --customers ID,ID, or --register FILE")
    if form is not None:
        ids = [one.strip() for one in (customers or "").split(",") if one.strip()]
        typer.echo(str(write_form(ctx.obj, client, ids, form, spoken)))
        return
    if file is None:
        typer.echo(str(write_register(ctx.obj, client, register or Path("appeals.xlsx"), spoken)))
        return
    today = dt.date.today()
    if accept:
        typer.echo(enter(ctx.obj, client, file, today=today, by=signer(by, "appeals")).as_words())
        return
    found = review(ctx.obj, client, file, today=today)
    typer.echo(json_text(found.as_json()) if as_json else found.as_screen(Edition(spoken, found.base.settings.currency)))

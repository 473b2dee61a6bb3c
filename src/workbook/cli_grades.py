"""The commands ``workbook regrade`` and ``workbook appeals``: single customers graded again between two periods."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbook.errors import UsageError

if TYPE_CHECKING:
    from workbook.language import Language

Client = Annotated[str, typer.Argument(help="The client: a folder in params/.", metavar="CLIENT")]
Accept = Annotated[bool, typer.Option("--accept", help="Enter what it gives in the ledger; needs --by.")]
By = Annotated[str | None, typer.Option(help="Role of the person who accepts.", metavar="ROLE")]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
Spoken = Annotated[str, typer.Option(help="Language of words: en or zh.")]


def regrade(
    ctx: typer.Context,
    client: Client,
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
    if as_json:
        typer.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=1))
    else:
        typer.echo(found.as_screen(Edition(spoken, found.base.settings.currency)))


def appeals(
    ctx: typer.Context,
    client: Client,
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
    if as_json:
        typer.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=1))
    else:
        typer.echo(found.as_screen(Edition(spoken, found.base.settings.currency)))


def signer(by: str | None, command: str) -> str:
    """The role that signs.

    Raises:
        UsageError: where nobody does.
    """
    if by is None:
        raise UsageError(f'{command}: found --accept without --by, expected who accepts, e.g. --by "sales director"')
    return by


def speak(words: str) -> Language:
    """The language called *words*.

    Raises:
        UsageError: where there is none.
    """
    from workbook.language import LANGUAGES

    for language in LANGUAGES:
        if words == language:
            return language
    raise UsageError(f"--language: found {words!r}, expected {' or '.join(LANGUAGES)}")

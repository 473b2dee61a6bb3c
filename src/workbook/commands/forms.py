"""The commands ``questionnaire``, ``labels`` and ``competitors``: forms out, what people filled in taken in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbook.commands.words import ClientName
from workbook.errors import UsageError
from workbook.period import Period


def questionnaire(
    name: Annotated[str, typer.Argument(help="nps, csat, ces, needs, or a file of templates/questionnaires.", metavar="NAME")],
    period: Annotated[str | None, typer.Argument(help="The period in which it is asked.", metavar="[PERIOD]")] = None,
    answers: Annotated[
        Path | None, typer.Option(help="A filled form, to be written as a file to deliver.", exists=True, dir_okay=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; NAME.xlsx or NAME_answers.csv here by default.", dir_okay=False)
    ] = None,
    language: Annotated[str, typer.Option(help="Of the form: en or zh.")] = "en",
    client: Annotated[str, typer.Option(help="Name of the client for the cover of the form.")] = "–",
) -> None:
    """Write the Excel form of a questionnaire, or turn a filled one into feedback (columns named as the table's)."""
    from workbook.forms import take_answers, write_form
    from workbook.language import LANGUAGES

    if language not in LANGUAGES:
        raise UsageError(f"--language: found {language!r}, expected {' or '.join(LANGUAGES)}")
    if answers:
        path = out or Path(f"{name}_answers.csv")
        number, people = take_answers(name, answers, path)
        typer.echo(f"{path}: {number} answers of {people} respondents; deliver it as the table feedback, columns by their own "
                   "names")  # fmt: skip
        return
    if period is None:
        raise UsageError(f"questionnaire: found no period; say in which it is asked: workbook questionnaire {name} 2025Q4")
    path = out or Path(f"{name}.xlsx")
    typer.echo(str(write_form(name, path, LANGUAGES[language == "zh"], client, Period.parse(period))))


def labels(
    ctx: typer.Context,
    client: ClientName,
    forms: Annotated[list[Path] | None, typer.Argument(help="Filled forms to take in.", metavar="[FILE]...")] = None,
    form: Annotated[Path | None, typer.Option(help="Excel file to write instead: comments to label.", dir_okay=False)] = None,
    comments: Annotated[int, typer.Option(help="Comments to draw for the form.", min=1, max=5_000)] = 100,
    period: Annotated[str | None, typer.Option(help="The period meant; the latest by default.")] = None,
    language: Annotated[str, typer.Option(help="Of the form: en or zh.")] = "en",
) -> None:
    """Comments judged by a person: a form of comments drawn at random, and filled forms taken into params/CLIENT/labels.csv."""
    from workbook.labelling import read_forms, write_form
    from workbook.language import LANGUAGES
    from workbook.settings.folders import periods

    if (form is None) == (not forms):
        raise UsageError("labels: expected either filled forms to take in, or --form FILE to write one")
    if language not in LANGUAGES:
        raise UsageError(f"--language: found {language!r}, expected {' or '.join(LANGUAGES)}")
    when = Period.parse(period) if period else periods(ctx.obj, client)[-1]
    if form is None:
        path, n = read_forms(ctx.obj, client, when, forms or [])
        typer.echo(f"{path}: {n} comments labelled")
        return
    n = write_form(ctx.obj, client, when, form, LANGUAGES[language == "zh"], comments)
    typer.echo(f"{form}: {n} comments of {when.name} to label")


def competitors(
    ctx: typer.Context,
    client: ClientName,
    forms: Annotated[list[Path], typer.Argument(help="Filled forms, lists/competitors of a period.", metavar="FILE…")],
    period: Annotated[str | None, typer.Option(help="The period whose parameters are meant; the latest by default.")] = None,
) -> None:
    """Comparison with competitors: take filled forms into the parameters, from which the needs register ranks."""
    from workbook.competing import read_forms
    from workbook.settings.folders import periods

    when = Period.parse(period) if period else periods(ctx.obj, client)[-1]
    path, n = read_forms(ctx.obj, client, when, forms)
    typer.echo(f"{path}: {n} comparisons")

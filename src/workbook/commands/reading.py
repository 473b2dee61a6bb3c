"""The commands ``explain``, ``list``, ``diff`` and ``customer``: what is there is read, nothing is made but a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbook.commands.words import AsJson, ClientName, Spoken, json_text, speak
from workbook.period import Period


def explain(
    ctx: typer.Context,
    key: Annotated[str | None, typer.Argument(help="Dotted key, e.g. grading.rfm.bins; or kpis, tables, checks.")] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Write params/schema.json, which lets editors complete keys.")
    ] = False,
) -> None:
    """Explain a parameter: what it does, what may stand there, its default, and the stages that read it."""
    from workbook.settings import explain as words
    from workbook.settings.writing import write_whole

    if schema:
        typer.echo(str(write_whole(ctx.obj / "params" / "schema.json", words.schema_text())))
        return
    if key == "checks":
        from workbook.diagnosis.catalogue import checks_in_words
        from workbook.settings.reading import own_checks_of

        own, at_fault = own_checks_of(ctx.obj)
        typer.echo(checks_in_words(own))
        for client in at_fault:
            typer.echo(f"\nchecks of {client} are not listed, as its settings are at fault: `workbook check {client}`")
        return
    typer.echo(words.explain(key))


def list_(
    ctx: typer.Context,
    html: Annotated[
        bool, typer.Option("--html", help="Write outputs/index.html and outputs/index.zh.html; prints the paths.")
    ] = False,
    as_json: AsJson = False,
    language: Spoken = "en",
) -> None:
    """List all clients and periods: state, key figures and reports."""
    from workbook.language import Edition
    from workbook.overview import words
    from workbook.overview.results import find_results

    spoken = speak(language)
    if html:
        from workbook.overview.page import write_overview

        for path in write_overview(ctx.obj):
            typer.echo(str(path))
        return
    overview = find_results(ctx.obj)
    typer.echo(words.as_json(overview) if as_json else words.as_screen(overview, Edition(spoken)))


def diff(
    ctx: typer.Context,
    client: ClientName,
    before: Annotated[str, typer.Argument(help="A period, or a folder of published results; compared with.", metavar="A")],
    after: Annotated[str, typer.Argument(help="The same; what is compared.", metavar="B")],
    whole: Annotated[bool, typer.Option("--all", help="Every row of every list.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Write it as a page in each language; prints the paths.")] = False,
    file: Annotated[Path | None, typer.Option(help="With --html: the one page to write.", dir_okay=False)] = None,
    as_json: AsJson = False,
    language: Spoken = "en",
) -> None:
    """Compare two results of a client: key figures, tables, blocks, and whether data, parameters or code changed."""
    from workbook.diff.finding import find_result
    from workbook.diff.whole import compare
    from workbook.language import Edition

    spoken = speak(language)
    difference = compare(client, find_result(ctx.obj, client, before), find_result(ctx.obj, client, after))
    if as_json:
        typer.echo(json_text(difference.as_json()))
    elif html or file is not None:
        from workbook.diff.page import write_pages

        for path in write_pages(difference, ctx.obj / "outputs" / client, file):
            typer.echo(str(path))
    else:
        from workbook.diff.screen import as_screen

        currency = (difference.after.manifest.get("settings") or {}).get("currency", "CNY")
        typer.echo(as_screen(difference, Edition(spoken, currency), whole=whole))


def customer(
    ctx: typer.Context,
    client: ClientName,
    id: Annotated[str, typer.Argument(help="The customer's id, as the tables have it.", metavar="ID")],
    period: Annotated[
        str | None, typer.Argument(help="The period; the latest with published grades by default.", metavar="[PERIOD]")
    ] = None,
    as_json: AsJson = False,
    language: Spoken = "en",
) -> None:
    """One customer: why the grade is what it is and what would lift it, the forecast, the profile and the grades given."""
    from workbook.customer import look_up
    from workbook.language import Edition

    spoken = speak(language)
    found = look_up(ctx.obj, client, id, Period.parse(period) if period else None)
    typer.echo(json_text(found.as_json()) if as_json else found.as_screen(Edition(spoken, found.settings.currency)))

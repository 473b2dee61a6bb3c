"""The commands ``new``, ``check``, ``synth``, ``next`` and ``lab``: what stands before a run, and the work by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from workbook.commands.words import SCREEN, ClientName, PeriodNames, json_text, parsed, speak
from workbook.period import Period
from workbook.places import HOME_VARIABLE


def new(
    ctx: typer.Context,
    client: Annotated[str, typer.Argument(help="Name of the client: its folder in params/.", metavar="CLIENT")],
    folder: Annotated[
        Path, typer.Option("--from", help="Folder with the client's files; they are copied, never changed.", metavar="DIR")
    ],
    period: Annotated[
        str | None, typer.Option(help="Period of the delivery; by default the last that its rows cover whole.")
    ] = None,
    template: Annotated[
        str | None, typer.Option(help="Starter of an industry: b2b, finance, retail, simple or subscription.")
    ] = None,
    language: Annotated[str, typer.Option(help="Leading language of the report, and that of the comments: en or zh.")] = "en",
    currency: Annotated[str | None, typer.Option(help="Currency of all amounts, such as EUR.", metavar="CODE")] = None,
    ask: Annotated[
        bool | None,
        typer.Option("--ask/--no-ask", help="Ask what cannot be decided; by default on a terminal. Else it stays as todo."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the engagement; write nothing.")] = False,
) -> None:
    """Look into a client's files, propose tables and columns, and write an engagement that runs.

    For a client that has one, the files are a later period's: read with the settings that stand, and told what changed.
    """
    from workbook.opening.client import open_client

    def prompt(words: str) -> str:
        return str(typer.prompt(words, default="", show_default=False, err=True))

    asking = sys.stdin.isatty() if ask is None else ask
    opened = open_client(
        ctx.obj, client, folder, period=Period.parse(period) if period else None, template=template,
        language=speak(language), currency=currency, ask=prompt if asking else None, write=not dry_run,
    )  # fmt: skip
    typer.echo(opened.words, err=dry_run)
    typer.echo(opened.text if dry_run else f"\n{opened.engagement}\n{opened.delivery}")


def check(
    ctx: typer.Context,
    client: ClientName,
    period: PeriodNames = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Check settings and delivery: every fault at once, and what the data are enough for. Exit 1 where there are faults."""
    from workbook.checking import check_client

    outcome = check_client(ctx.obj, client, parsed(period))
    typer.echo(json_text(outcome.as_json()) if as_json else outcome.as_words(SCREEN))
    if not outcome.ok:
        raise typer.Exit(1)


def synth(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the invented client.", metavar="NAME")],
    customers: Annotated[int, typer.Option(help="Number of customers.", min=100)] = 2000,
    periods: Annotated[int, typer.Option(help="Number of deliveries, one a period.", min=1)] = 4,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random; the demo's by default.", min=0)] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Home to write params/ and data/ in; the home by default.", file_okay=False, resolve_path=True),
    ] = None,
) -> None:
    """Invent a client: deliveries with a known truth, and the settings that read them."""
    from workbook.synthetic import write_delivery
    from workbook.synthetic.plan import DEMO_SEED

    chosen = DEMO_SEED if seed is None else seed
    typer.echo(str(write_delivery(name, out or ctx.obj, customers=customers, periods=periods, seed=chosen)))


def next_(
    ctx: typer.Context,
    client: ClientName,
    period: Annotated[
        str | None,
        typer.Argument(help="The period whose proposal is taken; the latest run one by default.", metavar="[PERIOD]"),
    ] = None,
) -> None:
    """Write the next period's parameters from what the last run proposed; what its file says already stays."""
    from workbook.settings.next_period import write_next

    written = write_next(ctx.obj, client, Period.parse(period) if period else None)
    typer.echo(str(written.path))
    for key in written.set:
        typer.echo(f"  set   {key}")
    for key in written.kept:
        typer.echo(f"  kept  {key}, which the file gave already")


def lab(
    ctx: typer.Context,
    client: ClientName,
    period: Annotated[str, typer.Argument(help="The period to open.", metavar="PERIOD")],
    browser: Annotated[bool, typer.Option(help="Whether to open a browser.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only write the copies of the notebooks.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Copy the notebooks anew; work in earlier copies is lost.")] = False,
) -> None:
    """Open copies of the notebooks in JupyterLab, with client and period filled in."""
    from workbook.lab import lay_out
    from workbook.settings.reading import read_settings

    when = Period.parse(period)
    copies = lay_out(ctx.obj, client, when, read_settings(ctx.obj, client, when), fresh=fresh)
    if dry_run:
        typer.echo("\n".join(str(copy) for copy in copies))
        return
    command = [sys.executable, "-m", "jupyter", "lab", *([] if browser else ["--no-browser"]), str(copies[0].parent)]
    code = subprocess.run(command, env={**os.environ, HOME_VARIABLE: str(ctx.obj)}, check=False).returncode
    if code:
        raise typer.Exit(code)

"""Every command, thin: each finds its words here and its work elsewhere. Heavy imports stand inside the commands."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from workbook import __version__
from workbook.cli_forms import questionnaire
from workbook.cli_grades import appeals, regrade, speak
from workbook.errors import DeliveryError, SettingsError, UsageError, WorkbookError
from workbook.period import Period
from workbook.places import HOME_VARIABLE, home_folder
from workbook.run.failures import refused
from workbook.run.limits import TIMEOUT, default_jobs

if TYPE_CHECKING:
    from workbook.run.events import Event

SCREEN = 40
"""Most lines of faults shown at once."""


class Commands(TyperGroup):
    """The commands; what the person at the keyboard can mend is shown as its message alone."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, its errors told on stderr and turned into exit codes."""
        try:
            return super().invoke(ctx)
        except WorkbookError as fault:
            _complain(fault)
            raise typer.Exit(fault.exit_code) from None
        except OSError as fault:
            if fault.errno == errno.EPIPE:
                raise
            _complain(refused(fault))
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            typer.echo("\nstopped; what was published before stands as it was", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Six notebooks that turn a client's files into a report, lists and next period's parameters.",
)

ClientName = Annotated[str, typer.Argument(help="The client: a folder in params/.", metavar="CLIENT")]
PeriodNames = Annotated[
    list[str] | None,
    typer.Argument(
        help="Periods such as 2025Q4, 2025-11, 2025H2 or 2025; all of the client by default.", metavar="[PERIOD]..."
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Replace a parameter for this time, e.g. grading.rfm.bins=4.", metavar="KEY=VALUE"),
]


def main() -> None:
    """The ``workbook`` command."""
    app()


@app.callback()
def common(
    ctx: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(
            help="Folder that holds params/, data/ and outputs/; else WORKBOOK_HOME, else the repository.",
            exists=True, file_okay=False, resolve_path=True,
        ),
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Show the version and stop.", is_eager=True)] = False,
) -> None:  # fmt: skip
    """What all commands share."""
    if version:
        typer.echo(__version__)
        raise typer.Exit
    ctx.obj = home or home_folder()


@app.command()
def check(
    ctx: typer.Context,
    client: ClientName,
    period: PeriodNames = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Check settings and delivery: every fault at once, and what the data are enough for. Exit 1 where there are faults."""
    from workbook.checking import check_client

    outcome = check_client(ctx.obj, client, _periods(period))
    typer.echo(json.dumps(outcome.as_json(), ensure_ascii=False, indent=1) if as_json else outcome.as_words(SCREEN))
    if not outcome.ok:
        raise typer.Exit(1)


@app.command()
def run(
    ctx: typer.Context,
    client: Annotated[
        str | None, typer.Argument(help="The client: a folder in params/; several with commas between.", metavar="CLIENT")
    ] = None,
    period: PeriodNames = None,
    every: Annotated[bool, typer.Option("--all", help="Every client of the home, or those that have the PERIODs.")] = False,
    stage: Annotated[
        list[str] | None, typer.Option(help="Only this stage, on the published results of the others; may be repeated.")
    ] = None,
    override: Overrides = None,
    engine: Annotated[
        str | None, typer.Option(help="What executes the notebooks: fork (the default on Linux) or papermill.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Execute what is not stale too.")] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="Clients, or periods of one, to run beside each other; as many as there are processors by default, 4 at most.",
            min=1,
        ),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Run the clients on a dask.distributed scheduler.", metavar="ADDRESS")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that one cell may take; 0 for no limit.", min=0)] = TIMEOUT,
    memory: Annotated[int | None, typer.Option(help="Megabytes that one notebook may take.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each step as a line of JSON.")] = False,
) -> None:
    """Execute what is stale of each period's six notebooks and publish the reports; prints the path of each report."""
    from workbook.run.batch import ClientJob, run_clients
    from workbook.run.progress import shown

    chosen = _chosen(ctx.obj, client, _periods(period), every)
    options: dict[str, Any] = {
        "stages": tuple(stage) if stage else None, "overrides": _overrides(override),
        "engine": engine, "force": force, "timeout": timeout or None, "memory": memory,
    }  # fmt: skip
    work = [ClientJob(name, wanted, **options) for name, wanted in chosen]
    total = sum(len(wanted or _known(ctx.obj, name)) for name, wanted in chosen)
    with _executor(scheduler) as executor, shown(total, as_json=as_json, failures=len(work) > 1) as echo:
        result = run_clients(ctx.obj, work, workers=jobs or default_jobs(), executor=executor, echo=echo)
    if any(outcome.state != "up to date" for outcome in result.outcomes):
        from workbook.overview.page import write_overview

        write_overview(ctx.obj, lambda words: typer.echo(words, err=True))
    for failed, fault in result.failures:
        _complain(fault, f"{failed.client} {failed.period}".strip() if len(work) > 1 else "")
    if len(work) > 1:
        typer.echo(result.table(), err=True)
    for report in result.reports if not as_json else ():
        typer.echo(str(report))
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _chosen(
    home: Path, client: str | None, wanted: list[Period] | None, every: bool
) -> list[tuple[str, tuple[Period, ...] | None]]:
    """The clients to run, and the periods of each; None for all that it has."""
    from workbook.settings.folders import clients, known_periods

    if not every:
        if client is None:
            raise UsageError("run: expected a client, or --all and no client")
        names = client.split(",")
        for name in names:
            known_periods(home, name, wanted)
        return [(name, tuple(wanted) if wanted else None) for name in names]
    if client is not None:
        try:
            wanted = sorted({Period.parse(client), *(wanted or [])})
        except UsageError:
            raise UsageError("run: expected a client, or --all and no client") from None
    if wanted is None:
        return [(name, None) for name in clients(home)]
    shared = [(name, tuple(p for p in wanted if p in _known(home, name))) for name in clients(home)]
    return [(name, some) for name, some in shared if some]


def _known(home: Path, client: str) -> list[Period]:
    """The periods of a client; none where its files are at fault, which its run will tell."""
    from workbook.settings.folders import periods

    try:
        return periods(home, client)
    except WorkbookError:
        return []


def _overrides(words: list[str] | None) -> dict[str, Any]:
    if not words:
        return {}
    from workbook.settings.reading import override_of

    return dict(override_of(one) for one in words)


@contextlib.contextmanager
def _executor(scheduler: str | None) -> Iterator[Executor | None]:
    """What takes the jobs where a dask scheduler is named."""
    if scheduler is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("scheduler: found no dask.distributed; install it with: pip install 'crm-workbook[dask]'") from None
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError) as fault:
        raise UsageError(f"scheduler: found no scheduler at {scheduler!r} ({fault}); expected tcp://HOST:PORT") from None
    with client:
        yield client.get_executor(pure=False)


@app.command()
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

        typer.echo(checks_in_words())
        return
    typer.echo(words.explain(key))


@app.command("list")
def list_(
    ctx: typer.Context,
    html: Annotated[
        bool, typer.Option("--html", help="Write outputs/index.html and outputs/index.zh.html; prints the paths.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    language: Annotated[str, typer.Option(help="Of the words on the screen: en or zh.")] = "en",
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


@app.command()
def diff(
    ctx: typer.Context,
    client: ClientName,
    before: Annotated[str, typer.Argument(help="A period, or a folder of published results; compared with.", metavar="A")],
    after: Annotated[str, typer.Argument(help="The same; what is compared.", metavar="B")],
    whole: Annotated[bool, typer.Option("--all", help="Every row of every list.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Write it as a page in each language; prints the paths.")] = False,
    file: Annotated[Path | None, typer.Option(help="With --html: the one page to write.", dir_okay=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    language: Annotated[str, typer.Option(help="Of the words on the screen: en or zh.")] = "en",
) -> None:
    """Compare two results of a client: key figures, tables, blocks, and whether data, parameters or code changed."""
    from workbook.diff.finding import find_result
    from workbook.diff.whole import compare
    from workbook.language import Edition

    spoken = speak(language)
    difference = compare(client, find_result(ctx.obj, client, before), find_result(ctx.obj, client, after))
    if as_json:
        typer.echo(json.dumps(difference.as_json(), ensure_ascii=False, indent=1))
    elif html or file is not None:
        from workbook.diff.page import write_pages

        for path in write_pages(difference, ctx.obj / "outputs" / client, file):
            typer.echo(str(path))
    else:
        from workbook.diff.screen import as_screen

        currency = (difference.after.manifest.get("settings") or {}).get("currency", "CNY")
        typer.echo(as_screen(difference, Edition(spoken, currency), whole=whole))


@app.command("next")
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


@app.command()
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
    import datetime as dt

    from workbook.accepting import accept as enter

    kinds = [kind.strip() for kind in only.split(",")] if only is not None else None
    outcome = enter(ctx.obj, client, Period.parse(period), kinds=kinds, on=dt.date.today(), by=by)
    typer.echo(outcome.as_words(SCREEN // 2), err=not outcome.ok)
    if not outcome.ok:
        raise typer.Exit(1)


@app.command()
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
    language: Annotated[str, typer.Option(help="Language of words: en or zh.")] = "en",
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


@app.command()
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


@app.command()
def customer(
    ctx: typer.Context,
    client: ClientName,
    id: Annotated[str, typer.Argument(help="The customer's id, as the tables have it.", metavar="ID")],
    period: Annotated[
        str | None, typer.Argument(help="The period; the latest with published grades by default.", metavar="[PERIOD]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    language: Annotated[str, typer.Option(help="Language of words: en or zh.")] = "en",
) -> None:
    """One customer: why the grade is what it is and what would lift it, the forecast, the profile and the grades given."""
    from workbook.customer import look_up
    from workbook.language import Edition

    spoken = speak(language)
    found = look_up(ctx.obj, client, id, Period.parse(period) if period else None)
    if as_json:
        typer.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=1, default=str))
    else:
        typer.echo(found.as_screen(Edition(spoken, found.settings.currency)))


@app.command()
def why(
    ctx: typer.Context,
    client: ClientName,
    period: Annotated[str, typer.Argument(help="The period.", metavar="PERIOD")],
    stage: Annotated[str | None, typer.Argument(help="Only this stage.", metavar="[STAGE]")] = None,
    override: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, every change.")] = False,
) -> None:
    """Say of each stage whether it is stale, and what changed since it was executed; nothing is executed."""
    from workbook.run.stale import as_words, examine
    from workbook.stages import stage as find_stage

    wanted = stage if stage in (None, "report") else find_stage(stage).id
    states = examine(ctx.obj, client, Period.parse(period), _overrides(override))
    chosen = [state for state in states if wanted in (None, state.stage)]
    if as_json:
        typer.echo(json.dumps([state.as_json() for state in chosen], ensure_ascii=False, indent=1))
    else:
        typer.echo(as_words(chosen, SCREEN if wanted else SCREEN // 4))


@app.command()
def verify(
    ctx: typer.Context,
    client: ClientName,
    period: Annotated[str, typer.Argument(help="The period.", metavar="PERIOD")],
    engine: Annotated[str | None, typer.Option(help="What executes the notebooks; all give the same results.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what differs as JSON.")] = False,
) -> None:
    """Execute a published period again, elsewhere, and compare every file; exit 1 where a byte differs."""
    from workbook.run.verify import verify as make_again

    def echo(event: Event) -> None:
        typer.echo(event.line(), err=True)

    when = Period.parse(period)
    found = make_again(ctx.obj, client, when, engine=engine, echo=echo)
    if as_json:
        typer.echo(json.dumps([difference.as_json() for difference in found], ensure_ascii=False, indent=1))
    else:
        typer.echo("\n".join(difference.words for difference in found) or f"{client} {when.name}: every byte is the same")
    if found:
        raise typer.Exit(1)


@app.command()
def prune(
    ctx: typer.Context,
    client: Annotated[str | None, typer.Argument(help="The client; every client by default.", metavar="[CLIENT]")] = None,
    keep: Annotated[int, typer.Option(help="Earlier runs of each period to keep.", min=0)] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,
) -> None:
    """Remove results that are not published any more and what ended runs left behind; published results stay."""
    from workbook.run.prune import prune as remove

    pruned = remove(ctx.obj, client, keep=keep, dry=dry_run)
    for place, _ in pruned.places:
        typer.echo(str(place))
    done = "would be removed" if dry_run else "removed"
    typer.echo(f"{len(pruned.places)} results, {pruned.bytes / 1e6:,.1f} MB, {done}")


@app.command()
def new(
    ctx: typer.Context,
    client: Annotated[str, typer.Argument(help="Name of the new client: its folder in params/.", metavar="CLIENT")],
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
    """Look into a client's files, propose tables and columns, and write an engagement that runs."""
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


@app.command()
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


app.command()(questionnaire)
app.command()(regrade)
app.command()(appeals)


@app.command()
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


def _periods(names: list[str] | None) -> list[Period] | None:
    return sorted({Period.parse(name) for name in names}) if names else None


def _complain(fault: WorkbookError, whose: str = "") -> None:
    """Tell a fault on stderr, beneath the client and period *whose* it is where there are several."""
    lines = fault.problems if isinstance(fault, SettingsError | DeliveryError) else [str(fault)]
    if whose:
        typer.echo(f"{whose}:", err=True)
        lines = [textwrap.indent(line, "  ") for line in lines]
    for line in lines[:SCREEN]:
        typer.echo(line, err=True)
    if len(lines) > SCREEN:
        typer.echo(f"… and {len(lines) - SCREEN} more; `workbook check CLIENT --json` tells all", err=True)

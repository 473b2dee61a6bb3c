"""The commands ``run``, ``why``, ``verify`` and ``prune``: results are made, explained, made again, removed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbook.commands.words import SCREEN, ClientName, Overrides, PeriodNames, complain, json_text, parsed, replaced
from workbook.errors import UsageError, WorkbookError
from workbook.period import Period
from workbook.run.limits import TIMEOUT, default_jobs

if TYPE_CHECKING:
    from workbook.run.events import Event


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

    chosen = _chosen(ctx.obj, client, parsed(period), every)
    options: dict[str, Any] = {
        "stages": tuple(stage) if stage else None, "overrides": replaced(override),
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
        complain(fault, f"{failed.client} {failed.period}".strip() if len(work) > 1 else "")
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
    states = examine(ctx.obj, client, Period.parse(period), replaced(override))
    chosen = [state for state in states if wanted in (None, state.stage)]
    typer.echo(
        json_text([state.as_json() for state in chosen]) if as_json else as_words(chosen, SCREEN if wanted else SCREEN // 4)
    )


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
    typer.echo(
        json_text([difference.as_json() for difference in found])
        if as_json
        else "\n".join(difference.words for difference in found) or f"{client} {when.name}: every byte is the same"
    )
    if found:
        raise typer.Exit(1)


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

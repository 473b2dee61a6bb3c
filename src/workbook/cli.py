"""The ``workbook`` command: what all commands share, their order, and how a fault becomes a message and an exit code."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from workbook import __version__
from workbook.commands.forms import competitors, labels, questionnaire
from workbook.commands.grades import accept, appeals, regrade, replay, weights
from workbook.commands.preparing import check, lab, new, next_, synth
from workbook.commands.reading import customer, diff, explain, list_
from workbook.commands.running import prune, run, verify, why
from workbook.commands.words import complain
from workbook.errors import WorkbookError
from workbook.places import home_folder
from workbook.run.failures import refused


class Commands(TyperGroup):
    """The commands; what the person at the keyboard can mend is shown as its message alone."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, its errors told on stderr and turned into exit codes."""
        try:
            return super().invoke(ctx)
        except WorkbookError as fault:
            complain(fault)
            raise typer.Exit(fault.exit_code) from None
        except OSError as fault:
            if fault.errno == errno.EPIPE:
                raise
            complain(refused(fault))
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


for command in (
    new, check, run, list_, explain, diff, customer, weights, questionnaire, labels, competitors, regrade, appeals, accept,
    replay, next_, why, verify, prune, lab, synth,
):  # fmt: skip
    app.command(command.__name__.rstrip("_"))(command)

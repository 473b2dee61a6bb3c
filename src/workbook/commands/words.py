"""What several commands share: their arguments, how a fault is told, who signs, which language is spoken."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbook.errors import DeliveryError, SettingsError, UsageError, WorkbookError
from workbook.period import Period

if TYPE_CHECKING:
    from workbook.language import Language

SCREEN = 40
"""Most lines of faults shown at once."""

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
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
Spoken = Annotated[str, typer.Option(help="Language of words: en or zh.")]


def parsed(names: list[str] | None) -> list[Period] | None:
    """The periods of these names in time order, each once; None where none is named."""
    return sorted({Period.parse(name) for name in names}) if names else None


def replaced(words: list[str] | None) -> dict[str, Any]:
    """The parameters that ``--set`` replaces: dotted key → value."""
    if not words:
        return {}
    from workbook.settings.reading import override_of

    return dict(override_of(one) for one in words)


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


def signer(by: str | None, command: str) -> str:
    """The role that signs.

    Raises:
        UsageError: where nobody does.
    """
    if by is None:
        raise UsageError(f'{command}: found --accept without --by, expected who accepts, e.g. --by "sales director"')
    return by


def json_text(content: Any) -> str:
    """What ``--json`` prints, the same way everywhere."""
    return json.dumps(content, ensure_ascii=False, indent=1, default=str)


def complain(fault: WorkbookError, whose: str = "") -> None:
    """Tell a fault on stderr, beneath the client and period *whose* it is where there are several."""
    lines = fault.problems if isinstance(fault, SettingsError | DeliveryError) else [str(fault)]
    if whose:
        typer.echo(f"{whose}:", err=True)
        lines = [textwrap.indent(line, "  ") for line in lines]
    for line in lines[:SCREEN]:
        typer.echo(line, err=True)
    if len(lines) > SCREEN:
        typer.echo(f"… and {len(lines) - SCREEN} more; `workbook check CLIENT --json` tells all", err=True)

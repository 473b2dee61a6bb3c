"""Which clients and periods a home has parameters for. Found from names of files alone, so that it costs no time."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path

from workbook.errors import Problem, SettingsError, UsageError, WorkbookError
from workbook.period import Period

ENGAGEMENT = "engagement.yaml"

_CLIENT = re.compile(r"[a-z][a-z0-9_-]*")


def clients(home: Path) -> list[str]:
    """The clients that have an engagement file, sorted."""
    return sorted(path.parent.name for path in (home / "params").glob(f"*/{ENGAGEMENT}"))


def periods(home: Path, client: str) -> list[Period]:
    """The periods of a client: one for each ``params/<client>/<period>.yaml``, earliest first.

    Raises:
        WorkbookError: for an unknown client.
        SettingsError: for a file whose name is no period.
    """
    folder = engagement_file(home, client).parent
    found: list[Period] = []
    problems: list[Problem] = []
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        if path.name == ENGAGEMENT:
            continue
        try:
            if path.suffix == ".yml":
                raise UsageError
            found.append(Period.parse(path.stem))
        except UsageError:
            expected = f"{ENGAGEMENT} or a period: 2025Q4.yaml, 2025-11.yaml, 2025H2.yaml, 2025.yaml"
            problems.append(Problem(shown(home, path), None, "", f"a file called {path.name!r}", expected))
    if problems:
        raise SettingsError(problems)
    return sorted(found)


def known_periods(home: Path, client: str, wanted: list[Period] | None) -> list[Period]:
    """The *wanted* periods of a client, all of them where None are wanted, earliest first.

    Raises:
        WorkbookError: for an unknown client or period, or a client without periods.
    """
    known = periods(home, client)
    for period in wanted or []:
        period_file(home, client, period)
    if not known:
        raise WorkbookError(f"params/{client}: found no period, expected a file such as params/{client}/2025Q4.yaml")
    return known if wanted is None else sorted(set(wanted))


def earlier_periods(home: Path, client: str, period: Period) -> list[Period]:
    """The client's periods of the same length that lie before *period*, the latest first."""
    return [p for p in reversed(periods(home, client)) if p.months == period.months and p.end < period.end]


def engagement_file(home: Path, client: str) -> Path:
    """The client's engagement file.

    Raises:
        WorkbookError: for a name that is none, or a client without one.
    """
    check_client_name(client)
    path = home / "params" / client / ENGAGEMENT
    if not path.is_file():
        instead = f"a folder with an {ENGAGEMENT} in {home / 'params'}"
        raise WorkbookError(f"client: found {client!r}, expected {choice(client, clients(home), instead)}")
    return path


def check_client_name(client: str) -> None:
    """Raise WorkbookError for what cannot be the name of a client's folder."""
    if not _CLIENT.fullmatch(client):
        raise WorkbookError(
            f"client: found {client!r}, expected a name of small letters, digits, - and _ that begins with a letter"
        )


def period_file(home: Path, client: str, period: Period) -> Path:
    """The file of one period of a client.

    Raises:
        WorkbookError: where there is none.
    """
    path = home / "params" / client / f"{period.name}.yaml"
    if not path.is_file():
        known = [p.name for p in periods(home, client)]
        instead = f"a period file, such as params/{client}/{period.name}.yaml"
        raise WorkbookError(f"period: found {period.name!r}, expected {choice(period.name, known, instead)}")
    return path


def choice(name: str, known: list[str], otherwise: str) -> str:
    """What was expected instead of *name*: the known names, the nearest of them, or *otherwise* where there is none."""
    if not known:
        return otherwise
    nearest = get_close_matches(name, known, 1, 0.5)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return f"{'one of ' if len(known) > 1 else ''}{', '.join(known)}{hint}"


def shown(home: Path, path: Path) -> str:
    """A path as messages name it."""
    return path.relative_to(home).as_posix()

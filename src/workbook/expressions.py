"""The SQL that settings hold, judged before anything runs: on an empty profile and on empty canonical tables.

What a rule says of a client's own values is known only when it is run; a name that does not exist, a slip of grammar, an
aggregate where one value a customer is wanted, a clock, chance or a file are found here.
"""

from __future__ import annotations

import datetime as dt
import difflib
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from workbook.errors import Problem
from workbook.period import Period
from workbook.settings.checks import Fault
from workbook.settings.models import Settings
from workbook.settings.reading import judged
from workbook.sources.profile import build_profile, own_attributes
from workbook.sources.scope import COLUMNS as SCOPE_COLUMNS
from workbook.tables import SCHEMAS, empty_tables

Place = tuple[str | int, ...]

_NO_COLUMN = re.compile(r'Referenced column "(?P<name>[^"]*)" not found')
_NO_TABLE = re.compile(r'Referenced table "(?P<name>[^"]*)" not found|Table with name (?P<other>\S+) does not exist')
_NO_FUNCTION = re.compile(r"Function with name (?P<name>\S+) does not exist")
_NO_VALUE = re.compile(r"Values were not provided for the following parameters?: (?P<name>.+)")
_KIND = re.compile(r"^[A-Za-z ]*Error: ")
_NUMBER = re.compile(r"U?(?:TINY|SMALL|BIG|HUGE)?INT|DOUBLE|FLOAT|DECIMAL|BOOLEAN")
_QUOTED = re.compile(r"'(?:[^']|'')*'")
_MUST_STAND_STILL = "words that mean the same in every run"


@dataclass(frozen=True)
class _Ground:
    """What an expression may lean on.

    Attributes:
        what: the ground in words.
        query: the statement that holds the expression, ``{sql}`` in its place.
        columns: names that it may mean, for the nearest one.
        values: parameters that stand ready.
    """

    what: str
    query: str
    columns: Sequence[str]
    values: Mapping[str, Any] = field(default_factory=dict)


def check_expressions(
    home: Path, client: str, periods: Sequence[Period], overrides: Mapping[str, Any] | None = None
) -> list[Problem]:
    """Every fault of the SQL in the settings of a client's periods, each once with its file, line and key.

    Raises:
        SettingsError: where the settings are at fault otherwise.
    """
    found: dict[Problem, None] = {}
    for period in periods:
        found |= dict.fromkeys(judged(home, client, period, bad_expressions, overrides))
    return list(found)


def bad_expressions(settings: Settings) -> list[Fault]:
    """The SQL of the settings that cannot be run, or that would give other results another day.

    >>> settings = Settings.model_validate({"client": {"name": "A"}, "next_pilot": {"groups": "ordres > 1"}})
    >>> [(fault.path, fault.found, fault.hint) for fault in bad_expressions(settings)]
    [(('next_pilot', 'groups'), "'ordres > 1', in which there is no column 'ordres'", "did you mean 'orders'?")]
    """
    connection = _open(settings)
    try:
        return [
            *(fault for path, sql, ground in _held(settings, connection) if (fault := _judge(connection, path, sql, ground))),
            *(fault for path, names in _strata(settings) for fault in _unknown_strata(connection, path, names)),
            *_unknown_facts(connection, settings),
        ]
    finally:
        connection.close()


def _held(settings: Settings, connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Place, str, _Ground]]:
    profile, people = _columns(connection, "profile"), _columns(connection, "people")
    condition = _Ground("an SQL condition over the columns of the profile", "select 1 from profile where ({sql}\n)", profile)
    meeting = _Ground(
        "an SQL condition over the columns of the profile, score and tier", "select 1 from people where ({sql}\n)", people
    )
    ruling = _Ground(
        "an SQL condition over the columns of the profile, score, tier, client_tier and cluster",
        "select 1 from (select *, 0::bigint as cluster from people) as people where ({sql}\n)",
        [*people, "cluster"],
    )
    number = _Ground(
        "one SQL expression a customer over the columns of the profile",
        "select cast(({sql}\n) as double) from profile", profile,
    )  # fmt: skip
    if settings.scope.where:
        listed = ", ".join(f'"{name}"' for name in SCOPE_COLUMNS)
        query = f"select 1 from (select {listed} from customers) as customers where ({{sql}}\n)"
        yield ("scope", "where"), settings.scope.where, _Ground("an SQL condition over the customer list", query, SCOPE_COLUMNS)
    for i, tag in enumerate(settings.tags):
        yield ("tags", i, "rule"), tag.rule, condition
    for i, index in enumerate(settings.grading.indices):
        yield ("grading", "indices", i, "source"), index.source, number
    for i, rule in enumerate(settings.grading.rules):
        yield ("grading", "rules", i, "when"), rule.when, ruling
    # what an event changes is told of the profile, of the indices and of the amount that stands in the file
    words = [name for name in ("amount", *(index.id for index in settings.grading.indices)) if name not in profile]
    given = "".join(f', null::double as "{word}"' for word in dict.fromkeys(words))
    event = _Ground(
        "one SQL expression a customer over the columns of the profile, the indices and amount",
        f"select cast(({{sql}}\n) as double) from (select *{given} from profile) as profile", [*profile, *words],
    )  # fmt: skip
    for i, kind in enumerate(settings.grading.events):
        for name, sql in kind.facts.items():
            yield ("grading", "events", i, "facts", name), sql, event
    tables = [*SCHEMAS, *(column for schema in SCHEMAS.values() for column in schema.columns)]
    case = _Ground(
        "one query over the canonical tables (`workbook explain tables`) that gives customer_id and hit, a row a case",
        "select customer_id, cast(hit as boolean) from ({sql}\n) as cases", ["hit", *tables],
        {"start": dt.date(2000, 1, 1), "end": dt.date(2000, 3, 31)},
    )  # fmt: skip
    for i, check in enumerate(settings.diagnosis.checks):
        yield ("diagnosis", "checks", i, "sql"), check.sql.strip().rstrip(";").rstrip(), case
    for i, pilot in enumerate(settings.pilots):
        if pilot.groups:
            yield ("pilots", i, "groups"), pilot.groups, meeting
        outcome = _Ground(
            "'outcomes', or one SQL expression a unit over the canonical tables (unit.customer_id names the customer)",
            "select cast(({sql}\n) as double) from unit",
            tables,
            {"first_day": pilot.starts, "last_day": pilot.ends, "name": pilot.id, "start": pilot.starts, "end": pilot.ends},
        )
        for j, metric in enumerate(pilot.metrics):
            if metric.source != "outcomes":
                yield ("pilots", i, "metrics", j, "source"), metric.source, outcome
            for k, known in enumerate(metric.covariates):
                yield ("pilots", i, "metrics", j, "covariates", k), known, outcome
    if settings.next_pilot.groups:
        yield ("next_pilot", "groups"), settings.next_pilot.groups, meeting


def _strata(settings: Settings) -> Iterator[tuple[Place, Sequence[str]]]:
    yield ("next_pilot", "strata"), settings.next_pilot.strata
    for i, pilot in enumerate(settings.pilots):
        yield ("pilots", i, "strata"), pilot.strata


def _unknown_strata(connection: duckdb.DuckDBPyConnection, path: Place, names: Sequence[str]) -> Iterator[Fault]:
    known = _columns(connection, "people")
    for i, name in enumerate(names):
        if name not in known:
            yield Fault((*path, i), repr(name), "a column of the profile, score or tier", _meant(name, known))


def _unknown_facts(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[Fault]:
    """The facts of events that are neither an index nor a number of the profile."""
    columns = connection.execute("describe profile").fetchall()
    known = [*(index.id for index in settings.grading.indices), *(str(row[0]) for row in columns if _NUMBER.match(row[1]))]
    for i, kind in enumerate(settings.grading.events):
        for name in (name for name in kind.facts if name not in known):
            path = ("grading", "events", i, "facts", name)
            yield Fault(path, repr(name), "an index, or a column of the profile that holds numbers", _meant(name, known))


def _judge(connection: duckdb.DuckDBPyConnection, path: Place, sql: str, ground: _Ground) -> Fault | None:
    shown = repr(sql if len(sql) <= 80 else sql[:77] + "…")
    bare = _QUOTED.sub("''", sql)
    if not sql.strip():
        return Fault(path, "nothing", ground.what)
    if _leaves_its_brackets(bare):
        return Fault(path, f"{shown}, which closes a bracket that it did not open", ground.what)
    if moving := _moving().search(bare):
        name = moving[0].rstrip("( ").lower()
        return Fault(
            path, f"{shown}, in which {name} changes from run to run", _MUST_STAND_STILL, "use the profile's ages in days"
        )
    query = ground.query.format(sql=sql)
    try:
        statements = connection.extract_statements(query)
        if len(statements) != 1:
            return Fault(path, f"{shown}, which is more than one statement", ground.what)
        used = {name: value for name, value in ground.values.items() if re.search(rf"\${name}\b", sql)}
        rows = connection.execute(query, used or None).fetchall()
    except duckdb.Error as fault:
        said, hint = _said(str(fault), bare, ground.columns)
        return Fault(path, f"{shown}, {said}", ground.what, hint)
    if rows:  # nobody is there: what still gives a row has added all up
        return Fault(path, f"{shown}, which gives one value for all", ground.what, "take sum, max and the like out")
    return None


def _leaves_its_brackets(bare: str) -> bool:
    depth = 0
    for sign in bare:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return True
    return False


def _said(words: str, bare: str, columns: Sequence[str]) -> tuple[str, str]:
    """What the engine found, in our words and without its inner lines; and the name that was probably meant."""
    for pattern, what in ((_NO_COLUMN, "column"), (_NO_TABLE, "table"), (_NO_FUNCTION, "function")):
        if match := pattern.search(words):
            name = next(part for part in match.groups() if part).rstrip("!")
            return f"in which there is no {what} {name!r}", _meant(name, columns) if what != "function" else ""
    if match := _NO_VALUE.search(words):
        return f"in which nothing is known of ${match['name']}", ""
    if "file system operations are disabled" in words or "Permission Error" in words:
        return "which reaches for a file", "a rule sees the client's tables alone"
    if 'at or near ")"' in words and bare.count("(") == bare.count(")"):  # that bracket is ours
        return "which breaks off", ""
    return f"of which SQL says: {_KIND.sub('', words.strip().splitlines()[0])}", ""


def _meant(name: str, known: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(name, known, 1, 0.6)
    return f"did you mean {nearest[0]!r}?" if nearest else ""


@functools.cache
def _empty_profile() -> Any:
    settings = Settings.model_validate({"client": {"name": "-"}})
    return build_profile(empty_tables(Period.parse("2000Q1")), settings).frame


def _empty_profile_of(settings: Settings) -> Any:
    """The empty profile, with the client's own columns behind the others."""
    own = own_attributes(settings)
    typed = {f"own_{name}": "float64" if kind == "number" else "str" for name, kind in own.items()}
    frame = _empty_profile()
    return frame.assign(**{name: frame["customer_id"].astype(kind) for name, kind in typed.items()})


def _open(settings: Settings) -> duckdb.DuckDBPyConnection:
    """DuckDB with the empty profile, the people of a pilot, its units and the canonical tables; no file can be reached."""
    connection = duckdb.connect(config={"threads": 1, "enable_external_access": False, "autoinstall_known_extensions": False})
    empty_tables(Period.parse("2000Q1"), connection)
    connection.register("arriving", _empty_profile_of(settings))
    connection.execute("create table profile as select * from arriving")
    connection.unregister("arriving")
    connection.execute(
        "create table people as select * exclude (tier), tier as client_tier, 0.0::double as score, tier from profile limit 0"
    )
    connection.execute("create table unit as select unit_id, customer_id from assignments limit 0")
    return connection


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(f"describe {table}").fetchall()]


@functools.cache
def _moving() -> re.Pattern[str]:
    """Calls and words whose value hangs on the clock, on chance or on the session."""
    with duckdb.connect() as connection:
        names = connection.execute(
            "select distinct function_name from duckdb_functions() "
            "where stability <> 'CONSISTENT' and function_type = 'scalar' order by 1"
        ).fetchall()
    called = "|".join(re.escape(str(name)) for (name,) in names)
    return re.compile(rf"\b(?:(?:{called})\s*\(|current_(?:date|time|timestamp)\b|localtime(?:stamp)?\b)", re.IGNORECASE)

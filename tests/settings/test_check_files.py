"""Checks in files of the client's own: read as declared, told with file and line where they are at fault, listed."""

import textwrap

import pytest
from typer.testing import CliRunner

from workbook.cli import app
from workbook.expressions import check_expressions
from workbook.period import Period
from workbook.places import templates_folder
from workbook.settings.reading import check_settings, read_settings

PERIOD = Period.parse("2025Q4")

CHECK = """\
-- # Tickets without a priority wait like all others.
-- module: service
-- measure: {en: Tickets without a priority, zh: 无优先级的工单}
-- problem: Tickets without a priority
-- cause: The form does not ask for it.
-- needs: [tickets.priority]
-- limit: 0.05
select customer_id, ticket_id, opened_at as happened_at, priority is null as hit
from tickets where opened_at >= $start;
"""


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "params" / "acme"
    (folder / "checks").mkdir(parents=True)
    (folder / "engagement.yaml").write_text("client: {name: Acme}\n", "utf-8")
    (folder / "2025Q4.yaml").write_text("", "utf-8")

    def write(words, name="no_priority.sql", engagement=None):
        (folder / "checks" / name).write_text(textwrap.dedent(words), "utf-8")
        if engagement:
            (folder / "engagement.yaml").write_text(engagement, "utf-8")
        return tmp_path

    return write


def told(home):
    faults = check_settings(home, "acme") or check_expressions(home, "acme", [PERIOD])
    return [(f.file, f.line, f.key) for f in faults], "\n".join(map(str, faults))


def test_a_file_is_a_check_called_as_the_file_is(home):
    (check,) = read_settings(home(CHECK), "acme", PERIOD).diagnosis.checks
    assert (check.id, check.module, check.limit, check.needs) == ("no_priority", "service", 0.05, ["tickets.priority"])
    assert check.measure == {"en": "Tickets without a priority", "zh": "无优先级的工单"}
    assert check.sql.startswith("select customer_id, ticket_id")
    assert told(home(CHECK))[0] == []


def test_checks_of_files_stand_behind_those_of_the_engagement_and_a_period_may_change_them(home):
    engagement = (
        "client: {name: Acme}\ndiagnosis:\n  checks:\n    - {id: other, module: value, measure: a, problem: b, cause: c, "
        "limit: 0.1, sql: 'select customer_id, true as hit from customers'}\n"
    )
    where = home(CHECK, engagement=engagement)
    (where / "params" / "acme" / "2025Q4.yaml").write_text(
        "diagnosis:\n  checks:\n    - {id: no_priority, limit: 0.2}\n", "utf-8"
    )
    found = read_settings(where, "acme", PERIOD).diagnosis.checks
    assert [(check.id, check.limit) for check in found] == [("other", 0.1), ("no_priority", 0.2)]


FILE = "params/acme/checks/no_priority.sql"


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "words"),
    [
        ("-- module: service", "-- module: servcie", 2, "module", "'service'"),
        ("-- limit: 0.05", "-- limit: 5", 7, "limit", "0 to 1"),
        ("-- limit: 0.05", "-- limits: 0.05", 7, "limits", "did you mean 'limit'?"),
        ("tickets.priority]", "tickets.priorty]", 6, "needs.1", "did you mean 'priority'?"),
        ("priority is null as hit", "priorty is null as hit", 8, "sql", "did you mean 'priority'?"),
        (" as hit", " as hits", 8, "sql", "'hit'"),
        ("from tickets", "form tickets", 8, "sql", "SQL says"),
        ("from tickets", "from read_csv('/etc/passwd')", 8, "sql", "which reaches for a file"),
        ("from tickets", "from tickets where opened_at < now() and", 8, "sql", "changes from run to run"),
        ("from tickets where opened_at >= $start;", "; drop table tickets", 8, "sql", "SQL says"),
    ],
)
def test_a_slip_is_told_with_file_line_and_what_is_expected(home, old, new, line, key, words):
    assert old in CHECK
    places, said = told(home(CHECK.replace(old, new)))
    assert (FILE, line, f"diagnosis.checks.no_priority.{key}") in places, places
    assert words in said


def test_a_head_that_is_no_yaml_or_names_the_file_again_is_told_by_its_line(home):
    places, said = told(home(CHECK.replace("-- cause: The form", "-- cause: It: the form")))
    assert places == [(FILE, 5, "")] and "not YAML" in said
    places, said = told(home(CHECK.replace("-- module: service", "-- id: x")))
    assert (FILE, 2, "id") in places and "the file's name instead of it" in said


def test_a_file_without_query_or_declaration_says_what_it_should_hold(home):
    assert "no query" in told(home("-- module: service\n"))[1]
    assert "no declaration" in told(home("select 1 as hit\n"))[1]
    assert "<id>.sql" in told(home("x", name="notes.txt"))[1]


def test_what_a_machine_leaves_in_the_folder_is_no_check(home):
    assert told(home("x", name=".DS_Store")) == ([], "")


def test_the_same_check_twice_is_a_fault(home):
    engagement = (
        "client: {name: Acme}\ndiagnosis:\n  checks:\n    - {id: no_priority, module: value, measure: a, problem: b, "
        "cause: c, limit: 0.1, sql: 'select customer_id, true as hit from customers'}\n"
    )
    assert "stands in params/acme/engagement.yaml, line 4, too" in told(home(CHECK, engagement=engagement))[1]


def test_explain_checks_lists_the_checks_of_each_client_with_their_file(home):
    said = CliRunner().invoke(app, ["--home", str(home(CHECK)), "explain", "checks"])
    assert said.exit_code == 0, said.output
    assert "service.own.no_priority" in said.output and "params/acme/checks/no_priority.sql" in said.output
    broken = home(CHECK.replace("-- limit: 0.05\n", ""))
    said = CliRunner().invoke(app, ["--home", str(broken), "explain", "checks"])
    assert said.exit_code == 0 and "workbook check acme" in said.output


def test_the_check_that_may_be_copied_is_without_fault(home):
    template = templates_folder() / "checks" / "ending_unspoken.sql"
    assert told(home(template.read_text("utf-8"), name=template.name)) == ([], "")

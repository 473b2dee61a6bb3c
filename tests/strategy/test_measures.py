"""The library of measures: every check has one; faults of the files are told at once."""

from collections import Counter

import pandas as pd
import pytest

from workbook.diagnosis.finding import MODULES
from workbook.diagnosis.problems import diagnose
from workbook.errors import SettingsError, WorkbookError
from workbook.period import Period
from workbook.settings.models import Measures, Settings
from workbook.strategy.measures import adjusted, measure_for, read_measures
from workbook.tables import tables_of


def checks_of_stage_3():
    """Every check of stage 3: with nothing delivered, each says that it could not be measured."""
    profile = pd.DataFrame({"customer_id": pd.Series([], dtype="str")})
    found = diagnose(tables_of({}, Period.parse("2025Q4")), profile, Settings(client={"name": "Test"}))
    return [missing.id.removeprefix("diagnosis.") for missing in found.not_measured]


@pytest.mark.parametrize("check", checks_of_stage_3())
def test_every_check_has_a_measure(check):
    assert measure_for(check, read_measures()).answers(check)


def test_every_module_has_at_least_two_checks():
    modules = Counter(check.split(".")[0] for check in checks_of_stage_3())
    assert set(modules) == set(MODULES)
    assert min(modules.values()) >= 2


def test_limits_are_the_methods_own():
    # method.md S1: 15, 30, 7 + 10, 20 and 25 working days for the five modules
    days = {}
    for measure in (m for m in read_measures() if m.id != "clarify"):  # for checks of the consultant's own
        days.setdefault(measure.checks[0].split(".")[0], set()).add(measure.days)
    assert days == {"information": {15}, "needs": {30}, "interaction": {7, 10}, "value": {20}, "service": {25}}


def test_every_word_of_the_library_stands_in_both_languages():
    for measure in read_measures():
        for names in (measure.name, measure.owner, measure.deliverable, measure.expected, *measure.steps):
            assert set(names) == {"en", "zh"}, measure.id


def test_a_check_without_a_measure_is_told():
    with pytest.raises(WorkbookError, match=r"no measure answers the check 'needs\.unheard'"):
        measure_for("needs.unheard", read_measures())


def test_the_client_may_set_owner_and_days():
    settings = Measures(owners={"care_plan": {"en": "Ms Li", "zh": "李经理"}, "regrade": "CRM 组"}, days={"care_plan": 3})
    changed = {measure.id: measure for measure in adjusted(read_measures(), settings)}
    assert (changed["care_plan"].owner["zh"], changed["care_plan"].days) == ("李经理", 3)
    assert dict(changed["regrade"].owner) == {"en": "CRM 组", "zh": "CRM 组"}
    assert changed["cross_sell"] == measure_for("value.cross_sell", read_measures())


def test_an_unknown_measure_in_the_settings_is_told_with_the_nearest():
    with pytest.raises(SettingsError, match=r"measures.days: found 'care_plam'.*nearest is care_plan"):
        adjusted(read_measures(), Measures(days={"care_plam": 3}))


GOOD = """- id: one
  name: {en: a, zh: b}
  checks: [needs.depth]
  owner: {en: a, zh: b}
  days: 5
  deliverable: {en: a, zh: b}
  expected: {en: a, zh: b}
"""


def test_all_faults_of_all_files_are_told_at_once(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD.replace("days: 5", "days: 0") + "  colour: red\n")
    (tmp_path / "b.yaml").write_text("id: one\n")
    (tmp_path / "c.yaml").write_text("- {id: [")
    (tmp_path / "d.yaml").write_text(GOOD + GOOD)
    with pytest.raises(SettingsError) as error:
        read_measures(tmp_path)
    told = str(error.value)
    for words in ("a.yaml: measure 1: days", "a.yaml: measure 1: colour", "b.yaml: found one dict", "c.yaml: this is not YAML",
                  "measure 'one' stands twice"):  # fmt: skip
        assert words in told


def test_a_library_of_the_clients_own_is_read(tmp_path):
    (tmp_path / "own.yaml").write_text(GOOD)
    assert [measure.id for measure in read_measures(tmp_path)] == ["one"]

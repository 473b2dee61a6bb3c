"""Layers, types and names: what the files say reaches the settings, and nothing else does."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import pytest

from workbook.errors import SettingsError, UsageError, WorkbookError
from workbook.period import Period
from workbook.places import templates_folder
from workbook.settings.models import Settings
from workbook.settings.reading import (
    clients,
    earlier_periods,
    known_periods,
    override_of,
    periods,
    read_settings,
)

Q4 = Period.parse("2025Q4")
BASE = "client: {name: Demo}\n"
STARTERS = sorted(path.stem for path in (templates_folder() / "engagements").glob("*.yaml"))


def read(home, **overrides):
    return read_settings(home.folder, "demo", Q4, {key.replace("__", "."): value for key, value in overrides.items()})


def test_what_no_file_says_is_the_default(home):
    settings = read(home)
    assert settings.grading == Settings(client=settings.client).grading
    assert settings.languages == ["zh", "en"]


def test_each_layer_goes_over_the_one_before(home):
    home.write("engagement", BASE + "template: retail\nseed: 1\nanalysis:\n  churn_days: 100\n  new_days: 30\n")
    home.write("2025Q4", "seed: 2\nanalysis: {churn_days: 99}\n")
    settings = read(home, seed=3)
    assert (settings.seed, settings.analysis.churn_days, settings.analysis.new_days) == (3, 99, 30)
    assert [i.id for i in settings.grading.indices][:3] == ["revenue", "frequency", "margin"]


def test_a_list_of_items_with_ids_is_changed_item_by_item(home):
    home.write("engagement", BASE + "template: retail\n")
    home.write(
        "2025Q4",
        "grading:\n  indices:\n    - {id: revenue, weight: 5}\n    - {id: margin, remove: true}\n"
        "    - {id: age, name: Age, source: tenure_days, group: risk}\n",
    )
    indices = {i.id: i for i in read(home).grading.indices}
    assert list(indices) == ["revenue", "frequency", "growth", "breadth", "satisfaction", "recency", "refunds", "age"]
    assert (indices["revenue"].weight, indices["revenue"].source) == (5, "revenue")


def test_full_items_take_the_place_of_a_built_in_list_and_parts_change_it(home):
    home.write(
        "engagement",
        BASE
        + "grading:\n  high_tiers: 1\n  tiers:\n    - {id: a, name: A, at_least: 50}\n    - {id: b, name: B, at_least: 0}\n",
    )
    assert [t.id for t in read(home).grading.tiers] == ["a", "b"]
    home.write("engagement", BASE + "grading:\n  tiers:\n    - {id: gold, at_least: 75}\n")
    assert [(t.id, t.at_least) for t in read(home).grading.tiers] == [
        ("diamond", 90), ("gold", 75), ("silver", 60), ("ordinary", 0),
    ]  # fmt: skip


def test_a_list_without_ids_is_replaced(home):
    home.write("engagement", BASE + "languages: [zh, en]\n")
    home.write("2025Q4", "languages: [en]\n")
    assert read(home).languages == ["en"]


def test_a_section_whose_lines_are_all_comments_changes_nothing(home):
    home.write("engagement", BASE + "goals:\n#  - id: later\nscope:\nanalysis:\n  churn_days: 7\n")
    home.write("2025Q4", "analysis:\n  # churn_days: 9\n")
    settings = read(home)
    assert (settings.goals, settings.analysis.churn_days) == ([], 7)


def test_overrides_reach_items_by_id_by_number_and_built_in_ones(home):
    settings = read_settings(
        home.folder, "demo", Q4,
        {"goals.repeat.change": "0.02", "goals.1.owner": "CSM", "grading.tiers.gold.at_least": 70,
         "grading": {"cut": "quantile"}},
    )  # fmt: skip
    assert (settings.goals[0].change, settings.goals[0].owner) == (0.02, "CSM")
    assert (settings.grading.tiers[1].at_least, settings.grading.cut) == (70, "quantile")


def test_an_override_of_an_unknown_item_names_the_nearest(home):
    with pytest.raises(SettingsError, match=r"overrides: goals\.repet\.change: found 'repet'.* did you mean 'repeat'"):
        read(home, goals__repet__change=1)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("00123", "00123"),
        ("'00123'", "00123"),
        ("1.50", "1.50"),
        ("2025-12-31", "2025-12-31"),
        ("true", "true"),
        ("yes", "yes"),
    ],
)
def test_a_number_or_date_stays_the_text_it_was_written_as_where_text_is_meant(home, written, expected):
    home.write(
        "engagement", f"client: {{name: {written}}}\nsources:\n  - table: orders\n    file: {written}\n    columns: {{}}\n"
    )
    settings = read(home)
    assert (settings.client.name, settings.sources[0].file) == (expected, expected)


@pytest.mark.parametrize(
    ("written", "expected"),
    [("yes", True), ("no", False), ("on", True), ("off", False), ("true", True), ("False", False), ("Yes", True)],
)
def test_yes_and_no_are_booleans_where_a_boolean_is_meant(home, written, expected):
    home.write("engagement", f"client: {{name: Demo, synthetic: {written}}}\n")
    assert read(home).client.synthetic is expected


@pytest.mark.parametrize("written", ["2025-12-31", "'2025-12-31'"])
def test_dates_are_dates(home, written):
    home.write("engagement", BASE + f"measures:\n  start: {written}\n")
    assert read(home).measures.start == dt.date(2025, 12, 31)


def test_keys_that_look_like_numbers_or_booleans_are_text(home):
    home.write(
        "engagement",
        BASE + "sources:\n  - table: orders\n    file: o.csv\n    columns: {status: s}\n"
        "    values:\n      status: {01: done, yes: done, 2025-01-01: 7}\n",
    )
    assert read(home).sources[0].values == {"status": {"01": "done", "yes": "done", "2025-01-01": "7"}}


def test_a_later_layer_may_fix_the_level_of_a_goal_but_not_turn_a_level_into_a_change(home):
    home.write("2025Q4", "goals:\n  - {id: repeat, target: 0.4}\n")
    assert (read(home).goals[0].change, read(home).goals[0].target) == (0.03, 0.4)
    home.write("2025Q4", "goals:\n  - {id: repeat, target: 0.4, change: 0.1}\n")
    with pytest.raises(SettingsError, match=r"2025Q4\.yaml:2: goals\.repeat\.target: found both change and target"):
        read(home)
    home.write("2025Q4", "")
    assert read(home, goals__repeat__target=0.5).goals[0].target == 0.5


def test_text_over_several_lines_is_read_as_yaml_folds_it(home):
    home.write("2025Q4", "review:\n  market: >-\n    one\n    two\nscope:\n  where: |\n    a > 1\n    and b\n")
    settings = read(home)
    assert (settings.review.market, settings.scope.where) == ("one two", "a > 1\nand b\n")


def test_a_null_unsets_what_may_be_unset(home):
    home.write("engagement", BASE + "scope:\n  where: revenue > 0\n")
    home.write("2025Q4", "scope:\n  where: null\n")
    assert read(home).scope.where is None
    assert read(home, scope__where=None).scope.where is None


def test_a_byte_order_mark_and_windows_lines_are_no_fault(home):
    home.write("engagement", b"\xef\xbb\xbfclient:\r\n  name: Demo\r\n")
    assert read(home).client.name == "Demo"


@pytest.mark.parametrize("name", STARTERS)
def test_each_starter_is_sound_and_named_in_both_languages(home, name):
    home.write("engagement", BASE + f"template: {name}\n")
    grading = read(home).grading
    named = [*grading.groups, *grading.indices, *grading.tiers]
    assert all(set(item.name) == {"en", "zh"} for item in named)
    assert sum(group.weight for group in grading.groups) == 100


def test_the_starters_of_the_method_are_there():
    assert STARTERS == ["b2b", "finance", "retail", "simple", "subscription"]


@pytest.mark.parametrize("client", ["../demo", "Demo", "a/b", "", "2demo", "demo\n", ".", "C:"])
def test_a_client_name_cannot_lead_elsewhere(home, client):
    with pytest.raises(WorkbookError, match="expected a name of small letters"):
        read_settings(home.folder, client, Q4)


def test_an_unknown_client_or_period_names_the_nearest(home):
    with pytest.raises(WorkbookError, match="found 'dem', expected demo; did you mean 'demo'"):
        read_settings(home.folder, "dem", Q4)
    with pytest.raises(WorkbookError, match="found '2025Q3', expected 2025Q4; did you mean '2025Q4'"):
        read_settings(home.folder, "demo", Period.parse("2025Q3"))


def test_periods_are_found_sorted_and_earlier_ones_of_equal_length(home):
    for name in ("2025Q3", "2024Q4", "2025-09", "2024", "2025H1"):
        home.write(name, "")
    assert [p.name for p in periods(home.folder, "demo")] == ["2024Q4", "2024", "2025H1", "2025-09", "2025Q3", "2025Q4"]
    assert [p.name for p in earlier_periods(home.folder, "demo", Q4)] == ["2025Q3", "2024Q4"]
    assert clients(home.folder) == ["demo"]
    assert [p.name for p in known_periods(home.folder, "demo", [Q4, Q4])] == ["2025Q4"]


@pytest.mark.parametrize("name", ["2025Q5.yaml", "2025q4.yaml", "notes.yaml", "2025Q3.yml", "-2025.yaml"])
def test_a_file_that_is_no_period_is_told(home, name):
    (home.client / name).write_text("")
    with pytest.raises(SettingsError, match=r"expected engagement\.yaml or a period"):
        periods(home.folder, "demo")


def test_a_client_without_periods_is_told(home):
    (home.client / "2025Q4.yaml").unlink()
    with pytest.raises(WorkbookError, match=r"found no period, expected a file such as params/demo/2025Q4\.yaml"):
        known_periods(home.folder, "demo", None)


@pytest.mark.parametrize(
    ("words", "expected"),
    [("a.b=4", ("a.b", "4")), ("a=x=y", ("a", "x=y")), ("a=[1, x]", ("a", [1, "x"])), ("a={b: yes}", ("a", {"b": "yes"})),
     ("a=null", ("a", None)), ("a=", ("a", ""))],
)  # fmt: skip
def test_set_takes_key_and_value(words, expected):
    assert override_of(words) == expected


@pytest.mark.parametrize("words", ["a", "=4", "a=[1", "a={b: }}"])
def test_set_without_key_or_value_is_wrong_usage(words):
    with pytest.raises(UsageError, match="--set: found"):
        override_of(words)


def test_reading_settings_imports_nothing_heavy(home):
    code = (
        "import sys; from pathlib import Path; from workbook.period import Period\n"
        "from workbook.settings.reading import read_settings\n"
        "read_settings(Path(sys.argv[1]), 'demo', Period.parse('2025Q4'))\n"
        "heavy = {'pandas', 'numpy', 'duckdb', 'matplotlib', 'scipy', 'IPython', 'papermill'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(home.folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

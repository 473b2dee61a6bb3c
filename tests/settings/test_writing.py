"""A written file holds the values with their reasons, keeps what people wrote, and is written whole or not at all."""

from __future__ import annotations

import json

import pytest

from workbook.errors import SettingsError, WorkbookError
from workbook.period import Period
from workbook.settings.next_period import write_next
from workbook.settings.reading import read_settings
from workbook.settings.writing import Change, keys_given, proposal_changes, write_period, write_whole

Q4, Q1 = Period.parse("2025Q4"), Period.parse("2026Q1")


def write(home, **changes):
    return write_period(home.folder, "demo", Q1, {key.replace("__", "."): change for key, change in changes.items()})


def test_values_stand_under_their_reasons_and_come_back_as_types(home):
    path = write(
        home,
        goals__repeat__change=Change(0.04, "the target was reached"),
        goals__repeat__due=Change("2026-03-31", "moved on"),
        grading__tiers__gold__at_least=Change(75, "门槛下调"),
        grading__rfm__recency=Change([30, 60, 90, 180], "cut points of this year"),
        service__first_response_hours__high=Change(3),
    )
    assert path.read_text("utf-8") == (
        "# yaml-language-server: $schema=../schema.json\n"
        "# demo, 2026Q1\n"
        "goals:\n"
        "  - id: repeat\n"
        "    # the target was reached\n"
        "    change: 0.04\n"
        "    # moved on\n"
        "    due: 2026-03-31\n"
        "grading:\n"
        "  tiers:\n"
        "    - id: gold\n"
        "      # 门槛下调\n"
        "      at_least: 75\n"
        "  rfm:\n"
        "    # cut points of this year\n"
        "    recency:\n"
        "      - 30\n"
        "      - 60\n"
        "      - 90\n"
        "      - 180\n"
        "service:\n"
        "  first_response_hours:\n"
        "    high: 3\n"
    )
    settings = read_settings(home.folder, "demo", Q1)
    assert settings.goals[0].due.isoformat() == "2026-03-31"
    assert settings.goals[0].name == "Repeat purchase"
    assert [t.at_least for t in settings.grading.tiers] == [90, 75, 60, 0]
    assert settings.service.first_response_hours == {"high": 3, "medium": 8, "low": 24, "default": 8}


def test_what_people_wrote_stays(home):
    home.write("2026Q1", '# ours\nseed: 7  # lucky\n\nclient:\n  name: "Demo"\n\n# last word\n')
    words = write(home, currency=Change("USD", "they changed"), seed=Change(8, "again")).read_text("utf-8")
    for kept in ("# ours\n", "# lucky", 'name: "Demo"', "# last word", "# they changed\ncurrency: USD"):
        assert kept in words
    assert "seed: 8" in words
    assert words.index("client:") < words.index("currency:")


def test_a_file_of_comments_alone_keeps_them(home):
    home.write("2026Q1", "# a note of ours\n")
    assert write(home, seed=Change(9)).read_text("utf-8") == "# a note of ours\nseed: 9\n"


def test_words_of_a_client_cannot_become_yaml(home):
    evil = "first\nseed: 666\r# x\u2028currency: EVIL\x85client: {}\x07"
    write(home, review__market=Change(evil, evil), goals__repeat__owner=Change("yes: #no", "- a\n- b"))
    settings = read_settings(home.folder, "demo", Q1)
    assert (settings.seed, settings.currency) == (20250101, "CNY")
    assert settings.goals[0].owner == "yes: #no"
    assert settings.review.market.split() == evil.split()


@pytest.mark.parametrize("word", ["00123", "yes", "null", "2025-01-01", "", " lead", "a: b", "#5", "[x", "'", "多行\n文本"])
def test_any_text_comes_back_as_it_was(home, word):
    write(home, review__market=Change(word))
    assert read_settings(home.folder, "demo", Q1).review.market == word


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("grading.rfm.bins", 99, r"2026Q1\.yaml:5: grading\.rfm\.bins: found 99"),
        ("grading.rfm.bin", 5, "did you mean 'bins'"),
        ("goals.repeat.due", "soon", "a date such as"),
    ],
)
def test_a_change_that_would_break_the_settings_leaves_the_file_as_it_was(home, key, value, match):
    with pytest.raises(SettingsError, match=match):
        write_period(home.folder, "demo", Q1, {key: Change(value)})
    assert not (home.client / "2026Q1.yaml").exists()
    assert sorted(p.name for p in home.client.iterdir()) == ["2025Q4.yaml", "engagement.yaml"]


@pytest.mark.parametrize("key", ["sources.1.file", "nowhere.at.all", "goals.repeat", "languages.1.x"])
def test_a_key_that_cannot_be_written_is_told(home, key):
    with pytest.raises(WorkbookError, match="found"):
        write_period(home.folder, "demo", Q1, {key: Change(1)})
    assert not (home.client / "2026Q1.yaml").exists()


def test_a_file_that_is_at_fault_already_is_not_touched(home):
    path = home.write("2026Q1", "seed: [\n")
    with pytest.raises(SettingsError, match="not YAML"):
        write(home, seed=Change(1))
    assert path.read_text() == "seed: [\n"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(home, monkeypatch):
    path = home.write("2026Q1", "seed: 1\n")
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "seed: 2\n")
    assert path.read_text() == "seed: 1\n"
    assert sorted(p.name for p in home.client.iterdir()) == ["2025Q4.yaml", "2026Q1.yaml", "engagement.yaml"]


def test_the_keys_that_a_file_gives(home):
    path = home.write("2026Q1", "seed: 1\ngoals:\n  - {id: a, change: 1}\nlanguages: [en]\n")
    assert keys_given(path) == {"seed", "goals.a.id", "goals.a.change", "languages"}
    assert keys_given(home.client / "none.yaml") == set()


def test_a_proposal_gives_its_reason_in_the_language_asked_for():
    item = {"from": 5, "to": 4, "because": {"en": "fewer", "zh": "较少"}}
    assert proposal_changes({"a": item}, "zh")["a"] == Change(4, "较少（原值 5）")
    assert proposal_changes({"a": item}, "en")["a"] == Change(4, "fewer (was 5)")
    assert proposal_changes({"a": {"to": 4, "because": "so"}}, "en")["a"] == Change(4, "so")


def published(home, period, proposal):
    folder = home.folder / "outputs" / "demo" / period / "tables"
    folder.mkdir(parents=True)
    (folder / "proposal.json").write_text(proposal if isinstance(proposal, str) else json.dumps(proposal))


def test_next_writes_the_period_after_the_latest_that_has_a_proposal(home):
    home.write("2025Q3", "")
    published(home, "2025Q3", {"seed": {"from": 1, "to": 3, "because": "x"}})
    assert write_next(home.folder, "demo").path.name == "2025Q4.yaml"
    published(home, "2025Q4", {"seed": {"from": 1, "to": 4, "because": {"en": "why", "zh": "原因"}}})
    written = write_next(home.folder, "demo")
    assert (written.path.name, written.set, written.kept) == ("2026Q1.yaml", ("seed",), ())
    assert "# 原因（原值 1）\nseed: 4\n" in written.path.read_text("utf-8")


def test_next_keeps_what_the_file_gives_and_may_be_called_twice(home):
    home.write("2026Q1", "seed: 8\n")
    proposal = {"seed": {"from": 1, "to": 4, "because": "b"}, "goals.repeat.change": {"from": 1, "to": 0.05, "because": "b"}}
    published(home, "2025Q4", proposal)
    first = write_next(home.folder, "demo", Q4)
    assert (first.set, first.kept) == (("goals.repeat.change",), ("seed",))
    words = first.path.read_text("utf-8")
    again = write_next(home.folder, "demo", Q4)
    assert (again.set, again.kept) == ((), ("seed", "goals.repeat.change"))
    assert again.path.read_text("utf-8") == words
    assert read_settings(home.folder, "demo", Q1).seed == 8


def test_next_with_nothing_proposed_still_opens_the_period(home):
    published(home, "2025Q4", {})
    assert write_next(home.folder, "demo").path.is_file()
    assert read_settings(home.folder, "demo", Q1).seed == 20250101


@pytest.mark.parametrize(
    ("proposal", "match"),
    [("{", "not JSON"), ({"seed": 4}, "found no 'to'"), ({"not_measured": {"id": "x"}}, "proposed nothing")],
)
def test_a_proposal_that_is_none_is_told(home, proposal, match):
    published(home, "2025Q4", proposal)
    with pytest.raises(WorkbookError, match=match):
        write_next(home.folder, "demo")


def test_next_without_a_run_says_what_to_run(home):
    with pytest.raises(WorkbookError, match="workbook run demo"):
        write_next(home.folder, "demo")

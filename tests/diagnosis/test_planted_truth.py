"""Faults planted in an invented client are found; a client without faults has no problem of high priority."""

import pytest

from workbook.diagnosis.problems import diagnose
from workbook.period import Period
from workbook.settings.reading import read_settings
from workbook.sources.prepare import prepare
from workbook.sources.profile import build_profile
from workbook.synthetic import write_delivery
from workbook.synthetic.plan import Faults

PERIOD = Period.parse("2025Q4")


def diagnosis_of(home, name, faults):
    write_delivery(name, home, customers=1000, periods=1, faults=faults)
    settings = read_settings(home, name, PERIOD, None)
    tables = prepare(home, name, PERIOD, settings).tables
    return diagnose(tables, build_profile(tables, settings).frame, settings)


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    strong = Faults.of(
        dict.fromkeys(
            ("duplicate_customers", "missing_fields", "malformed_contacts", "stale_status", "late_responses", "no_callback",
             "repeat_tickets", "misgraded", "silent_customers", "surface_needs", "missed_recommendations"), 0.9,
        ) | {"missed_cross_sell": 0.5}
    )  # fmt: skip
    return diagnosis_of(home, "sound", Faults.none()), diagnosis_of(home, "faulty", strong)


def test_a_client_without_faults_has_hardly_a_problem(homes):
    sound, _ = homes
    assert "high" not in set(sound.problems["priority"])
    assert len(sound.problems) <= 1
    # no column of the client's own verdict and no log of events is invented
    assert {m.id for m in sound.not_measured} == {"diagnosis.service.missed_level", "diagnosis.service.template"}


@pytest.mark.parametrize(
    "check",
    [
        "information.complete.email", "information.complete.industry", "information.valid_phone", "information.valid_email",
        "information.stale", "information.duplicates", "information.status", "needs.depth", "needs.match",
        "interaction.silent", "interaction.late_channel", "value.misgraded", "value.cross_sell",
        "service.callback", "service.repeat",
    ],
)  # fmt: skip
def test_each_planted_fault_is_found(homes, check):
    _, faulty = homes
    assert check in set(faulty.problems["check"])


def test_the_channel_that_was_slowed_down_is_named(homes):
    _, faulty = homes
    row = faulty.problems.set_index("check").loc["interaction.late_channel"]
    assert "微信" in row["problem_zh"]
    assert "WeChat" in row["problem_en"]

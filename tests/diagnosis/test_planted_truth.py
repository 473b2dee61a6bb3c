"""Faults planted in an invented client are found; a client without faults has no problem of high priority."""

import numpy as np
import pytest

from workbook.diagnosis.problems import diagnose
from workbook.period import Period
from workbook.settings.reading import read_settings
from workbook.sources.prepare import prepare
from workbook.sources.profile import build_profile
from workbook.synthetic import write_delivery
from workbook.synthetic.faults import LARGEST
from workbook.synthetic.plan import Faults

PERIOD = Period.parse("2025Q4")


CHECKS = {
    "missing_fields": ("information.complete.email", "information.complete.industry", "information.complete.phone",
                       "information.complete.region"),
    "malformed_contacts": ("information.valid_phone", "information.valid_email"),
    "wrong_industry": ("information.industry_name",),
    "stale_status": ("information.status", "information.stale"), "duplicate_customers": ("information.duplicates",),
    "surface_needs": ("needs.depth",), "missed_recommendations": ("needs.match",),
    "late_responses": ("interaction.late_response", "interaction.late_channel"),
    "silent_customers": ("interaction.silent",), "misgraded": ("value.misgraded",),
    "missed_cross_sell": ("value.cross_sell",), "no_callback": ("service.callback",),
    "repeat_tickets": ("service.repeat", "service.first_contact", "service.reopened"),
}  # fmt: skip
"""Fault: the checks that it may raise."""

PLANTED_SHARE = {
    "information.complete.email": 1.0, "information.complete.industry": 0.8, "information.complete.phone": 0.5,
    "information.valid_phone": 1.0, "information.valid_email": 1.0, "interaction.silent": 1.0, "value.misgraded": 1.0,
    "service.callback": 1.0, "service.repeat": 1.0,
}  # fmt: skip
"""Checks whose cases are those that the fault can hit, and how much of the fault falls on them: so the true share of bad cases
is this × LARGEST × strength. Other checks count more cases than the fault can hit."""

GRAVE = 2.5
"""A fault is grave where it makes at least so many times the accepted share of cases bad."""


def grave_checks(faults, settings):
    """The checks that the planted faults must raise to high priority, by what was planted and not by what was measured."""
    limits = settings.diagnosis
    accepted = {
        "information.valid_phone": limits.invalid_share, "information.valid_email": limits.invalid_share,
        "interaction.silent": limits.silent_share, "value.misgraded": limits.misgraded_share,
        "service.callback": 1 - limits.callback_share, "service.repeat": limits.repeat_share,
    }  # fmt: skip
    return {
        check
        for fault, strength in faults.strengths().items()
        for check in CHECKS.get(fault, ())
        if check in PLANTED_SHARE
        and PLANTED_SHARE[check] * LARGEST[fault] * strength >= GRAVE * accepted.get(check, 1 - limits.completeness)
    }


def judged(found, faults):
    """High problems, those of them that a planted fault explains, grave checks, and those of them that are high."""
    high = set(found.problems.loc[found.problems["priority"] == "high", "check"])
    explained = {check for fault, strength in faults.strengths().items() if strength for check in CHECKS.get(fault, ())}
    grave = grave_checks(faults, found.settings)
    return len(high), len(high & explained), len(grave), len(high & grave)


def diagnosis_of(home, name, faults, seed=20250101):
    write_delivery(name, home, customers=1000, periods=1, faults=faults, seed=seed)
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
        ) | {"missed_cross_sell": 0.5, "wrong_industry": 0.6}
    )  # fmt: skip
    return diagnosis_of(home, "sound", Faults.none()), diagnosis_of(home, "faulty", strong), strong


def test_a_client_without_faults_has_hardly_a_problem(homes):
    sound, _, _ = homes
    assert "high" not in set(sound.problems["priority"])
    assert len(sound.problems) <= 1
    # no column of the client's own verdict is invented
    assert {m.id for m in sound.not_measured} == {"diagnosis.service.missed_level"}


@pytest.mark.parametrize(
    "check",
    [
        "information.complete.email", "information.complete.industry", "information.valid_phone", "information.valid_email",
        "information.industry_name", "information.stale", "information.status", "needs.depth", "needs.match",
        "interaction.silent", "interaction.late_channel", "value.misgraded", "value.cross_sell",
        "service.callback", "service.repeat",
    ],
)  # fmt: skip
def test_each_planted_fault_is_found(homes, check):
    _, faulty, _ = homes
    assert check in set(faulty.problems["check"])


def test_twins_that_linking_merged_and_addresses_cut_to_one_remnant_are_no_duplicates(homes):
    _, faulty, _ = homes
    assert "information.valid_email" in set(faulty.problems["check"])  # many are cut to the same remnant
    assert "information.duplicates" not in set(faulty.problems["check"])


def test_the_channel_that_was_slowed_down_is_named(homes):
    _, faulty, _ = homes
    row = faulty.problems.set_index("check").loc["interaction.late_channel"]
    assert "微信" in row["problem_zh"]
    assert "WeChat" in row["problem_en"]


def test_grave_faults_are_of_high_priority_and_no_other_problem_is(homes):
    sound, faulty, planted = homes
    high, explained, grave, raised = judged(faulty, planted)
    assert explained == high >= grave == raised > 5
    assert judged(sound, Faults.none()) == (0, 0, 0, 0)


@pytest.mark.long
def test_over_twenty_clients_and_two_strengths_high_priority_is_right(tmp_path):
    """Half of the faults are planted, drawn anew for each client: precision and recall of high priority at least .9; without
    faults at most one false problem of high priority per client in the mean."""
    counts, false = [], []
    for seed in range(1, 21):
        rng = np.random.default_rng(seed)
        for strength in (0.6, 0.9):
            drawn = rng.choice(sorted(CHECKS), len(CHECKS) // 2, replace=False)
            faults = Faults.of({str(name): strength for name in drawn})
            counts.append(judged(diagnosis_of(tmp_path, f"c{seed}_{strength:.0%}".replace("%", ""), faults, seed), faults))
        false.append(judged(diagnosis_of(tmp_path, f"sound{seed}", Faults.none(), seed), Faults.none())[0])
    high, explained, grave, raised = np.sum(counts, axis=0)
    print(f"precision {explained}/{high}, recall {raised}/{grave}, false high without faults {np.mean(false):.2f} a client")
    assert explained / high >= 0.9
    assert raised / grave >= 0.9
    assert np.mean(false) <= 1

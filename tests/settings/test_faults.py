"""Every way in which people get a settings file wrong is told with its file, line, key, what was found and what to write."""

from __future__ import annotations

import pytest

from workbook.errors import SettingsError
from workbook.period import Period
from workbook.settings.reading import check_settings, read_settings

Q4 = Period.parse("2025Q4")
BASE = "client: {name: Demo}\n"
GOAL = "goals:\n  - id: a\n    name: A\n    kpi: revenue\n    change: 1\n    due: 2025-12-31\n"
SOURCE = "sources:\n  - table: orders\n    file: o.csv\n    columns:\n      order_id: no\n"
PILOT = """\
pilots:
  - id: p
    name: P
    starts: 2025-10-01
    ends: 2025-12-31
    metrics:
      - {id: m, name: M, margin: 1}
"""
TIERS = """\
grading:
  tiers:
    - {id: a, name: A, at_least: 90}
    - {id: b, name: B, at_least: 50}
    - {id: c, name: C, at_least: 0}
"""
GROUPS = """\
grading:
  groups:
    - {id: financial, name: F, weight: 5}
    - {id: potential, name: P, weight: 3}
    - {id: risk, name: R, weight: 2}
"""
PAIRS = "grading:\n  comparisons:\n    - expert: e\n      pairs:\n"

# name: (engagement file, line, key, parts of the message)
FAULTS: dict[str, tuple[str, int | None, str, tuple[str, ...]]] = {
    "word for a number": (BASE + "grading:\n  rfm:\n    bins: five\n", 4, "grading.rfm.bins",
        ("found 'five'", "expected a whole number from 2 to 10")),
    "number out of range": (BASE + "grading:\n  rfm:\n    bins: 11\n", 4, "grading.rfm.bins", ("found 11", "from 2 to 10")),
    "fraction for a whole number": (BASE + "seed: 1.5\n", 2, "seed", ("found 1.5", "a whole number at least 0")),
    "negative": (BASE + "analysis:\n  churn_days: -3\n", 3, "analysis.churn_days", ("found -3", "a whole number at least 1")),
    "thousands comma": (BASE + "seed: 1,000\n", 2, "seed", ("found '1,000'", "a whole number")),
    "not a number": (BASE + "diagnosis:\n  completeness: .nan\n", 3, "diagnosis.completeness",
        ("found '.nan'", "a number from 0 to 1")),
    "per cent for a share": (BASE + "diagnosis:\n  completeness: 95\n", 3, "diagnosis.completeness",
        ("found 95", "a number from 0 to 1")),
    "per cent sign": (BASE + "diagnosis:\n  completeness: 95%\n", 3, "diagnosis.completeness", ("found '95%'",)),
    "true for a number": (BASE + "seed: true\n", 2, "seed", ("found true", "a whole number")),
    "true for a share": (BASE + "diagnosis:\n  stale_share: true\n", 3, "diagnosis.stale_share", ("found true", "a number")),
    "number for yes or no": ("client:\n  name: D\n  synthetic: 1\n", 3, "client.synthetic", ("found 1", "yes or no")),
    "word for yes or no": ("client:\n  name: D\n  synthetic: perhaps\n", 3, "client.synthetic",
        ("found 'perhaps'", "yes or no")),
    "unknown section": (BASE + "gradin:\n  rfm: {}\n", 2, "gradin", ("a key that does not exist", "did you mean 'grading'?")),
    "unknown key": (BASE + "grading:\n  rfm:\n    bin: 5\n", 4, "grading.rfm.bin", ("did you mean 'bins'?", "cuts")),
    "key at the wrong level": (BASE + "rfm:\n  bins: 5\n", 2, "rfm", ("did you mean 'grading.rfm'?",)),
    "unknown key in a list": (BASE + GOAL + "    ownr: me\n", 8, "goals.a.ownr", ("did you mean 'owner'?",)),
    "choice misspelt": (BASE + "grading:\n  cut: scores\n", 3, "grading.cut",
        ("found 'scores'", "one of score, quantile", "did you mean 'score'?")),
    "unknown language": (BASE + "languages:\n  - en\n  - fr\n", 4, "languages.2", ("found 'fr'", "one of en, zh")),
    "language twice": (BASE + "languages: [en, en]\n", 2, "languages.2", ("'en' a second time",)),
    "no language": (BASE + "languages: []\n", 2, "languages", ("found an empty list", "at least one item")),
    "currency as a word": (BASE + "currency: RMB¥\n", 2, "currency", ("found 'RMB¥'", "such as CNY")),
    "currency that does not exist": (BASE + "currency: XYZ\n", 2, "currency", ("found 'XYZ'", "ISO 4217, such as CNY")),
    "currency for tests": (BASE + "currency: XTS\n", 2, "currency", ("found 'XTS'", "ISO 4217")),
    "currency by its nickname": (BASE + "currency: RMB\n", 2, "currency", ("found 'RMB'", "did you mean 'CNY'?")),
    "country that does not exist": ("client:\n  name: D\n  country: XZ\n", 3, "client.country", ("found 'XZ'", "ISO 3166")),
    "colour as a word": (BASE + "report:\n  brand:\n    colour: blue\n", 4, "report.brand.colour", ("#12436D",)),
    "client missing": ("seed: 1\n", 1, "client", ("found nothing", "expected keys with values")),
    "client without name": ("client:\n  country: CN\n", 1, "client.name", ("found nothing", "expected text")),
    "text for a section": (BASE + "grading: high\n", 2, "grading", ("found 'high'", "keys with values")),
    "mapping for a list": (BASE + "goals:\n  repeat:\n    change: 1\n", 2, "goals", ("found a mapping", "a list")),
    "list for text": ("client:\n  name: [a, b]\n", 2, "client.name", ("found a list of 2", "text")),
    "unknown template": (BASE + "template: retial\n", 2, "template", ("found 'retial'", "did you mean 'retail'?")),
    # goals
    "goal without a date": (BASE + GOAL.replace("    due: 2025-12-31\n", ""), 3, "goals.a.due",
        ("found nothing", "a date such as 2025-12-31")),
    "date as a number": (BASE + GOAL.replace("2025-12-31", "20251231"), 7, "goals.a.due", ("found 20251231", "a date")),
    "date that does not exist": (BASE + GOAL.replace("2025-12-31", "2025-02-30"), 7, "goals.a.due", ("found '2025-02-30'",)),
    "date the other way round": (BASE + GOAL.replace("2025-12-31", "31/12/2025"), 7, "goals.a.due", ("a date such as",)),
    "unknown KPI": (BASE + GOAL.replace("kpi: revenue", "kpi: revenu"), 5, "goals.a.kpi", ("did you mean 'revenue'?",)),
    "change and target": (BASE + GOAL + "    target: 5\n", 8, "goals.a.target", ("both change and target", "one of the two")),
    "neither change nor target": (BASE + GOAL.replace("    change: 1\n", ""), 3, "goals.a", ("neither change nor target",)),
    "goal twice": (BASE + GOAL + GOAL.removeprefix("goals:\n"), 8, "goals.a.id", ("'a' a second time",)),
    "id with capitals": (BASE + GOAL.replace("id: a", "id: Alpha"), 3, "goals.Alpha.id", ("small letters",)),
    # sources
    "unknown table": (BASE + SOURCE.replace("orders", "order"), 3, "sources.1.table", ("did you mean 'orders'?",)),
    "unknown canonical column": (BASE + SOURCE + "      ordered: when\n", 7, "sources.1.columns.ordered",
        ("found 'ordered'", "did you mean 'ordered_at'?")),
    "two columns mapped to one": (BASE + SOURCE + "      customer_id: no\n", 7, "sources.1.columns.customer_id",
        ("column 'no'", "order_id is read from already")),
    "constant for a mapped column": (BASE + SOURCE + "    constants: {order_id: x}\n", 7, "sources.1.constants.order_id",
        ("mapped",)),
    "dates of an unknown column": (BASE + SOURCE + "    dates: {paid: '%Y'}\n", 7, "sources.1.dates.paid", ("paid_at",)),
    "unit of amounts in words": (BASE + SOURCE + "    amounts_in: 万元\n", 7, "sources.1.amounts_in", ("ten_thousand",)),
    # grading
    "tiers rising": (BASE + TIERS.replace("50", "95"), 5, "grading.tiers.b.at_least",
        ("less than 90", "highest to the lowest")),
    "no lowest tier": (BASE + TIERS.replace("at_least: 0", "at_least: 10"), 6, "grading.tiers.c.at_least",
        ("found 10", "0 in the lowest tier")),
    "more high tiers than tiers": (BASE + TIERS + "  high_tiers: 3\n", 7, "grading.high_tiers", ("at most 2",)),
    "index of an unknown group": (BASE + "grading:\n  indices:\n    - {id: growth, group: potencial}\n", 4,
        "grading.indices.growth.group", ("did you mean 'potential'?",)),
    "group without an index": (BASE + GROUPS + "    - {id: new, name: New, weight: 5}\n", 7, "grading.groups.new",
        ("no index in group 'new'",)),
    "comparison of an unknown group": (BASE + PAIRS + "        financial/rsk: 3\n", 6,
        "grading.comparisons.1.pairs.financial/rsk", ("found 'rsk'", "did you mean 'risk'?")),
    "comparison that is no number": (BASE + PAIRS + "        financial/risk: much\n", 6,
        "grading.comparisons.1.pairs.financial/risk", ("found 'much'", "5/3")),
    "comparison without a pair": (BASE + PAIRS + "        financial: 3\n", 6,
        "grading.comparisons.1.pairs.financial", ("two of them as 'a/b'",)),
    "comparison against itself": (BASE + PAIRS + "        risk/risk: 1\n", 6,
        "grading.comparisons.1.pairs.risk/risk", ("against itself",)),
    "comparisons that contradict": (BASE + PAIRS + "        financial/risk: 3\n        risk/financial: 3\n", 7,
        "grading.comparisons.1.pairs.risk/financial",
        ("contradicts 'financial/risk'",)),
    "cut points that do not fit the bins": (BASE + "grading:\n  rfm:\n    recency: [30, 60]\n", 4, "grading.rfm.recency",
        ("found [30, 60]", "4 ascending numbers")),
    "target index without a target": (BASE + "grading:\n  indices:\n    - {id: growth, normalise: target}\n", 4,
        "grading.indices.growth", ("without a target",)),
    "priorities the wrong way round": (BASE + "diagnosis:\n  medium_priority: 0.9\n", 3, "diagnosis.medium_priority",
        ("found 0.9", "at most high_priority")),
    "unknown key field": (BASE + "diagnosis:\n  key_fields: [phone, mail]\n", 3, "diagnosis.key_fields.2",
        ("did you mean 'email'?",)),
    # pilots
    "pilot that ends before it starts": (BASE + PILOT.replace("2025-12-31", "2025-09-30"), 6, "pilots.p.ends",
        ("found 2025-09-30", "not before starts (2025-10-01)")),
    "arms that do not sum to one": (BASE + PILOT + "    arms: {control: 0.5, treatment: 0.4}\n", 9, "pilots.p.arms",
        ("sum to 0.9", "sum to 1")),
    "a single arm": (BASE + PILOT + "    arms: {control: 1}\n", 9, "pilots.p.arms", ("1 arm", "at least one other")),
    "pilot without a metric": (BASE + PILOT.split("      -")[0].replace("metrics:", "metrics: []"), 7, "pilots.p.metrics",
        ("at least one item",)),
    "metric without a margin": (BASE + PILOT.replace(", margin: 1", ""), 8, "pilots.p.metrics.m.margin",
        ("found nothing", "a number above 0")),
    # the file's form
    "key twice": (BASE + "seed: 1\ncurrency: CNY\nseed: 2\n", 4, "seed", ("a second time", "the first one is in line 2")),
    "tab": (BASE + "grading:\n\tcut: score\n", 3, "", ("not YAML", "spaces, not tabs")),
    "unclosed bracket": (BASE + "languages: [en, zh\ncurrency: CNY\n", 3, "", ("not YAML",)),
    "colon in text": ("client:\n  name: Demo: the firm\n", 2, "", ("not YAML", "quotes")),
    "list at the top": ("- client: Demo\n", 1, "", ("found a list of 1", "keys with values")),
    "one word": ("demo\n", 1, "", ("found 'demo'", "keys with values")),
    "empty file": ("", 1, "", ("an empty file", "client:")),
    "only comments": ("# nothing yet\n", 1, "", ("an empty file",)),
    "nested beyond reason": (BASE + "tags: " + "[" * 3000 + "]" * 3000 + "\n", None, "", ("nested too deeply",)),
    "two documents": (BASE + "---\nseed: 1\n", 2, "", ("not YAML", "single document")),
    "list as a key": (BASE + "? [a, b]\n: 1\n", 2, "", ("a list or mapping as a key",)),
    "alias of itself": (BASE + "goals: &g\n  - *g\n", 2, "goals.1", ("alias that holds itself",)),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_at_its_line_with_what_to_write(home, name):
    words, line, key, parts = FAULTS[name]
    home.write("engagement", words)
    with pytest.raises(SettingsError) as fault:
        read_settings(home.folder, "demo", Q4)
    found = [p for p in fault.value.details if p.key == key]
    assert found, f"no problem at {key!r}: {fault.value.problems}"
    assert (found[0].file, found[0].line) == ("params/demo/engagement.yaml", line)
    for part in parts:
        assert part in found[0].message
    assert all("\n" not in problem for problem in fault.value.problems)


@pytest.mark.parametrize("name", FAULTS)
def test_one_slip_gives_one_message(home, name):
    home.write("engagement", FAULTS[name][0])
    with pytest.raises(SettingsError) as fault:
        read_settings(home.folder, "demo", Q4)
    assert len(fault.value.problems) == 1, fault.value.problems


def test_the_table_covers_thirty_faults_and_more():
    assert len(FAULTS) >= 35


@pytest.mark.parametrize(
    ("words", "line"),
    [("client:\n  name: 示例\n".encode("gb18030"), 2), (b"\xff\xfec\x00l\x00", 1), (b"PK\x03\x04\x00\x01\x00", None)],
    ids=["GBK", "UTF-16", "a zip file"],
)
def test_a_file_that_is_not_utf8_text_is_told_in_one_line(home, words, line):
    home.write("engagement", words)
    (problem,) = check_settings(home.folder, "demo")
    assert (problem.file, problem.line) == ("params/demo/engagement.yaml", line)
    assert "UTF-8" in problem.message


def test_faults_of_all_files_are_told_at_once_each_at_its_own_file(home):
    home.write("engagement", BASE + "seed: x\ncurrencey: CNY\n" + TIERS.replace("50", "95"))
    home.write("2025Q4", "analysis:\n  churn_days: soon\n")
    home.write("2025Q3", "grading:\n  rfm: {bins: 99}\n")
    problems = [str(p) for p in check_settings(home.folder, "demo")]
    starts = [p.split(": found")[0] for p in problems]
    assert "params/demo/engagement.yaml:2: seed" in starts
    assert "params/demo/engagement.yaml:3: currencey" in starts
    assert "params/demo/2025Q4.yaml:2: analysis.churn_days" in starts
    assert "params/demo/2025Q3.yaml:2: grading.rfm.bins" in starts
    assert "params/demo/engagement.yaml:7: grading.tiers.b.at_least" in starts
    assert len(problems) == len(set(problems))


def test_contradictions_are_told_beside_faults_of_other_sections(home):
    home.write("engagement", BASE + "seed: x\n" + GOAL.replace("kpi: revenue", "kpi: revenu"))
    keys = {p.key for p in check_settings(home.folder, "demo")}
    assert keys == {"seed", "goals.a.kpi"}


def test_yaml_faults_of_two_files_are_told_at_once(home):
    home.write("engagement", "client: [\n")
    home.write("2025Q4", "a: b: c\n")
    assert {p.file for p in check_settings(home.folder, "demo")} == {
        "params/demo/engagement.yaml",
        "params/demo/2025Q4.yaml",
    }

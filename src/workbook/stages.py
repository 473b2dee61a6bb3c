"""The six stages declared: notebook, what each needs, makes and reads. A run fails where a stage breaks its word.

Artefacts are named tables (or JSON objects) that a stage saves and later stages read. Their columns:

======================  ================================================================================================
kpis                    kpi, value, low, high, n, unit                          (one row a KPI that could be measured)
goals                   goal, kpi, baseline, low, high, target, due, unit
readiness               module, ready, missing                                  (which data is there for what)
row_ledger              file, table, system, rows_in, rows_kept, rows_quarantined, rows_repeated, rows_set_aside
xref                    source, source_id, customer_id, rule, score             (one row a record; empty: nothing linked)
third_party             source, table, column, rows, matched, customers, everyone, latest
profile                 one row a customer; see workbook/sources/sql/profile.sql
tags                    tag, customer_id
alerts                  alert, table, column, rows, share, severity, weakens
consent                 purpose, channel, granted, withdrawn, expired
findings                check, module, figure, low, high, n, threshold, unit, direction, breached, customers, revenue,
                        unjudged (cases left out of n), and the words of measure, problem, cause, evidence and source of the
                        limit in each language
problems                findings that breach + priority_score, priority, stability, status (new/open/better), part_of, sorted
problem_customers       problem, customer_id
gone_problems           check, module, priority (that it had), status (solved/not_measured), customers, revenue, and the words
                        of problem and evidence: problems of the previous period that are no longer on the list
figure_history          check, period, figure, low, high, n, rule (short name of the settings that decide what is counted), from
problem_cases           problem, record (table), record_id, customer_id, happened_at, cases (all there are). At most
                        diagnosis.listed_cases of a problem: the newest, or the customers of the largest revenue
topics                  topic, names, comments by mood, change since the previous period, typical quote (masked)
needs_register          need, rank, need_en, need_zh, kind, customers, share, low, high, revenue, mentions, behind, score,
                        rank_low, rank_high, problem                            (the first in rank first)
comments                comment_id, source, customer_id, given_at, channel, topic, mood, probability, stated (no words)
scores                  customer_id, one column index_<id> an index (0–100), score (0–100, unrounded), tier, revenue,
                        tier_by_score (before the buffer), waiting (periods in which the buffer has held the tier), rule
                        (that gave the tier), held (the tier before the rules, from which the next buffer begins)
told_facts              customer_id, fact, told_on, value, before, delivered, state: facts that events and appeals told, and
                        whether they still count
grade_policy            JSON: number, since, settings, scales and thresholds that decide a score
learned_weights         JSON: windows, n, weights, low, high: what later value suggests; the next period judges them
tiers                   tier, customers, customer_share, revenue, revenue_share
rfm                     customer_id, r, f, m, segment
clusters                customer_id, cluster (1 brings most revenue a customer), distance
cluster_centres         JSON: columns, mean, spread, centres, found, since, policy: what decides a cluster
lifecycle               customer_id, lifecycle
segments                customer_id, history, interaction, needs, loyalty, need (the leading one)
lifetime                customer_id, purchases, spend, value, silent, alive, and the intervals of purchases and value
churn                   customer_id, probability (of leaving), value_at_risk, signals (the clear ones); who could leave
plan                    problem, number, priority, measure, owner, days, starts, due, deliverable, expected
assignment              pilot, customer_id, stratum, arm, and cluster where whole clusters are drawn
rollout                 pilot, customer_id, tier, wave, starts, arm (the control is held out); who gets the measure when. Where
                        clusters were drawn: pilot, cluster, customers, wave, starts, arm
pilot_cards             pilot, item, value, sha256, launched
pilot_checks            pilot, check, statistic, p, passed
pilot_effects           pilot, metric, arm, n_control, n_arm, control, treated, effect, low, high, p, margin, unit, verdict,
                        role, error, p_holm, q, lift, lift_low, lift_high, limit, method, why, information
decision                JSON: pilot → decision, reason
review                  kpi, value, previous, change, target, unit
migration               before, after, customers
proposal                JSON: settings key → {from, to, because}
======================  ================================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

from workbook.errors import UsageError


@dataclass(frozen=True)
class Stage:
    """One notebook of the method.

    Attributes:
        id: name of the notebook without its ending, e.g. ``4_strategy``.
        needs: artefacts of earlier stages that it reads.
        makes: artefacts that it must save.
        previous: artefacts of the previous period that it reads where they exist.
        lists: files for the client's departments that it writes.
        ledger: kinds of accepted records that it reads, of the periods before.
        settings: sections of the settings, or single fields such as ``report.rows`` (``grading.tiers.name``: of each item of a
            list), that it reads besides those in EVERY_STAGE; to read any other raises.
    """

    id: str
    needs: tuple[str, ...]
    makes: tuple[str, ...]
    previous: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    ledger: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


EVERY_STAGE: tuple[str, ...] = (
    "client", "languages", "currency", "seed", "analysis", "sources", "delivery", "linking", "diagnosis.key_fields",
    "scope.where", "report.rows",
)  # fmt: skip
"""What all stages read of the settings: what decides the canonical tables, and how results are shown."""

REPORT_SETTINGS: tuple[str, ...] = (
    "client", "languages", "currency", "analysis.confidence", "analysis.small_cell", "report",
)  # fmt: skip
"""What the pages read of the settings."""

STAGES: tuple[Stage, ...] = (
    Stage("1_goals", needs=(), makes=("kpis", "goals", "readiness"), previous=("kpis",),
          settings=("goals", "scope", "service.callback_hours", "service.complaint_topics", "service.first_response_hours",
                    "service.hours", "grading.tiers.id", "grading.tiers.name")),
    Stage("2_integrate", needs=(), makes=("row_ledger", "xref", "third_party", "profile", "tags", "alerts", "consent"),
          lists=("link_review", "data_quality"),
          settings=("tags", "consent", "service.complaint_topics", "service.first_response_hours", "service.hours",
                    "grading.tiers.id", "grading.tiers.name")),
    Stage("3_diagnose", needs=("profile", "xref"),
          makes=("findings", "problems", "gone_problems", "problem_customers", "problem_cases", "figure_history", "topics",
                 "comments", "needs_register"),
          previous=("problems", "findings", "figure_history"), lists=("problem_cases", "five_whys", "competitors"),
          settings=("diagnosis", "service", "voice", "grading.high_tiers", "grading.tiers.id", "grading.tiers.name",
                    "scope.high_value_share")),
    Stage("4_strategy", needs=("profile", "problems", "gone_problems", "problem_customers", "needs_register"),
          makes=("scores", "tiers", "told_facts", "grade_policy", "rfm", "clusters", "cluster_centres", "lifecycle", "segments",
                 "lifetime", "churn", "learned_weights", "plan"),
          previous=("scores", "told_facts", "grade_policy", "rfm", "cluster_centres", "profile", "lifecycle",
                    "learned_weights"),
          lists=("problem_list", "action_plan", "sales", "marketing", "service", "regrade_review"),
          ledger=("grades", "policies", "events", "appeals"),
          settings=("grading", "value", "measures", "consent.purposes", "consent.lists")),
    Stage("5_pilot", needs=("profile", "scores", "comments", "topics"),
          makes=("assignment", "pilot_cards", "pilot_checks", "pilot_effects", "decision", "rollout"),
          previous=("pilot_cards", "comments"), ledger=("cards", "looks"),
          lists=("pilot_assignment", "pilot_arrivals", "rollout"),
          settings=("pilots", "next_pilot", "grading.tiers.id", "grading.tiers.name")),
    Stage("6_iterate", needs=("kpis", "goals", "problems", "scores", "plan", "decision"),
          makes=("review", "migration", "proposal"), previous=("kpis", "scores", "problems", "plan", "proposal"),
          ledger=("grades",), lists=("effect_report",), settings=("goals", "grading", "pilots", "review", "service")),
)  # fmt: skip


def stage(id: str) -> Stage:
    """The stage called *id*; the number alone will do.

    Raises:
        UsageError: where there is none.
    """
    for candidate in STAGES:
        if id in (candidate.id, candidate.id.partition("_")[0], candidate.id.partition("_")[2]):
            return candidate
    raise UsageError(f"stage: found {id!r}, expected one of {', '.join(s.id for s in STAGES)}")

"""What is looked for in stage 3, and where its limits lie: service, checks, the rule of priorities, comments."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from workbook.settings.section import Identifier, Name, Positive, Section, Share

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


CHECK_IDS = (
    "information.valid_phone", "information.valid_email", "information.valid_industry", "information.industry_name",
    "information.stale", "information.duplicates", "information.status",
    "needs.depth", "needs.match", "interaction.silent", "interaction.late_response", "interaction.late_channel",
    "value.misgraded", "value.cross_sell", "service.callback", "service.repeat", "service.reopened", "service.late_resolution",
    "service.missed_level", "service.first_contact", "service.template",
)  # fmt: skip
"""Checks of stage 3 that settings may name; beside them ``information.complete.<field>`` and those of the consultant's own."""


class OpenHours(Section):
    """When service is open; limits and times of tickets count only these hours. Around the clock where nothing is said."""

    opens: str = Field("00:00", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="Time of day at which service opens.")
    closes: str = Field(
        "24:00", pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", description="Time of day at which service closes."
    )
    days: list[Weekday] = Field(list(WEEKDAYS), min_length=1, description="Days of the week on which service is open.")
    holidays: Literal["open", "closed"] = Field(
        "open",
        description="closed: public holidays of client.country do not count, and the weekend days that make up for them do.",
    )

    @property
    def always(self) -> bool:
        """Whether service is open around the clock on every day."""
        whole_day = (self.opens, self.closes) == ("00:00", "24:00")
        return whole_day and set(self.days) == set(WEEKDAYS) and self.holidays == "open"


class Service(Section):
    """Service limits."""

    first_response_hours: dict[str, Positive] = Field(
        {"high": 2, "medium": 8, "low": 24, "default": 8},
        description="Hours to the first response, by ticket priority; gold/high or gold/default for one of the client's tiers.",
    )
    resolution_hours: dict[str, Positive] = Field(
        {"high": 24, "medium": 72, "low": 120, "default": 72},
        description="Hours to the solution, by ticket priority; gold/high or gold/default for one of the client's tiers.",
    )
    hours: OpenHours = Field(default_factory=OpenHours, description="When service is open: only these hours count as waiting.")
    callback_hours: Positive = Field(48, description="Hours after the solution within which a complaint is called back.")
    late_share: Share = Field(0.1, description="Share of late first responses that the client accepts.")
    complaint_topics: list[str] = Field(["complaint", "投诉"], description="Ticket topics that are complaints.")
    analysed_activities: list[str] = Field(
        ["analysed", "analyzed", "analysis", "分析", "原因分析"],
        description="Activities of ticket_events that say that a complaint's cause was looked into.",
    )
    template_activities: list[str] = Field(
        ["template", "template reply", "standard reply", "模板回复", "标准话术"],
        description="Activities of ticket_events that say that a ticket was answered from a template.",
    )


class OwnCheck(Section):
    """A check of the consultant's own: a share of cases, told by one query over the canonical tables."""

    id: Identifier = Field(description="Short name of the check; it is called <module>.own.<id>.")
    module: Literal["information", "needs", "interaction", "value", "service"] = Field(description="The module it belongs to.")
    measure: Name = Field(description="What is measured, as readers see it.")
    problem: Name = Field(description="What is wrong where the limit is passed.")
    cause: Name = Field(description="The likely cause, to be checked with those who do the work.")
    needs: list[str] = Field(
        default_factory=list, description="Tables and columns without which it is not measured, e.g. tickets.due_at."
    )
    sql: str = Field(
        description="A query that gives one row a case: customer_id (may be empty) and hit (true where the case counts, empty "
        "where it cannot be judged), where wanted also the record's id (ticket_id, order_id, feedback_id, interaction_id, "
        "contract_id, lead_id) and happened_at; $start and $end are the first and last day of the period."
    )
    limit: Share = Field(description="The share of hits that is accepted.")
    direction: Literal["above", "below"] = Field("above", description="On which side of the limit the problem lies.")
    effort: Literal["small", "medium", "large"] = Field("medium", description="What it takes to mend it.")
    family: Literal[""] | Identifier = Field(
        "",
        description="Name shared by checks that one remedy answers, one of yours or of those in `workbook explain checks`: the "
        "problem list shows them as one, under the first of them.",
    )


class PriorityRule(Section):
    """How urgency and effort move a problem's priority score."""

    worse: Positive = Field(1.1, description="Factor where the figure has become clearly worse since the period before.")
    better: Positive = Field(0.9, description="Factor where it has become clearly better.")
    small: Positive = Field(1.05, description="Factor where it takes a small effort to mend.")
    large: Positive = Field(0.95, description="Factor where it takes a large effort to mend.")
    effort: dict[str, Literal["small", "medium", "large"]] = Field(
        default_factory=dict, description="Check: the effort that takes the place of the one in `workbook explain checks`."
    )


class Diagnosis(Section):
    """Thresholds of stage 3, and how a problem's priority is found."""

    completeness: Share = Field(0.95, description="Smallest share of customers with a field filled.")
    key_fields: list[str] = Field(
        ["phone", "email", "region", "industry"], description="Fields of the customer table that must be filled."
    )
    quality_by: list[str] = Field(
        ["source", "kind", "tier", "channel"],
        description="What customer records are grouped by in the heat map of their quality: within each source by columns of "
        "customers, the first of them drawn first.",
    )
    stale_days: int = Field(180, ge=1, description="Days without an update after which a customer record counts as stale.")
    stale_share: Share = Field(0.2, description="Share of stale records that is accepted.")
    root_cause_share: Share = Field(0.5, description="Smallest share of needs recorded down to the root cause.")
    root_levels: list[str] = Field(
        ["root cause", "root_cause", "root-cause", "root", "deep", "根本原因", "根因", "根源", "深层", "深层原因", "深层需求"],
        description="Words of needs.level for a need that was followed down to its cause.",
    )
    surface_levels: list[str] = Field(
        ["surface", "shallow", "symptom", "wish", "表层", "表面", "浅层", "表层需求", "表面需求", "浅层需求", "症状"],
        description="Words of needs.level for a need that was noted as it was said; a word of neither list is not judged.",
    )
    match_share: Share = Field(0.3, description="Smallest share of recommendations that were bought.")
    silent_days: int = Field(90, ge=1, description="Days without contact after which a valuable customer counts as silent.")
    silent_share: Share = Field(0.2, description="Share of silent valuable customers that is accepted.")
    client_tiers: list[str] = Field(
        default_factory=list,
        description="The client's own tiers from the highest to the lowest, where their words are none of grading.tiers.",
    )
    misgraded_share: Share = Field(0.1, description="Share of high-value customers in a low tier that is accepted.")
    missed_cross_share: Share = Field(0.3, description="Share of buyers without the usual companion product that is accepted.")
    callback_share: Share = Field(0.9, description="Smallest share of complaints called back in time.")
    repeat_share: Share = Field(0.15, description="Share of customers with repeated tickets on one topic that is accepted.")
    invalid_share: Share = Field(
        0.02,
        description="Share of telephone numbers or e-mail addresses of impossible form, and of unknown industries, that is "
        "accepted.",
    )
    industries: list[str] = Field(
        default_factory=list,
        description="The industries that there should be in customers.industry; without them only other spellings count as "
        "invalid.",
    )
    industry_name_share: Share = Field(
        0.1, description="Share of companies recorded under another industry than their name speaks for that is accepted."
    )
    duplicate_share: Share = Field(
        0.01, description="Share of records with the telephone or e-mail of another record that is accepted."
    )
    stale_status_share: Share = Field(0.05, description="Share of active records whose status is out of date that is accepted.")
    match_days: int = Field(90, ge=1, description="Days after a recommendation within which a purchase counts as a match.")
    channel_gap: Share = Field(
        0.1, description="Accepted gap in late first responses between the worst channel and the others (0.1 = 10 points)."
    )
    cross_lift: Positive = Field(
        1.3, description="Basket lift from which two products count as companions (2 = twice as often as chance)."
    )
    late_resolution_share: Share = Field(0.1, description="Share of solutions past the limit that is accepted.")
    reopened_share: Share = Field(0.1, description="Share of solved tickets opened again that is accepted.")
    first_contact_share: Share = Field(0.75, description="Smallest share of tickets solved for good at the first contact.")
    missed_level_share: Share = Field(
        0.1, description="Share of tickets that missed their service level by the client's own record that is accepted."
    )
    template_gap: Share = Field(
        0.1,
        description="Accepted gap in solutions that did not hold between template answers and others (0.1 = 10 points).",
    )
    repeat_days: int = Field(30, ge=1, description="Days within which a second ticket of a customer on one topic is a repeat.")
    high_priority: float = Field(0.6, ge=0, le=1, description="Priority score from which a problem is high.")
    medium_priority: float = Field(0.3, ge=0, le=1, description="Priority score from which a problem is medium.")
    priority: PriorityRule = Field(default_factory=PriorityRule, description="How urgency and effort move the score.")
    listed_cases: int = Field(
        100,
        ge=1,
        le=100_000,
        description="Most records listed for one problem in lists/problem_cases; the report tells how many there are in all.",
    )
    limit_sources: dict[str, Name] = Field(
        default_factory=dict,
        description="Check: where its limit comes from, as readers see it, e.g. a benchmark of the industry with its year, or "
        "the client's own mean of last year; without it they read whether the limit was set or is the workbook's own.",
    )
    own_history: list[str] = Field(
        default_factory=list,
        description="Checks whose limit is taken from the client's own earlier periods (mean and spread of the same figure, by "
        "earlier reports, else by this delivery where it reaches back) instead of from the settings.",
    )
    history_periods: int = Field(8, ge=3, le=24, description="Most earlier periods that such a limit rests on.")
    checks: list[OwnCheck] = Field(default_factory=list, description="Checks of your own beside those of the workbook.")


class VoiceTopic(Section):
    """A topic of comments that is known by its words, whatever would be found without them."""

    id: Identifier = Field(description="Short name of the topic.")
    name: Name = Field(description="The topic as readers see it.")
    words: list[str] = Field(min_length=1, description="Words that tell it; outside Chinese also the beginnings of words.")


class Labelled(Section):
    """What a person who read a comment says of it; it comes before the customer's score and before any model."""

    comment: str = Field(min_length=1, description="Id of the comment: feedback_id, or ticket_id of what stands in a ticket.")
    topic: str = Field("", description="Id of a topic of voice.topics, or other; empty where nobody judged it.")
    mood: Literal["", "content", "discontent", "neither"] = Field("", description="The mood; empty where nobody judged it.")


class NeedWeights(Section):
    """How much each ground weighs in the rank of a need; only their proportions count."""

    customers: float = Field(0.4, ge=0, description="Weight of the number of customers who have the need.")
    value: float = Field(0.3, ge=0, description="Weight of their revenue.")
    intensity: float = Field(0.2, ge=0, description="Weight of how often one and the same customer says it.")
    gap: float = Field(0.1, ge=0, description="Weight of how far competitors meet it better.")


class Compared(Section):
    """How well one competitor meets a need, beside the client."""

    need: str = Field(min_length=1, description="The need as the needs register calls it, in any language.")
    competitor: str = Field(min_length=1, description="The competitor.")
    ours: float = Field(ge=1, le=5, description="How well the client meets the need, 1 not at all to 5 fully.")
    theirs: float = Field(ge=1, le=5, description="How well the competitor meets it, 1 not at all to 5 fully.")
    source: str = Field("", description="Where that was seen: test purchase, customer, review.")
    seen: dt.date | None = Field(None, description="Day on which it was seen.")


class Voice(Section):
    """How comments are read (stage 3)."""

    topics: list[VoiceTopic] = Field(default_factory=list, description="Topics given by hand; the rest are found.")
    labels: list[Labelled] = Field(
        default_factory=list,
        description="Comments that a person labelled (workbook labels): they come first, and tell how often a model is right.",
    )
    found_topics: int = Field(6, ge=2, le=30, description="Most topics found in the other comments, for each script.")
    enough_scores: int = Field(
        100, ge=40, description="Scored comments from which mood is learnt from them and not from the seed sentences."
    )
    certain: float = Field(0.7, ge=0.5, lt=1, description="Probability below which a comment's mood is called unclear.")
    systemic_ratio: float = Field(
        2.0,
        gt=1,
        description="How many times as frequent as elsewhere complaints must be ruled out to be, to be spread evenly.",
    )
    single_share: Share = Field(
        0.02, description="Share of active customers up to which evenly spread complaints of a topic are single cases."
    )
    need_weights: NeedWeights = Field(default_factory=NeedWeights, description="What ranks a need in the needs register.")
    competitors: list[Compared] = Field(
        default_factory=list, description="How well competitors meet needs, beside the client (workbook competitors)."
    )

"""The parameters of an engagement as types. Every field says what it does; ``workbook explain KEY`` prints it.

Layers, later over earlier: the defaults here, the starter of the industry (``templates/engagements/<template>.yaml``),
``params/<client>/engagement.yaml``, ``params/<client>/<period>.yaml``, ``--set KEY=VALUE`` and a notebook's ``overrides``.
Mappings are merged key by key; lists of items with an ``id`` are merged by it, other lists are replaced.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from workbook.language import Language
from workbook.settings.diagnosing import Diagnosis as Diagnosis
from workbook.settings.diagnosing import Labelled as Labelled
from workbook.settings.diagnosing import OwnCheck as OwnCheck
from workbook.settings.diagnosing import PriorityRule as PriorityRule
from workbook.settings.diagnosing import Service as Service
from workbook.settings.diagnosing import Voice as Voice
from workbook.settings.diagnosing import VoiceTopic as VoiceTopic
from workbook.settings.linking import Linking as Linking
from workbook.settings.linking import LinkRule as LinkRule
from workbook.settings.pilots import Metric as Metric
from workbook.settings.pilots import NextPilot as NextPilot
from workbook.settings.pilots import Pilot as Pilot
from workbook.settings.section import Identifier as Identifier
from workbook.settings.section import Name as Name
from workbook.settings.section import Positive as Positive
from workbook.settings.section import Section as Section
from workbook.settings.section import Share as Share
from workbook.settings.sourcing import Source as Source
from workbook.settings.valuing import Churn as Churn
from workbook.settings.valuing import Value as Value

KPIS: tuple[str, ...] = (
    "repurchase_rate", "revenue", "active_customers", "average_order", "first_response_hours", "late_share", "nps", "csat",
    "churn_share", "complaints_called_back",
)  # fmt: skip
"""The KPIs that a goal can be tied to; each is computed from the canonical tables."""


class Client(Section):
    """Who the engagement is for."""

    name: Name = Field(description="The client's name as the report shows it.")
    country: str = Field("CN", pattern=r"^[A-Z]{2}$", description="ISO country code; decides holidays and phone numbers.")
    synthetic: bool = Field(False, description="True where the client is invented; every page of the report says so.")


class Delivery(Section):
    """Where the client's files lie."""

    package: str | None = Field(
        None, description="An installed Python package that carries the files instead of data/<client>/<period>/."
    )
    folder: str = Field("", description="Folder inside the package or the delivery in which the files lie.")


class Analysis(Section):
    """Windows and days that several stages use."""

    window_months: int = Field(12, ge=1, le=60, description="Months before the analysis date that the profile looks back.")
    churn_days: int = Field(
        180, ge=1, description="A customer whose last order lies more than this many days back counts as lost."
    )
    new_days: int = Field(90, ge=1, description="A customer whose first order lies at most this many days back counts as new.")
    established_orders: int = Field(
        4, ge=2, description="Number of orders, over all time, from which a customer counts as established."
    )
    growth_share: float = Field(
        0.5, gt=0, description="Growth of revenue over the previous period from which an established customer still develops."
    )
    customers_from_orders: bool = Field(
        False, description="True where the customer list is known to be partial: buyers it lacks are added with their id alone."
    )
    finished_orders: list[str] = Field(
        default_factory=list, description="Order states that count as sales; empty: all states count."
    )
    small_cell: int = Field(5, ge=1, description="Groups with fewer customers are not shown by themselves.")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Confidence level of every interval.")


class Goal(Section):
    """One goal of the engagement, tied to a KPI."""

    id: Identifier = Field(description="Short name of the goal.")
    name: Name = Field(description="The goal in the client's words.")
    kpi: str = Field(description="The KPI that measures it; `workbook explain kpis` lists them.")
    change: float | None = Field(
        None, description="Target as a change on the baseline, in the KPI's unit (0.03 = 3 percentage points for a share)."
    )
    target: float | None = Field(
        None, description="Target as a level, in the KPI's unit; instead of change, or fixed by a later layer."
    )
    due: dt.date = Field(description="Date by which the target is to be reached.")
    owner: Name = Field("", description="Role that answers for it.")


class Scope(Section):
    """Which customers the analysis speaks of."""

    groups: list[Literal["new", "existing", "high_value", "prospect", "lost"]] = Field(
        default=["new", "existing", "high_value", "prospect", "lost"],
        description="Groups of customers that the table of the scope shows.",
    )
    high_value_share: Share = Field(0.2, description="Share of customers, by revenue, counted as high-net-worth.")
    where: str | None = Field(
        None,
        description="SQL condition over the columns of the customer list; those who meet it are analysed.",
    )


class Tag(Section):
    """A tag that customers get by a rule."""

    id: Identifier = Field(description="Short name of the tag.")
    name: Name = Field(description="The tag as readers see it.")
    rule: str = Field(description="SQL condition over the columns of the profile.")


class Consent(Section):
    """What customers have allowed."""

    purposes: list[str] = Field(default=["marketing"], description="Purposes that outreach may rest on.")
    lists: dict[Literal["sales", "marketing", "service"], list[str] | Literal["contract"]] = Field(
        default_factory=dict,
        description="What a department's list rests on: purposes that its customers have granted, or contract: it then holds "
        "those with a contract, order or ticket in the window. consent.purposes where a department is not named. A withdrawal "
        "of the purpose all, or a row of the purpose erasure, closes every list.",
    )
    basis: Name = Field(
        {"en": "contract and legitimate interest", "zh": "合同履行与合法利益"},
        description="Legal basis on which the analysis itself rests.",
    )


class Index(Section):
    """One index of the grading."""

    id: Identifier = Field(description="Short name of the index.")
    name: Name = Field(description="The index as readers see it.")
    source: str = Field(description="Column of the profile, or SQL expression over its columns.")
    group: str = Field(description="The group the index belongs to.")
    direction: Literal["benefit", "cost"] = Field("benefit", description="Whether more is better (benefit) or worse (cost).")
    normalise: Literal["percentile", "minmax", "robust", "log", "z", "target"] = Field(
        "percentile", description="How the value becomes a score from 0 to 100."
    )
    target: float | None = Field(None, description="Value that earns 100 points where normalise is target.")
    missing: Literal["median", "worst", "neutral", "exclude"] = Field(
        "neutral", description="Score of a missing value: median of the others, 0, 50, or the index left out and re-weighted."
    )
    weight: Positive | None = Field(None, description="Weight inside its group; equal weights where none is given.")
    unit: Literal["auto", "number", "count", "money", "days", "hours", "share"] = Field(
        "auto", description="What its values measure, for the grade card; auto: by the column behind it."
    )


class IndexGroup(Section):
    """A group of indices with its weight."""

    id: Identifier = Field(description="Short name of the group.")
    name: Name = Field(description="The group as readers see it.")
    weight: Positive | None = Field(None, description="Weight of the group where no comparisons are given.")


class Comparison(Section):
    """One expert's pairwise comparisons for AHP."""

    expert: str = Field(description="Who judged; a role, not a person's name.")
    among: Identifier | None = Field(
        None, description="The group whose indices are compared; the groups themselves where none is named."
    )
    pairs: dict[str, str | float] = Field(description="'a/b': how many times a weighs more than b, e.g. 3 or 5/3.")


class Tier(Section):
    """One tier."""

    id: Identifier = Field(description="Short name of the tier.")
    name: Name = Field(description="The tier as readers see it.")
    at_least: float = Field(0, ge=0, le=100, description="Lowest unrounded score (or quantile × 100) of the tier.")
    benchmark: dict[str, float] = Field(
        default_factory=dict,
        description="With cut: benchmark, index: value of the industry's customer who just reaches the tier.",
    )


class Rfm(Section):
    """RFM scoring."""

    bins: int = Field(5, ge=2, le=10, description="Scores run from 1 to this number.")
    cuts: Literal["quantile", "r_package"] = Field(
        "quantile", description="How cut points are found: plain quantiles, or those of the R package rfm."
    )
    recency: list[float] | None = Field(None, description="Cut points of recency in days; found from the data otherwise.")
    frequency: list[float] | None = Field(None, description="Cut points of the number of orders.")
    monetary: list[float] | None = Field(None, description="Cut points of revenue.")
    split: Literal["mean", "median"] = Field(
        "mean", description="High and low of the segments part at the mean or the median of all buyers' values."
    )


class Buffer(Section):
    """What keeps a tier from going back and forth with small moves of the score."""

    points: float = Field(
        10, ge=0, le=100, description="Points beyond a threshold at which a customer moves at once; 0 for no buffer."
    )
    periods: int = Field(2, ge=1, le=12, description="Periods running beyond a threshold after which a customer moves anyhow.")


class GradeRule(Section):
    """A rule over the tier that the score gives: a floor, a cap or steps; one of the three."""

    id: Identifier = Field(description="Short name of the rule.")
    name: Name = Field(description="The rule as readers see it.")
    when: str = Field(description="SQL condition over the profile, score, tier (before the rules), client_tier and cluster.")
    at_least: str | None = Field(None, description="Tier to which those who meet it are raised, if they stand lower.")
    at_most: str | None = Field(None, description="Tier to which those who meet it are lowered, if they stand higher.")
    steps: int | None = Field(None, ge=-10, le=10, description="Tiers by which those who meet it rise; below 0 they fall.")
    reason: Name = Field(description="Why the rule stands.")
    author: str = Field(description="Who answers for it; a role, not a person's name.")
    until: dt.date | None = Field(None, description="Last day on which it holds; no end by default.")


class Override(Section):
    """A grade set by hand."""

    customer: str = Field(description="The customer's number.")
    tier: str = Field(description="The tier that the customer gets.")
    reason: Name = Field(description="Why the score is not followed.")
    author: str = Field(description="Who answers for it; a role, not a person's name.")
    until: dt.date | None = Field(None, description="Last day on which it holds; no end by default.")


class Answers(Section):
    """Answers that tell of an event."""

    instrument: Literal["csat", "nps", "ces", "review"] = Field(description="Kind of question, as in feedback.instrument.")
    at_most: float = Field(ge=0, description="Highest answer, as the customer gave it, that still tells of the event.")


class EventKind(Section):
    """What happens to single customers between two periods and has them graded again at once."""

    id: Identifier = Field(description="Short name of the kind of event.")
    name: Name = Field(description="The kind of event as readers see it.")
    facts: dict[str, str] = Field(
        default_factory=dict,
        description="What it changes: index or column of the profile: SQL expression over the profile and the file's columns.",
    )
    at_least: str | None = Field(None, description="Tier that it brings at least.")
    at_most: str | None = Field(None, description="Tier that it leaves at most.")
    steps: int | None = Field(None, ge=-10, le=10, description="Tiers by which it raises; below 0 it lowers.")
    answers: Answers | None = Field(
        None, description="Answers that tell of it: the run lists who gave them, as the file for workbook regrade."
    )


class Grading(Section):
    """How customers are graded."""

    groups: list[IndexGroup] = Field(
        [
            IndexGroup(id="financial", name={"en": "Financial contribution", "zh": "财务贡献"}, weight=50),
            IndexGroup(id="potential", name={"en": "Potential", "zh": "发展潜力"}, weight=30),
            IndexGroup(id="risk", name={"en": "Risk", "zh": "风险"}, weight=20),
        ],
        description="Groups of indices; default weights 50/30/20.",
    )
    comparisons: list[Comparison] = Field(
        default_factory=list, description="AHP comparisons of the groups, or of the indices of one; instead of weights."
    )
    consistency_limit: Share = Field(0.1, description="Largest consistency ratio at which AHP weights are used.")
    indices: list[Index] = Field(
        [
            Index(
                id="revenue", name={"en": "Annual revenue", "zh": "年销售额"}, source="revenue", group="financial", weight=60
            ),
            Index(
                id="frequency", name={"en": "Orders a year", "zh": "年订单数"}, source="orders", group="financial", weight=40
            ),
            Index(
                id="growth",
                name={"en": "Revenue growth", "zh": "收入增长"},
                source="revenue_period - revenue_previous",
                group="potential",
            ),
            Index(id="breadth", name={"en": "Breadth of purchase", "zh": "购买广度"}, source="categories", group="potential"),
            Index(
                id="recency",
                name={"en": "Days since last order", "zh": "距上次下单天数"},
                source="recency_days",
                group="risk",
                direction="cost",
                missing="worst",
            ),
        ],
        description="Indices that make the score.",
    )
    tiers: list[Tier] = Field(
        [
            Tier(id="diamond", name={"en": "Diamond", "zh": "钻石"}, at_least=90),
            Tier(id="gold", name={"en": "Gold", "zh": "黄金"}, at_least=80),
            Tier(id="silver", name={"en": "Silver", "zh": "白银"}, at_least=60),
            Tier(id="ordinary", name={"en": "Ordinary", "zh": "普通"}, at_least=0),
        ],
        description="Tiers from the highest to the lowest.",
    )
    cut: Literal["score", "quantile", "benchmark"] = Field(
        "score",
        description="What tiers are cut by: at_least as a score, at_least as a quantile, or the score of the benchmark values.",
    )
    rules: list[GradeRule] = Field(
        default_factory=list, description="Floors, caps and steps over the tier of the score, in the order of their effect."
    )
    overrides: list[Override] = Field(default_factory=list, description="Grades set by hand; they come after all rules.")
    events: list[EventKind] = Field(
        [
            EventKind(
                id="large_order",
                name={"en": "Large order", "zh": "大额订单"},
                facts={
                    "revenue": "coalesce(revenue, 0) + amount",
                    "revenue_period": "coalesce(revenue_period, 0) + amount",
                    "orders": "coalesce(orders, 0) + 1",
                    "recency_days": "0",
                },
            ),
            EventKind(id="strategic_contract", name={"en": "Strategic contract", "zh": "战略合同"}, steps=1),
            EventKind(id="default", name={"en": "Default", "zh": "违约"}, steps=-1),
            EventKind(
                id="low_satisfaction",
                name={"en": "Low satisfaction", "zh": "满意度过低"},
                answers=Answers(instrument="csat", at_most=2),
            ),
        ],
        description="Kinds of events that grade single customers again at once (workbook regrade).",
    )
    buffer: Buffer = Field(default_factory=Buffer, description="What holds a tier against small moves of the score.")
    reference: int = Field(
        1, ge=1, description="Number of the population that the scales are frozen from; raise it by one to freeze them anew."
    )
    high_tiers: int = Field(2, ge=1, description="How many tiers from the top count as high value.")
    rfm: Rfm = Field(default_factory=Rfm, description="RFM scoring.")


class Measures(Section):
    """Measures against problems."""

    owners: dict[str, Name] = Field(default_factory=dict, description="Measure: the owner role that takes the library's place.")
    days: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict, description="Measure: the limit in working days that takes the library's place."
    )
    start: dt.date | None = Field(None, description="First working day of the plan; the day after the period by default.")


class Review(Section):
    """Stage 6."""

    market: Name = Field("", description="What changed in the market, in the consultant's words; a section of the review.")
    changed_on: dt.date | None = Field(
        None,
        description="First day on which the measures worked: the months before it are the measure of those after. "
        "The first day of the period by default.",
    )


class Brand(Section):
    """How the report looks."""

    name: Name = Field("CRM Workbook", description="The firm's name on the cover.")
    logo: str | None = Field(None, description="Picture file (PNG or SVG) beside the engagement file.")
    colour: str = Field("#12436D", pattern=r"^#[0-9A-Fa-f]{6}$", description="Colour of headings and rules.")


class Report(Section):
    """The report."""

    title: Name = Field(
        {"en": "Customer relationship review", "zh": "客户关系管理诊断与优化报告"}, description="Title on the cover."
    )
    author: Name = Field("", description="Who signs it: a team or firm.")
    brand: Brand = Field(default_factory=Brand, description="Name, logo and colour.")
    rows: int = Field(12, ge=1, le=100, description="Most rows of a table in the report; the rest goes to the files.")


class Settings(Section):
    """All parameters of one client and period."""

    template: str | None = Field(None, description="Starter of an industry in templates/engagements/ that lies underneath.")
    client: Client = Field(description="Who the engagement is for.")
    languages: list[Language] = Field(["en", "zh"], min_length=1, description="Languages of the report, the leading one first.")
    currency: str = Field("CNY", pattern=r"^[A-Z]{3}$", description="Currency of all amounts (ISO code).")
    seed: int = Field(20250101, ge=0, description="Seed of everything random.")
    delivery: Delivery = Field(default_factory=Delivery, description="Where the client's files lie.")
    sources: list[Source] = Field(default_factory=list, description="The files and the tables they become.")
    linking: Linking = Field(default_factory=Linking, description="How records of several systems become one customer.")
    analysis: Analysis = Field(default_factory=Analysis, description="Windows and days that several stages use.")
    goals: list[Goal] = Field(default_factory=list, description="Goals of the engagement.")
    scope: Scope = Field(default_factory=Scope, description="Which customers the analysis speaks of.")
    tags: list[Tag] = Field(
        [
            Tag(
                id="high_activity",
                name={"en": "High activity", "zh": "高活跃度"},
                rule="orders >= 4 and recency_days <= 90",
            ),
            Tag(
                id="price_sensitive",
                name={"en": "Price sensitive", "zh": "价格敏感型"},
                rule="orders >= 2 and discount_share >= 0.15",
            ),
            Tag(
                id="service_first",
                name={"en": "Service first", "zh": "服务需求优先级"},
                rule="complaints >= 1 or tickets >= 3",
            ),
        ],
        description="Tags that customers get by rules.",
    )
    consent: Consent = Field(default_factory=Consent, description="What customers have allowed.")
    service: Service = Field(default_factory=Service, description="Service limits.")
    diagnosis: Diagnosis = Field(default_factory=Diagnosis, description="Thresholds of stage 3.")
    voice: Voice = Field(default_factory=Voice, description="How comments are read.")
    grading: Grading = Field(default_factory=Grading, description="How customers are graded.")
    value: Value = Field(default_factory=Value, description="How the future value of customers is forecast.")
    measures: Measures = Field(default_factory=Measures, description="Measures against problems.")
    pilots: list[Pilot] = Field(default_factory=list, description="Pilots that have run or are running.")
    next_pilot: NextPilot = Field(default_factory=NextPilot, description="The pilot to start next.")
    review: Review = Field(default_factory=Review, description="Stage 6.")
    report: Report = Field(default_factory=Report, description="The report.")

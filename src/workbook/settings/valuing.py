"""Parameters of the forecast of value and of churn risk."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workbook.settings.section import Section, Share


class Churn(Section):
    """When a customer counts as leaving, and what may announce it."""

    definition: Literal["auto", "purchases", "contracts", "flag"] = Field(
        "auto",
        description="What leaving is: no purchase within a horizon set by the customer's own rhythm (purchases), a contract "
        "that ends without a new one (contracts), what a snapshot says of each customer in "
        "contracts.ended (flag), or whichever "
        "the delivery allows: purchases first, a snapshot's word before the ends of contracts (auto).",
    )
    rhythm: float = Field(
        3.0, gt=0, le=20, description="Horizon of a customer, in mean days between the customer's own purchases."
    )
    shortest_days: int = Field(
        30, ge=1, description="Shortest horizon; the longest is analysis.churn_days, for rare buyers and contracts."
    )
    recent_days: int = Field(90, ge=7, description="Days before the cut-off that count as recent for early signals.")


class Value(Section):
    """How the future value of customers is forecast."""

    models: list[Literal["bg_nbd", "mbg_nbd", "pareto_nbd"]] = Field(
        ["bg_nbd", "mbg_nbd", "pareto_nbd"], min_length=1, description="Models of repeat buying that the back-test tries."
    )
    horizon_months: int = Field(12, ge=1, le=60, description="Months that are forecast.")
    holdout_months: int = Field(
        6,
        ge=1,
        le=24,
        description="Last months that the back-test holds out; a third of the history where that is less, half of it where the "
        "months are set.",
    )
    hiatus_days: int = Field(91, ge=1, description="Days of silence after which the rule of thumb counts a customer as lost.")
    lead_days: int = Field(
        90,
        ge=0,
        description="Days at the beginning of the files in which a customer without a record date counts as an old one.",
    )
    discount: Share = Field(0.1, description="Yearly rate at which money to come is discounted.")
    contract_segment: str = Field(
        "size",
        description="Column of the customers (kind, region, industry, size, channel) or one of "
        "sources.attributes by which it is "
        "told how long contracts last.",
    )
    churn: Churn = Field(default_factory=Churn, description="Churn risk.")

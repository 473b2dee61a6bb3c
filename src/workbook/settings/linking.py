"""The parameters of linking: how records of one customer in several systems become one customer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workbook.settings.section import Identifier, Name, Section, Share


class LinkRule(Section):
    """A rule by which two customer records are one customer, or a pair for a person to look at."""

    id: Identifier = Field(description="Short name of the rule; it stands in xref beside every link that it made.")
    name: Name = Field(description="The rule as readers see it.")
    keys: list[str] = Field(
        min_length=1,
        description="Columns of the customer table that must be filled and equal in both records; names are compared without "
        "titles, legal forms and signs.",
    )
    kind: Literal["person", "company"] | None = Field(
        None, description="The kind of customer that the rule is for; all if empty."
    )
    guarded: bool = Field(
        True,
        description="True where the rest of the two records must not speak against it: names that differ, another kind, "
        "birthday, WeChat union id or registration id.",
    )
    review: bool = Field(False, description="True where the rule links nothing and only puts pairs up for review.")


class Linking(Section):
    """How records of one customer in several systems become one customer (D4)."""

    use: bool = Field(
        True, description="False to leave every record a customer of its own; records of one system alone need within."
    )
    ids: Literal["shared", "own"] = Field(
        "shared",
        description="Whether one number in two systems is one customer (shared) or each system counts for itself (own).",
    )
    within: bool = Field(False, description="True where records of one system may be one customer too.")
    rules: list[LinkRule] = Field(
        [
            LinkRule(id="union_id", name={"en": "WeChat union id", "zh": "微信 UnionID"}, keys=["union_id"], guarded=False),
            LinkRule(id="registration_id", name={"en": "Registration id", "zh": "统一社会信用代码"}, keys=["registration_id"],
                     guarded=False),
            LinkRule(id="phone", name={"en": "Phone", "zh": "电话"}, keys=["phone"]),
            LinkRule(id="email", name={"en": "E-mail", "zh": "邮箱"}, keys=["email"]),
            LinkRule(id="company", name={"en": "Company name and region", "zh": "企业名称与地区"}, keys=["name", "region"],
                     kind="company"),
            LinkRule(id="birthday", name={"en": "Name and birthday", "zh": "姓名与生日"}, keys=["name", "birthday"]),
            LinkRule(id="namesake", name={"en": "Name and region", "zh": "姓名与地区"}, keys=["name", "region"], review=True),
        ],
        description="Rules in order of trust; a pair is put down to the first that it meets.",
    )  # fmt: skip
    most_shared: int = Field(
        4, ge=2, le=50, description="Most different names under one key: the phone of a switchboard is nobody's key."
    )
    most_records: int = Field(60, ge=2, le=1000, description="Most records that one customer may be made of.")
    cohesion: Share = Field(
        0.4,
        description="Smallest share of the possible pairs between two groups of records that must be linked before the groups "
        "become one customer; it stops chains of doubtful links.",
    )
    model: bool = Field(
        False,
        description="True to look for further pairs by probability, after the rules (Fellegi and Sunter's model).",
    )
    threshold: float = Field(0.9, gt=0.5, lt=1, description="Match probability from which the model links a pair.")
    review_from: float = Field(0.5, gt=0, lt=1, description="Match probability from which a pair is put up for review.")
    model_memory_mb: int = Field(
        1000, ge=100, description="Most memory that the model's database may take (MB); more goes to disk."
    )
    review_rows: int = Field(200, ge=0, le=5000, description="Most doubtful pairs in the review file.")
    sample: int = Field(
        30, ge=0, le=1000, description="Links drawn at random into the review file, so that the precision can be estimated."
    )
    priority: list[str] = Field(
        default_factory=list, description="Systems from the most to the least trusted; the order of sources where empty."
    )
    prefer: Literal["priority", "fresh"] = Field(
        "priority",
        description="Which value of a field survives: that of the most trusted system, or that of the newest record.",
    )
    fields: dict[str, list[str]] = Field(
        default_factory=dict, description="Customer column: systems from the most to the least trusted for this column."
    )

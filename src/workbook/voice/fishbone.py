"""The fishbone (鱼骨图) of the topic that gathers most, its bones filled with what the data say (V4)."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from workbook.language import Edition, Text, count, display_width, joined, named, share, text
from workbook.report.blocks import Column, Figure, NotMeasured, Table
from workbook.report.figures import MUTED, TEXT, TIER_EDGE, canvas
from workbook.settings.models import Settings
from workbook.tables import Tables
from workbook.voice.causes import Causes, Verdict, told_p
from workbook.voice.excess import excess, held_over_all
from workbook.voice.hotspot_exhibits import SMALL_SAMPLE
from workbook.voice.intervals import share_interval

BONE_NAMES: Mapping[str, Text] = {
    "people": text("voice.bone.people", "People"),
    "process": text("voice.bone.process", "Process"),
    "product": text("voice.bone.product", "Product"),
    "channel": text("voice.bone.channel", "Channel and place"),
    "policy": text("voice.bone.policy", "Policy and systems"),
    "data": text("voice.bone.data", "Data"),
}
CHOSEN: Mapping[Verdict, Text] = {
    "systemic": text("voice.fishbone.systemic", "Drawn for the topic that gathers most at a place."),
    "general": text("voice.fishbone.general", "No systemic cause was found by place: the complaints are spread evenly. "
                    "Drawn all the same for the topic that draws most discontent."),
    "single": text("voice.fishbone.single", "No systemic cause was found by place: these are single cases by the stated test. "
                   "Drawn all the same for the topic that draws most discontent."),
    "open": text("voice.fishbone.open", "No systemic cause was found by place, and none can be ruled out. "
                 "Drawn all the same for the topic that draws most discontent."),
}  # fmt: skip
"""Why the fishbone is drawn for this topic, by what the test of its places says."""

FACTOR_BONES = {
    "employee": "people", "owner": "people", "week": "process", "weekday": "process", "hours": "process",
    "product": "product", "channel": "channel", "store": "channel", "region": "channel",
}  # fmt: skip
CHECK_BONES = (
    ("information.", "data"), ("needs.", "product"), ("value.cross_sell", "product"), ("value.", "policy"),
    ("interaction.silent", "policy"), ("interaction.late_channel", "channel"), ("interaction.", "process"),
    ("service.template", "policy"), ("service.", "process"),
)  # fmt: skip
"""Beginning of a check's id → the bone that its problem belongs to; the first that fits."""

BONE_NEEDS = {
    "people": ("customers.owner",), "process": ("tickets",), "product": ("order_lines",), "channel": ("feedback.channel",),
    "policy": ("customers.tier",), "data": ("customers",),
}  # fmt: skip
MOST_LINES, MOST_WRAPPED = 3, 3
EDGE, SPINE_ENDS = 0.0, 0.845
LINE = 0.08
WORSE_TEXT = "#B34E00"


@dataclass(frozen=True)
class Fishbone:
    """What goes with the complaints of one topic, bone by bone.

    Attributes:
        evidence: one row a place or problem, sorted by bone and p: bone, name (Text), cases (of the discontent customers who
            speak of the topic, those at the place or touched by the problem) of all cases, others of all others (discontent
            customers who speak of something else), p_held (Fisher's exact test, one-sided, Holm over all rows), clear.
        lacking: bone → what to deliver, for the bones that no datum speaks of.
    """

    evidence: pd.DataFrame
    lacking: Mapping[str, tuple[str, ...]]
    causes: Causes

    def figure(self) -> Figure:
        """The fishbone: up to three pieces of evidence a bone, what exceeds chance in orange."""
        cases, rest = self.causes.cases, len(self.causes.customers) - self.causes.cases
        level = self.causes.settings.analysis.confidence
        note = text(
            "voice.fishbone.note",
            "{why} Each line: part of the {cases} customers discontent with the topic, against part of the {rest} discontent "
            "with something else. Orange: more than chance allows ({level} confidence, held over all {n} places and problems); "
            "grey: not clear. It goes with the complaints; whether it causes them is for those who do the work to say.",
            why=CHOSEN[self.causes.verdict], cases=count(cases), rest=count(rest), level=share(level),
            n=count(len(self.evidence)),
        )  # fmt: skip
        alt = text(
            "voice.fishbone.alt", "Fishbone of {topic} with {bones} bones; {clear} of {n} pieces of evidence exceed chance.",
            topic=self.causes.name, bones=count(len(BONE_NAMES)), clear=count(int(self.evidence["clear"].sum())),
            n=count(len(self.evidence)),
        )  # fmt: skip
        return Figure("voice.fishbone", self._title(), self._draw, alt, note, self.table())

    def table(self) -> Table:
        """All evidence, what exceeds chance first."""
        columns = (
            Column("bone", text("voice.fishbone.bone", "Bone"), labels=BONE_NAMES),
            Column("name", text("voice.fishbone.what", "Place or problem")),
            Column("cases", text("voice.fishbone.cases", "Cases"), "count"),
            Column("part", text("voice.fishbone.part", "Of all cases (interval)"), "share", low="low", high="high"),
            Column("others", text("voice.fishbone.others", "Other discontent"), "count"),
            Column("other_part", text("voice.fishbone.other_part", "Of all others (interval)"), "share", low="other_low",
                   high="other_high"),
            Column("p_held", text("voice.fishbone.p", "p, for all rows"), "number", digits=3),
        )  # fmt: skip
        rows = self.evidence.sort_values(["p", "bone"], kind="stable").assign(p_held=lambda r: told_p(r["p_held"]))
        note = text("voice.fishbone.table_note",
                    "{cases} cases, {rest} other discontent customers; intervals for each row alone.",
                    cases=count(self.causes.cases), rest=count(len(self.causes.customers) - self.causes.cases))  # fmt: skip
        return Table("voice.fishbone.evidence", self._title(), columns, rows, note)

    def _title(self) -> Text:
        clear = int(self.evidence["clear"].sum())
        if clear == 0:
            return text("voice.fishbone.none", "{topic}: none of {n} places and problems goes with it clearly",
                        topic=self.causes.name, n=count(len(self.evidence)))  # fmt: skip
        if clear == 1:
            row = self.evidence[self.evidence["clear"]].iloc[0]
            return text("voice.fishbone.one", "{topic}: “{name}” in {part} of cases, {other} of others",
                        topic=self.causes.name, name=row["name"], part=share(float(row["part"]), 0),
                        other=share(float(row["other_part"]), 0))  # fmt: skip
        bones = self.evidence.loc[self.evidence["clear"], "bone"].drop_duplicates()
        return text("voice.fishbone.title", "{topic}: {n} {n:place or problem goes|places or problems go} "
            "with it, under {bones}",
                    topic=self.causes.name, n=count(clear), bones=joined([BONE_NAMES[str(b)] for b in bones]))  # fmt: skip

    def _draw(self, edition: Edition) -> Canvas:
        figure, axes = canvas(height=3.9)
        axes.set_xlim(0, 1)
        axes.set_ylim(-1, 1)
        axes.axis("off")
        axes.plot([EDGE, SPINE_ENDS], [0, 0], color=TIER_EDGE, linewidth=2.2, solid_capstyle="round")
        effect = text("voice.fishbone.effect", "{topic}: {n} discontent customers", topic=self.causes.name,
                      n=count(self.causes.cases)).render(edition)  # fmt: skip
        axes.text(SPINE_ENDS + 0.012, 0, _wrapped(effect, edition, 14, 7, 8), va="center", fontsize=8.5, linespacing=1.45,
                  bbox={"facecolor": "white", "edgecolor": TIER_EDGE, "boxstyle": "round,pad=0.35"})  # fmt: skip
        for place, bone in enumerate(BONE_NAMES):
            self._bone(axes, bone, 0.285 * (place % 3), 1 if place < 3 else -1, edition)
        return figure

    def _bone(self, axes: Axes, bone: str, left: float, way: int, edition: Edition) -> None:
        """One bone from its name at the rim to the spine, its evidence left of it from the name inwards."""
        axes.plot([left + 0.205, left + 0.275], [way * 0.97, 0], color=TIER_EDGE, linewidth=1.2)
        axes.text(left, way * 0.97, BONE_NAMES[bone].render(edition), va="center", fontsize=9, color=TEXT)
        at = way * 0.85 if way > 0 else -0.12
        for line, colour in self._lines(bone, edition):
            axes.text(left, at, line, va="top", fontsize=8, linespacing=1.45, color=colour)
            at -= LINE * (line.count("\n") + 1) + 0.03

    def _lines(self, bone: str, edition: Edition) -> list[tuple[str, str]]:
        """The wrapped words of a bone with their colours."""
        rows = self.evidence[self.evidence["bone"] == bone].head(MOST_LINES)
        if rows.empty:
            lacking = self.lacking.get(bone, ())
            said = text("voice.fishbone.no_data", "no data: deliver {what}", what=", ".join(lacking)) if lacking else text(
                "voice.fishbone.nothing", "no data: too few cases at any place, and no problem found")  # fmt: skip
            return [(_wrapped(said.render(edition), edition, 23, 11), MUTED)]
        return [
            (_wrapped(_said(row, self).render(edition), edition, 23, 11), WORSE_TEXT if row["clear"] else MUTED)
            for _, row in rows.iterrows()
        ]  # fmt: skip


def _said(row: pd.Series, bones: Fishbone) -> Text:
    cases, rest = bones.causes.cases, len(bones.causes.customers) - bones.causes.cases
    if min(cases, rest) < SMALL_SAMPLE:
        return text("voice.fishbone.counts", "{cases} of {all}, others {others} of {rest}: {name}", name=row["name"],
                    cases=count(int(row["cases"])), all=count(cases), others=count(int(row["others"])),
                    rest=count(rest))  # fmt: skip
    return text("voice.fishbone.shares", "{part}, others {other}: {name}", name=row["name"], part=share(float(row["part"]), 0),
                other=share(float(row["other_part"]), 0))  # fmt: skip


def _wrapped(words: str, edition: Edition, english: int, chinese: int, most: int = MOST_WRAPPED) -> str:
    """Words in lines of so many letters or Chinese characters, *most* at most; a client's name may be of any length."""
    if edition.language == "en":
        return textwrap.fill(" ".join(words.split()), english, break_on_hyphens=False, max_lines=most, placeholder="…")
    lines, room = [""], 2 * chinese
    for part in re.findall(r"[!-~]{1,20}|.", " ".join(words.split())):  # figures and Latin words stay whole
        if display_width(lines[-1] + part) > room and part not in "，。：；、）%号":
            lines.append("")
        lines[-1] = (lines[-1] + part).lstrip()
    return "\n".join(lines[:most]) + ("…" if len(lines) > most else "")


def find_bones(
    causes: Causes | NotMeasured, problems: pd.DataFrame, problem_customers: pd.DataFrame, tables: Tables, settings: Settings
) -> Fishbone | NotMeasured:
    """Fill the bones with the places where complaints of a topic gather and the problems that their customers met.

    Args:
        causes: the places of one topic, that which gathers most of all judged.
        problems: the artefact of the same name: check, problem_en, problem_zh.
        problem_customers: the artefact of the same name: problem, customer_id.
        tables: what was delivered.
        settings: sections analysis and voice.

    Returns:
        NotMeasured where the causes are.
    """
    if isinstance(causes, NotMeasured):
        return NotMeasured("voice.fishbone", text("voice.fishbone.measured", "Fishbone of causes"), causes.missing, causes.why)
    met, confidence = causes.customers[["customer_id", "case"]], settings.analysis.confidence
    for check, touched in problem_customers.groupby("problem")["customer_id"]:
        met = met.assign(**{str(check): met["customer_id"].isin(touched).map({True: "met", False: "not"})})
    checks = [str(name) for name in met.columns[2:]]
    found = excess(met, checks, confidence, settings.analysis.small_cell)
    found = found[found["level"] == "met"]
    rows = pd.concat([causes.places, found], ignore_index=True)
    rows["name"] = pd.Series([*causes.names, *_problem_names(found, problems)], dtype=object)
    n, rest = causes.cases, len(causes.customers) - causes.cases
    others = rows["n"] - rows["cases"]
    low, high = share_interval(rows["cases"], [n] * len(rows), confidence)
    other_low, other_high = share_interval(others, [max(rest, 1)] * len(rows), confidence)
    rows = rows.assign(
        bone=[_bone_of(str(factor)) for factor in rows["factor"]], others=others, part=rows["cases"] / n, low=low, high=high,
        other_part=others / max(rest, 1), other_low=other_low, other_high=other_high,
    ).sort_values(["p", "factor", "level"], ignore_index=True)  # fmt: skip
    # the topic was chosen of several: its places are held over all topics too
    rows["p_held"] = np.maximum(held_over_all(rows["p"]), rows["p_held"].where(rows["factor"].isin(FACTOR_BONES), 0.0))
    rows["clear"] = rows["p_held"] <= 1 - confidence
    order = list(BONE_NAMES)
    evidence = rows.sort_values("bone", key=lambda b: b.map(order.index), kind="stable", ignore_index=True)
    lacking = {bone: tables.lacks(*BONE_NEEDS[bone]) for bone in order}
    return Fishbone(evidence, {bone: names for bone, names in lacking.items() if names}, causes)


def _problem_names(found: pd.DataFrame, problems: pd.DataFrame) -> list[Text]:
    known = {row["check"]: named({"en": row["problem_en"], "zh": row["problem_zh"]}) for row in problems.to_dict("records")}
    return [known[check] for check in found["factor"]]


def _bone_of(factor: str) -> str:
    if factor in FACTOR_BONES:
        return FACTOR_BONES[factor]
    return next((bone for begins, bone in CHECK_BONES if factor.startswith(begins)), "process")

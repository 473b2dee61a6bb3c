"""How satisfaction shows: the table of measures, the stacked NPS bar, key figures and the message."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from workbook.language import Edition, Quantity, Text, count, day, joined, named, number, share, text
from workbook.period import Period
from workbook.report.blocks import Answer, Column, Figure, KeyFigure, NotMeasured, Table
from workbook.report.figures import BETTER, ORDINARY, TIER_EDGE, WORSE, canvas
from workbook.settings.models import Settings

INSTRUMENT_NAMES: Mapping[str, Text] = {
    "nps": text("voice.instrument.nps", "NPS (−100 to 100)"),
    "csat": text("voice.instrument.csat", "CSAT (share satisfied)"),
    "ces": text("voice.instrument.ces", "CES (mean score of ease)"),
}
MOST_BARS = 10
WORSE_TEXT = "#B34E00"
"""The house colour of "worse" for letters, dark enough to read."""


def quantity(value: float, unit: str) -> Quantity:
    """A value of a measure, with one decimal."""
    return Quantity(value, "share" if unit == "share" else "score", 1)


def group_name(dimension: str, group: str, settings: Settings) -> Text:
    """What readers call a group of answers: of everyone, a tier, a channel, or a tier in a channel."""
    if dimension == "all":
        return text("voice.group.all", "all answers")
    if dimension == "tier_channel":
        tier, _, channel = group.partition("\x1f")
        return text("voice.group.both", "{tier}, {channel}", tier=group_name("tier", tier, settings),
                    channel=group_name("channel", channel, settings))  # fmt: skip
    if dimension == "tier":
        words = {word.strip().lower(): named(tier.name) for tier in settings.grading.tiers
                 for word in (tier.id, *([tier.name] if isinstance(tier.name, str) else tier.name.values()))}  # fmt: skip
        return words.get(group.strip().lower(), named(group))
    return channel_name(group)


def channel_name(channel: str) -> Text:
    """What readers call a channel; the client's own word where the house has none."""
    names = {
        ("phone", "电话"): text("voice.channel.phone", "phone"),
        ("email", "邮件", "邮箱"): text("voice.channel.email", "e-mail"),
        ("wechat", "微信"): text("voice.channel.wechat", "WeChat"),
        ("web", "网站", "官网"): text("voice.channel.web", "web"),
        ("app",): text("voice.channel.app", "app"),
        ("store", "门店"): text("voice.channel.store", "store"),
        ("sms", "短信"): text("voice.channel.sms", "text message"),
        ("survey", "问卷"): text("voice.channel.survey", "survey"),
    }
    word = channel.strip().lower()
    return next((name for words, name in names.items() if word in words), named(channel))


def satisfaction_table(frame: pd.DataFrame, period: Period, settings: Settings) -> Table:
    """Instrument, group, n, value with interval, and the shares at either end."""
    rows = frame[frame["dimension"].isin(["all", "tier", "channel"]) & ~frame["alike"].astype(bool)].reset_index(drop=True)
    shown = pd.DataFrame(
        {
            "instrument": rows["instrument"],
            "group": [group_name(d, g, settings) for d, g in zip(rows["dimension"], rows["group"], strict=True)],
            "n": rows["n"],
            **{
                name: [quantity(v, u) for v, u in zip(rows[name], rows["unit"], strict=True)]
                for name in ("value",)
            },
            "low": _bounds(rows, "low"),
            "high": _bounds(rows, "high"),
            "best": rows["best"],
            "worst": rows["worst"],
            "beyond_scale": rows["beyond_scale"],
        }
    )  # fmt: skip
    columns = (
        Column("instrument", text("voice.column.instrument", "Measure"), labels=INSTRUMENT_NAMES),
        Column("group", text("voice.column.group", "Group")),
        Column("n", text("voice.column.n", "Answers"), "count"),
        Column("value", text("voice.column.value", "Value (interval)"), low="low", high="high"),
        Column("best", text("voice.column.best", "Promoters or satisfied"), "share"),
        Column("worst", text("voice.column.worst", "Detractors or dissatisfied"), "share"),
        Column("beyond_scale", text("voice.column.beyond", "Outside the scale"), "count"),
    )
    note = text(
        "voice.table.note",
        "Answers given {start} to {end}, weighted where weights were delivered; {level} intervals. Scores outside the scale "
        "count as no answer. CSAT: the two best scores; CES: mean of the scale.",
        start=day(period.start), end=day(period.end), level=share(settings.analysis.confidence),
    )  # fmt: skip
    turned = {str(instrument) for source in settings.sources for instrument in source.low_is_good} & set(rows["instrument"])
    if turned:
        note = text("voice.table.turned",
                    "{note} Delivered with the lowest score as the best, and shown turned round, so that the highest is the "
                    "best: {measures}.", note=note,
                    measures=joined([INSTRUMENT_NAMES[one] for one in INSTRUMENT_NAMES if one in turned]))  # fmt: skip
    return Table("voice.satisfaction", _title(frame), columns, shown, note)


READING_NAMES = {
    "better": text("voice.reading.better", "better"),
    "worse": text("voice.reading.worse", "worse"),
    "unclear": text("voice.reading.unclear", "no clear change"),
}


def change_table(frame: pd.DataFrame, period: Period, settings: Settings) -> Table | NotMeasured:
    """Groups of tier and channel now and in the period before: what has changed, and how surely; clear changes first."""
    rows = frame[(frame["dimension"] != "month") & (frame["reading"] != "none") & ~frame["alike"].astype(bool)]
    if rows.empty:
        why = text("voice.change.none", "No answers of the period before were delivered.")
        return NotMeasured("voice.change", text("voice.change.what", "Change of satisfaction"), why=why)
    place = rows["dimension"].map({"all": 0, "tier": 1, "channel": 2, "tier_channel": 3})
    rows = rows.assign(clear=rows["reading"] == "unclear", place=place)
    rows = rows.sort_values(["clear", "place", "instrument", "group"], ignore_index=True)
    units = rows["unit"].tolist()
    shown = pd.DataFrame(
        {
            "instrument": rows["instrument"],
            "group": [group_name(d, g, settings) for d, g in zip(rows["dimension"], rows["group"], strict=True)],
            "n": rows["n"],
            "value": [quantity(v, u) for v, u in zip(rows["value"], units, strict=True)],
            "before_n": rows["before_n"],
            "before": [quantity(v, u) for v, u in zip(rows["before"], units, strict=True)],
            "change": [_moved(v, u) for v, u in zip(rows["change"], units, strict=True)],
            "change_low": [_moved(v, u) for v, u in zip(rows["change_low"], units, strict=True)],
            "change_high": [_moved(v, u) for v, u in zip(rows["change_high"], units, strict=True)],
            "reading": rows["reading"],
        }
    )
    columns = (
        Column("instrument", text("voice.column.instrument", "Measure"), labels=INSTRUMENT_NAMES),
        Column("group", text("voice.column.group", "Group")),
        Column("n", text("voice.column.n", "Answers"), "count"),
        Column("value", text("voice.column.now", "Now")),
        Column("before_n", text("voice.column.before_n", "Answers before"), "count"),
        Column("before", text("voice.column.before", "Before")),
        Column("change", text("voice.column.change", "Change (interval)"), low="change_low", high="change_high"),
        Column("reading", text("voice.column.reading", "Reading"), labels=READING_NAMES),
    )
    clear = int((rows["reading"] != "unclear").sum())
    title = (
        text("voice.change.some", "Satisfaction changed clearly in {n} of {all} groups", n=count(clear), all=count(len(rows)))
        if clear
        else text("voice.change.unclear", "No clear change of satisfaction, groups compared: {all}", all=count(len(rows)))
    )
    note = text(
        "voice.change.note",
        "Answers of {start} to {end} against the period before, NPS and CES in points, CSAT in percentage points; {level} "
        "intervals, widened for the number of groups compared. Tier × channel from {cell} answers on. A change after a measure "
        "is no effect of it.",
        start=day(period.start), end=day(period.end), level=share(settings.analysis.confidence),
        cell=count(settings.analysis.small_cell),
    )  # fmt: skip
    return Table("voice.change", title, columns, shown, note, rows=20)


def _moved(value: float, unit: str) -> Quantity | None:
    if value != value:
        return None
    return number(100 * value if unit == "share" else value, 1)


def _bounds(rows: pd.DataFrame, name: str) -> list[Quantity | None]:
    return [None if v != v else quantity(v, u) for v, u in zip(rows[name], rows["unit"], strict=True)]


def _title(frame: pd.DataFrame) -> Text:
    whole = {str(row["instrument"]): row for row in frame[frame["dimension"] == "all"].to_dict("records")}
    if "nps" in whole:
        low, high = float(whole["nps"]["low"]), float(whole["nps"]["high"])
        nps = number(float(whole["nps"]["value"]), 1)
        if low > 0:
            return text("voice.title.positive", "More promoters than detractors: NPS {nps}", nps=nps)
        if high < 0:
            return text("voice.title.negative", "More detractors than promoters: NPS {nps}", nps=nps)
        return text("voice.title.unclear", "Neither promoters nor detractors clearly lead: NPS {nps}", nps=nps)
    if "csat" in whole:
        return text("voice.title.csat", "{part} of answers are satisfied", part=share(float(whole["csat"]["value"])))
    return text("voice.title.ces", "Customers rate ease at {ces}", ces=number(float(whole["ces"]["value"]), 1))


def nps_figure(frame: pd.DataFrame, period: Period, settings: Settings) -> Figure | NotMeasured:
    """100% stacked bars of detractors, passives and promoters, the NPS with its interval beside each."""
    rows = frame[(frame["instrument"] == "nps") & frame["dimension"].isin(["all", "tier", "channel"])]
    rows = rows[~rows["alike"].astype(bool)].head(MOST_BARS).reset_index(drop=True)
    if rows.empty:
        why = text("voice.nps.none", "No question on recommendation (0–10) was answered in the period.")
        return NotMeasured("voice.nps", text("voice.nps.what", "NPS"), why=why)

    def draw(edition: Edition) -> Canvas:
        figure, axes = canvas(height=max(2.6, 0.42 * len(rows) + 1.1))
        places, left = np.arange(len(rows)), np.zeros(len(rows))
        for column, colour, ink in (("worst", WORSE, "black"), ("middle", ORDINARY, "black"), ("best", BETTER, "white")):
            width = 100 * rows[column].to_numpy(float)
            axes.barh(places, width, left=left, height=0.62, color=colour, edgecolor=TIER_EDGE, linewidth=0.4)
            for place, start, wide in zip(places.tolist(), left.tolist(), width.tolist(), strict=True):
                if wide >= 7:
                    axes.text(start + wide / 2, place, f"{wide:.0f}%", ha="center", va="center", color=ink, fontsize=8.5)
            left = left + width
        for place, value, low, high, n in zip(
            places.tolist(), rows["value"], rows["low"], rows["high"], rows["n"], strict=True
        ):
            axes.text(102, place, _nps_label(value, low, high, n).render(edition), va="center", fontsize=8.5)
        axes.set_yticks(
            places,
            [group_name(d, g, settings).render(edition) for d, g in zip(rows["dimension"], rows["group"], strict=True)],
        )
        axes.invert_yaxis()
        axes.set_xlim(0, 158)
        axes.set_xticks([])
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        heads = (
            (0, "left", text("voice.nps.detractors", "Detractors (0–6)"), WORSE_TEXT),
            (50, "center", text("voice.nps.passives", "Passives (7–8)"), TIER_EDGE),
            (100, "right", text("voice.nps.promoters", "Promoters (9–10)"), BETTER),
            (102, "left", text("voice.nps.head", "NPS (interval)"), TIER_EDGE),
        )
        for at, align, words, colour in heads:
            axes.text(at, -0.62, words.render(edition), ha=align, va="center", color=colour, fontsize=8.5)
        axes.set_ylim(len(rows) - 0.45, -0.95)
        return figure

    whole = rows.iloc[0]
    return Figure(
        "voice.nps",
        _title(frame),
        draw,
        text("voice.nps.alt", "Stacked bars of detractors, passives and promoters; number of groups: {n}; NPS over all: {nps}.",
             n=count(len(rows)), nps=number(float(whole["value"]), 1)),
        text("voice.nps.note",
             "Shares of answers to the question on recommendation (0–10), weighted where weights were delivered; n = {n}; "
             "{start} to {end}. NPS = promoters less detractors, in points.",
             n=count(int(whole["n"])), start=day(period.start), end=day(period.end)),
    )  # fmt: skip


def _nps_label(value: float, low: float, high: float, n: int) -> Text:
    if low != low:
        return text("voice.nps.label_one", "{nps}, n = {n}", nps=number(value, 0), n=count(n))
    return text("voice.nps.label", "{nps} ({low} to {high}), n = {n}",
                nps=number(value, 0), low=number(low, 0), high=number(high, 0), n=count(n))  # fmt: skip


def satisfaction_key_figures(frame: pd.DataFrame) -> tuple[KeyFigure, ...]:
    """One number an instrument, over the whole period, with its change since the period before where that was delivered."""
    whole = frame[frame["dimension"] == "all"]
    return tuple(
        KeyFigure(
            f"voice.key.{instrument}", INSTRUMENT_NAMES[str(instrument)], quantity(value, unit),
            None if low != low else quantity(low, unit), None if high != high else quantity(high, unit),
            previous=None if before != before else quantity(before, unit), better="higher",
            note=text("voice.key.n", "{n} answers", n=count(n)), rank=35,
            change=None if change_low != change_low else (change_low, change_high),
        )
        for instrument, value, low, high, unit, n, before, change_low, change_high in whole[
            ["instrument", "value", "low", "high", "unit", "n", "before", "change_low", "change_high"]
        ].itertuples(index=False)
    )  # fmt: skip


def satisfaction_answer(frame: pd.DataFrame) -> Answer:
    """The message: heading by sign and interval of the NPS, one sentence an instrument."""
    whole = frame[frame["dimension"] == "all"]
    sentences = tuple(
        text("voice.answer.measure", "{measure}: {value} ({low} to {high}), {n} answers.",
             measure=INSTRUMENT_NAMES[str(instrument)], value=quantity(value, unit), low=quantity(low, unit),
             high=quantity(high, unit), n=count(n))
        for instrument, value, low, high, unit, n in zip(
            whole["instrument"], whole["value"], whole["low"], whole["high"], whole["unit"], whole["n"], strict=True
        )
    )  # fmt: skip
    return Answer("voice.answer", _title(frame), sentences, "complication")

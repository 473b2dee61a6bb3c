"""How the cross-check shows: what goes with which signal, and loud against costly (V5)."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from workbook.language import Edition, Text, count, day, display_width, format_value, money, number, share, text
from workbook.period import Period
from workbook.report.blocks import Column, Figure, NotMeasured, Paragraph, Table
from workbook.report.figures import BETTER, FULL_WIDTH, GRID, MUTED, SILVER, UNCLEAR, WORSE, label_axis
from workbook.settings.models import Settings

SCORE_NAMES = {
    "nps": text("voice.cross.nps", "Detractors (NPS 0–6)"),
    "csat": text("voice.cross.csat", "Dissatisfied (CSAT)"),
    "ces": text("voice.cross.ces", "Much effort (CES)"),
    "review": text("voice.cross.review", "Bad reviews"),
}
SERVICE_NAMES = {
    "late_response": text("voice.cross.late_response", "Late first response"),
    "late_solution": text("voice.cross.late_solution", "Late solution"),
    "reopened": text("voice.cross.reopened", "Solution did not hold"),
    "slow_server": text("voice.cross.slow_server", "Served by somebody slow"),
}
OUTCOME_NAMES = {
    "repeat": text("voice.cross.repeat", "buys again"),
    "renewed": text("voice.cross.renewed", "renews the contract"),
    "returned": text("voice.cross.returned", "returns goods"),
}
READING_NAMES = {
    "worse": text("voice.cross.worse", "worse"),
    "better": text("voice.cross.better", "better"),
    "unclear": text("voice.cross.unclear", "not clear"),
}
MOST_BARS = 10


def score_name(source: str) -> Text:
    """What readers call the bad end of a kind of score."""
    return SCORE_NAMES.get(source, SCORE_NAMES["review"])


def crosscheck_table(rows: pd.DataFrame, few: int, windows: int, settings: Settings, period: Period) -> Table:
    """Signal, outcome, customers, share with and without the signal, difference with interval, reading."""
    columns = (
        Column("name", text("voice.cross.signal", "Signal of the previous period")),
        Column("outcome", text("voice.cross.outcome", "In the period after"), labels=OUTCOME_NAMES),
        Column("n", text("voice.cross.all", "Customers with it, all pairs of periods"), "people"),
        Column("others", text("voice.cross.others", "Customers like them without it"), "people"),
        Column("share", text("voice.cross.share", "With it"), "share", of="n"),
        Column("other_share", text("voice.cross.other_share", "Without it"), "share", of="others"),
        Column("difference", text("voice.cross.difference", "Difference, points (interval)"), "points", low="low", high="high"),
        Column("reading", text("voice.cross.reading", "Reading"), labels=READING_NAMES),
    )
    note = text(
        "voice.cross.note",
        "Signals of {before}, outcomes of {start} to {end}; customers who bought in the year before. Compared within tier, "
        "time as a customer and number of purchases (Mantel–Haenszel; {level} intervals by Sato, for each row alone); reading "
        "held over all {n} rows (Holm). {few} signals touch too few customers. Of scores and service {windows} such pairs of "
        "periods are stacked, of topics the last one alone; a customer may stand in each, and the intervals allow for it. "
        "Differences from {least} to {most} points, by row, would be found in 80% of tries. Somebody slow: clearly late more "
        "often than all, with others. It goes with; it need not cause.",
        before=period.previous.name, start=day(period.start), end=day(period.end), level=share(settings.analysis.confidence),
        n=count(len(rows)), few=count(few), windows=count(windows), least=number(100 * float(rows["least"].min()), 1),
        most=number(100 * float(rows["least"].max()), 1),
    )  # fmt: skip
    return Table("voice.cross", _title(rows), columns, rows, note)


def _title(rows: pd.DataFrame) -> Text:
    clear = rows[rows["reading"] != "unclear"]
    if clear.empty:
        return text("voice.cross.none", "None of {n} comparisons shows a clear difference afterwards", n=count(len(rows)))
    first = clear.iloc[0]
    return text("voice.cross.title", "{signal}: {outcome} in {part}, against {other} of their like", signal=first["name"],
                outcome=OUTCOME_NAMES[str(first["outcome"])], part=share(float(first["share"]), 0),
                other=share(float(first["other_share"]), 0))  # fmt: skip


def loud_and_costly(rows: pd.DataFrame, windows: int, settings: Settings, period: Period) -> Figure | NotMeasured:
    """Two rows of bars side by side: customers with each signal, and the revenue that goes with it, with its interval."""
    # the money of a few customers would tell of them as their number would
    shown = rows[(rows["outcome"] == "repeat") & rows["at_stake"].notna() & (rows["now"] >= settings.analysis.small_cell)]
    shown = (
        shown.assign(n=shown["now"])
        .sort_values(["n", "signal"], ascending=[False, True])
        .head(MOST_BARS)
        .reset_index(drop=True)
    )
    what = text("voice.loud.what", "Loud against costly")
    if shown.empty:
        why = text("voice.loud.none", "No signal could be compared by repeat purchase.")
        return NotMeasured("voice.loud", what, why=why)

    def draw(edition: Edition) -> Canvas:
        figure = Canvas(figsize=(FULL_WIDTH, max(2.6, 0.36 * len(shown) + 1.0)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1, 1.5])
        places = np.arange(len(shown))
        left.barh(places, shown["n"], height=0.6, color=SILVER)
        for place, n in zip(places.tolist(), shown["n"].tolist(), strict=True):
            left.text(n, place, f" {format_value(n, 'people', edition)}", va="center", fontsize=8.5)
        left.set_xlim(0, 1.25 * shown["n"].max())
        left.set_yticks(places, [_wrapped(name.render(edition), edition) for name in shown["name"]], linespacing=1.45)
        left.invert_yaxis()
        left.set_xticks([])
        colours = {"worse": WORSE, "better": BETTER, "unclear": UNCLEAR}
        right.axvline(0, color=MUTED, linewidth=0.9)
        for place, row in zip(places.tolist(), shown.to_dict("records"), strict=True):
            colour = colours[row["reading"]]
            right.plot([row["stake_low"], row["stake_high"]], [place, place], color=colour, linewidth=1.4)
            right.plot(row["at_stake"], place, "o", markersize=6, color=colour,
                       markerfacecolor="white" if row["reading"] == "unclear" else colour)  # fmt: skip
        ends = [min(float(shown["stake_low"].min()), 0.0), max(float(shown["stake_high"].max()), 0.0)]
        right.set_xlim(*ends) if ends[1] > ends[0] else None
        ticks = [tick for tick in right.get_xticks() if ends[0] <= tick <= ends[1]]
        ticks = ticks[:: max(1, -(-len(ticks) // 4))]
        right.set_xticks(ticks, [money(float(tick)).render(edition) if tick else "0" for tick in ticks])
        right.grid(axis="x", color=GRID)
        for axes in (left, right):
            axes.tick_params(length=0)
            axes.spines[["left", "bottom"]].set_visible(False)
        label_axis(left, text("voice.loud.left", "Loud: customers").render(edition))
        label_axis(right, text("voice.loud.right", "Costly: revenue below that of their like").render(edition))
        return figure

    alt = text("voice.loud.alt", "Bars of customers and points of revenue at stake for {n} signals.", n=count(len(shown)))
    note = text(
        "voice.loud.note",
        "Customers with a signal in {before}; revenue of {start} to {end} that would be missing if the lower share of "
        "customers who buy again came from the signal: customers × difference × mean spending of a buyer without it; {level} "
        "intervals of the difference. Hollow: not clear over all comparisons. It shows what is worth finding out, not what "
        "would be won.",
        before=period.previous.name, start=day(period.start), end=day(period.end), level=share(settings.analysis.confidence),
    )  # fmt: skip
    if windows > 1:
        note = text(
            "voice.loud.stacked",
            "{note} The difference comes from all {windows} pairs of periods where it could be known in them; the table of "
            "comparisons counts the customers of all pairs, the bars those of the last one.",
            note=note, windows=count(windows),
        )  # fmt: skip
    return Figure("voice.loud", _loud_title(shown), draw, alt, note, _loud_table(shown))


def _loud_title(shown: pd.DataFrame) -> Text:
    loudest, costly = shown.iloc[0], shown[shown["reading"] == "worse"].sort_values("at_stake", ascending=False)
    if costly.empty:
        return text("voice.loud.unclear", "Loudest: {signal}, {n} customers; none is clearly costly", signal=loudest["name"],
                    n=count(int(loudest["n"])))  # fmt: skip
    first = costly.iloc[0]
    if first["signal"] == loudest["signal"]:
        return text("voice.loud.same", "Loudest and costliest: {signal}, {stake} at stake", signal=first["name"],
                    stake=money(float(first["at_stake"])))  # fmt: skip
    return text("voice.loud.title", "Loudest: {loud}; costliest: {signal}, {stake} at stake", loud=loudest["name"],
                signal=first["name"], stake=money(float(first["at_stake"])))  # fmt: skip


def _loud_table(shown: pd.DataFrame) -> Table:
    columns = (
        Column("name", text("voice.cross.signal", "Signal of the previous period")),
        Column("n", text("voice.loud.n", "Customers with it, last pair of periods"), "people"),
        Column(
            "at_stake", text("voice.loud.stake", "Revenue at stake (interval)"), "money", low="stake_low", high="stake_high"
        ),
        Column("reading", text("voice.cross.reading", "Reading"), labels=READING_NAMES),
    )
    return Table("voice.loud.stakes", _loud_title(shown), columns, shown)


def _wrapped(words: str, edition: Edition) -> str:
    if edition.language == "en":
        return textwrap.fill(words, 26, max_lines=2, placeholder="…")
    return words if display_width(words) <= 26 else "\n".join(textwrap.wrap(words, 13)[:2])


def limits() -> Paragraph:
    """What the comparison cannot say, in words."""
    words = text(
        "voice.cross.limits",
        "Nobody was drawn by lot to meet a late answer: customers who meet one may differ in ways that tier, time as a "
        "customer and purchases do not show, and who is about to leave may complain less or more. A difference says where "
        "money may be lost; a pilot says whether mending it wins it back.",
    )
    return Paragraph("voice.cross.limits", words, "limits")

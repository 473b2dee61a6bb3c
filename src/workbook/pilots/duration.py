"""How long the next pilot must run: from the client's own rhythm of orders and the rate at which customers come (row P1).

For means, proportions and ratios, of single customers or of whole clusters: what each window finds, how many units the
difference asked for takes, and how many days until they are there. See :mod:`workbook.pilots.rhythm` for the figures.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from workbook.language import Edition, Quantity, Text, count, format_value, joined, named, number, points, share, text
from workbook.pilots.design import Assignment, Unplanned
from workbook.pilots.design_clusters import way_of
from workbook.pilots.rhythm import LONGEST, MEASURES, WEEKS, Measure, Window, windows_of
from workbook.pilots.season import Season, read_season
from workbook.report.blocks import Block, Column, Figure, NotMeasured, Table
from workbook.report.figures import CATEGORIES, FULL_WIDTH, MUTED, canvas, label_axis
from workbook.settings.models import Settings
from workbook.tables import Tables

DAYS_TO_START = 14
"""Days after the period before which no pilot starts."""

DATED = 0.9
"""Share of the customers whose record has a day of creation, from which on these days say how many come."""

_WHAT = text("pilots.duration.none", "How long the next pilot must run")

NAMES: Mapping[Measure, Text] = {
    "revenue": text("pilots.duration.revenue", "Revenue a customer"),
    "buyers": text("pilots.duration.buyers", "Share that buys"),
    "average_order": text("pilots.power.average_order", "Revenue over orders (ratio)"),
}
"""The metrics, as readers see them."""


@dataclass(frozen=True)
class Duration:
    """How long the next pilot must run.

    Attributes:
        windows: by metric and length.
        drawn: customers of the draw; ``a_week`` more come who would take part, NaN where that is not known.
        clusters: clusters of the draw; None where single customers are drawn.
        season: what the months of the history say of the planned window.
        settings: the parameters.
    """

    windows: tuple[Window, ...]
    drawn: int
    a_week: float
    clusters: int | None
    season: Season
    settings: Settings

    def of(self, measure: Measure) -> tuple[Window, ...]:
        """The windows of one metric, by length."""
        return tuple(window for window in self.windows if window.measure == measure)

    def best(self, measure: Measure = "revenue") -> Window | None:
        """The window with which the difference asked for is found soonest; None where none does within a year."""
        return soonest(self.of(measure))

    @property
    def first(self) -> Measure:
        """The metric of the title: revenue a customer, where it can be told."""
        return self.windows[0].measure

    def table(self) -> Table:
        """A row a metric and window: level, what is found, units needed and days in all."""
        rows: list[dict[str, object]] = [
            {
                "metric": NAMES[window.measure],
                "days": text("pilots.duration.days", "{n} days", n=count(window.days)),
                "level": _amount(window.measure, window.level, level=True),
                "found": _amount(window.measure, window.found),
                "relative": window.found / window.level,
                "needed": window.needed or None,
                "total": self._total(window),
            }
            for window in self.windows
        ]
        needed = (
            Column("needed", text("pilots.duration.head.needed", "Customers needed"), "people")
            if self.clusters is None
            else Column("needed", text("pilots.duration.head.needed_clusters", "Clusters needed"), "number")
        )
        columns = (
            Column("metric", text("pilots.head.metric", "Metric")),
            Column("days", text("pilots.duration.head.days", "Orders counted over")),
            Column("level", text("pilots.duration.head.level", "Level in that time"), "number"),
            Column("found", text("pilots.head.detectable", "Smallest difference found"), "number"),
            Column("relative", text("pilots.head.relative", "As a share of the level"), "share", digits=0),
            needed,
            Column("total", text("pilots.duration.head.total", "Days in all"), "number"),
        )
        return Table("pilots.duration", self.title(), columns, pd.DataFrame(rows, dtype=object), self._note())

    def title(self) -> Text:
        """Days that the difference asked for takes, or how much is found within a year."""
        best, name = self.best(self.first), NAMES[self.first]
        if best is not None:
            return text(
                "pilots.duration.title",
                "{metric}: to find a difference of {margin} the next pilot needs {days} days",
                metric=name,
                margin=share(self.settings.next_pilot.margin, 0),
                days=count(best.total or 0),
            )
        found = [window.found / window.level for window in self.of(self.first) if math.isfinite(window.found)]
        if not found:
            return text("pilots.duration.title_few", "{metric}: those drawn are too few to find any difference", metric=name)
        return text(
            "pilots.duration.title_none",
            "{metric}: within a year only differences from {found} on can be found",
            metric=name,
            found=share(min(found), 0),
        )

    def figure(self) -> Figure:
        """The smallest difference found by those drawn, as a share of the level, against the days of the window."""
        told = [measure for measure in MEASURES if any(math.isfinite(window.found) for window in self.of(measure))]
        margin = self.settings.next_pilot.margin

        def draw(edition: Edition) -> Canvas:
            picture, axes = canvas(FULL_WIDTH, 2.6)
            ends = []
            for place, measure in enumerate(told):
                windows = [window for window in self.of(measure) if math.isfinite(window.found)]
                days, parts = [window.days for window in windows], [window.found / window.level for window in windows]
                axes.plot(days, parts, color=CATEGORIES[place], marker="os^"[place])
                ends.append((parts[-1], days[-1], place, NAMES[measure].render(edition)))
            top = max(margin, *(window.found / window.level for window in self.windows if math.isfinite(window.found))) * 1.15
            axes.set_ylim(0, top)
            last = max(window.days for window in self.windows)
            axes.set_xlim(0, last * 1.55)
            axes.plot([0, last], [margin, margin], color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
            for height, (value, day, place, name) in zip(
                _apart([e[0] for e in sorted(ends)], top / 9), sorted(ends), strict=True
            ):
                words = f"{name} {format_value(value, 'share', edition, 0)}"
                axes.annotate(words, (day, value), (last * 1.05, height), va="center", fontsize=8.5, color=CATEGORIES[place])
            axes.xaxis.set_major_locator(FixedLocator(sorted({window.days for window in self.windows})))
            axes.yaxis.set_major_locator(MaxNLocator(4))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda x, _: format_value(x, "share", edition, 0)))
            axes.set_xlabel(text("pilots.duration.axis_days", "Days over which orders are counted").render(edition))
            label_axis(axes, text("pilots.duration.axis", "Smallest difference found, share of the level").render(edition))
            return picture

        alt = text(
            "pilots.duration.alt",
            "Lines: smallest difference that those drawn find against the days of the window, for {metrics}. {title}.",
            metrics=joined([NAMES[measure] for measure in told]),
            title=self.title(),
        )
        note = text(
            "pilots.duration.figure_note",
            "With those drawn, none added. Dashed: the difference asked for, {margin} of the level. Where a line stays above "
            "it, more of them are needed; power {power}.",
            margin=share(margin, 0),
            power=share(self.settings.next_pilot.power, 0),
        )
        return Figure("pilots.duration.figure", self._figure_title(), draw, alt, note)

    def blocks(self) -> tuple[Block, ...]:
        """The table, its picture where there is more than one window, and what the season says."""
        finite = [window for window in self.windows if math.isfinite(window.found)]
        picture = (self.figure(),) if len({window.days for window in finite}) > 1 else ()
        return (self.table(), *picture, self.season.paragraph())

    def _figure_title(self) -> Text:
        told = [window for window in self.windows if math.isfinite(window.found)]
        best = min(told, key=lambda window: window.found / window.level)
        return text(
            "pilots.duration.figure_title",
            "{metric} over {days} days: those drawn find {found} of the level at best",
            found=share(best.found / best.level, 0),
            metric=NAMES[best.measure],
            days=count(best.days),
        )

    def _total(self, window: Window) -> Quantity | Text:
        if window.total is not None:
            return count(window.total)
        if self.clusters is not None:
            return text("pilots.duration.too_few", "too few clusters")
        return text("pilots.duration.long", "over a year") if window.needed else text("pilots.duration.not_at_all", "never")

    def _note(self) -> Text:
        pilot = self.settings.next_pilot
        wanted = text(
            "pilots.duration.wanted",
            "Needed: for a difference of {margin} of the level, power {power}, confidence {level}.",
            margin=share(pilot.margin, 0),
            power=share(pilot.power, 0),
            level=share(self.settings.analysis.confidence, 0),
        )
        if self.clusters is not None:
            return text(
                "pilots.duration.note_clusters",
                "From the orders of the {n} customers in the {clusters} clusters drawn {way}, in the year before; each cluster "
                "counts once (Student's t on their means). {wanted} More days bring no more clusters: days in all is the "
                "window with which those drawn are enough.",
                n=count(self.drawn),
                clusters=count(self.clusters),
                way=way_of(str(pilot.cluster)),
                wanted=wanted,
            )
        scatters = [window.scatter for window in self.of(self.first) if math.isfinite(window.scatter)]
        return text(
            "pilots.duration.note",
            "From the orders of those drawn ({n}) in the year before. {wanted} Days in all: until so many are there ({pace}), "
            "and the window. Orders a customer scatter {low} to {high} times as much as "
            "by chance alone (variance over mean, shortest to longest window).",
            n=count(self.drawn),
            wanted=wanted,
            pace=text("pilots.duration.pace_unknown", "how many come is not known, so none is counted")
            if math.isnan(self.a_week)
            else text("pilots.duration.pace", "{rate} new ones a week who would take part", rate=number(self.a_week, 1)),
            low=number(scatters[0], 1),
            high=number(scatters[-1], 1),
        )


def soonest(windows: tuple[Window, ...]) -> Window | None:
    """The window that ends first; None where none ends within a year."""
    told = [window for window in windows if window.total is not None]
    return min(told, key=lambda window: (window.total or 0, window.days), default=None)


def plan_duration(
    tables: Tables, draw: Assignment, profile: pd.DataFrame, settings: Settings
) -> Duration | Unplanned | NotMeasured:
    """Days that the next pilot needs, from the orders of those who were drawn.

    Args:
        profile: one row a customer: of those who come, as large a share would take part as of those who are there.

    Returns:
        Unplanned where nobody was drawn; NotMeasured where no orders were delivered, or they reach back too short for the
        shortest window.
    """
    if draw.reason is not None or draw.frame.empty:
        return Unplanned(pd.DataFrame(), _WHAT)
    missing = tables.lacks("orders.customer_id", "orders.amount")
    if missing or tables.first_order is None:
        return NotMeasured("pilots.duration", _WHAT, missing or ("orders.ordered_at",))
    end = tables.period.end
    weeks = min(52, ((end - tables.first_order.date()).days + 1) // 7)
    if weeks < WEEKS[0]:
        why = text("pilots.duration.short", "The orders reach back less than {n} weeks.", n=count(WEEKS[0]))
        return NotMeasured("pilots.duration", _WHAT, why=why)
    a_week = _arrivals(tables, profile, weeks) * (len(draw.frame) + draw.beyond) / len(profile)
    windows = windows_of(tables, draw, 0.0 if math.isnan(a_week) else a_week, weeks, settings)
    if not windows:
        why = text("pilots.duration.silent", "Nobody who was drawn bought anything in the year before.")
        return NotMeasured("pilots.duration", _WHAT, why=why)
    main = tuple(window for window in windows if window.measure == windows[0].measure)
    best = soonest(main)
    longest = best.total or LONGEST if best else main[-1].days
    first = end + dt.timedelta(days=DAYS_TO_START)
    season = read_season(tables, settings, named(settings.next_pilot.name), first, first + dt.timedelta(days=longest - 1))
    clusters = None if draw.drawn_clusters is None else len(draw.drawn_clusters)
    return Duration(windows, len(draw.frame), a_week, clusters, season, settings)


def _amount(measure: Measure, value: float, *, level: bool = False) -> Quantity | Text:
    if math.isnan(value):
        return text("pilots.duration.not_found", "none")
    if measure == "buyers":
        return share(value, 1) if level else points(value)
    return Quantity(value, "money")


def _apart(heights: list[float], least: float) -> list[float]:
    """Rising heights moved up so far that none lies within *least* of the one below."""
    found: list[float] = []
    for height in heights:
        found.append(max(height, found[-1] + least) if found else max(height, least / 2))
    return found


def _arrivals(tables: Tables, profile: pd.DataFrame, weeks: int) -> float:
    """Customers a week who came in the stretch: by the day of their record, where nearly all have one, else by first order.

    NaN where neither reaches back twice the stretch: in records that begin with it, everybody seems to be new.
    """
    days = 7 * weeks
    created = pd.to_datetime(profile["created_at"]) if "created_at" in profile.columns else pd.Series(dtype="datetime64[ns]")
    if len(profile) and created.notna().sum() >= DATED * len(profile):
        age = (pd.Timestamp(tables.period.end) - created).dt.days
        if age.max() >= 2 * days:
            return float(((age >= 0) & (age < days)).sum()) / weeks
    row = tables.sql(
        """select count(*) filter (where first > cast($end as date) - $days * interval 1 day) as new
           from (select min(cast(ordered_at as date)) as first from orders
                 where customer_id is not null group by customer_id)""",
        days=days,
    )
    since = tables.first_order.date() if tables.first_order else tables.period.end
    return float(row["new"].iloc[0]) / weeks if (tables.period.end - since).days >= 2 * days else math.nan

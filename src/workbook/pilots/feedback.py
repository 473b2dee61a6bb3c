"""What the customers of a pilot said and scored while it ran, those with the measure beside the control (row P6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbook.language import Quantity, Text, Unit, count, day, named, number, points, share, text
from workbook.pilots.checks import Checks
from workbook.pilots.clusters import FEWEST_CLUSTERS, cluster_values
from workbook.pilots.comparison import Difference, compare_means, compare_proportions
from workbook.pilots.looks import last_day
from workbook.pilots.samples import tally_units
from workbook.pilots.units import arm_name, current, in_two_arms, newest_first, read_units
from workbook.report.blocks import Block, Column, NotMeasured, Paragraph, Table
from workbook.settings.models import Pilot, Settings
from workbook.tables import Tables

MOST_TOPICS = 3
"""Topics of comments that are compared: those named by most customers of the pilot."""

SCORES: Mapping[str, tuple[Text, Unit]] = {
    "nps": (text("pilots.feedback.nps", "Net promoter score"), "number"),
    "csat": (text("pilots.feedback.csat", "Satisfied (two best scores)"), "share"),
    "ces": (text("pilots.feedback.ces", "Ease (mean score)"), "number"),
    "review": (text("pilots.feedback.review", "Reviews (mean score)"), "number"),
}
"""Instrument → what is compared: of the mean answer of each customer."""

ANSWERED = text("pilots.feedback.answered", "Gave feedback")
DISCONTENT = text("pilots.feedback.discontent", "Wrote something discontented")


@dataclass(frozen=True)
class Said:
    """One comparison of one arm with the control; ``lower`` says that less is better, None that neither is."""

    name: Text
    unit: Unit
    arm: str
    found: Difference
    lower: bool | None

    @property
    def side(self) -> int:
        """1 where the arm is clearly above the control, -1 clearly below, 0 where it is not clear."""
        low, high = self.found.low, self.found.high
        if low is None or high is None or low <= 0 <= high:
            return 0
        return 1 if low > 0 else -1

    def words(self) -> Text:
        """The reading."""
        if not self.side:
            return text("pilots.feedback.unclear", "no clear difference")
        if self.lower is None:
            return _MORE if self.side > 0 else _LESS
        return _BETTER if (self.side > 0) != self.lower else _WORSE


_MORE, _LESS = text("pilots.feedback.more", "more often"), text("pilots.feedback.less", "less often")
_BETTER, _WORSE = (
    text("pilots.feedback.better", "better with the measure"),
    text("pilots.feedback.worse", "worse with the measure"),
)


@dataclass(frozen=True)
class Heard:
    """The feedback of one pilot.

    Attributes:
        said: who answered, what they scored, what they wrote about; the first is who answered, arm by arm.
        open: whether the arms may be compared: it was randomised and no check is red.
        thin: comparisons left out because an arm had too few customers who answered.
    """

    pilot: Pilot
    said: tuple[Said, ...]
    open: bool
    thin: int


@dataclass(frozen=True)
class Feedback:
    """What was heard from the customers of the period's pilots.

    Attributes:
        heard: a pilot each.
        missing: what was not delivered.
        settings: the parameters.
        end: the last day that counts.
    """

    heard: tuple[Heard, ...]
    missing: tuple[str, ...]
    settings: Settings
    end: pd.Timestamp

    @property
    def frame(self) -> pd.DataFrame:
        """Columns pilot, what, arm, n_control, n_arm, control, treated, effect, low, high; effect and interval only where the
        arms may be compared."""
        rows = []
        for heard in self.heard:
            for one in heard.said:
                d = one.found
                kept = (d.effect, d.low, d.high) if heard.open else (None, None, None)
                rows.append((heard.pilot.id, one.name.id, one.arm, d.n_control, d.n_treated, d.control, d.treated, *kept))
        names = ["pilot", "what", "arm", "n_control", "n_arm", "control", "treated", "effect", "low", "high"]
        return pd.DataFrame(rows, columns=names)

    def blocks(self) -> tuple[Block, ...]:
        """A table a pilot, and what was changed because of it; a note where nothing was heard."""
        blocks: list[Block] = []
        for heard in self.heard:
            if heard.said:
                blocks.append(self._table(heard))
            blocks += [block for on, block in _changes(heard.pilot) if on <= self.end.date()]
        if any(heard.said for heard in self.heard):
            return tuple(blocks)
        what = text("pilots.feedback.none", "Feedback of the customers in a pilot")
        why = None if self.missing else text("pilots.feedback.nobody", "No customer of a pilot gave feedback while it ran.")
        return (NotMeasured("pilots.feedback", what, self.missing, why), *blocks)

    def _table(self, heard: Heard) -> Table:
        pilot, several = heard.pilot, len(heard.pilot.arms) > 2
        rows: list[dict[str, object]] = []
        for one in heard.said:
            d = one.found
            rows.append(
                {
                    "what": one.name,
                    "arm": arm_name(one.arm),
                    "n": text("pilots.n", "{control} / {arm}", control=count(d.n_control), arm=count(d.n_treated)),
                    "control": _level(one.unit, d.control),
                    "treated": _level(one.unit, d.treated),
                    "effect": _apart(one.unit, d.effect) if heard.open else named("–"),
                    "low": _bare(one.unit, d.low) if heard.open and d.low is not None else None,
                    "high": _bare(one.unit, d.high) if heard.open and d.high is not None else None,
                    "words": one.words() if heard.open else _CLOSED,
                }
            )
        columns = (
            Column("what", text("pilots.feedback.head.what", "Said or scored")),
            *((Column("arm", text("pilots.head.arm", "Arm")),) if several else ()),
            Column("n", text("pilots.head.n", "n (control / arm)"), "number"),
            Column("control", text("pilots.head.control", "Control"), "number"),
            Column("treated", text("pilots.head.treated", "With measure"), "number"),
            Column("effect", text("pilots.head.effect", "Difference (interval)"), "number", low="low", high="high"),
            Column("words", text("pilots.head.reading", "Reading")),
        )
        frame = pd.DataFrame(rows, dtype=object)
        return Table(f"pilots.feedback.{pilot.id}", _title(heard), columns, frame, self._note(heard), rows=len(rows))

    def _note(self, heard: Heard) -> Text:
        note = text(
            "pilots.feedback.note",
            "Feedback from {first} to {last}, each customer counted once by the mean of the answers; {level} interval of each "
            "comparison by itself. Who answers chooses to: only where as many answer in both arms is what they say "
            "comparable. It never decides.",
            first=day(heard.pilot.starts),
            last=day(min(last_day(heard.pilot), self.end.date())),
            level=share(self.settings.analysis.confidence),
        )
        if not heard.thin:
            return note
        return text(
            "pilots.feedback.thin",
            "{note} Left out, with fewer than {least} customers in an arm: {n} {n:comparison|comparisons}.",
            note=note,
            least=count(_least(heard.pilot, self.settings)),
            n=count(heard.thin),
        )


_CLOSED = text("pilots.feedback.closed", "not comparable")


def hear_participants(
    tables: Tables, settings: Settings, checks: Checks, comments: Sequence[object] = (), topics: object = None
) -> Feedback:
    """What customers of each pilot of the period said and scored while it ran, arm beside control.

    Args:
        tables: assignments with customer_id; feedback with customer_id, given_at, instrument and score.
        checks: of :func:`workbook.pilots.checks.check_pilots`; arms behind a red gate are not compared.
        comments: artefacts ``comments`` of this period and the one before; what is no frame is passed over.
        topics: the artefact ``topics``, which names them; anything but a frame: topics are not compared.
    """
    missing = tables.lacks("feedback.customer_id", "feedback.score", "assignments.customer_id")
    frames = [frame for frame in comments if isinstance(frame, pd.DataFrame)]
    written = pd.concat(frames).drop_duplicates(["source", "comment_id"]) if frames else None
    heard = []
    for pilot in current([p for p in newest_first(settings) if p.starts <= tables.period.end], tables.period):
        scored, texts = _scores(tables, pilot), _written(written, pilot, tables)
        open_ = pilot.randomised and not checks.failed(pilot.id)
        if scored.empty and texts.empty:  # then the units, which may be many, need not be read
            if len(tally_units(tables, pilot)):
                heard.append(Heard(pilot, (), open_, 0))
            continue
        units = read_units(tables, pilot)
        units = units[~in_two_arms(units) & units["customer_id"].notna() & units["arm"].isin(list(pilot.arms))]
        if units.empty:
            continue
        said, thin = _compared(pilot, units, scored, texts, topics, settings)
        heard.append(Heard(pilot, said, open_, thin))
    return Feedback(tuple(heard), missing, settings, pd.Timestamp(tables.period.end))


def _scores(tables: Tables, pilot: Pilot) -> pd.DataFrame:
    """Mean answer of each customer by instrument (customer_id, instrument, value); a score outside its scale is no answer."""
    return tables.sql(
        """with asked as (
               select customer_id, lower(trim(instrument)) as instrument, score,
                      coalesce(scale_max, case lower(trim(instrument)) when 'nps' then 10 when 'ces' then 7 else 5 end) as best
               from feedback where customer_id is not null and score is not null
                    and cast(given_at as date) between $first_day and least($last_day, cast($end as date))
                    and customer_id in (select customer_id from assignments where pilot = $name))
           select customer_id, instrument,
                  avg(case instrument when 'nps' then case when score >= 9 then 100.0 when score <= 6 then -100.0 else 0 end
                                      when 'csat' then case when score >= best - 1 then 1.0 else 0 end
                                      else score end) as value
           from asked where instrument in ('nps', 'csat', 'ces', 'review')
                and score between case instrument when 'nps' then 0 else 1 end and best
           group by 1, 2 order by 1, 2""",
        name=pilot.id,
        first_day=pilot.starts,
        last_day=last_day(pilot),
    )


def _written(written: pd.DataFrame | None, pilot: Pilot, tables: Tables) -> pd.DataFrame:
    """The comments of the pilot's days: customer_id, topic, discontent (1 or 0; missing where the mood is unclear)."""
    if written is None or written.empty:
        return pd.DataFrame({"customer_id": [], "topic": [], "discontent": []})
    on = pd.to_datetime(written["given_at"]).dt.date
    kept = written[(on >= pilot.starts) & (on <= min(last_day(pilot), tables.period.end)) & written["customer_id"].notna()]
    mood = kept["mood"].map({"discontent": 1.0, "content": 0.0})
    return pd.DataFrame({"customer_id": kept["customer_id"], "topic": kept["topic"], "discontent": mood})


def _compared(
    pilot: Pilot, units: pd.DataFrame, scored: pd.DataFrame, texts: pd.DataFrame, topics: object, settings: Settings
) -> tuple[tuple[Said, ...], int]:
    """Every comparison that enough customers of both arms carry, and how many were left out."""
    heard = set(scored["customer_id"]) | set(texts["customer_id"])
    if not heard & set(units["customer_id"]):
        return (), 0
    everyone = units["customer_id"].isin(heard).astype(float).set_axis(units["customer_id"])
    sides: list[tuple[Text, Unit, pd.Series, bool | None]] = [(ANSWERED, "share", everyone, None)]
    for instrument, (name, unit) in SCORES.items():
        values = scored[scored["instrument"] == instrument].set_index("customer_id")["value"]
        sides.append((name, unit, values, False))
    writers = texts.groupby("customer_id", sort=True)
    sides.append((DISCONTENT, "share", writers["discontent"].max().dropna(), True))
    if isinstance(topics, pd.DataFrame) and len(texts):
        inside = texts[
            texts["customer_id"].isin(units["customer_id"]) & texts["topic"].isin(topics["topic"]) & (texts["topic"] != "other")
        ]
        names = topics.set_index("topic")[["name_en", "name_zh"]]
        often = inside.groupby("topic")["customer_id"].nunique().sort_values(ascending=False, kind="stable").index[:MOST_TOPICS]
        for topic in often:
            wrote = texts["topic"].eq(topic).groupby(texts["customer_id"], sort=True).max().astype(float)
            label = named({"en": names.loc[topic, "name_en"], "zh": names.loc[topic, "name_zh"]})
            sides.append((text("pilots.feedback.topic", "Wrote about: {topic}", topic=label), "share", wrote, None))
    said: list[Said] = []
    thin = 0
    control, *arms = pilot.arms
    for name, unit, values, lower in sides:
        known = units.assign(value=units["customer_id"].map(values)).dropna(subset=["value"])
        if known.empty:
            continue
        for arm in arms:
            found = _difference(pilot, known, control, arm, unit, settings)
            if found is None:
                thin += 1
            else:
                said.append(Said(name, unit, arm, found, lower))
    return tuple(said), thin


def _difference(pilot: Pilot, known: pd.DataFrame, control: str, arm: str, unit: Unit, settings: Settings) -> Difference | None:
    """Arm less control over customers, or over the means of clusters where clusters were drawn; None where too few answered."""
    rows = cluster_values(known) if pilot.unit == "cluster" else known
    base, other = (rows.loc[rows["arm"] == name, "value"].to_numpy(float) for name in (control, arm))
    if min(len(base), len(other)) < _least(pilot, settings):
        return None
    confidence = settings.analysis.confidence
    if unit == "share" and pilot.unit == "customer" and set(known["value"]) <= {0.0, 1.0}:
        return compare_proportions(base, other, confidence)
    return compare_means(base, other, confidence)


def _least(pilot: Pilot, settings: Settings) -> int:
    return FEWEST_CLUSTERS if pilot.unit == "cluster" else max(2, settings.analysis.small_cell)


def _title(heard: Heard) -> Text:
    pilot, all_ = named(heard.pilot.name), len(heard.said)
    if not heard.open:
        return text("pilots.feedback.title_closed", "{pilot}: feedback of the arms cannot be compared", pilot=pilot)
    clear = sum(one.side != 0 for one in heard.said)
    words: dict[str, Text | Quantity] = {"pilot": pilot, "n": count(clear), "all": count(all_)}
    if clear:
        return text("pilots.feedback.title", "{pilot}: feedback differs in {n} of {all} comparisons", **words)
    return text("pilots.feedback.title_none", "{pilot}: no clear difference in feedback ({all} comparisons)", **words)


def _changes(pilot: Pilot) -> list[tuple[dt.date, Block]]:
    """What was changed because of the feedback, as the settings tell it, with its day."""
    return [
        (
            change.on,
            Paragraph(
                f"pilots.change.{pilot.id}.{place}",
                text(
                    "pilots.feedback.change",
                    "{pilot}, changed on {day}: {what}.",
                    pilot=named(pilot.name),
                    day=day(change.on),
                    what=named(change.what),
                ),
            ),
        )
        for place, change in enumerate(pilot.changes, 1)
    ]


def _level(unit: Unit, value: float) -> Quantity:
    return share(value, 1) if unit == "share" else number(value, 1)


def _apart(unit: Unit, value: float) -> Quantity:
    return points(value) if unit == "share" else number(value, 1)


def _bare(unit: Unit, value: float) -> Quantity:
    return number(100 * value if unit == "share" else value, 1)

"""Who moved between tiers since the period before, and why: behaviour, scales frozen anew, changed settings; row T8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbook.errors import SettingsError
from workbook.grading.composite import benchmark_thresholds, total_score, weigh_groups
from workbook.grading.facts import Told, told_values
from workbook.grading.indices import score_indices
from workbook.grading.policy import CAUSES, Past, Policy
from workbook.grading.scale import freeze
from workbook.grading.tiers import held_tiers, places_of, thresholds
from workbook.language import Quantity, Text, count, named, share, text
from workbook.period import Period
from workbook.report.blocks import Block, Column, KeyFigure, Paragraph, Table
from workbook.settings.models import Tier

FEW = 30
"""Below this many customers counts are told instead of shares."""

MOST_CELLS = 20
"""Most moves from tier to tier that are shown; four tiers have twelve."""

Tiers = NDArray[np.object_]

STEPS = {
    "behaviour": text("grading.moves.behaviour", "What customers did"),
    "told": text("grading.moves.told", "Facts told by events and appeals"),
    "scales": text("grading.moves.scales", "Scales frozen anew"),
    "settings": text("grading.moves.settings", "Changed settings"),
    "rules": text("grading.moves.rules", "Rules and overrides"),
    "policy": text("grading.moves.both", "Behaviour and changed settings together"),
    "several": text("grading.moves.several", "Several causes together"),
    "all": text("grading.moves.all", "All moves, with the buffer"),
    "free": text("grading.moves.free", "Moves by score, without a buffer"),
}


@dataclass(frozen=True, eq=False)
class Moves:
    """Moves since the period before, of the customers graded in both.

    Attributes:
        frame: step (see STEPS), up, down, share (of customers graded in both).
        cells: before, after (tier ids), customers and beside them how many each cause moved, ``several`` where it took more
            than one; only who is in another tier now, the largest moves first.
        n: customers graded in both periods.
        held: customers whose score asks for another tier than the one that the buffer holds.
        policy: the policy of this period.
        past: how the period before was graded.
        tiers: the tiers of the settings.
    """

    frame: pd.DataFrame
    cells: pd.DataFrame
    n: int
    held: int
    policy: Policy
    past: Past
    tiers: Sequence[Tier]

    def share(self, step: str) -> float:
        """The share of customers that a step moved."""
        return float(self.frame.loc[self.frame["step"] == step, "share"].iloc[0])

    def table(self) -> Table:
        """Moves by cause, all moves, and what they would have been without a buffer."""
        columns = (
            Column("step", text("grading.moves.step", "Cause"), labels=STEPS),
            Column("up", text("grading.moves.up", "Rose"), "count"),
            Column("down", text("grading.moves.down", "Fell"), "count"),
            Column("share", text("grading.moves.share", "Share of customers"), "share"),
        )
        buffer = self.policy.settings.buffer
        note = text(
            "grading.moves.note",
            "Customers whose tier each cause moved, one after the other; n = {n} customers graded in {before} too, all counted."
            " Buffer: a tier changes at once where the score lies {points} points beyond a threshold, else after {periods}"
            " periods running; it holds {held} customers.",
            n=count(self.n),
            before=self.past.period,
            points=Quantity(buffer.points, "number"),
            periods=count(buffer.periods),
            held=count(self.held),
        )
        return Table("grading.moves", self._title(), columns, self.frame, note, rows=len(self.frame))

    def cells_table(self) -> Table:
        """Each move from tier to tier with the customers whom each cause moved."""
        causes = [str(name) for name in self.cells.columns[3:]]
        names = {tier.id: named(tier.name) for tier in self.tiers}
        columns = (
            Column("before", text("grading.cells.before", "Tier in {period}", period=self.past.period), labels=names),
            Column("after", text("grading.cells.after", "Tier now"), labels=names),
            Column("customers", text("grading.column.customers", "Customers"), "people"),
            *(Column(cause, STEPS[cause], "people") for cause in causes),
        )
        sums, moved = self.cells[causes].sum(), int(self.cells["customers"].sum())
        first = str(sums.idxmax())
        part = count(int(sums[first])) if moved < FEW else share(float(sums[first]) / moved)
        title = text("grading.cells.title", "{cause}: {part} of {moved} moves between tiers",
                     cause=STEPS[first], part=part, moved=count(moved))  # fmt: skip
        if sums[first] == moved:
            title = text("grading.cells.one", "{moved} {moved:move|moves} between tiers, one cause: {cause}",
                         cause=STEPS[first], moved=count(moved))  # fmt: skip
        note = text(
            "grading.cells.note",
            "The moves of the migration matrix one by one, the largest first, split by cause; n = {n} customers graded in both"
            " periods, all counted, {moved} of them in another tier now.",
            n=count(self.n),
            moved=count(moved),
        )
        return Table("grading.moves_cells", title, columns, self.cells, note, rows=min(len(self.cells), MOST_CELLS))

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """Share of customers whose tier changed."""
        if self.n < FEW:
            return ()
        label = text("grading.moves.key", "Customers whose tier changed")
        note = text(
            "grading.moves.key_note", "{free} by score alone; the rest holds the buffer; n = {n}",
            free=share(self.share("free")), n=count(self.n),
        )  # fmt: skip
        return (KeyFigure("grading.moved", label, share(self.share("all")), note=note, rank=28),)

    def blocks(self) -> tuple[Block, ...]:
        """What moved customers: in all, move by move where anybody moved, and as a key figure."""
        return (self.table(), *((self.cells_table(),) if len(self.cells) else ()), *self.key_figures())

    def _title(self) -> Text:
        moves = self.frame.set_index("step")[["up", "down"]].sum(axis=1)
        moved, free = int(moves["all"]), int(moves["free"])
        if self.n < FEW:
            return text(
                "grading.moves.few",
                "{moved} of {n} customers changed tier; by score alone it would be {free}",
                moved=count(moved),
                n=count(self.n),
                free=count(free),
            )
        return text(
            "grading.moves.title",
            "{moved} of customers changed tier; by score alone it would be {free}",
            moved=share(moved / self.n),
            free=share(free / self.n),
        )


def policy_words(policy: Policy) -> Paragraph:
    """Number, beginning and cause of the policy, and the populations that its scales were frozen from."""
    periods = sorted(set(policy.reference.values()))
    told = text(
        "grading.policy.words",
        "Grade policy {number}, since {since}. {cause}. Scales are frozen from the customers of {reference}: nobody's score"
        " moves because others did; the setting grading.reference freezes them anew.",
        number=count(policy.number),
        since=policy.since,
        cause=CAUSES[policy.cause],
        reference=", ".join(periods),
    )
    if policy.provisional:
        told = text(
            "grading.policy.provisional",
            "Grade policy {number}, since {since}, is provisional: the orders delivered do not fill the window yet, so the"
            " scales are frozen again next period.",
            number=count(policy.number),
            since=policy.since,
        )
    return Paragraph("grading.policy", told)


def explain_moves(
    frame: pd.DataFrame,
    held: Tiers,
    past: Past,
    policy: Policy,
    without_change: Mapping[str, Tiers] | None,
    tiers: Sequence[Tier],
) -> Moves:
    """Split the moves since the period before into their causes, one after the other.

    The tier before; the tier that this period's values give by the policy before (behaviour); the same on what events and
    appeals told since (told facts); on the scales of this period's policy (scales frozen anew); the tier by score and buffer
    (changed settings); the tier given (rules and overrides). The steps add up: no move is counted in two causes but one that a
    later cause takes back.

    Args:
        frame: customer_id, score, tier, tier_by_score of this period.
        held: tier by score and buffer, before rules and overrides.
        without_change: cause → tiers up to it (:func:`tiers_by`); None where the policy before cannot be computed any more, so
            that behaviour and settings stay together.
    """
    place = {tier.id: position for position, tier in enumerate(tiers)}
    known = past.grades.set_index("customer_id").reindex(frame["customer_id"])
    both = known["tier"].isin(list(place)).to_numpy()

    def places(names: Any) -> Any:
        return pd.Series(names).map(place).to_numpy(dtype=float)[both]

    before, given = places(known["tier"].to_numpy()), places(frame["tier"].to_numpy())
    before_by_score = places_of(known["score"].to_numpy(dtype=float)[both], past.policy.lows).astype(float)
    reached = {"policy": held} if without_change is None else {**without_change, "settings": held}
    path, start = {}, before
    for step, names in {**reached, "rules": frame["tier"].to_numpy()}.items():
        path[step] = (start, places(names))
        start = path[step][1]
    path = {step: (b, a) for step, (b, a) in path.items() if step not in ("told", "rules") or (b != a).any()}
    by_score = places(frame["tier_by_score"].to_numpy())
    n = int(both.sum())
    rows = [
        {"step": step, "up": int((a < b).sum()), "down": int((a > b).sum()), "share": float((b != a).sum()) / max(n, 1)}
        for step, (b, a) in {**path, "all": (before, given), "free": (before_by_score, by_score)}.items()
    ]
    waiting = int((places(held) != by_score).sum())
    return Moves(pd.DataFrame(rows), _cells(before, given, path, list(place)), n, waiting, policy, past, tiers)


def _cells(before: Any, given: Any, path: Mapping[str, tuple[Any, Any]], ids: Sequence[str]) -> pd.DataFrame:
    """Customers who moved from one tier to another, by the cause that moved them; the largest moves first."""
    steps = np.array([b != a for b, a in path.values()])
    names = np.array([*path, "several"], dtype=object)
    cause = names[np.where(steps.sum(axis=0) == 1, steps.argmax(axis=0), len(path))]
    moved = before != given
    found = pd.crosstab([before[moved].astype(int), given[moved].astype(int)], cause[moved])
    found = found.reindex(columns=[name for name in names if name != "several" or (cause[moved] == name).any()], fill_value=0)
    ends = [found.index.get_level_values(level).to_numpy(dtype=int) for level in (0, 1)]
    counts = found.to_numpy(dtype="int64")
    cells = pd.DataFrame({"before": np.array(ids, dtype=object)[ends[0]], "after": np.array(ids, dtype=object)[ends[1]],
                          "customers": counts.sum(axis=1)})  # fmt: skip
    cells = cells.assign(**{str(name): counts[:, k] for k, name in enumerate(found.columns)})
    return cells.sort_values("customers", ascending=False, kind="stable", ignore_index=True)


def tiers_by(profile: pd.DataFrame, past: Past, policy: Policy, told: Told, kept: Tiers | None) -> Mapping[str, Tiers] | None:
    """Tiers of this period up to each cause, all by the policy before: on what customers did; on what was told of them since;
    and by its settings on scales frozen when this policy's were.

    None where an index of the policy before cannot be computed from this profile, or its tiers have other ids.

    Args:
        profile: as delivered, in the order of the grades.
        kept: tier by score and buffer where the policy before still stands, so that nothing but facts can differ.
    """
    untold = past.given is past.grades
    if kept is not None and untold:
        return {"behaviour": kept, "told": kept, "scales": kept}
    old = past.policy
    if [tier.id for tier in old.settings.tiers] != [tier.id for tier in policy.settings.tiers]:
        return None
    customers, last = profile["customer_id"], Period.parse(past.period).end
    try:
        values = told_values(profile, old.settings.indices, told.beside(customers))
        delivered = values if untold else told_values(profile, old.settings.indices, told.beside(customers, last))
    except SettingsError:
        return None
    measured = [index for index in old.settings.indices if values[index.id].notna().any()]
    if not measured:
        return None
    weights = weigh_groups(old.settings, measured)
    anew = policy.cause in ("reference", "window")
    fresh = {index.id: freeze(values[index.id].to_numpy(), index) for index in measured} if anew else old.scales

    def given(values: pd.DataFrame, before: pd.DataFrame, scales: Any, frozen: bool) -> Tiers:
        scores = total_score(score_indices(values, old.settings.indices, scales), old.settings.indices, weights)
        frame = pd.DataFrame({"customer_id": customers, "score": np.nan_to_num(scores)})
        lows = old.lows
        if not frozen and old.settings.cut == "benchmark":
            lows = benchmark_thresholds(old.settings, scales, weights)
        elif not frozen:
            lows = thresholds(frame["score"].to_numpy(), old.settings)
        return held_tiers(frame, old.settings, lows, before)[0]

    did = given(delivered, past.given, old.scales, True)
    if kept is not None:
        return {"behaviour": did, "told": kept, "scales": kept}
    by_told = did if untold else given(values, past.grades, old.scales, True)
    return {"behaviour": did, "told": by_told, "scales": given(values, past.grades, fresh, not anew)}

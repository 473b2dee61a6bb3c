"""The flow of customers between tiers as bands, before on the left and now on the right; row T11 of the method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from numpy.typing import NDArray

from workbook.language import Edition, Text, part_and_people, people
from workbook.report.figures import FULL_WIDTH, MUTED, TEXT, TIER_EDGE, canvas, tier_colours

POST = 0.03
"""Width of a tier's bar as a share of the picture's."""

GAP = 0.075
"""Space between two tiers as a share of all customers: as much as a line of words needs."""

LABELLED = 0.036
"""Bands of at least this share of all customers carry their number: the letters then stand inside."""

APART = 0.06
"""Numbers one above the other stand at least so far apart; the larger band's goes first."""


@dataclass(frozen=True)
class Band:
    """Customers of one tier before and one tier now: where the band leaves (left) and where it arrives, as shares of all."""

    before: str
    after: str
    customers: int
    leaves: float
    arrives: float


@dataclass(frozen=True, eq=False)
class Flow:
    """Where the bars and bands stand; the highest tier on top, heights as shares of all customers.

    Attributes:
        square: customers, states before down, states after across.
        left, right: lower end of each bar, by state.
        bands: every pair that holds somebody.
    """

    square: pd.DataFrame
    left: Mapping[str, float]
    right: Mapping[str, float]
    bands: tuple[Band, ...]

    @property
    def everyone(self) -> int:
        """Customers of either period."""
        return int(self.square.to_numpy().sum())


def lay_out(square: pd.DataFrame) -> Flow:
    """Stack the bars of both sides and the bands in them; bands leave and arrive in the order of the tiers, so few cross.

    Args:
        square: customers; states before down and states after across, the highest tier first.
    """
    cells: NDArray[np.float64] = square.to_numpy(dtype=float)
    everyone = max(cells.sum(), 1.0)
    tops, floors = [], []
    for sizes in (cells.sum(axis=1), cells.sum(axis=0)):
        steps = np.arange(len(sizes)) * GAP
        top = -np.concatenate([[0.0], np.cumsum(sizes)[:-1]]) / everyone - steps
        tops.append(top)
        floors.append(top - sizes / everyone)
    reach = [float(side[-1]) for side in floors]
    down = min(reach)
    tops = [top + (down - low) / 2 for top, low in zip(tops, reach, strict=True)]
    floors = [floor + (down - low) / 2 for floor, low in zip(floors, reach, strict=True)]
    part = cells / everyone
    leaves = tops[0][:, None] - np.cumsum(part, axis=1)
    arrives = tops[1][None, :] - np.cumsum(part, axis=0)
    rows, columns = [str(one) for one in square.index], [str(one) for one in square.columns]
    bands = tuple(
        Band(rows[i], columns[j], int(cells[i, j]), float(leaves[i, j]), float(arrives[i, j]))
        for i, j in zip(*np.nonzero(cells), strict=True)
    )
    return Flow(
        square,
        dict(zip(rows, floors[0].tolist(), strict=True)),
        dict(zip(columns, floors[1].tolist(), strict=True)),
        bands,
    )


def draw_flow(
    flow: Flow,
    tiers: Sequence[str],
    names: Mapping[str, Text],
    inks: Mapping[tuple[str, str], str],
    heads: tuple[Text, Text],
    edition: Edition,
) -> Canvas:
    """The picture: bars in the colours of the tiers, bands in those of the moves.

    Args:
        flow: what to draw.
        tiers: ids of the tiers, the highest first; other states have hollow bars.
        names: state → what readers see.
        inks: state before and state after → colour of the band.
        heads: what stands above the left and above the right side.
        edition: language of the words.
    """
    bars = max(flow.square.shape)
    figure, axes = canvas(FULL_WIDTH, max(3.0, 1.1 + 0.44 * bars))
    part = 1 / max(flow.everyone, 1)
    for band in sorted(flow.bands, key=lambda one: -one.customers):
        high = band.customers * part
        ink = inks[band.before, band.after]
        axes.add_patch(PathPatch(_ribbon(band.leaves, band.arrives, high), facecolor=ink, alpha=0.42, edgecolor="none"))
    for x, y, n in _numbers(flow):
        axes.text(x, y, people(n).render(edition), ha="left" if x < 0.5 else "right", va="center", color=TEXT, fontsize=8.5)
    colours = dict(zip(tiers, tier_colours(len(tiers)), strict=True))
    sides = ((flow.left, flow.square.sum(axis=1), 0.0), (flow.right, flow.square.sum(axis=0), 1 - POST))
    for floors, sizes, x in sides:
        for state, floor in floors.items():
            axes.add_patch(
                Rectangle(
                    (x, floor), POST, sizes[state] * part, facecolor=colours.get(state, "white"), edgecolor=TIER_EDGE,
                    linewidth=0.8,
                )
            )  # fmt: skip
    tiered = [sum(sizes[state] for state in floors if state in colours) for floors, sizes, _ in sides]
    lowest = min(*flow.left.values(), *flow.right.values())
    for one, side, graded in zip((axes, axes.twinx()), sides, tiered, strict=True):
        middles = [floor + side[1][state] * part / 2 for state, floor in side[0].items()]
        told = [_told(names[state], int(side[1][state]), graded if state in colours else 0, edition) for state in side[0]]
        one.set_yticks(middles, told)
        one.set_ylim(lowest - 0.02, 0.02)
        one.tick_params(axis="y", length=0)
        one.spines[:].set_visible(False)
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.set_title(heads[0].render(edition), loc="left", color=MUTED, fontsize=8.5)
    axes.set_title(heads[1].render(edition), loc="right", color=MUTED, fontsize=8.5)
    return figure


def _numbers(flow: Flow) -> list[tuple[float, float, int]]:
    """Where the numbers of the wider bands stand: of who stayed at the left end, of who moved or came at the right one."""
    placed: list[tuple[float, float, int]] = []
    for band in sorted(flow.bands, key=lambda one: -one.customers):
        high = band.customers / flow.everyone
        if high < LABELLED:
            break
        stayed = band.before == band.after
        x, y = (POST + 0.015, band.leaves + high / 2) if stayed else (1 - POST - 0.015, band.arrives + high / 2)
        if all(x != other or abs(y - at) >= APART for other, at, _ in placed):
            placed.append((x, y, band.customers))
    return placed


def _told(name: Text, n: int, graded: float, edition: Edition) -> str:
    """A bar's name, cut where it is long, with its number and, for a tier, its share of those graded in its period."""
    width, words = (16 if edition.language == "en" else 9), name.render(edition)
    short = words if len(words) <= width else words[: width - 1].rstrip() + "…"
    return f"{short}  {part_and_people(n / graded, n, edition) if graded else people(n).render(edition)}"


def _ribbon(leaves: float, arrives: float, high: float) -> Path:
    """A band from the left bar to the right one with level ends."""
    start, end, middle = POST, 1 - POST, 0.5
    points = [
        (start, leaves), (middle, leaves), (middle, arrives), (end, arrives),
        (end, arrives + high), (middle, arrives + high), (middle, leaves + high), (start, leaves + high), (start, leaves),
    ]  # fmt: skip
    curve = [Path.CURVE4] * 3
    return Path(points, [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY])

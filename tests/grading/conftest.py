"""Made-up profiles and a ruler for pictures."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from workbook.language import Edition
from workbook.report.figures import house_style

EDITIONS = (Edition("en", "USD"), Edition("zh", "CNY"))


@pytest.fixture(scope="session")
def make_profile():
    """Profiles of *n* customers with the columns that grading reads; every tenth customer has bought nothing."""

    def make(n=400, seed=1):
        rng = np.random.default_rng(seed)
        orders = rng.negative_binomial(1.2, 0.15, n) + 1
        orders[::10] = 0
        bought = orders > 0
        revenue = np.where(bought, np.round(orders * rng.lognormal(4, 0.9, n), 2), 0.0)
        return pd.DataFrame(
            {
                "customer_id": [f"c{k:07d}" for k in range(n)],
                "tier": rng.choice(["钻石", "黄金", "白银", "普通"], n, p=[0.1, 0.2, 0.3, 0.4]),
                "orders": orders,
                "revenue": revenue,
                "recency_days": np.where(bought, rng.integers(0, 365, n), np.nan),
                "revenue_period": np.round(revenue * rng.uniform(0, 0.5, n), 2),
                "revenue_previous": np.round(revenue * rng.uniform(0, 0.5, n), 2),
                "categories": np.minimum(orders, rng.integers(1, 9, n)),
                "credit": np.where(rng.random(n) < 0.7, rng.integers(300, 850, n), np.nan),
            }
        )

    return make


def seen(axis):
    """The labels of the ticks inside the picture."""
    low, high = sorted(axis.get_view_interval())
    return [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]


@pytest.fixture(scope="session")
def check_picture():
    """Draws a figure in both languages and holds its words to the canvas and apart from each other."""

    def check(figure):
        for edition in EDITIONS:
            with house_style():
                picture = figure.draw(edition)
                canvas = FigureCanvasAgg(picture)
                canvas.draw()
                renderer = canvas.get_renderer()
                words = [
                    t
                    for axes in picture.axes
                    for t in [*axes.texts, *seen(axes.xaxis), *seen(axes.yaxis), axes.xaxis.label, axes._left_title]
                    if t.get_text() and t.get_visible()
                ]
                boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in words]
                width, height = canvas.get_width_height()
                for said, box in boxes:
                    assert box.x0 >= -1 and box.y0 >= -1, f"{said!r} runs out of the picture"
                    assert box.x1 <= width + 1 and box.y1 <= height + 1, f"{said!r} runs out of the picture"
                for (one, a), (other, b) in itertools.combinations(boxes, 2):
                    overlap = min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
                    assert not overlap, f"{one!r} lies over {other!r}"
        return figure.bundle(EDITIONS)

    return check

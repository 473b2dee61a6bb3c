"""What a process imports before it forks others, so that none of them needs to."""

from __future__ import annotations

import atexit
import functools
import gc
import importlib

PRELOADED = (
    "ipykernel.ipkernel",
    "matplotlib.backends.backend_agg",
    "papermill",
    "workbook.book",
    "workbook.diagnosis.problems",
    "workbook.grading.migration",
    "workbook.grading.rfm",
    "workbook.grading.score",
    "workbook.pilots.campaigns",
    "workbook.pilots.card",
    "workbook.pilots.checks",
    "workbook.pilots.decision",
    "workbook.pilots.design",
    "workbook.pilots.effects",
    "workbook.pilots.evidence",
    "workbook.review.compare",
    "workbook.review.goals",
    "workbook.review.kpi",
    "workbook.review.modules",
    "workbook.review.next_period",
    "workbook.review.scope",
    "workbook.sources.consent",
    "workbook.sources.profile",
    "workbook.sources.tags",
    "workbook.sources.tell",
    "workbook.strategy.plan",
    "workbook.strategy.tier_lists",
    "workbook.value.lifecycle",
    "workbook.voice.hotspots",
    "workbook.voice.satisfaction",
)
"""Modules that the notebooks import; imported once by the parent."""


@functools.cache
def preload() -> None:
    """Import in the parent what every notebook imports."""
    for module in PRELOADED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # children share these pages as long as no collection touches them
    atexit.register(gc.unfreeze)  # or libraries take what is left for a leak

"""What a process imports before it forks others, so that none of them needs to."""

from __future__ import annotations

import atexit
import functools
import gc
import importlib

from workbook.report.templating import environment

PRELOADED = (
    "fontTools.subset",
    "holidays.countries",
    "ipykernel.ipkernel",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib.style",
    "papermill",
    "pyarrow.dataset",
    "workbook.book",
    "workbook.diagnosis.assessment",
    "workbook.diagnosis.contact",
    "workbook.diagnosis.mix",
    "workbook.diagnosis.needs_exhibits",
    "workbook.diagnosis.problems",
    "workbook.diagnosis.process_exhibits",
    "workbook.diagnosis.quality",
    "workbook.diagnosis.queues",
    "workbook.diagnosis.reversal",
    "workbook.grading.changes",
    "workbook.grading.clusters",
    "workbook.grading.heat",
    "workbook.grading.learned",
    "workbook.grading.migration",
    "workbook.grading.normalising",
    "workbook.grading.policy",
    "workbook.grading.review",
    "workbook.grading.rfm",
    "workbook.grading.score",
    "workbook.grading.sensitivity",
    "workbook.grading.worth",
    "workbook.pilots.arrivals",
    "workbook.pilots.calibration",
    "workbook.pilots.campaigns",
    "workbook.pilots.card",
    "workbook.pilots.checks",
    "workbook.pilots.chosen_clusters",
    "workbook.pilots.chosen_customers",
    "workbook.pilots.decision",
    "workbook.pilots.design",
    "workbook.pilots.duration",
    "workbook.pilots.effects",
    "workbook.pilots.evidence",
    "workbook.pilots.feedback",
    "workbook.pilots.responses",
    "workbook.pilots.rollout",
    "workbook.pilots.season",
    "workbook.review.compare",
    "workbook.review.effect_report",
    "workbook.review.goals",
    "workbook.review.history",
    "workbook.review.kpi",
    "workbook.review.market",
    "workbook.review.modules",
    "workbook.review.monthly",
    "workbook.review.next_period",
    "workbook.review.scope",
    "workbook.review.tasks",
    "workbook.sources.account",
    "workbook.sources.consent",
    "workbook.sources.profile",
    "workbook.sources.quality",
    "workbook.sources.tags",
    "workbook.sources.tell",
    "workbook.sources.tell_links",
    "workbook.sources.third_party",
    "workbook.strategy.improvement",
    "workbook.strategy.plan",
    "workbook.strategy.tier_lists",
    "workbook.value.churn",
    "workbook.value.cohorts",
    "workbook.value.contracts",
    "workbook.value.flows",
    "workbook.value.lifecycle",
    "workbook.value.lifetime",
    "workbook.value.needs",
    "workbook.value.segments",
    "workbook.voice.causes",
    "workbook.voice.choices",
    "workbook.voice.crosscheck",
    "workbook.voice.drivers",
    "workbook.voice.fishbone",
    "workbook.voice.hotspots",
    "workbook.voice.register",
    "workbook.voice.reliability",
    "workbook.voice.replies",
    "workbook.voice.satisfaction",
    "workbook.voice.whys",
)
"""Modules that the notebooks and the pages import; imported once by the parent."""


@functools.cache
def preload() -> None:
    """Import in the parent what every notebook imports, and compile the templates that all of them fill."""
    for module in PRELOADED:
        importlib.import_module(module)
    for name in environment().list_templates(extensions=["j2"]):
        environment().get_template(name)
    gc.collect()
    gc.freeze()  # children share these pages as long as no collection touches them
    atexit.register(gc.unfreeze)  # or libraries take what is left for a leak

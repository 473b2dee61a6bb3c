"""Published results with planted differences, and pages in hostile words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from workbook.language import LANGUAGES, Edition, Text, named, share
from workbook.report.blocks import MIME, Answer, KeyFigure, Paragraph
from workbook.store import Store

EDITIONS = tuple(Edition(language) for language in LANGUAGES)
HOSTILE = "<script>alert(1)</script> & \"x\" 'y' </style>\x1b[31m"

KPIS = pd.DataFrame(
    {
        "kpi": ["repurchase_rate", "revenue", "first_response_hours"],
        "value": [0.80, 1000.0, 2.0],
        "low": [0.78, None, 1.5],
        "high": [0.82, None, 2.5],
        "n": [100, 50, 40],
        "unit": ["share", "money", "hours"],
    }
)
SCORES = pd.DataFrame(
    {
        "customer_id": ["C1", "C2", "C3"],
        "index_revenue": [10.0, 20.0, None],
        "score": [1.0, 2.0, 3.0],
        "tier": ["gold", "gold", "silver"],
    }
)
TIERS = pd.DataFrame({"tier": ["gold", "silver"], "customers": [2, 1], "revenue": [800.0, 200.0], "revenue_share": [0.8, 0.2]})
LEDGER = pd.DataFrame({"file": ["a.csv", "b.csv"], "table": ["orders", "orders"], "rows_in": [10, 5], "rows_kept": [9, 5]})
PROBLEMS = pd.DataFrame({"check": ["x", "y", "z"], "priority": ["high", "low", "high"]})
REVIEW = pd.DataFrame(
    {"kpi": ["repurchase_rate"], "value": [0.80], "previous": [0.79], "change": [0.01], "low": [-0.02], "high": [0.04],
     "target": [0.85], "unit": ["share"], "movement": ["unclear"]}
)  # fmt: skip


def manifest(period: str = "2025Q4", **changes: Any) -> dict[str, Any]:
    content = {
        "client": "made-up",
        "period": period,
        "settings": {
            "client": {"name": {"en": "Cloud Pine", "zh": "云松"}, "synthetic": True},
            "languages": ["zh", "en"],
            "currency": "CNY",
            "grading": {
                "rfm": {"bins": 5},
                "high_tiers": 1,
                "tiers": [{"id": "gold", "at_least": 80.0}, {"id": "silver", "at_least": 0.0}],
            },
            "review": {"market": {"en": "calm", "zh": "平稳"}},
            "report": {"brand": {"colour": "#12436D"}},
        },
        "deliveries": {"a.csv": "1" * 64, "b.csv": "2" * 64},
        "git": {"commit": "f" * 40, "changed": False},
        "python": "3.11.7",
        "packages": {"pandas": "3.0.0", "numpy": "2.3.0"},
    }
    return {**content, **changes}


def tables() -> dict[str, Any]:
    return {
        "kpis": KPIS, "scores": SCORES, "tiers": TIERS, "row_ledger": LEDGER, "problems": PROBLEMS, "review": REVIEW,
        "decision": {"card": {"decision": "extend", "effect": 1.5}},
    }  # fmt: skip


def blocks(words: Text | None = None) -> dict[str, list[Any]]:
    return {
        "1_goals": [
            KeyFigure("review.key.repurchase_rate", named({"en": "Repeat-purchase rate", "zh": "复购率"}), share(0.8)),
            Paragraph("review.limits", words or named({"en": "Nothing is known of shops.", "zh": "门店情况未知。"}), "limits"),
        ],
        "4_strategy": [Answer("strategy.answer", named({"en": "Two measures", "zh": "两项措施"}), (), "resolution")],
    }


def publish(
    folder: Path,
    content: dict[str, Any] | None = None,
    artefacts: dict[str, Any] | None = None,
    shown: dict[str, list[Any]] | None = None,
) -> Path:
    """A published folder as a run leaves it."""
    store = Store(folder / "tables")
    for name, value in (tables() if artefacts is None else artefacts).items():
        store.write(name, value)
    for stage, each in (blocks() if shown is None else shown).items():
        path = folder / "notebooks" / f"{stage}.ipynb"
        path.parent.mkdir(exist_ok=True)
        outputs = [{"output_type": "display_data", "data": {MIME: block.bundle(EDITIONS)}} for block in each]
        path.write_text(json.dumps({"cells": [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": outputs}]}), "utf-8")
    (folder / "manifest.json").write_text(json.dumps(content or manifest(), ensure_ascii=False), "utf-8")
    return folder

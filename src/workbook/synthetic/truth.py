"""truth.json: everything that the files do not show, for teachers, tests and acceptance.

Source: row C3 of method.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from workbook.synthetic import activity, pilot, service
from workbook.synthetic.expected import expected_profile
from workbook.synthetic.faults import LARGEST
from workbook.synthetic.generate import Story
from workbook.synthetic.planted import planted_tiers
from workbook.synthetic.world import World


def truth(story: Story) -> dict[str, object]:
    """The truth behind a story, as JSON can hold it. Days count from ``plan.opens``."""
    world = story.world
    plan, c = world.plan, world.customers
    return {
        "plan": {
            "customers": plan.customers,
            "deliveries": [p.name for p in plan.deliveries],
            "opens": plan.opens.isoformat(),
            "closes": plan.last.end.isoformat(),
            "seed": plan.seed,
        },
        "assumptions": asdict(world.assumptions)
        | {"season_by_month": activity.SEASON.tolist(), "refund_share": activity.REFUND_SHARE},
        "service": {
            "first_response_median_hours": dict(zip(service.TICKET_CHANNELS, service.FIRST_RESPONSE_HOURS, strict=True)),
            "late_on_score": -service.LATE_ON_SCORE,
            "no_callback_on_score": -service.NO_CALLBACK_ON_SCORE,
            "contentment_on_score": service.CONTENTMENT_ON_SCORE,
        },
        "customers": {
            "customer_id": c["customer_id"].tolist(),
            "kind": c["kind"].tolist(),
            "orders_per_week": c["rate"].round(5).tolist(),
            "spend_factor": c["spend"].round(4).tolist(),
            "contentment": c["contentment"].round(3).tolist(),
            "alive_from": c["alive_from"].round(2).tolist(),
            "alive_to": c["alive_to"].round(2).tolist(),
            "latent_tier": planted_tiers(world, plan.day(plan.last.end)).tolist(),
            "pilot_stratum": c["stratum"].tolist(),
            "industry": c["industry"].tolist(),
        },
        "expected_on_closing": _expected(world),
        "pairs": _pairs(story),
        "feedback": _causes(story),
        "pilots": [_pilot(measured) for measured in story.pilots],
        "faults": {
            name: {
                "strength": strength,
                "largest_share": LARGEST[name],
                "kind": story.planted[name].kind,
                "eligible": story.planted[name].eligible,
                "affected": len(story.planted[name].ids),
                "ids": list(story.planted[name].ids),
                "detail": dict(story.planted[name].detail),
            }
            for name, strength in plan.faults.strengths().items()
        },
    }


def as_json(content: Mapping[str, object]) -> str:
    """*content* as JSON, one line a section, so that a reader finds his way and a comparison shows what changed."""
    lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False, separators=(',', ':'))}" for k, v in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def lift(world: World, lines: pd.DataFrame, anchor: str, companion: str) -> float:
    """How much more often *companion* stands in baskets with *anchor* than in all baskets."""
    a, b = activity.product_position(world, anchor), activity.product_position(world, companion)
    baskets = lines["order"].nunique()
    with_a = set(lines.loc[lines["product"] == a, "order"])
    with_b = set(lines.loc[lines["product"] == b, "order"])
    expected = len(with_a) * len(with_b) / max(baskets, 1)
    return len(with_a & with_b) / expected if expected else float("nan")


def _expected(world: World) -> dict[str, list[float | None]]:
    """The profile of each customer free of noise at the end of the last period, in the order of ``customers``."""
    frame = expected_profile(world, world.plan.day(world.plan.last.end)).drop(columns="customer_id").round(3)
    return {str(name): [None if np.isnan(value) else value for value in frame[name].tolist()] for name in frame}


def _pairs(story: Story) -> list[dict[str, object]]:
    happened = story.sales.orders["happened"].to_numpy()[story.sales.lines["order"].to_numpy()]
    lines = story.sales.lines[happened]
    return [
        {
            "anchor": pair.anchor,
            "companion": pair.companion,
            "attach": pair.attach,
            "lift": round(lift(story.world, lines, pair.anchor, pair.companion), 3),
        }
        for pair in story.world.pairs
    ]


def _causes(story: Story) -> dict[str, object]:
    f = story.feedback
    ids = f["feedback_id"].to_numpy(object)
    content = f["content"].to_numpy(bool)
    return {
        "ids_by_cause": {
            cause: {
                "content": ids[(f["cause"] == cause).to_numpy() & content].tolist(),
                "discontent": ids[(f["cause"] == cause).to_numpy() & ~content].tolist(),
            }
            for cause in sorted(f["cause"].unique())
        }
    }


def _pilot(measured: pilot.Measured) -> dict[str, object]:
    trial, treated = measured.enrolment.trial, measured.enrolment.treated
    return {
        "id": trial.id,
        "starts": trial.starts,
        "window_days": trial.window,
        "rate_lift_by_tier": dict(trial.lift),
        "n": {"control": int((~treated).sum()), "treatment": int(treated.sum())},
        "outcomes_lost_share": trial.missing,
        "true_effects": {m: {k: round(v, 6) for k, v in groups.items()} for m, groups in measured.effects.items()},
    }


def counts(story: Story) -> dict[str, int]:
    """Rows of each part of the story, for a summary on the screen."""
    return {
        "customers": len(story.world.customers),
        "orders": int(np.count_nonzero(story.sales.orders["happened"])),
        "tickets": len(story.tickets),
        "feedback": len(story.feedback),
    }

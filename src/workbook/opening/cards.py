"""The cards of the pilots that a delivery tells of: what a file knows is written, what it cannot know stands as ``todo``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from workbook.language import Text, count, joined, named, text
from workbook.opening.scalars import scalar
from workbook.sources.inspection.experiments import Experiment

OPEN = "todo"
"""What stands where a person must answer; settings that hold it are refused with the line and what is expected."""


def asked_on_card(one: Experiment) -> list[str]:
    """What a person must answer on a card before a run."""
    first, last = one.days or (None, None)
    return [*(["starts"] if first is None else []), *(["ends"] if last is None or last == first else []), "looks", "margin"]


def card_lines(experiments: tuple[Experiment, ...], behind: Callable[[str, Text], str]) -> Iterator[str]:
    """The section ``pilots`` of an engagement.

    Args:
        behind: a line with a sentence as its comment.
    """
    if not experiments:
        return
    yield ""
    yield behind(
        "pilots:",
        text(
            "new.card",
            "each card as its file tells it, to be confirmed line by line; todo is what no file knows, asked before a run",
        ),
    )
    for one in experiments:
        yield from _card(one, behind)


def _card(one: Experiment, behind: Callable[[str, Text], str]) -> Iterator[str]:
    yield behind(f"  - id: {one.id}", text("new.card.file", "from {file}", file=one.file))
    yield behind(f"    name: {scalar(one.id)}", text("new.name", "as the report shows it"))
    shares = ", ".join(f"{scalar(arm)}: 1" for arm in one.arms)
    sizes = joined([text("new.card.arm", "{arm} {n}", arm=named(arm), n=count(n)) for arm, n in one.arms.items()])
    told = text("new.card.arms", "write the shares that were planned; found: {sizes}", sizes=sizes)
    if not one.control:
        told = text("new.card.control", "the first arm is taken for the control: is it? {words}", words=told)
    yield behind(f"    arms: {{{shares}}}", told)
    if one.cluster is not None:
        drawn = text(
            "new.card.cluster", "each {column} stands whole in one arm, so these were drawn; is it so?", column=one.cluster
        )
        yield behind("    unit: cluster", drawn)
    first, last = one.days or (None, None)
    if first is None:
        yield behind(f"    starts: {OPEN}", text("new.card.starts", "the day on which it was launched, such as 2025-10-01"))
    else:
        yield behind(f"    starts: {first}", text("new.card.first", "the first day in the file; was it launched then?"))
    if last is None or last == first:
        yield behind(f"    ends: {OPEN}", text("new.card.ends", "its last day, as planned before the launch"))
    else:
        yield behind(f"    ends: {last}", text("new.card.last", "the last day in the file; was it the end that was planned?"))
    looks = text("new.card.looks", "how often the result was to be looked at, the last time included: 1 if only at the end")
    yield behind(f"    looks: {OPEN}", looks)
    yield behind("    metrics:", text("new.card.metrics", "the first decides; the others stand beside it"))
    for metric in one.metrics:
        yield f"      - id: {metric.id}"
        yield f"        name: {scalar(metric.name)}"
        yield f"        kind: {metric.kind}"
        yield behind(
            f"        unit: {metric.unit}", text("new.card.unit", "by its name and values: {column}", column=metric.name)
        )
        margin = (
            text("new.card.margin_share", "the smallest difference worth the effort; 0.01 is one point")
            if metric.unit == "share"
            else text("new.card.margin", "the smallest difference a unit that is worth the effort")
        )
        yield behind(f"        margin: {OPEN}", margin)

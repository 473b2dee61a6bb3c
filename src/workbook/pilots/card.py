"""The pilot card: what was fixed before the start, hashed, and held against what the settings say later (row P1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from workbook.language import Text, count, joined, named, text
from workbook.period import Period
from workbook.pilots.units import arm_name, current, newest_first
from workbook.report.blocks import Block, Column, Table
from workbook.settings.models import Metric, Pilot, Settings

COLUMNS = ["pilot", "item", "value", "sha256", "launched"]

ITEMS: Mapping[str, Text] = {
    "unit": text("pilots.card.unit", "What is drawn"),
    "arms": text("pilots.card.arms", "Arms and shares, control first"),
    "factors": text("pilots.card.factors", "Factors and the arms that have them"),
    "randomised": text("pilots.card.randomised", "Drawn at random"),
    "starts": text("pilots.card.starts", "First day"),
    "ends": text("pilots.card.ends", "Last day"),
    "looks": text("pilots.card.looks", "Planned looks"),
    "spending": text("pilots.card.spending", "How looks share the error"),
    "units": text("pilots.card.units", "Units with an outcome at the end"),
    "groups": text("pilots.card.groups", "Who takes part"),
    "summaries": text("pilots.card.summaries", "A summary tells of"),
    "arrivals": text("pilots.card.arrivals", "Who comes later is drawn too"),
    "strata": text("pilots.card.strata", "Strata"),
    "confidence": text("pilots.card.confidence", "Confidence"),
    "metrics": text("pilots.card.metrics", "Metrics, primary first"),
    "population": text("pilots.card.population", "Customers of a roll-out"),
    "cost": text("pilots.card.cost", "Cost a customer and year"),
}
"""Items of a card; those of a metric are called ``<metric>.<field>``."""

_METRIC_ITEMS: Mapping[str, Text] = {
    "kind": text("pilots.card.kind", "kind"),
    "unit": text("pilots.card.metric_unit", "unit"),
    "source": text("pilots.card.source", "source"),
    "denominator": text("pilots.card.denominator", "divided by"),
    "quantile": text("pilots.card.quantile", "quantile"),
    "scale": text("pilots.card.scale", "delivered value times"),
    "repeats": text("pilots.card.repeats", "of several measurements"),
    "better": text("pilots.card.better", "better is"),
    "margin": text("pilots.card.margin", "smallest worthwhile effect"),
    "guardrail": text("pilots.card.guardrail", "guardrail"),
    "harm": text("pilots.card.harm", "worsening to rule out"),
    "cap": text("pilots.card.cap", "capped at quantile"),
    "covariates": text("pilots.card.covariates", "known before"),
    "estimate": text("pilots.card.estimate", "estimate that counts"),
    "worth": text("pilots.card.worth", "worth of one unit"),
}


Binding = Literal["accepted", "published"]


@dataclass(frozen=True)
class Difference:
    """One item of a card that is not as it was fixed."""

    item: str
    fixed: str
    found: str


@dataclass(frozen=True)
class Cards:
    """The cards of all pilots.

    Attributes:
        cards: pilot → item → value, as the settings say it now.
        differences: pilot → where that is not as it was fixed.
        fixed: pilot → what fixed its card earlier: ``accepted`` into the ledger, or ``published`` with the period before.
        settings: the parameters.
        period: the period analysed.
    """

    cards: Mapping[str, Mapping[str, str]]
    differences: Mapping[str, tuple[Difference, ...]]
    fixed: Mapping[str, Binding]
    settings: Settings
    period: Period

    @property
    def frame(self) -> pd.DataFrame:
        """Columns pilot, item, value, sha256 (of the whole card), launched (whether it had begun by the analysis date)."""
        launched = {pilot.id: pilot.starts <= self.period.end for pilot in self.settings.pilots}
        rows = [
            (pilot, item, value, fingerprint(card), launched[pilot])
            for pilot, card in self.cards.items()
            for item, value in card.items()
        ]
        words = dict.fromkeys(["pilot", "item", "value", "sha256"], "str")
        return pd.DataFrame(rows, columns=COLUMNS).astype(words | {"launched": bool})

    def table(self, pilot: Pilot) -> Table:
        """The card of one pilot, with what is not as it was fixed."""
        changed = {d.item: d for d in self.differences.get(pilot.id, ())}
        card = self.cards[pilot.id]
        items = [item for item, value in card.items() if item in changed or not _says_nothing(item, value)]
        items += [item for item in changed if item not in card]
        rows: list[dict[str, object]] = [
            {
                "item": item_name(item, pilot),
                "value": _value_words(item, card.get(item, _NOTHING), pilot),
                "fixed": _value_words(item, changed[item].fixed, pilot) if item in changed else _AS_FIXED,
            }
            for item in items
        ]
        mark = fingerprint(card)[:12]
        if changed:
            title = text("pilots.card.title_changed", "{pilot}: {n} {n:item of the card is|items of the card are} not as fixed",
                         pilot=named(pilot.name), n=count(len(changed)))  # fmt: skip
        elif pilot.id in self.fixed:
            title = text("pilots.card.title_fixed", "{pilot}: the card is as it was fixed", pilot=named(pilot.name))
        else:
            title = text("pilots.card.title", "{pilot}: the card as the settings say it", pilot=named(pilot.name))
        columns: tuple[Column, ...] = (
            Column("item", text("pilots.head.item", "Item")),
            Column("value", text("pilots.head.value", "On the card")),
        )
        if changed:
            columns += (Column("fixed", text("pilots.head.fixed", "Fixed before")),)
        note = text(
            "pilots.card.note",
            "What is fixed before the start and may not change after it; card {mark}. Accepting a period into the ledger "
            "fixes it; a pilot whose card differs later is not judged.",
            mark=mark,
        )
        frame = pd.DataFrame(rows, dtype=object)
        return Table(f"pilots.card.{pilot.id}", title, columns, frame, note, rows=len(rows), artefact="pilot_cards")

    def blocks(self) -> tuple[Block, ...]:
        """The cards of the period's pilots."""
        return tuple(self.table(pilot) for pilot in current(newest_first(self.settings), self.period))


_NOTHING = "–"
_AS_FIXED = named("–")


def fix_cards(settings: Settings, period: Period, accepted: object = None, previous: object = None) -> Cards:
    """The card of every pilot, held against the one that was fixed.

    Args:
        accepted: records of the ledger of kind ``cards``; anything but a frame: none was accepted.
        previous: the artefact ``pilot_cards`` of the period before; it binds pilots that had begun then and whose card was not
            accepted.
    """
    cards = {pilot.id: card_of(pilot, settings.analysis.confidence) for pilot in newest_first(settings)}
    differences: dict[str, tuple[Difference, ...]] = {}
    fixed: dict[str, Binding] = {}
    for pilot, card in cards.items():
        binding = _of(accepted, pilot)
        if binding:
            fixed[pilot] = "accepted"
        elif binding := _of(previous, pilot, launched=True):
            fixed[pilot] = "published"
        if binding:
            differences[pilot] = compare_cards(card, binding)
    return Cards(cards, differences, fixed, settings, period)


def card_of(pilot: Pilot, confidence: float) -> dict[str, str]:
    """Everything of a pilot that its result depends on, item by item; names and the measure's description are not."""
    total = sum(pilot.arms.values())
    card = {
        "unit": pilot.unit,
        "arms": ", ".join(f"{arm} {share / total:.4g}" for arm, share in pilot.arms.items()),
        "randomised": _plain(pilot.randomised),
        "starts": pilot.starts.isoformat(),
        "ends": pilot.ends.isoformat(),
        "looks": str(pilot.looks),
        "spending": pilot.spending,
        "units": _plain(pilot.units),
        "groups": _plain(pilot.groups),
        "strata": _plain(", ".join(pilot.strata)),
        "confidence": f"{confidence:g}",
        "metrics": ", ".join(metric.id for metric in pilot.metrics),
        "population": _plain(pilot.population),
        "cost": f"{pilot.cost:g}",
    }
    if pilot.factors:  # items of their own only where they are so, or cards fixed before they existed would differ
        card["factors"] = "; ".join(f"{factor}: {', '.join(arms)}" for factor, arms in pilot.factors.items())
    if pilot.summaries != "to_date":
        card["summaries"] = pilot.summaries
    if pilot.arrivals:
        card["arrivals"] = "yes"
    for metric in pilot.metrics:
        card |= {f"{metric.id}.{field}": value for field, value in _metric_items(metric).items()}
    return card


def compare_cards(card: Mapping[str, str], fixed: Mapping[str, str]) -> tuple[Difference, ...]:
    """Where a card is not as it was fixed: items changed, added or dropped.

    >>> compare_cards({"looks": "1", "ends": "2025-12-31"}, {"looks": "5", "ends": "2025-12-31"})
    (Difference(item='looks', fixed='5', found='1'),)
    """
    items = [*fixed, *(item for item in card if item not in fixed)]
    pairs = [(item, fixed.get(item, _NOTHING), card.get(item, _NOTHING)) for item in items]
    return tuple(Difference(item, before, now) for item, before, now in pairs if before != now)


def fingerprint(card: Mapping[str, str]) -> str:
    """SHA-256 of a card."""
    plain = json.dumps(dict(card), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def item_name(item: str, pilot: Pilot) -> Text:
    """What readers call an item of a card."""
    metric, _, field = item.partition(".")
    if not field:
        return ITEMS[item]
    names = {m.id: named(m.name) for m in pilot.metrics}
    return text("pilots.card.of_metric", "{metric}: {item}", metric=names.get(metric, named(metric)), item=_METRIC_ITEMS[field])


def _metric_items(metric: Metric) -> dict[str, str]:
    items = {
        "kind": metric.kind, "unit": metric.unit, "source": metric.source, "denominator": _plain(metric.denominator),
        "quantile": f"{metric.quantile:g}" if metric.kind == "quantile" else _NOTHING, "better": metric.better,
        "margin": f"{metric.margin:g}", "guardrail": _plain(metric.guardrail), "harm": _plain(metric.harm),
        "cap": f"{metric.cap:g}", "covariates": _plain("; ".join(metric.covariates)), "estimate": metric.estimate,
        "worth": _plain(metric.worth),
    }  # fmt: skip
    # as with arrivals: only where they are not as they always were
    if metric.repeats != "latest":
        items["repeats"] = metric.repeats
    if metric.scale != 1:
        items["scale"] = f"{metric.scale:g}"
    return items


def _says_nothing(item: str, value: str) -> bool:
    """Whether an item need not be read: nothing stands there, or what stands where a metric is an ordinary one."""
    ordinary = {"guardrail": "no", "cap": "0.99", "estimate": "plain", "source": "outcomes"}
    return value == _NOTHING or (item == "cost" and value == "0") or ordinary.get(item.partition(".")[2]) == value


def _plain(value: object) -> str:
    if value is None or value == "":
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


_WORDS: Mapping[str, Text] = {
    "yes": text("pilots.card.yes", "yes"),
    "no": text("pilots.card.no", "no"),
    "customer": text("pilots.card.customer", "customers"),
    "cluster": text("pilots.card.cluster", "clusters"),
    "obrien_fleming": text("pilots.card.obrien_fleming", "late (O'Brien-Fleming type)"),
    "pocock": text("pilots.card.pocock", "evenly (Pocock type)"),
    "daily": text("pilots.card.daily", "its own days alone"),
    "higher": text("pilots.card.higher", "higher"),
    "lower": text("pilots.card.lower", "lower"),
    "mean": text("pilots.card.mean", "mean"),
    "proportion": text("pilots.card.proportion", "proportion"),
    "ratio": text("pilots.card.ratio", "ratio of sums"),
    "quantile": text("pilots.card.quantile_kind", "quantile"),
    "plain": text("pilots.card.plain", "plain difference"),
    "adjusted": text("pilots.card.adjusted", "adjusted by what was known before"),
    "outcomes": text("pilots.card.outcomes", "delivered outcomes"),
    "money": text("pilots.card.money", "money"),
    "share": text("pilots.card.share", "share"),
    "number": text("pilots.card.number", "number"),
    "score": text("pilots.card.score", "score"),
    "hours": text("pilots.card.hours", "hours"),
}


def _value_words(item: str, value: str, pilot: Pilot) -> Text:
    """A value of a card for readers: codes in words, names of arms and metrics as they are called elsewhere."""
    if item == "arms":
        return _joined([(arm_name(part.rpartition(" ")[0]), part.rpartition(" ")[2]) for part in value.split(", ")])
    if item == "metrics":
        names = {metric.id: metric.name for metric in pilot.metrics}
        return _joined([(named(names.get(part, part)), "") for part in value.split(", ")])
    return _WORDS.get(value, named(value)) if item not in ("groups", "strata") else named(value)


def _joined(parts: list[tuple[Text, str]]) -> Text:
    return joined([text("pilots.card.part", "{name} {share}", name=n, share=s) if s else n for n, s in parts])


def _of(records: object, pilot: str, *, launched: bool = False) -> dict[str, str]:
    if not isinstance(records, pd.DataFrame) or records.empty:
        return {}
    rows = records[records["pilot"] == pilot]
    if launched:
        rows = rows[rows["launched"].astype(bool)]
    return dict(zip(rows["item"].astype(str), rows["value"].astype(str), strict=True))

"""The whole comparison of two published results of one client."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

import pandas as pd

from workbook.diff.published import Published
from workbook.diff.reasons import Reasons, find_reasons
from workbook.diff.tables import TableChange, compare_tables
from workbook.language import Text, Unit, is_missing, named
from workbook.report.blocks import Bundle

BlockState = Literal["added", "removed", "title", "content"]


@dataclass(frozen=True)
class KpiChange:
    """One KPI before and after.

    Attributes:
        name: as readers know it.
        value: before and after; None where it could not be measured.
        low, high: its interval before and after.
        change: after less before.
        change_interval: interval of the change, where the later result holds one for just these two values.
        movement: better, worse, same or unclear where the later result judged the change; empty where nothing did.
    """

    kpi: str
    name: Text
    unit: Unit
    value: tuple[float | None, float | None]
    low: tuple[float | None, float | None]
    high: tuple[float | None, float | None]
    change: float | None
    change_interval: tuple[float, float] | None
    movement: str

    @property
    def changed(self) -> bool:
        """Whether value or interval differ."""
        return any(pair[0] != pair[1] for pair in (self.value, self.low, self.high))


@dataclass(frozen=True)
class BlockChange:
    """A block of a notebook that came, went, or says something else.

    Attributes:
        state: ``title`` where its leading words differ, ``content`` where only what stands below them does.
        before, after: the leading words by language; empty where it was not there.
    """

    stage: str
    id: str
    kind: str
    state: BlockState
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True)
class Difference:
    """Two results of one client beside each other.

    Attributes:
        before, after: the results, the one compared with first.
        tables: every artefact of either, changed or not.
        blocks: those that differ.
        same_blocks: number of blocks that are the same.
    """

    client: str
    before: Published
    after: Published
    kpis: tuple[KpiChange, ...]
    tables: tuple[TableChange, ...]
    blocks: tuple[BlockChange, ...]
    same_blocks: int
    reasons: Reasons

    @property
    def same_period(self) -> bool:
        """Whether both are results of one period."""
        return self.before.period == self.after.period

    @property
    def changed_tables(self) -> tuple[TableChange, ...]:
        """The artefacts that differ."""
        return tuple(table for table in self.tables if table.changed)

    @property
    def same(self) -> bool:
        """Whether no result differs, whatever went in."""
        return not (self.changed_tables or self.blocks)

    def as_json(self) -> dict[str, Any]:
        """The comparison for programs: plain values, old and new."""
        return cast(
            dict[str, Any],
            _plain(
                {
                    "client": self.client,
                    "before": {"result": self.before.label, "period": self.before.period},
                    "after": {"result": self.after.label, "period": self.after.period},
                    "same": self.same,
                    "kpis": [{**_fields(k), "name": k.name.given} for k in self.kpis],
                    "tables": [
                        {
                            **asdict(t),
                            "changed": t.changed,
                            "causes": list(self.reasons.of_artefact(t.name)) if t.changed else [],
                        }
                        for t in self.tables
                    ],
                    "blocks": [asdict(b) for b in self.blocks],
                    "causes": list(self.reasons.causes),
                    "data": {
                        "files": [asdict(f) for f in self.reasons.files],
                        "same_files": self.reasons.same_files,
                        "rows": [asdict(r) for r in self.reasons.rows],
                        "inherited": [asdict(c) for c in self.reasons.inherited],
                    },
                    "parameters": [asdict(s) for s in self.reasons.settings],
                    "code": [asdict(c) for c in self.reasons.code],
                }
            ),
        )


def compare(client: str, before: Published, after: Published) -> Difference:
    """Compare two published results of *client*."""
    blocks, same = compare_blocks(before.blocks, after.blocks)
    return Difference(
        client, before, after, compare_kpis(before, after), compare_tables(before, after), blocks, same,
        find_reasons(before, after),
    )  # fmt: skip


def compare_kpis(before: Published, after: Published) -> tuple[KpiChange, ...]:
    """Every KPI that either result measured, in the order of the later one."""
    one, other, judged = _rows(before.frame("kpis")), _rows(after.frame("kpis")), _rows(after.frame("review"))
    names = {**before.kpi_names, **after.kpi_names}
    changes = []
    for kpi in [*other, *(k for k in one if k not in other)]:
        then, now = one.get(kpi, {}), other.get(kpi, {})
        value = _number(then, "value"), _number(now, "value")
        change = None if None in value else cast(float, value[1]) - cast(float, value[0])
        review = judged.get(kpi, {})
        judges = change is not None and _number(review, "previous") == value[0] and _number(review, "value") == value[1]
        interval = _number(review, "low"), _number(review, "high")
        changes.append(
            KpiChange(
                kpi=kpi,
                name=names.get(kpi, named(kpi.replace("_", " "))),
                unit=_unit(now or then),
                value=value,
                low=(_number(then, "low"), _number(now, "low")),
                high=(_number(then, "high"), _number(now, "high")),
                change=change,
                change_interval=cast(tuple[float, float], interval) if judges and None not in interval else None,
                movement=str(review.get("movement") or "") if judges else "",
            )
        )
    return tuple(changes)


def compare_blocks(
    before: Mapping[tuple[str, str], Bundle], after: Mapping[tuple[str, str], Bundle]
) -> tuple[tuple[BlockChange, ...], int]:
    """The blocks that differ, in the order of the later result, and how many do not."""
    changes, same = [], 0
    for place in [*after, *(place for place in before if place not in after)]:
        one, other = before.get(place), after.get(place)
        if one is not None and other is not None and _content(one) == _content(other):
            same += 1
            continue
        then, now = _leading(one), _leading(other)
        if one is None or other is None:
            state: BlockState = "added" if one is None else "removed"
        else:
            state = "title" if then != now else "content"
        kind = str((other or one or {})["kind"])
        changes.append(BlockChange(place[0], place[1], kind, state, then, now))
    return tuple(changes), same


def _content(bundle: Bundle) -> str:
    return json.dumps(bundle, sort_keys=True, ensure_ascii=False)


def _leading(bundle: Bundle | None) -> dict[str, str]:
    """The words that a block is known by: its title, heading, label with value, or sentence."""
    if bundle is None:
        return {}
    words = {}
    for language, said in bundle["languages"].items():
        if bundle["kind"] == "key_figure":
            colon = "：" if language == "zh" else ": "
            words[language] = f"{said['label']}{colon}{said['value']}"
        else:
            words[language] = next((said[name] for name in ("title", "heading", "words", "what") if said.get(name)), "")
    return words


def _rows(frame: pd.DataFrame | None) -> dict[str, dict[str, Any]]:
    if frame is None or "kpi" not in frame:
        return {}
    return {str(row["kpi"]): {str(k): v for k, v in row.items()} for row in frame.to_dict("records")}


def _number(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    return None if is_missing(value) else float(cast(float, value))


def _unit(row: Mapping[str, Any]) -> Unit:
    unit = str(row.get("unit", "number"))
    return cast(Unit, unit) if unit in get_args(Unit) else "number"


def _fields(kpi: KpiChange) -> dict[str, Any]:
    return {name: getattr(kpi, name) for name in ("kpi", "unit", "value", "low", "high", "change", "change_interval",
                                                  "movement", "changed")}  # fmt: skip


def _plain(value: Any) -> Any:
    """Values as JSON has them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)

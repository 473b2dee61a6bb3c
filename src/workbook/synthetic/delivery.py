"""``workbook synth``: a whole engagement on disk – deliveries, settings and the truth behind them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from workbook.errors import UsageError
from workbook.period import Period
from workbook.synthetic.engagement import engagement_yaml, period_yaml
from workbook.synthetic.files import slices, write_files
from workbook.synthetic.generate import generate
from workbook.synthetic.plan import DEMO_LAST, DEMO_SEED, Faults, Plan
from workbook.synthetic.truth import as_json, truth

_README = """\
# {name}: invented data

Every customer, name, number, address and sentence in this folder is invented; nothing here belongs to a real person or
company. Made by `workbook synth {name} --customers {customers} --periods {periods} --seed {seed}`; `truth.json` holds what
the files do not show: hidden values, planted faults, true effects.

本目录中的客户、姓名、电话、地址与评语均为虚构，与任何真实个人或企业无关；真值见 `truth.json`。
"""


def write_delivery(
    name: str,
    out: Path,
    *,
    customers: int = 2000,
    periods: int = 4,
    last_period: Period | None = None,
    seed: int = DEMO_SEED,
    faults: Faults | Mapping[str, float] | None = None,
) -> Path:
    """Invent a client and write its deliveries, settings and truth under *out* (a home folder).

    Args:
        name: the client: small letters, digits, ``-`` and ``_``, beginning with a letter.
        out: the home; ``data/synthetic/<name>/`` and ``params/<name>/`` are made in it.
        customers: number of true customers (100 or more).
        periods: number of deliveries.
        last_period: the last delivery's period, 2025Q4 by default.
        seed: every random number follows from it.
        faults: strengths 0–1 by fault; all at the demo's strengths where none are given.

    Returns:
        The folder of the deliveries.

    Raises:
        UsageError: for a name, a number or a fault that has no meaning, or where the folders are there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise UsageError(f"name: found {name!r}, expected small letters, digits, - and _, beginning with a letter")
    strengths = faults if isinstance(faults, Faults) else Faults.moderate() if faults is None else Faults.of(faults)
    plan = Plan(customers, periods, last_period or DEMO_LAST, seed, strengths)
    data, params = out / "data" / "synthetic" / name, out / "params" / name
    for folder in (data, params):
        if folder.exists():
            raise UsageError(f"{folder}: found a folder, expected none; choose another name or remove it")
    story = generate(plan)
    for part in slices(story):
        write_files(part, data / part.period.name)
    _write(data / "truth.json", as_json(truth(story)))
    _write(data / "README.md", _README.format(name=name, customers=customers, periods=periods, seed=seed))
    _write(params / "engagement.yaml", engagement_yaml(name, plan))
    for period in plan.deliveries:
        _write(params / f"{period.name}.yaml", period_yaml(period))
    return data


def _write(path: Path, words: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(words, encoding="utf-8", newline="\n")

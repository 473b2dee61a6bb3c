"""What customers will bring: expected purchases, spend and discounted value, with intervals; row L3 of the method."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbook.language import Quantity, Text, count, joined, money, named, number, share, text
from workbook.period import Period
from workbook.report.blocks import Block, Column, KeyFigure, NotMeasured, Paragraph, Table
from workbook.settings.models import Grading, Value
from workbook.tables import Tables
from workbook.value.backtest import NAMES, BackTest, back_test, rule_forecast
from workbook.value.buying import MODELS
from workbook.value.fitting import NoFit, Values
from workbook.value.histories import WEEK, Histories, purchase_histories
from workbook.value.kinds import Fitted, Told, fit_kinds, kinds_of, tell
from workbook.value.spending import expected_spend, fit_spend

FEWEST = 100
"""Fewest customers for a forecast."""

Z80 = 1.281552
"""Forecasts carry 80% intervals."""

SHORTEST = 56
"""Fewest days that a back-test holds out, where the orders reach back too short a time for the months of the settings."""

QUARTER = 13.0
"""Weeks after each of which the money to come is discounted."""


@dataclass(frozen=True, eq=False)
class Lifetime:
    """The forecast of each customer.

    Attributes:
        frame: customer_id, purchases, purchases_low, purchases_high (expected in the horizon), spend (expected on a purchase),
            value, value_low, value_high (discounted), silent (probability of no purchase in the horizon), alive (probability of
            still being a customer); low and high (80%) are of the expectation and missing where a rule of thumb made it.
        total, total_low, total_high: value of all, with the 80% interval in which it will lie if the past goes on.
        method: id of the model or rule.
        buying, spending: the models behind it; None where a rule or the mean took their place.
        tested: the back-test.
        old: customers whose first purchase lies before the files, or may.
        ground: customers that the model was fitted on.
        dependence: correlation of purchases and their mean value, which the spend model takes to be 0.
        settings, until: as given.
    """

    frame: pd.DataFrame
    total: float
    total_low: float
    total_high: float
    method: str
    buying: Fitted | None
    spending: Fitted | None
    tested: BackTest | NotMeasured
    old: int
    ground: int
    dependence: float
    settings: Value
    until: dt.date

    def table(self, scores: pd.DataFrame | NotMeasured, grading: Grading) -> Table | NotMeasured:
        """What each tier is expected to bring.

        Args:
            scores: customer_id and tier.
            grading: the tiers of the settings, and how many of them count as high.
        """
        tiers = grading.tiers
        if isinstance(scores, NotMeasured):
            return scores
        people = scores[["customer_id", "tier"]].merge(self.frame, on="customer_id", how="left")
        grouped = people.groupby("tier")
        frame = pd.DataFrame({
            "customers": grouped.size(), "value": grouped["value"].sum(), "purchases": grouped["purchases"].mean(),
            "silent": grouped["silent"].mean(),
        }).reindex([tier.id for tier in tiers])  # fmt: skip
        frame["customers"] = frame["customers"].fillna(0).astype("int64")
        frame["share"] = frame["value"] / frame["value"].sum()
        columns = (
            Column("tier", text("value.column.tier", "Tier"), labels={tier.id: named(tier.name) for tier in tiers}),
            Column("customers", text("value.column.customers", "Customers"), "people"),
            Column("value", text("value.column.value", "Value to come"), "money"),
            Column("share", text("value.column.value_share", "Share of it"), "share"),
            Column("purchases", text("value.column.purchases", "Purchases each"), "number", digits=1),
            Column("silent", text("value.column.silent", "Will not buy"), "share"),
        )
        high = grading.high_tiers
        title = text(
            "value.lifetime.title",
            "{tiers}: {part} of the value of the next {months}",
            tiers=joined([named(tier.name) for tier in tiers[:high]]),
            part=share(float(frame["share"].fillna(0.0).iloc[:high].sum())),
            months=Quantity(self.settings.horizon_months, "months"),
        )
        return Table("value.lifetime", title, columns, frame.reset_index(), self._note(), rows=len(frame), artefact="lifetime")

    def parameters_table(self) -> Table | NotMeasured:
        """The parameters of the models with their intervals."""
        if self.buying is None:
            what = text("value.parameters.what", "Parameters of the model of repeat buying")
            why = text("value.parameters.why", "A rule of thumb made the forecast.")
            return NotMeasured("value.parameters", what, (), why)
        rows = []
        for fitted in (self.buying, self.spending):
            for kind, one in fitted.fits.items() if fitted else ():
                for name, value in one.parameters.items():
                    low, high = (None, None) if name in one.at_end else one.interval(name)
                    row = {"model": one.model, "kind": _kind(kind), "name": name, "value": value, "low": low, "high": high}
                    rows.append({**row, "n": one.customers})
        labels = {**NAMES, "gamma_gamma": text("value.model.gamma_gamma", "Gamma-Gamma (spend)")}
        columns = (
            Column("model", text("value.column.model", "Model"), labels=labels),
            Column("kind", text("value.column.kind", "Customers of kind")),
            Column("name", text("value.column.parameter", "Parameter")),
            Column("value", text("value.column.estimate", "Estimate"), "number", digits=3, low="low", high="high"),
            Column("n", text("value.column.fitted_on", "Fitted on"), "count"),
        )
        title = text(
            "value.parameters.title", "{model}, fitted on {n} customers", model=NAMES[self.method], n=count(self.ground)
        )
        note = text(
            "value.parameters.note",
            "Maximum likelihood with 95% intervals, none for parameters at the end of their range; time in weeks, v in money.",
        )
        return Table("value.parameters", title, columns, pd.DataFrame(rows), note, rows=len(rows))

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """Value of all customers in the horizon."""
        return (
            KeyFigure(
                "value.to_come",
                text("value.key.to_come", "Expected from present customers in {months}",
                     months=Quantity(self.settings.horizon_months, "months")),
                money(self.total),
                money(self.total_low),
                money(self.total_high),
                note=text("value.key.to_come_note", "discounted, 80% interval; {method}; n = {n}",
                          method=NAMES[self.method], n=count(len(self.frame))),
                rank=26,
            ),
        )  # fmt: skip

    def limits(self) -> tuple[Paragraph, ...]:
        """What the forecast rests on: who was left out of the fit, what was pooled, how far purchases and spend go together."""
        words = [
            text(
                "value.limits.forecast",
                "The forecast takes the past to go on: no new measure, price or rival. It is revenue, not profit.",
            )
        ]
        if self.buying is not None and self.old == len(self.frame):
            words.append(
                text(
                    "value.limits.all_old",
                    "The first purchase of every customer may lie before the files; the first one in the files stands in. Where"
                    " the files begin with the business, set value.lead_days to 0.",
                )
            )
        elif self.buying is not None and self.old:
            words.append(
                text(
                    "value.limits.old",
                    "The first purchase of {old} of {n} customers may lie before the files. The model was fitted on {ground};"
                    " for the others their first purchase in the files stands in.",
                    old=count(self.old),
                    n=count(len(self.frame)),
                    ground=count(self.ground),
                )
            )
        if isinstance(self.tested, BackTest) and (off := self.tested.clear_bias) is not None:
            words.append(
                text(
                    "value.limits.bias_low",
                    "In the back-test the total was {off} too low; the forecast may be so too, which its interval leaves out.",
                    off=share(-off),
                )
                if off < 0
                else text(
                    "value.limits.bias_high",
                    "In the back-test the total was {off} too high; the forecast may be so too, which its interval leaves out.",
                    off=share(off),
                )
            )
        if self.buying is not None and any(one.never for one in self.buying.fits.values()):
            words.append(
                text(
                    "value.limits.never",
                    "Nobody is seen to stop buying for good in so short a history, so {model} carries the rates of the past on;"
                    " over a longer time some will stop.",
                    model=NAMES[self.method],
                )
            )
        elif self.buying is not None and any(one.alike for one in self.buying.fits.values()):
            words.append(
                text(
                    "value.limits.alike",
                    "Customers hardly differ in how readily they stop; two parameters of {model} stand at their end.",
                    model=NAMES[self.method],
                )
            )
        for fitted, what in (
            (self.buying, text("value.limits.buying", "repeat buying")),
            (self.spending, text("value.limits.spending", "spend")),
        ):
            if fitted is not None and fitted.p is not None:
                words.append(_pooled(fitted, what))
        if self.spending is not None and abs(self.dependence) >= 0.2:
            words.append(
                text(
                    "value.limits.dependence",
                    "Who buys often spends otherwise on a purchase (correlation {r}); the spend model takes the two to be"
                    " apart, so values at the ends are less sure.",
                    r=number(self.dependence, 2),
                )
            )
        return tuple(Paragraph(f"value.limits_{place}", one, "limits") for place, one in enumerate(words, 1))

    def blocks(self, scores: pd.DataFrame | NotMeasured, grading: Grading) -> tuple[Block, ...]:
        """All that readers see; see :meth:`table`."""
        return (self.table(scores, grading), *self.key_figures(), self.parameters_table(), *self.limits())

    def _note(self) -> Text:
        return text(
            "value.lifetime.note",
            "Expected revenue of the {months} after {end} from customers who bought before, discounted at {rate} a year; by"
            " {method}; value of all {total} ({low} to {high}, 80%); will not buy = mean probability of no purchase; n = {n}.",
            months=Quantity(self.settings.horizon_months, "months"),
            end=Quantity(self.until, "date"),
            rate=share(self.settings.discount),
            method=NAMES[self.method],
            total=money(self.total),
            low=money(self.total_low),
            high=money(self.total_high),
            n=count(len(self.frame)),
        )


def _kind(kind: str) -> Text:
    known = {
        "": text("value.kind.all", "all"),
        "person": text("value.kind.person", "persons"),
        "company": text("value.kind.company", "companies"),
        "other": text("value.kind.other", "others"),
    }
    return known.get(kind) or named(kind)


def _pooled(fitted: Fitted, what: Text) -> Text:
    if len(fitted.fits) > 1:
        return text(
            "value.limits.apart",
            "Kinds of customers differ in {what} beyond chance (p = {p}); each has its own model: {kinds}.",
            what=what, p=number(fitted.p, 3), kinds=joined([_kind(kind) for kind in fitted.fits]),
        )  # fmt: skip
    return text(
        "value.limits.together",
        "Kinds of customers do not differ in {what} beyond chance (p = {p}), so one model serves all.",
        what=what, p=number(fitted.p, 3),
    )  # fmt: skip


def forecast_value(tables: Tables, settings: Value, *, period: Period) -> Lifetime | NotMeasured:
    """Forecast purchases and value of every customer who ever bought, by the method that did best in the back-test.

    Args:
        tables: the canonical tables; orders, and customers for kind and record date.
        settings: models, horizon, holdout, discount.
        period: the period analysed; the forecast begins after its last day.

    Returns:
        The forecast, or NotMeasured where there are too few customers or no model can be fitted and none was tested.
    """
    what = text("value.lifetime.what", "What customers will bring")
    if tables.lacks("orders.amount", "orders.customer_id"):
        return NotMeasured("value.lifetime", what, ("orders.amount", "orders.customer_id"))
    now = purchase_histories(tables, until=period.end, lead_days=settings.lead_days)
    if len(now.frame) < FEWEST or int((now.frame["x"] > 0).sum()) < FEWEST // 3:
        why = text("value.lifetime.few", "A forecast needs 100 customers, 33 of whom bought twice.")
        return NotMeasured("value.lifetime", what, (), why)
    cut = (pd.Timestamp(period.end) - pd.DateOffset(months=settings.holdout_months)).date()
    part = 2 if "holdout_months" in settings.model_fields_set else 3
    latest = period.end - dt.timedelta(days=((period.end - now.begins).days + 1) // part)
    if latest > cut and (period.end - latest).days >= SHORTEST:
        cut = latest
    tested = back_test(purchase_histories(tables, until=cut, lead_days=settings.lead_days), now, settings)
    methods = list(tested.frame["method"]) if isinstance(tested, BackTest) else settings.models
    made = (_forecast(now, settings, tested, str(method)) for method in methods)
    first = next(made)
    # what did best may not be carried by the later histories: then the next best
    return first if isinstance(first, Lifetime) else next((one for one in made if isinstance(one, Lifetime)), first)


def _forecast(now: Histories, settings: Value, tested: BackTest | NotMeasured, method: str) -> Lifetime | NotMeasured:
    frame = now.frame
    everybody = np.ones(len(frame), dtype=bool)
    ground = now.ground()
    kinds = kinds_of(frame["kind"], ground & (frame["x"] > 0).to_numpy())
    rows, place = now.rows()
    buying: Fitted | None = None
    if method in MODELS:
        near = tested.fits.get(method) if isinstance(tested, BackTest) else None
        found = fit_kinds(kinds, ground, lambda chosen: MODELS[method].fit(rows.only(place[chosen]), near))
        if isinstance(found, NoFit):
            return NotMeasured("value.lifetime", text("value.lifetime.what", "What customers will bring"), (), found.why)
        buying = found
    weeks = settings.horizon_months * 365.25 / 12 / WEEK
    steps = _discounted_steps(weeks, settings.discount)

    ends = np.array([*steps])[:, None]

    def ahead(predict: Callable[[Values], Values]) -> Values:
        """Discounted purchases of each history from its purchases until several weeks, one row each."""
        until = predict(ends)
        return np.asarray(
            sum(np.diff(until, axis=0, prepend=np.zeros((1, len(rows.x)))) * np.array([*steps.values()])[:, None])
        )

    if buying is None:
        ruled = ahead(lambda week: rule_forecast(method, rows, week, settings.hiatus_days))
        purchases = rule_forecast(method, rows, weeks, settings.hiatus_days)[place]
        bought, silent, alive = Told.fixed(ruled[place]), np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    else:
        model = MODELS[method]
        bought = tell(buying, kinds, lambda p, chosen: ahead(lambda week: model.expected(p, rows, week))[place[chosen]])
        purchases = tell(buying, kinds, lambda p, chosen: model.expected(p, rows, weeks)[place[chosen]]).value
        silent = tell(buying, kinds, lambda p, chosen: model.silent(p, rows, weeks)[place[chosen]]).value
        alive = tell(buying, kinds, lambda p, chosen: model.alive(p, rows)[place[chosen]]).value
    x, spend = frame["x"].to_numpy(dtype=float), frame["spend"].to_numpy(dtype=float)
    spending = fit_kinds(kinds, everybody, lambda chosen: fit_spend(x[chosen], spend[chosen]))
    if isinstance(spending, NoFit):
        each = Told.fixed(np.where(np.isnan(spend), np.nanmean(spend), spend))
    else:
        each = tell(spending, kinds, lambda p, chosen: expected_spend(p, x[chosen], spend[chosen]))
    value = bought.value * each.value
    known = (x > 0) & (spend > 0)
    people = pd.DataFrame({"customer_id": frame["customer_id"], "purchases": purchases})
    people["purchases_low"], people["purchases_high"] = _around(purchases, bought.relative, buying is not None)
    people["spend"] = each.value
    people["value"] = value
    people["value_low"], people["value_high"] = _around(value, bought.relative + each.relative, buying is not None)
    people["silent"], people["alive"] = silent, alive
    chance = (tested.dispersion if isinstance(tested, BackTest) else 1.0) * float((bought.value * each.value**2).sum())
    half = Z80 * float(np.sqrt(bought.of_total(each.value) + each.of_total(bought.value) + chance))
    total = float(value.sum())
    dependence = float(np.corrcoef(x[known], spend[known])[0, 1]) if known.sum() > 2 else 0.0
    return Lifetime(
        people, total, max(0.0, total - half), total + half, method, buying,
        None if isinstance(spending, NoFit) else spending, tested, int((~frame["seen"]).sum()), int(ground.sum()), dependence,
        settings, now.until,
    )  # fmt: skip


def _discounted_steps(weeks: float, yearly: float) -> dict[float, float]:
    """Ends of the steps of at most a quarter in which money comes in, and what one of it is worth today (from mid-step)."""
    ends = [*np.arange(QUARTER, weeks - 1e-9, QUARTER).tolist(), weeks]
    begins = [0.0, *ends[:-1]]
    return {end: (1 + yearly) ** (-(begin + end) / 2 / 52.1786) for begin, end in zip(begins, ends, strict=True)}


def _around(value: Values, relative: Values, measured: bool) -> tuple[Values, Values]:
    """The 80% interval of an expectation above 0, symmetric in its logarithm; missing where none was measured."""
    if not measured:
        nothing = np.full(len(value), np.nan)
        return nothing, nothing
    spread = np.exp(Z80 * np.sqrt(relative))
    return value / spread, value * spread

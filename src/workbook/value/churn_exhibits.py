"""What readers see of churn risk: methods compared, calibration, early signs, value at risk by tier, the list; row L4."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from workbook.language import Edition, Quantity, Text, count, day, joined, money, named, number, share, text
from workbook.report.blocks import Block, Column, Figure, KeyFigure, NotMeasured, Paragraph, Table
from workbook.report.figures import DIAMOND, MUTED, PARTIAL_WIDTH, canvas, label_axis
from workbook.settings.models import Grading, Value
from workbook.value.buying import MODELS
from workbook.value.fitting import Values
from workbook.value.histories import Chosen
from workbook.value.risk import lost_value, reliability

FEW = 30
"""Below this many customers counts are told instead of shares."""

TOP = 0.1
"""Share of the customers with the most value at risk that the title speaks of."""

SIGNS: Mapping[str, Text] = {
    "slowing": text("value.sign.slowing", "Silent for longer than usual"),
    "once": text("value.sign.once", "Bought once only"),
    "spends_less": text("value.sign.spends_less", "Spends less than half of before"),
    "ticket": text("value.sign.ticket", "Asked the service desk"),
    "unsolved": text("value.sign.unsolved", "A ticket is still open"),
    "unhappy": text("value.sign.unhappy", "Gave half marks or fewer"),
    "contact_lost": text("value.sign.contact_lost", "No contact any more"),
}
OFFERS: Mapping[str, Text] = {
    "unhappy": text("value.offer.unhappy", "Call, hear what went wrong and mend it; no offer before that"),
    "unsolved": text("value.offer.unsolved", "Solve the open ticket and call back"),
    "ticket": text("value.offer.ticket", "Call back: is the matter solved?"),
    "contact_lost": text("value.offer.contact_lost", "The account manager gets in touch again"),
    "slowing": text("value.offer.slowing", "Remind of the usual purchase"),
    "spends_less": text("value.offer.spends_less", "Ask what changed; a bundle that suits it"),
    "once": text("value.offer.once", "Welcome offer for the second purchase"),
    "": text("value.offer.none", "Keep up contact; no sign yet"),
}
"""What to do about each sign; where there are several, in this order."""

METHODS: Mapping[str, Text] = {
    "logistic": text("value.churn.logistic", "Logistic regression"),
    "boosting": text("value.churn.boosting", "Boosted trees"),
    "hiatus": text("value.churn.hiatus", "Long silence or not"),
    "tenure": text("value.churn.tenure", "Months on board alone"),
    **{
        id: text("value.churn.no_purchase", "No purchase by {model}", model=model.name) for id, model in MODELS.items()
    },
}  # fmt: skip


ASK = text("value.offer.ask", "Call before the customer does and ask about what the signs show")
"""What to do about signs that only the delivery's own columns name."""

MOST_SIGNS = 12


@dataclass(frozen=True, eq=False)
class FromSnapshot:
    """What a risk read from a snapshot has besides.

    Attributes:
        names: sign → what readers see.
        tried: values and quarters of columns that were looked at for signs.
        leaky: columns left out because they tell the outcome itself; unread: columns of too many different words.
        by_contract: whether the value to come is that of contracts.
    """

    names: Mapping[str, Text]
    tried: int
    leaky: tuple[Text, ...]
    unread: tuple[Text, ...]
    by_contract: bool


@dataclass(frozen=True, eq=False)
class Churn:
    """The risk that each customer leaves.

    Attributes:
        people: customer_id, probability, signals (ids of the clear ones, the strongest first, set apart by ", "), value,
            value_at_risk (probability × value); those who have not left yet, ordered by customer_id.
        scores: method and what judge_risk says of it; the smallest error first.
        method: what made the probabilities.
        held_out: probabilities of that method for the customers judged; lost: who of them left.
        signals: what weigh_signals says.
        definition: purchases, contracts or flag.
        settings: as given; longest: days of the longest horizon.
        cut: the day after which the customers judged left or stayed; until: the day for which the probabilities hold.
        later: whether the method was learned a horizon earlier than it was judged; else across customers.
        learned_on: customers that it was learned on for that.
        snapshot: what a risk read from a snapshot has besides; None for the others.
    """

    people: pd.DataFrame
    scores: pd.DataFrame
    method: str
    held_out: Values
    lost: Chosen
    signals: pd.DataFrame
    definition: str
    settings: Value
    longest: int
    cut: dt.date
    until: dt.date
    later: bool
    learned_on: int
    snapshot: FromSnapshot | None = None

    @property
    def names(self) -> Mapping[str, Text]:
        """Sign → what readers see."""
        return SIGNS if self.snapshot is None else self.snapshot.names

    @property
    def frame(self) -> pd.DataFrame:
        """The artefact: customer_id, probability, value_at_risk, signals."""
        return self.people[["customer_id", "probability", "value_at_risk", "signals"]]

    def to_keep(self) -> pd.DataFrame:
        """Whom to keep: customer_id, probability, value_at_risk, signs and offer as texts; the most value at risk first."""
        people = self.people[self.people["value_at_risk"] > 0]
        people = people.sort_values(["value_at_risk", "customer_id"], ascending=[False, True], ignore_index=True)
        known = {ids: [one for one in ids.split(", ") if one] for ids in people["signals"].unique()}
        signs = {ids: joined([self.names[one] for one in found]) for ids, found in known.items()}
        offers = {
            ids: ASK if found and self.snapshot else OFFERS[next((one for one in OFFERS if one in found), "")]
            for ids, found in known.items()
        }
        return people[["customer_id", "probability", "value_at_risk"]].assign(
            signs=people["signals"].map(signs), offer=people["signals"].map(offers)
        )

    def table(self) -> Table:
        """Every method with its error, its skill and how it ranks."""
        columns = (
            Column("method", text("value.column.method", "Method"), labels=METHODS),
            Column("brier", text("value.column.brier", "Error (Brier)"), "number", digits=3),
            Column("skill", text("value.column.skill", "Better than the base rate"), "share",
                   low="skill_low", high="skill_high"),
            Column("auc", text("value.column.auc", "Ranks right (AUC)"), "number", digits=2, low="auc_low", high="auc_high"),
            Column("capture", text("value.column.leavers", "Leavers in the top tenth"), "share"),
        )  # fmt: skip
        return Table("value.churn", self._title(), columns, self.scores, self._note(), rows=len(self.scores))

    def figure(self) -> Figure:
        """Calibration: probability against the share that left, for groups of customers."""
        groups = reliability(self.held_out, self.lost)

        def draw(edition: Edition) -> Canvas:
            figure, axes = canvas(PARTIAL_WIDTH, 3.1)
            x, y = groups["foretold"].to_numpy(), groups["left"].to_numpy()
            top = min(1.0, 1.1 * max(float(groups["high"].max()), float(x.max())))
            axes.plot([0, top], [0, top], color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)))
            spans = np.maximum([y - groups["low"], groups["high"] - y], 0.0)
            axes.errorbar(x, y, yerr=spans, fmt="o", color=DIAMOND, markersize=4.5, elinewidth=1.2)
            axes.set_xlim(0, top)
            axes.set_ylim(0, top)
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(lambda value, _: share(value, 0).render(edition))
            axes.set_xlabel(text("value.churn.axis_foretold", "Probability of leaving, foretold").render(edition))
            label_axis(axes, text("value.churn.axis_left", "Share that left").render(edition))
            return figure

        title = self._calibration_title(groups)
        alt = text(
            "value.churn.alt",
            "Points of the share that left against the probability foretold, for groups of customers. {message}",
            message=title,
        )
        columns = (
            Column("group", text("value.column.risk_group", "Group by probability"), "count"),
            Column("customers", text("value.column.customers", "Customers"), "people"),
            Column("foretold", text("value.column.foretold", "Foretold"), "share"),
            Column("left", text("value.column.left", "Left"), "share", low="low", high="high"),
        )
        under = Table("value.churn_calibration_data", title, columns, groups, self._note(), rows=len(groups))
        return Figure("value.churn_calibration", title, draw, alt, self._note(), under)

    def signs_table(self) -> Table | NotMeasured:
        """The early signs with what they say of leaving."""
        if self.signals.empty:
            what = text("value.signs.what", "Early signs of leaving")
            needed = ("tickets", "feedback", "interactions")
            return NotMeasured("value.churn_signs", what, needed)
        columns = (
            Column("signal", text("value.column.sign", "Sign"), labels=self.names),
            Column("customers", text("value.column.show_it", "Show it"), "count"),
            Column("left_with", text("value.column.left_with", "Left of these"), "share"),
            Column("left_without", text("value.column.left_without", "Left of the others"), "share"),
            Column("difference", text("value.column.points_apart", "Apart (points)"), "points", low="low", high="high"),
            Column("odds", text("value.column.odds", "Odds ratio, all else equal"), "number", digits=2,
                   low="odds_low", high="odds_high"),
        )  # fmt: skip
        if self.snapshot is not None:
            note = text(
                "value.signs.note_snapshot",
                "Of each column the value, or the lowest or highest quarter, of which most have "
                "left; {tried} were looked at, and"
                " the intervals hold for all of them at once (95%). All else = the other signs and "
                "the months on board. A sign is"
                " no cause, and may have been written down after the customer left; n = {n}.",
                tried=count(self.snapshot.tried), n=count(len(self.lost)),
            )  # fmt: skip
            shown = self.signals.head(MOST_SIGNS)
            return Table("value.churn_signs", self._signs_title(), columns, shown, note, rows=MOST_SIGNS)
        note = text(
            "value.signs.note",
            "Signs of the {days} before {cut}; silence is long from 1.5 times the customer's own mean gap on. Intervals hold"
            " for all signs at once (95%); all else = the other signs, purchases and rhythm; a sign is no cause;"
            " n = {n}.",
            days=Quantity(self.settings.churn.recent_days, "days"),
            cut=day(self.cut),
            n=count(len(self.lost)),
        )
        return Table("value.churn_signs", self._signs_title(), columns, self.signals, note, rows=len(self.signals))

    def keep_table(self, scores: pd.DataFrame | NotMeasured, grading: Grading) -> Table | NotMeasured:
        """Value at risk by tier.

        Args:
            scores: customer_id and tier.
            grading: the tiers of the settings.
        """
        what = text("value.keep.what", "The value at risk")
        if self.people["value_at_risk"].isna().all():
            return NotMeasured("value.keep", what, (), text("value.keep.why", "There is no forecast of the customers' value."))
        labels, people = self._groups(scores, grading)
        places = list(labels)
        grouped = people.groupby("tier")
        frame = pd.DataFrame({
            "customers": grouped.size(), "probability": grouped["probability"].mean(), "value": grouped["value"].sum(),
            "value_at_risk": grouped["value_at_risk"].sum(),
        }).reindex([place for place in places if place in grouped.groups]).rename_axis("tier").reset_index()  # fmt: skip
        frame["part"] = frame["value_at_risk"] / frame["value_at_risk"].sum()
        columns = (
            Column("tier", text("value.column.tier", "Tier"), labels=labels),
            Column("customers", text("value.column.could_leave", "Could leave"), "count"),
            Column("probability", text("value.column.probability", "Mean probability"), "share"),
            Column("value", text("value.column.value", "Value to come"), "money"),
            Column("value_at_risk", text("value.column.at_risk", "Value at risk"), "money"),
            Column("part", text("value.column.value_share", "Share of it"), "share"),
        )
        most, _, overlap = self._concentration()
        by_contract = self.snapshot is not None and self.snapshot.by_contract
        note = text(
            "value.keep.note_contract",
            "Value to come = what a month of the contract brings × the months to be expected by who has stayed so far, of"
            " the next {months}, discounted; value at risk = probability of leaving × it, summed, at "
            "the cautious end, since the"
            " value to come reckons with leaving already. Of the {n} with most of it, {overlap} are "
            "also among the {n} likeliest to"
            " leave: who to keep goes by value at risk. As of {day}; n = {all} customers who have not left.",
            months=count(self.settings.horizon_months),
            n=count(most), overlap=count(overlap), day=day(self.until), all=count(len(self.people)),
        ) if by_contract else text(
            "value.keep.note",
            "Value at risk = probability of leaving × value to come, summed; the value to come reckons with leaving already,"
            " so this is at the cautious end. Of the {n} with most of it, {overlap} are also among the {n} likeliest to leave:"
            " who to keep goes by value at risk. As of {day}; n = {all} customers who have not left.",
            n=count(most), overlap=count(overlap), day=day(self.until), all=count(len(self.people)),
        )  # fmt: skip
        return Table("value.keep", self._keep_title(), columns, frame, note, rows=len(frame), artefact="churn")

    def message(self) -> Text | NotMeasured:
        """What the value at risk says in one sentence."""
        unknown = NotMeasured("value.keep", text("value.keep.what", "The value at risk"))
        return self._keep_title() if (self.people["value_at_risk"] > 0).any() else unknown

    def _keep_title(self) -> Text:
        most, part, _ = self._concentration()
        return text(
            "value.keep.title", "{n} {n:customer holds|customers hold} {part} of the value at risk",
            n=count(most), part=share(part),
        )  # fmt: skip

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """Value at risk of all customers who could leave."""
        probability, value = (self.people[name].to_numpy(dtype=float) for name in ("probability", "value"))
        total, low, high = lost_value(probability, value, self.held_out, self.lost)
        if not total > 0:
            return ()
        return (
            KeyFigure(
                "value.at_risk",
                text("value.key.at_risk", "Value at risk"),
                money(total),
                money(low),
                money(high),
                better="lower",
                note=text(
                    "value.key.at_risk_note",
                    "probability of leaving × value to come; n = {n} customers, of whom about {left} would leave; 95% interval:"
                    " chance of who leaves, and the error of the back-test",
                    n=count(len(self.people)),
                    left=count(round(float(self.people["probability"].sum()))),
                ),
                rank=32,
            ),
        )

    def definition_words(self) -> Paragraph:
        """What leaving means here."""
        churn = self.settings.churn
        if self.snapshot is not None:
            return Paragraph("value.churn_definition", text(
                "value.churn.by_flag",
                "Leaving = what the delivery says of each customer in its snapshot of {day}: {left} "
                "of {n} have left. It tells neither"
                " when nor over which time, so the probability is the share that had left by then "
                "among customers like this one.",
                day=day(self.cut), left=count(int(self.lost.sum())), n=count(len(self.lost)),
            ), "meaning")  # fmt: skip
        words = (
            text(
                "value.churn.by_contract",
                "Leaving = a contract that ends within {longest} without another within 30 days. Each contract that"
                " was to end within that time counts once.",
                longest=Quantity(self.longest, "days"),
            )
            if self.definition == "contracts"
            else text(
                "value.churn.by_purchase",
                "Leaving = no purchase within {rhythm} times the customer's own mean gap between purchases, {shortest} at least"
                " and {longest} at most; to the own gaps one typical gap is added. Customers silent for longer than that"
                " have left already and are not counted.",
                rhythm=number(churn.rhythm),
                shortest=Quantity(churn.shortest_days, "days"),
                longest=Quantity(self.longest, "days"),
            )
        )
        return Paragraph("value.churn_definition", words, "meaning")

    def blocks(self, scores: pd.DataFrame | NotMeasured, grading: Grading) -> tuple[Block, ...]:
        """All that readers see; see :meth:`keep_table`."""
        shown = (self.definition_words(), self.table(), self.figure(), self.signs_table(), self.keep_table(scores, grading))
        return (*shown, *self.left_out(), *self.key_figures())

    def left_out(self) -> tuple[Paragraph, ...]:
        """Columns of a snapshot from which nothing was learned, and why."""
        if self.snapshot is None:
            return ()
        told = []
        if self.snapshot.leaky:
            told.append(Paragraph("value.churn_leaky", text(
                "value.churn.leaky",
                "Left out, because they tell by themselves who has left and were probably written afterwards: {columns}.",
                columns=joined(list(self.snapshot.leaky)),
            ), "limits"))  # fmt: skip
        if self.snapshot.unread:
            told.append(Paragraph("value.churn_unread", text(
                "value.churn.unread", "Not used, because they hold too many different words: {columns}.",
                columns=joined(list(self.snapshot.unread)),
            ), "limits"))  # fmt: skip
        return tuple(told)

    def _groups(self, scores: pd.DataFrame | NotMeasured, grading: Grading) -> tuple[dict[str, Text], pd.DataFrame]:
        """The customers with their tier; where there are no grades, those of most value at risk and the others."""
        if isinstance(scores, pd.DataFrame):
            labels = {tier.id: named(tier.name) for tier in grading.tiers}
            return labels, self.people.merge(scores[["customer_id", "tier"]], on="customer_id")
        labels = {"most": text("value.keep.most", "The tenth with most at risk"), "rest": text("value.keep.rest", "The others")}
        place = self.people["value_at_risk"].fillna(0.0).rank(method="first", ascending=False)
        return labels, self.people.assign(tier=np.where(place <= self._concentration()[0], "most", "rest"))

    def _concentration(self) -> tuple[int, float, int]:
        """Customers in the top tenth by value at risk, their share of it, and how many of them are in that by probability."""
        people = self.people.fillna({"value_at_risk": 0.0})
        most = max(1, round(TOP * len(people)))
        by_value = people.sort_values(["value_at_risk", "customer_id"], ascending=[False, True]).head(most)
        by_chance = people.sort_values(["probability", "customer_id"], ascending=[False, True]).head(most)
        total = float(people["value_at_risk"].sum())
        part = float(by_value["value_at_risk"].sum()) / total if total > 0 else 0.0
        return most, part, int(by_value["customer_id"].isin(by_chance["customer_id"]).sum())

    def _title(self) -> Text:
        at = list(self.scores["method"]).index(self.method)
        skill, auc = (float(self.scores[name].iloc[at]) for name in ("skill_low", "auc"))
        if not skill > 0:
            return text("value.churn.blind", "Nothing foretells leaving clearly better than the base rate")
        return text(
            "value.churn.title",
            "{method}: in {auc} of pairs the one who left stood higher",
            method=METHODS[self.method],
            auc=share(auc, 0),
        )

    def _calibration_title(self, groups: pd.DataFrame) -> Text:
        foretold, left = float(self.held_out.mean()), float(self.lost.mean())
        inside = int(((groups["foretold"] >= groups["low"]) & (groups["foretold"] <= groups["high"])).sum())
        return text(
            "value.churn.calibration",
            "{foretold} were foretold to leave, {left} left; {inside} of {n} groups fit",
            foretold=share(foretold, 0),
            left=share(left, 0),
            inside=count(inside),
            n=count(len(groups)),
        )

    def _signs_title(self) -> Text:
        clear = self.signals[self.signals["clear"].astype(bool)]
        if clear.empty:
            return text("value.signs.none", "No early sign clearly sets those who left apart")
        first = clear.iloc[0]
        if int(clear["customers"].iloc[0]) < FEW:
            return text("value.signs.few", "Clearest early sign: {sign}", sign=self.names[str(first["signal"])])
        return text(
            "value.signs.title",
            "{sign}: {with_it} left, of the others {without}",
            sign=self.names[str(first["signal"])],
            with_it=share(float(clear["left_with"].iloc[0]), 0),
            without=share(float(clear["left_without"].iloc[0]), 0),
        )

    def _note(self) -> Text:
        values: dict[str, Text | Quantity | str] = {
            "n": count(len(self.lost)), "left": count(int(self.lost.sum())), "base": share(float(self.lost.mean())),
            "cut": day(self.cut), "method": METHODS[self.method], "learned": count(self.learned_on),
            "earlier": day(self.cut - dt.timedelta(days=self.longest)),
        }  # fmt: skip
        if self.snapshot is not None:
            return text(
                "value.churn.note_snapshot",
                "n = {n} customers of the snapshot of {cut}, of whom {left} ({base}) have left; each "
                "foretold from the others (five"
                " folds; customers alike in everything stand in one fold); 95% intervals over "
                "customers. Columns stand as of the"
                " snapshot: only a second one, taken later, would show how well the probabilities foretell.",
                **{name: values[name] for name in ("n", "cut", "left", "base")},
            )
        if self.later:
            return text(
                "value.churn.note_later",
                "n = {n} customers of {cut}, of whom {left} ({base}) left; learned on {learned} customers of {earlier} and what"
                " they did until {cut}; 95% intervals over customers. Today's probabilities are by {method}, learned anew.",
                **values,
            )
        return text(
            "value.churn.note_folds",
            "n = {n} customers of {cut}, of whom {left} ({base}) left; each foretold from the others (five folds), which"
            " does not show what another season brings; 95% intervals over customers. Today's probabilities are by {method}.",
            **{name: value for name, value in values.items() if name not in ("learned", "earlier")},
        )

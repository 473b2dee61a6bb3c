"""How records became customers, told to a reader: by which rules, how sure, and what a person should look at (D4)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from scipy.stats import norm

from workbook.language import Text, count, joined, named, share, text
from workbook.report.blocks import Block, Column, KeyFigure, NotMeasured, Paragraph, Sheet, Table
from workbook.settings.models import Settings
from workbook.sources.link import XREF_COLUMNS, Linked
from workbook.sources.link_review import answer_words, head_words
from workbook.sources.prepare import Preparation


@dataclass(frozen=True)
class Judged:
    """What people said of some pairs: how many are the same customer, different, or could not be told."""

    same: int
    different: int
    unsure: int

    @property
    def n(self) -> int:
        """Pairs with a clear answer."""
        return self.same + self.different

    @property
    def part(self) -> float | None:
        """Share of the clear answers that say the same customer; None where there is none."""
        return self.same / self.n if self.n else None

    def interval(self, confidence: float) -> tuple[float, float] | None:
        """Wilson's score interval of that share (Wilson 1927, JASA 22, 209–212).

        >>> tuple(round(x, 4) for x in Judged(15, 35, 0).interval(0.95))
        (0.191, 0.4375)
        """
        if not self.n:
            return None
        z = float(norm.ppf(0.5 + confidence / 2))
        p, n = self.same / self.n, self.n
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        # the limits are exactly 0 and 1 at the ends; rounding must not move them past the share
        return (max(0.0, middle - half) if self.same else 0.0), (min(1.0, middle + half) if self.different else 1.0)


@dataclass(frozen=True)
class LinkStory:
    """The account of linking as blocks; every number comes from the preparation's own frames."""

    linked: Linked
    provenance: pd.DataFrame
    rules: Mapping[str, Text]
    confidence: float

    @property
    def xref(self) -> pd.DataFrame:
        """source, source_id, customer_id, rule, score."""
        return self.linked.xref

    def blocks(self) -> list[Block]:
        """Everything for the notebook."""
        return [
            *self.key_figures(), self.rules_table(), *self.model_note(), self.examples_table(), self.precision_table(),
            self.doubtful_table(), self.fields_table(),
        ]  # fmt: skip

    def key_figures(self) -> list[KeyFigure]:
        """The precision of the links, where people have judged a sample."""
        judged = self.judged_sample()
        ends = judged.interval(self.confidence)
        if ends is None:
            return []
        return [
            KeyFigure(
                "links.precision",
                text("links.precision", "Links between systems that are right"),
                share(judged.part, 1),
                share(ends[0], 1),
                share(ends[1], 1),
                better="higher",
                note=text("links.precision.note", "{n} links drawn at random and judged by a person", n=count(judged.n)),
                rank=85,
            )
        ]

    def by_rule(self) -> pd.DataFrame:
        """rule, pairs, linked, split, review (pairs of records), score (mean of the linked ones); in order of links."""
        pairs = self.linked.pairs
        fates = {fate: pairs["fate"].eq(fate).astype("int64") for fate in ("linked", "split", "review")}
        grouped = pairs.assign(pairs=1, **fates).groupby("rule", sort=True)[["pairs", *fates]].sum()
        frame = grouped.reset_index()
        frame["score"] = frame["rule"].map(pairs[pairs["fate"] == "linked"].groupby("rule")["score"].mean())
        return frame.sort_values(["linked", "pairs", "rule"], ascending=[False, False, True], ignore_index=True)

    def rules_table(self) -> Table:
        """Each rule with the pairs of records that agree in it and what became of them."""
        frame, facts = self.by_rule(), self.linked.facts
        records, customers = sum(facts["systems"].values()), int(facts["customers"])
        if records == customers:
            title = text(
                "links.rules.none", "No two records of different systems are linked: {n} customers", n=count(customers)
            )
        else:
            title = text(
                "links.rules.title",
                "{records} records are {customers} customers; {several} stand in more than one system",
                records=count(records),
                customers=count(customers),
                several=count(facts["shared_customers"]),
            )
        return Table(
            "links.rules",
            title,
            (
                Column("rule", text("links.rule", "Agreement in"), labels=self.rules),
                Column("pairs", text("links.pairs", "Pairs of records"), "count"),
                Column("linked", text("links.linked", "One customer"), "count"),
                Column("split", text("links.split", "Kept apart"), "count"),
                Column("review", text("links.review", "To be reviewed"), "count"),
                Column("score", text("links.score", "Mean score"), "ratio"),
            ),
            frame,
            note=self._rules_note(records),
            rows=len(frame),
            artefact="xref",
        )

    def _rules_note(self, records: int) -> Text:
        facts = self.linked.facts
        systems = joined([named(f"{name} {n:,}") for name, n in facts["systems"].items()])
        return text(
            "links.rules.note",
            "Pairs of records by the first rule in which they agree; score 1 for a rule or an answer, else the match "
            "probability; {n} records ({systems}). Keys shared by too many, used as none: {shared}.",
            n=count(records),
            systems=systems,
            shared=count(sum(int(keys) for _, keys, _ in facts["shared"])),
        )

    def model_note(self) -> list[Paragraph]:
        """Why the model was left out, where it was asked for and could not be estimated."""
        reasons = {
            "few_records": text("links.untrained.few_records", "The model was left out: too few records to learn from."),
            "few_matches": text(
                "links.untrained.few_matches", "The model was left out: the rules link too few pairs to learn from."
            ),
            "few_columns": text(
                "links.untrained.few_columns", "The model was left out: fewer than three columns can be compared."
            ),
        }
        reason = str(self.linked.facts.get("untrained", ""))
        return [Paragraph("links.model", reasons[reason], role="limits")] if reason else []

    def examples_table(self) -> Table | Paragraph:
        """Linked pairs of each rule, names and contacts masked."""
        review = self.linked.review
        shown = review[review["fate"] == "linked"].groupby("rule", sort=False).head(3).head(9)
        if shown.empty:
            return Paragraph("links.examples", text("links.examples.none", "There is no linked pair to show."))
        return Table(
            "links.examples",
            text("links.examples.title", "{n} linked {n:pair|pairs} as examples", n=count(len(shown))),
            (
                Column("rule", text("links.rule", "Agreement in"), labels=self.rules),
                *_side("a"),
                *_side("b"),
            ),
            shown[["rule", *(f"{c}_{e}" for e in "ab" for c in ("source", "name", "phone"))]].reset_index(drop=True),
            note=text(
                "links.examples.note",
                "From the links drawn at random for review; names and phones are masked, systems as delivered.",
            ),
        )

    def judged_sample(self) -> Judged:
        """Answers about the links that were drawn at random."""
        pairs = self.linked.pairs
        return _judged(pairs[pairs["sampled"]])

    def precision_table(self) -> Table | NotMeasured:
        """What people said: of the links drawn at random, which tells their precision, and of the doubtful pairs."""
        pairs = self.linked.pairs
        groups = {"links": self.judged_sample(), "doubtful": _judged(pairs[~pairs["proposed"]])}
        rows = []
        for name, judged in groups.items():
            low, high = judged.interval(self.confidence) or (None, None)
            rows.append((name, judged.same, judged.different, judged.unsure, judged.part, low, high))
        frame = pd.DataFrame(rows, columns=["group", "same", "different", "unsure", "part", "low", "high"])
        what = text("links.precision.what", "The share of links between systems that are right")
        sample = int(pairs["sampled"].sum())
        if not groups["links"].n:
            why = text(
                "links.precision.why",
                "Nobody has judged links yet. Fill in the last column of lists/link_review ({n} links, drawn at random) and "
                "put the file into data/<client>/ledger/; the next run reads it.",
                n=count(sample),
            )
            return NotMeasured("links.precision_table", what, (), why)
        return Table(
            "links.precision_table",
            text(
                "links.precision.title",
                "{same} of {n} links judged by a person are right",
                same=count(groups["links"].same),
                n=count(groups["links"].n),
            ),
            (
                Column("group", text("links.group", "Pairs"), labels={
                    "links": text("links.group.links", "Links drawn at random"),
                    "doubtful": text("links.group.doubtful", "Doubtful pairs"),
                }),
                Column("same", answer_words()["same"], "count"),
                Column("different", answer_words()["different"], "count"),
                Column("unsure", answer_words()["unsure"], "count"),
                Column("part", text("links.part", "Share that is one customer"), "share", low="low", high="high"),
            ),
            frame,
            note=text(
                "links.precision_table.note",
                "Answers in the review file; share of the clear answers with its {confidence} interval; the sample of links "
                "has {n} pairs. Doubtful pairs are no sample of all: the most likely ones come first.",
                confidence=share(self.confidence, 0),
                n=count(sample),
            ),
        )  # fmt: skip

    def doubtful_table(self) -> Table | Paragraph:
        """Why pairs that agree in a key were not linked."""
        pairs = self.linked.pairs
        doubtful = pairs[pairs["fate"].isin(["review", "split"])]
        waiting = doubtful[doubtful["answer"] == ""]
        if doubtful.empty:
            return Paragraph("links.doubtful", text("links.doubtful.none", "No pair is left for a person to look at."))
        grouped = doubtful.assign(answered=doubtful["answer"].ne("").astype("int64"), pairs=1)
        frame = grouped.groupby(["reason", "rule"], sort=True)[["pairs", "answered"]].sum().reset_index()
        frame = frame.sort_values(["pairs", "reason", "rule"], ascending=[False, True, True], ignore_index=True)
        return Table(
            "links.doubtful",
            text(
                "links.doubtful.title", "{n} doubtful {n:pair waits|pairs wait} for a person's judgement", n=count(len(waiting))
            ),
            (
                Column("reason", text("links.reason", "Why they are not linked"), labels=reason_words()),
                Column("rule", text("links.rule", "Agreement in"), labels=self.rules),
                Column("pairs", text("links.pairs", "Pairs of records"), "count"),
                Column("answered", text("links.answered", "Judged"), "count"),
            ),
            frame,
            note=text(
                "links.doubtful.note",
                "Pairs of records that agree in a key and were not linked; the most likely stand in lists/link_review, to be "
                "judged and put into data/<client>/ledger/.",
            ),
        )

    def fields_table(self) -> Table | Paragraph:
        """Of customers with several records: which system each field comes from, and how often the systems differ."""
        if self.provenance.empty:
            return Paragraph(
                "links.fields", text("links.fields.none", "No customer has several records to choose fields from.")
            )
        p = self.provenance.assign(values=1, differ=self.provenance["different"].gt(1).astype("int64"))
        frame = p.groupby("field", sort=True)[["values", "differ"]].sum().reset_index()
        most = p.groupby(["field", "source"], sort=True)["values"].sum().reset_index()
        most = most.sort_values(["field", "values", "source"], ascending=[True, False, True]).drop_duplicates("field")
        frame = frame.merge(most.rename(columns={"values": "from_source"}), on="field")
        frame["part"] = frame["differ"] / frame["values"]
        frame = frame.sort_values(["differ", "values", "field"], ascending=[False, False, True], ignore_index=True)
        first = frame.iloc[0]
        if first["differ"]:
            title = text(
                "links.fields.title",
                "The records of a customer differ most in {field}: {n} of {all} customers",
                field=str(first["field"]),
                n=count(int(first["differ"])),
                all=count(int(first["values"])),
            )
        else:
            title = text("links.fields.agree", "The records of each customer agree in every field")
        return Table(
            "links.fields",
            title,
            (
                Column("field", text("links.field", "Field")),
                Column("values", text("links.fields.values", "Customers with a value"), "people"),
                Column("source", text("links.fields.source", "Mostly from")),
                Column("from_source", text("links.fields.from", "Values from there"), "count"),
                Column("differ", text("links.fields.differ", "Records that differ"), "count"),
                Column("part", text("links.fields.part", "Share"), "share"),
            ),
            frame,
            note=text(
                "links.fields.note",
                "Customers with several records, by field: the value that survived and its system, and how many have records "
                "with different values; {n} customers.",
                n=count(int(self.provenance["customer_id"].nunique())),
            ),
            rows=len(frame),
        )

    def sheets(self) -> list[Sheet]:
        """The review file: doubtful pairs first, the most likely on top, then the links drawn at random; contacts masked."""
        review = self.linked.review
        frame = review.assign(answer=review["answer"].map(answer_words()).where(review["answer"] != "", None))
        heads = head_words()
        columns = (
            Column("part", text("links.sheet.part", "Part"), labels={
                "doubtful": text("links.group.doubtful", "Doubtful pairs"),
                "links": text("links.group.links", "Links drawn at random"),
            }),
            Column("rule", text("links.rule", "Agreement in"), labels=self.rules),
            Column("reason", text("links.reason", "Why they are not linked"), labels=reason_words()),
            Column("score", text("links.sheet.score", "Score"), "ratio"),
            *(
                Column(f"{name}_{end}", head, personal=name not in ("source", "id", "region"))
                for name in ("source", "id", "name", "phone", "email", "region", "birthday")
                for end, head in zip("ab", _heads(name, heads), strict=True)
            ),
            Column("answer", heads["answer"]),
        )  # fmt: skip
        frame["part"] = frame["sampled"].map({True: "links", False: "doubtful"})
        frame["reason"] = frame["reason"].where(frame["reason"] != "", None)
        table = Table(
            "links.sheet",
            text("links.sheet.title", "{n} pairs of records to judge: is it the same customer?", n=count(len(frame))),
            columns,
            frame[[c.name for c in columns]],
            note=text(
                "links.sheet.note",
                "Choose in the last column: same customer, different customers or unsure. Then save the file, under a name "
                "that begins with link_review, in data/<client>/ledger/. The next run links what is the same and parts what is "
                "different.",
            ),
        )
        return [Sheet(text("links.sheet.name", "Pairs"), table, {"answer": tuple(answer_words().values())})]


@dataclass(frozen=True)
class NothingLinked:
    """Stands for the account where customers come from one system alone, or linking is switched off."""

    @property
    def xref(self) -> pd.DataFrame:
        """No record."""
        words = {name: pd.Series(dtype="str") for name in XREF_COLUMNS[:-1]}
        return pd.DataFrame({**words, XREF_COLUMNS[-1]: pd.Series(dtype="float64")})

    def blocks(self) -> list[Block]:
        """One sentence."""
        words = text(
            "links.nothing",
            "Records were not linked: customers come from one system, or linking is switched off (`workbook explain linking`).",
        )
        return [Paragraph("links.nothing", words, role="limits")]

    def sheets(self) -> list[Sheet]:
        """No file."""
        return []


def tell_links(preparation: Preparation, settings: Settings) -> LinkStory | NothingLinked:
    """The account of linking as blocks for the report.

    Args:
        settings: reads linking.rules and analysis.confidence.
    """
    if preparation.linked is None:
        return NothingLinked()
    own = {rule.id: named(rule.name) for rule in settings.linking.rules}
    return LinkStory(preparation.linked, preparation.provenance, {**_rule_words(), **own}, settings.analysis.confidence)


def reason_words() -> Mapping[str, Text]:
    """Why a pair was not linked."""
    return {
        "kinds_differ": text("links.reason.kinds_differ", "one is a person, one a company"),
        "identity_differs": text("links.reason.identity_differs", "birthday, union id or registration id differ"),
        "names_differ": text("links.reason.names_differ", "names differ: a family or an office may share the key"),
        "names_unknown": text("links.reason.names_unknown", "a name is missing, and others under the key differ"),
        "review_rule": text("links.reason.review_rule", "the agreement alone is too weak"),
        "low_score": text("links.reason.low_score", "match probability below the threshold"),
        "guard": text("links.reason.guard", "another record of the system fits better, or the group hangs by a thread"),
        "answered_different": text("links.reason.answered_different", "a person called them different"),
    }


def _rule_words() -> Mapping[str, Text]:
    return {
        "same_id": text("links.rule.same_id", "Customer number"),
        "model": text("links.rule.model", "Probability (model)"),
        "answer": text("links.rule.answer", "A person's answer"),
    }


def _side(end: str) -> tuple[Column, ...]:
    heads = {"a": ("System A", "Name A", "Phone A"), "b": ("System B", "Name B", "Phone B")}[end]
    return tuple(
        Column(f"{name}_{end}", _HEADS[head], personal=name != "source")
        for name, head in zip(("source", "name", "phone"), heads, strict=True)
    )


_HEADS = {
    "System A": text("links.source_a", "System A"),
    "Name A": text("links.name_a", "Name A"),
    "Phone A": text("links.phone_a", "Phone A"),
    "System B": text("links.source_b", "System B"),
    "Name B": text("links.name_b", "Name B"),
    "Phone B": text("links.phone_b", "Phone B"),
}


def _heads(name: str, heads: Mapping[str, Text]) -> tuple[Text, Text]:
    """The heads of a column of both records."""
    return {
        "source": (heads["source_a"], heads["source_b"]),
        "id": (heads["id_a"], heads["id_b"]),
        "name": (_HEADS["Name A"], _HEADS["Name B"]),
        "phone": (_HEADS["Phone A"], _HEADS["Phone B"]),
        "email": (text("links.email_a", "E-mail A"), text("links.email_b", "E-mail B")),
        "region": (text("links.region_a", "Region A"), text("links.region_b", "Region B")),
        "birthday": (text("links.birthday_a", "Birthday A"), text("links.birthday_b", "Birthday B")),
    }[name]


def _judged(pairs: pd.DataFrame) -> Judged:
    counts = pairs["answer"].value_counts()
    return Judged(*(int(counts.get(word, 0)) for word in ("same", "different", "unsure")))

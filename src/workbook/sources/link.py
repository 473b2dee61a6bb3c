"""Records of several systems become customers (D4): rule keys first, then the model, then what a person said of pairs.

The result speaks for itself: ``xref`` says of every record which customer it is and by what rule, ``pairs`` holds every pair
that was looked at with its fate, ``review`` what a person should see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from workbook.settings.models import Linking, Source
from workbook.sources.link_clusters import Ints, Limits, cluster_records
from workbook.sources.link_keys import SharedKey, key_pairs, make_records
from workbook.sources.link_model import score_pairs

XREF_COLUMNS = ("source", "source_id", "customer_id", "rule", "score")
PAIR_IDS = ("source_a", "id_a", "source_b", "id_b")
REVIEWED = ("name", "phone", "email", "region", "birthday")
"""What a person sees of both records of a pair; masked where it is personal."""

_STRENGTH_OF_RULES, _STRENGTH_OF_ANSWERS = 2.0, 4.0
"""A rule outweighs every probability, the first of them most; a person outweighs the rules."""


@dataclass(frozen=True)
class Linked:
    """Customers made of records.

    Attributes:
        xref: source, source_id, customer_id, rule, score: one row a record. rule: ``leading`` gave the customer his id,
            ``alone`` has no other record, else the rule, ``model`` or ``answer`` by which the record hangs on the others;
            score: 1 for rules and answers, the match probability for the model.
        pairs: source_a, id_a, source_b, id_b, rule, score, fate (linked, review, split), reason, answer, sampled, proposed.
            ``proposed``: what rules and model link by themselves; ``sampled``: in the random sample of those.
        review: the pairs that a person should see, with REVIEWED of both records (``name_a`` …).
        facts: systems (name → records), customers, shared (rule, values, records), columns and untrained of the model.
    """

    xref: pd.DataFrame
    pairs: pd.DataFrame
    review: pd.DataFrame
    facts: Mapping[str, Any] = field(default_factory=dict)


def system_of(source: Source) -> str:
    """The system that a source's records belong to; files for which none is named are of one system together.

    >>> system_of(Source(table="customers", file="members.csv", columns={}))
    'customers'
    """
    return source.system or source.table


def linking_systems(sources: Sequence[Source], linking: Linking) -> tuple[str, ...]:
    """The systems whose customers are linked, from the most to the least trusted; none where nothing is to be linked."""
    delivered = [system_of(s) for s in sources if s.table == "customers" and not s.third_party]
    found = tuple(dict.fromkeys(delivered))
    if not linking.use or (len(found) < 2 and not (linking.within and found)):
        return ()
    return by_priority(found, linking.priority)


def by_priority(systems: Sequence[str], priority: Sequence[str]) -> tuple[str, ...]:
    """Systems in the order of *priority*; those not named in it follow as they come.

    >>> by_priority(["crm", "shop", "pos"], ["shop"])
    ('shop', 'crm', 'pos')
    """
    return (*(one for one in priority if one in systems), *(one for one in systems if one not in priority))


def link_customers(
    connection: duckdb.DuckDBPyConnection,
    systems: Mapping[int, str],
    order: Sequence[str],
    linking: Linking,
    answers: pd.DataFrame,
    *,
    country: str,
    seed: int,
    spill: Path,
) -> Linked:
    """Link the records of ``clean_customers``; leaves ``link_records`` and ``link_xref`` in the database.

    Args:
        systems: number of each file of customers → its system (:func:`linking_systems`).
        order: systems from the most to the least trusted: whose id a customer keeps.
        answers: source_a, id_a, source_b, id_b, answer (same, different, unsure), as a person gave them.
        country: ISO code for phone numbers.
        seed: of the model's sample and of the pairs drawn for review.
        spill: folder for what does not fit in memory.
    """
    n = make_records(connection, systems, order, country)
    found, shared = key_pairs(connection, linking)
    facts: dict[str, Any] = {"shared": [[s.rule, s.keys, s.records] for s in _largest(shared)]}
    if linking.model:
        matches = int((found["fate"] == "link").sum())
        scored = score_pairs(connection, linking, matches, seed, spill)
        found = _with_model(found, scored.pairs, linking.threshold)
        facts |= {"columns": list(scored.columns), "untrained": scored.untrained}
    records = connection.execute("select record, system, customer_id from link_records order by record").df()
    judged = _with_answers(found, _positions(records, answers))
    label = _cluster(n, judged, linking, records["system"])
    judged["fate"], judged["reason"] = _fates(judged, label)
    xref = _xref(records, judged, label)
    connection.register("delivered", xref)
    connection.execute("create or replace temp table link_xref as select * from delivered")
    connection.unregister("delivered")
    pairs = _named_pairs(connection, judged, linking, seed)
    per_system = records["system"].value_counts().to_dict()
    facts |= {
        "systems": {name: int(per_system.get(name, 0)) for name in order},
        "customers": int(xref["customer_id"].nunique()),
        "shared_customers": _in_several(xref),
    }
    return Linked(
        xref.drop(columns="record").sort_values(["source", "source_id"], ignore_index=True),
        pairs.drop(columns=["a", "b"]),
        _review(connection, pairs, linking),
        facts,
    )


def _in_several(xref: pd.DataFrame) -> int:
    """Customers with records in more than one system."""
    places = xref.drop_duplicates(["customer_id", "source"])["customer_id"].value_counts()
    return int((places > 1).sum())


def _largest(shared: Sequence[SharedKey]) -> list[SharedKey]:
    return sorted(shared, key=lambda one: (-one.records, one.rule))


def _with_model(found: pd.DataFrame, scored: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Pairs of the rules and pairs of the model; a pair that a rule links stays the rule's.

    A pair that a guard stopped or a rule only put up for review is linked where the model is sure of it, and nothing but names
    speaks against it.
    """
    scored = scored.assign(
        rule="model", fate=np.where(scored["score"] >= threshold, "link", "review"),
        reason=np.where(scored["score"] >= threshold, "", "low_score"),
    )  # fmt: skip
    firm = found["reason"].isin(["kinds_differ", "identity_differs"])
    both = pd.concat([found[(found["fate"] == "link") | firm], scored, found[(found["fate"] != "link") & ~firm]])
    return both.drop_duplicates(["a", "b"], keep="first").sort_values(["a", "b"], ignore_index=True)


def _positions(records: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Answers by numbers of records: a, b, answer; those about records that are not delivered any more fall away."""
    place = records.set_index(["system", "customer_id"])["record"]
    sides = [
        place.reindex(pd.MultiIndex.from_frame(answers[[f"source_{side}", f"id_{side}"]])).to_numpy(dtype=float)
        for side in "ab"
    ]
    frame = pd.DataFrame({"a": np.fmin(*sides), "b": np.fmax(*sides), "answer": answers["answer"].to_numpy()})
    there = ~(np.isnan(sides[0]) | np.isnan(sides[1]))
    known: pd.DataFrame = frame.loc[there & (frame["a"] != frame["b"])]
    return known.astype({"a": "int64", "b": "int64"})


def _with_answers(found: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """All pairs with ``proposed`` (what the methods link), ``answer`` and ``strength`` (0 for pairs that are not linked)."""
    found = found.assign(proposed=found["fate"] == "link").merge(answers, on=["a", "b"], how="outer").sort_values(["a", "b"])
    told = found["rule"].isna()
    found = found.assign(
        rule=found["rule"].where(~told, "answer"), score=found["score"].fillna(1.0), reason=found["reason"].fillna(""),
        fate=found["fate"].fillna("review"), proposed=found["proposed"].eq(True), answer=found["answer"].fillna(""),
    ).reset_index(drop=True)  # fmt: skip
    same = found["answer"] == "same"
    found.loc[same & ~found["proposed"], "rule"] = "answer"
    found.loc[same & ~found["proposed"], "score"] = 1.0
    by_rule = found["proposed"] & (found["rule"] != "model")
    strength = np.where(by_rule, _STRENGTH_OF_RULES, np.where(found["proposed"], found["score"], 0.0))
    strength = np.where(same, _STRENGTH_OF_ANSWERS, strength)
    judged: pd.DataFrame = found.assign(strength=np.where(found["answer"] == "different", 0.0, strength))
    return judged


def _cluster(n: int, judged: pd.DataFrame, linking: Linking, system: pd.Series) -> Ints:
    strong = judged[judged["strength"] > 0]
    apart = judged.loc[judged["answer"] == "different", ["a", "b"]].to_numpy(dtype=np.int64)
    systems = None if linking.within else pd.factorize(system)[0].astype(np.int64)
    limits = Limits(linking.most_records, linking.cohesion, apart, systems, certain=_STRENGTH_OF_ANSWERS)
    return cluster_records(n, strong[["a", "b"]].to_numpy(dtype=np.int64), strong["strength"].to_numpy(dtype=float), limits)


def _fates(judged: pd.DataFrame, label: Ints) -> tuple[pd.Series, pd.Series]:
    """linked where both records are one customer; split where a link was refused; the others are to be reviewed."""
    together = label[judged["a"]] == label[judged["b"]]
    refused = ~together & (judged["proposed"] | (judged["answer"] == "same"))
    fate = np.where(together, "linked", np.where(refused, "split", "review"))
    told = judged["answer"] == "different"
    reason = np.where(together, "", np.where(told, "answered_different", np.where(refused, "guard", judged["reason"])))
    return pd.Series(fate, index=judged.index), pd.Series(reason, index=judged.index)


def _xref(records: pd.DataFrame, judged: pd.DataFrame, label: Ints) -> pd.DataFrame:
    """record, source, source_id, customer_id, rule, score."""
    ids, systems = records["customer_id"].to_numpy(object), records["system"].to_numpy(object)
    leading = label == np.arange(len(label))
    # where two systems count for themselves one number may lead two customers: the less trusted one is told apart by its name
    taken = pd.Series(ids[leading]).duplicated().to_numpy()
    own = ids.copy()
    own[np.flatnonzero(leading)[taken]] = (systems + ":" + ids)[np.flatnonzero(leading)[taken]]
    made = judged[(judged["strength"] > 0) & (judged["fate"] == "linked")]
    ends = pd.concat([made.assign(record=made[end])[["record", "rule", "score", "strength"]] for end in ("a", "b")])
    best = ends.sort_values(["record", "strength", "rule"], ascending=[True, False, True]).drop_duplicates("record")
    best = best.set_index("record").reindex(range(len(label)))
    several = np.bincount(label, minlength=len(label))[label] > 1
    rule = np.where(leading, np.where(several, "leading", "alone"), best["rule"].to_numpy(object))
    return pd.DataFrame(
        {
            "record": np.arange(len(label)),
            "source": systems,
            "source_id": ids,
            "customer_id": own[label],
            "rule": rule,
            "score": np.where(leading, 1.0, best["score"].to_numpy(dtype=float)),
        }
    ).astype({"source": "str", "source_id": "str", "customer_id": "str", "rule": "str"})


def _named_pairs(connection: duckdb.DuckDBPyConnection, judged: pd.DataFrame, linking: Linking, seed: int) -> pd.DataFrame:
    """The pairs by sources and ids, and which of the proposed ones are in the sample: those of the smallest hashes."""
    connection.register("delivered", judged.drop(columns="strength"))
    named = connection.execute(
        """
        with named as (
            select
                j.a, j.b, l.system as source_a, l.customer_id as id_a, r.system as source_b, r.customer_id as id_b,
                j.rule, j.score, j.fate, j.reason, j.answer, j.proposed,
                md5(concat_ws(chr(31), $seed, l.system, l.customer_id, r.system, r.customer_id)) as lot
            from delivered as j
            join link_records as l on l.record = j.a
            join link_records as r on r.record = j.b
        )
        select * exclude (lot), proposed and row_number() over (partition by proposed order by lot) <= $sample as sampled
        from named
        order by a, b
        """,
        {"seed": str(seed), "sample": linking.sample},
    ).df()
    connection.unregister("delivered")
    words = [*PAIR_IDS, "rule", "fate", "reason", "answer"]
    return named.astype(dict.fromkeys(words, "str"))


def _review(connection: duckdb.DuckDBPyConnection, pairs: pd.DataFrame, linking: Linking) -> pd.DataFrame:
    """The pairs for the review file: the most likely doubtful ones, and the sample of links."""
    open_ones = pairs[pairs["fate"].isin(["review", "split"]) & ~pairs["sampled"]]
    ordered = open_ones.sort_values(["score", *PAIR_IDS], ascending=[False, True, True, True, True], kind="stable")
    chosen = pd.concat([ordered.head(linking.review_rows), pairs[pairs["sampled"]]])
    connection.register("delivered", chosen.reset_index(drop=True).rename_axis("place").reset_index())
    both = ", ".join(f'cast({s}."{c}" as varchar) as {c}_{e}' for c in REVIEWED for s, e in (("l", "a"), ("r", "b")))
    frame = connection.execute(
        f"select d.* exclude (place, a, b), {both} from delivered as d join link_records as l on l.record = d.a "
        "join link_records as r on r.record = d.b order by d.place"
    ).df()
    connection.unregister("delivered")
    return frame.astype({f"{c}_{e}": "str" for c in REVIEWED for e in "ab"})

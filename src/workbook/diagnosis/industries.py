"""Which industries on record cannot be right: outside the agreed list, spelt otherwise, contradicted by the name (X1)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pandas as pd

from workbook.tables import Tables

ENDINGS = ("行业", "产业", "业", " industry", " sector")
"""What is left off or added to one and the same industry."""

MOST_WORDS = 40
"""Industries whose words are looked for in names: the most frequent ones."""

LEAST_NAMES = 10
"""Companies that must bear a word in their name before it can speak for an industry."""

TELLING = 0.5
"""Share of the companies bearing a word, and no other such word, that must stand under the industry of that name."""

_SHORTEST = {True: 4, False: 2}
"""Characters that a word needs to be looked for in names: in Latin letters, in Chinese."""


def normal(value: str) -> str:
    """One form for all spellings of a value: without width, case, punctuation, spaces and what is left off or added.

    >>> normal("ＩＴ-Services "), normal("零售业"), normal("Retail sector")
    ('itservices', '零售', 'retail')
    """
    plain = unicodedata.normalize("NFKC", value).strip().casefold()
    for ending in ENDINGS:
        if plain.endswith(ending) and len(plain) > len(ending) + 1:
            plain = plain.removesuffix(ending)
            break
    return "".join(c for c in plain if c.isalnum())


def odd_values(counts: pd.Series, agreed: Sequence[str] = ()) -> pd.DataFrame:
    """The values that are not what they should be.

    Args:
        counts: value as it is written → records that hold it.
        agreed: the values that there should be; where none are given the most frequent spelling of each value is right.

    Returns:
        value, meant: the agreed value or the spelling that was meant; empty where none is known. Sorted by value.

    >>> odd_values(pd.Series({"Retail": 9, "retail ": 2, "Mining": 4})).to_numpy().tolist()
    [['retail ', 'Retail']]
    >>> odd_values(pd.Series({"Retail": 9, "retail ": 2, "Mining": 4}), ["Retail"]).to_numpy().tolist()
    [['Mining', ''], ['retail ', 'Retail']]
    """
    ranked = counts.rename_axis("value").reset_index(name="n").sort_values(["n", "value"], ascending=[False, True])
    given = list(agreed) or ranked["value"].tolist()
    right = dict(reversed([(normal(word), word) for word in given]))
    ranked["meant"] = [right.get(normal(value), "") for value in ranked["value"]]
    odd: pd.DataFrame = ranked.loc[ranked["value"] != ranked["meant"], ["value", "meant"]]
    return odd.sort_values("value", ignore_index=True)


@contextmanager
def judged_industries(tables: Tables, agreed: Sequence[str]) -> Iterator[None]:
    """Two short-lived tables: ``odd_industries`` (value, meant) and ``industry_of_name`` (customer_id, wrong).

    The second holds the companies whose name bears the word of exactly one industry, where that word tells it: ``TELLING`` of
    those who bear it, or more, stand under the industry of that name; wrong where the company itself does not.
    """
    connection = tables.connection
    counts = tables.sql(
        "select industry as value, count(*) as n from customers where trim(industry) <> '' group by industry order by value"
    )
    found = pd.Series(counts["n"].to_numpy(), index=counts["value"].astype(str).to_numpy(), dtype="int64")
    odd = odd_values(found, agreed)
    known = list(map(normal, agreed or found.sort_values(ascending=False, kind="stable").index))
    words = [w for w in dict.fromkeys(known) if len(w) >= _SHORTEST[w.isascii()]][:MOST_WORDS]
    forms = pd.DataFrame({"value": found.index, "form": [normal(value) for value in found.index]}, dtype="str")
    named = {"odd_found": odd.astype("str"), "forms_found": forms, "words_found": pd.DataFrame({"word": words}, dtype="str")}
    for name, frame in named.items():
        connection.register(name, frame)
    try:
        connection.execute("create or replace temp table odd_industries as select * from odd_found")
        connection.execute(_OF_NAME, {"least": LEAST_NAMES, "telling": TELLING})
        yield
    finally:
        for name in named:
            connection.unregister(name)
        for name in ("odd_industries", "industry_of_name"):
            connection.execute(f"drop table if exists {name}")


_OF_NAME = """
    create or replace temp table industry_of_name as
    with borne as (
        select c.customer_id, any_value(w.word) as word, any_value(f.form) as form
        from customers c
        join forms_found f on f.value = c.industry
        join words_found w on contains(lower(replace(c.name, ' ', '')), w.word)
        where coalesce(c.kind, 'company') <> 'person'
        group by c.customer_id having count(*) = 1
    ), held as (
        select customer_id, word, not (contains(form, word) or contains(word, form)) as wrong from borne
    ), telling as (
        select word from held group by word
        having count(*) >= $least and avg(case when wrong then 0 else 1 end) >= $telling
    )
    select h.customer_id, h.wrong from held h join telling t on t.word = h.word
"""

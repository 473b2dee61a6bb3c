"""Does an answer speak of the customer's own matter (X5)? Read from transcripts of tickets: what the service said in reply.

A reply counts as naming the customer where it holds the name, or the surname with a form of address; as naming the product
where it holds a product or group that the customer bought; as taking up the matter where it holds a word of the topic
(voice.topics) that the customer's own words speak of; as repeated where other tickets hold the same reply.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbook.language import Text, count, day, share, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.settings.models import Settings
from workbook.tables import Tables
from workbook.voice.boilerplate import both_sides
from workbook.voice.intervals import share_interval
from workbook.voice.ngrams import plain
from workbook.voice.topics import OTHER, given_topics, topic_pattern

MOST_READ = 5_000
"""Tickets read; of more a part is drawn."""

REPEATED = 3
"""Tickets that hold the same reply from which it counts as a repeated one."""

ASPECTS = {
    "customer": text("voice.replies.customer", "names the customer"),
    "product": text("voice.replies.product", "names a product or group that the customer bought"),
    "matter": text("voice.replies.matter", "takes up the matter in its words"),
    "repeated": text("voice.replies.repeated", "is word for word that of other tickets"),
}
_ADDRESS = "(先生|女士|小姐|经理|老师|总|女生|同学)"


@dataclass(frozen=True)
class Replies:
    """How personal the replies of a period are.

    Attributes:
        frame: one row an aspect (customer, product, matter, repeated): n replies of which it can be told, hits, share with low
            and high.
        read: tickets whose transcript holds a reply.
    """

    frame: pd.DataFrame
    read: int
    settings: Settings
    tables: Tables

    def table(self) -> Table:
        """Aspect, replies, share with its interval."""
        columns = (
            Column("aspect", text("voice.replies.aspect", "The reply …"), labels=ASPECTS),
            Column("n", text("voice.replies.n", "Replies of which it can be told"), "count"),
            Column("hits", text("voice.replies.hits", "So it is in"), "count"),
            Column("share", text("voice.replies.share", "Share (interval)"), "share", low="low", high="high"),
        )
        period = self.tables.period
        note = text(
            "voice.replies.note",
            "What the service said in {n} transcripts of tickets opened {start} to {end}. Told by words alone: a reply may be "
            "personal without them. Product: of customers who bought something that has a name; matter: of tickets whose own "
            "words speak of a topic of the settings; repeated: the same words in {repeated} tickets or more. {level} "
            "intervals.",
            n=count(self.read), start=day(period.start), end=day(period.end), repeated=count(REPEATED),
            level=share(self.settings.analysis.confidence),
        )  # fmt: skip
        return Table("voice.replies", self._title(), columns, self.frame, note)

    def _title(self) -> Text:
        told = {str(row["aspect"]): (int(row["n"]), int(row["hits"])) for row in self.frame.to_dict("records")}
        n, hits = told["customer"]
        same = count(told["repeated"][1])
        if not n:
            return text("voice.replies.title_same", "{same} of {all} replies repeat others word for word", same=same,
                        all=count(self.read))  # fmt: skip
        return text("voice.replies.title", "{n} of {all} replies name the customer; {same} repeat others word for word",
                    n=count(hits), all=count(n), same=same)  # fmt: skip


def measure_replies(tables: Tables, settings: Settings) -> Replies | NotMeasured:
    """Read what the service replied, ticket by ticket.

    Args:
        tables: tickets with transcripts as text; customers with names, orders with lines and products where delivered.
        settings: sections analysis and voice, and the seed.

    Returns:
        NotMeasured where fewer transcripts than a small cell hold a reply.
    """
    what = text("voice.replies.what", "How personal the service's replies are")
    if missing := tables.lacks("tickets.text"):
        return NotMeasured("voice.replies", what, missing)
    rows = tables.sql(
        r"""
        select t.ticket_id, t.customer_id, t.text, c.name
        from tickets t
        left join (select customer_id, any_value(name) as name from customers group by 1) c on c.customer_id = t.customer_id
        where cast(opened_at as date) between $start and $end and contains(t.text, chr(10)) and regexp_matches(t.text, '[:：]')
        order by hash(t.ticket_id || $salt), t.ticket_id limit $most
        """,
        salt=str(settings.seed), most=MOST_READ,
    )  # fmt: skip
    sides = [both_sides(words) for words in rows["text"].tolist()]
    rows = rows.assign(own=[plain(side[0]) for side in sides], reply=[plain(side[1]) for side in sides])
    rows = rows[rows["reply"] != ""].reset_index(drop=True)
    if len(rows) < settings.analysis.small_cell:
        why = text("voice.replies.none", "Hardly a ticket tells what the service answered: deliver transcripts as "
                   "tickets.text, a line a turn that begins with the speaker (“Customer:”, “Agent:”).")  # fmt: skip
        return NotMeasured("voice.replies", what, why=why)
    told: dict[str, list[bool | None]] = {
        "customer": [None if not isinstance(name, str) or not name.strip() else names(reply, name)
                     for reply, name in zip(rows["reply"], rows["name"], strict=True)],
        "product": _products(rows, tables),
        "matter": _matter(rows, settings),
        "repeated": [bool(n >= REPEATED) for n in rows.groupby("reply")["reply"].transform("count")],
    }  # fmt: skip
    n = np.array([sum(value is not None for value in values) for values in told.values()])
    hits = np.array([sum(value is True for value in values) for values in told.values()])
    low, high = share_interval(hits, n, settings.analysis.confidence)
    frame = pd.DataFrame({"aspect": list(told), "n": n, "hits": hits, "share": hits / np.where(n > 0, n, np.nan),
                          "low": low, "high": high})  # fmt: skip
    return Replies(frame, len(rows), settings, tables)


def names(reply: str, name: str) -> bool:
    """Whether a plain reply holds a customer's name: whole, a part of three letters or more, or a surname with an address.

    >>> names("dear ms archer we are sorry", "Ann Archer"), names("张先生您好", "张伟"), names("dear customer", "Ann Archer")
    (True, True, False)
    """
    told = plain(name)
    if not told.isascii():
        return told in reply or bool(re.search(re.escape(told[:1]) + _ADDRESS, reply))
    return any(re.search(rf"\b{re.escape(part)}\b", reply) is not None for part in told.split() if len(part) >= 3)


def _products(rows: pd.DataFrame, tables: Tables) -> list[bool | None]:
    """Whether each reply names what its customer bought; None where nothing bought has a name."""
    bought = tables.sql(
        """
        select distinct o.customer_id, unnest([p.name, p.category, l.category]) as word
        from orders o join order_lines l on l.order_id = o.order_id left join products p on p.product_id = l.product_id
        where o.customer_id in (select customer_id from tickets where cast(opened_at as date) between $start and $end)
        order by all
        """
    )
    bought = bought[bought["word"].notna()].assign(word=lambda r: r["word"].map(plain))
    words = bought[bought["word"].str.len() >= 2].groupby("customer_id")["word"].agg(list)
    known = rows["customer_id"].map(words)
    return [any(word in reply for word in has) if isinstance(has, list) else None
            for reply, has in zip(rows["reply"], known, strict=True)]  # fmt: skip


def _matter(rows: pd.DataFrame, settings: Settings) -> list[bool | None]:
    """Whether each reply holds a word of the topic of its customer's own words; None where they speak of no given topic."""
    topics, _ = given_topics(rows["own"], settings.voice.topics)
    patterns = {topic.id: re.compile(topic_pattern(topic)) for topic in settings.voice.topics}
    return [None if topic == OTHER else patterns[str(topic)].search(reply) is not None
            for topic, reply in zip(topics, rows["reply"], strict=True)]  # fmt: skip

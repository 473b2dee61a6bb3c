"""Every comment that customers gave, in one table, whatever channel it came by (V1)."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from workbook.tables import Tables
from workbook.voice.boilerplate import without_boilerplate
from workbook.voice.ngrams import plain, script_of

NOT_WRITTEN = re.compile(
    r"^(此用户(没有|未)填写评[价论]|用户未及时做?出?评价|系统默认(好评|评价)|默认好评|好评!?|n/?a|none|nil|nothing"
    r"|no( comments?)?|not applicable|无|没有|暂无|(暂时)?(无|没有)(意见|建议)|-+)[\W_]*$"
)
"""What shops and forms enter where a customer wrote nothing; mood and topic cannot be read from it."""

_LETTERS = re.compile(r"[^\W\d_]")

COMMENTS: tuple[str, ...] = (
    "comment_id", "source", "customer_id", "given_at", "channel", "text", "words", "script", "content", "inside", "before",
    "shortened", "written",
)  # fmt: skip


def read_comments(tables: Tables) -> pd.DataFrame:
    """Comments up to the analysis date: answers, reviews and interviews of feedback, and what customers wrote in tickets.

    Returns:
        comment_id, source (instrument in small letters, or ``ticket``), customer_id, given_at, channel, text, words (the text
        as it is compared), script (han, latin), content (1 good, 0 bad, by the customer's own score, given with the comment or
        to another question of the same survey; missing where there is none or a middling one), inside the period, before (in
        the period before it), shortened (words that no customer wrote are dropped), written (whether own words are left; only
        those can be read).
    """
    previous = tables.period.previous
    rows = tables.sql(
        """
        with told as (
            select feedback_id as comment_id, coalesce(nullif(lower(trim(instrument)), ''), 'open') as source, customer_id,
                   given_at, coalesce(channel, '') as channel, text, score, scale_max
            from feedback
            union all
            select ticket_id, 'ticket', customer_id, opened_at, coalesce(channel, ''), text, null, null from tickets
        ), measured as (
            select regexp_replace(feedback_id, '/[^/]*$', '') as who, cast(given_at as date) as day, customer_id,
                   lower(trim(instrument)) as measure, score, scale_max
            from feedback
            where score is not null and contains(feedback_id, '/') and lower(trim(instrument)) in ('nps', 'csat', 'ces')
            qualify row_number() over (
                partition by who, day, customer_id order by measure <> 'csat', measure <> 'nps', feedback_id) = 1
        ), scored as (
            select t.* replace (coalesce(t.score, m.score) as score, coalesce(t.scale_max, m.scale_max) as scale_max),
                   case when t.score is null then m.measure else t.source end as measure
            from told t left join measured m
                 on t.score is null and contains(t.comment_id, '/') and m.who = regexp_replace(t.comment_id, '/[^/]*$', '')
                and m.day = cast(t.given_at as date) and m.customer_id is not distinct from t.customer_id
        )
        select *, cast(given_at as date) >= $start as inside,
               cast(given_at as date) >= $before_start and cast(given_at as date) <= $before_end as before
        from scored
        where text is not null and cast(given_at as date) <= $end
        order by given_at, source, comment_id, text
        """,
        before_start=previous.start, before_end=previous.end,
    )  # fmt: skip
    own = pd.Series(without_boilerplate(rows["text"].tolist()), index=rows.index, dtype="str")
    rows["shortened"] = (own != rows["text"].str.strip()).astype(bool)
    rows["text"] = own
    rows["words"] = [plain(text) for text in own]
    written = [len(_LETTERS.findall(words)) >= 2 and not NOT_WRITTEN.match(words) for words in rows["words"]]
    rows["written"] = np.array(written, dtype=bool)
    rows["script"] = pd.Series([script_of(words) for words in rows["words"]], dtype="str")
    rows["content"] = stated(rows.assign(source=rows["measure"].fillna(rows["source"])))
    return rows[list(COMMENTS)]


def stated(rows: pd.DataFrame) -> pd.Series:
    """1 where the score lies in the best quarter of its scale, 0 in the worst; NPS by promoters and detractors."""
    # a recommendation asked on another scale than 0–10 has no promoters; its best and worst quarter tell the mood
    nps = (rows["source"] == "nps") & rows["scale_max"].astype(float).fillna(10.0).eq(10.0)
    score = rows["score"].astype(float)
    highest = rows["scale_max"].astype(float).where(~nps, 10.0)
    usual = rows["source"].map({"csat": 5.0, "ces": 7.0, "review": 5.0})
    highest = highest.fillna(usual)
    lowest = pd.Series(np.where(nps, 0.0, 1.0), index=rows.index)
    place = (score - lowest) / (highest - lowest)
    good = place.where(~nps, (score >= 9).astype(float)) >= 0.75
    bad = place.where(~nps, (score > 6).astype(float)) <= 0.25
    valid = score.notna() & (score >= lowest) & (score <= highest)
    return pd.Series(np.where(valid & good, 1.0, np.where(valid & bad, 0.0, np.nan)), index=rows.index)

"""What was chosen: single and multiple choice questions of a survey, option by option, with intervals and change (V1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbook.language import count, day, points, share, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.settings.models import Settings
from workbook.tables import Tables
from workbook.voice.intervals import change_interval, share_interval
from workbook.voice.questionnaires import question_words

MOST_ROWS = 12
MOST_OPTIONS = 30
"""Different answers above which a question was not one of choice: they are words of the respondents' own."""


@dataclass(frozen=True)
class Choices:
    """Answers to questions of choice.

    Attributes:
        options: one row a question and option, the question with most respondents first, its options by how often they were
            chosen: question, option, n (respondents who chose it), of (respondents who chose anything there), share with low
            and high, before_n, before (share in the previous period), change with change_low and change_high; NaN where
            nobody was asked then.
        questions: how many questions there are.
    """

    options: pd.DataFrame
    questions: int
    settings: Settings
    tables: Tables

    def table(self) -> Table:
        """Question, option, respondents, share with interval, change since the previous period."""
        period = self.tables.period
        told = [None if v != v else points(v) for v in self.options["change"]]
        shown = self.options.assign(
            question=pd.Series([question_words(str(name)) for name in self.options["question"]], dtype=object),
            change=pd.Series(told, dtype=object),
            **{end: pd.Series([None if v != v else points(v) for v in self.options[end]], dtype=object)
               for end in ("change_low", "change_high")},
        )  # fmt: skip
        columns = (
            Column("question", text("voice.choices.question", "Question")),
            Column("option", text("voice.choices.option", "Chosen")),
            Column("n", text("voice.choices.n", "By respondents"), "count"),
            Column("of", text("voice.choices.of", "Of all who answered"), "count"),
            Column("share", text("voice.choices.share", "Share (interval)"), "share", low="low", high="high"),
            Column("change", text("voice.choices.change", "Change (interval)"), low="change_low", high="change_high"),
        )
        first = self.options.iloc[int(self.options["share"].to_numpy().argmax())]
        title = text("voice.choices.title", "“{option}” is chosen most often: by {n} of {of}", option=str(first["option"]),
                     n=count(int(first["n"])), of=count(int(first["of"])))  # fmt: skip
        note = text(
            "voice.choices.note",
            "Answers of {start} to {end} to {questions} {questions:question|questions} of choice; where several may be chosen "
            "the shares of a question add up to more than 100%. Change against the previous period; {level} intervals, for "
            "each row alone. Only who answered a question counts for it, and nothing is said of those who did not.",
            start=day(period.start), end=day(period.end), questions=count(self.questions),
            level=share(self.settings.analysis.confidence),
        )  # fmt: skip
        return Table("voice.choices", title, columns, shown, note, rows=MOST_ROWS)


def measure_choices(tables: Tables, settings: Settings) -> Choices | NotMeasured:
    """Count what respondents chose, this period and the one before.

    A respondent who chose nothing of a question did not answer it. A question whose options stand in columns of their own is
    one question: what stands before the last dash or bracket of its header.

    Args:
        tables: feedback with choices, several of them with ; between.
        settings: section analysis (confidence, small_cell).

    Returns:
        NotMeasured without choices, or with fewer respondents in the period than a small cell.
    """
    what = text("voice.choices.what", "Answers to questions of choice")
    if missing := tables.lacks("feedback.choices", "feedback.question"):
        return NotMeasured("voice.choices", what, missing)
    previous = tables.period.previous
    rows = tables.sql(
        r"""
        with chosen as (
            select regexp_replace(feedback_id, '/[^/]*$', '') || coalesce(customer_id, '') as who,
                   trim(regexp_replace(question, '\s*([-–—:：]\s*[^-–—:：]*|[(（][^()（）]*[)）])\s*$', '')) as stem,
                   question, cast(given_at as date) >= $start as inside,
                   trim(unnest(string_split(replace(choices, '；', ';'), ';'))) as option
            from feedback
            where choices is not null and question is not null and cast(given_at as date) <= $end
              and (cast(given_at as date) >= $start or cast(given_at as date) between $before_start and $before_end)
        ), named as (
            select who, inside, option,
                   case when count(distinct question) over (partition by stem) > 1
                             and count(distinct option) over (partition by question) = 1 then stem else question end as question
            from chosen where option <> ''
        ), asked as (
            select question, inside, count(distinct who) as respondents from named group by question, inside
        )
        select n.question, n.option, n.inside, count(distinct n.who) as n, any_value(a.respondents) as respondents
        from named n join asked a on a.question = n.question and a.inside = n.inside
        group by n.question, n.option, n.inside order by n.question, n.option, n.inside
        """,
        before_start=previous.start, before_end=previous.end,
    )  # fmt: skip
    different = rows.groupby("question")["option"].transform("nunique")
    rows = rows[different <= MOST_OPTIONS]
    now = rows[rows["inside"].astype(bool) & (rows["respondents"] >= settings.analysis.small_cell)]
    if now.empty:
        why = text("voice.choices.few", "Hardly anybody answered a question of choice in the period.")
        return NotMeasured("voice.choices", what, why=why)
    then = rows[~rows["inside"].astype(bool)]
    merged = now.merge(
        then[["question", "option", "n"]].rename(columns={"n": "before_n"}), on=["question", "option"], how="left"
    )
    asked = then.drop_duplicates("question").set_index("question")["respondents"]
    before_of = merged["question"].map(asked).to_numpy(float)
    before_n = np.where(np.isnan(before_of), np.nan, merged["before_n"].fillna(0))
    confidence = settings.analysis.confidence
    low, high = share_interval(merged["n"], merged["respondents"], confidence)
    known = np.nan_to_num(before_of)
    change_low, change_high = change_interval(merged["n"], merged["respondents"], np.nan_to_num(before_n), known, confidence)
    part = merged["n"] / merged["respondents"]
    before = before_n / before_of
    options = pd.DataFrame(
        {
            "question": merged["question"], "option": merged["option"], "n": merged["n"], "of": merged["respondents"],
            "share": part, "low": low, "high": high, "before_n": before_n, "before": before, "change": part - before,
            "change_low": change_low, "change_high": change_high,
        }
    ).sort_values(["of", "question", "n", "option"], ascending=[False, True, False, True], ignore_index=True)  # fmt: skip
    return Choices(options, int(options["question"].nunique()), settings, tables)

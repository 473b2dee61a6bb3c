"""Comments of every channel in one table: whose score tells the mood of a comment."""

import numpy as np
import pandas as pd

from workbook.period import Period
from workbook.tables import tables_of
from workbook.voice.comments import read_comments

PERIOD = Period.parse("2026Q1")


def test_the_mood_of_an_open_answer_is_told_by_the_score_of_the_same_respondent_on_the_same_day_and_by_no_other():
    rows = [
        ("2026-01-15 1/recommend", "C1", "2026-01-15", "nps", 3, 10, None),
        ("2026-01-15 1/reason", "C1", "2026-01-15", "open", None, None, "waited for two days"),
        ("2026-01-15 2/recommend", "C2", "2026-01-15", "nps", 8, 10, None),
        ("2026-01-15 2/reason", "C2", "2026-01-15", "open", None, None, "all in order I think"),
        ("r7/csat", None, "2026-02-01", "csat", 5, 5, None),
        ("r7/nps", None, "2026-02-01", "nps", 2, 10, None),
        ("r7/open", None, "2026-02-01", "open", None, None, "friendly people"),
        ("r8/scale", None, "2026-02-01", "scale", 5, 5, None),
        ("r8/open", None, "2026-02-01", "open", None, None, "what does it matter"),
        ("r7/open-other", "C9", "2026-02-01", "open", None, None, "another survey counted anew"),
        ("9", None, "2026-02-01", "review", 1, 5, "never again"),
    ]
    columns = ["feedback_id", "customer_id", "given_at", "instrument", "score", "scale_max", "text"]
    read = read_comments(tables_of({"feedback": pd.DataFrame(rows, columns=columns)}, PERIOD)).set_index("comment_id")
    told = read["content"].replace({np.nan: None}).to_dict()
    assert told == {
        "2026-01-15 1/reason": 0.0, "2026-01-15 2/reason": None, "r7/open": 1.0, "r8/open": None, "r7/open-other": None,
        "9": 0.0,
    }  # fmt: skip
    assert read.loc["2026-01-15 1/reason", "source"] == "open"

"""Scores as clients write them: stars, four of five, words, and scales on which a high score is bad."""

from __future__ import annotations

import pytest
from tests.opening.conftest import mapped, source_of

from workbook.opening.client import open_client
from workbook.period import Period
from workbook.settings.reading import read_settings
from workbook.sources.prepare import prepare

Q4 = Period.parse("2025Q4")
WORDS = ("very satisfied", "Satisfied", "neutral", "dissatisfied", "very dissatisfied")
CHINESE = ("非常满意", "满意", "一般", "不满意", "非常不满意")


def survey(column: str, scores) -> str:
    rows = [f"r{i},c{i % 30},2025-{10 + i % 3}-{1 + i % 28:02},{scores[i % len(scores)]}" for i in range(100)]
    return "\n".join([f"response id,customer id,submitted at,{column}", *rows]) + "\n"


@pytest.mark.parametrize(
    ("column", "scores", "scale", "read"),
    [
        ("star rating", ("★★★★★", "★★★☆☆", "★☆☆☆☆"), "5", [5, 3, 1]),
        ("rating", ("5/5", "3 / 5", "1/5"), "5", [5, 3, 1]),
        ("rating", ("9 out of 10", "3 out of 10"), "10", [9, 3]),
        ("csat", WORDS, "5", [5, 4, 3, 2, 1]),
        ("满意度", CHINESE, "5", [5, 4, 3, 2, 1]),
        ("csat", (5, 4, 1), "5", [5, 4, 1]),
    ],
)
def test_scores_are_read_with_their_scale(tmp_path, column, scores, scale, read):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "survey.csv").write_text(survey(column, scores), "utf-8")
    open_client(tmp_path, "acme", folder, period=Q4)
    settings = read_settings(tmp_path, "acme", Q4)
    (feedback,) = settings.sources
    assert feedback.constants["scale_max"] == scale
    tables = prepare(tmp_path, "acme", Q4, settings).tables
    got = tables.sql("select score from feedback order by cast(substr(feedback_id, 2) as integer)")["score"].tolist()
    assert got[: len(read)] == read and None not in got


@pytest.mark.parametrize("column", ["customer effort score", "费力度", "CES (1 = very easy)", "Satisfaction (1=best)"])
def test_a_score_that_may_be_better_when_low_is_asked_and_not_taken(look, column):
    feedback = source_of(look({"survey.csv": survey(column, (1, 2, 5))}), "feedback")
    assert "score" in feedback.questions and "score" not in feedback.source.columns


def test_an_ease_score_is_taken(look):
    assert mapped(look({"survey.csv": survey("CES", (1, 2, 7))}), "feedback")["score"] == "CES"


def test_a_fraction_elsewhere_stays_what_it_is(deliver_text):
    assert deliver_text("4/5") == [None]


@pytest.fixture
def deliver_text(tmp_path):
    """An amount of an order as it is read."""

    def run(amount: str):
        folder = tmp_path / "data" / "acme" / "2025Q4"
        folder.mkdir(parents=True)
        rows = [f"o{i},c1,2025-11-01,{amount if i == 0 else i}" for i in range(9)]
        (folder / "o.csv").write_text("\n".join(["o,c,d,a", *rows]), "utf-8")
        from workbook.settings.models import Settings

        one = {
            "table": "orders",
            "file": "o.csv",
            "columns": {"order_id": "o", "customer_id": "c", "ordered_at": "d", "amount": "a"},
        }
        settings = Settings.model_validate({"client": {"name": "Acme"}, "sources": [one]})
        tables = prepare(tmp_path, "acme", Q4, settings).tables
        found = tables.sql("select amount from orders where order_id = 'o0'")["amount"]
        return [None if value != value else value for value in found]

    return run

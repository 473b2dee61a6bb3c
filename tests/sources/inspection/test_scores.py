"""Scores in signs and words are read whole by evidence, or left to a person; none becomes a silent number."""

from __future__ import annotations

import pytest

from workbook.sources.columns import join_files, type_columns
from workbook.sources.inspection.assemble import inspect_folder

READ = {
    "stars": (["★★★★☆", "★☆☆☆☆", "★★★★★"], {"★★★★☆": "4", "★☆☆☆☆": "1", "★★★★★": "5"}, "5", []),
    "stars alone": (["★★★★", "★"], {"★★★★": "4", "★": "1"}, "5", []),
    "of": (["4 out of 5", "1 out of 5"], {"4 out of 5": "4", "1 out of 5": "1"}, "5", []),
    "slash": (["4/5", "2/5", "5/5"], {"4/5": "4", "2/5": "2", "5/5": "5"}, "5", []),
    "unit": (["4 stars", "1 star"], {"4 stars": "4", "1 star": "1"}, "5", []),
    "Chinese unit": (["4星", "1星"], {"4星": "4", "1星": "1"}, "5", []),
    "Chinese words": (
        ["非常满意", "满意", "一般", "不满意", "非常不满意"],
        {"非常满意": "5", "满意": "4", "一般": "3", "不满意": "2", "非常不满意": "1"}, "5", [],
    ),
    "words": (["Very satisfied", "neutral"], {"Very satisfied": "5", "neutral": "3"}, "5", []),
    "marks": (
        ["1 = sehr gut", "2", "3", "4", "5", "6 = ungenügend"],
        {"1 = sehr gut": "1", "2": "2", "3": "3", "4": "4", "5": "5", "6 = ungenügend": "6"}, "6", ["csat"],
    ),
    "marks that rise": (["1 (very dissatisfied)", "3", "5 (very satisfied)"],
                        {"1 (very dissatisfied)": "1", "3": "3", "5 (very satisfied)": "5"}, "5", []),
}  # fmt: skip

ASKED = {
    "two scales": ["4/5", "8/10", "3/5"],
    "two words for one place": ["满意", "比较满意", "非常满意"],
    "an unknown word": ["非常满意", "满意", "还行吧"],
    "stars of two lengths": ["★★★☆", "★★★★☆"],
    "a falling scale without its end": ["1 = sehr gut", "2", "3"],
}


def inspect(folder, scores):
    rows = "".join(f"R{i},2025-03-{i % 28 + 1:02d},{scores[i % len(scores)]}\n" for i in range(60))
    (folder / "survey.csv").write_text("response id,submitted at,satisfaction\n" + rows, "utf-8")
    return inspect_folder(folder)


@pytest.mark.parametrize("form", READ)
def test_scores_in_signs_and_words_are_proposed_with_the_end_of_their_scale(tmp_path, form):
    scores, values, highest, falls = READ[form]
    inspected = inspect(tmp_path, scores)
    source = inspected.proposal().sources[0].source
    assert source.columns["score"] == "satisfaction" and source.constants["instrument"] == "csat"
    told = source.values.get("score", {})  # "4 stars" is read as a number anyway
    assert not told or {w: told[w] for w in scores} == values
    read = type_columns(inspected.connection, join_files(inspected.connection, {0: inspected.extracts[0].raw}, source, "r"),
                        source, "CN", "typed")  # fmt: skip
    kept = inspected.connection.execute("select distinct score from typed order by 1").fetchall()
    assert not read.problems and [f"{score:g}" for (score,) in kept] == sorted(values.values())
    assert source.constants["scale_max"] == highest and source.low_is_good == falls


@pytest.mark.parametrize("form", ASKED)
def test_scores_that_are_not_clear_are_asked_and_not_read(tmp_path, form):
    (one,) = inspect(tmp_path, ASKED[form]).proposal().sources
    assert "score" not in one.source.columns and "score" in one.questions

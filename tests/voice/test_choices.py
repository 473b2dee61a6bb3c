"""Questions of choice: counted by respondents, options in columns of their own are one question, change against before."""

import pandas as pd
import pytest

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import tables_of
from workbook.voice.choices import measure_choices
from workbook.voice.intervals import change_interval, share_interval

PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))
SETTINGS = Settings(client={"name": "Test"})


def found(rows):
    frame = pd.DataFrame(rows, columns=["feedback_id", "given_at", "question", "choices"]).assign(instrument="multiple")
    return measure_choices(tables_of({"feedback": frame}, PERIOD), SETTINGS)


def test_options_are_counted_by_respondents_with_interval_and_change():
    now = [(f"{i}/m", "2025-11-01", "needs.matters", "price; quality" if i < 12 else "quality；advice") for i in range(40)]
    then = [(f"b{i}/m", "2025-08-01", "needs.matters", "price" if i < 20 else "advice") for i in range(25)]
    rows = found([*now, *then, ("x/m", "2025-01-01", "needs.matters", "luck")]).options.set_index("option")
    assert rows["n"].to_dict() == {"quality": 40, "advice": 28, "price": 12} and set(rows["of"]) == {40}
    price = rows.loc["price"]
    assert (price["share"], price["before"], price["change"]) == pytest.approx((0.3, 0.8, -0.5))
    assert (price["low"], price["high"]) == pytest.approx([float(end[0]) for end in share_interval([12], [40], 0.95)])
    expected = change_interval([12], [40], [20], [25], 0.95)
    assert (price["change_low"], price["change_high"]) == pytest.approx([float(end[0]) for end in expected])
    assert rows.loc["quality", "change"] == 1.0  # nobody chose it then


def test_options_in_columns_of_their_own_are_one_question():
    for stem, first, second in (
        ("What matters most? - Selected Choice", " - Price", " - Quality"),
        ("最看重什么？", "(价格)", "(质量)"),
    ):
        rows = [(f"{i}/open-a", "2025-11-01", stem + first, "P") for i in range(9)]
        rows += [(f"{i}/open-b", "2025-11-01", stem + second, "Q") for i in range(3, 12)]
        options = found(rows).options
        assert options["question"].tolist() == [stem, stem]
        assert options["n"].tolist() == [9, 9] and set(options["of"]) == {12}


def test_questions_of_their_own_stay_apart_whatever_their_last_words():
    rows = [(f"{i}/a", "2025-11-01", "How do you buy (mostly)", "web" if i % 2 else "store") for i in range(9)]
    rows += [(f"{i}/b", "2025-11-01", "How do you buy (rarely)", "web" if i % 3 else "store") for i in range(9)]
    assert found(rows).questions == 2


def test_it_reads_in_both_languages_with_the_words_of_the_workbooks_own_questions():
    table = found([(f"{i}/m", "2025-11-01", "needs.matters", "价格") for i in range(9)]).table()
    assert table.title.render(EDITIONS[1]) == "“价格”被选最多：9 人中有 9 人"
    assert "What matters most to you" in str(table.bundle(EDITIONS)) and "您最看重什么" in str(table.bundle(EDITIONS))


def test_open_words_and_a_handful_of_answers_are_no_choices():
    assert isinstance(found([(f"{i}/m", "2025-11-01", "why?", f"because of {i}") for i in range(60)]), NotMeasured)
    assert isinstance(found([("1/m", "2025-11-01", "why?", "price")]), NotMeasured)
    assert "feedback.choices" in measure_choices(tables_of({}, PERIOD), SETTINGS).missing

"""Answers of questionnaires as clients deliver them: low is good, several questions under one number of a respondent."""

from __future__ import annotations

import pandas as pd
import pytest

from workbook.errors import DeliveryError
from workbook.settings.models import Settings
from workbook.voice.satisfaction import measure_satisfaction

WIDE = "no,day,kunde,ease,rec\n" + "".join(f"R{i},2025-11-0{i % 9 + 1},C{i},{i % 8},{i % 11}\n" for i in range(80))


def of(source, instrument: str, column: str, **more):
    described = source("feedback", "s.csv", f"feedback_id=no given_at=day customer_id=kunde score={column}")
    return {**described, "constants": {"instrument": instrument}, **more}


def feedback(done) -> pd.DataFrame:
    return done.tables.sql("select feedback_id, instrument, score from feedback order by feedback_id")


def test_two_questions_of_one_respondent_are_two_answers_and_none_is_a_duplicate(deliver, source):
    done = deliver({"s.csv": WIDE}, [of(source, "ces", "ease"), of(source, "nps", "rec")])
    kept = feedback(done)
    assert len(kept) == 160 and kept["feedback_id"].is_unique
    assert set(kept.loc[kept["feedback_id"] == "R7/rec", "score"]) == {7.0}
    assert done.row_ledger["rows_kept"].tolist() == [80, 80]


def test_the_same_answers_delivered_again_are_repeated_and_keep_their_number(deliver, source):
    first = of(source, "ces", "ease", file="s*.csv")
    again = feedback(deliver({"s1.csv": WIDE, "s2.csv": WIDE}, [first, of(source, "nps", "rec", file="s*.csv")]))
    once = feedback(
        deliver({"s.csv": WIDE}, [of(source, "ces", "ease", file="s1.csv"), of(source, "nps", "rec", file="s1.csv")])
    )
    pd.testing.assert_frame_equal(again, once)


def test_several_questions_of_one_instrument_stay_apart(deliver, source):
    rows = "no,day,q,score\nR1,2025-11-01,Preis,1\nR1,2025-11-01,Ware,4\nR2,2025-11-01,Preis,5\n"
    described = source("feedback", "s.csv", "feedback_id=no given_at=day question=q score=score")
    kept = feedback(deliver({"s.csv": rows}, [{**described, "constants": {"instrument": "csat"}}]))
    assert len(kept) == 3 and kept["feedback_id"].is_unique and "R2" in set(kept["feedback_id"])


def test_one_number_with_a_newer_score_is_still_an_older_version(deliver, source):
    rows = "no,day,score\nR1,2025-11-01,1\nR1,2025-11-03,4\n"
    described = source("feedback", "s.csv", "feedback_id=no given_at=day score=score")
    done = deliver({"s.csv": rows}, [{**described, "constants": {"instrument": "csat"}}])
    assert feedback(done).to_numpy().tolist() == [["R1", "csat", 4.0]]


@pytest.mark.parametrize(("instrument", "scale"), [("ces", None), ("csat", "5"), ("csat", "6")])
def test_a_scale_that_falls_gives_the_figure_of_the_same_answers_on_a_scale_that_rises(deliver, source, instrument, scale):
    """Held to the file written the other way round by hand; 0 and 9 stay no answers."""
    highest = int(scale or 7)
    rows = pd.DataFrame({"no": range(90), "day": "2025-11-03", "score": [i % 10 for i in range(90)]})
    turned = rows.assign(score=[1 + highest - s for s in rows["score"]])
    more = {"constants": {"instrument": instrument} | ({"scale_max": scale} if scale else {})}
    described = source("feedback", "s.csv", "feedback_id=no given_at=day score=score") | more
    frames = [
        measure_satisfaction(
            deliver({"s.csv": file.to_csv(index=False)}, [described | told]).tables,
            Settings.model_validate({"client": {"name": "Acme"}}),
        ).frame
        for file, told in ((rows, {"low_is_good": [instrument]}), (turned, {}))
    ]
    pd.testing.assert_frame_equal(frames[0], frames[1])
    assert frames[0]["beyond_scale"].iloc[0] > 0


def test_an_unknown_instrument_that_falls_is_refused(deliver, source):
    with pytest.raises(Exception, match="low_is_good"):
        deliver({"s.csv": WIDE}, [of(source, "ces", "ease", low_is_good=["mood"])])


def test_scores_of_two_scales_in_one_column_stop_the_delivery_until_each_is_told(deliver, source):
    rows = "no,day,score\n" + "".join(f"R{i},2025-11-01,{('4/5', '8/10', '2/5')[i % 3]}\n" for i in range(30))
    described = source("feedback", "s.csv", "feedback_id=no given_at=day score=score") | {"constants": {"instrument": "csat"}}
    with pytest.raises(DeliveryError, match="several scales such as '2/5', '8/10' in 'score'"):
        deliver({"s.csv": rows}, [described])
    told = deliver({"s.csv": rows}, [described | {"values": {"score": {"8/10": "4"}}}])
    assert sorted(set(feedback(told)["score"])) == [2.0, 4.0]

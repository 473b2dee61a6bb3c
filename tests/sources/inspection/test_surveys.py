"""A survey with a column a question is proposed as feedback, each question with its own text, or asked about."""

from __future__ import annotations

import pytest

from workbook.sources.inspection.assemble import inspect_folder

HEAD = ("Response ID", "Submitted at", "Customer ID"), ("答卷编号", "提交时间", "客户编号")
ENGLISH = (
    "How satisfied are you with our delivery?",
    "How likely are you to recommend us to a friend?",
    "How easy was it to reach our support team?",
    "How often do you visit our web shop?",
    "What could we do better?",
)
CHINESE = (
    "您对我们的配送服务满意吗？",
    "您有多大可能向朋友推荐我们？",
    "联系客服是否容易？您怎么看？",
    "您如何评价我们的新店铺",
    "您对我们有什么建议？",
)
FALLS = "1 = very easy", "2", "3", "4", "5", "6", "7 = very difficult"


def written(folder, header):
    words = ("late again", "box was broken on arrival", "nothing", "more colours", "a shop nearer to my home")
    rows = "".join(
        f"R{i},2025-03-{i % 28 + 1:02d},C{i:03d},{i % 5 + 1},{i % 11},{FALLS[i % 7]},{i % 6},{words[i % 5]} {i}\n"
        for i in range(120)
    )
    (folder / "export.csv").write_text(",".join(header) + "\n" + rows, "utf-8")
    return inspect_folder(folder).proposal()


@pytest.mark.parametrize("header", [HEAD[0] + ENGLISH, HEAD[1] + CHINESE], ids=["English", "Chinese"])
def test_each_question_of_a_wide_survey_becomes_feedback_with_its_text(tmp_path, header):
    sources = {s.source.constants["question"]: s for s in written(tmp_path, header).sources if s.source.table == "feedback"}
    satisfied, recommend, easy, often, better = sources.values()
    assert list(sources) == list(header[3:])
    assert [s.source.constants.get("instrument") for s in sources.values()] == ["csat", "nps", "ces", None, "open"]
    assert satisfied.source.constants["scale_max"] == "5" and easy.source.constants["scale_max"] == "7"
    assert recommend.source.columns["score"] == header[4] and better.source.columns["text"]
    assert easy.source.low_is_good == ["ces"] and not satisfied.source.low_is_good
    assert "instrument" in often.questions and "instrument" in often.source.todo
    for one in sources.values():
        assert {"feedback_id", "given_at", "customer_id"} <= set(one.source.columns)


def test_a_question_for_a_name_of_the_list_is_that_column_and_one_for_words_is_open_however_few_answer_alike(tmp_path):
    header = "序号,提交时间,1、您的客户编号,2、您对我们的总体满意度如何？,3、您还有什么建议？\n"
    rows = "".join(f"{i},2025-03-{i % 28 + 1:02d},K{i:03d},{i % 5 + 1},{('太慢', '太贵')[i % 2]}\n" for i in range(1, 61))
    (tmp_path / "问卷.csv").write_text(header + rows, "utf-8")
    sources = inspect_folder(tmp_path).proposal().sources
    assert [s.source.constants["question"] for s in sources] == ["2、您对我们的总体满意度如何？", "3、您还有什么建议？"]
    assert sources[1].source.columns["text"] == "3、您还有什么建议？"
    assert "1、您的客户编号" in str([sources[0].source.columns.get("customer_id"), sources[0].source.todo.get("customer_id")])


def test_a_recommendation_asked_on_five_is_no_net_promoter_score(tmp_path):
    header = "Response ID,Submitted at,Would you recommend us to your friends?,What could we do better for you?\n"
    rows = "".join(f"R{i},2025-03-{i % 28 + 1:02d},{i % 5 + 1},word {i} and more\n" for i in range(60))
    (tmp_path / "s.csv").write_text(header + rows, "utf-8")
    first = inspect_folder(tmp_path).proposal().sources[0]
    assert "instrument" in first.questions and "instrument" not in first.source.constants


def test_a_list_of_customers_with_long_headers_is_no_survey(tmp_path):
    header = "customer id,Customer name as registered,Date of first registration,Total amount of all orders\n"
    (tmp_path / "c.csv").write_text(header + "".join(f"C{i},Name {i},2024-03-{i % 28 + 1:02d},{i * 7}\n" for i in range(40)))
    assert not [s for s in inspect_folder(tmp_path).proposal().sources if s.source.table == "feedback"]


def test_options_of_zero_and_one_under_one_question_are_choices_and_not_scores(tmp_path):
    heads = {"a": [f"4、您看重哪些方面？（{x}）" for x in ("质量", "价格")], "b": ["Buys for: home", "Buys for: office"]}
    for name, head in heads.items():
        folder = tmp_path / name
        folder.mkdir()
        lines = "".join(f"R{i},2025-03-{i % 28 + 1:02d},{i % 2},{i % 3 // 2}\n" for i in range(60))
        (folder / "survey.csv").write_text(",".join(["Response ID", "Submitted at", *head]) + "\n" + lines, "utf-8")
        sources = [s.source for s in inspect_folder(folder).proposal().sources]
        assert [s.columns["choices"] for s in sources] == head
        options = ["质量", "价格"] if name == "a" else ["home", "office"]
        assert [s.values["choices"] for s in sources] == [{"0": "", "1": option} for option in options]
        assert all(s.constants["instrument"] == "choice" for s in sources)


def test_codes_for_no_answer_do_not_hide_a_scale_and_labels_that_name_one_are_read(tmp_path):
    head = (
        "Response ID,Submitted at,Likelihood to recommend 0-10 (99=don't know),Satisfaction 1-5,How easy was it to reach us?\n"
    )
    lines = "".join(
        f"R{i},2025-03-{i % 28 + 1:02d},{99 if i % 5 == 0 else i % 11},{-1 if i % 4 == 0 else i % 5 + 1},"
        f"{-99 if i % 3 == 0 else i % 7 + 1}\n" for i in range(120)
    )  # fmt: skip
    (tmp_path / "survey.csv").write_text(head + lines, "utf-8")
    sources = [s.source for s in inspect_folder(tmp_path).proposal().sources]
    assert [(s.constants["instrument"], s.constants["scale_max"]) for s in sources] == [
        ("nps", "10"),
        ("csat", "5"),
        ("ces", "7"),
    ]
    assert [s.values["score"] for s in sources] == [{"99": ""}, {"-1": ""}, {"-99": ""}]


@pytest.mark.parametrize(("asked", "column"), [("How likely are you to recommend us?", "score"),
                                               ("您有多大可能向朋友推荐我们？", "score")])  # fmt: skip
def test_a_question_that_the_vocabulary_knows_is_not_lost_among_others(tmp_path, asked, column):
    head = f"Response ID,Submitted at,1、您的客户编号,{asked},What could we do better?\n"
    lines = "".join(f"R{i},2025-03-{i % 28 + 1:02d},C{i % 30:03d},{i % 11},too slow {i}\n" for i in range(60))
    (tmp_path / "survey.csv").write_text(head + lines, "utf-8")
    first, second = [s.source for s in inspect_folder(tmp_path).proposal().sources]
    assert first.columns[column] == asked and first.constants["instrument"] == "nps"
    assert first.columns["customer_id"] == second.columns["customer_id"] == "1、您的客户编号"


def test_a_scale_to_a_hundred_has_no_codes(tmp_path):
    lines = "".join(f"R{i},2025-03-{i % 28 + 1:02d},{i % 11 * 10},words {i}\n" for i in range(60))
    head = "Response ID,Submitted at,How satisfied are you with us?,What could we do better?\n"
    (tmp_path / "survey.csv").write_text(head + lines, "utf-8")
    first = inspect_folder(tmp_path).proposal().sources[0].source
    assert first.constants["scale_max"] == "100" and not first.values

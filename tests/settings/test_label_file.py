"""Labels in a file of their own: read behind those of the settings; faults told by file, line and field."""

import pytest

from workbook.period import Period
from workbook.settings.reading import check_settings, read_settings

PERIOD = Period.parse("2025Q4")
ENGAGEMENT = """\
client: {name: Acme}
voice:
  topics: [{id: ship, name: Shipping, words: [parcel]}]
"""


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "params" / "acme"
    folder.mkdir(parents=True)
    (folder / "2025Q4.yaml").write_text("", "utf-8")

    def write(labels, engagement=ENGAGEMENT):
        (folder / "engagement.yaml").write_text(engagement, "utf-8")
        (folder / "labels.csv").write_bytes(labels if isinstance(labels, bytes) else labels.encode("utf-8-sig"))
        return tmp_path

    return write


def test_a_row_is_a_label_and_empty_cells_say_nothing(home):
    labels = read_settings(home("comment,topic,mood\nF1,ship,\nF2,,neither\n,,\n"), "acme", PERIOD).voice.labels
    assert [(x.comment, x.topic, x.mood) for x in labels] == [("F1", "ship", ""), ("F2", "", "neither")]


def test_labels_of_the_file_stand_behind_those_of_the_engagement(home):
    labels = read_settings(home("comment,mood\r\nF1,content\r\n", ENGAGEMENT + "  labels: [{comment: F0, mood: content}]\n"),
                           "acme", PERIOD).voice.labels  # fmt: skip
    assert [x.comment for x in labels] == ["F0", "F1"]
    assert len(read_settings(home("comment,mood\nF1,content\n", "client: {name: Acme}\n"), "acme", PERIOD).voice.labels) == 1


@pytest.mark.parametrize(
    ("labels", "where", "words"),
    [
        ("comment,topic,mood\nF1,ship,\nF2,shop,\n", 3, "ship, other"),
        ("comment,topic,mood\nF1,ship,angry\n", 2, "content"),
        ("comment,topic,mood\nF1,ship,\nF1,,content\n", 3, "one label a comment"),
        ("topic,mood\nship,\n", 1, "comment, topic, mood"),
        ("comment;topic;mood\nF1;ship;\n", 1, "comment, topic, mood"),
        ("comment,topic\n,ship\n", 2, "comment"),
        (b"comment,topic\nF1,\xff\n", 2, "UTF-8"),
        ("", 1, "comment, topic, mood"),
        (f"comment\n{'x' * 200_000}\n", 2, "comment, topic, mood"),
    ],
)
def test_faults_are_told_where_they_stand(home, labels, where, words):
    (fault,) = check_settings(home(labels), "acme")
    assert (fault.file, fault.line) == ("params/acme/labels.csv", where)
    assert words in str(fault)

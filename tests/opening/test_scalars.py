"""Any words of a client come back from the YAML as the very same words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from workbook.opening.scalars import flow, scalar
from workbook.settings.writing import one_line


def read(words: str) -> object:
    return YAML(typ="safe").load(words)


@pytest.mark.parametrize(
    "words",
    [
        "", " ", "~", "null", "Yes", "no", "1", "1e3", "0x1F", "2025-01-02", "12:30", ".inf", "- a", "a: b",
        "a #b", "# c", "&x", "*x", "!t", "%d", "@x", "`x`", "{a: 1}", "[a]", "'", '"', "\\", "a\nb",
        "a\r\nb", "a\tb", "\x85", "\u2028", "\u2029", "\ufeff", "\x00", "\x7f", "🙂", "客户：名称", "a, b",
        "=cmd|' /C calc'!A0", "<<", "---", "...", "true ", "：", "…", "\U000e0001",
    ],
)  # fmt: skip
def test_words_that_yaml_could_take_for_something_else(words):
    assert read(f"key: {scalar(words)}  # comment") == {"key": words}
    assert read(f"key: {flow([words, words])}") == {"key": [words, words]}
    assert read(f"key: {flow({words: words})}") == {"key": {words: words}}


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=30))
def test_any_words(words):
    assert read(f"{scalar(words)}: {scalar(words)}") == {words: words}


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=30))
def test_a_comment_cannot_be_left(words):
    assert read(f"a: 1  # {one_line(words)}\nb: 2") == {"a": 1, "b": 2}

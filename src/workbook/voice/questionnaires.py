"""Questionnaires ready to use (V1, V2): their questions in both languages, and the form to fill.

A questionnaire is a file of templates/questionnaires. Each answer becomes a row of the table ``feedback`` whose id is
``<respondent>/<question>`` and whose question is ``<questionnaire>.<question>``; so the answers of one respondent are found
again, and the reliability of the scale can be told.
"""

from __future__ import annotations

from typing import Annotated, Literal

import pandas as pd
from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML

from workbook.errors import WorkbookError
from workbook.language import Edition, Text, count, named, text
from workbook.places import templates_folder
from workbook.report.blocks import Column, Sheet, Table
from workbook.settings.models import Identifier, Name, Section

BLANK_ROWS = 200
"""Rows of the form that are ready to be filled."""

HEAD = ("respondent", "customer_id", "given_at", "channel")


class Item(Section):
    """One question."""

    id: Identifier = Field(description="Short name of the question.")
    kind: Literal["scale", "single", "multiple", "open"] = Field(description="How it is answered.")
    words: Name = Field(description="The question.")
    instrument: Literal["nps", "csat", "ces"] | None = Field(None, description="The measure that a scale question gives.")
    lowest: int | None = Field(None, description="Lowest score of a scale.")
    highest: int | None = Field(None, description="Highest score of a scale.")
    ends: Name = Field("", description="What the ends of the scale mean.")
    reverse: bool = Field(False, description="True where a high score is bad: it is turned round when it is scored.")
    choices: list[Name] = Field(default_factory=list, description="What can be chosen.")

    @model_validator(mode="after")
    def _whole(self) -> Item:
        if self.kind == "scale" and (self.lowest is None or self.highest is None or self.lowest >= self.highest):
            raise ValueError(f"{self.id}: a scale needs lowest below highest")
        if self.kind in ("single", "multiple") and len(self.choices) < 2:
            raise ValueError(f"{self.id}: two choices or more are needed")
        return self


class Questionnaire(Section):
    """A questionnaire as its file describes it."""

    name: Name = Field(description="What readers call it.")
    when: Name = Field(description="When it is sent, and to whom.")
    items: Annotated[list[Item], Field(min_length=1)] = Field(description="Its questions in order.")


def questionnaire_names() -> list[str]:
    """The questionnaires that lie in templates/questionnaires."""
    return sorted(path.stem for path in (templates_folder() / "questionnaires").glob("*.yaml"))


def read_questionnaire(name: str) -> Questionnaire:
    """A questionnaire by the name of its file.

    Raises:
        WorkbookError: where there is none of that name, or its file is at fault.
    """
    path = templates_folder() / "questionnaires" / f"{name}.yaml"
    if name not in questionnaire_names():
        raise WorkbookError(f"questionnaire: found {name!r}, expected one of {', '.join(questionnaire_names())}")
    try:
        return Questionnaire.model_validate(YAML(typ="safe").load(path))
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise WorkbookError(f"{path}: {where}: {first['msg']}; mend the file") from None


def form(name: str) -> tuple[Sheet, Sheet]:
    """The form to fill: the questions as they are asked, and a row for each respondent with lists of what may be answered."""
    asked = read_questionnaire(name)
    questions = pd.DataFrame(
        {
            "id": [item.id for item in asked.items],
            "words": [named(item.words) for item in asked.items],
            "answer": [_answer(item) for item in asked.items],
        }
    )
    heads = {
        "respondent": text("voice.form.respondent", "respondent (any number)"),
        "customer_id": text("voice.form.customer", "customer_id (empty where not known)"),
        "given_at": text("voice.form.given", "given_at (2025-12-31)"),
        "channel": text("voice.form.channel", "channel"),
    }
    answers = pd.DataFrame("", index=range(BLANK_ROWS), columns=[*HEAD, *(item.id for item in asked.items)])
    columns = (
        *(Column(key, words, "date" if key == "given_at" else "text") for key, words in heads.items()),
        *(
            Column(item.id, text("voice.form.item", "{id}: {words}", id=item.id, words=named(item.words)))
            for item in asked.items
        ),
    )
    choices = {item.id: _choices(item) for item in asked.items if item.kind in ("scale", "single")}
    title = text("voice.form.title", "Questionnaire: {name}", name=named(asked.name))
    return (
        Sheet(
            text("voice.form.questions", "Questions"),
            Table(
                "voice.form.questions", title,
                (
                    Column("id", text("voice.form.id", "Id")),
                    Column("words", text("voice.form.words", "Question")),
                    Column("answer", text("voice.form.answer", "Answer")),
                ),
                questions,
                text("voice.form.when", "When and to whom: {when}.", when=named(asked.when)),
            ),
        ),
        Sheet(
            text("voice.form.answers", "Answers"),
            Table(
                "voice.form.answers", title, columns, answers,
                text("voice.form.how",
                     "One row a respondent. Several choices: with ; between. Leave empty what was not answered."),
                rows=BLANK_ROWS,
            ),
            choices=choices, to_fill=True,
        ),
    )  # fmt: skip


def _answer(item: Item) -> Text:
    if item.kind == "scale":
        return text("voice.form.scale", "{lowest} to {highest} ({ends})", lowest=count(item.lowest),
                    highest=count(item.highest), ends=named(item.ends))  # fmt: skip
    if item.kind == "open":
        return text("voice.form.open", "in own words")
    options = named({
        "en": " / ".join(named(choice).render(Edition("en")) for choice in item.choices),
        "zh": " / ".join(named(choice).render(Edition("zh")) for choice in item.choices),
    })  # fmt: skip
    if item.kind == "single":
        return text("voice.form.single", "one of: {options}", options=options)
    return text("voice.form.multiple", "any of: {options}", options=options)


def _choices(item: Item) -> list[Text]:
    if item.kind == "scale":
        return [named(str(score)) for score in range(int(item.lowest or 0), int(item.highest or 0) + 1)]
    return [named(choice) for choice in item.choices]


def question_words(question: str) -> Text:
    """The words of a question of the workbook's own questionnaires (``needs.matters``); others as the client wrote them."""
    name, _, id = question.partition(".")
    if id and name in questionnaire_names():
        for item in read_questionnaire(name).items:
            if item.id == id:
                return named(item.words)
    return named(question)

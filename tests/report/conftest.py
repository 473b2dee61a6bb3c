"""A made-up run with its pages, built once."""

from pathlib import Path

import pytest
from tests.report.made_up import write_notebooks

from workbook.period import Period
from workbook.report import assemble
from workbook.report.build import build_report
from workbook.settings.models import Client, Report, Settings


def made_up_settings(**report) -> Settings:
    return Settings(
        client=Client(name={"en": "Cloud Pine Retail <b>", "zh": "云松零售 <b>"}, synthetic=True),
        report=Report(author={"en": "Advisory team", "zh": "咨询团队"}, **report),
    )


@pytest.fixture(scope="session", autouse=True)
def no_choice_of_exhibits():
    """Made-up exhibits stand in their chapters, whatever chapters.yaml chooses of the real ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assemble, "chapter_exhibits", dict)
        yield


@pytest.fixture(scope="session")
def settings() -> Settings:
    return made_up_settings()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Path:
    folder = write_notebooks(tmp_path_factory.mktemp("run"))
    build_report(folder, settings, Period.parse("2025Q4"), "demo", folder.parent)
    return folder


@pytest.fixture(scope="session", params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def page(built: Path, language: str) -> str:
    return (built / f"report.{language}.html").read_text("utf-8")

"""A made-up run with its pages, built once."""

from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def no_choice_of_exhibits() -> Iterator[None]:
    """Made-up exhibits stand in their chapters, whatever chapters.yaml chooses of the real ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assemble, "chapter_exhibits", dict)
        yield


@pytest.fixture(autouse=True)
def _no_choice_of_exhibits() -> Iterator[None]:
    """For each test by itself: a patch that lasted would reach the runs of the demo in the same process."""
    with no_choice_of_exhibits():
        yield


@pytest.fixture(scope="session")
def settings() -> Settings:
    return made_up_settings()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Path:
    folder = write_notebooks(tmp_path_factory.mktemp("run"))
    with no_choice_of_exhibits():
        build_report(folder, settings, Period.parse("2025Q4"), "demo", folder.parent)
    return folder


@pytest.fixture(scope="session", params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def page(built: Path, language: str) -> str:
    return (built / f"report.{language}.html").read_text("utf-8")

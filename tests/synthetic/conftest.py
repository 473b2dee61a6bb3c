"""A small client with every fault, one without any, and the demo made anew."""

from pathlib import Path

import pytest

from workbook.synthetic import Faults, Plan, Story, generate, write_delivery


@pytest.fixture(scope="session")
def faulty() -> Story:
    return generate(Plan(customers=1500, seed=7, faults=Faults.moderate()))


@pytest.fixture(scope="session")
def clean() -> Story:
    return generate(Plan(customers=1500, seed=7))


@pytest.fixture(scope="session")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    write_delivery("demo", home)
    return home

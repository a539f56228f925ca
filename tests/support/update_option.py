"""What can be said to pytest: `--update` writes dialogue files anew instead of comparing them (read the
difference then); `--seed` is what a test of random events makes them from; `--databases sqlite` leaves
PostgreSQL out.
"""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="write the dialogue files anew from what the calls said"
    )
    parser.addoption("--databases", choices=("sqlite", "all"), default="all", help="sqlite: no PostgreSQL")
    parser.addoption("--statements", type=Path, help="file for the SQL that the tests ran on SQLite alone")
    parser.addoption("--seed", type=int, default=1, help="what random events are made from")


@pytest.fixture
def update_dialogues(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update"))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--seed"))

"""`pytest --update` writes dialogue files anew instead of comparing them: read the difference then."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="write the dialogue files anew from what the calls said"
    )


@pytest.fixture
def update_dialogues(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update"))

"""The command line on a fresh database, in an environment that holds little else."""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ivr.cli import main

NOT_OURS = ("ENVIRONMENT", "GATEWAY", "HOME_COUNTRY", "OUTCOME_URL", "PUBLIC_URL")
"""Settings that whoever runs the tests may have."""
Run = Callable[..., Result]


@pytest.fixture
def paybycall(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command; what it says and how it ends. A bug is raised."""
    for name in NOT_OURS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", database_url)

    def run(*arguments: str, **more: Any) -> Result:
        result = CliRunner().invoke(main, list(arguments), **more)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run

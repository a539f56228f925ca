"""What a server logs as it starts in production: who runs it, and who may reach it past the proxy."""

import os

import pytest
from structlog.testing import capture_logs

from ivr.cli.serve import warn_of_exposure


@pytest.mark.parametrize(
    ("user", "host", "expected"),
    [
        (1000, "127.0.0.1", []),
        (1000, "::1", []),
        (1000, "localhost", []),
        (1000, "0.0.0.0", ["listens_beyond_this_machine"]),  # noqa: S104 - nothing listens
        (1000, "::", ["listens_beyond_this_machine"]),
        (1000, "web.internal", ["listens_beyond_this_machine"]),
        (0, "127.0.0.1", ["running_as_root"]),
        (0, "10.0.0.1", ["running_as_root", "listens_beyond_this_machine"]),
    ],
)
def test_warnings(user: int, host: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    for in_production in (True, False):
        with capture_logs() as logs:
            warn_of_exposure(host, 8000, in_production=in_production)
        assert [line["event"] for line in logs] == (expected if in_production else [])
        assert all(line["log_level"] == "warning" for line in logs)

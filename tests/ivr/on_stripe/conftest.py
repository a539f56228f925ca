"""The whole server on Stripe's stand-in, one for each test, with what must hold after any call."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from tests.support.databases import Databases
from tests.support.running_server import migrated_pci
from tests.support.server_on_stripe import ServerOnStripe, check_server_on_stripe, server_on_stripe

Start = Callable[..., ServerOnStripe]


@pytest.fixture(scope="session")
def pci_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return migrated_pci(tmp_path_factory.mktemp("pci"))


@pytest.fixture
def start_on_stripe(
    tmp_path: Path, databases: Databases, pci_template: bytes, caplog: pytest.LogCaptureFixture
) -> Iterator[Start]:
    """A server with these settings; what the adapter tells the operator stands in its `told`."""
    with ExitStack() as stack:
        logs = stack.enter_context(
            capture_logs([structlog.contextvars.merge_contextvars, structlog.processors.format_exc_info])
        )
        started: list[ServerOnStripe] = []

        def start(kind: str = "sqlite", **how: Any) -> ServerOnStripe:
            url = databases.url(kind)
            stack.callback(databases.drop, url)
            on_stripe = stack.enter_context(server_on_stripe(tmp_path, url, pci_template, **how))
            on_stripe.server.logs, on_stripe.caplog = logs, caplog
            on_stripe.server.add_bill()
            started.append(on_stripe)
            return on_stripe

        yield start
        for on_stripe in started:
            check_server_on_stripe(on_stripe)


@pytest.fixture
def on_stripe(start_on_stripe: Start) -> ServerOnStripe:
    return start_on_stripe()

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
from tests.support.server_on_stripe import StripeHouse, check_house, house_on_stripe

Start = Callable[..., StripeHouse]


@pytest.fixture(scope="session")
def pci_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return migrated_pci(tmp_path_factory.mktemp("pci"))


@pytest.fixture
def start_house(
    tmp_path: Path, databases: Databases, pci_template: bytes, caplog: pytest.LogCaptureFixture
) -> Iterator[Start]:
    """A house by these settings; what the adapter tells the operator stands in its `told`."""
    with ExitStack() as stack:
        logs = stack.enter_context(
            capture_logs([structlog.contextvars.merge_contextvars, structlog.processors.format_exc_info])
        )
        started: list[StripeHouse] = []

        def start(kind: str = "sqlite", **how: Any) -> StripeHouse:
            url = databases.url(kind)
            stack.callback(databases.drop, url)
            house = stack.enter_context(house_on_stripe(tmp_path, url, pci_template, **how))
            house.server.logs, house.caplog = logs, caplog
            house.server.add_bill()
            started.append(house)
            return house

        yield start
        for house in started:
            check_house(house)


@pytest.fixture
def house(start_house: Start) -> StripeHouse:
    return start_house()

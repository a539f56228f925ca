from collections.abc import Iterator

import pytest

from gateways.capability import CardEntry
from tests.support.stripe.harness import StripeHarness
from tests.support.stripe.server import StripeServer, running_stripe
from tests.support.time_and_ids import ManualClock


@pytest.fixture
def stripe_clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def stripe_server(stripe_clock: ManualClock) -> Iterator[StripeServer]:
    """Every body that is sent to it has to fit the library's own types."""
    with running_stripe(stripe_clock) as server:
        yield server
    assert server.account.violations == []


@pytest.fixture
def harness(stripe_server: StripeServer) -> StripeHarness:
    """By token, and not as a telephone order."""
    return StripeHarness(stripe_server, CardEntry.TOKENIZE, moto=False)

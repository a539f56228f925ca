from collections.abc import Iterator

import pytest

from tests.support.stripe.server import StripeServer, running_stripe


@pytest.fixture
def stripe_server() -> Iterator[StripeServer]:
    """Every body that is sent to it has to fit the library's own types."""
    with running_stripe() as server:
        yield server
    assert server.account.violations == []

"""Payment services of these tests, over a gateway that posts webhooks."""

import pytest

from tests.support.fake_gateway import WITH_WEBHOOKS, FakeGateway


@pytest.fixture
def bank() -> FakeGateway:
    return FakeGateway(WITH_WEBHOOKS)

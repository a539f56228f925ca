"""Payment services of these tests, over a gateway that posts webhooks."""

import pytest

from tests.support.webhook_gateway import WebhookGateway


@pytest.fixture
def bank() -> WebhookGateway:
    return WebhookGateway()

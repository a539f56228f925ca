"""Stripe, held to the contract in both kinds of card entry: its own library, over a real socket."""

import pytest

from gateways.capability import CardEntry
from gateways.contract import CardAuthorized
from tests.support.card_entry_contract import AuthorizationContract
from tests.support.saved_card_contract import SavedCardContract
from tests.support.stripe.harness import StripeHarness
from tests.support.stripe.server import StripeServer


class TestStripeByToken(SavedCardContract):
    @pytest.fixture
    def harness(self, stripe_server: StripeServer) -> StripeHarness:
        return StripeHarness(stripe_server, CardEntry.TOKENIZE)


class TestStripeByAuthorization(AuthorizationContract):
    undone_by_a_fence = CardAuthorized
    """Stripe cancels what is held as gladly as what is not."""

    @pytest.fixture
    def harness(self, stripe_server: StripeServer) -> StripeHarness:
        return StripeHarness(stripe_server, CardEntry.AUTHORIZE)

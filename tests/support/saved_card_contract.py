"""What every gateway that declares `saves_cards` is held to: a card pays again only where its payer agreed,
and never once it is forgotten.

Inherit it beside `TokenContract`, which brings the keyed card, the charge, and the look for secrets after
every test.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from gateways.capability import GatewayVerb
from gateways.contract import (
    Approved,
    CardDeleted,
    CardOnFile,
    ChargeRequest,
    Declined,
    Prepared,
    Result,
    Unknown,
)
from gateways.declines import Decline
from gateways.secret import Secret
from tests.support.card_entry_contract import TokenContract
from tests.support.gateway_harness import FORGET, GatewayHarness
from tests.support.gateway_verbs import HARMS, nothing_moved, order_of


class SavedCardContract(TokenContract):
    """A mixin: the tests of `TokenContract` come with it."""

    def charge_to_keep(
        self, harness: GatewayHarness, key: str, *, keep_card: bool = True
    ) -> tuple[Secret, str]:
        """A card that was keyed and charged; its token, and the gateway's reference of the charge."""
        token = self.token(harness, key)
        order = harness.orders.setdefault(key, order_of(key))
        reference = self.reference(harness, order)
        assert reference is None or isinstance(reference, str)
        charged = harness.gateway.charge(ChargeRequest(order, token, reference, keep_card=keep_card))
        assert isinstance(charged, Approved)
        return token, charged.gateway_reference

    def saved(
        self, harness: GatewayHarness, key: str = "a-1", *, gateway_customer_id: str | None = None
    ) -> CardOnFile:
        token, charged = self.charge_to_keep(harness, key)
        card = harness.gateway.save_card(
            f"save-{key}", token, charge_reference=charged, gateway_customer_id=gateway_customer_id
        )
        assert isinstance(card, CardOnFile)
        return card

    def pay_again(self, harness: GatewayHarness, key: str, card: CardOnFile) -> Result:
        order = harness.orders.setdefault(key, order_of(key))
        reference = None
        if harness.gateway.capabilities.prepares:
            prepared = harness.gateway.prepare(order, gateway_customer_id=card.gateway_customer_id)
            if not isinstance(prepared, Prepared):
                return prepared
            reference = harness.references.setdefault(key, prepared.gateway_reference)
        return harness.gateway.charge(
            ChargeRequest(order, card.token, reference, gateway_customer_id=card.gateway_customer_id)
        )

    def test_it_declares_saved_cards(self, harness: GatewayHarness) -> None:
        assert harness.gateway.capabilities.saves_cards

    def test_a_saved_card_pays_under_two_keys_each_once(self, harness: GatewayHarness) -> None:
        card = self.saved(harness)
        results = [self.pay_again(harness, key, card) for key in ("b-1", "b-2", "b-1")]

        assert all(isinstance(result, Approved) for result in results), results
        assert results[0] == results[2]
        assert [harness.books(key).taken_minor for key in ("a-1", "b-1", "b-2")] == [5000, 5000, 5000]

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_saved_card_whose_answer_is_lost_is_unknown_and_then_found(
        self, harness: GatewayHarness, harm: str
    ) -> None:
        card = self.saved(harness)
        order = harness.orders.setdefault("b-1", order_of("b-1"))
        reference = None
        if harness.gateway.capabilities.prepares:
            prepared = harness.gateway.prepare(order, gateway_customer_id=card.gateway_customer_id)
            assert isinstance(prepared, Prepared)
            reference = harness.references.setdefault("b-1", prepared.gateway_reference)
        getattr(harness, harm)(GatewayVerb.CHARGE)

        charge = ChargeRequest(order, card.token, reference, gateway_customer_id=card.gateway_customer_id)
        assert isinstance(harness.gateway.charge(charge), Unknown)
        assert isinstance(self.look(harness, "b-1", cancel=True), Approved)
        assert harness.books("b-1").taken_minor == 5000

    def test_the_same_save_again_is_the_same_card(self, harness: GatewayHarness) -> None:
        token, charged = self.charge_to_keep(harness, "a-1")

        def save() -> object:
            return harness.gateway.save_card(
                "save-1", token, charge_reference=charged, gateway_customer_id=None
            )

        first = save()
        assert isinstance(first, CardOnFile)
        assert save() == first
        with ThreadPoolExecutor() as threads:
            later = [future.result() for future in [threads.submit(save) for _ in range(4)]]
        assert {one for one in later if not isinstance(one, Unknown)} <= {first}

    def test_a_second_card_of_a_customer_is_saved_for_the_same_one(self, harness: GatewayHarness) -> None:
        first = self.saved(harness, "a-1")
        second = self.saved(harness, "a-2", gateway_customer_id=first.gateway_customer_id)

        assert (second.gateway_customer_id, second.token == first.token) == (first.gateway_customer_id, False)
        assert isinstance(self.pay_again(harness, "b-1", first), Approved)
        assert isinstance(self.pay_again(harness, "b-2", second), Approved)

    @pytest.mark.parametrize("harm", ["lose_request", *HARMS])
    def test_a_save_without_an_answer_is_unknown_and_harmless_to_repeat(
        self, harness: GatewayHarness, harm: str
    ) -> None:
        token, charged = self.charge_to_keep(harness, "a-1")
        getattr(harness, harm)(GatewayVerb.SAVE_CARD)

        lost = harness.gateway.save_card("save-1", token, charge_reference=charged, gateway_customer_id=None)
        assert isinstance(lost, Unknown)
        card = harness.gateway.save_card("save-1", token, charge_reference=charged, gateway_customer_id=None)
        assert isinstance(card, CardOnFile)
        assert isinstance(self.pay_again(harness, "b-1", card), Approved)

    def test_a_card_whose_payer_did_not_agree_is_never_charged_again(self, harness: GatewayHarness) -> None:
        token, charged = self.charge_to_keep(harness, "a-1", keep_card=False)
        card = harness.gateway.save_card("save-1", token, charge_reference=charged, gateway_customer_id=None)

        assert isinstance(card, Declined)
        assert not isinstance(self.charge(harness, "b-1", token), Approved)
        assert nothing_moved(harness, "b-1")

    def test_a_saved_card_pays_for_nobody_but_its_holder(self, harness: GatewayHarness) -> None:
        card, other = self.saved(harness, "a-1"), self.saved(harness, "a-2")

        assert other.gateway_customer_id != card.gateway_customer_id
        assert not isinstance(
            self.pay_again(harness, "b-1", CardOnFile(other.gateway_customer_id, card.token)), Approved
        )
        assert nothing_moved(harness, "b-1")

    def test_a_forgotten_card_never_charges(self, harness: GatewayHarness) -> None:
        card = self.saved(harness)

        assert harness.gateway.delete_card(card) == CardDeleted()
        assert harness.gateway.delete_card(card) == CardDeleted()
        assert not isinstance(self.pay_again(harness, "b-1", card), Approved)
        assert nothing_moved(harness, "b-1")
        assert isinstance(self.look(harness, "a-1", cancel=True), Approved), "what it paid is paid"

    def test_what_was_not_processed_of_a_saved_card_goes_through_again(self, harness: GatewayHarness) -> None:
        token, charged = self.charge_to_keep(harness, "a-1")
        harness.answer_not_processed(GatewayVerb.SAVE_CARD)
        harness.answer_not_processed(FORGET)

        not_processed = harness.gateway.save_card(
            "save-1", token, charge_reference=charged, gateway_customer_id=None
        )
        assert isinstance(not_processed, Unknown)
        assert not_processed.retry_same_key
        card = harness.gateway.save_card("save-1", token, charge_reference=charged, gateway_customer_id=None)
        assert isinstance(card, CardOnFile)
        not_processed = harness.gateway.delete_card(card)
        assert isinstance(not_processed, Unknown)
        assert not_processed.retry_same_key
        assert harness.gateway.delete_card(card) == CardDeleted()

    @pytest.mark.parametrize("harm", ["lose_request", *HARMS])
    def test_a_deletion_without_an_answer_is_unknown_and_can_be_repeated(
        self, harness: GatewayHarness, harm: str
    ) -> None:
        card = self.saved(harness)
        getattr(harness, harm)(FORGET)

        assert isinstance(harness.gateway.delete_card(card), Unknown)
        assert harness.gateway.delete_card(card) == CardDeleted()
        assert not isinstance(self.pay_again(harness, "b-1", card), Approved)

    def test_a_gateway_that_is_gone_is_unknown_to_both_verbs(self, harness: GatewayHarness) -> None:
        token, charged = self.charge_to_keep(harness, "a-1")
        card = self.saved(harness, "a-2")
        harness.close()

        saved = harness.gateway.save_card("save-1", token, charge_reference=charged, gateway_customer_id=None)
        assert isinstance(saved, Unknown)
        assert isinstance(harness.gateway.delete_card(card), Unknown)

    def test_a_declined_charge_leaves_no_card_to_save(self, harness: GatewayHarness) -> None:
        token = self.token(harness, "a-1", harness.declining[Decline.INSUFFICIENT_FUNDS])
        order = harness.orders.setdefault("a-1", order_of("a-1"))
        reference = self.reference(harness, order)
        assert reference is None or isinstance(reference, str)
        declined = harness.gateway.charge(ChargeRequest(order, token, reference, keep_card=True))

        assert isinstance(declined, Declined)
        saved = harness.gateway.save_card(
            "save-1", token, charge_reference=declined.gateway_reference or "none", gateway_customer_id=None
        )
        assert not isinstance(saved, CardOnFile)

    def test_no_token_in_the_repr_of_a_saved_card(self, harness: GatewayHarness) -> None:
        card = self.saved(harness)

        assert card.token.reveal() not in repr(card)

"""The circumstances of each dialogue file: settings, bills, and what goes wrong.

A dialogue that is not listed has one open bill of the usual caller, and nothing goes wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ivr.bills.bill import Status
from tests.support.merchant_server import MerchantServer
from tests.support.server import AMOUNT_MINOR, REFERENCE, Server

Step = Callable[[Server], None]


def usual_bill(server: Server) -> None:
    server.add_bill()


def nobodys_bill(server: Server) -> None:
    """A bill that has to be named by its reference."""
    server.add_bill(phone=None)


def bill(**changed: Any) -> Step:
    return lambda server: str(server.add_bill(**changed)) and None


def both(*steps: Step) -> Step:
    def all_of_them(server: Server) -> None:
        for step in steps:
            step(server)

    return all_of_them


def harm(harm: str, path: str, **more: Any) -> Step:
    return lambda server: server.bank.harm(harm, path, **more)


def slow_bank(delay_s: float) -> Step:
    return harm("none", "/charges", delay_s=delay_s)


def no_worker(server: Server) -> None:
    server.work.absent = True


@dataclass(frozen=True)
class Setup:
    """One dialogue's circumstances."""

    before: Step = usual_bill
    settings: dict[str, str] = field(default_factory=dict)
    first: tuple[str, ...] = ()
    """Dialogues that are played before, as earlier calls."""
    expected: frozenset[str] = frozenset()
    """Errors that the log may hold."""
    then: Step = lambda _: None
    """What happens between the end of the call and the facts."""
    between_s: float = 0
    """How long after each earlier call the next one is made."""
    faults: bool = False
    """Whether the carrier meets a fault and asks the fallback."""
    merchant: Callable[[MerchantServer], None] | None = None
    """How the merchant's own bill look-up answers."""
    later_s: float = 120
    """How long after the call its facts are told."""
    carrier: dict[str, Any] = field(default_factory=dict)
    """How the carrier's Pay goes: see `ivr.simulators.phone.pay.PayHabits`."""


def keeps(**content: Any) -> Callable[[MerchantServer], None]:
    """The merchant's system knows the bill, and says this of it."""
    described = {"reference": REFERENCE, "amount_minor": AMOUNT_MINOR, "currency": "EUR", **content}
    return lambda merchant: merchant.answer(described)


def knows_nothing(merchant: MerchantServer) -> None:
    merchant.answer({"error": "no such bill"}, status=404)


def fails(merchant: MerchantServer) -> None:
    merchant.answer({"error": "down for repairs"}, status=503)


def pci_down(server: Server) -> None:
    server.pci_connection.down = True


def pci_down_at(end: str) -> Step:
    """The PCI process goes down when it is asked for this."""

    def plan(server: Server) -> None:
        def at(path: str) -> None:
            server.pci_connection.down = server.pci_connection.down or path.endswith(end)

        server.pci_connection.meanwhile = at

    return plan


def worker_comes(server: Server) -> None:
    server.work.absent = False


def pays_by_link(server: Server) -> None:
    """The payer opens the link that they were texted, and pays."""
    assert server.pay_by_link() == 303


def pays_unheard(server: Server) -> None:
    """The same, and the bank's webhook is lost."""
    server.webhooks_are_lost = True
    pays_by_link(server)


def no_bill(_: Server) -> None:
    pass


PERSON = {"PERSON_NUMBER": "+34900900900"}
MERCHANTS_OWN = {
    "OTHER_WAYS_TO_PAY": "en=You can also pay at our desk.|es=También puede pagar en la oficina.",
    "REFERENCE_PLACE": "en=It is at the top of your bill, on the right.|es=Está arriba a la derecha.",
}
SAVED = {"SAVED_CARDS": "yes"}
PAY = {"CARD_ENTRY": "pay"}
PAID_BY_CARRIER = (
    "pay", "pay_es", "pay_amex", "pay_amex_es", "pay_number_mistakes", "pay_number_mistakes_es",
    "pay_expiry_mistakes", "pay_expiry_mistakes_es", "pay_code_mistakes", "pay_code_mistakes_es",
    "pay_given_up", "pay_left_and_back", "pay_left_and_back_es", "pay_hung_up",
    "pay_declined_then_another_card", "pay_card_refused_by_connector", "pay_other_card", "pay_card_early",
    "pay_in_a_hurry", "pay_slow_keys",
)  # fmt: skip
"""The carrier takes the card, and nothing goes wrong but what the caller does."""
AUTHORIZE = {"SANDBOX_CARD_ENTRY": "authorize"}
OTHER = "20304050"
RECORDINGS = str(Path(__file__).parent.parent / "flows" / "pay_bill" / "recordings.toml")

AUTHENTICATION = ("authentication_wanted",)
"""An earlier call, which ended with a link."""

SETUPS: dict[str, Setup] = {
    "card_early_at_small_amount": Setup(before=bill(billed_minor=500, minimum_minor=100)),
    "authentication_wanted": Setup(then=pays_by_link),
    "authentication_wanted_es": Setup(then=pays_unheard, later_s=4000),
    "authentication_wanted_authorize": Setup(settings=AUTHORIZE, then=pays_by_link),
    "authentication_withheld": Setup(nobodys_bill),
    "authentication_landline_es": Setup(nobodys_bill),
    "authentication_link_slow": Setup(both(usual_bill, harm("none", "/links", delay_s=20))),
    "authentication_link_answer_lost": Setup(both(usual_bill, harm("drop_after", "/links"))),
    "authentication_link_request_lost": Setup(both(usual_bill, harm("drop_before", "/links")), later_s=300),
    "authentication_link_expires": Setup(settings={"LINK_EXPIRES_MIN": "1430"}, later_s=25 * 3600),
    "link_open_card_instead": Setup(first=AUTHENTICATION, between_s=600),
    "link_open_card_instead_es": Setup(first=AUTHENTICATION, between_s=600),
    "link_open_another_link": Setup(first=AUTHENTICATION, between_s=600, then=pays_by_link),
    "link_open_another_bill": Setup(
        both(usual_bill, bill(reference=OTHER, phone=None)), first=AUTHENTICATION, between_s=600
    ),
    "link_open_silence": Setup(first=AUTHENTICATION, between_s=600),
    "link_open_bank_silent": Setup(
        both(usual_bill, harm("error_before", "/link-lookups", times=12)),
        first=AUTHENTICATION,
        between_s=600,
        later_s=900,
    ),
    "link_open_somebody_else": Setup(first=AUTHENTICATION, between_s=600),
    "link_expired_then_card": Setup(first=AUTHENTICATION, between_s=4000),
    "language_remembered": Setup(
        both(usual_bill, bill(reference=OTHER, phone=None)), first=("language_asked",), between_s=120
    ),
    "merchants_own_words": Setup(nobodys_bill, MERCHANTS_OWN),
    "merchants_own_words_es": Setup(nobodys_bill, MERCHANTS_OWN),
    "reference_keyed": Setup(nobodys_bill),
    "reference_keyed_es": Setup(nobodys_bill),
    "reference_unknown_twice": Setup(nobodys_bill),
    "reference_unknown_thrice": Setup(nobodys_bill),
    "reference_unknown_then_hung_up": Setup(nobodys_bill, {"GUESSES_MAX": "2"}),
    "guesses_capped": Setup(
        nobodys_bill,
        {"GUESSES_MAX": "2"},
        first=("reference_unknown_then_hung_up",),
        between_s=3600,
    ),
    "withheld_number": Setup(nobodys_bill),
    "withheld_number_es": Setup(nobodys_bill),
    "landline": Setup(nobodys_bill),
    "bill_already_paid": Setup(first=("known_caller",), between_s=120),
    "bill_withdrawn": Setup(bill(phone=None, status=Status.WITHDRAWN)),
    "bill_being_paid": Setup(
        both(usual_bill, slow_bank(100)), first=("hung_up_while_charging",), later_s=300
    ),
    "hung_up_while_charging": Setup(both(usual_bill, slow_bank(5))),
    "two_open_bills": Setup(both(usual_bill, bill(reference=OTHER))),
    "other_bill": Setup(both(usual_bill, bill(reference=OTHER, phone=None, billed_minor=1200))),
    "whole_bill_only": Setup(bill(minimum_minor=AMOUNT_MINOR)),
    "yen": Setup(bill(currency="JPY", billed_minor=5200, minimum_minor=500)),
    "person_answers": Setup(settings=PERSON),
    "person_busy": Setup(settings=PERSON),
    "person_busy_es": Setup(settings=PERSON),
    "person_no_answer": Setup(nobodys_bill, PERSON),
    "three_declined_cards_person": Setup(settings=PERSON),
    "cards_not_taken": Setup(
        settings={"CARD_DECLINES_MAX_CALLER": "3"}, first=("three_declined_cards",), between_s=60
    ),
    "cards_not_taken_es": Setup(
        settings={"CARD_DECLINES_MAX_CALLER": "3"}, first=("three_declined_cards",), between_s=60
    ),
    "cards_not_taken_person": Setup(
        settings={"CARD_DECLINES_MAX_CALLER": "3", **PERSON},
        first=("three_declined_cards_person",),
        between_s=60,
    ),
    "card_early_at_reference": Setup(nobodys_bill),
    "slow_gateway_15_s": Setup(both(usual_bill, slow_bank(15))),
    "slow_gateway_15_s_es": Setup(both(usual_bill, slow_bank(15))),
    "slow_gateway_70_s": Setup(both(usual_bill, slow_bank(70)), later_s=200),
    "slow_gateway_70_s_withheld": Setup(both(nobodys_bill, slow_bank(70)), later_s=200),
    "dropped_answer_found": Setup(bill(billed_minor=4972)),
    "dropped_request_fenced": Setup(bill(billed_minor=4973)),
    "bank_fails": Setup(bill(billed_minor=4978)),
    "bank_pending_then_declines": Setup(bill(billed_minor=4976)),
    "worker_absent": Setup(both(usual_bill, no_worker), then=worker_comes, later_s=600),
    "worker_absent_es": Setup(both(usual_bill, no_worker), then=worker_comes, later_s=600),
    "pci_down_at_opening": Setup(both(usual_bill, pci_down)),
    "pci_down_at_collecting": Setup(both(usual_bill, pci_down_at("/collect"))),
    "slow_card_check": Setup(both(usual_bill, harm("none", "/tokens", delay_s=14))),
    "card_check_never_answers": Setup(both(usual_bill, harm("none", "/tokens", delay_s=90))),
    "card_check_fails": Setup(both(usual_bill, harm("error_before", "/tokens"))),
    "lookup_finds": Setup(no_bill, merchant=keeps()),
    "lookup_part_allowed_es": Setup(no_bill, merchant=keeps(minimum_minor=500)),
    "lookup_finds_nothing": Setup(no_bill, merchant=knows_nothing),
    "lookup_down": Setup(no_bill, merchant=fails),
    "lookup_says_open_though_paid": Setup(no_bill, merchant=keeps(), first=("lookup_finds",), between_s=300),
    "authorize": Setup(settings=AUTHORIZE),
    "authorize_es": Setup(settings=AUTHORIZE),
    "authorize_another_amount": Setup(settings=AUTHORIZE),
    "authorize_declined_then_another_card": Setup(settings=AUTHORIZE),
    "authorize_left_and_back": Setup(settings=AUTHORIZE),
    "authorize_hung_up_while_authorizing": Setup(
        both(usual_bill, harm("none", "/authorizations", delay_s=3)), AUTHORIZE, later_s=900
    ),
    "authorize_answer_lost": Setup(both(usual_bill, harm("drop_after", "/authorizations")), AUTHORIZE),
    "authorize_request_lost": Setup(both(usual_bill, harm("drop_before", "/authorizations")), AUTHORIZE),
    "authorize_pci_down_at_collecting": Setup(
        both(usual_bill, pci_down_at("/collect")), AUTHORIZE, later_s=900
    ),
    "authorize_given_up": Setup(settings=AUTHORIZE, later_s=900),
    "card_kept": Setup(settings=SAVED),
    "card_kept_es": Setup(settings=SAVED),
    "card_not_kept": Setup(settings=SAVED),
    "card_not_kept_other_card": Setup(settings=SAVED),
    "card_kept_silence": Setup(settings=SAVED),
    "card_kept_declined": Setup(settings=SAVED),
    "saved_card_pays": Setup(settings=SAVED, first=("card_kept",), between_s=300),
    "saved_card_pays_es": Setup(settings=SAVED, first=("card_kept_es",), between_s=300),
    "saved_card_other_card": Setup(settings=SAVED, first=("card_kept",), between_s=300),
    "saved_card_keyed_again": Setup(settings=SAVED, first=("card_kept",), between_s=300),
    "saved_card_deleted": Setup(settings=SAVED, first=("card_kept",), between_s=300),
    "saved_card_deleted_es": Setup(settings=SAVED, first=("card_kept_es",), between_s=300),
    "saved_card_not_deleted": Setup(settings=SAVED, first=("card_kept",), between_s=300),
    "saved_card_silence": Setup(settings=SAVED, first=("card_kept",), between_s=300),
    "saved_card_declined": Setup(
        bill(billed_minor=AMOUNT_MINOR + 984), SAVED, first=("card_kept",), between_s=300
    ),
    "saved_cards_withheld": Setup(nobodys_bill, SAVED),
    "saved_cards_authorize": Setup(settings={**SAVED, **AUTHORIZE}),
    **{name: Setup(settings=PAY) for name in PAID_BY_CARRIER},
    "pay_given_up_behind": Setup(settings=PAY, carrier={"result_after_attempts": False}),
    "pay_connector_down": Setup(
        both(usual_bill, harm("error_before", "/connector")), PAY, expected=frozenset({"pay_failed"})
    ),
    "pay_connector_asks_again": Setup(both(usual_bill, harm("drop_after", "/connector", times=2)), PAY),
    "pay_misconfigured": Setup(
        settings=PAY | {"PAY_CONNECTOR": "Elsewhere"}, expected=frozenset({"pay_failed"})
    ),
    "pay_carrier_fails_es": Setup(
        settings=PAY, expected=frozenset({"pay_failed"}), carrier={"trouble": "internal-error"}
    ),
    "pay_unknown_result": Setup(
        settings=PAY, expected=frozenset({"pay_failed"}), carrier={"trouble": "a-result-of-next-year"}
    ),
    "pay_more_kinds_of_card": Setup(
        settings=PAY | {"PAY_CARD_TYPES": "visa maestro discover diners-club jcb"}
    ),
    "recorded_prompts": Setup(settings={"RECORDINGS": RECORDINGS}),
}

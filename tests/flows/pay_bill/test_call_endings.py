"""What a caller is told at the end, and how long the way to it takes."""

import pytest

from flows.language import (
    Amount,
    BillFacts,
    End,
    ReceiptFacts,
    Tell,
)
from flows.pay_bill.bill import PayBill
from flows.pay_bill.flow import flow
from tests.flows.pay_bill.decisions import EUR, decide, owing, words
from tests.support import call_time


def receipt(*, texted: bool) -> PayBill:
    return owing(receipt=ReceiptFacts("10000001", Amount(4990, EUR), texted))


@pytest.mark.parametrize("step", ["receipt", "promise"])
def test_a_text_is_promised_only_where_one_is_sent(step: str) -> None:
    spoken_reference = "1 0 0 0, 0 0 0 1"
    for language, text in (("en", "text"), ("es", "mensaje")):
        texted = words(flow.step(step).run(receipt(texted=True)), language)
        spoken = words(flow.step(step).run(receipt(texted=False)), language)
        assert text in texted
        assert text not in spoken
        assert texted.count(spoken_reference) == 1
        assert spoken.count(spoken_reference) == 2, "what nobody texts is said twice"


@pytest.mark.parametrize("texted", [True, False])
def test_an_unknown_outcome_is_called_neither_declined_nor_paid(texted: bool) -> None:
    promise = flow.step("promise").run(receipt(texted=texted))
    assert isinstance(promise, End)
    for language, forbidden, warning in (
        ("en", ("declin", "not accept", "not charged", "have paid", "fail"), "do not pay again"),
        ("es", ("rechaz", "no ha aceptado", "no se le ha cobrado", "ha pagado"), "no pague otra vez"),
    ):
        said = words(promise, language)
        assert warning in said
        assert not [word for word in forbidden if word in said.lower()]


@pytest.mark.parametrize(
    "step",
    [
        "card_declined",
        "cards_declined",
        "no_cards_now",
        "refused",
        "needs_authentication",
        "no_longer_due",
        "not_sent",
    ],
)
def test_who_was_not_charged_is_told_so(step: str) -> None:
    """Where the gateway holds the amount first, the caller's bank shows it: they are told of that too."""
    for held in (False, True):
        wait = flow.step(step).run(owing(card_first=not held, may_be_pending=held))
        assert "not charged" in words(wait)
        assert "no se le ha cobrado" in words(wait, "es").lower()
        shown = held and step in {"no_cards_now", "not_sent"}
        assert ("pending" in words(wait)) == shown == ("pendiente" in words(wait, "es"))


@pytest.mark.parametrize(
    ("bill", "leads_to"), [(None, "ask_reference"), (BillFacts("1", Amount(1, EUR), Amount(1, EUR)), "offer")]
)
def test_where_no_person_answers_the_call_goes_on(bill: BillFacts | None, leads_to: str) -> None:
    assert flow.step(flow.person).exits == {"unanswered": "nobody_now", "nobody": "nobody_now"}
    assert decide("go_on", PayBill(bill=bill))[0] == leads_to


def test_a_merchant_without_a_name_is_not_greeted_by_a_comma() -> None:
    assert flow.step("greet").run(PayBill()) == Tell(None)
    assert (
        words(flow.step("greet").run(PayBill(merchant="Demo Town Hall")))
        == "Demo Town Hall, payments by phone."
    )
    assert decide("arrive", PayBill(language_known=True))[0] == "find_callers_bill"
    assert decide("arrive", PayBill())[0] == "ask_language"


@pytest.mark.parametrize("row", call_time.rows(), ids=str)
def test_the_way_to_a_payment_is_short(row: call_time.Row) -> None:
    assert row.seconds <= row.seconds_max, row

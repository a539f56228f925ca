"""The charge and what comes of it. What is unknown is never called declined."""

from dataclasses import replace

from flows.language import Charge, Digits, End, Go, Say, Steps, Tell
from flows.pay_bill.bill import PayBill

CARDS_MAX = 3

steps = Steps[PayBill]()
ends_alike = steps.add(
    Charge.exits(
        approved="receipt",
        try_another_card="count_card",
        refused="refused",
        needs_authentication="send_link",
        no_longer_due="no_longer_due",
        not_sent="not_sent",
        unknown="promise",
        unavailable="no_cards_now",
    )
)
"""Whichever card pays, what comes of it is the same to the caller."""


@ends_alike
def charge(state: PayBill) -> Charge:
    return Charge(state.chosen, Say("charge.wait"))


@ends_alike
def charge_and_keep(state: PayBill) -> Charge:
    """The server keeps the words of the question that was answered: they are the consent."""
    return Charge(state.chosen, Say("charge.wait"), keep_card=True)


@ends_alike
def charge_saved_card(state: PayBill) -> Charge:
    return Charge(state.chosen, Say("charge.wait"), saved_card=True)


@steps.add(End.exits())
def receipt(state: PayBill) -> End:
    """A reference that nobody texts is said twice."""
    paid = state.issued
    reference = Digits(paid.reference)
    if paid.texted:
        return End(Say("receipt.texted", amount=paid.amount, reference=reference))
    return End(Say("receipt.spoken", amount=paid.amount, reference=reference, again=reference))


@steps.add(End.exits())
def promise(state: PayBill) -> End:
    """Nobody knows yet: neither paid nor declined is said, and above all, not to pay again."""
    sent = state.issued
    reference = Digits(sent.reference)
    if sent.texted:
        return End(Say("promise.texted", reference=reference))
    return End(Say("promise.spoken", reference=reference, again=reference))


@steps.add(Go.exits(again="card_declined", enough="cards_declined", no_more="no_more_cards"))
def count_card(state: PayBill) -> Go[PayBill]:
    """A declined card is forgotten, so that the next confirmation reads back the new one."""
    counted = replace(state, cards_declined=state.cards_declined + 1, card=None)
    if may_try_again(counted):
        return Go("again", counted)
    if counted.cards_declined > 1:
        return Go("enough", counted)
    return Go("no_more", counted)


def may_try_again(state: PayBill) -> bool:
    """Whether one more card is asked for: by this flow's limit, and by the guard's."""
    return state.cards_declined < CARDS_MAX and state.another_card


@steps.add(Tell.exits(then="take_card"))
def card_declined(_: PayBill) -> Tell:
    return Tell(Say("card.declined"))


@steps.add(Tell.exits(then="another_way"))
def no_more_cards(_: PayBill) -> Tell:
    return Tell(Say("card.no_more"))


@steps.add(Tell.exits(then="another_way"))
def cards_declined(_: PayBill) -> Tell:
    return Tell(Say("card.enough"))


@steps.add(Tell.exits(then="another_way"))
def refused(_: PayBill) -> Tell:
    return Tell(Say("charge.refused"))

"""The card, and the question by which the caller confirms the payment."""

from dataclasses import replace

from flows.language import BRANDS, Choose, CollectCard, Digits, Go, MayKeepCard, Name, Say, Steps, Tell
from flows.pay_bill.bill import PayBill

steps = Steps[PayBill]()


@steps.add(
    Go.exits(
        card="take_card",
        saved_card="find_saved_card",
        confirm="confirm",
        keep="may_keep",
        confirm_amount="confirm_amount",
    )
)
def order(state: PayBill) -> Go[PayBill]:
    """What comes next, once the amount is chosen. A card that is keyed already is not asked again."""
    if not state.card_first:
        return Go("confirm_amount")
    if state.card is None:
        return Go("saved_card") if state.saved_cards else Go("card")
    return Go("keep") if state.saved_cards else Go("confirm")


@steps.add(Choose.exits({"1": "take_card", "2": "offer"}, gave_up="given_up", heard_first="1"))
def confirm_amount(state: PayBill) -> Choose:
    return Choose(Say("confirm.amount", amount=state.chosen), may_leave=True)


@steps.add(
    CollectCard.exits(
        collected="card_keyed",
        gave_up="given_up",
        left="offer",
        unavailable="no_cards_now",
        try_another_card="count_card",
        refused="refused",
        needs_authentication="send_link",
        no_longer_due="no_longer_due",
    )
)
def take_card(state: PayBill) -> CollectCard:
    """The card entry speaks for itself: a sentence before it would cost the caller two seconds."""
    return CollectCard(None, amount=state.chosen)


@steps.add(Go.exits(confirm="confirm", keep="may_keep", charge="charge"))
def card_keyed(state: PayBill) -> Go[PayBill]:
    if not state.card_first:
        return Go("charge")
    return Go("keep") if state.saved_cards else Go("confirm")


@steps.add(MayKeepCard.exits(may="confirm_or_keep", may_not="confirm"))
def may_keep(_: PayBill) -> MayKeepCard:
    return MayKeepCard()


@steps.add(
    Choose.exits(
        {"1": "charge", "2": "other_card", "7": "charge_and_keep"}, gave_up="given_up", heard_first="17"
    )
)
def confirm_or_keep(state: PayBill) -> Choose:
    """The keys of `confirm`, and one more, with which no card begins."""
    card = state.keyed_card
    brand, last_four = BRANDS.get(card.brand), Digits(card.last_four)
    if brand is None:
        return Choose(Say("keep.card", amount=state.chosen, last_four=last_four), may_leave=True)
    return Choose(
        Say("keep.branded", amount=state.chosen, brand=Name(brand), last_four=last_four), may_leave=True
    )


@steps.add(Choose.exits({"1": "charge", "2": "other_card"}, gave_up="given_up", heard_first="1"))
def confirm(state: PayBill) -> Choose:
    card = state.keyed_card
    brand, last_four = BRANDS.get(card.brand), Digits(card.last_four)
    if brand is None:
        return Choose(Say("confirm.card", amount=state.chosen, last_four=last_four), may_leave=True)
    return Choose(
        Say("confirm.branded", amount=state.chosen, brand=Name(brand), last_four=last_four), may_leave=True
    )


@steps.add(Go.exits(ask="take_card"))
def other_card(state: PayBill) -> Go[PayBill]:
    return Go("ask", replace(state, card=None))


@steps.add(Tell.exits(then="another_way"))
def given_up(_: PayBill) -> Tell:
    """A caller who was asked for a card, or to confirm, and fell silent hears what became of it."""
    return Tell(Say("card.given_up"))


@steps.add(Tell.exits(then="another_way"))
def no_cards_now(state: PayBill) -> Tell:
    if state.may_be_pending:
        return Tell(Say("card.unavailable_pending"))
    return Tell(Say("card.unavailable"))

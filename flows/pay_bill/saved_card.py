"""A card that the caller agreed to have kept: paid with one key, or deleted."""

from flows.language import BRANDS, Choose, Digits, FindSavedCard, ForgetCard, Name, Say, Steps, Tell
from flows.pay_bill.bill import PayBill

steps = Steps[PayBill]()


@steps.add(FindSavedCard.exits(found="offer_saved_card", none="take_card"))
def find_saved_card(state: PayBill) -> FindSavedCard:
    return FindSavedCard(state.chosen)


@steps.add(
    Choose.exits(
        {"1": "charge_saved_card", "2": "take_card", "9": "ask_delete"}, gave_up="given_up", heard_first="1"
    )
)
def offer_saved_card(state: PayBill) -> Choose:
    """It says amount and card: whoever presses 1 here has confirmed both."""
    card = state.kept_card
    brand, last_four = BRANDS.get(card.brand), Digits(card.last_four)
    if brand is None:
        return Choose(Say("saved.card", amount=state.chosen, last_four=last_four), may_leave=True)
    say = Say("saved.branded", amount=state.chosen, brand=Name(brand), last_four=last_four)
    return Choose(say, may_leave=True)


@steps.add(Choose.exits({"1": "delete_card", "2": "offer_saved_card"}, gave_up="given_up", heard_first="1"))
def ask_delete(state: PayBill) -> Choose:
    return Choose(Say("saved.delete", last_four=Digits(state.kept_card.last_four)))


@steps.add(ForgetCard.exits(then="card_deleted"))
def delete_card(_: PayBill) -> ForgetCard:
    return ForgetCard()


@steps.add(Tell.exits(then="find_saved_card"))
def card_deleted(_: PayBill) -> Tell:
    return Tell(Say("saved.deleted"))

"""How much of it is paid: all that is owed, or a part where the bill allows one."""

from dataclasses import replace

from flows.language import Amount, Ask, Choose, Digits, Go, Say, Steps, Subunits, Tell, Units, keypad
from flows.pay_bill.bill import PayBill

steps = Steps[PayBill]()


@steps.add(Go.exits(part="offer_part", whole="offer_whole", less="offer_less", nothing="not_taken"))
def offer(state: PayBill) -> Go[PayBill]:
    """Another amount is offered only where there is one to choose. Nobody is offered a sum that the gateway
    does not take.
    """
    bill = state.owed
    if bill.most is not None:
        return Go("less") if bill.most.minor else Go("nothing")
    if bill.minimum.minor < bill.due.minor:
        return Go("part")
    return Go("whole")


@steps.add(Choose.exits({"1": "pay_all", "2": "ask_amount", "3": "other_bill"}, gave_up="another_way"))
def offer_part(state: PayBill) -> Choose:
    return Choose(
        Say("bill.offer_part", due=state.owed.due),
        hint=Say("bill.not_yours", key=Digits("3")),
        may_leave=True,
    )


@steps.add(Choose.exits({"1": "pay_all", "2": "other_bill"}, gave_up="another_way"))
def offer_whole(state: PayBill) -> Choose:
    return Choose(
        Say("bill.offer_whole", due=state.owed.due),
        hint=Say("bill.not_yours", key=Digits("2")),
        may_leave=True,
    )


@steps.add(Choose.exits({"1": "ask_amount", "2": "other_bill"}, gave_up="another_way"))
def offer_less(state: PayBill) -> Choose:
    """More is due than one payment can be."""
    return Choose(
        Say("bill.offer_less", due=state.owed.due, most=most_of(state)),
        hint=Say("bill.not_yours", key=Digits("2")),
        may_leave=True,
    )


def most_of(state: PayBill) -> Amount:
    return state.owed.most or state.owed.due


@steps.add(Tell.exits(then="another_way"))
def not_taken(_: PayBill) -> Tell:
    return Tell(Say("bill.not_taken"))


@steps.add(Go.exits(chosen="order"))
def pay_all(state: PayBill) -> Go[PayBill]:
    return Go("chosen", replace(state, amount=state.owed.due))


@steps.add(Ask.exits(heard="hear_amount", gave_up="another_way"))
def ask_amount(state: PayBill) -> Ask:
    """In whole units; `*` is the decimal point of a currency that has one."""
    most = most_of(state)
    return Ask(how_to_key(most.currency), digits=1, into="keyed", at_most=keypad.keys_max(most), point=True)


def how_to_key(currency: str) -> Say:
    if not keypad.has_decimals(currency):
        return Say("amount.ask_whole")
    return Say("amount.ask", units=Units(currency), subunits=Subunits(currency))


@steps.add(
    Go.exits(
        confirm="confirm_keyed", fits="order", unclear="unclear", too_little="too_little", too_much="too_much"
    )
)
def hear_amount(state: PayBill) -> Go[PayBill]:
    """What was keyed may be of a card: it is not kept. `fits`: the amount is confirmed before the card
    anyway.
    """
    bill = state.owed
    amount, state = keypad.amount_of(state.keyed, bill.due.currency), replace(state, keyed="")
    if amount is None:
        return Go("unclear", state)
    if amount.minor < bill.minimum.minor:
        return Go("too_little", state)
    if amount.minor > most_of(state).minor:
        return Go("too_much", state)
    chosen = replace(state, amount=amount)
    return Go("confirm", chosen) if state.card_first else Go("fits", chosen)


@steps.add(Choose.exits({"1": "order", "2": "ask_amount"}, gave_up="another_way", heard_first="1"))
def confirm_keyed(state: PayBill) -> Choose:
    """A slip of a finger is noticed before a card is keyed for it."""
    return Choose(Say("amount.confirm", amount=state.chosen), may_leave=True)


@steps.add(Tell.exits(then="ask_amount"))
def unclear(state: PayBill) -> Tell:
    example = example_of(state)
    return Tell(Say("amount.unclear", example=example, keys=Digits(keypad.keys_of(example))))


def example_of(state: PayBill) -> Amount:
    """The most that can be paid; where that is whole, half a unit less, which shows the decimal point."""
    due, minimum = most_of(state), state.owed.minimum
    half = keypad.half_unit(due.currency)
    shorter = Amount(due.minor - half, due.currency)
    is_whole = "*" not in keypad.keys_of(due)
    return shorter if half and is_whole and shorter.minor >= minimum.minor else due


@steps.add(Tell.exits(then="ask_amount"))
def too_little(state: PayBill) -> Tell:
    """What was keyed is not said back: it may be part of a card."""
    return Tell(Say("amount.too_little", minimum=state.owed.minimum))


@steps.add(Tell.exits(then="ask_amount"))
def too_much(state: PayBill) -> Tell:
    most = most_of(state)
    keys = Digits(keypad.keys_of(most))
    if state.owed.most is not None:
        return Tell(Say("amount.too_much_at_once", most=most, keys=keys))
    return Tell(Say("amount.too_much", due=most, keys=keys))

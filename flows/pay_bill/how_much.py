"""How much of it is paid: all that is owed, or a part where the bill allows one.

May import `flows.language` and its own folder.
"""

from dataclasses import replace

from flows.language import (
    Amount,
    Ask,
    Choose,
    Digits,
    Go,
    Say,
    Steps,
    Tell,
)
from flows.pay_bill.bill import Bill

steps = Steps[Bill]()


@steps.decide(part="offer_part", whole="offer_whole")
def offer(state: Bill) -> Go[Bill]:
    """Another amount is offered only where there is one to choose."""
    bill = state.owed
    if bill.minimum.minor < bill.due.minor:
        return Go("part")
    return Go("whole")


@steps.menu({"1": "pay_all", "2": "ask_amount", "3": "other_bill"}, gave_up="another_way")
def offer_part(state: Bill) -> Choose:
    return Choose(Say("bill.offer_part", due=state.owed.due))


@steps.menu({"1": "pay_all", "2": "other_bill"}, gave_up="another_way")
def offer_whole(state: Bill) -> Choose:
    return Choose(Say("bill.offer_whole", due=state.owed.due))


@steps.decide(chosen="order")
def pay_all(state: Bill) -> Go[Bill]:
    return Go("chosen", replace(state, amount=state.owed.due))


@steps.digits(heard="hear_amount", gave_up="another_way")
def ask_amount(state: Bill) -> Ask:
    """The example says how: it is right for cents, for pence and for a currency without either.

    Two keys more than the bill needs are heard, so that an amount too large is refused, never cut short.
    """
    minimum, due = state.owed.minimum, state.owed.due
    return Ask(
        Say("amount.ask", minimum=minimum, keys=Digits(str(minimum.minor))),
        digits=1,
        into="keyed",
        at_most=len(str(due.minor)) + 2,
    )


@steps.decide(fits="order", too_little="too_little", too_much="too_much")
def hear_amount(state: Bill) -> Go[Bill]:
    """What is refused may be a piece of a card: it is not kept either."""
    bill = state.owed
    minor = int(state.keyed)
    forgotten = replace(state, keyed="")
    if minor < bill.minimum.minor:
        return Go("too_little", forgotten)
    if minor > bill.due.minor:
        return Go("too_much", forgotten)
    return Go("fits", replace(state, amount=Amount(minor, bill.due.currency)))


@steps.tell(then="ask_amount")
def too_little(state: Bill) -> Tell:
    """What was keyed is not said back: it may be part of a card."""
    return Tell(Say("amount.too_little", minimum=state.owed.minimum))


@steps.tell(then="ask_amount")
def too_much(state: Bill) -> Tell:
    return Tell(Say("amount.too_much", due=state.owed.due))

"""Which bill is paid: the one that the caller's number knows, or the one whose reference is keyed."""

from dataclasses import replace

from flows.language import Ask, End, FindBill, FindCallersBill, Go, Say, Sentence, Steps, Tell
from flows.pay_bill.bill import PayBill

REFERENCE_DIGITS = 8

steps = Steps[PayBill]()


@steps.add(
    FindCallersBill.exits(
        one="offer", none="ask_reference", being_paid="your_bill_being_paid", link_open="offer_link_again"
    )
)
def find_callers_bill(_: PayBill) -> FindCallersBill:
    return FindCallersBill()


@steps.add(Tell.exits(then="ask_reference"))
def your_bill_being_paid(_: PayBill) -> Tell:
    """Who rings again to hear how it went; and who owes another one is not sent away."""
    return Tell(Say("bill.yours_being_paid"))


@steps.add(Go.exits(ask="ask_reference"))
def other_bill(state: PayBill) -> Go[PayBill]:
    """The bill that was offered stays, until another one is found: `*` leads back to it."""
    return Go("ask", replace(state, amount=None))


@steps.add(Ask.exits(heard="find_bill", gave_up="another_way"))
def ask_reference(state: PayBill) -> Ask:
    return Ask(
        Say("reference.ask"),
        digits=REFERENCE_DIGITS,
        into="reference",
        unhurried=True,
        hint=where_it_stands(state),
    )


def where_it_stands(state: PayBill) -> Say | None:
    if not state.reference_place:
        return None
    return Say("reference.place", place=Sentence(state.reference_place))


@steps.add(
    FindBill.exits(
        payable="offer",
        not_found="forget_reference",
        already_paid="already_paid",
        being_paid="being_paid",
        link_open="offer_link_again",
        too_many_guesses="too_many_guesses",
        unavailable="look_up_down",
    )
)
def find_bill(state: PayBill) -> FindBill:
    return FindBill(state.reference)


@steps.add(Go.exits(forgotten="not_found"))
def forget_reference(state: PayBill) -> Go[PayBill]:
    """What was keyed may be the first half of a card: it is neither kept nor said back."""
    return Go("forgotten", replace(state, reference=""))


@steps.add(Tell.exits(then="tell_place"))
def not_found(_: PayBill) -> Tell:
    return Tell(Say("reference.not_found"))


@steps.add(Tell.exits(then="ask_reference"))
def tell_place(state: PayBill) -> Tell:
    return Tell(where_it_stands(state))


@steps.add(Tell.exits(then="another_way"))
def too_many_guesses(_: PayBill) -> Tell:
    return Tell(Say("reference.too_many"))


@steps.add(Tell.exits(then="another_way"))
def look_up_down(_: PayBill) -> Tell:
    return Tell(Say("reference.unavailable"))


@steps.add(End.exits())
def already_paid(_: PayBill) -> End:
    return End(Say("bill.already_paid"))


@steps.add(End.exits())
def being_paid(_: PayBill) -> End:
    return End(Say("bill.being_paid"))

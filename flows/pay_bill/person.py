"""A person: asked for with the 0 key, or where this flow cannot help."""

from flows.language import End, Go, Say, Sentence, Steps, Tell, Transfer
from flows.pay_bill.bill import PayBill

steps = Steps[PayBill]()


@steps.add(Transfer.exits(unanswered="nobody_now", nobody="nobody_now"))
def to_person(_: PayBill) -> Transfer:
    """Behind the `0` key, at any moment. Where nobody answers, the call goes on where it can."""
    return Transfer(Say("person.connecting"))


@steps.add(Tell.exits(then="go_on"))
def nobody_now(_: PayBill) -> Tell:
    return Tell(Say("person.nobody"))


@steps.add(Go.exits(bill="offer", link="offer_link_again", ask="ask_reference"))
def go_on(state: PayBill) -> Go[PayBill]:
    if state.bill is None:
        return Go("ask")
    return Go("bill") if state.link is None else Go("link")


@steps.add(Transfer.exits(unanswered="other_ways", nobody="other_ways"))
def another_way(_: PayBill) -> Transfer:
    """Where this flow cannot help: a person, or else a kind sentence."""
    return Transfer(Say("person.helping"))


@steps.add(Tell.exits(then="sorry"))
def other_ways(state: PayBill) -> Tell:
    """The merchant's own sentence, where it has one."""
    if not state.other_ways:
        return Tell(None)
    return Tell(Say("person.other_ways", ways=Sentence(state.other_ways)))


@steps.add(End.exits())
def sorry(_: PayBill) -> End:
    return End(Say("person.sorry"))

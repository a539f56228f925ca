"""A link instead of a card: it is sent, and a caller who rings again while it is open has choices."""

from dataclasses import replace

from flows.language import Choose, CloseLink, End, Go, Say, SendLink, Steps, Tell
from flows.pay_bill.bill import PayBill
from flows.pay_bill.charge import may_try_again

MINUTES_TOLD_BELOW = 120
"""A link that lives longer is told in hours."""

steps = Steps[PayBill]()


@steps.add(
    SendLink.exits(
        sent="link_sent", no_text="count_authentication", no_longer_due="no_longer_due", unavailable="no_link"
    )
)
def send_link(state: PayBill) -> SendLink:
    """The bank wants the payer's own approval: they give it on a page, by a link that is texted."""
    return SendLink(state.chosen, Say("link.sending"))


@steps.add(End.exits())
def link_sent(state: PayBill) -> End:
    """Without the payment's reference: the text holds none, and nobody notes it at a single hearing."""
    sent = state.sent_link
    if sent.minutes < MINUTES_TOLD_BELOW:
        return End(Say("link.sent_minutes", minutes=sent.minutes))
    whole_hours = (sent.minutes + 1) // 60  # a minute short of an hour is that hour: the link was just made
    return End(Say("link.sent_hours", hours=whole_hours))


@steps.add(Tell.exits(then="another_way"))
def no_link(_: PayBill) -> Tell:
    return Tell(Say("link.unavailable"))


@steps.add(Go.exits(whole="offer_link", part="offer_link_or_rest"))
def offer_link_again(state: PayBill) -> Go[PayBill]:
    """Who rings again, and has a link that nobody paid by yet."""
    return Go("part") if state.owed.due.minor else Go("whole")


@steps.add(
    Choose.exits(
        {"1": "close_for_card", "2": "close_for_another", "3": "other_bill"},
        gave_up="another_way",
        heard_first="12",
    )
)
def offer_link(state: PayBill) -> Choose:
    return Choose(Say("link.open", amount=state.sent_link.amount))


@steps.add(
    Choose.exits(
        {"1": "close_for_card", "2": "close_for_another", "3": "pay_rest"},
        gave_up="another_way",
        heard_first="12",
    )
)
def offer_link_or_rest(state: PayBill) -> Choose:
    return Choose(Say("link.open_part", amount=state.sent_link.amount, rest=state.owed.due))


@steps.add(Go.exits(rest="offer"))
def pay_rest(state: PayBill) -> Go[PayBill]:
    return Go("rest", replace(state, link=None))


@steps.add(Go.exits(chosen="close_link"))
def close_for_card(state: PayBill) -> Go[PayBill]:
    return Go("chosen", replace(state, amount=state.sent_link.amount))


@steps.add(
    CloseLink.exits(closed="take_its_place", already_paid="already_paid", unavailable="link_still_open")
)
def close_link(_: PayBill) -> CloseLink:
    """Nothing else is paid before the gateway has said that nobody can pay by the link any more."""
    return CloseLink(Say("link.closing"))


@steps.add(Go.exits(fits="order", changed="offer"))
def take_its_place(state: PayBill) -> Go[PayBill]:
    """The amount of the link is what the card pays, where as much is still owed."""
    return Go("fits") if state.chosen.minor <= state.owed.due.minor else Go("changed")


@steps.add(Go.exits(chosen="renew_link"))
def close_for_another(state: PayBill) -> Go[PayBill]:
    return Go("chosen", replace(state, amount=state.sent_link.amount))


@steps.add(
    CloseLink.exits(closed="send_link_again", already_paid="already_paid", unavailable="link_still_open")
)
def renew_link(_: PayBill) -> CloseLink:
    """Another link, and never two that can be paid."""
    return CloseLink(Say("link.closing"))


@steps.add(
    SendLink.exits(sent="link_sent", no_text="no_link", no_longer_due="no_longer_due", unavailable="no_link")
)
def send_link_again(state: PayBill) -> SendLink:
    return SendLink(state.chosen, Say("link.sending_again"))


@steps.add(End.exits())
def link_still_open(_: PayBill) -> End:
    return End(Say("link.still_open"))


@steps.add(Go.exits(again="needs_authentication", enough="no_authentication"))
def count_authentication(state: PayBill) -> Go[PayBill]:
    """No link reaches this caller, and yet another card may pay without."""
    counted = replace(state, cards_declined=state.cards_declined + 1, card=None)
    if may_try_again(counted):
        return Go("again", counted)
    return Go("enough", counted)


@steps.add(Tell.exits(then="take_card"))
def needs_authentication(_: PayBill) -> Tell:
    return Tell(Say("charge.needs_authentication"))


@steps.add(Tell.exits(then="another_way"))
def no_authentication(_: PayBill) -> Tell:
    return Tell(Say("charge.no_authentication"))


@steps.add(End.exits())
def no_longer_due(_: PayBill) -> End:
    return End(Say("charge.no_longer_due"))


@steps.add(End.exits())
def not_sent(state: PayBill) -> End:
    """Where the gateway holds the amount first, the caller's bank shows it until it is released."""
    if state.card_first:
        return End(Say("charge.not_sent"))
    return End(Say("charge.not_sent_pending"))

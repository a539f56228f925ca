"""The flow `pay_bill`: from hello to a receipt, or to a kind way out.

May import `flows.language` and `flows.pay_bill.bill`. README.md beside tells it in words, `paybycall flow
draw pay_bill` as a picture. Two orders of things: where the gateway makes tokens (`card_first`), the card is
keyed, read back and confirmed; where it authorizes at once, the amount is confirmed before the card. A card
is tried three times in a call; what is unknown is never called declined.
"""

from dataclasses import replace
from pathlib import Path

from flows.language import (
    Amount,
    Ask,
    Charge,
    Choose,
    CloseLink,
    CollectCard,
    Digits,
    End,
    FindBill,
    FindCallersBill,
    FindSavedCard,
    Flow,
    ForgetCard,
    Go,
    MayKeepCard,
    Name,
    Say,
    SendLink,
    SetLanguage,
    Tell,
    Transfer,
    check,
)
from flows.pay_bill.bill import Bill

REFERENCE_DIGITS = 8
CARDS_MAX = 3
MINUTES_TOLD_BELOW = 120
"""A link that lives longer is told in hours."""
BRANDS = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
    "maestro": "Maestro",
}


flow = Flow(
    "pay_bill",
    state=Bill,
    start="greet",
    person="to_person",
    visits_max=3,
    exhausted="another_way",
    folder=Path(__file__).parent,
)

# Hello ----------------------------------------------------------------------------------------------------


@flow.tell(then="arrive")
def greet(state: Bill) -> Tell:
    if not state.merchant:
        return Tell(None)
    return Tell(Say("greet.hello", merchant=Name(state.merchant)))


@flow.decide(known="find_callers_bill", ask="ask_language")
def arrive(state: Bill) -> Go[Bill]:
    if state.language_known:
        return Go("known")
    return Go("ask")


@flow.menu({"1": "speak_english", "2": "speak_spanish"}, gave_up="find_callers_bill")
def ask_language(_: Bill) -> Choose:
    return Choose(Say("language.ask"), every_language=True)


@flow.language(then="find_callers_bill")
def speak_english(_: Bill) -> SetLanguage:
    return SetLanguage("en")


@flow.language(then="find_callers_bill")
def speak_spanish(_: Bill) -> SetLanguage:
    return SetLanguage("es")


# Which bill -----------------------------------------------------------------------------------------------


@flow.find_callers_bill(one="offer", none="ask_reference", link_open="offer_link_again")
def find_callers_bill(_: Bill) -> FindCallersBill:
    return FindCallersBill()


@flow.decide(ask="ask_reference")
def other_bill(state: Bill) -> Go[Bill]:
    return Go("ask", replace(state, bill=None, amount=None, link=None))


@flow.digits(heard="find_bill", gave_up="another_way")
def ask_reference(_: Bill) -> Ask:
    return Ask(Say("reference.ask"), digits=REFERENCE_DIGITS, into="reference")


@flow.find_bill(
    payable="offer",
    not_found="forget_reference",
    already_paid="already_paid",
    being_paid="being_paid",
    link_open="offer_link_again",
    too_many_guesses="too_many_guesses",
    unavailable="look_up_down",
)
def find_bill(state: Bill) -> FindBill:
    return FindBill(state.reference)


@flow.decide(forgotten="not_found")
def forget_reference(state: Bill) -> Go[Bill]:
    """What was keyed may be the first half of a card: it is neither kept nor said back."""
    return Go("forgotten", replace(state, reference=""))


@flow.tell(then="ask_reference")
def not_found(_: Bill) -> Tell:
    return Tell(Say("reference.not_found"))


@flow.tell(then="another_way")
def too_many_guesses(_: Bill) -> Tell:
    return Tell(Say("reference.too_many"))


@flow.tell(then="another_way")
def look_up_down(_: Bill) -> Tell:
    return Tell(Say("reference.unavailable"))


@flow.end()
def already_paid(_: Bill) -> End:
    return End(Say("bill.already_paid"))


@flow.end()
def being_paid(_: Bill) -> End:
    return End(Say("bill.being_paid"))


# How much -------------------------------------------------------------------------------------------------


@flow.decide(part="offer_part", whole="offer_whole")
def offer(state: Bill) -> Go[Bill]:
    """Another amount is offered only where there is one to choose."""
    bill = state.owed
    if bill.minimum.minor < bill.due.minor:
        return Go("part")
    return Go("whole")


@flow.menu({"1": "pay_all", "2": "ask_amount", "3": "other_bill"}, gave_up="another_way")
def offer_part(state: Bill) -> Choose:
    return Choose(Say("bill.offer_part", due=state.owed.due))


@flow.menu({"1": "pay_all", "2": "other_bill"}, gave_up="another_way")
def offer_whole(state: Bill) -> Choose:
    return Choose(Say("bill.offer_whole", due=state.owed.due))


@flow.decide(chosen="order")
def pay_all(state: Bill) -> Go[Bill]:
    return Go("chosen", replace(state, amount=state.owed.due))


@flow.digits(heard="hear_amount", gave_up="another_way")
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


@flow.decide(fits="order", too_little="too_little", too_much="too_much")
def hear_amount(state: Bill) -> Go[Bill]:
    bill = state.owed
    minor = int(state.keyed)
    if minor < bill.minimum.minor:
        return Go("too_little")
    if minor > bill.due.minor:
        return Go("too_much")
    return Go("fits", replace(state, amount=Amount(minor, bill.due.currency)))


@flow.tell(then="ask_amount")
def too_little(state: Bill) -> Tell:
    return Tell(Say("amount.too_little", minimum=state.owed.minimum))


@flow.tell(then="ask_amount")
def too_much(state: Bill) -> Tell:
    return Tell(Say("amount.too_much", due=state.owed.due))


# Card and confirmation ------------------------------------------------------------------------------------


@flow.decide(
    card="take_card",
    saved_card="find_saved_card",
    confirm="confirm",
    keep="may_keep",
    confirm_amount="confirm_amount",
)
def order(state: Bill) -> Go[Bill]:
    """What comes next, once the amount is chosen. A card that is keyed already is not asked again."""
    if not state.card_first:
        return Go("confirm_amount")
    if state.card is None:
        return Go("saved_card") if state.saved_cards else Go("card")
    return Go("keep") if state.saved_cards else Go("confirm")


@flow.menu({"1": "take_card", "2": "offer"}, gave_up="given_up")
def confirm_amount(state: Bill) -> Choose:
    return Choose(Say("confirm.amount", amount=state.chosen))


@flow.collect_card(
    collected="card_keyed",
    gave_up="given_up",
    left="offer",
    unavailable="no_cards_now",
    try_another_card="count_card",
    refused="refused",
    needs_authentication="send_link",
    no_longer_due="no_longer_due",
)
def take_card(state: Bill) -> CollectCard:
    """The card entry speaks for itself: a sentence before it would cost the caller two seconds."""
    return CollectCard(None, amount=state.chosen)


@flow.decide(confirm="confirm", keep="may_keep", charge="charge")
def card_keyed(state: Bill) -> Go[Bill]:
    if not state.card_first:
        return Go("charge")
    return Go("keep") if state.saved_cards else Go("confirm")


@flow.may_keep_card(may="confirm_or_keep", may_not="confirm")
def may_keep(_: Bill) -> MayKeepCard:
    return MayKeepCard()


@flow.menu({"1": "charge", "2": "other_card", "3": "charge_and_keep"}, gave_up="given_up")
def confirm_or_keep(state: Bill) -> Choose:
    """The keys of `confirm`, and one more: whoever presses them by habit agrees to nothing."""
    return Choose(_pay_or_keep(state))


def _pay_or_keep(state: Bill) -> Say:
    card = state.keyed_card
    brand, last_four = BRANDS.get(card.brand), Digits(card.last_four)
    if brand is None:
        return Say("keep.card", amount=state.chosen, last_four=last_four)
    return Say("keep.branded", amount=state.chosen, brand=Name(brand), last_four=last_four)


@flow.menu({"1": "charge", "2": "other_card"}, gave_up="given_up")
def confirm(state: Bill) -> Choose:
    card = state.keyed_card
    brand, last_four = BRANDS.get(card.brand), Digits(card.last_four)
    if brand is None:
        return Choose(Say("confirm.card", amount=state.chosen, last_four=last_four))
    return Choose(Say("confirm.branded", amount=state.chosen, brand=Name(brand), last_four=last_four))


@flow.decide(ask="take_card")
def other_card(state: Bill) -> Go[Bill]:
    return Go("ask", replace(state, card=None))


# A saved card ---------------------------------------------------------------------------------------------


@flow.find_saved_card(found="offer_saved_card", none="take_card")
def find_saved_card(_: Bill) -> FindSavedCard:
    return FindSavedCard()


@flow.menu({"1": "charge_saved_card", "2": "take_card", "9": "ask_delete"}, gave_up="given_up")
def offer_saved_card(state: Bill) -> Choose:
    """It says amount and card: whoever presses 1 here has confirmed both."""
    card = state.kept_card
    brand, last_four = BRANDS.get(card.brand), Digits(card.last_four)
    if brand is None:
        return Choose(Say("saved.card", amount=state.chosen, last_four=last_four))
    return Choose(Say("saved.branded", amount=state.chosen, brand=Name(brand), last_four=last_four))


@flow.menu({"1": "delete_card", "2": "offer_saved_card"}, gave_up="given_up")
def ask_delete(state: Bill) -> Choose:
    return Choose(Say("saved.delete", last_four=Digits(state.kept_card.last_four)))


@flow.forget_card(then="card_deleted")
def delete_card(_: Bill) -> ForgetCard:
    return ForgetCard()


@flow.tell(then="find_saved_card")
def card_deleted(_: Bill) -> Tell:
    return Tell(Say("saved.deleted"))


# Without a card -------------------------------------------------------------------------------------------


@flow.tell(then="another_way")
def given_up(_: Bill) -> Tell:
    """Whoever was asked for a card, or to confirm, and fell silent must not wonder what became of it."""
    return Tell(Say("card.given_up"))


@flow.tell(then="another_way")
def no_cards_now(_: Bill) -> Tell:
    return Tell(Say("card.unavailable"))


# The charge and what comes of it --------------------------------------------------------------------------


@flow.charge(
    approved="receipt",
    try_another_card="count_card",
    refused="refused",
    needs_authentication="send_link",
    no_longer_due="no_longer_due",
    not_sent="not_sent",
    unknown="promise",
    unavailable="no_cards_now",
)
def charge(state: Bill) -> Charge:
    return Charge(state.chosen, Say("charge.wait"))


@flow.charge(
    approved="receipt",
    try_another_card="count_card",
    refused="refused",
    needs_authentication="send_link",
    no_longer_due="no_longer_due",
    not_sent="not_sent",
    unknown="promise",
    unavailable="no_cards_now",
)
def charge_and_keep(state: Bill) -> Charge:
    """The question that was answered is asked of the host once more: its wording is the consent."""
    return Charge(state.chosen, Say("charge.wait"), agreed=_pay_or_keep(state))


@flow.charge(
    approved="receipt",
    try_another_card="count_card",
    refused="refused",
    needs_authentication="send_link",
    no_longer_due="no_longer_due",
    not_sent="not_sent",
    unknown="promise",
    unavailable="no_cards_now",
)
def charge_saved_card(state: Bill) -> Charge:
    return Charge(state.chosen, Say("charge.wait"), saved_card=True)


@flow.end()
def receipt(state: Bill) -> End:
    """A reference that nobody texts is said twice."""
    paid = state.issued
    reference = Digits(paid.reference)
    if paid.texted:
        return End(Say("receipt.texted", amount=paid.amount, reference=reference))
    return End(Say("receipt.spoken", amount=paid.amount, reference=reference, again=reference))


@flow.end()
def promise(state: Bill) -> End:
    """Nobody knows yet: neither paid nor declined is said, and above all, not to pay again."""
    sent = state.issued
    reference = Digits(sent.reference)
    if sent.texted:
        return End(Say("promise.texted", reference=reference))
    return End(Say("promise.spoken", reference=reference, again=reference))


@flow.decide(again="card_declined", enough="cards_declined")
def count_card(state: Bill) -> Go[Bill]:
    """A declined card is forgotten, so that the next confirmation reads back the new one."""
    counted = replace(state, cards_declined=state.cards_declined + 1, card=None)
    if counted.cards_declined < CARDS_MAX:
        return Go("again", counted)
    return Go("enough", counted)


@flow.tell(then="take_card")
def card_declined(_: Bill) -> Tell:
    return Tell(Say("card.declined"))


@flow.tell(then="another_way")
def cards_declined(_: Bill) -> Tell:
    return Tell(Say("card.enough"))


@flow.tell(then="another_way")
def refused(_: Bill) -> Tell:
    return Tell(Say("charge.refused"))


# A link instead of a card ----------------------------------------------------------------------------------


@flow.send_link(
    sent="link_sent",
    no_text="needs_authentication",
    no_longer_due="no_longer_due",
    unavailable="no_link",
)
def send_link(state: Bill) -> SendLink:
    """The bank wants the payer's own approval: they give it on a page, by a link that is texted."""
    return SendLink(state.chosen, Say("link.sending"))


@flow.end()
def link_sent(state: Bill) -> End:
    sent = state.sent_link
    reference = Digits(sent.reference)
    if sent.minutes < MINUTES_TOLD_BELOW:
        return End(Say("link.sent_minutes", minutes=sent.minutes, reference=reference))
    return End(Say("link.sent_hours", hours=round(sent.minutes / 60), reference=reference))


@flow.tell(then="another_way")
def no_link(_: Bill) -> Tell:
    return Tell(Say("link.unavailable"))


@flow.menu({"1": "close_link", "2": "close_for_another", "3": "other_bill"}, gave_up="another_way")
def offer_link_again(state: Bill) -> Choose:
    """Who rings again, and has a link that nobody paid by yet."""
    return Choose(Say("link.open", amount=state.sent_link.amount))


@flow.close_link(closed="offer", already_paid="already_paid", unavailable="link_still_open")
def close_link(_: Bill) -> CloseLink:
    """Nothing else is paid before the gateway has said that nobody can pay by the link any more."""
    return CloseLink(Say("link.closing"))


@flow.decide(chosen="renew_link")
def close_for_another(state: Bill) -> Go[Bill]:
    return Go("chosen", replace(state, amount=state.sent_link.amount))


@flow.close_link(closed="send_link_again", already_paid="already_paid", unavailable="link_still_open")
def renew_link(_: Bill) -> CloseLink:
    """Another link, and never two that can be paid."""
    return CloseLink(Say("link.closing"))


@flow.send_link(sent="link_sent", no_text="no_link", no_longer_due="no_longer_due", unavailable="no_link")
def send_link_again(state: Bill) -> SendLink:
    return SendLink(state.chosen, Say("link.sending_again"))


@flow.end()
def link_still_open(_: Bill) -> End:
    return End(Say("link.still_open"))


@flow.tell(then="another_way")
def needs_authentication(_: Bill) -> Tell:
    return Tell(Say("charge.needs_authentication"))


@flow.end()
def no_longer_due(_: Bill) -> End:
    return End(Say("charge.no_longer_due"))


@flow.end()
def not_sent(_: Bill) -> End:
    return End(Say("charge.not_sent"))


# A person -------------------------------------------------------------------------------------------------


@flow.transfer(unanswered="nobody_now", nobody="nobody_now")
def to_person(_: Bill) -> Transfer:
    """Behind the `0` key, at any moment. Where nobody answers, the call goes on where it can."""
    return Transfer(Say("person.connecting"))


@flow.tell(then="go_on")
def nobody_now(_: Bill) -> Tell:
    return Tell(Say("person.nobody"))


@flow.decide(bill="offer", ask="ask_reference")
def go_on(state: Bill) -> Go[Bill]:
    if state.bill is None:
        return Go("ask")
    return Go("bill")


@flow.transfer(unanswered="sorry", nobody="sorry")
def another_way(_: Bill) -> Transfer:
    """Where this flow cannot help: a person, or else a kind sentence."""
    return Transfer(Say("person.helping"))


@flow.end()
def sorry(_: Bill) -> End:
    return End(Say("person.sorry"))


check(flow)

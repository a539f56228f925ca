"""The flow `pay_bill`: from hello to a receipt, or to a kind way out.

README.md beside tells it in words, `paybycall flow draw pay_bill` as a picture. Two orders of things: where
the gateway makes tokens (`card_first`), the card is keyed, read back and confirmed; where it authorizes at
once, the amount is confirmed before the card. A card is tried three times in a call; what is unknown is never
called declined.
"""

from pathlib import Path

from flows.language import Flow, check
from flows.pay_bill import card, charge, hello, how_much, link, person, saved_card, which_bill
from flows.pay_bill.bill import PayBill

flow = Flow(
    "pay_bill",
    state=PayBill,
    start="greet",
    person="to_person",
    visits_max=3,
    exhausted="another_way",
    folder=Path(__file__).parent,
)
flow.include(
    hello.steps,
    which_bill.steps,
    how_much.steps,
    card.steps,
    saved_card.steps,
    charge.steps,
    link.steps,
    person.steps,
)
check(flow)

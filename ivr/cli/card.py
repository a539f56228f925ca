"""`paybycall card list|delete`: the cards that a customer agreed to have kept.

Deleting is a word to the books, which counts at once; the worker tells the gateway.
"""

import click

from ivr.cli.confirm import confirm, yes_option
from ivr.cli.desk import desk, legible, who
from ivr.cli.faults import Fault, sentences


@click.group("card")
def command() -> None:
    """List the saved cards of a customer; delete one."""


@command.command("list")
@click.argument("phone")
@sentences
def list_cards(phone: str) -> None:
    """List the cards of a customer, and what they agreed to.

    PHONE is the customer's number; the newest card stands first.
    """
    from ivr.payments import card_records
    from ivr.phone_numbers import Ambiguous, PhoneNumber, read
    from ivr.storage.engine import reading

    with desk("HOME_COUNTRY") as at:
        number = read(phone, at.values["HOME_COUNTRY"])
        if isinstance(number, Ambiguous):
            raise Fault(f"This {number.sentence}.")
        if not isinstance(number, PhoneNumber):
            raise Fault("This is no phone number: write it like +34600123456.")
        with reading(at.engine) as tx:
            found = card_records.of_phone(tx, number.dial)
    for one in found:
        expiry = f"{one.expiry_month:02}/{one.expiry_year}"
        click.echo(f"{one.id}  {one.brand} {one.last_four}  {expiry}  {one.state}  {one.gateway}")
        said = f"{one.consent.at:%Y-%m-%d %H:%M:%S}Z in {one.consent.language}, call {one.call_id}"
        click.echo(f"    agreed {said}: {legible(one.consent.wording)}")
    if not found:
        click.echo("No card is kept for this number.", err=True)


@command.command("delete")
@click.argument("card_id", metavar="ID")
@yes_option
@sentences
def delete(card_id: str, *, yes: bool) -> None:
    """Delete a card.

    You are asked first. It is neither offered nor charged any more, and the worker has the gateway forget it.
    """
    from ivr.cli.payment import TILL, cashier_at
    from ivr.payments import card_records
    from ivr.payments.card_records import CardState, NoSuchCardError
    from ivr.storage.engine import reading

    with desk(*TILL) as at:
        cards = cashier_at(at).saved_cards
        try:
            with reading(at.engine) as tx:
                card = card_records.get(tx, card_id)
            if card.state not in {CardState.FORGETTING, CardState.FORGOTTEN}:
                what = f"{card.brand} {card.last_four}, kept at {card.gateway}"
                confirm(f"Delete card {card_id} ({what})? The gateway forgets it for good.", yes=yes)
            with at.engine.begin() as tx:
                card = cards.forget(tx, card_id, by=who())
        except NoSuchCardError:
            raise Fault("There is no card of this id: paybycall card list PHONE") from None
    done = card.state is CardState.FORGOTTEN
    click.echo(f"{card_id} is deleted." if done else f"{card_id} is deleted; the gateway is being told.")

"""`paybycall card list|delete`: the cards that a customer agreed to have kept.

Deleting is a word to the books, which counts at once; the worker tells the gateway.
"""

import click

from ivr.cli import Fault, example
from ivr.cli.context import command_context, who
from ivr.cli.listing import Column, Layout, Listing, minute, state, text
from ivr.cli.options import confirm, layouts, yes_option
from ivr.payments.saved_cards import store as card_records
from ivr.payments.saved_cards.store import CardState, NoSuchCardError
from ivr.platform.database.engine import reading
from ivr.platform.phone_numbers import Ambiguous, PhoneNumber, read
from ivr.web.api.documents.cards import saved_card_document

_CARDS = Listing(
    "cards",
    (
        text("ID", "id"),
        state("STATE", "state"),
        Column("CARD", lambda row: f"{row['brand']} {row['last_four']}"),
        Column("EXPIRES", lambda row: f"{row['expiry_month']:02}/{row['expiry_year']}"),
        text("GATEWAY", "gateway"),
        minute("AGREED", "consent.at"),
        text("CALL", "consent.call_id"),
        text("TO", "consent.wording"),
    ),
    (
        *("id", "phone", "state", "gateway", "brand", "last_four", "expiry_month", "expiry_year"),
        *("consent.wording", "consent.language", "consent.prompt", "consent.release", "consent.at"),
        *("consent.call_id", "kept_at", "deleted_by", "deletion_asked_at", "deleted_at"),
    ),
)


@click.group("card", epilog=example("card list +34600123456"))
def command() -> None:
    """List and delete saved cards."""


@command.command("list", epilog=example("card list +34600123456", "card list +34600123456 --json"))
@click.argument("phone")
@layouts
def list_cards(phone: str, *, layout: Layout) -> None:
    """List a customer's saved cards, newest first.

    PHONE is the customer's number. Each card is listed with what the customer agreed to, word for word.
    """
    with command_context("HOME_COUNTRY") as at:
        number = read(phone, at.values["HOME_COUNTRY"])
        if isinstance(number, Ambiguous):
            raise Fault(f"This number {number.sentence}.")
        if not isinstance(number, PhoneNumber):
            raise Fault("This is not a phone number. Write it like +34600123456.")
        with reading(at.engine) as tx:
            found = card_records.of_phone(tx, number.dial)
    _CARDS.print(map(saved_card_document, found), layout, none="This customer has no saved cards.")


@command.command("delete", epilog=example("card delete card_0123456789", "card delete card_0123456789 --yes"))
@click.argument("card_id", metavar="ID")
@yes_option
def delete(card_id: str, *, yes: bool) -> None:
    """Delete a saved card, after asking you.

    From then on the card is not offered or charged. The worker then deletes it at the gateway.
    """
    from ivr.cli.gateway import PAYMENT_SETTINGS, payment_service

    with command_context(*PAYMENT_SETTINGS) as at:
        cards = payment_service(at).saved_cards
        try:
            with reading(at.engine) as tx:
                card = card_records.get(tx, card_id)
            if card.state not in {CardState.FORGETTING, CardState.FORGOTTEN}:
                what = f"{card.brand} {card.last_four}, saved at {card.gateway}"
                confirm(
                    f"Delete card {card_id} ({what})? The gateway deletes it too. This cannot be undone.",
                    yes=yes,
                )
            with at.engine.begin() as tx:
                card = cards.forget(tx, card_id, by=who())
        except NoSuchCardError:
            raise Fault(
                "There is no card with this ID. To see a customer's cards: paybycall card list PHONE"
            ) from None
    done = card.state is CardState.FORGOTTEN
    click.echo(
        f"Card {card_id} is deleted." if done else f"Card {card_id} is deleted; the gateway is being told."
    )

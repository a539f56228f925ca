"""The facts of a payment as its page lists them, and whom to call with questions.

Of a card it says brand and last four digits; nothing else of a card is known here.
"""

from collections.abc import Mapping

from flows.language import BRANDS
from ivr.payments.links.payer_view import PayerView
from ivr.platform.money import written
from ivr.web.payer_pages.merchant import Merchant
from ivr.web.payer_pages.moments import written as moment
from ivr.web.payer_pages.view import Contact, spoken

Fact = tuple[str, str]
Words = Mapping[str, str]


def of_an_open_payment(found: PayerView, merchant: Merchant, said: Words) -> tuple[Fact, ...]:
    """What is to be paid."""
    return (
        (said["amount"], amount(found, merchant, found.amount_minor)),
        (said["bill"], found.bill_reference),
        (said["reference"], found.reference),
    )


def of_a_receipt(found: PayerView, merchant: Merchant, said: Words) -> tuple[Fact, ...]:
    """What was paid, when, and by which card, with what was refunded of it."""
    listed = list(of_an_open_payment(found, merchant, said))
    if found.last_four:
        ending = said["card_ending"].format(
            brand=BRANDS.get(found.brand or "", ""), last_four=found.last_four
        )
        listed.insert(2, (said["card"], ending.strip()))
    if found.paid_at is not None:
        country = merchant.wording.home_country
        paid_at = moment(found.paid_at, merchant.zone, spoken(found.language), country)
        listed.insert(1, (said["date"], paid_at))
    if found.refunded_minor:
        listed.insert(1, (said["back"], amount(found, merchant, found.refunded_minor)))
    return tuple(listed)


def amount(found: PayerView, merchant: Merchant, amount_minor: int) -> str:
    """An amount of this payment, as it is written at the merchant's home."""
    return written(amount_minor, found.currency, spoken(found.language), merchant.wording.home_country)


def contact(merchant: Merchant, said: Words, called: str | None = None) -> Contact | None:
    """Whom to call with questions; None where no number is known."""
    phone = merchant.phone_of(called)
    if phone is None:
        return None
    before, _, after = said["questions"].partition("{phone}")
    return Contact(before, phone.written, f"tel:{phone.dial}", after)

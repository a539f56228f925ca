"""What a payer's page says: the merchant, the facts of a payment, and whom to call with questions.

Of a card it says brand and last four digits; nothing else of a card is known here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from babel import dates

from flows.language import BRANDS
from ivr.payments.links.payer_view import PayerView
from ivr.platform.money import locale_of, written
from ivr.platform.phone_numbers import PhoneNumber
from ivr.platform.settings.line import PLAIN, Wording
from ivr.web.payer_pages.view import Contact, spoken

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True)
class Merchant:
    """The merchant of one line."""

    name: str
    phone: str = ""
    """MERCHANT_PHONE, in E.164; empty: payers are shown the number that was called."""
    zone: tzinfo = UTC
    """In which dates are written."""
    wording: Wording = PLAIN

    def phone_of(self, called: str | None) -> PhoneNumber | None:
        """The number to call with questions about a payment; `called` is where that payment was made.

        None where neither is a phone number: a call may come in to a SIP address.
        """
        known = self.phone or called or ""
        return PhoneNumber(known) if _E164.fullmatch(known) else None


_BLANKS = str.maketrans("\xa0\u202f", "  ")


def date_written(moment: datetime, zone: tzinfo, language: str, home_country: str = "") -> str:
    """The date with its month as a word, so that no reader takes the day for the month.

    `home_country`, an ISO code, decides between "30 November 2026, 19:12" and "November 30, 2026, 7:12 PM".
    """
    locale = locale_of(language, home_country)
    day = dates.format_date(moment.astimezone(zone), "long", locale=locale)
    time = dates.format_time(moment, "short", tzinfo=zone, locale=locale)
    is_utc = zone is UTC or str(zone) == "UTC"
    place = "UTC" if is_utc else dates.get_timezone_location(zone, locale=locale, return_city=True)
    city = place.rpartition("/")[2]  # "Argentina/Buenos Aires", where the language has no word for it
    return f"{day}, {time} ({city})".translate(_BLANKS)


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
        paid_at = date_written(found.paid_at, merchant.zone, spoken(found.language), country)
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

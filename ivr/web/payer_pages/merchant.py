"""Who is paid, as a payer's page shows them: the name, the number to call with questions, the time zone."""

import re
from dataclasses import dataclass
from datetime import UTC, tzinfo

from ivr.platform.phone_numbers import PhoneNumber
from ivr.platform.settings.line import PLAIN, Wording

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

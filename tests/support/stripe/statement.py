"""What a payer reads on the statement: https://docs.stripe.com/get-started/account/statement-descriptors.

For a card the whole descriptor is an error since 2024-02-01: a suffix is added to the account's prefix.
"""

import re
from typing import TYPE_CHECKING

from tests.support.stripe.errors import Refusal
from tests.support.stripe.wire import Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount

LONGEST = 22


def check_descriptors(account: "StripeAccount", params: Thing) -> None:
    if "statement_descriptor" in params:
        raise Refusal(
            400,
            "The statement_descriptor parameter is not supported for the payment_method_type `card`. To "
            "continue supporting payment_method_type `card`, please pass in `statement_descriptor_suffix` or "
            "remove the `statement_descriptor` parameter altogether. Please see "
            "https://support.stripe.com/questions/use-of-the-statement-descriptor-parameter-on-paymentintents-"
            "for-card-charges for additional details.",
            param="statement_descriptor",
        )
    suffix = params.get("statement_descriptor_suffix")
    if not suffix:
        return
    if re.search(r"""[<>\\'"*]""", suffix) or not suffix.isascii():
        raise _bad_suffix("may not contain any of these characters: <, >, \\, ', \", *")
    if not re.search(r"[A-Za-z]", suffix):
        raise _bad_suffix("must contain at least one alphabetic character")
    whole = f"{account.switches.statement_prefix}* {suffix}"
    if len(whole) > LONGEST:
        raise _bad_suffix(f"and its prefix must be at most {LONGEST} characters together")


def _bad_suffix(why: str) -> Refusal:
    return Refusal(
        400, f"The statement descriptor suffix {why}.", param="statement_descriptor_suffix", stored=False
    )

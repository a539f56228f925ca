"""Bills, and least parts of bills, that are too small for the gateway: told to whoever brings one.

May import `ivr.bills.bill` and `ivr.money`. A bill is taken all the same: the gateway may be another one by
the time it is paid.
"""

from collections.abc import Mapping

from ivr.bills.bill import NewBill
from ivr.money import plain


def too_small(new: NewBill, least_minor: Mapping[str, int]) -> str | None:
    """What is too small, as a sentence without its full stop; None where nothing is. `least_minor` is what
    the gateway charges at least, by currency.
    """
    least = least_minor.get(new.currency, 0)
    if new.billed_minor < least:
        return f"the gateway charges no less than {plain(least, new.currency)}: callers cannot pay this bill"
    if new.minimum_minor < least:
        return (
            f"the gateway charges no less than {plain(least, new.currency)}: callers may not pay less at once"
        )
    return None

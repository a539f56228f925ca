"""Bills that the gateway would not charge, told to whoever brings one.

A bill is taken all the same: the gateway may be another one by the time it is paid.
"""

from gateways.capability import Capabilities
from ivr.bills.bill import NewBill
from ivr.platform.money import plain


def not_chargeable(new: NewBill, gateway: Capabilities) -> str | None:
    """What callers cannot pay of it, as a sentence without its full stop; None where they can pay it all."""
    currency = new.currency
    if gateway.currencies is not None and currency not in gateway.currencies:
        return f"the gateway does not accept {currency}: callers cannot pay this bill"
    least = gateway.minimum_amounts.get(currency, 0)
    most = gateway.maximum_amounts.get(currency)
    step = gateway.amount_steps.get(currency, 1)
    if new.billed_minor < least:
        return f"the gateway charges at least {plain(least, currency)}: callers cannot pay this bill"
    if most is not None and new.billed_minor > most:
        can = "can pay it only in parts" if new.minimum_minor <= most else "cannot pay this bill"
        return f"the gateway charges at most {plain(most, currency)} at once: callers {can}"
    if new.billed_minor % step:
        return (
            f"the gateway charges in steps of {plain(step, currency)}: callers cannot pay this bill in full"
        )
    if new.minimum_minor < least:
        return f"the gateway charges at least {plain(least, currency)}: callers cannot pay less at once"
    return None

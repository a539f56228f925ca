"""Every table of the web and worker processes, a file for each kind. The PCI process has a schema of its own.

A rule about money is a constraint here first and code second: reserved plus paid never exceeds what is
billed, an attempt has one ledger entry and one confirmation of each purpose. Moments are UTC, amounts minor
units. Change a table by a migration in `migrations/versions`, in a before and an after half.
"""

from ivr.platform.database.schema.access import api_key, card_try, lockout
from ivr.platform.database.schema.base import metadata
from ivr.platform.database.schema.calls import call, call_turn, customer, guess, timeline
from ivr.platform.database.schema.finance import (
    dispute,
    gateway_event,
    ledger_entry,
    ledger_line,
    payout,
    payout_line,
)
from ivr.platform.database.schema.messages import confirmation, outcome
from ivr.platform.database.schema.payments import (
    attempt,
    attempt_move,
    bill,
    pay_link,
    refund,
    refund_request,
    saved_card,
)

__all__ = [
    "api_key",
    "attempt",
    "attempt_move",
    "bill",
    "call",
    "call_turn",
    "card_try",
    "confirmation",
    "customer",
    "dispute",
    "gateway_event",
    "guess",
    "ledger_entry",
    "ledger_line",
    "lockout",
    "metadata",
    "outcome",
    "pay_link",
    "payout",
    "payout_line",
    "refund",
    "refund_request",
    "saved_card",
    "timeline",
]

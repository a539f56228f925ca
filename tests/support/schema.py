"""Every table of the server, for tests: they may look at all of them, packages only at their own."""

from ivr.bills.tables import bill
from ivr.calls.tables import call, call_turn
from ivr.customers.tables import customer, guess, timeline
from ivr.finance.tables import dispute, ledger_entry, ledger_line, payout, payout_line
from ivr.fraud.tables import card_try, lockout
from ivr.integrations.tables import outcome
from ivr.messaging.tables import confirmation
from ivr.payments.tables import (
    attempt,
    attempt_move,
    gateway_event,
    pay_link,
    refund,
    refund_request,
    saved_card,
)
from ivr.platform.database.metadata import metadata
from ivr.web.api.tables import api_key

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

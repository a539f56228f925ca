"""Payouts, made by a test's word: https://docs.stripe.com/payouts/reconciliation.

An automatic payout takes every line of its currency that no payout took yet, available or not, so that a test
need not wait for days. Its lines can be listed; they are complete once `payout.reconciliation_completed` was
told. A manual payout has no lines of its own.
"""

from typing import TYPE_CHECKING

from tests.support.stripe import settlement
from tests.support.stripe.errors import Refusal, missing_object
from tests.support.stripe.lists import listed, matching
from tests.support.stripe.wire import Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount

_DAY_S = 24 * 3600
NOT_AUTOMATIC = "Balance transaction history can only be filtered on automatic transfers, not manual."


def pay_out(
    account: "StripeAccount", currency: str = "eur", *, automatic: bool = True, reconciled: bool = True
) -> Thing:
    """Sends what is there to the merchant's bank; `reconciled`: its lines are complete at once."""
    account.tidy()
    taken = {one for within in account.payout_lines.values() for one in within}
    left = [
        line
        for line in account.of("balance_transaction")
        if line["currency"] == currency and line["id"] not in taken and line["type"] != "payout"
    ]
    amount = sum(line["net"] for line in left)
    payout = account.new(
        "po",
        "payout",
        amount=amount,
        arrival_date=account.now - account.now % _DAY_S + _DAY_S,
        automatic=automatic,
        currency=currency,
        description="STRIPE PAYOUT",
        destination="ba_standin",
        failure_balance_transaction=None,
        failure_code=None,
        failure_message=None,
        metadata={},
        method="standard",
        original_payout=None,
        reconciliation_status="in_progress" if automatic else "not_applicable",
        reversed_by=None,
        source_type="card",
        statement_descriptor=None,
        status="paid",
        type="bank_account",
    )
    line = settlement.write(account, "payout", -amount, currency, payout["id"], at_once=True)
    payout["balance_transaction"] = line["id"]
    account.payout_lines[payout["id"]] = [*(one["id"] for one in left), line["id"]]
    account.tell("payout.created", payout)
    account.tell("payout.paid", payout)
    if automatic and reconciled:
        reconcile(account, payout["id"])
    return payout


def reconcile(account: "StripeAccount", payout_id: str) -> Thing:
    payout = account.objects[payout_id]
    payout["reconciliation_status"] = "completed"
    account.tell("payout.reconciliation_completed", payout)
    return payout


def fail(account: "StripeAccount", payout_id: str, code: str | None = "account_closed") -> Thing:
    """The merchant's bank sends it back, days after it was told as paid: the account has its money again."""
    payout = account.objects[payout_id]
    line = settlement.write(
        account, "payout_failure", payout["amount"], payout["currency"], payout_id, at_once=True
    )
    payout.update(
        status="failed",
        failure_code=code,
        failure_message=None if code is None else "The bank account has been closed.",
        failure_balance_transaction=line["id"],
    )
    account.tell("payout.failed", payout)
    return payout


def lines(account: "StripeAccount", payout_id: str) -> list[str]:
    """The ids of a payout's lines; the first alone while it is not reconciled."""
    payout = account.objects.get(payout_id)
    if payout is None or payout["object"] != "payout":
        raise missing_object("payout", payout_id, "payout")
    if not payout["automatic"]:
        raise Refusal(400, NOT_AUTOMATIC, param="payout")
    within = account.payout_lines[payout_id]
    return within if payout["reconciliation_status"] == "completed" else within[:1]


def retrieve(account: "StripeAccount", payout_id: str, params: Thing) -> Thing:
    return account.find("payout", payout_id, "payout", in_path=True)


def list_all(account: "StripeAccount", params: Thing) -> Thing:
    return listed("/v1/payouts", matching(account.of("payout"), params, "status"), params)

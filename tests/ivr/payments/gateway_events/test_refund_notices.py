"""What a gateway tells of our refunds: each is looked up, also one that is over."""

from structlog.testing import capture_logs

from gateways.events import RefundUpdated
from ivr.jobs.job_list import VERIFY_REFUND
from tests.support.fake_gateway import Fate
from tests.support.payment_services import Till
from tests.support.webhook_gateway import tell


def test_a_webhook_looks_up_an_unknown_refund_and_rechecks_a_finished_one(till: Till) -> None:
    attempt_id = till.paid()
    with till.engine.begin() as tx:
        refund = till.cashier.refunds.ask(tx, attempt_id, 1_000, asked_by="ana")
    till.bank.fates += [Fate.LOST_REPLY, Fate.NEVER]
    till.run_due()
    tell(till, RefundUpdated(refund.id), "evt_1")
    till.run_due()
    assert till.told(attempt_id) == ["approved", "refunded"]
    tell(till, RefundUpdated(refund.id), "evt_2")
    assert VERIFY_REFUND in {one.job for one in till.work.waiting()}
    del till.bank.refunded[refund.id]
    till.bank.refund_declined.add(refund.id)  # the payer's bank sent it back
    with capture_logs() as logs:
        till.run_due()
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["refund_came_back"]
    assert till.told(attempt_id) == ["approved", "refunded", "refund_declined"]
    assert till.attempt(attempt_id).refunded_minor == 0
    assert till.bill(till.attempt(attempt_id).bill_id) == (4_000, 0)
    assert till.ledger() == till.bank.money() == {attempt_id: 4_000}
    tell(till, RefundUpdated(refund.id), "evt_3")
    till.run_due()
    assert till.ledger() == {attempt_id: 4_000}

"""What a gateway tells of our refunds: each is looked up, also one that is over."""

from structlog.testing import capture_logs

from gateways.events import RefundUpdated
from ivr.jobs.job_list import RECHECK_REFUND
from tests.support.fake_gateway import Fate
from tests.support.payment_services import PaymentServices


def test_a_webhook_looks_up_an_unknown_refund_and_rechecks_a_finished_one(services: PaymentServices) -> None:
    attempt_id = services.paid()
    with services.engine.begin() as tx:
        refund = services.payments.refunds.ask(tx, attempt_id, 1_000, asked_by="ana")
    services.bank.fates += [Fate.LOST_REPLY, Fate.NEVER_ARRIVES]
    services.run_due()
    services.receive(RefundUpdated(refund.id), "evt_1")
    services.run_due()
    assert services.events_of(attempt_id) == ["approved", "refunded"]
    services.receive(RefundUpdated(refund.id), "evt_2")
    assert RECHECK_REFUND in {one.job for one in services.work.waiting()}
    del services.bank.refunded[refund.id]
    services.bank.refund_declined.add(refund.id)  # the payer's bank sent it back
    with capture_logs() as logs:
        services.run_due()
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["refund_came_back"]
    assert services.events_of(attempt_id) == ["approved", "refunded", "refund_declined"]
    assert services.attempt(attempt_id).refunded_minor == 0
    assert services.bill(services.attempt(attempt_id).bill_id) == (4_000, 0)
    assert services.ledger() == services.bank.money() == {attempt_id: 4_000}
    services.receive(RefundUpdated(refund.id), "evt_3")
    services.run_due()
    assert services.ledger() == {attempt_id: 4_000}

"""Several callers on real processes at the same moment."""

from ivr.simulators.phone.events import Reason
from tests.support.deployed_server import DeployedServer, on_postgres
from tests.support.http_phone_line import HttpPhoneLine
from tests.support.many_callers import ANSWERED


@on_postgres
def test_two_callers_pay_one_bill(server: DeployedServer) -> None:
    reference = server.add_bill(4971)
    calls = [server.ringing(reference) for _ in range(2)]
    rungs = [each.result() for each in calls]
    assert len(server.charges(reference)) == 1
    assert [rung.ended.faults for rung in rungs] == [(), ()]
    paid = [rung for rung in rungs if "You have paid 49 euros and 71 cents. " in rung.words]
    assert len(paid) == 1
    [other] = [rung for rung in rungs if rung not in paid]
    truths = (
        "is already paid",
        "A payment of this bill is under way",
        "is already paid, or is being paid now",
    )
    assert any(truth in other.words for truth in truths), other.words


@on_postgres
def test_twenty_callers_pay_twenty_bills(server: DeployedServer) -> None:
    references = [server.add_bill(4000 + 100 * nth) for nth in range(20)]
    rungs = [each.result() for each in [server.ringing(reference) for reference in references]]
    for reference, rung in zip(references, rungs, strict=True):
        assert (rung.ended.reason, rung.ended.faults) == (Reason.SERVER, ()), rung.words
        assert "You have paid" in rung.words
        assert rung.statuses <= {200, 204}
        assert len(server.charges(reference)) == 1


def test_fifty_callers_pay_at_once(server: DeployedServer) -> None:
    """More than web has threads, on a database with one writer at a time."""
    references = [server.add_bill(4000 + 100 * nth + ANSWERED) for nth in range(50)]
    lines = [HttpPhoneLine(patient=False) for _ in references]
    calls = [server.ringing(one, line=line) for one, line in zip(references, lines, strict=True)]
    for reference, rung in zip(references, [call.result() for call in calls], strict=True):
        assert (rung.ended.reason, rung.ended.faults) == (Reason.SERVER, ()), rung.words
        assert "You have paid" in rung.words
        assert not [said for said in rung.said if "did not hear" in said or "went wrong" in said]
        assert len(server.charges(reference)) == 1

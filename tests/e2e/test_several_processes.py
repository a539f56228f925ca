"""Two web, two PCI and two worker processes on one PostgreSQL, under load, while they are killed, frozen and
cut off in an order that a seed gives (`pytest --seed`): the money is where everybody was told it is.

Cards are tokenized here; what dies while a card is authorized is in `test_killed_processes.py`.
"""

import json
from collections import Counter
from random import Random

from ivr.simulators.phone.events import Reason
from tests.support import invariants
from tests.support.fault_injector import FaultInjector
from tests.support.many_callers import ManyCallers
from tests.support.merchant_server import MerchantServer
from tests.support.several_processes import SeveralProcesses


def test_two_of_each_under_load_while_they_die(
    two_of_each: SeveralProcesses, merchant: MerchantServer, seed: int
) -> None:
    callers, chance = Random(f"callers {seed}"), Random(f"chaos {seed}")  # noqa: S311 - seeds, no secrets
    heard_before = len(merchant.posted)
    crowd = ManyCallers(two_of_each.server, callers)
    with two_of_each.history_added():
        two_of_each.tell(f"pytest tests/e2e/test_several_processes.py --seed {seed}")
        try:
            crowd.begin()
            FaultInjector(two_of_each, crowd, chance).inject()
            crowd.enough()
            two_of_each.tell("nobody else rings")
            two_of_each.until(crowd.is_over, "the end of all calls")
        finally:
            crowd.close()
        two_of_each.tell(f"{len(crowd.rungs)} calls are over, of {two_of_each.passed} requests")
        invariants.wait(two_of_each)
        two_of_each.tell("all is at rest")
        invariants.check(
            two_of_each, crowd, [json.loads(each.body) for each in merchant.posted[heard_before:]]
        )
        ends = Counter(rung.ended.reason for rung in crowd.rungs)
        two_of_each.tell(f"checked: {ends}")
        assert ends[Reason.SERVER] > len(crowd.rungs) / 2

"""SIGTERM in the middle of a call: what is under way is finished, and the exit status is 0."""

from concurrent.futures import Future

import pytest

from tests.support.deployed_server import House
from tests.support.http_phone_line import PATIENCE_S, Rung
from tests.support.waiting import eventually


def heard_nothing_of_it(house: House, reference: str, call: Future[Rung]) -> None:
    rung = call.result()
    assert rung.ended.faults == ()
    assert rung.statuses <= {200, 204}
    assert "You have paid" in rung.words
    assert len(house.charges(reference)) == 1


@pytest.mark.parametrize("group", [False, True])
def test_web_finishes_the_turn_under_way(house: House, group: bool) -> None:
    """It waits for a slow PCI process when the signal comes."""
    reference = house.add_bill()
    house.freeze("pci")
    try:
        call = house.ringing(reference)
        eventually(house.errand_is_under_way, timeout_s=PATIENCE_S, what="an errand")
        house.ask_to_stop("web", group=group)
    finally:
        house.thaw("pci")
    assert house.stop("web") == 0
    house.start("web")
    heard_nothing_of_it(house, reference, call)


@pytest.mark.parametrize("name", ["pci", "worker"])
def test_what_waits_for_the_bank_is_finished(house: House, name: str) -> None:
    reference = house.add_bill(4971 if name == "worker" else 4990)
    if name == "pci":
        house.harm("none", "/tokens", delay_s=2)
    asked = len(house.bank_rows("SELECT key FROM card"))
    call = house.ringing(reference)
    if name == "worker":
        house.until(reference, "claimed")
    else:
        eventually(lambda: "sending" in house.entry_states(), timeout_s=PATIENCE_S, what="a card on its way")
    assert house.stop(name) == 0
    if name == "worker":
        assert house.state(reference) == "approved"
        assert "worker_stopped" in house.log("worker")
    else:
        assert "sending" not in house.entry_states()
    house.start(name)
    heard_nothing_of_it(house, reference, call)
    assert len(house.bank_rows("SELECT key FROM card")) == asked + 1


def test_an_idle_house_stops_at_once(house: House) -> None:
    """In the order of a deploy, well within any supervisor's patience."""
    assert {name: house.stop(name) for name in ("web", "pci", "worker", "sandbox")} == {
        "web": 0, "pci": 0, "worker": 0, "sandbox": 0,
    }  # fmt: skip

"""Card testing, seen from the PCI process: by card and by BIN, and nothing kept that names a payment."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateways.contract import CardAuthorized, Declined, Tokenized, Unavailable, Unknown
from gateways.declines import Decline
from gateways.secret import Secret
from ivr.pci import tables as schema
from ivr.pci.fingerprints import FingerprintKeys
from ivr.pci.metrics import PciMetrics
from ivr.pci.velocity import CardLimits, CardVelocity
from ivr.platform.database.engine import reading
from ivr.platform.ids import RandomIds
from tests.support.card_entry import AUTHORIZE, INTERNAL_SECRET, VISA, CardEntryHarness, both_engines
from tests.support.time_and_ids import ManualClock
from tests.support.waiting import until_a_transaction_waits

H = 3600


def card(nth: int, bin_: str = "42424242") -> str:
    """A number of that BIN that passes Luhn's check."""
    from stdnum import luhn

    head = f"{bin_}{nth:07}"
    return head + luhn.calc_check_digit(head)


def keyed(harness: CardEntryHarness, nth: int, number: str = VISA, **opening: Any) -> str:
    """One entry, keyed to its end; its outcome."""
    entry_id = f"entry.call_{nth}.3"
    opened = harness.open(entry_id, call_sid=f"CA{nth:032x}", **opening)
    assert opened.status_code == 201
    url, form = opened.json["url"], {"CallSid": f"CA{nth:032x}"}
    for keys in ("", number, "0831", "123"):
        answer = harness.post(url, {**form, "Digits": keys}, call_sid=form["CallSid"])
        assert answer.status_code == 200
        url = url.rpartition("/")[0] + f"/{int(url.rpartition('/')[2]) + 1}"
    return str(harness.collected(entry_id)["outcome"])


def report(harness: CardEntryHarness, nth: int, *, declined: bool) -> None:
    answer = harness.ask(f"/pci/internal/entries/entry.call_{nth}.3/outcome", {"declined": declined})
    assert answer.status_code == 204


def standing(harness: CardEntryHarness, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = harness.ask("/pci/internal/lockouts", {"also_over": False, **more}).json[
        "lockouts"
    ]
    return found


@pytest.mark.slow
@both_engines
def test_a_card_is_sent_until_its_cap_and_then_not_at_all(harness: CardEntryHarness) -> None:
    for nth in range(5):
        assert keyed(harness, nth) == "collected"
        report(harness, nth, declined=True)
    assert len(harness.gateway.cards) == 5
    assert keyed(harness, 5) == "unavailable"
    assert len(harness.gateway.cards) == 5
    [locked] = standing(harness)
    assert (locked["kind"], len(locked["subject"])) == ("card", 8)
    assert keyed(harness, 6, card(1)) == "collected", "another card of the same bank is taken"


@pytest.mark.slow
@both_engines
def test_what_is_under_way_counts_as_if_it_were_declined(harness: CardEntryHarness) -> None:
    outcomes = [keyed(harness, nth) for nth in range(6)]
    assert outcomes == ["collected"] * 5 + ["unavailable"]
    assert standing(harness) == []
    report(harness, 0, declined=False)
    assert keyed(harness, 7) == "collected"


@pytest.mark.slow
def test_an_entry_that_nobody_reports_is_forgotten_after_two_hours(harness: CardEntryHarness) -> None:
    for nth in range(5):
        keyed(harness, nth)
    harness.clock.advance(2 * H)
    assert keyed(harness, 5) == "collected"
    harness.pci_parts.sweeper.sweep()
    with reading(harness.engine) as connection:
        found = connection.execute(sa.select(schema.card_watch.c.entry_id)).scalars().all()
    assert found == ["entry.call_5.3"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("decline", "sent"), [(Decline.INCORRECT_CVC, 5), (Decline.CONFIG_ERROR, 8), ("issuer_unavailable", 8)]
)
def test_where_the_gateway_authorizes_its_own_answer_is_counted(
    harness: CardEntryHarness, decline: Decline, sent: int
) -> None:
    harness.gateway.hold_answer = Declined(Decline(decline), "code")
    for nth in range(8):
        keyed(harness, nth, authorize={**AUTHORIZE, "key": f"attempt_{nth}"})
    assert len(harness.gateway.cards) == sent


@pytest.mark.slow
def test_good_cards_and_silence_are_no_declines(harness: CardEntryHarness) -> None:
    for nth in range(6):
        harness.gateway.hold_answer = CardAuthorized("auth") if nth % 2 else Unknown("lost")
        keyed(harness, nth, authorize={**AUTHORIZE, "key": f"attempt_{nth}"})
        report(harness, nth, declined=False)
    harness.gateway.token_answer = Unavailable("down")
    for nth in range(6, 12):
        keyed(harness, nth)
    harness.gateway.token_answer = Tokenized(Secret("tok_1"))
    assert keyed(harness, 12) == "collected"


@pytest.mark.slow
def test_a_declined_card_whose_caller_hung_up_counts_too(harness: CardEntryHarness) -> None:
    harness.gateway.hold_answer = Declined(Decline.GENERIC, "no")
    for nth in range(5):
        harness.gateway.meanwhile = lambda nth=nth: harness.hang_up(f"CA{nth:032x}") and None
        keyed(harness, nth, authorize={**AUTHORIZE, "key": f"attempt_{nth}"})
    harness.gateway.meanwhile = lambda: None
    harness.clock.advance(2 * H)
    assert keyed(harness, 5, authorize={**AUTHORIZE, "key": "attempt_5"}) == "unavailable"


@pytest.mark.slow
def test_a_bin_is_locked_out_where_most_of_its_cards_are_declined(harness: CardEntryHarness) -> None:
    for nth in range(20):
        assert keyed(harness, nth, card(nth)) == "collected"
        report(harness, nth, declined=True)
    assert [one["kind"] for one in standing(harness)] == ["bin"]
    assert keyed(harness, 20, card(20)) == "unavailable"
    assert keyed(harness, 21, card(21, "55555555")) == "collected"


@pytest.mark.slow
def test_a_bin_of_many_honest_cards_is_not(harness: CardEntryHarness) -> None:
    for nth in range(45):
        assert keyed(harness, nth, card(nth)) == "collected"
        report(harness, nth, declined=nth % 2 == 0)
    assert standing(harness) == []


def hang_up(harness: CardEntryHarness, nth: int) -> None:
    assert harness.ask(f"/pci/internal/calls/CA{nth:032x}/ended", {}).status_code == 204


@pytest.mark.slow
@both_engines
def test_cards_that_nobody_charged_do_not_close_a_bank_to_everybody(harness: CardEntryHarness) -> None:
    """Invented numbers of one BIN, and a caller who hangs up before the amount: no issuer is asked."""
    for nth in range(25):
        assert keyed(harness, nth, card(nth)) == "collected"
        hang_up(harness, nth)
    assert keyed(harness, 25, card(25)) == "collected"
    assert standing(harness) == []


@pytest.mark.slow
def test_a_card_that_nobody_charged_is_still_a_try_of_that_card(harness: CardEntryHarness) -> None:
    for nth in range(5):
        assert keyed(harness, nth) == "collected"
        hang_up(harness, nth)
    assert keyed(harness, 5) == "unavailable"
    harness.clock.advance(2 * H)
    harness.pci_parts.sweeper.sweep()
    for nth in range(6, 21):
        assert keyed(harness, nth) == "collected"
        report(harness, nth, declined=False)
    assert keyed(harness, 21) == "unavailable", "tried twenty times"


@pytest.mark.slow
def test_a_decline_after_a_hang_up_is_counted(harness: CardEntryHarness) -> None:
    for nth in range(20):
        assert keyed(harness, nth, card(nth)) == "collected"
        hang_up(harness, nth)
        report(harness, nth, declined=True)
    assert [one["kind"] for one in standing(harness)] == ["bin"]


@pytest.mark.slow
@pytest.mark.parametrize("wait_s", [0, 2 * H])
def test_hang_ups_do_not_hide_a_testers_declines(harness: CardEntryHarness, wait_s: int) -> None:
    """Cards that were never charged are no part of the share of the BIN that was declined."""
    for nth in range(15):
        assert keyed(harness, nth, card(nth)) == "collected"
        hang_up(harness, nth)
    harness.clock.advance(wait_s)
    harness.pci_parts.sweeper.sweep()
    for nth in range(15, 35):
        assert keyed(harness, nth, card(nth)) == "collected"
        report(harness, nth, declined=True)
    assert [one["kind"] for one in standing(harness)] == ["bin"]


@pytest.mark.slow
def test_a_bin_counts_pending_charges_as_declined(harness: CardEntryHarness) -> None:
    assert [keyed(harness, nth, card(nth)) for nth in range(21)] == ["collected"] * 20 + ["unavailable"]


@pytest.mark.slow
def test_an_amount_sent_to_the_issuer_counts_after_the_call(harness: CardEntryHarness) -> None:
    """Where the gateway authorizes: nobody heard the answer, and it may have been a decline."""
    harness.gateway.hold_answer = Unknown("lost")
    for nth in range(20):
        keyed(harness, nth, card(nth), authorize={**AUTHORIZE, "key": f"attempt_{nth}"})
        hang_up(harness, nth)
    harness.clock.advance(H)
    harness.pci_parts.sweeper.sweep()
    wanted = {**AUTHORIZE, "key": "attempt_20"}
    assert keyed(harness, 20, card(20), authorize=wanted) == "unavailable"


@pytest.mark.slow
def test_counts_and_lockouts_end_with_their_time(harness: CardEntryHarness) -> None:
    for nth in range(4):
        keyed(harness, nth)
        report(harness, nth, declined=True)
    harness.clock.advance(24 * H)
    for nth in range(4, 9):
        assert keyed(harness, nth) == "collected"
        report(harness, nth, declined=True)
    assert keyed(harness, 9) == "unavailable"
    harness.clock.advance(24 * H)
    assert keyed(harness, 10) == "collected"
    harness.pci_parts.sweeper.sweep()
    with reading(harness.engine) as connection:
        hours = connection.execute(sa.select(schema.card_tally.c.hour)).scalars().all()
    assert len(hours) == 2, "of the card and of its BIN, from the last call alone"
    assert all(harness.clock.now() - hour < harness.pci_parts.velocity.limits.window for hour in hours)


@pytest.mark.slow
def test_an_outcome_reported_twice_counts_once(harness: CardEntryHarness) -> None:
    for nth in range(3):
        keyed(harness, nth)
        report(harness, nth, declined=True)
        report(harness, nth, declined=True)
    assert keyed(harness, 3) == "collected"
    report(harness, 99, declined=True)


@both_engines
def test_an_outcome_reported_twice_at_once_counts_once(harness: CardEntryHarness) -> None:
    """The second report reads the entry before the first has ended, and waits for it."""
    keyed(harness, 0)
    settle = harness.pci_parts.velocity.settle
    with ThreadPoolExecutor(1) as pool:
        with harness.engine.begin() as tx:
            settle(tx, "entry.call_0.3", declined=True)
            second = pool.submit(_settled, harness)
            until_a_transaction_waits(harness.engine)
        second.result(30)
    with reading(harness.engine) as connection:
        declines = connection.execute(sa.select(schema.card_tally.c.declines)).scalars().all()
    assert declines == [1, 1]


def _settled(harness: CardEntryHarness) -> None:
    with harness.engine.begin() as tx:
        harness.pci_parts.velocity.settle(tx, "entry.call_0.3", declined=True)


def test_a_process_that_takes_an_entry_over_asks_for_the_same_card(harness: CardEntryHarness) -> None:
    """The one before it was admitted and died: nothing is counted twice, even where no other would pass."""
    defences = harness.pci_parts.velocity
    for nth in range(5):
        assert defences.admits(f"entry.{nth}", Secret(VISA))
    assert not defences.admits("entry.5", Secret(VISA))
    assert defences.admits("entry.4", Secret(VISA))
    with reading(harness.engine) as connection:
        tries = connection.execute(sa.select(schema.card_tally.c.tries)).scalars().all()
    assert tries == [5, 5]


@pytest.mark.parametrize("pci_kind", ["postgres"])
def test_of_two_who_lift_at_once_the_first_is_named(harness: CardEntryHarness) -> None:
    for nth in range(5):
        keyed(harness, nth)
        report(harness, nth, declined=True)
    [locked] = standing(harness)
    here = schema.lockout.c.id == locked["id"]
    with ThreadPoolExecutor(1) as pool:
        with harness.engine.begin() as tx:
            first = {"lifted_at": harness.clock.now(), "lifted_by": "anna"}
            tx.execute(schema.lockout.update().where(here).values(first))
            second = pool.submit(harness.pci_parts.velocity.lift, locked["id"], by="berta")
            until_a_transaction_waits(harness.engine)
        lifted = second.result(30)
    assert lifted is not None
    assert lifted.lifted_by == "anna"


@pytest.mark.slow
def test_lifting_works_at_once_and_forgets_what_was_counted(harness: CardEntryHarness) -> None:
    for nth in range(5):
        keyed(harness, nth)
        report(harness, nth, declined=True)
    [locked] = standing(harness)
    answer = harness.ask(f"/pci/internal/lockouts/{locked['id']}/lift", {"by": "cli: anna"})
    assert (answer.status_code, answer.json["lifted_by"]) == (200, "cli: anna")
    assert standing(harness) == []
    assert len(standing(harness, also_over=True)) == 1
    assert [keyed(harness, nth) for nth in range(5, 10)] == ["collected"] * 5
    assert harness.ask("/pci/internal/lockouts/cardlock_none/lift", {"by": "me"}).status_code == 404
    assert harness.ask(f"/pci/internal/lockouts/{locked['id']}/lift", {"by": ""}).status_code == 400


@pytest.mark.slow
def test_lifting_a_lockout_clears_what_was_counted_during_it(harness: CardEntryHarness) -> None:
    """Outcomes of long ago are reported at last, when five others have locked the card out."""
    for nth in range(5):
        keyed(harness, nth)
    harness.clock.advance(2 * H + 1)
    for nth in range(5, 10):
        assert keyed(harness, nth) == "collected"
    for nth in (5, 6, 7, 8, 9, 0, 1, 2, 3, 4):
        report(harness, nth, declined=True)
    [locked] = standing(harness)
    harness.ask(f"/pci/internal/lockouts/{locked['id']}/lift", {"by": "cli: anna"})
    assert keyed(harness, 10) == "collected"


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("entries/entry.call_1.3/outcome", {"declined": True}),
        ("lockouts", {"also_over": False}),
        ("lockouts/cardlock_1/lift", {"by": "me"}),
    ],
)
def test_the_doors_take_only_what_is_signed_fresh_and_new(
    harness: CardEntryHarness, path: str, document: dict[str, Any]
) -> None:
    target = f"/pci/internal/{path}"
    assert harness.client.post(target, json=document).status_code == 403
    assert harness.ask(target, document, secret=Secret("a stranger's")).status_code == 403
    assert harness.ask(target, document, nonce="once").status_code in {200, 204, 404}
    assert harness.ask(target, document, nonce="once").status_code == 403
    assert harness.ask(target, document, headers={"X-Paybycall-Timestamp": "1"}).status_code == 403
    assert harness.ask(target, {}).status_code == 400


@pytest.mark.slow
def test_what_is_kept_names_no_payment_and_no_card(harness: CardEntryHarness) -> None:
    """No number, no last four, no brand, no entry, no moment finer than an hour: nothing to join it by."""
    harness.clock.advance(61 * 7)
    for nth in range(5):
        keyed(harness, nth)
        report(harness, nth, declined=True)
    with reading(harness.engine) as connection:
        assert connection.execute(sa.select(schema.card_watch)).all() == []
        keyed(harness, 6, card(6))
        report(harness, 6, declined=True)
        tallies = connection.execute(sa.select(schema.card_tally)).mappings().all()
        locked = connection.execute(sa.select(schema.lockout)).mappings().all()
    assert tallies
    assert locked
    names = set(schema.card_tally.c.keys()) | set(schema.lockout.c.keys())
    assert not names & {"entry_id", "call_sid", "brand", "last_four", "number", "bin"}
    for row in tallies:
        assert (row["hour"].minute, row["hour"].second, row["hour"].microsecond) == (0, 0, 0)
    text = repr([*tallies, *locked])
    for part in (VISA, VISA[:8], VISA[:6], "entry.call", "CA0000", card(6)):
        assert part not in text


@pytest.mark.parametrize("pci_kind", ["postgres"])
def test_entries_at_the_same_moment_cannot_exceed_the_cap(pci_engine: sa.Engine, clock: ManualClock) -> None:
    caps = CardLimits(5, 20, 20, timedelta(hours=24), timedelta(hours=24))
    keys = FingerprintKeys([Secret("one fingerprint key of 32 characters")])

    def admitted(nth: int) -> bool:
        own = CardVelocity(pci_engine, keys, caps, clock, RandomIds(), PciMetrics())
        return own.admits(f"entry.call_{nth}.3", Secret(VISA))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(admitted, range(8))) == 5


def test_a_key_that_is_rotated_forgets_nobody(harness: CardEntryHarness, tmp_path: Path) -> None:
    old, new = INTERNAL_SECRET, Secret("a new fingerprint key of 32 characters")
    before = replace(harness.pci_parts.velocity, fingerprints=FingerprintKeys([old]))
    for nth in range(3):
        assert before.admits(f"entry.{nth}", Secret(VISA))
        with harness.engine.begin() as tx:
            before.settle(tx, f"entry.{nth}", declined=True)
    rotating = replace(before, fingerprints=FingerprintKeys([new, old]))
    assert [rotating.admits(f"entry.{nth}", Secret(VISA)) for nth in range(3, 6)] == [True, True, False]
    after = replace(before, fingerprints=FingerprintKeys([new]))
    assert after.admits("entry.6", Secret(VISA))

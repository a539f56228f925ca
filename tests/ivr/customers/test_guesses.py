"""Unknown references are counted over calls: each number for itself, all withheld numbers together."""

import pytest
import sqlalchemy as sa

from ivr.customers.caller import Caller
from ivr.customers.reference_guesses import WINDOW, ReferenceGuesses, forget_guesses
from tests.support.schema import guess
from tests.support.time_and_ids import ManualClock

ANA = Caller("+34600000001", can_text=True)
BEN = Caller("+34600000002", can_text=True)
NOBODY = Caller(None)


def test_each_number_for_itself(engine: sa.Engine, clock: ManualClock) -> None:
    guesses = ReferenceGuesses(max_per_caller=3, max_withheld=5)
    with engine.begin() as tx:
        for _ in range(3):
            assert not guesses.too_many(tx, ANA, clock.now())
            guesses.add(tx, ANA, clock.now())
        assert guesses.too_many(tx, ANA, clock.now())
        assert not guesses.too_many(tx, BEN, clock.now())
        assert not guesses.too_many(tx, NOBODY, clock.now())


def test_withheld_numbers_share_one_count(engine: sa.Engine, clock: ManualClock) -> None:
    guesses = ReferenceGuesses(max_per_caller=1, max_withheld=2)
    with engine.begin() as tx:
        guesses.add(tx, NOBODY, clock.now())
        assert not guesses.too_many(tx, NOBODY, clock.now())
        guesses.add(tx, Caller(None), clock.now())
        assert guesses.too_many(tx, NOBODY, clock.now())
        assert not guesses.too_many(tx, ANA, clock.now())


@pytest.mark.postgres
def test_a_day_later_they_are_forgiven_and_forgotten(engine: sa.Engine, clock: ManualClock) -> None:
    guesses = ReferenceGuesses(max_per_caller=1, max_withheld=1)
    with engine.begin() as tx:
        guesses.add(tx, ANA, clock.now())
        clock.advance(24 * 3600 - 1)
        assert guesses.too_many(tx, ANA, clock.now())
        clock.advance(1)
        assert not guesses.too_many(tx, ANA, clock.now())
        guesses.add(tx, ANA, clock.now())
        assert tx.execute(sa.select(sa.func.count()).select_from(guess)).scalar_one() == 1


@pytest.mark.postgres
def test_those_of_callers_who_never_come_back_are_forgotten_too(
    engine: sa.Engine, clock: ManualClock
) -> None:
    guesses = ReferenceGuesses(max_per_caller=3, max_withheld=5)
    with engine.begin() as tx:
        guesses.add(tx, ANA, clock.now())
    clock.advance(WINDOW.total_seconds() / 2)
    with engine.begin() as tx:
        guesses.add(tx, BEN, clock.now())
    clock.advance(WINDOW.total_seconds() / 2)
    assert forget_guesses(engine, clock.now()) == 1
    assert forget_guesses(engine, clock.now()) == 0

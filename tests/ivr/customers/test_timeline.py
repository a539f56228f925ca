"""The timeline keeps what happened, and refuses what could be a card wherever it hides in the facts."""

from typing import Any

import pytest
import sqlalchemy as sa

from ivr.customers import customer, timeline
from ivr.customers.timeline import CardInFactsError, could_hold_a_card
from ivr.platform.database.engine import reading
from ivr.platform.ids import RandomIds
from tests.support.time_and_ids import ManualClock, SequentialIds


def test_a_call_reads_in_the_order_in_which_it_happened(
    engine: sa.Engine, clock: ManualClock, ids: SequentialIds
) -> None:
    with engine.begin() as tx:
        who = customer.remember_language(tx, "+34600000001", "es", clock=clock, ids=ids)
        timeline.add(tx, "call.began", at=clock.now(), call_id="call_1", customer_id=who)
        timeline.add(tx, "call.began", at=clock.now(), call_id="call_2")
        clock.advance(-1)  # a clock that is set back changes no order
        timeline.add(
            tx,
            "attempt.approved",
            at=clock.now(),
            call_id="call_1",
            attempt_id="attempt_1",
            facts={"last_four": "4242"},
        )
    with reading(engine) as tx:
        began, approved = timeline.of_call(tx, "call_1")
    assert (began.kind, began.customer_id, began.facts) == ("call.began", who, {})
    assert (approved.kind, approved.attempt_id, approved.facts) == (
        "attempt.approved",
        "attempt_1",
        {"last_four": "4242"},
    )
    assert approved.at == clock.now()


@pytest.mark.parametrize(
    "facts",
    [
        {"keyed": "4242424242424242"},
        {"keyed": 4242424242424242},
        {"keyed": "4242 4242 4242 4242"},
        {"keyed": "4242-4242-4242-4242#"},
        {"note": "the card is 378282246310005, he said"},
        {"note": "x4242424242424242x"},
        {"a": {"b": ["one", {"c": "6759649826438453"}]}},
        {"4242424242424242": "as a key"},
        {"phone": "+4242424242424242"},
        {"object": object()},
        {"bytes": b"4242424242424242"},
    ],
)
def test_what_could_be_a_card_is_refused_and_not_repeated(
    engine: sa.Engine, clock: ManualClock, facts: dict[str, Any]
) -> None:
    with engine.begin() as tx:
        with pytest.raises(CardInFactsError) as refused:
            timeline.add(tx, "turn", at=clock.now(), call_id="call_1", facts=facts)
        assert not any(c.isdigit() for c in str(refused.value))
        assert timeline.of_call(tx, "call_1") == []


@pytest.mark.parametrize(
    "text",
    [
        "4242",
        "10000001",
        "4242424242424241",
        "2026-11-22T10:00:00+00:00",
        "+447700900124",
        "+34600000001",
        "CA00000000000000000000000000000000",
        "call_4242424242424242" + "4242",
        "00000000-0000-0000-0000-000000000000",
        "12345678901234567890",
    ],
)
def test_references_phones_and_ids_are_no_cards(text: str) -> None:
    assert not could_hold_a_card(text)


def test_our_own_ids_are_never_taken_for_cards() -> None:
    ids = RandomIds()
    assert not any(could_hold_a_card(ids.new("attempt")) for _ in range(2000))


@pytest.mark.parametrize("kind", ["", "k" * 41])
def test_a_kind_has_a_name_that_fits(engine: sa.Engine, clock: ManualClock, kind: str) -> None:
    with engine.begin() as tx, pytest.raises(ValueError):
        timeline.add(tx, kind, at=clock.now())

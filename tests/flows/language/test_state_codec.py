"""A flow's state goes to JSON and comes back, also across a deploy."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.language import Amount, BillFacts, CallState, CardFacts, ReceiptFacts, StateError
from flows.language import state as codec
from flows.pay_bill.bill import PayBill

amounts = st.builds(Amount, st.integers(), st.sampled_from(["EUR", "JPY", "KWD"]))
bills = st.builds(BillFacts, st.text(), amounts, amounts, st.none() | st.dates())
states = st.builds(
    PayBill,
    merchant=st.text(),
    language_known=st.booleans(),
    languages=st.lists(st.text()).map(tuple),
    bill=st.none() | bills,
    card=st.none() | st.builds(CardFacts, st.text(), st.text()),
    receipt=st.none() | st.builds(ReceiptFacts, st.text(), amounts, st.booleans()),
    reference=st.text(),
    amount=st.none() | amounts,
    cards_declined=st.integers(),
)


@settings(deadline=None)
@given(states)
def test_every_state_comes_back_from_json(state: PayBill) -> None:
    assert codec.load(PayBill, json.loads(json.dumps(codec.dump(state)))) == state


class Mood(StrEnum):
    CALM = "calm"


@dataclass(frozen=True, slots=True)
class Wide(CallState):
    mood: Mood = Mood.CALM
    seen: tuple[Amount, ...] = ()
    days: tuple[date, ...] = ()
    maybe: tuple[str, ...] | None = None


def test_enums_and_tuples_of_records() -> None:
    state = Wide(seen=(Amount(1, "EUR"), Amount(2, "JPY")), days=(date(2026, 11, 22),), maybe=("a",))
    data = json.loads(json.dumps(codec.dump(state)))
    assert data["seen"] == [{"minor": 1, "currency": "EUR"}, {"minor": 2, "currency": "JPY"}]
    assert data["days"] == ["2026-11-22"]
    loaded = codec.load(Wide, data)
    assert loaded == state
    assert isinstance(loaded.mood, Mood)
    assert codec.faults(Wide) == []


def test_an_unknown_field_is_dropped_and_a_missing_one_takes_its_default() -> None:
    data = codec.dump(PayBill(reference="12345678", cards_declined=2, bill=_bill()))
    del data["cards_declined"]
    del data["bill"]["due_date"]
    data["bill"]["colour"] = "red"
    data["of_the_next_release"] = {"any": "thing"}
    assert codec.load(PayBill, data) == PayBill(reference="12345678", bill=_bill())


def test_a_fact_without_a_default_must_be_there() -> None:
    data = codec.dump(PayBill(bill=_bill()))
    del data["bill"]["due"]
    with pytest.raises(StateError, match=r"Bill\.bill\.due is missing"):
        codec.load(PayBill, data)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"cards_declined": True}, r"Bill\.cards_declined must be int, not bool"),
        ({"cards_declined": "2"}, r"Bill\.cards_declined must be int, not str"),
        ({"cards_declined": 2.0}, r"Bill\.cards_declined must be int, not float"),
        ({"cards_declined": None}, r"Bill\.cards_declined must be int, not NoneType"),
        ({"language_known": 1}, r"Bill\.language_known must be bool, not int"),
        ({"reference": 12345678}, r"Bill\.reference must be str, not int"),
        ({"languages": "en"}, r"Bill\.languages must be a list, not str"),
        ({"languages": ["en", 3]}, r"Bill\.languages\[1\] must be str, not int"),
        ({"amount": 4990}, r"Bill\.amount must be an object"),
        ({"amount": {"minor": "4990", "currency": "EUR"}}, r"Bill\.amount\.minor must be int, not str"),
        ({"bill": {"due_date": "22/11/2026", "reference": ""}}, r"Bill\.bill\.due"),
    ],
)
def test_a_wrong_kind_is_told_with_its_field(change: dict[str, Any], named: str) -> None:
    with pytest.raises(StateError, match=named):
        codec.load(PayBill, codec.dump(PayBill()) | change)


def test_a_date_must_be_a_date() -> None:
    data = codec.dump(PayBill(bill=_bill()))
    data["bill"]["due_date"] = "22/11/2026"
    with pytest.raises(StateError, match=r"due_date must be date"):
        codec.load(PayBill, data)


@pytest.mark.parametrize(
    "state",
    [
        PayBill(reference=3),
        PayBill(amount="1"),
        PayBill(languages=("en", None)),
        PayBill(card=Amount(1, "EUR")),
    ],  # type: ignore[arg-type]
)
def test_a_state_that_denies_its_annotations_is_never_kept(state: PayBill) -> None:
    with pytest.raises(StateError):
        codec.dump(state)


def test_a_moment_is_no_date() -> None:
    bill = BillFacts("1", Amount(1, "EUR"), Amount(1, "EUR"), datetime(2026, 11, 22))  # noqa: DTZ001
    with pytest.raises(StateError, match="due_date"):
        codec.dump(PayBill(bill=bill))


def test_fields_that_json_cannot_keep_are_found_beforehand() -> None:
    @dataclass(frozen=True)
    class Bad(CallState):
        anything: dict[str, int] = field(default_factory=dict)
        ratio: float = 0.0
        pair: tuple[int, str] = (0, "")
        either: int | str = 0

    found = "\n".join(codec.faults(Bad))
    for name in ("anything", "ratio", "pair", "either"):
        assert f"Bad.{name}" in found
    assert len(codec.faults(Bad)) == 4


def _bill() -> BillFacts:
    return BillFacts("12345678", Amount(4990, "EUR"), Amount(1000, "EUR"))

"""Keys that move money must be heard first: `check()` finds where they are not."""

from typing import Any

import pytest

from flows.language import (
    Choose,
    Flow,
    ForgetCard,
    Go,
    Say,
    Tell,
    check,
)
from tests.flows.language.little_flow import Make, State, faults


def with_a_charge(
    make: Make, heard_first: str, prompts: dict[str, dict[str, str]] | None = None
) -> Flow[Any]:
    """Its 1 deletes a card, behind a decision; its 2 asks again."""
    flow = make(prompts, options={"3": "question", "1": "bye"}, gave_up="yes", start="yes")

    @flow.add(Choose.exits({"1": "decide", "2": "question"}, gave_up="bye", heard_first=heard_first))
    def yes(_: State) -> Choose:
        return Choose(Say("yes"))

    @flow.add(Go.exits(then="tell"))
    def decide(_: State) -> Go[State]:
        return Go("then")

    @flow.add(Tell.exits(then="forget"))
    def tell(_: State) -> Tell:
        return Tell(None)

    @flow.add(ForgetCard.exits(then="bye"))
    def forget(_: State) -> ForgetCard:
        return ForgetCard()

    return flow


NAMED = {"en": {"yes": "Yes, 1. No, 2."}, "es": {"yes": "Sí, 1. No, 2."}}


@pytest.mark.parametrize(
    ("heard_first", "spanish", "expected"),
    [
        ("1", "Sí, 1. No, 2.", []),
        ("", "Sí, 1.", ["yes: 1 leads to forget without another question: it must be heard first"]),
        ("15", "Sí, 1, 5.", [
            "yes: 5 must be heard first, but is not an option",
            "prompts.en.toml: yes names the key 5 0 times; it must be named once"]),
        ("1", "Sí. No, 2.", [
            "prompts.es.toml: yes names the key 1 0 times; it must be named once"]),
        ("1", "Sí, 1. No, 2. 1 es sí, 11 no.", [
            "prompts.es.toml: yes names the key 1 2 times; it must be named once"]),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_undone_is_heard_first(
    make: Make, heard_first: str, spanish: str, expected: list[str]
) -> None:
    flow = with_a_charge(make, heard_first, {"en": NAMED["en"], "es": {"yes": spanish}})
    if expected:
        assert faults(flow) == [f"little: {fault}" for fault in expected]
    else:
        check(flow)

"""Faults of the state that `check()` finds, and what is refused at once."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flows.language import (
    Ask,
    BillFacts,
    CallState,
    End,
    FlowError,
    Say,
    UnknownStepError,
)
from tests.flows.language.little_flow import Make, State, faults


@pytest.mark.parametrize("into", ["nothing", "count"])
def test_keyed_digits_go_into_a_text_field(make: Make, into: str) -> None:
    flow = make(gave_up="second")
    if into == "nothing":

        @flow.add(Ask.exits(heard="bye", gave_up="bye"))
        def second(_: State) -> Ask:
            return Ask(Say("ask"), 8, "nothing")

    else:

        @flow.add(Ask.exits(heard="bye", gave_up="bye"))
        def second(_: State) -> Ask:
            return Ask(Say("ask"), digits=8, into="count")

    assert faults(flow) == [
        f"little: second: keyed digits go into {into}, but the state has no text field of that name"
    ]


def test_the_state_extends_the_calls_own(make: Make) -> None:
    @dataclass(frozen=True)
    class Foreign:
        bill: BillFacts | None = None

    assert "little: the state Foreign must extend CallState" in faults(make(state=Foreign))


def test_the_state_is_a_dataclass_of_its_own(make: Make) -> None:
    class Bare(CallState):
        pass

    assert faults(make(state=Bare)) == ["little: the state Bare must be a frozen dataclass"]


def test_every_field_of_the_state_has_a_default(make: Make) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Strict(CallState):
        reference: str

    assert faults(make(state=Strict)) == [
        "little: Strict.reference needs a default: a call in the middle of a deploy has none"
    ]


def test_every_field_of_the_state_can_be_kept(make: Make) -> None:
    @dataclass(frozen=True)
    class Loose(CallState):
        notes: dict[str, str] = field(default_factory=dict)

    assert "Loose.notes" in faults(make(state=Loose))[0]


def test_all_faults_are_told_at_once(make: Make) -> None:
    assert len(faults(make({"es": {"bye": ""}}, gave_up="nowhere", visits_max=0))) == 3


def test_two_steps_of_one_name_and_a_state_that_is_no_record_are_refused_at_once(
    make: Make, tmp_path: Path
) -> None:
    flow = make()

    def bye(_: State) -> End:
        return End(Say("bye"))

    with pytest.raises(FlowError, match="two steps are named bye"):
        flow.add(End.exits())(bye)
    with pytest.raises(FlowError, match="frozen dataclass"):
        make(state=int)


def test_a_step_of_another_release_is_unknown(make: Make) -> None:
    with pytest.raises(UnknownStepError, match="little has no step of_next_release"):
        make().step("of_next_release")

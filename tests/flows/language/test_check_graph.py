"""Faults of the graph that `check()` finds: roles, ways out, loops, menus."""

import pytest

from flows.language import (
    Go,
    Tell,
    check,
)
from tests.flows.language.little_flow import Make, State, faults


def test_the_little_flow_is_whole(make: Make) -> None:
    check(make())


@pytest.mark.parametrize("role", ["start", "person", "exhausted"])
def test_a_role_without_its_step(make: Make, role: str) -> None:
    assert f"little: {role} is nowhere, but there is no such step" in faults(make(**{role: "nowhere"}))


def test_an_unknown_target(make: Make) -> None:
    assert faults(make(gave_up="nowhere")) == [
        "little: question: exit gave_up leads to nowhere, but there is no such step"
    ]


def test_an_unreachable_step(make: Make) -> None:
    flow = make()

    @flow.add(Tell.exits(then="bye"))
    def lonely(_: State) -> Tell:
        return Tell(None)

    assert faults(flow) == [
        "little: lonely: no exit leads here; remove it, or mark it retired for one release"
    ]


def test_a_retired_step_may_stand_alone(make: Make) -> None:
    flow = make()

    @flow.add(Tell.exits(then="bye"), retired=True)
    def of_last_release(_: State) -> Tell:
        return Tell(None)

    @flow.add(Go.exits(on="bye"), retired=True)
    def also_of_last_release(_: State) -> Go[State]:
        return Go("on")

    check(flow)


def test_nothing_leads_to_a_retired_step(make: Make) -> None:
    flow = make(gave_up="old")

    @flow.add(Tell.exits(then="bye"), retired=True)
    def old(_: State) -> Tell:
        return Tell(None)

    assert faults(flow) == ["little: question: exit gave_up leads to old, which is retired"]


def test_the_person_is_not_retired(make: Make) -> None:
    flow = make(person="old")

    @flow.add(Tell.exits(then="bye"), retired=True)
    def old(_: State) -> Tell:
        return Tell(None)

    assert faults(flow) == ["little: person is old, which is retired"]


def test_steps_without_a_way_out(make: Make) -> None:
    flow = make(gave_up="round")

    @flow.add(Tell.exits(then="about"))
    def round(_: State) -> Tell:  # noqa: A001
        return Tell(None)

    @flow.add(Tell.exits(then="round"))
    def about(_: State) -> Tell:
        return Tell(None)

    assert faults(flow) == [
        "little: round: no path from here reaches an end or a person",
        "little: about: no path from here reaches an end or a person",
    ]


def test_no_loop_behind_the_step_for_those_who_went_round(make: Make) -> None:
    found = faults(make(exhausted="question", options={"1": "bye", "2": "question"}))
    assert found == [
        "little: question: is in a loop after question, where callers go who went round too often"
    ]


@pytest.mark.parametrize("visits_max", [0, -1])
def test_loops_are_bounded(make: Make, visits_max: int) -> None:
    assert "visits_max" in faults(make(visits_max=visits_max))[0]


@pytest.mark.parametrize("key", ["0", "8", "*", "#", "10", "a", ""])
def test_a_menu_has_the_keys_1_to_7_and_9(make: Make, key: str) -> None:
    assert faults(make(options={key: "bye"})) == [
        f"little: question: {key!r} is not a menu key: use 1 to 7 or 9; 0, 8 and * are the server's"
    ]


def test_a_menu_has_options(make: Make) -> None:
    assert faults(make(options={})) == ["little: question: the menu has no options"]


def test_a_menu_does_not_shadow_its_own_exit(make: Make) -> None:
    flow = make(options={"1": "gave_up"})

    @flow.add(Tell.exits(then="bye"))
    def gave_up(_: State) -> Tell:
        return Tell(None)

    assert any("no option may lead to a step named gave_up" in fault for fault in faults(flow))

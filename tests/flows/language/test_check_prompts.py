"""Faults between steps and prompts that `check()` finds, and decisions without their exits."""

from pathlib import Path

from flows.language import (
    Choose,
    Go,
    Say,
    Tell,
)
from tests.flows.language.little_flow import Make, State, faults


def test_a_prompt_missing_in_one_language(make: Make) -> None:
    assert faults(make({"es": {"bye": ""}})) == ["little: bye: prompts.es.toml has no bye"]


def test_a_prompt_that_nothing_says(make: Make) -> None:
    assert faults(make({"en": {"spare": "Hm."}})) == ["little: prompts.en.toml: no step says spare"]


def test_a_placeholder_that_the_step_does_not_give(make: Make) -> None:
    assert faults(make({"es": {"ask": "¿Pagar {due}?"}})) == [
        "little: question: prompts.es.toml: ask uses {due}, which is not given"
    ]


def test_a_placeholder_that_a_language_leaves_out(make: Make) -> None:
    flow = make({"en": {"count": "That is {count}."}, "es": {"count": "Eso es todo."}}, gave_up="tell_count")

    @flow.add(Tell.exits(then="bye"))
    def tell_count(state: State) -> Tell:
        return Tell(Say("count", count=state.count))

    assert faults(flow) == ["little: tell_count: prompts.es.toml: count leaves out {count}"]


def test_a_broken_prompt_file(make: Make) -> None:
    found = faults(make({"es": {"ask": "¿{due.minor}?"}}))
    assert len(found) == 1
    assert "prompts.es.toml: ask: a placeholder is a plain" in found[0]


def test_a_folder_without_prompts(make: Make, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no prompts" in faults(make(folder=tmp_path / "empty"))[0]


KEY = "ask"
VALUES: dict[str, int] = {}


def test_a_key_that_is_no_literal(make: Make) -> None:
    flow = make(gave_up="second")

    @flow.add(Choose.exits({"1": "bye"}, gave_up="bye"))
    def second(_: State) -> Choose:
        return Choose(Say(KEY))

    assert faults(flow) == [
        "little: second: Say(KEY): the key is a literal and the values are named one by one"
    ]


def test_values_that_are_not_named(make: Make) -> None:
    flow = make(gave_up="second")

    @flow.add(Choose.exits({"1": "bye"}, gave_up="bye"))
    def second(_: State) -> Choose:
        return Choose(Say("ask", **VALUES))

    assert "named one by one" in faults(flow)[0]


def helper(state: State) -> Say:
    if state.count:
        return Say("hidden")
    return Say("ask")


def test_what_a_helper_of_the_same_module_says_counts(make: Make) -> None:
    flow = make(gave_up="second")

    @flow.add(Choose.exits({"1": "bye"}, gave_up="bye"))
    def second(state: State) -> Choose:
        return Choose(helper(state))

    assert faults(flow) == [
        f"little: second: prompts.{language}.toml has no hidden" for language in ("en", "es")
    ]


def test_a_decision_takes_declared_exits_and_all_of_them(make: Make) -> None:
    flow = make(gave_up="second")

    @flow.add(Go.exits(left="bye", right="bye"))
    def second(state: State) -> Go[State]:
        if state.count:
            return Go("left", state)
        return Go("up")

    assert faults(flow) == [
        'little: second: Go("up") is not a declared exit',
        "little: second: exit right is declared and never taken",
    ]


def test_a_decision_names_its_exits_literally(make: Make) -> None:
    flow = make(gave_up="second")

    @flow.add(Go.exits(ask="bye"))
    def second(_: State) -> Go[State]:
        return Go(exit=KEY)

    assert "little: second: Go(exit=KEY): exit is a literal text" in faults(flow)

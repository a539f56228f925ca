"""Each fault that `check()` must find, in a flow that has this one fault alone."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flows.language import (
    Ask,
    BillFacts,
    CallState,
    Choose,
    End,
    Flow,
    FlowError,
    ForgetCard,
    Go,
    Say,
    Tell,
    Transfer,
    UnknownStepError,
    check,
)

PROMPTS = {
    "en": {"ask": "Yes or no?", "bye": "Goodbye.", "person": "One moment."},
    "es": {"ask": "¿Sí o no?", "bye": "Adiós.", "person": "Un momento."},
}
Make = Callable[..., Flow[Any]]


@dataclass(frozen=True, slots=True)
class State(CallState):
    reference: str = ""
    count: int = 0


def prompt_files(folder: Path, change: dict[str, dict[str, str]] | None = None) -> Path:
    for language, texts in PROMPTS.items():
        merged = {**texts, **(change or {}).get(language, {})}
        lines = [f'{key} = "{text}"' for key, text in merged.items() if text]
        (folder / f"prompts.{language}.toml").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A whole little flow, to be broken in one place: question, goodbye, a person."""

    def made(prompts: dict[str, dict[str, str]] | None = None, **changes: Any) -> Flow[Any]:
        options = changes.pop("options", {"1": "bye"})
        gave_up = changes.pop("gave_up", "bye")
        arguments: dict[str, Any] = {
            "state": State,
            "start": "question",
            "person": "person",
            "visits_max": 3,
            "exhausted": "person",
            "folder": prompt_files(tmp_path, prompts),
        }
        flow: Flow[Any] = Flow("little", **(arguments | changes))

        @flow.add(Choose.exits(options, gave_up=gave_up))
        def question(_: State) -> Choose:
            return Choose(Say("ask"))

        @flow.add(Transfer.exits(unanswered="bye", nobody="bye"))
        def person(_: State) -> Transfer:
            return Transfer(Say("person"))

        @flow.add(End.exits())
        def bye(_: State) -> End:
            return End(Say("bye"))

        return flow

    return made


def faults(flow: Flow[Any]) -> list[str]:
    with pytest.raises(FlowError) as found:
        check(flow)
    return str(found.value).splitlines()


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


# Keys that must be heard first ----------------------------------------------------------------------------


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

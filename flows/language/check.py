"""Is the flow whole? Every fault of its graph, its prompts and its state, told at import and not to a caller.

A flow calls `check(flow)` at the bottom of its file, so that a release with a step that leads nowhere, or a
prompt that a translator forgot, does not start. All faults are told at once, a line each.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

from flows.language import source
from flows.language import state as codec
from flows.language.facts import CallState
from flows.language.flow import Flow
from flows.language.heard import times_named
from flows.language.prompts import PromptError, Prompts, languages_in
from flows.language.steps import FlowError, Kind, Step

_KEYS = frozenset("12345679")
"""`0`, `8` and `*` are the host's, `#` ends an entry."""
_MOVES = frozenset({Kind.CHARGE, Kind.SEND_LINK, Kind.CLOSE_LINK, Kind.FORGET_CARD})
"""What moves money, or cannot be undone."""
_PASSED = frozenset({Kind.TELL, Kind.DECIDE, Kind.LANGUAGE})
"""Steps at which nobody is asked anything."""
_TERMINAL = frozenset({Kind.END, Kind.TRANSFER})
_FACTS = {
    Kind.FIND_BILL: "bill",
    Kind.FIND_CALLERS_BILL: "bill",
    Kind.FIND_SAVED_CARD: "saved_card",
    Kind.COLLECT_CARD: "card",
    Kind.CHARGE: "receipt",
    Kind.SEND_LINK: "link",
    Kind.CLOSE_LINK: "bill",
}
"""Where the host lays what it found, by kind of step."""


def check(flow: Flow[Any]) -> None:
    """Returns where the flow can be run as written; raises FlowError with a line for each fault."""
    readings = {name: source.read(step.run) for name, step in flow.steps.items()}
    faults = [
        *_faulty_frame(flow),
        *_faulty_targets(flow),
        *_faulty_paths(flow),
        *_faulty_menus(flow),
        *_faulty_state(flow),
        *_faulty_sources(flow, readings),
        *_faulty_prompts(flow, readings),
    ]
    if faults:
        raise FlowError("\n".join(f"{flow.name}: {fault}" for fault in faults))


# The graph ------------------------------------------------------------------------------------------------


def _faulty_frame(flow: Flow[Any]) -> Iterator[str]:
    for role in ("start", "person", "exhausted"):
        name = getattr(flow, role)
        if name not in flow.steps:
            yield f"{role} is {name}, but there is no such step"
        elif flow.steps[name].retired:
            yield f"{role} is {name}, which is retired"
    if flow.visits_max < 1:
        yield f"visits_max is {flow.visits_max}; it must be 1 or more"


def _faulty_targets(flow: Flow[Any]) -> Iterator[str]:
    for step in flow.steps.values():
        for exit_name, target in step.exits.items():
            if target not in flow.steps:
                yield f"{step.name}: exit {exit_name} leads to {target}, but there is no such step"
            elif flow.steps[target].retired and not step.retired:
                yield f"{step.name}: exit {exit_name} leads to {target}, which is retired"


def _faulty_paths(flow: Flow[Any]) -> Iterator[str]:
    reached = _reachable(flow, (flow.start, flow.person, flow.exhausted))
    escapable = _escapable(flow)
    for name, step in flow.steps.items():
        if name not in reached and not step.retired:
            yield f"{name}: no exit leads here; remove it, or mark it retired for one release"
        if name not in escapable:
            yield f"{name}: no path from here reaches an end or a person"
    for name in sorted(_reachable(flow, (flow.exhausted,))):
        if name in _reachable(flow, flow.steps[name].exits.values()):
            yield f"{name}: is in a loop after {flow.exhausted}, where callers go who went round too often"


def _reachable(flow: Flow[Any], starts: Iterable[str]) -> set[str]:
    reached: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name in flow.steps and name not in reached:
            reached.add(name)
            waiting += flow.steps[name].exits.values()
    return reached


def _escapable(flow: Flow[Any]) -> set[str]:
    """The steps from which an end or a person can be reached."""
    found = {name for name, step in flow.steps.items() if step.kind in _TERMINAL}
    grown = True
    while grown:
        more = {name for name, step in flow.steps.items() if found.intersection(step.exits.values())} - found
        found |= more
        grown = bool(more)
    return found


def _faulty_menus(flow: Flow[Any]) -> Iterator[str]:
    for step in flow.steps.values():
        if step.kind is not Kind.MENU:
            continue
        if not step.options:
            yield f"{step.name}: the menu has no options"
        if "gave_up" in step.options.values():
            yield f"{step.name}: no option may lead to a step named gave_up, the name of a menu's own exit"
        for key in step.options:
            if key not in _KEYS:
                yield f"{step.name}: {key!r} is not a menu key: use 1 to 7 or 9; 0, 8 and * are the host's"
        yield from _faulty_consent(flow, step)


def _faulty_consent(flow: Flow[Any], step: Step[Any]) -> Iterator[str]:
    for key in step.heard_first:
        if key not in step.options:
            yield f"{step.name}: {key} must be heard first, but is not an option"
    for key, exit_name in step.options.items():
        moves = _asked_nothing_more(flow, step.exits[exit_name])
        if moves is not None and key not in step.heard_first:
            yield f"{step.name}: {key} leads to {moves} without another question: it must be heard first"


def _asked_nothing_more(flow: Flow[Any], start: str) -> str | None:
    """A step that moves money, and is reached from there without another question."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in flow.steps:
            continue
        seen.add(name)
        if flow.steps[name].kind in _MOVES:
            return name
        if flow.steps[name].kind in _PASSED:
            waiting += flow.steps[name].exits.values()
    return None


# The state ------------------------------------------------------------------------------------------------


def _faulty_state(flow: Flow[Any]) -> Iterator[str]:
    state = flow.state
    if not issubclass(state, CallState):
        yield f"the state {state.__name__} must extend CallState"
        return
    if "__dataclass_params__" not in vars(state) or not state.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        yield f"the state {state.__name__} must be a frozen dataclass"
        return
    for one in fields(state):
        if one.default is MISSING and one.default_factory is MISSING:
            yield f"{state.__name__}.{one.name} needs a default: a call in the middle of a deploy has none"
    yield from codec.faults(state)


# The sources and the prompts ------------------------------------------------------------------------------


def _faulty_sources(flow: Flow[Any], readings: Mapping[str, source.Reading]) -> Iterator[str]:
    for name, reading in readings.items():
        step = flow.steps[name]
        for fault in reading.unclear:
            yield f"{name}: {fault}"
        if step.kind is Kind.DECIDE:
            yield from _faulty_decision(step, reading)
        yield from _faulty_fields(flow, step, reading)


def _faulty_decision(step: Step[Any], reading: source.Reading) -> Iterator[str]:
    for exit_name in sorted(reading.exits - step.exits.keys()):
        yield f'{step.name}: Go("{exit_name}") is not a declared exit'
    for exit_name in sorted(step.exits.keys() - reading.exits):
        yield f"{step.name}: exit {exit_name} is declared and never taken"


def _faulty_fields(flow: Flow[Any], step: Step[Any], reading: source.Reading) -> Iterator[str]:
    kinds = get_type_hints(flow.state)
    for into in sorted(reading.fields):
        if kinds.get(into) is not str:
            yield f"{step.name}: keyed digits go into {into}, but the state has no text field of that name"
    fact = _FACTS.get(step.kind)
    if fact is not None and fact not in kinds:
        yield f"{step.name}: the host stores what it found in {fact}, but the state has no such field"


def _faulty_prompts(flow: Flow[Any], readings: Mapping[str, source.Reading]) -> Iterator[str]:
    languages = languages_in(flow.folder)
    if not languages:
        yield f"{flow.folder} holds no prompts.<language>.toml"
        return
    try:
        prompts = Prompts.load(flow.folder, languages)
    except PromptError as fault:
        yield str(fault)
        return
    for language in languages:
        keys = prompts.keys(language)
        for name, reading in readings.items():
            yield from (
                f"{name}: {fault}"
                for said in reading.said
                for fault in _unsayable(said, language, prompts, known=said.key in keys)
            )
        for step in flow.steps.values():
            yield from _faulty_naming(step, readings[step.name], language, prompts)
        spoken = {said.key for reading in readings.values() for said in reading.said}
        for key in sorted(keys - spoken):
            yield f"prompts.{language}.toml: no step says {key}"


def _faulty_naming(
    step: Step[Any], reading: source.Reading, language: str, prompts: Prompts
) -> Iterator[str]:
    for said in reading.said:
        if said.key not in prompts.keys(language):
            continue
        for key in step.heard_first:
            times = times_named(prompts.segments(language, said.key), key)
            if times != 1:
                yield (
                    f"prompts.{language}.toml: {said.key} names the key {key} {times} times; it must be "
                    "named once"
                )


def _unsayable(said: source.Said, language: str, prompts: Prompts, *, known: bool) -> Iterator[str]:
    if not known:
        yield f"prompts.{language}.toml has no {said.key}"
        return
    wanted = prompts.placeholders(language, said.key)
    for name in sorted(wanted - said.names):
        yield f"prompts.{language}.toml: {said.key} uses {{{name}}}, which is not given"
    for name in sorted(said.names - wanted):
        yield f"prompts.{language}.toml: {said.key} leaves out {{{name}}}"

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
from flows.language.flow import Flow, FlowError
from flows.language.heard import times_named
from flows.language.prompts import PromptError, Prompts, languages_in
from flows.language.wait import Step
from flows.language.waits import WAITS

_LITERALS = {wait.__name__: source.LiteralArgument.of(wait, wait.literal) for wait in WAITS if wait.literal}
"""Wait -> the argument that is read in a step's source."""


def check(flow: Flow[Any]) -> None:
    """Returns where the flow can be run as written; raises FlowError with a line for each fault."""
    readings = {name: source.read(step.run, _LITERALS) for name, step in flow.steps.items()}
    faults = [
        *_faulty_frame(flow),
        *_faulty_targets(flow),
        *_faulty_paths(flow),
        *_faulty_consent(flow),
        *_faulty_state(flow),
        *_faulty_steps(flow, readings),
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
    found = {name for name, step in flow.steps.items() if step.wait.may_end_call}
    grown = True
    while grown:
        more = {name for name, step in flow.steps.items() if found.intersection(step.exits.values())} - found
        found |= more
        grown = bool(more)
    return found


def _faulty_consent(flow: Flow[Any]) -> Iterator[str]:
    for step in flow.steps.values():
        for key, exit_name in (step.options or {}).items():
            moves = _asked_nothing_more(flow, step.exits[exit_name])
            if moves is not None and key not in step.heard_first:
                yield f"{step.name}: {key} leads to {moves} without another question: it must be heard first"


def _asked_nothing_more(flow: Flow[Any], start: str) -> str | None:
    """A step that needs consent, and is reached from there without another question."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in flow.steps:
            continue
        seen.add(name)
        if flow.steps[name].wait.needs_consent:
            return name
        if flow.steps[name].wait.passes_on:
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


# The steps and the prompts --------------------------------------------------------------------------------


def _faulty_steps(flow: Flow[Any], readings: Mapping[str, source.SourceReading]) -> Iterator[str]:
    fields_of_state = get_type_hints(flow.state)
    for name, step in flow.steps.items():
        for fault in readings[name].unclear:
            yield f"{name}: {fault}"
        yield from step.wait.faults(step, readings[name], fields_of_state)


def _faulty_prompts(flow: Flow[Any], readings: Mapping[str, source.SourceReading]) -> Iterator[str]:
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
    step: Step[Any], reading: source.SourceReading, language: str, prompts: Prompts
) -> Iterator[str]:
    for said in reading.said:
        if said.key not in prompts.keys(language):
            continue
        for key in step.heard_first:
            times = times_named(prompts.find(language, said.key).segments, key)
            if times != 1:
                yield (
                    f"prompts.{language}.toml: {said.key} names the key {key} {times} times; it must be "
                    "named once"
                )


def _unsayable(said: source.SaidPrompt, language: str, prompts: Prompts, *, known: bool) -> Iterator[str]:
    if not known:
        yield f"prompts.{language}.toml has no {said.key}"
        return
    wanted = prompts.find(language, said.key).placeholders
    for name in sorted(wanted - said.names):
        yield f"prompts.{language}.toml: {said.key} uses {{{name}}}, which is not given"
    for name in sorted(said.names - wanted):
        yield f"prompts.{language}.toml: {said.key} leaves out {{{name}}}"

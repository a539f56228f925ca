"""A flow as a picture: Mermaid, the same text for the same flow, so that a change shows in a diff.

A shape says what a step waits for: a slanted box asks, a diamond decides, a pill ends; dotted arrows are the
ways that stand open at every step.
"""

from typing import Any

from flows.language.flow import Flow
from flows.language.wait import Step


def draw(flow: Flow[Any]) -> str:
    """The flow as a Mermaid flowchart, steps in the order in which they are written."""
    lines = ["flowchart TD"]
    lines += [f"    {_node(step)}" for step in flow.steps.values()]
    lines.append(f"    hello((hello)) --> {flow.start}")
    lines.append(f"    zero((key 0)) -.-> {flow.person}")
    lines.append(f"    often((more than {flow.visits_max} visits)) -.-> {flow.exhausted}")
    for step in flow.steps.values():
        lines += [f'    {step.name} -->|"{label}"| {target}' for label, target in _edges(step)]
    return "\n".join(lines) + "\n"


def _node(step: Step[Any]) -> str:
    left, right = step.wait.shape
    retired = " (retired)" if step.retired else ""
    # "end" is a word of Mermaid's; a quoted label may hold anything.
    return f'{step.name}{left}"{step.name}{retired}<br/><i>{step.wait.label}</i>"{right}'


def _edges(step: Step[Any]) -> list[tuple[str, str]]:
    """A menu's exits are labelled by their keys."""
    if step.options is not None:
        keyed = [(f"press {key}", target) for key, target in step.options.items()]
        return [*keyed, ("gave up", step.exits["gave_up"])]
    return [(name.replace("_", " "), target) for name, target in step.exits.items()]

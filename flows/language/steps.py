"""`Steps`: the decorator that makes the steps of a flow.

The exits of a step are arguments of its wait's `exits`, so a forgotten one fails in the type checker and at
import. A step's function is pure: state in, wait out.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from flows.language.wait import Exits, S, Step, Wait

W = TypeVar("W", bound=Wait)


class FlowError(Exception):
    """The flow cannot be run as written; the message lists every fault, a line each."""


class Steps(Generic[S]):
    """Steps that belong together, in the order in which they are written: a flow is made of some of these."""

    def __init__(self) -> None:
        self.steps: dict[str, Step[S]] = {}

    def add(
        self, exits: Exits[W], *, retired: bool = False
    ) -> Callable[[Callable[[S], W]], Callable[[S], W]]:
        """The step of the decorated function: `@steps.add(Tell.exits(then="bye"))`."""

        def decorate(run: Callable[[S], W]) -> Callable[[S], W]:
            name = run.__name__
            if name in self.steps:
                raise FlowError(f"two steps are named {name}")
            self.steps[name] = Step(
                name,
                exits.wait,
                dict(exits.leads_to),
                run,
                exits.options,
                exits.heard_first,
                retired=retired,
            )
            return run

        return decorate

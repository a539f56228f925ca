"""`Flow`: named steps whose exits are data, so that the whole graph can be checked, drawn and translated.

A short flow writes its steps on the flow itself; a long one writes them in files of their own, as `Steps`,
and includes these. The exits of a step are arguments of its wait's `exits`, so a forgotten one fails in the
type checker and at import. A step's function is pure: state in, wait out.
"""

from collections.abc import Callable
from dataclasses import is_dataclass
from pathlib import Path
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


class Flow(Steps[S]):
    """A conversation, as data. `start` is the first step; each may be entered `visits_max` times a call."""

    def __init__(
        self,
        name: str,
        *,
        state: type[S],
        start: str,
        person: str,
        visits_max: int,
        exhausted: str,
        folder: Path,
    ) -> None:
        """`person` is the step of the `0` key; `exhausted` where callers go who went round too often.

        `folder` holds `prompts.<language>.toml`.
        """
        if not is_dataclass(state):
            raise FlowError(f"{name}: the state {state.__name__} must be a frozen dataclass")
        super().__init__()
        self.name = name
        self.state = state
        self.start = start
        self.person = person
        self.visits_max = visits_max
        self.exhausted = exhausted
        self.folder = folder

    def include(self, *parts: Steps[S]) -> None:
        """Takes these steps in; raises FlowError where two have one name."""
        for part in parts:
            if twice := self.steps.keys() & part.steps.keys():
                raise FlowError(f"{self.name}: two steps are named {', '.join(sorted(twice))}")
            self.steps |= part.steps

    def step(self, name: str) -> Step[S]:
        """The step of that name; raises UnknownStepError where this release has none."""
        try:
            return self.steps[name]
        except KeyError:
            raise UnknownStepError(f"flow {self.name} has no step {name}") from None


class UnknownStepError(LookupError):
    """A session stands on a step that this process does not know (a deploy is rolling)."""

"""`Flow`: named steps whose exits are data, so that the whole graph can be checked, drawn and translated.

A short flow writes its steps on the flow itself; a long one writes them in files of their own, as `Steps`,
and includes these.
"""

from dataclasses import is_dataclass
from pathlib import Path

from flows.language.steps import FlowError, Steps
from flows.language.wait import S, Step


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

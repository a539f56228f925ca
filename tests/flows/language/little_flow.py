"""A whole little flow, to be broken in one place; and the faults that `check()` finds in it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.language import (
    CallState,
    Choose,
    End,
    Flow,
    FlowError,
    Say,
    Transfer,
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


def flow_maker(folder: Path) -> Make:
    """Makes it: question, goodbye, a person."""

    def made(prompts: dict[str, dict[str, str]] | None = None, **changes: Any) -> Flow[Any]:
        options = changes.pop("options", {"1": "bye"})
        gave_up = changes.pop("gave_up", "bye")
        arguments: dict[str, Any] = {
            "state": State,
            "start": "question",
            "person": "person",
            "visits_max": 3,
            "exhausted": "person",
            "folder": prompt_files(folder, prompts),
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

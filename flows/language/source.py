"""What a step can say and do, read from its source without running it.

`Say("key")`, and the argument that a wait names as its `literal`, are found in the step's function and in the
functions of the same folder that it calls. Each must be a literal: otherwise a fault in the graph or the
prompts would only show in a call.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import FunctionType
from typing import Any


@dataclass(frozen=True, slots=True)
class SaidPrompt:
    """One `Say("key", name=...)`."""

    key: str
    names: frozenset[str]


@dataclass(slots=True)
class SourceReading:
    """All that was found in one step."""

    said: list[SaidPrompt] = field(default_factory=list)
    literals: dict[str, set[str]] = field(default_factory=dict)
    """Wait -> the literals that were given to it."""
    unclear: list[str] = field(default_factory=list)
    """A sentence for each that is no literal."""

    def literals_of(self, wait: str) -> set[str]:
        return self.literals.get(wait, set())


@dataclass(frozen=True, slots=True)
class LiteralArgument:
    """An argument that must be a literal: its name and its place among the arguments."""

    name: str
    place: int

    @classmethod
    def of(cls, wait: Any, name: str) -> "LiteralArgument":
        return cls(name, [one.name for one in fields(wait)].index(name))


def read(run: Callable[..., object], literals: Mapping[str, LiteralArgument]) -> SourceReading:
    """What the step's function can say and do; `literals` by the name of the wait."""
    reading = SourceReading()
    for tree in _sources(run, set()):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                _take(node, literals, reading)
    return reading


def _sources(run: Any, seen: set[Any]) -> Iterator[ast.AST]:
    if run in seen:
        return
    seen.add(run)
    tree = ast.parse(textwrap.dedent(inspect.getsource(run)))
    yield tree
    for node in ast.walk(tree):
        named = run.__globals__.get(node.id) if isinstance(node, ast.Name) else None
        if isinstance(named, FunctionType) and _folder(named) == _folder(run):
            yield from _sources(named, seen)


def _folder(run: Any) -> str:
    return str(run.__module__).rpartition(".")[0]


def _take(call: ast.Call, literals: Mapping[str, LiteralArgument], reading: SourceReading) -> None:
    called = _called(call)
    if called == "Say":
        _take_say(call, reading)
    elif called in literals:
        _take_literal(call, literals[called], reading.literals.setdefault(called, set()), reading)


def _take_say(call: ast.Call, reading: SourceReading) -> None:
    key = _text(call.args[0]) if len(call.args) == 1 else None
    names = [keyword.arg for keyword in call.keywords]
    if key is None or None in names:
        reading.unclear.append(
            f"{ast.unparse(call)}: the key is a literal and the values are named one by one"
        )
        return
    reading.said.append(SaidPrompt(key, frozenset(name for name in names if name)))


def _take_literal(call: ast.Call, wanted: LiteralArgument, found: set[str], reading: SourceReading) -> None:
    named = [keyword.value for keyword in call.keywords if keyword.arg == wanted.name]
    placed = call.args[wanted.place] if len(call.args) > wanted.place else None
    given = _text(named[0] if named else placed)
    if given is None:
        reading.unclear.append(f"{ast.unparse(call)}: {wanted.name} is a literal text")
    else:
        found.add(given)


def _text(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""

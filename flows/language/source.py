"""What a step can say and do, read from its source without running it.

`Say("key")`, `Go("exit")` and `Ask(into="field")` are found in the step's function and in the functions of
the same folder that it names; each must be a literal, or the graph and the prompts could not be known before
a caller stumbles over them.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """One `Say("key", name=...)`."""

    key: str
    names: frozenset[str]


@dataclass(slots=True)
class Reading:
    """All that was found in one step."""

    said: list[Said] = field(default_factory=list)
    exits: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    """The state's fields that `Ask` fills."""
    unclear: list[str] = field(default_factory=list)
    """A sentence for each that is no literal."""


def read(run: Callable[..., object]) -> Reading:
    """What the step's function can say and do."""
    reading = Reading()
    for tree in _sources(run, set()):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                _take(node, reading)
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


def _take(call: ast.Call, reading: Reading) -> None:
    match _called(call):
        case "Say":
            _take_say(call, reading)
        case "Go":
            _take_literal(call, "exit", 0, reading.exits, reading)
        case "Ask":
            _take_literal(call, "into", 2, reading.fields, reading)


def _take_say(call: ast.Call, reading: Reading) -> None:
    key = _text(call.args[0]) if len(call.args) == 1 else None
    names = [keyword.arg for keyword in call.keywords]
    if key is None or None in names:
        reading.unclear.append(
            f"{ast.unparse(call)}: the key is a literal and the values are named one by one"
        )
        return
    reading.said.append(Said(key, frozenset(name for name in names if name)))


def _take_literal(call: ast.Call, name: str, place: int, found: set[str], reading: Reading) -> None:
    named = [keyword.value for keyword in call.keywords if keyword.arg == name]
    given = _text(named[0] if named else (call.args[place] if len(call.args) > place else None))
    if given is None:
        reading.unclear.append(f"{ast.unparse(call)}: {name} is a literal text")
    else:
        found.add(given)


def _text(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""

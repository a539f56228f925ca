"""A flow's state as JSON, by its annotations: what a session keeps between two turns and across a deploy.

Fields are str, int, bool, date, enums of strings, tuples of one kind, frozen dataclasses of the same, and any
of these or None. A field that this release does not know is dropped, one that is missing takes its default; a
value of the wrong kind is a `StateError` that names the field, for guessing about money helps nobody.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

S = TypeVar("S")


class StateError(ValueError):
    """The data is no state of that kind; the message names the field."""


def dump(state: Any) -> dict[str, Any]:
    """The state as plain JSON values; raises StateError where a field holds what its annotation denies."""
    written: dict[str, Any] = _walk(type(state), state, type(state).__name__, _write_plain)
    return written


def load(cls: type[S], data: Any) -> S:
    """The state out of JSON values; raises StateError where they do not fit."""
    loaded: S = _walk(cls, data, cls.__name__, _read_plain)
    return loaded


def faults(cls: type[Any]) -> list[str]:
    """A sentence for each field that could not be kept as JSON; for `check()`."""
    return list(_unkept(cls, cls.__name__))


_Plain = Callable[[Any, Any, str], Any]


def _walk(kind: Any, value: Any, where: str, plain: _Plain) -> Any:
    """The value carried over by its annotation; `plain` carries what is no container, in or out."""
    if _origin(kind) in (Union, UnionType):
        if value is None:
            return None
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
    if _origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise _wrong(where, "a list", value)
        of = get_args(kind)[0]
        carried = [_walk(of, one, f"{where}[{place}]", plain) for place, one in enumerate(value)]
        return carried if plain is _write_plain else tuple(carried)
    if is_dataclass(kind) and isinstance(kind, type):
        return _write(kind, value, where) if plain is _write_plain else _read(kind, value, where)
    return plain(kind, value, where)


def _write(kind: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, kind):
        raise _wrong(where, kind.__name__, value)
    hints = _hints(kind)
    return {
        one.name: _walk(hints[one.name], getattr(value, one.name), f"{where}.{one.name}", _write_plain)
        for one in fields(kind)
    }


def _read(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(where, f"an object ({kind.__name__})", value)
    hints = _hints(kind)
    known = {}
    for one in fields(kind):
        if one.name in value:
            known[one.name] = _walk(hints[one.name], value[one.name], f"{where}.{one.name}", _read_plain)
        elif not _has_default(one):
            raise StateError(f"{where}.{one.name} is missing and has no default")
    return kind(**known)


def _write_plain(kind: Any, value: Any, where: str) -> Any:
    if not _is_exactly(kind, value):
        raise _wrong(where, _name(kind), value)
    if isinstance(value, StrEnum):
        return value.value
    return value.isoformat() if kind is date else value


def _read_plain(kind: Any, value: Any, where: str) -> Any:
    from_text = date.fromisoformat if kind is date else kind
    if kind is date or (isinstance(kind, type) and issubclass(kind, StrEnum)):
        try:
            return from_text(value)
        except (TypeError, ValueError):
            raise _wrong(where, _name(kind), value) from None
    if not _is_exactly(kind, value):
        raise _wrong(where, _name(kind), value)
    return value


def _is_exactly(kind: Any, value: Any) -> bool:
    """True is no int here, and a moment no date."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind) and not isinstance(value, datetime)


def _unkept(kind: Any, where: str) -> list[str]:
    if get_origin(kind) in (Union, UnionType):
        others = [one for one in get_args(kind) if one is not NoneType]
        if len(others) != 1:
            return [f"{where}: {kind} is neither one kind nor that kind or None"]
        return _unkept(others[0], where)
    if get_origin(kind) is tuple:
        of, *rest = get_args(kind)
        return _unkept(of, f"{where}[]") if rest == [Ellipsis] else [f"{where}: write tuple[X, ...]"]
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return [fault for one in fields(kind) for fault in _unkept(hints[one.name], f"{where}.{one.name}")]
    if kind in (str, int, bool, date) or (isinstance(kind, type) and issubclass(kind, StrEnum)):
        return []
    return [f"{where}: {_name(kind)} cannot be kept as JSON"]


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """Kept, because a turn asks for the same few classes each time and resolving annotations is slow."""
    return get_type_hints(kind)


@cache
def _origin(kind: Any) -> Any:
    """Kept for the same reason."""
    return get_origin(kind)


def _has_default(one: "Field[Any]") -> bool:
    return one.default is not MISSING or one.default_factory is not MISSING


def _name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _wrong(where: str, expected: str, value: Any) -> StateError:
    return StateError(f"{where} must be {expected}, not {type(value).__name__}")

"""A secret that masks itself: in repr, str, format, JSON, pickles and tracebacks.

Read it by one loud word, `reveal()`; grep for that word to see who does.
"""

from typing import Any, NoReturn, final


@final
class Secret:
    """Holds a string that must never be printed. Equality is by value, so that tests can compare."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The bare value: the caller of this word answers for where it goes."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Secret is never pickled or copied into a queue")

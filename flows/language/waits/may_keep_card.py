"""`MayKeepCard`: whether the card may be kept."""

from dataclasses import dataclass
from typing import ClassVar

from flows.language.wait import Exits, Wait

__all__ = ["MayKeepCard"]


@dataclass(frozen=True, slots=True)
class MayKeepCard(Wait):
    """Whether the card that was keyed can be kept for this caller, and is not already."""

    label: ClassVar[str] = "may keep card"

    @staticmethod
    def exits(*, may: str, may_not: str) -> "Exits[MayKeepCard]":
        return Exits(MayKeepCard, locals())

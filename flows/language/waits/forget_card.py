"""`ForgetCard`: the saved card is deleted."""

from dataclasses import dataclass
from typing import ClassVar

from flows.language.wait import Exits, Wait

__all__ = ["ForgetCard"]


@dataclass(frozen=True, slots=True)
class ForgetCard(Wait):
    """The card in `state.saved_card` is to be deleted: from now on it is neither offered nor charged."""

    label: ClassVar[str] = "forget card"
    needs_consent: ClassVar[bool] = True
    is_final: ClassVar[bool] = True

    @staticmethod
    def exits(*, then: str) -> "Exits[ForgetCard]":
        return Exits(ForgetCard, locals())

"""`FindBill`: a bill by its reference."""

from dataclasses import dataclass
from typing import ClassVar

from flows.language.wait import Exits, Wait

__all__ = ["FindBill"]


@dataclass(frozen=True, slots=True)
class FindBill(Wait):
    """The bill with this reference, put into `state.bill`."""

    reference: str

    label: ClassVar[str] = "find bill"
    brings: ClassVar[str | None] = "bill"

    @staticmethod
    def exits(
        *,
        payable: str,
        not_found: str,
        already_paid: str,
        being_paid: str,
        link_open: str,
        too_many_guesses: str,
        unavailable: str,
    ) -> "Exits[FindBill]":
        """`link_open`: the caller has a link for it that can still be paid; it is put into `state.link`."""
        return Exits(FindBill, locals())

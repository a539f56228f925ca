"""Who is calling, as the carrier says it: one person's number, or nobody we can know.

A caller's number is a hint and never a proof: anyone can forge it, so it opens nothing that the caller could
not also key.
"""

from dataclasses import dataclass

from ivr.platform.phone_numbers import PhoneNumber, Unreadable, read

WITHHELD = "withheld"
"""Under this name all withheld callers together are counted."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The person on the line, as far as the network tells."""

    number: str | None
    """E.164, the same for every form of their number: under it they are known and counted. None where it was
    withheld, is no number, or could be two."""
    can_text: bool = False
    """A mobile number, or one that may be a mobile: never a landline, never a withheld one."""
    dial: str | None = None
    """E.164 as the carrier dials and texts it; in some countries another form than `number`."""

    @property
    def withheld(self) -> bool:
        return self.number is None

    @property
    def counted_as(self) -> str:
        """The name under which this caller's guesses are counted."""
        return self.number or WITHHELD

    @staticmethod
    def is_withheld_by(given: str) -> bool:
        """Whether this is how a carrier tells of a withheld number, and not something mistyped."""
        found = read(given, "")
        return isinstance(found, Unreadable) and found.is_withheld

    @classmethod
    def of(cls, given: str, home_country: str) -> "Caller":
        """The caller of a carrier's From; `home_country` (ISO code) is that of numbers without a prefix."""
        found = read(given, home_country)
        if not isinstance(found, PhoneNumber):
            return cls(number=None)
        return cls(found.identity, found.can_text, found.dial)

"""What a Gather heard, read as keys: digits, `*` clears, `**` leaves, `#` ends.

What was heard is a Secret from the first moment. Characters that are no telephone key are dropped: a carrier
never sends them, and nobody else can sign.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateways.secret import Secret

_KEYS = frozenset("0123456789*#")
_HEARD_MAX = 64
"""Far past what a Gather of ours asks for; the rest is cut."""


@dataclass(frozen=True, slots=True)
class KeypadInput:
    """The keys of one Gather."""

    digits: Secret
    """Those behind the last star."""
    count: int
    """How many keys there were, stars too: a Gather that got all it asked for ended by that."""
    cleared: bool = False
    """A star was among them."""
    left: bool = False
    """Two stars in a row."""
    hashed: bool = False
    """`#` ended it."""
    star_last: bool = False

    @property
    def nothing(self) -> bool:
        """No key at all: silence, or (with `hashed`) a `#` alone."""
        return self.count == 0


def read(form: Mapping[str, Sequence[str]], *, star_before: bool) -> KeypadInput:
    """The keys in a webhook's form. `star_before`: the last Gather of this field ended with a star."""
    given = "".join(form.get("Digits", ())[:1])[:_HEARD_MAX]
    keys = "".join(key for key in given if key in _KEYS)
    before, hash_key, _ = keys.partition("#")
    _, star, tail = before.rpartition("*")
    left = "**" in before or (star_before and before.startswith("*"))
    return KeypadInput(
        digits=Secret(tail if star else before),
        count=len(before),
        cleared=bool(star),
        left=left,
        hashed=bool(hash_key) or list(form.get("FinishedOnKey", ())) == ["#"],
        star_last=bool(star) and not tail,
    )

"""Who pays with a card: a call, a caller's number as far as it is proven, and a bill.

The carrier's StirVerstat says what it could verify of the number (STIR and SHAKEN, so far mostly in North
America). A number whose check failed is forged. It is counted together with all forged numbers and not under
its own, so that a stranger cannot lock out its owner. A number that nobody vouches for is counted, and counts
more. If the carrier says nothing, as in most of the world, nothing follows from that.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from ivr.customers.caller import WITHHELD, Caller

UNPROVEN = "unproven"
"""All forged numbers together are counted under this name."""
SHARED = frozenset({WITHHELD, UNPROVEN})
VERSTAT_LENGTH_MAX = 40
_VERSTAT = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")


class Proof(Enum):
    """What the carrier says of a caller's number."""

    NOTHING_SAID = auto()
    PROVEN = auto()
    DOUBTFUL = auto()
    """Not signed, or signed by a gateway that does not know where the call comes from."""
    FORGED = auto()


def proof_of(verstat: str | None) -> Proof:
    """Reads StirVerstat: TN-Validation-Passed-A, -B or -C (a carrier that gives no letter means A),
    TN-Validation-Failed with or without a letter, No-TN-Validation; some have a suffix such as -Diverted.
    """
    given = (verstat or "").strip().lower()
    if given.startswith("tn-validation-failed"):
        return Proof.FORGED
    if given.startswith(("tn-validation-passed-c", "no-tn-validation")):
        return Proof.DOUBTFUL
    if given.startswith("tn-validation-passed"):
        return Proof.PROVEN
    return Proof.NOTHING_SAID


def verstat_to_keep(given: str | None) -> str | None:
    """The value to keep with the call; None if it does not look like one that a carrier sends."""
    word = (given or "").strip()
    fits = _VERSTAT.fullmatch(word) and len(word) <= VERSTAT_LENGTH_MAX
    return word if fits else None


@dataclass(frozen=True, slots=True)
class PayerIdentity:
    """Whom a card attempt is counted against."""

    bill_id: str
    call_id: str | None = None
    caller: str | None = None
    """E.164, `WITHHELD` or `UNPROVEN`; None: not by phone."""
    weight: int = 1


def by_phone(
    caller: Caller, verstat: str | None, *, call_id: str, bill_id: str, doubtful_weight: int
) -> PayerIdentity:
    """Who pays in this call."""
    proof = proof_of(verstat)
    name = UNPROVEN if proof is Proof.FORGED and not caller.withheld else caller.counted_as
    weight = doubtful_weight if proof is Proof.DOUBTFUL and name not in SHARED else 1
    return PayerIdentity(bill_id, call_id, name, weight)

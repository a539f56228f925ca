"""Lockouts: who may try no more cards for now."""

from datetime import datetime
from typing import Annotated, TypedDict

from ivr.platform.clock import rfc3339
from ivr.platform.lockout import Lockout, LockoutState
from ivr.web.api.documents.fields import Moment, moment


class LockoutDocument(TypedDict):
    id: str
    kind: Annotated[str, "What was counted by: call, caller, bill, breaker, card or bin."]
    subject: Annotated[str, "Masked: a number's last digits, the beginning of a card's keyed hash, an id."]
    state: LockoutState
    since: Moment
    until: Moment
    why: str
    call_id: Annotated[str | None, "The call in which it began."]
    lifted_at: Moment | None
    lifted_by: str | None


class LockoutsDocument(TypedDict):
    lockouts: list[LockoutDocument]
    complete: Annotated[bool, "False: the PCI process did not answer; those of cards and BINs are missing."]


def lockout_document(lockout: Lockout, now: datetime) -> LockoutDocument:
    return {
        "id": lockout.id,
        "kind": lockout.kind,
        "subject": lockout.shown,
        "state": lockout.state(now),
        "since": rfc3339(lockout.since),
        "until": rfc3339(lockout.until),
        "why": lockout.why,
        "call_id": lockout.call_id,
        "lifted_at": moment(lockout.lifted_at),
        "lifted_by": lockout.lifted_by,
    }

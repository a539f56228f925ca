"""The carrier's refusals of a text, by who can mend them.

Sources: twilio.com/docs/api/errors and /docs/messaging/guides/debugging-common-issues. A code that is in no
list is tried again for a while, and then waits for the operator: it may be new.
"""

from enum import StrEnum


class Mends(StrEnum):
    """Who can make a refused text go out."""

    NOBODY = "nobody"
    """It is the payer's number, or their wish: never sent again."""
    TIME = "time"
    OPERATOR = "operator"
    """The account, the sender or our settings: held until somebody sends it again by command."""
    UNKNOWN = "unknown"


_PAYER = frozenset({
    21211,  # no valid number
    21214,  # the number cannot be reached
    21217,  # no valid number
    21610,  # they replied STOP
    21614,  # no mobile phone
    21635,  # a landline
    30003,  # the handset cannot be reached
    30004,  # they block the sender
    30005,  # the number is in use no more
    30006,  # a landline, or a network without texts
})  # fmt: skip
_TIME = frozenset({
    10004,  # too many at once
    14107,  # the rate of texts
    20429,  # too many requests
    20503,  # the service is away
    21611,  # the sender's queue is full
    30001,  # the queue overflowed
    30017,  # the network is congested
    30022,  # the sender's rate
    30410,  # the network's answer timed out
    30500,  # the carrier's own fault
})  # fmt: skip
_OPERATOR = frozenset({
    20003, 20005, 20006, 20007, 20404,  # the account, its token or its permissions
    21212, 21603, 21606, 21607, 21659, 21660, 21661, 21712,  # the sender is none that may text
    21408, 21612,  # the country or the network is closed to this sender
    21608,  # a trial account texts verified numbers alone
    21609,  # the callback's address
    21602, 21605, 21617, 21619,  # the text itself
    21701, 21702, 21703, 21704, 21705,  # the messaging service
    30002,  # the account is suspended
    30007,  # filtered
    30010,  # dearer than the account allows
    30023, 30024, 30027, 30032, 30034,  # limits and registration of the sender
    90010,  # the account is not active
})  # fmt: skip
_TIME_STATUS = frozenset({408, 425, 429, 503})
_OPERATOR_STATUS = frozenset({401, 402, 403, 404})


def who_mends(code: int, status: int | None = None) -> Mends:
    """By the carrier's own code; by the HTTP status where it gave none (`code` 0, or the status again)."""
    for codes, mends in ((_PAYER, Mends.NOBODY), (_TIME, Mends.TIME), (_OPERATOR, Mends.OPERATOR)):
        if code in codes:
            return mends
    if code in {0, status}:
        if status in _TIME_STATUS:
            return Mends.TIME
        if status in _OPERATOR_STATUS:
            return Mends.OPERATOR
    return Mends.UNKNOWN


def mends_of(error_code: str | None) -> Mends:
    """The same, of a code as it is kept."""
    return who_mends(int(error_code)) if error_code and error_code.isdigit() else Mends.UNKNOWN

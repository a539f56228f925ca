"""The carrier's refusals of a text, by what has to change before it can go out.

The carrier says them in its answer, or later in the status callback. Source: twilio.com/docs/api/errors, one
page a code, and its changelog of July 2024, which split 21211, 21212, 21606 and 21614. A code that is in no
list is tried again for a while, and then waits for the operator: it may be new.
"""

from enum import StrEnum


class Refusal(StrEnum):
    """What has to change before a refused text can go out."""

    PERMANENT = "nobody"
    """It is the payer's number, or their wish: never sent again."""
    TEMPORARY = "time"
    NEEDS_OPERATOR = "operator"
    """The account, the sender or our settings: held until somebody sends it again by command."""
    UNKNOWN = "unknown"


# Errors 21211 to 21635 and 30004 to 30006: the pages say to check the number, or not to send to it again.
_PAYER = frozenset({
    21211, 21214, 21217,  # no valid number, or one that cannot be reached
    21265, 21266, 21268,  # a short code, our own sender, a premium or information number
    21610, 30630,  # they replied STOP
    21614, 21635, 30006,  # a landline, or no mobile phone
    30004,  # they, or their network for them, block the sender
    30005,  # the number is in use no more
    30640,  # known for suing senders
    63003, 63014, 63024, 63031, 63032, 63033,  # of WhatsApp and RCS: not there, blocked, opted out, our own
})  # fmt: skip
# The pages say to wait, to slow down or to try again: queues, rates, daily caps, faults of the carrier's own.
_TIME = frozenset({
    10004,  # too many at once
    14107,  # too many to one number within half a minute
    20429, 20503, 20504,  # too many requests; the service is away
    21611, 30001, 30036,  # the sender's queue is full, or the text waited too long in it
    21702, 21730,  # the messaging service is not available; maintenance
    30003, 30046,  # the handset is off or out of reach; it did not say that it has the text
    30017, 30410,  # the network is congested, or did not answer in time
    30020, 30021, 30500,  # the carrier's own fault
    30022, 30023, 30027, 63038,  # the rate, or the day's number of texts
    30035,  # the sender's number is being registered, for a day at most
    30450, 30453,  # taken for fraud: blocked for half an hour, or for hours
    30610, 30615,  # quiet hours where the payer is
    63009, 63010, 63012, 63017, 63018, 63036,  # of WhatsApp and RCS: faults and rates; out of reach now
})  # fmt: skip
# The pages name the account, the sender, the service or the text, or say to ask the carrier's support.
_OPERATOR = frozenset({
    10001, 10002, 20005, 20010, 20403, 30002, 30037, 90010,  # the account is not active, or may not text
    20003, 20006, 20008, 20011, 20012, 20404, 20426,  # who we are: account, token, permissions, TLS
    20422, 21602, 21604, 21605, 21609, 21617, 21619, 30019, 90007,  # what we ask for
    21212, 21264, 21401, 21407, 21601, 21603, 21606, 21616, 21657, 21659, 21660, 21661, 63007,  # the sender
    21607, 21608, 21267, 30044, 30454,  # what a trial account may not
    21408, 21612, 30018, 30024, 30040, 30041, 30042, 30043,  # the country or its networks, for this sender
    21701, 21703, 21704, 21705, 21708, 21709, 21711, 21712, 21713, 21715,  # the messaging service
    21618, 30007, 30038,  # the text is filtered
    30010,  # dearer than the account allows
    30032, 30033, 30034,  # the sender's registration in the USA
    21666, 21667, 63001, 63002, 63008, 63015, 63020, 63022, 63035, 63051,  # a sender of WhatsApp or RCS
    63005, 63006, 63013, 63016, 63019, 63021, 63025, 63026, 63027, 63028, 63029, 63030, 63040, 63041, 63042,
    63049, 63052,  # the text, for those channels: its template, its window, their policy
})  # fmt: skip
_TIME_STATUS = frozenset({408, 425, 429, 503})
_OPERATOR_STATUS = frozenset({401, 402, 403, 404})


def kind_of_refusal(code: int, status: int | None = None) -> Refusal:
    """By the carrier's own code; by the HTTP status where it gave none (`code` 0, or the status again)."""
    for codes, kind in (
        (_PAYER, Refusal.PERMANENT),
        (_TIME, Refusal.TEMPORARY),
        (_OPERATOR, Refusal.NEEDS_OPERATOR),
    ):
        if code in codes:
            return kind
    if code in {0, status}:
        if status in _TIME_STATUS:
            return Refusal.TEMPORARY
        if status in _OPERATOR_STATUS:
            return Refusal.NEEDS_OPERATOR
    return Refusal.UNKNOWN


def kind_of_stored_code(error_code: str | None) -> Refusal:
    """The same, of a code as it is stored."""
    return kind_of_refusal(int(error_code)) if error_code and error_code.isdecimal() else Refusal.UNKNOWN

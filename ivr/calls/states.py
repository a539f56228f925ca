"""Whether a call goes on. The words in quotes stand in the database: they are never renamed."""

from enum import StrEnum


class CallStatus(StrEnum):
    """The status of a call."""

    ACTIVE = "active"
    ENDED = "ended"

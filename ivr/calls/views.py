"""What other packages may read of calls."""

from ivr.calls import tables
from ivr.platform.database.metadata import view

call = view(tables.call, "id", "call_sid", "status", "to_number")

IS_ACTIVE = call.c.status == tables.CallStatus.ACTIVE
"""The caller is on the line."""

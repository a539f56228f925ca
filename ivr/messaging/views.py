"""What other packages may read of messages."""

from ivr.messaging import tables
from ivr.platform.database.metadata import view

confirmation = view(tables.confirmation, "attempt_id", "purpose", "channel", "recipient", "state", "sent_at")

"""What other packages may read of disputes and payouts."""

from ivr.finance import tables
from ivr.platform.database.metadata import view

dispute = view(tables.dispute, "gateway", "reference", "charge_reference", "attempt_id")
payout = view(tables.payout, "id", "gateway")
payout_line = view(tables.payout_line, "payout_id", "attempt_id", "charge_reference", "source_reference")

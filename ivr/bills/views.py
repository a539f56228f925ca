"""What other packages may read of bills."""

import sqlalchemy as sa

from ivr.bills import tables
from ivr.platform.database.metadata import view

bill = view(tables.bill, "id", "reference", "currency", "withdrawn", "said_elsewhere_minor")

OVER_BY_ITS_SOURCE = sa.or_(bill.c.withdrawn, bill.c.said_elsewhere_minor.is_not(None))
"""The bill is withdrawn, or its source's word waits: links for it are to be closed."""

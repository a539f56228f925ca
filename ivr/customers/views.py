"""What other packages may read of customers."""

from ivr.customers import tables
from ivr.platform.database.metadata import view

customer = view(tables.customer, "id", "phone")

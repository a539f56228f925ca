"""What other packages may read of customers."""

from ivr.customers import tables
from ivr.platform.database.views import view

customer = view(tables.customer, "id", "phone")

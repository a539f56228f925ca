"""What the API's JSON looks like, as JSON Schema 2020-12: the component schemas of the OpenAPI document.

A test holds every answer against these, field by field. To programs they are open: an answer may have more
fields in a later release.
"""

from ivr.web.api.schemas import bills, cards, finance, office, payments, webhooks
from ivr.web.api.schemas.terms import Schema

SCHEMAS: dict[str, Schema] = {
    **bills.SCHEMAS,
    **payments.SCHEMAS,
    **finance.SCHEMAS,
    **cards.SCHEMAS,
    **office.SCHEMAS,
    **webhooks.SCHEMAS,
}

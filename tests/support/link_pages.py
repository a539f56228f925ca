"""Links as the tests of the payer's pages need them: the token of one that is open, and of each that is over.

A token is looked up in the database, as no page ever tells it.
"""

import sqlalchemy as sa

from ivr.payments.attempts import store as records
from ivr.payments.links import store as pay_link
from tests.support import schema
from tests.support.fake_gateway import Fate
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices

HOUR_S = 3600
OVER = ("never was", "not open yet", "closing", "closed", "past, and nobody looked", "expired", "lost")


def token_of(services: PaymentServices, attempt_id: str) -> str:
    with services.engine.begin() as tx:
        link = pay_link.of(tx, records.get(tx, attempt_id))
    assert link is not None
    return link.token.reveal()


def speak_spanish(services: PaymentServices) -> None:
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(language="es"))


def over(services: PaymentServices, bank: LinkGateway, how: str) -> str:
    """A token that leads nowhere."""
    if how == "never was":
        return "0" * 26
    if how == "lost":
        bank.fates.append(Fate.NEVER_ARRIVES)
    attempt_id = services.linked()
    if how == "not open yet":
        return token_of(services, attempt_id)
    services.run_due()
    if how == "closing":
        services.close_link(attempt_id)
    if how == "closed":
        services.close_link(attempt_id)
        services.run_due()
    if how == "past, and nobody looked":
        services.clock.advance(HOUR_S + 60)
    if how in {"expired", "lost"}:
        services.pass_time(2 * HOUR_S)
    return token_of(services, attempt_id)

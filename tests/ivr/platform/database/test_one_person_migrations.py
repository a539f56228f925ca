"""A database of an earlier release with customers of withheld callers, and with two customers for one number:
what belongs to nobody is given up, and every payment under way comes through.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from ivr.doctor import internal_checks as inside
from ivr.doctor.checks import FaultError
from ivr.jobs.job_list import OPEN_LINK
from ivr.messaging.states import MessageState
from ivr.payments.attempts.states import State
from ivr.payments.saved_cards import store as card_records
from ivr.payments.saved_cards.store import CardState
from ivr.platform.database.engine import make_engine, reading
from ivr.platform.database.migrations import can_serve, migrate
from tests.releases.snapshot import copy_rows
from tests.support import schema
from tests.support.databases import Databases
from tests.support.fake_gateway import Fate
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices
from tests.support.saving_gateway import PHONE, SavingGateway, agree, kept
from tests.support.time_and_ids import ManualClock

pytestmark = pytest.mark.postgres

RESTRICTED, LOCAL = "+17378742833", "+15550123"
BEFORE = "0009"


class Bank(LinkGateway, SavingGateway):
    """It has pages and keeps cards."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.capabilities = replace(self.capabilities, saves_cards=True)


@pytest.fixture
def released(request: pytest.FixtureRequest, engine: sa.Engine, databases: Databases) -> Iterator[sa.Engine]:
    """An empty database at the schema of the last release."""
    url = databases.at(engine.dialect.name.replace("postgresql", "postgres"), BEFORE)
    made = make_engine(url)
    yield made
    made.dispose()
    databases.drop(url)


def change(engine: sa.Engine, table: sa.Table, which: str, **values: Any) -> None:
    with engine.begin() as tx:
        tx.execute(table.update().where(table.c.id == which).values(**values))


def under(engine: sa.Engine, number: str, *ids: str) -> None:
    """These attempts, and their calls, are of this number."""
    attempt, call = schema.attempt, schema.call
    with engine.begin() as tx:
        tx.execute(attempt.update().where(attempt.c.id.in_(ids)).values(payer_phone=number))
        calls = sa.select(attempt.c.call_id).where(attempt.c.id.in_(ids))
        tx.execute(call.update().where(call.c.id.in_(calls)).values(from_number=number))


def column(engine: sa.Engine, of: sa.Column[Any], **where: Any) -> list[Any]:
    """Its values, sorted."""
    query = sa.select(of).where(*(of.table.c[name] == value for name, value in where.items()))
    with reading(engine) as tx:
        return sorted(tx.execute(query).scalars(), key=str)


def is_nobodys(released: sa.Engine, number: str) -> None:
    """Nothing lets anybody in under this number, and no text leaves for it; what is another's stands."""
    assert column(released, schema.customer.c.language, phone=number) == [None]
    assert column(released, schema.customer.c.language, phone=PHONE) == ["es"]
    assert column(released, schema.guess.c.caller) == [PHONE]
    for of in (schema.bill.c.payer_phone, schema.call.c.from_number, schema.attempt.c.payer_phone):
        assert number not in column(released, of)
    assert PHONE in column(released, schema.bill.c.payer_phone)
    assert column(released, schema.confirmation.c.state, recipient=number) == [
        MessageState.DELIVERED,
        MessageState.FAILED,
    ]
    assert set(column(released, schema.confirmation.c.state, recipient=PHONE)) == {MessageState.QUEUED}


@pytest.mark.slow
@pytest.mark.parametrize("number", [RESTRICTED, LOCAL])
def test_what_was_kept_of_withheld_callers_is_given_up(
    engine: sa.Engine, released: sa.Engine, clock: ManualClock, number: str
) -> None:
    bank = Bank(clock)
    before = PaymentServices(engine, clock=clock, bank=bank)
    card, mine = kept(before, phone=number), kept(before, "tok_mine")
    agreed = agree(before, "tok_agreed", phone=number, last_four="1881")
    open_link, promised = before.linked(), before.linked()
    bank.fates.append(Fate.ANSWERED)
    before.run(next(one for one in before.work.waiting() if one.subject_id == open_link))
    bank.fates.append(Fate.LOST_REPLY)
    unknown = before.confirmed(call_id=before.begin_call())
    before.run(next(one for one in before.work.waiting() if one.subject_id == unknown))
    assert [before.state(one) for one in (agreed, open_link, promised, unknown)] == [
        State.RESERVED, State.LINK_OPEN, State.RESERVED, State.UNKNOWN,
    ]  # fmt: skip
    under(engine, number, agreed, open_link, promised, unknown)
    with engine.begin() as tx:
        tx.execute(schema.customer.update().values(language="es"))
        for phone in (number, PHONE):
            tx.execute(schema.guess.insert().values(caller=phone, at=clock.now()))
        tx.execute(schema.confirmation.update().values(recipient=PHONE, state=MessageState.QUEUED))
        queued = schema.confirmation.update().where(schema.confirmation.c.attempt_id == open_link)
        tx.execute(queued.values(recipient=number))
        sent = schema.confirmation.update().where(schema.confirmation.c.attempt_id == card.attempt_id)
        tx.execute(sent.values(recipient=number, state=MessageState.DELIVERED))
    change(engine, schema.bill, before.attempt(unknown).bill_id, payer_phone=number)
    change(engine, schema.bill, before.attempt(agreed).bill_id, payer_phone=PHONE)
    copy_rows(engine, released)

    migrate(released)
    with reading(released) as tx:
        assert can_serve(tx)
        assert card_records.get(tx, card.id).state is CardState.FORGETTING
        assert card_records.get(tx, mine.id).state is CardState.KEPT
        unsent = card_records.of_attempt(tx, agreed)
        assert unsent is not None
        assert (unsent.state, unsent.token) == (CardState.FORGOTTEN, None)
        assert card_records.to_offer(tx, number, "bank", call_id="", now=clock.now()) is None
    is_nobodys(released, number)
    forgotten = column(released, schema.timeline.c.facts, kind="card.forgotten")
    assert {one["card_id"] for one in forgotten} == {
        card.id,
        *column(released, schema.saved_card.c.id, attempt_id=agreed),
    }

    after = PaymentServices(released, clock=clock, bank=bank, ids=before.ids)
    assert bank.pay(open_link)
    after.handlers[OPEN_LINK](promised, 1)
    for _ in range(3):
        clock.advance(3600)
        after.payments.sweep()
        after.run_due()
    assert [after.state(one) for one in (open_link, unknown)] == [State.APPROVED, State.APPROVED]
    assert after.state(promised) is State.ABANDONED, "no page is opened for nobody"
    assert after.state(agreed) is State.ABANDONED
    assert bank.forgotten == {"tok_good"}
    with reading(released) as tx:
        assert card_records.get(tx, card.id).state is CardState.FORGOTTEN
        assert card_records.of_phone(tx, number) == []
        assert [one.id for one in card_records.of_phone(tx, PHONE)] == [mine.id]


@pytest.mark.slow
def test_two_customers_become_one_where_neither_has_a_card(
    engine: sa.Engine, released: sa.Engine, clock: ManualClock
) -> None:
    services = PaymentServices(engine, clock=clock, bank=SavingGateway())
    kept(services, phone="+5491123456781")  # alone: its owner calls in either form from now on
    twins = {"+541123456782": "en", "+5491123456782": "es", "+551187654321": None, "+5511987654321": "es"}
    with_a_card = {"+541123456783": None, "+5491123456783": "en"}
    with engine.begin() as tx:
        for phone, language in {**twins, "+551187654322": "es", PHONE: "en"}.items():
            clock.advance(1)
            new = {"phone": phone, "language": language, "created_at": clock.now(), "updated_at": clock.now()}
            tx.execute(schema.customer.insert().values(id=f"customer_{phone}", **new))
            tx.execute(
                schema.timeline.insert().values(
                    at=clock.now(), kind="call.began", customer_id=f"customer_{phone}", facts={}
                )
            )
        for number, phone in ((1, "+541123456782"), (1, "+5491123456782"), (2, "+5491123456782")):
            row = {"since": clock.now(), "until": clock.now(), "why": "", "kind": "caller"}
            tx.execute(
                schema.lockout.insert().values(id=f"{phone}.{number}", subject=phone, number=number, **row)
            )
        tx.execute(schema.guess.insert().values(caller="+5491123456782", at=clock.now()))
    for phone, token in zip(with_a_card, ("tok_1", "tok_2"), strict=True):
        kept(services, token, phone=phone)
    copy_rows(engine, released)

    migrate(released)
    customer = schema.customer.c
    assert column(released, customer.phone) == sorted(
        ["+541123456781", "+541123456782", "+5511987654321", "+5511987654322", PHONE, *with_a_card]
    )
    assert column(released, customer.language, phone="+541123456782") == ["es"], "as it was said last"
    assert column(released, customer.language, phone="+5511987654321") == ["es"]
    assert len(column(released, schema.timeline.c.id, customer_id="customer_+541123456782")) == 2
    assert column(released, schema.guess.c.caller) == ["+541123456782"]
    assert column(released, schema.lockout.c.number, subject="+541123456782") == [1, 2, 3]
    with reading(released) as tx:
        offered = {
            phone: card_records.to_offer(tx, phone, "bank", call_id="", now=clock.now())
            for phone in ("+541123456781", *with_a_card)
        }
        assert all(card is not None and card.phone == phone for phone, card in offered.items())
        listed = card_records.of_phone(tx, "+541123456783")
        assert {one.phone for one in listed} == set(with_a_card)
    with pytest.raises(FaultError, match=r"one has a saved card: \+5491123456783\."):
        inside.no_customer_stands_twice(released)
    migrate(released)
    with released.begin() as tx:
        tx.execute(schema.saved_card.delete())
        tx.execute(schema.timeline.delete())
        tx.execute(schema.customer.delete().where(customer.phone == "+5491123456783"))
    assert inside.no_customer_stands_twice(released)

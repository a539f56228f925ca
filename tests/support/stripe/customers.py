"""Customers, whom cards are saved for: https://docs.stripe.com/api/customers.

Deleting one lets go of its cards. A deleted one answers as such to whoever asks, and pays no more.
"""

from typing import TYPE_CHECKING

from tests.support.stripe import methods
from tests.support.stripe.errors import missing_object
from tests.support.stripe.lists import listed, matching
from tests.support.stripe.wire import Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount

_GIVEN = ("description", "email", "name", "phone", "preferred_locales", "address", "shipping")


def create(account: "StripeAccount", params: Thing) -> Thing:
    customer = account.new(
        "cus",
        "customer",
        balance=0,
        default_source=None,
        delinquent=False,
        invoice_settings={"default_payment_method": None},
        metadata=dict(params.get("metadata") or {}),
        **{name: params.get(name) for name in _GIVEN},
    )
    account.tell("customer.created", customer)
    return customer


def retrieve(account: "StripeAccount", customer_id: str, params: Thing) -> Thing:
    return account.find("customer", customer_id, "customer", in_path=True)


def delete(account: "StripeAccount", customer_id: str, params: Thing) -> Thing:
    customer = account.find("customer", customer_id, "customer", in_path=True)
    if customer.get("deleted"):
        raise missing_object("customer", customer_id, "customer", in_path=True)
    for method in matching(account.of("payment_method"), {"customer": customer_id}, "customer"):
        methods.let_go(account, method)
    account.tell("customer.deleted", customer)
    gone = {"id": customer_id, "object": "customer", "deleted": True}
    account.keep(gone)
    return gone


def list_all(account: "StripeAccount", params: Thing) -> Thing:
    living = [one for one in account.of("customer") if not one.get("deleted")]
    return listed("/v1/customers", matching(living, params, "email"), params)

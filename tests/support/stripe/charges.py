"""Charges and events, read: https://docs.stripe.com/api/charges, https://docs.stripe.com/api/events.

Both are made elsewhere: a charge by an attempt to charge, an event by whatever happens.
"""

from typing import TYPE_CHECKING

from tests.support.stripe.lists import listed, matching
from tests.support.stripe.wire import Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount


def retrieve(account: "StripeAccount", charge_id: str, params: Thing) -> Thing:
    return account.find("charge", charge_id, "charge", in_path=True)


def list_all(account: "StripeAccount", params: Thing) -> Thing:
    return listed("/v1/charges", matching(account.of("charge"), params, "payment_intent", "customer"), params)


def retrieve_event(account: "StripeAccount", event_id: str, params: Thing) -> Thing:
    return account.find("event", event_id, "id", in_path=True)


def list_events(account: "StripeAccount", params: Thing) -> Thing:
    wanted = set(params.get("types", [])) | ({params["type"]} if "type" in params else set())
    told = [event for event in account.of("event") if not wanted or event["type"] in wanted]
    return listed("/v1/events", told, params)

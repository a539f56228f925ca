"""No door breaks on a value: whatever is sent, the answer is a refusal or a success, never a 500."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from gateways.http_client import HttpResponse
from gateways.sandbox import webhooks as of_sandbox
from ivr.bills import store
from ivr.integrations.bill_lookup import MerchantBill, MerchantLookup
from ivr.platform.clock import SystemClock
from ivr.web.api import keys
from tests.support import hostile_values
from tests.support.carrier_signature import signed_headers
from tests.support.hostile_values import addresses, send_hostile
from tests.support.phone import ACCOUNT_SID, AUTH_TOKEN, CALLER, WEB
from tests.support.server import ENGLISH, REFERENCE, WEBHOOK_SECRET, Server
from tests.support.time_and_ids import ManualClock, SequentialIds

pytestmark = pytest.mark.slow

Start = Callable[..., Server]
BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
STRICT = pytest.mark.parametrize("kind", ["postgres"])
"""PostgreSQL refuses more texts than SQLite does; SQLite alone refuses great integers."""
SID = "CA" + "1" * 32
CARRIERS = {"CallSid": SID, "AccountSid": ACCOUNT_SID}
FORM = {
    **CARRIERS,
    "From": CALLER,
    "To": ENGLISH,
    "CallStatus": "in-progress",
    "Digits": "1",
    "FinishedOnKey": "#",
    "DialCallStatus": "completed",
    "StirVerstat": "TN-Validation-Passed-A",
    "ErrorCode": "11200",
    "Result": "success",
    "PaymentToken": "tok_1",
    "PaymentCardNumber": "xxxx4242",
    "PaymentCardType": "visa",
    "ExpirationDate": "0931",
    "For": "payment-card-number",
    "Attempt": "1",
    "ErrorType": "timeout",
    "Required": "payment-card-number",
    "MessageSid": "SM" + "1" * 32,
    "MessageStatus": "sent",
}
BILL = {
    "reference": REFERENCE,
    "amount": "49.90",
    "amount_minor": 4990,
    "currency": "EUR",
    "minimum": "10.00",
    "minimum_minor": 1000,
    "due_date": "2027-01-31",
    "phone": "+34600111222",
    "paid_elsewhere": "0.00",
    "paid_elsewhere_minor": 0,
    "status": "open",
}
QUERIES = (
    *(
        "/api/v1/payments?since",
        "/api/v1/payments?cursor",
        "/api/v1/payments?limit",
        "/api/v1/lockouts?which",
    ),
    *("/pay/a?left", "/receipt/a?done"),
)


def bills() -> Iterator[bytes]:
    """Of an amount, one form is left out: else it is given twice, and read no further."""
    for kept in ("amount", "amount_minor"):
        left_out = {"amount", "amount_minor", "minimum", "paid_elsewhere"} - {kept}
        if kept == "amount":
            left_out = {"amount_minor", "minimum_minor", "paid_elsewhere_minor"}
        yield from hostile_values.bodies(
            {name: value for name, value in BILL.items() if name not in left_out}
        )


@STRICT
def test_no_door_of_web_breaks(start_server: Start, kind: str) -> None:
    server = start_server(kind)
    server.expected |= {"carrier_fallback", "pay_answer_unusable", "pay_failed"}
    server.add_bill()
    bearer = _bearer(server)
    app = server.web
    for method, path in addresses(app):
        send_hostile(
            app, method, path, headers={**bearer, **signed_headers(AUTH_TOKEN, WEB + path, FORM)}, data=FORM
        )
    for address in QUERIES:
        for value in hostile_values.IN_A_PATH:
            send_hostile(app, "GET", f"{address}={value}", headers=bearer)
            send_hostile(app, "GET", f"{address.partition('?')[0]}?{value}", headers=bearer)
    for path in ("/api/v1/payments", "/pay/a", "/metrics"):
        for name in ("Authorization", "Accept-Language", "Host", "Content-Type", "Cookie"):
            for value in hostile_values.HEADERS:
                send_hostile(app, "GET", path, headers={**bearer, name: value})
    for value in hostile_values.HEADERS:
        path = "/api/v1/payments/10000001/refunds"
        send_hostile(app, "POST", path, json={}, headers={**bearer, "Idempotency-Key": value})


@BOTH
def test_no_body_breaks_the_api(start_server: Start, kind: str) -> None:
    server = start_server(kind)
    bearer, app = _bearer(server), server.web
    for body in bills():
        send_hostile(app, "POST", "/api/v1/bills", data=body, content_type="application/json", headers=bearer)
    listed = b"[" + b",".join(body for body in bills() if len(body) < 1000) + b"]"
    send_hostile(app, "POST", "/api/v1/bills", data=listed, content_type="application/json", headers=bearer)
    for path, template in (
        ("/api/v1/payments/10000001/refunds", {"amount_minor": 1}),
        ("/api/v1/payments/10000001/refunds", {"amount": "1.00"}),
        ("/api/v1/cards/search", {"phone": "+34600111222"}),
    ):
        for body in hostile_values.bodies(template):
            send_hostile(app, "POST", path, data=body, content_type="application/json", headers=bearer)


def _bearer(server: Server) -> dict[str, str]:
    with server.on.engine.begin() as tx:
        _, token = keys.make(tx, "hostile", clock=server.clock, ids=server.ids)
    return {"Authorization": f"Bearer {token.reveal()}", "Idempotency-Key": "k"}


@STRICT
def test_no_signed_webhook_breaks_web(start_server: Start, kind: str) -> None:
    server = start_server(kind)
    server.expected |= {"carrier_fallback", "pay_answer_unusable", "pay_failed"}
    server.add_bill()
    app = server.web
    paths = [
        "/voice/incoming",
        "/voice/call_1/t/1",
        "/voice/call_1/pay/1",
        "/voice/status",
        "/voice/fallback",
    ]
    paths += ["/voice/call_1/trouble/1/1", "/voice/call_1/person", "/messages/status?c=msg_1"]
    for path in paths:
        forms = [{**dict.fromkeys(FORM, value), **CARRIERS} for value in hostile_values.TEXTS]
        if path in {"/voice/incoming", "/voice/call_1/t/1"}:
            forms += [{**FORM, name: value} for name in FORM for value in hostile_values.TEXTS[::3]]
        for form in forms:
            send_hostile(app, "POST", path, data=form, headers=signed_headers(AUTH_TOKEN, WEB + path, form))
        for value in hostile_values.IN_A_PATH:
            asked = f"{path.partition('?')[0]}?c={value}&troubles={value}&waits={value}"
            send_hostile(app, "POST", asked, data=FORM, headers=signed_headers(AUTH_TOKEN, WEB + asked, FORM))
    now = SystemClock().now()
    for body in hostile_values.bodies({"id": "evt_1", "type": "link.paid", "key": "att_1"}):
        headers = {of_sandbox.HEADER: of_sandbox.sign(WEBHOOK_SECRET, body, now)}
        send_hostile(app, "POST", "/gateways/sandbox/webhook", data=body, headers=headers)
    for value in (
        *hostile_values.HEADERS,
        f"t={hostile_values.LONG_NUMBER},v1={'0' * 64}",
        f"t=999999999999,v1={'0' * 64}",
    ):
        send_hostile(app, "POST", "/gateways/sandbox/webhook", data=b"{}", headers={of_sandbox.HEADER: value})


def test_no_answer_of_the_merchants_breaks_a_look_up(
    engine: sa.Engine, clock: ManualClock, ids: SequentialIds
) -> None:
    said: list[bytes] = []
    lookup = MerchantLookup(lambda *_: HttpResponse(200, said[-1]), "ES", clock)
    for body in bills():
        said.append(body)
        answer = lookup.ask(REFERENCE, "lookup_1")
        if isinstance(answer, MerchantBill):
            with engine.begin() as tx:
                store.upsert(tx, answer.bill, "lookup", clock=clock, ids=ids)

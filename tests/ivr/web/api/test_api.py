"""The API as a merchant's program meets it; `ApiClient` holds every answer against the OpenAPI document."""

from dataclasses import replace
from typing import Any

import flask
import pytest
from jsonschema import Draft202012Validator, ValidationError
from structlog.testing import capture_logs

from ivr.messaging import messages
from ivr.messaging import templates as texts
from ivr.messaging.messages import Purpose
from ivr.messaging.states import MessageEvent
from ivr.messaging.templates import ReceiptText
from ivr.web.api import keys
from ivr.web.api.blueprint import ROOT
from ivr.web.api.openapi import DOCUMENT
from tests.ivr.web.api.conftest import mounted
from tests.support.api_client import ApiClient, check
from tests.support.approved_payment import approved_attempt
from tests.support.payment_services import PaymentServices
from tests.support.schema import bill

BILL = {"reference": "55555555", "amount": "49.90", "currency": "EUR", "phone": "+34600123456"}


def test_a_bill_that_is_too_small_for_the_gateway_is_stored_with_a_word(
    services: PaymentServices, api: ApiClient, app: flask.Flask
) -> None:
    services.bank.capabilities = replace(
        services.bank.capabilities, minimum_amounts={"EUR": 50}, maximum_amounts={"EUR": 9_999_999}
    )
    small = {**BILL, "amount": "0.49"}
    assert "warning" not in api.post("/bills", small).json
    to_fussy = ApiClient(mounted(services), api.token, set())
    assert (
        "at least 0.50 EUR: callers cannot pay this bill." in to_fussy.post("/bills", small).json["warning"]
    )
    [listed] = to_fussy.post("/bills/batch", {"bills": [small]}).json["results"]
    assert (listed["result"], "0.50 EUR" in listed["warning"]) == ("unchanged", True)
    part = to_fussy.post("/bills", {**BILL, "minimum": "0.49"}).json
    assert "cannot pay less at once" in part["warning"]
    large = to_fussy.post("/bills", {**BILL, "amount": "100000.00"}).json
    assert "at most 99999.99 EUR at once" in large["warning"]
    assert "warning" not in to_fussy.post("/bills", BILL).json


# Who may ask ---


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer pbc_",
        "Bearer pbc_wrong",
        "Basic cGJjOg==",
        "bearer pbc_\udcff",
        "Bearer " + "p" * 9_000,
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/payments"), ("POST", "/bills"), ("GET", "/bills/1")])
def test_nobody_without_a_key(api: ApiClient, header: str, method: str, path: str) -> None:
    answer = api.send(
        method, path, headers={"Authorization": header.encode("latin-1", "replace").decode("latin-1")}
    )
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_revoked_key_is_refused_at_once(api: ApiClient, services: PaymentServices) -> None:
    assert api.get("/payments").status_code == 200
    with services.engine.begin() as tx:
        [key] = keys.every(tx)
        keys.revoke(tx, key.id, clock=services.clock)
    assert api.get("/payments").status_code == 401


def test_a_key_is_checked_before_a_body_is_read(api: ApiClient) -> None:
    api.token = "pbc_wrong"
    assert api.send("POST", "/bills", data=b"x" * 2_000_000).status_code == 401


# What a fault looks like ---


def test_paths_and_methods_that_are_not(api: ApiClient, app: flask.Flask) -> None:
    assert api.get("/nothing").json["code"] == "not_found"
    assert api.send("DELETE", "/bills").json["code"] == "method_not_allowed"
    assert api.send("DELETE", "/bills").headers["Allow"] == "GET, HEAD, POST"
    assert api.send("OPTIONS", "/bills").status_code == 405
    assert api.send("FOO", "/payments").status_code == 405
    anyone = app.test_client()
    assert anyone.get("/api/v2/bills").content_type == "application/problem+json"
    assert anyone.get("/elsewhere").text == "ours"
    assert anyone.get("/nowhere").text == "refused elsewhere"
    assert anyone.post("/elsewhere").text == "refused elsewhere"


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b'{"reference"', "application/json", 400),
        (b"", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"amount_minor": NaN}', "application/json", 400),
        (b'{"amount_minor": 100, "\\u0061mount_minor": 200}', "application/json", 400),
        (b'[{"currency": "EUR", "amount": "1", "amount": "1"}]', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b'"' + b"x" * 1_000_001 + b'"', "application/json", 413),
        (b"null", "application/json", 422),
        (b'"bill"', "application/json", 422),
        (b"{}", "application/json", 422),
    ],
)
def test_bodies_that_cannot_be_read(api: ApiClient, data: bytes, content_type: str, status: int) -> None:
    assert api.send("POST", "/bills", data=data, content_type=content_type).status_code == status


def test_a_bug_is_a_problem_and_is_logged_without_the_body(
    api: ApiClient, services: PaymentServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("ivr.bills.store.upsert_all", bug)
    with capture_logs() as logs:
        answer = api.post("/bills", BILL)
    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    assert [one["event"] for one in logs] == ["api_request_failed"]
    assert "600123456" not in repr({name: value for name, value in logs[0].items() if name != "exc_info"})


# Bills in ---


def test_a_bill_is_new_then_the_same_then_changed(api: ApiClient) -> None:
    new = api.post("/bills", BILL)
    assert (new.status_code, new.json["result"], new.json["bill"]["payable_minor"]) == (201, "added", 4990)
    same = api.post("/bills", BILL)
    assert (same.status_code, same.json["result"]) == (200, "unchanged")
    changed = api.post("/bills", {**BILL, "amount": "59.90", "due_date": "2026-12-24", "status": "withdrawn"})
    assert (changed.status_code, changed.json["result"]) == (200, "changed")
    assert api.get("/bills/55555555").json == changed.json["bill"]
    assert (changed.json["bill"]["status"], changed.json["bill"]["payable_minor"]) == ("withdrawn", 0)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"reference": 55555555}, "reference"),
        ({"amount": 49.9}, "amount"),
        ({"amount": None, "amount_minor": 4990.0}, "amount_minor"),
        ({"amount": None, "amount_minor": 10**30}, "amount_minor"),
        ({"amount": None, "amount_minor": 2**62}, "amount"),
        ({"amount": "1.000"}, "amount"),
        ({"amount": "49,90"}, "amount"),
        ({"amount": "49.900"}, "amount"),
        ({"minimum": "1.000"}, "minimum"),
        ({"paid_elsewhere": "1.000"}, "paid_elsewhere"),
        ({"currency": "XXX"}, "currency"),
        ({"amount_minor": 4990}, "amount"),
        ({"due": "2026-12-24"}, "due"),
        ({"reference": "' OR 1=1"}, "reference"),
    ],
)
def test_a_bad_bill_names_its_field(api: ApiClient, changed: dict[str, Any], field: str) -> None:
    answer = api.post("/bills", {**BILL, **changed})
    assert (answer.status_code, answer.json["field"]) == (422, field)


def test_an_unreadable_optional_field_is_skipped_with_a_warning(api: ApiClient) -> None:
    odd = {**BILL, "phone": "unknown", "due_date": "2026-12-24T00:00:00Z"}
    single = api.post("/bills", odd).json
    [listed] = api.post("/bills/batch", {"bills": [odd]}).json["results"]
    for answer in (single, listed):
        assert (answer["bill"]["phone"], answer["bill"]["due_date"]) == (None, None)
        assert "without its due_date, which must be a date" in answer["warning"]
        assert "without its phone, which is what carriers send for a withheld number" in answer["warning"]


def test_a_byte_order_mark_before_the_body_is_taken(api: ApiClient) -> None:
    body = b'\xef\xbb\xbf\xef\xbb\xbf{"reference": "55555555", "amount": "49.90", "currency": "EUR"}'
    assert api.send("POST", "/bills", data=body, content_type="application/json").status_code == 201


def test_a_change_that_undercuts_a_payment_is_refused(api: ApiClient, services: PaymentServices) -> None:
    api.post("/bills", BILL)
    with services.engine.begin() as tx:
        tx.execute(bill.update().values(reserved_minor=4990))
    answer = api.post("/bills", {**BILL, "amount": "40.00"})
    assert (answer.status_code, answer.json["code"], answer.json["field"]) == (
        409,
        "change_refused",
        "amount",
    )
    assert api.get("/bills/55555555").json["amount_minor"] == 4990


def test_each_bill_of_a_list_stands_for_itself(api: ApiClient) -> None:
    bills = [
        {**BILL, "reference": "99999999"},
        {**BILL, "amount": "x"},
        BILL,
        "bill",
        {**BILL, "amount": "1.00"},
        {**BILL, "reference": "11111111", "surname": "José"},
    ]
    answer = api.post("/bills/batch", {"bills": bills})
    assert answer.status_code == 200
    assert [(one["index"], one["result"]) for one in answer.json["results"]] == [
        (0, "added"),
        (1, "refused"),
        (2, "added"),
        (3, "refused"),
        (4, "refused"),
        (5, "refused"),
    ]
    assert "at index 2" in answer.json["results"][4]["problem"]["detail"]
    assert api.get("/bills/55555555").json["amount_minor"] == 4990
    again = api.post("/bills/batch", {"bills": [BILL, {**BILL, "reference": "99999999"}]})
    assert [one["result"] for one in again.json["results"]] == ["unchanged", "unchanged"]


@pytest.mark.slow
def test_a_list_has_its_bound(api: ApiClient) -> None:
    assert api.post("/bills/batch", {"bills": []}).json == {"results": []}
    bills = [{**BILL, "reference": str(10_000_000 + n)} for n in range(501)]
    assert api.post("/bills/batch", {"bills": bills}).status_code == 422
    assert len(api.post("/bills/batch", {"bills": bills[:500]}).json["results"]) == 500


@pytest.mark.parametrize("body", [{}, {"bills": None}, {"bills": BILL}, {"bills": [], "x": 1}, [BILL]])
def test_a_batch_is_an_object_with_a_list(api: ApiClient, body: Any) -> None:
    assert api.post("/bills/batch", body).status_code == 422


def test_a_list_as_the_body_is_taken_until_the_next_release(api: ApiClient, app: flask.Flask) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}
    answer = app.test_client().post(f"{ROOT}/bills", json=[BILL, {}], headers=headers)
    assert answer.status_code == 200
    assert [one["result"] for one in answer.json["results"]] == ["added", "refused"]


@pytest.mark.parametrize("reference", ["55555555", "5", "x%00", "%27%20OR%201%3D1", "%FF", "5" * 3_000])
def test_a_bill_that_is_not_there(api: ApiClient, reference: str) -> None:
    assert api.get(f"/bills/{reference}").status_code == 404


# What is promised ---


def test_the_document_is_served_to_anyone_and_is_openapi(app: flask.Flask) -> None:
    answer = app.test_client().get(f"{ROOT}/openapi.json")
    assert answer.json == DOCUMENT
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_route_stands_in_the_document_and_the_other_way_round(app: flask.Flask) -> None:
    served = {
        (method, rule.rule.removeprefix(ROOT).replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(ROOT)
        for method in (rule.methods or set()) - {"HEAD"}
    }
    promised = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert served == promised


def test_what_the_document_calls_a_bill_is_one(api: ApiClient) -> None:
    for body in (
        BILL,
        {"reference": "11111111", "amount_minor": 100, "currency": "JPY", "paid_elsewhere_minor": 0},
    ):
        check({"$ref": "#/components/schemas/NewBill"}, body)
        assert api.post("/bills", body).status_code == 201
    with pytest.raises(ValidationError, match="'due' was unexpected"):
        check({"$ref": "#/components/schemas/NewBill"}, {**BILL, "due": "x"})
    nothing = {"reference": "11111111", "currency": "EUR"}
    for body in ({**BILL, "due": "x"}, {**BILL, "amount_minor": 1}, nothing):
        assert api.post("/bills", body).status_code == 422


def test_a_text_that_waits_for_the_operator_is_sent_again(api: ApiClient, services: PaymentServices) -> None:
    with services.engine.begin() as tx:
        made = messages.record(
            tx,
            attempt_id=approved_attempt(tx, services.clock),
            purpose=Purpose.OUTCOME,
            body=texts.receipt(ReceiptText("Town", 4990, "EUR", "12345678", "4242", "87654321"), "en"),
            language="en",
            recipient="+34600000001",
            channel="sms",
            work=services.work,
            clock=services.clock,
            ids=services.ids,
        ).id
        for event in (MessageEvent.CLAIM, MessageEvent.HOLD):
            messages.apply_event(tx, made, event, services.clock.now(), tries=1, error_code="21606")
    assert [one["error_code"] for one in api.get("/messages/held").json["messages"]] == ["21606"]
    assert api.post(f"/messages/{made}/resend", {}).status_code == 202
    assert api.post(f"/messages/{made}/resend", {}).json["code"] == "not_held"
    assert api.post("/messages/confirmation_none/resend", {}).status_code == 404

"""The OpenAPI 3.1 document of `/api/v1`, served as `/api/v1/openapi.json`.

Written by hand: it is what we promise, and the tests hold the routes and their answers against it, not the
other way round.
"""

from typing import Any

from ivr.api.schemas import SCHEMAS, Schema, ref

_ANYWHERE = (400, 401, 500, 503)
"""Refusals that any request may meet; a route adds its own."""
_REFUSALS = {
    400: "The request cannot be read, or a parameter is wrong.",
    401: "No key, or one that does not stand.",
    404: "There is no such thing.",
    409: "It cannot be done as things stand; `detail` says why.",
    413: "The body is larger than a megabyte.",
    415: "The body is not sent as application/json.",
    422: "A field is wrong; `field` names it.",
    500: "A fault of ours. The request may be repeated.",
    503: "The database, or the PCI process, does not answer. Send the request again after `Retry-After`.",
}


def _answer(description: str, schema: Schema, media_type: str = "application/json") -> Schema:
    return {"description": description, "content": {media_type: {"schema": schema}}}


def _answers(good: dict[int, Schema], *refusals: int) -> Schema:
    refused = {
        str(status): _answer(_REFUSALS[status], ref("Problem"), "application/problem+json")
        for status in sorted({*_ANYWHERE, *refusals})
    }
    return {**{str(status): answer for status, answer in good.items()}, **refused}


def _body(schema: Schema) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _parameter(name: str, where: str, schema: Schema, description: str) -> Schema:
    required = where == "path" or name == "Idempotency-Key"
    return {"name": name, "in": where, "required": required, "schema": schema, "description": description}


_TEXT = {"type": "string"}
_BILL = _parameter("reference", "path", _TEXT, "The bill's eight digits.")
_CARD = _parameter("card_id", "path", _TEXT, "The card's id.")
_PAYMENT = _parameter("payment_id", "path", _TEXT, "The payment's id.")

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Pay-by-Call",
        "version": "1",
        "description": "Bills in, payments out. Amounts are minor units with a currency, moments are UTC.",
    },
    "servers": [{"url": "/api/v1"}],
    "security": [{"key": []}],
    "paths": {
        "/openapi.json": {
            "get": {
                "summary": "This document",
                "security": [],
                "responses": {"200": _answer("OpenAPI 3.1.", {"type": "object"})},
            }
        },
        "/bills": {
            "post": {
                "summary": "Store a bill, or up to 500",
                "description": "The same bill again changes nothing. What is paid here, our ledger says.",
                "requestBody": _body(
                    {"oneOf": [ref("NewBill"), {"type": "array", "items": ref("NewBill"), "maxItems": 500}]}
                ),
                "responses": _answers(
                    {
                        200: _answer(
                            "The bill was there, changed or not; or a list's results.",
                            {"anyOf": [ref("StoredBill"), ref("StoredBills")]},
                        ),
                        201: _answer("The bill is new.", ref("StoredBill")),
                    },
                    *(409, 413, 415, 422),
                ),
            }
        },
        "/bills/{reference}": {
            "get": {
                "summary": "One bill",
                "parameters": [_BILL],
                "responses": _answers({200: _answer("The bill.", ref("Bill"))}, 404),
            }
        },
        "/payments": {
            "get": {
                "summary": "Payments in the order of their last change",
                "description": "Keep the cursor: nothing that changes is missed. What changed in the "
                "last seconds may come twice. Ask again at once while has_more is true.",
                "parameters": [
                    _parameter(
                        "since",
                        "query",
                        {"type": "string", "format": "date-time"},
                        "What changed from this moment on.",
                    ),
                    _parameter("cursor", "query", _TEXT, "The cursor of the last answer; not with since."),
                    _parameter(
                        "limit",
                        "query",
                        {"type": "integer", "minimum": 1, "maximum": 500, "default": 100},
                        "How many at most.",
                    ),
                ],
                "responses": _answers({200: _answer("A page.", ref("Payments"))}),
            }
        },
        "/payments/{payment_id}": {
            "get": {
                "summary": "One payment",
                "description": "Also by a refund of it, and by what the gateway calls either: what stands in "
                "the gateway's reports is found here.",
                "parameters": [
                    {
                        **_PAYMENT,
                        "description": "The payment's id, the payer's eight digits, a refund's id, or the "
                        "gateway's reference of the charge or of a refund.",
                    }
                ],
                "responses": _answers({200: _answer("The payment.", ref("Payment"))}, 404),
            }
        },
        "/payments/{payment_id}/refunds": {
            "post": {
                "summary": "Give back all or a part",
                "description": "Asked for here and sent by the worker; an outcome tells how it went.",
                "parameters": [
                    _PAYMENT,
                    _parameter(
                        "Idempotency-Key",
                        "header",
                        {"type": "string", "maxLength": 80},
                        "Yours: a repeat of it for this payment is the same refund.",
                    ),
                ],
                "requestBody": _body(ref("NewRefund")),
                "responses": _answers(
                    {
                        200: _answer("It was asked for under this key before.", ref("Refund")),
                        202: _answer("It is asked for.", ref("Refund")),
                    },
                    *(404, 409, 413, 415, 422),
                ),
            }
        },
        "/cards/search": {
            "post": {
                "summary": "A customer's saved cards",
                "description": "Those that are kept, about to be kept, or being deleted; the newest first.",
                "requestBody": _body(ref("CardSearch")),
                "responses": _answers(
                    {200: _answer("The cards, none where there are none.", ref("SavedCards"))}, 413, 415, 422
                ),
            }
        },
        "/cards/{card_id}": {
            "get": {
                "summary": "One saved card, also a deleted one",
                "parameters": [_CARD],
                "responses": _answers({200: _answer("The card.", ref("SavedCard"))}, 404),
            },
            "delete": {
                "summary": "Delete a saved card",
                "description": "It is neither offered nor charged from now on, whatever the gateway says.",
                "parameters": [_CARD],
                "responses": _answers(
                    {
                        200: _answer("It is deleted, at the gateway too.", ref("SavedCard")),
                        202: _answer("The gateway is being told.", ref("SavedCard")),
                    },
                    404,
                ),
            },
        },
        "/lockouts": {
            "get": {
                "summary": "Who may try no more cards for now",
                "description": "The newest first. A caller who is locked out hears that cards cannot be "
                "taken at the moment, and is put through to a person.",
                "parameters": [
                    _parameter(
                        "which",
                        "query",
                        {"type": "string", "enum": ["standing", "all"], "default": "standing"},
                        "`all`: also those of the last 30 days.",
                    )
                ],
                "responses": _answers({200: _answer("The lock-outs.", ref("LockOuts"))}),
            }
        },
        "/messages/held": {
            "get": {
                "summary": "List texts that wait for the operator",
                "description": "The carrier refused them for a reason that the operator has to mend.",
                "responses": _answers({200: _answer("The texts, the oldest first.", ref("HeldMessages"))}),
            }
        },
        "/messages/{message_id}/resend": {
            "post": {
                "summary": "Send a text again",
                "description": "Once the reason is mended. A text that was sent is never sent twice.",
                "parameters": [_parameter("message_id", "path", _TEXT, "The text's id.")],
                "responses": _answers({202: _answer("It is sent again.", ref("Resent"))}, 404, 409),
            }
        },
        "/lockouts/{lock_out_id}": {
            "delete": {
                "summary": "Lift a lock-out",
                "description": "At once, and with nothing counted any more. Who did so is kept.",
                "parameters": [_parameter("lock_out_id", "path", _TEXT, "The lock-out's id.")],
                "responses": _answers({200: _answer("It is over.", ref("LockOut"))}, 404, 503),
            }
        },
    },
    "components": {
        "schemas": SCHEMAS,
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    },
}

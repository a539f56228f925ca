"""The OpenAPI 3.1 document of `/api/v1`, served as `/api/v1/openapi.json`.

The operations are written here; what they take and answer is made from the models in `documents`. A test
checks each answer of the routes against it.
"""

from typing import Any

from gateways.events import DisputeState
from ivr.bills.bill import Status
from ivr.finance.payout_queries import PayoutState
from ivr.payments.attempts.states import PublicState
from ivr.web.api.documents import (
    bills,
    cards,
    fields,
    finance,
    lockouts,
    messages,
    payments,
    requests,
    webhooks,
)
from ivr.web.api.documents.json_schema import Schema, component_schemas, ref
from ivr.web.api.operations import (
    HEADERS,
    IDEMPOTENCY_KEY,
    answer,
    by_path,
    in_path,
    in_query,
    list_operation,
    operation,
    words,
)

_DESCRIPTION = (
    "Bills in, payments out; docs/api.md explains the API in prose. "
    "Money is minor units with a currency: 4990 is 49.90 EUR. Times are UTC. "
    "A later release may add fields to answers: ignore those that you do not know. "
    "Refusals are problem documents (RFC 9457): `code` is for programs, `detail` for people, `field` names "
    "what is wrong. "
    "Lists come in the order of the last change, the earliest first. Keep the `cursor` and give it in the "
    "next request: no change is missed. What changed in the last seconds may come twice. While `has_more` is "
    "true the next page can be read at once. "
    "What is deprecated works until the next release."
)

_TAGS = {
    "bills": "What is owed.",
    "payments": "What was paid, and refunds.",
    "payouts": "What reached the merchant's bank account.",
    "disputes": "Payers whose bank wants money back.",
    "cards": "Cards that customers agreed to have kept.",
    "messages": "Texts that wait for the operator.",
    "lockouts": "Who may try no more cards for now.",
    "meta": "This document.",
}

_OPERATIONS: Schema = {
    "GET /bills": list_operation(
        "bills", bills.BillsDocument, "A payment changes its bill.", states=words(Status), own_time="added"
    ),
    "POST /bills": operation(
        "storeBill",
        "bills",
        "Add or change a bill",
        {
            200: answer("The bill was there; `result` says whether it changed.", bills.StoredBillDocument),
            201: answer("The bill is new.", bills.StoredBillDocument),
        },
        409,
        description="The same bill again changes nothing, so a request may be repeated. What was paid "
        "through this server stays as it is. Deprecated: a list of bills as the body; use /bills/batch.",
        body=requests.NewBillDocument,
    ),
    "POST /bills/batch": operation(
        "storeBills",
        "bills",
        "Add or change up to 500 bills",
        {200: answer("A result for each bill, in their order.", bills.StoredBillsDocument)},
        description="Each bill by itself: a bad one is refused in its result, and the others are stored. "
        "The same bills again change nothing.",
        body=requests.NewBillsDocument,
    ),
    "GET /bills/{reference}": operation(
        "getBill",
        "bills",
        "Read a bill",
        {200: answer("The bill.", bills.BillDocument)},
        404,
        description="By its reference.",
        parameters=[in_path("reference", "The bill's eight digits.")],
    ),
    "GET /payments": list_operation(
        "payments",
        payments.PaymentsDocument,
        "A refund changes its payment. As `state` the words of internal_state are taken too; "
        "they are deprecated.",
        states={"type": "string", "examples": [*map(str, PublicState)]},
        own_time="made",
    ),
    "GET /payments/{payment_id}": operation(
        "getPayment",
        "payments",
        "Read a payment",
        {200: answer("The payment.", payments.PaymentDocument)},
        404,
        description="Also by a refund of it, and by what the gateway calls either: what the gateway's "
        "reports name is found here.",
        parameters=[
            in_path(
                "payment_id",
                "The payment's id, the eight digits that the caller heard, a refund's id, or the "
                "gateway's reference of the charge or of a refund.",
            )
        ],
    ),
    "POST /payments/{payment_id}/refunds": operation(
        "refundPayment",
        "payments",
        "Refund a payment, or a part of it",
        {
            200: answer("It was requested under this key before.", payments.RefundDocument),
            202: answer("It is requested.", payments.RefundDocument),
        },
        *(404, 409),
        description="Requested here and sent by the worker; a webhook tells how it went, and so does "
        "/refunds/{refund_id}. Eight digits that a payment and a bill both have are refused (409).",
        parameters=[
            in_path("payment_id", "The payment's id, or the eight digits that the caller heard."),
            IDEMPOTENCY_KEY,
        ],
        body=requests.NewRefundDocument,
    ),
    "GET /refunds/{refund_id}": operation(
        "getRefund",
        "payments",
        "Read a refund",
        {200: answer("The refund.", payments.RefundDocument)},
        404,
        description="By its id.",
        parameters=[in_path("refund_id", "The refund's id.")],
    ),
    "GET /payouts": list_operation(
        "payouts",
        finance.PayoutsDocument,
        "`bill` chooses those with a line of one of the bill's payments.",
        states=words(PayoutState),
        own_time="that arrive",
    ),
    "GET /payouts/{payout_id}": operation(
        "getPayout",
        "payouts",
        "Read a payout with its lines",
        {200: answer("The payout.", finance.PayoutWithLinesDocument)},
        *(404, 409),
        description="Each line with the payment and the refund that it belongs to.",
        parameters=[in_path("payout_id", "The payout's id, or the gateway's reference.")],
    ),
    "GET /disputes": list_operation(
        "disputes",
        finance.DisputesDocument,
        "A dispute is answered in the gateway's dashboard.",
        states=words(DisputeState),
        own_time="opened",
    ),
    "GET /disputes/{reference}": operation(
        "getDispute",
        "disputes",
        "Read a dispute",
        {200: answer("The dispute.", finance.DisputeDocument)},
        *(404, 409),
        description="By the gateway's reference.",
        parameters=[in_path("reference", "The gateway's reference of the dispute.")],
    ),
    "POST /cards/search": operation(
        "searchSavedCards",
        "cards",
        "List a customer's saved cards",
        {200: answer("The cards, none where there are none.", cards.SavedCardsDocument)},
        description="Those that are kept, about to be kept, or being deleted; the newest first.",
        body=requests.CardSearchDocument,
    ),
    "GET /cards/{card_id}": operation(
        "getSavedCard",
        "cards",
        "Read a saved card",
        {200: answer("The card.", cards.SavedCardDocument)},
        404,
        description="Also a deleted one: what its holder agreed to stays.",
        parameters=[in_path("card_id", "The card's id.")],
    ),
    "DELETE /cards/{card_id}": operation(
        "deleteSavedCard",
        "cards",
        "Delete a saved card",
        {
            200: answer("It is deleted, at the gateway too.", cards.SavedCardDocument),
            202: answer("The gateway is being told.", cards.SavedCardDocument),
        },
        404,
        description="It is neither offered nor charged from now on, whatever the gateway says.",
        parameters=[in_path("card_id", "The card's id.")],
    ),
    "GET /messages/held": operation(
        "listHeldMessages",
        "messages",
        "List texts that wait for the operator",
        {200: answer("The texts, the oldest first.", messages.HeldMessagesDocument)},
        description="The carrier refused them for a reason that the operator has to mend.",
    ),
    "POST /messages/{message_id}/resend": operation(
        "resendMessage",
        "messages",
        "Send a text again",
        {202: answer("It is sent again.", messages.ResentDocument)},
        *(404, 409),
        description="Once the reason is mended. A text that was sent is never sent twice.",
        parameters=[in_path("message_id", "The text's id.")],
    ),
    "GET /lockouts": operation(
        "listLockouts",
        "lockouts",
        "List lockouts",
        {200: answer("The lockouts.", lockouts.LockoutsDocument)},
        description="The newest first. A caller who is locked out hears that cards cannot be taken at "
        "the moment, and is put through to a person. Deprecated: `standing` for `active`.",
        parameters=[
            in_query(
                "which",
                {"type": "string", "enum": ["active", "all", "standing"], "default": "active"},
                "`all`: also those of the last 30 days.",
            )
        ],
    ),
    "DELETE /lockouts/{lock_out_id}": operation(
        "liftLockout",
        "lockouts",
        "Lift a lockout",
        {200: answer("It is over.", lockouts.LockoutDocument)},
        404,
        description="At once, and the count begins again at zero. Who did so is kept.",
        parameters=[in_path("lock_out_id", "The lockout's id.")],
    ),
    "GET /openapi.json": {
        "operationId": "getOpenApi",
        "tags": ["meta"],
        "summary": "This document",
        "description": "It needs no key.",
        "security": [],
        "responses": {
            "200": {
                "description": "OpenAPI 3.1.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    },
}

_WEBHOOKS: Schema = {
    "outcome": {
        "post": {
            "operationId": "receiveOutcome",
            "tags": ["payments"],
            "summary": "What happened to a payment or a refund",
            "description": "Posted to OUTCOME_URL, signed by Paybycall-Signature. It may come twice and in "
            "any order: drop repeats by `id`. ivr/integrations/README.md says how to check the signature.",
            "parameters": [
                {
                    "name": "Paybycall-Signature",
                    "in": "header",
                    "required": True,
                    "schema": {"type": "string", "examples": ["t=1764000000,v1=5257a869"]},
                    "description": "Time and HMAC-SHA256 of `<t>.<body>`.",
                }
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": ref(webhooks.WebhookDocument)}},
            },
            "responses": {"200": {"description": "Any 2xx within 10 seconds: it is delivered."}},
            "security": [],
        }
    }
}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Pay-by-Call",
        "version": "1",
        "description": _DESCRIPTION,
        "contact": {"name": "The operator of this server"},
        "license": {"name": "MIT", "identifier": "MIT"},
    },
    "servers": [{"url": "/api/v1"}],
    "security": [{"key": []}],
    "tags": [{"name": name, "description": description} for name, description in sorted(_TAGS.items())],
    "paths": by_path(_OPERATIONS),
    "webhooks": _WEBHOOKS,
    "components": {
        "schemas": component_schemas(
            *(bills, payments, finance, cards, messages, lockouts, requests, fields, webhooks)
        ),
        "headers": HEADERS,
        "securitySchemes": {
            "key": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "pbc_...",
                "description": "Made by `paybycall apikey create`, revoked by `paybycall apikey revoke`.",
            }
        },
    },
}

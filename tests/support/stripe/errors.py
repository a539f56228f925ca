"""What Stripe refuses, in its own words: https://docs.stripe.com/api/errors and /error-codes.

The sentences are those that Stripe's users quote in public. `stored` says whether the idempotency layer keeps
the answer: it does once the endpoint has begun, and not for what fails validation, conflicts, or is limited.
"""

from collections.abc import Mapping
from typing import Any

from tests.support.stripe.wire import Thing

INVALID = "invalid_request_error"


class Refusal(Exception):  # noqa: N818 - Stripe's answer, not an error of ours
    """Ends the handling of a request by this answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = INVALID,  # noqa: A002 - Stripe's word
        stored: bool = True,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.stored = stored
        self.headers = dict(headers or {})
        told = {"type": type, "message": message, **more}
        self.error: Thing = {name: value for name, value in told.items() if value is not None}
        if code := more.get("code"):
            self.error["doc_url"] = f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}"


def missing_object(what: str, named: str, param: str, *, in_path: bool = False) -> Refusal:
    """404 where the path names it, 400 where a parameter does."""
    return Refusal(
        404 if in_path else 400, f"No such {what}: '{named}'", code="resource_missing", param=param
    )


def unknown_parameter(param: str, *, stored: bool = False) -> Refusal:
    return Refusal(
        400, f"Received unknown parameter: {param}", code="parameter_unknown", param=param, stored=stored
    )


def unexpected_state(message: str, intent: Thing) -> Refusal:
    return Refusal(400, message, code="payment_intent_unexpected_state", payment_intent=intent)


def locked() -> Refusal:
    """An object lock: 429, not 409, and Stripe advises to try again.

    https://docs.stripe.com/rate-limits#object-lock-timeouts; stripe-php 718, stripe-node 686.
    """
    return Refusal(
        429,
        "This object cannot be accessed right now because another API request or Stripe process is currently "
        "accessing it. If you see this error intermittently, retry the request. If you see this error "
        "frequently and are making multiple concurrent requests to a single object, make your requests "
        "serially or at a lower rate.",
        code="lock_timeout",
        stored=False,
        headers={"Stripe-Should-Retry": "true"},
    )


def rate_limited() -> Refusal:
    return Refusal(
        429,
        "Request rate limit exceeded. Learn more about rate limits here https://docs.stripe.com/rate-limits.",
        code="rate_limit",
        stored=False,
        headers={"Stripe-Rate-Limited-Reason": "global-rate"},
    )


def key_in_use(key: str) -> Refusal:
    return Refusal(
        409,
        "There is currently another in-progress request using this Stripe-Idempotency-Key (that probably "
        f"means you submitted twice, and the other request is still going through): {key}",
        type="idempotency_error",
        code="idempotency_key_in_use",
        stored=False,
        headers={"Stripe-Should-Retry": "true"},
    )


def key_of_another(key: str, what: str) -> Refusal:
    return Refusal(
        400,
        f"Keys for idempotent requests can only be used {what}. Try using a key other than '{key}' if you "
        "meant to execute a different request.",
        type="idempotency_error",
        stored=False,
    )


def broken_inside() -> Refusal:
    return Refusal(
        500,
        "An unknown error occurred",
        type="api_error",
        headers={"Stripe-Should-Retry": "false"},
    )

"""What Stripe's answers mean. Shared by the adapter and the PCI side, so that both read them alike.

An answer is read field by field, and each value must have the form that it may have; no text of Stripe's is
repeated unless it is a plain code. A refusal is certain only if its code says that nothing was done: "seen
before", "in use" and "wait" are not certain.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from gateways.contract import Unknown
from gateways.secret import Secret
from gateways.stripe.client import NoStripeReply, StripeCall, StripeReply, StripeSession

_CODE = re.compile(r"[a-z0-9_]{1,64}")
_REFERENCE = re.compile(r"[a-z]{2,6}_[A-Za-z0-9_]{1,120}")
_CURRENCY = re.compile(r"[a-z]{3}")
_OURS = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_WHOLE_MAX = 2**63 - 1
_MOMENT_MAX = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
_NOTHING_DONE = frozenset({400, 401, 403, 404})
_UNCLEAR = frozenset(
    {
        "idempotency_key_in_use",
        "intent_invalid_state",
        "lock_timeout",
        "payment_intent_rate_limit_exceeded",
        "payment_intent_unexpected_state",
        "rate_limit",
        "resource_already_exists",
        "status_transition_invalid",
    }
)
"""Said of something that stands otherwise than we thought, or that somebody else is at."""
_KINDS = frozenset({"api_error", "card_error", "invalid_request_error", "rate_limit_error"})
"""The types of Stripe's own errors that may come with a limit: https://docs.stripe.com/api/errors."""
_NOT_PROCESSED = frozenset({"lock_timeout", "rate_limit"})
"""Stripe turned the request away before it did anything: https://docs.stripe.com/rate-limits."""


class StripeFields:
    """A part of an answer. Masks itself, for it may hold a token; read a field by its path."""

    __slots__ = ("_body", "replayed")

    def __init__(self, body: Mapping[str, Any], *, replayed: bool = False) -> None:
        self._body = body
        self.replayed = replayed

    def __repr__(self) -> str:
        return "Told(***)"

    def code(self, *path: str) -> str | None:
        """A plain word in small letters."""
        return _matching(_CODE, self._at(*path))

    def reference(self, *path: str) -> str | None:
        """An id of Stripe's; of something expanded, its id."""
        found = self._at(*path)
        return _matching(_REFERENCE, found.get("id") if isinstance(found, Mapping) else found)

    def secret(self, *path: str) -> Secret | None:
        """An id that must not be told."""
        found = self.reference(*path)
        return Secret(found) if found else None

    def text(self, *path: str) -> str | None:
        """What was ours, or is never repeated."""
        found = self._at(*path)
        return found if isinstance(found, str) else None

    def ours(self, *path: str) -> str | None:
        """An id of our own, which we put there; somebody else's may stand there, too."""
        return _matching(_OURS, self._at(*path))

    def currency(self, *path: str) -> str | None:
        """An ISO code, in capitals."""
        found = _matching(_CURRENCY, self._at(*path))
        return found.upper() if found else None

    def whole(self, *path: str) -> int | None:
        """A number that a database takes."""
        found = self._at(*path)
        plain = isinstance(found, int) and not isinstance(found, bool)
        return found if plain and abs(found) <= _WHOLE_MAX else None

    def moment(self, *path: str) -> datetime | None:
        """A moment of this century, in UTC."""
        found = self.whole(*path)
        return datetime.fromtimestamp(found, UTC) if found is not None and 0 <= found < _MOMENT_MAX else None

    def yes(self, *path: str) -> bool | None:
        found = self._at(*path)
        return found if isinstance(found, bool) else None

    def is_none(self, *path: str) -> bool:
        """Whether the field stands there, and is empty."""
        parent = self.part(*path[:-1])
        return parent is not None and path[-1] in parent._body and self._at(*path) is None  # noqa: SLF001

    def part(self, *path: str) -> "StripeFields | None":
        found = self._at(*path)
        return StripeFields(found, replayed=self.replayed) if isinstance(found, Mapping) else None

    def each(self, *path: str) -> "tuple[StripeFields, ...] | None":
        """The objects of a list; None where it is none."""
        found = self._at(*path)
        if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
            return None
        return tuple(StripeFields(one) for one in found)

    def _at(self, *path: str) -> Any:
        found: Any = self._body
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found


@dataclass(frozen=True, slots=True)
class StripeRefusal:
    """Stripe did not do it, or does not say."""

    status: int
    kind: str | None
    code: str | None
    error: StripeFields

    @property
    def by_the_card(self) -> bool:
        """Whether the issuer, or Stripe for it, said no to the card."""
        return self.status == HTTPStatus.PAYMENT_REQUIRED and self.kind == "card_error"

    @property
    def nothing_done(self) -> bool:
        """Whether this request, for certain, did nothing."""
        return self.status in _NOTHING_DONE and self.kind != "idempotency_error" and self.code not in _UNCLEAR

    @property
    def not_processed(self) -> bool:
        """Whether Stripe's own error body says that it turned the request away undone. A proxy's 429 has no
        such body, and `payment_intent_rate_limit_exceeded` counts what was done to one payment.
        """
        is_refusal = HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR
        return is_refusal and self.kind in _KINDS and self.code in _NOT_PROCESSED

    @property
    def said(self) -> str:
        """For a log: the code, or what stands for it."""
        return self.code or self.kind or f"http_{self.status}"

    @property
    def advice(self) -> str:
        """What an operator does about it, where that is certain; begins with a colon."""
        if self.status == HTTPStatus.UNAUTHORIZED:
            return ": Stripe does not know STRIPE_API_KEY, so set a key of the account"
        if self.status == HTTPStatus.FORBIDDEN:
            return ": STRIPE_API_KEY lacks a right that docs/gateways/stripe.md lists"
        if self.code == "amount_too_small":
            return ": Stripe does not charge amounts this small, so such bills must be paid in another way"
        return ""

    def unknown(self) -> Unknown:
        return Unknown(
            f"Stripe refused (HTTP {self.status}, {self.said}){self.advice}",
            retry_same_key=self.not_processed,
        )


StripeAnswer = StripeFields | StripeRefusal | Unknown


def ask(api: StripeSession, send: StripeCall, *, key: str | None = None) -> StripeAnswer:
    """Sends one request, and reads its answer."""
    return _read(api.send(send, key=key))


def ask_plainly(api: StripeSession, send: StripeCall) -> StripeFields | Unknown:
    """For a request whose refusal says nothing of the money: that is Unknown."""
    answer = ask(api, send)
    return answer.unknown() if isinstance(answer, StripeRefusal) else answer


def _read(reply: StripeReply | NoStripeReply) -> StripeAnswer:
    if isinstance(reply, NoStripeReply):
        return Unknown(reply.reason)
    if reply.status == HTTPStatus.OK:
        return StripeFields(reply.body, replayed=reply.replayed)
    error = StripeFields(reply.body).part("error")
    if error is None:
        return Unknown(f"Stripe's answer was not understood (HTTP {reply.status})")
    return StripeRefusal(reply.status, error.code("type"), error.code("code"), error)


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None

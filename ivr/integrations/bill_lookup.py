"""Asks the merchant's own system for a bill that we do not hold, by a signed webhook, while the caller waits.

Called with no transaction open; what it answers is stored afterwards by `store.upsert`. Every answer is a
value: a merchant's system that is silent, slow, or talks nonsense is `Unreachable`, and only a clear "not
found" is `NotFound`. What was answered is not logged, but for both readings of a phone that could be two.
Protocol: ivr/integrations/README.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import structlog

from gateways.http_client import HttpResponse, NoAnswerError
from ivr.bills.bill import BillError, NewBill, Status
from ivr.bills.fields import read_bill
from ivr.platform import json_text
from ivr.platform.amounts import SPACES
from ivr.platform.clock import Clock, rfc3339

log = structlog.get_logger()

LOOKUP_S = 4.0
"""The carrier gives a webhook 15 s, and the caller's patience is shorter."""
_FOUND = 200
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class MerchantBill:
    """The merchant's system knows the bill."""

    bill: NewBill
    left_out: tuple[BillError, ...] = ()
    """Fields that could not be read, and without which the bill can be paid."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """The merchant's system says that there is no such bill."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nobody can say: no answer, or none that can be understood. `reason` is for the log."""

    reason: str


LookupAnswer = MerchantBill | NotFound | Unreachable


@dataclass(frozen=True, slots=True)
class MerchantLookup:
    """The look-up at BILL_LOOKUP_URL. Safe to call from any thread; `post` bounds how long it takes."""

    post: Callable[[bytes, datetime], HttpResponse]
    """A `SignedPost`."""
    home_country: str
    clock: Clock

    def ask(self, reference: str, lookup_id: str) -> LookupAnswer:
        """What the merchant's system knows under this reference. The same `lookup_id` asks the same question
        again.
        """
        answer = self._ask(reference, lookup_id)
        if isinstance(answer, Unreachable):
            log.warning("bill_lookup_unreachable", lookup_id=lookup_id, reason=answer.reason)
        else:
            log.info("bill_lookup", lookup_id=lookup_id, found=isinstance(answer, MerchantBill))
        if isinstance(answer, MerchantBill):
            for fault in answer.left_out:
                log.warning("bill_lookup_field_left_out", lookup_id=lookup_id, reason=str(fault))
        return answer

    def _ask(self, reference: str, lookup_id: str) -> LookupAnswer:
        now = self.clock.now()
        question = {
            "id": lookup_id,
            "type": "bill.lookup",
            "created": rfc3339(now),
            "data": {"reference": reference},
        }
        body = orjson.dumps(question)
        try:
            answer = self.post(body, now)
        except NoAnswerError as fault:
            return Unreachable(str(fault))
        if answer.status not in {_FOUND, _NOT_FOUND}:
            return Unreachable(f"status {answer.status}")
        content = _json_object(answer.body)
        if content is None:
            return Unreachable(f"status {answer.status} without a JSON object, or a name stands twice in it")
        return NotFound() if answer.status == _NOT_FOUND else self._read(reference, content)

    def _read(self, reference: str, content: Mapping[str, Any]) -> MerchantBill | Unreachable:
        """An answer is the whole truth about the bill: what it leaves out, it says."""
        if not _is_about(reference, content.get("reference")):
            return Unreachable("the answer is about another reference")
        told = {"status": Status.OPEN.value, **_given(content), "reference": reference}
        if "paid_elsewhere" not in told and "paid_elsewhere_minor" not in told:
            told["paid_elsewhere_minor"] = 0
        left_out: list[BillError] = []
        try:
            bill = read_bill(told, home_country=self.home_country, on_left_out=left_out.append)
        except BillError as fault:
            return Unreachable(str(fault))
        return MerchantBill(bill, tuple(left_out))


def _is_about(reference: str, said: Any) -> bool:
    """Whether an answer names this reference, or none. A system that keeps references as numbers sends one:
    without leading zeros, or as 60000019.0.
    """
    if isinstance(said, str):
        return said.strip(SPACES) in {"", reference}
    return said is None or (type(said) in {int, float} and said == int(reference))


def _given(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if value is not None and value != ""}


def _json_object(body: bytes) -> dict[str, Any] | None:
    """None where the body is none: a proxy's 404 page must not tell callers that there is no such bill."""
    try:
        content = json_text.read(body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None

"""Stripe's idempotency layer, version 1: https://docs.stripe.com/api/idempotent_requests.

The first answer to a key is kept, also where it is a 402 or a 500, and given again to the same request for a
day. Other parameters or another endpoint are an error; a request still in progress is a conflict; what failed
validation is not kept. Parameters are kept as a keyed hash: they may hold a card.
"""

import hashlib
import hmac
from dataclasses import dataclass

from tests.support.stripe.errors import Refusal, key_in_use, key_of_another
from tests.support.stripe.wire import Answer, Request

KEPT_S = 24 * 3600
LONGEST = 255


@dataclass
class Kept:
    endpoint: str
    params: str
    at: int
    request_id: str
    answer: Answer | None = None
    """None while the first request is in progress."""


class Keys:
    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._kept: dict[str, Kept] = {}

    def begin(self, key: str, request: Request, request_id: str, now: int) -> Kept | None:
        """What was answered before; None where this is the first time, which is then noted."""
        if len(key) > LONGEST:
            raise Refusal(400, f"Idempotency keys must be at most {LONGEST} characters.", stored=False)
        params = hmac.new(self._secret, request.body, hashlib.sha256).hexdigest()
        kept = self._kept.get(key)
        if kept is not None and kept.answer is not None and now - kept.at >= KEPT_S:
            kept = None
        if kept is None:
            self._kept[key] = Kept(request.path, params, now, request_id)
            return None
        if kept.endpoint != request.path:
            raise key_of_another(
                key,
                f"for the same endpoint they were first used for ('{request.path}' vs '{kept.endpoint}')",
            )
        if kept.params != params:
            raise key_of_another(key, "with the same parameters they were first used with")
        if kept.answer is None:
            raise key_in_use(key)
        return kept

    def end(self, key: str, answer: Answer, *, stored: bool) -> None:
        if stored:
            self._kept[key].answer = answer
        else:
            del self._kept[key]

    def forget_all(self) -> None:
        """As if they were all a day old; what is in progress stays."""
        self._kept = {key: kept for key, kept in self._kept.items() if kept.answer is None}

    def __len__(self) -> int:
        return len(self._kept)

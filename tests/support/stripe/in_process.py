"""The library's HTTP client without a socket: for a simulator that calls the stand-in in its own process.

`stripe.StripeClient(key, http_client=InProcessClient(line))`. What the line loses is a connection error that
the library may try again, as with a socket; its pauses between tries are spent on the clock that is passed
in.
"""

from collections.abc import Mapping
from typing import Any

import stripe

from ivr.platform.clock import Clock
from tests.support.stripe.line import Line, LostError
from tests.support.stripe.wire import Request


class InProcessClient(stripe.HTTPClient):
    name = "in process"

    def __init__(self, line: Line, clock: Clock) -> None:
        super().__init__()
        self._line = line
        self._clock = clock

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        target = "/" + url.split("//", 1)[1].partition("/")[2]
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        try:
            answer = self._line.carry(Request.of(method, target, headers or {}, body))
        except LostError as lost:
            raise stripe.APIConnectionError("The connection broke.", should_retry=True) from lost
        told = {name.lower(): value for name, value in answer.headers.items()}
        return answer.body.decode(), answer.status, told

    def _sleep_time_seconds(self, num_retries: int) -> float:
        self._clock.sleep(min(0.5 * 2 ** (num_retries - 1), 5))
        return 0

    def close(self) -> None:
        """Nothing is open."""

"""How the bank tells a server what happened: a signed webhook, tried three times, from a thread of its own.

It is a hint: where nobody listens it is lost, and the server finds out by itself later. No body and no
signature is ever printed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from threading import Thread

from gateways.http_client import HttpClient, NoAnswerError
from gateways.sandbox.bank.dependencies import BankIds
from gateways.sandbox.webhooks import HEADER, sign, webhook_body
from gateways.secret import Secret

TRY_AFTER_S = (0.0, 2.0, 10.0)
_HTTP = HttpClient(total_s=5.0)


@dataclass(frozen=True, slots=True)
class Notifier:
    """Posts to one URL. `sleep` waits between tries."""

    url: str
    secret: Secret
    now: Callable[[], datetime]
    sleep: Callable[[float], object]
    ids: BankIds

    def tell(self, kind: str, key: str) -> None:
        """Returns at once."""
        body = webhook_body(self.ids.new("evt"), kind, key)
        Thread(target=self._post, args=(body,), name="webhook", daemon=True).start()

    def _post(self, body: bytes) -> None:
        for wait_s in TRY_AFTER_S:
            self.sleep(wait_s)
            headers = {HEADER: sign(self.secret, body, self.now()), "Content-Type": "application/json"}
            try:
                answer = _HTTP.request("POST", self.url, body=body, headers=headers)
            except NoAnswerError:
                continue
            if answer.status < HTTPStatus.BAD_REQUEST:
                return

"""Text messages through Twilio's REST API.

The API has no idempotency key, so each answer means taken, certainly not taken, or lost. Lost is whatever may
have reached the carrier; such a text is looked for in the carrier's list, by recipient and the mark that it
carries. Source: twilio.com/docs/messaging/api/message-resource.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import structlog

from gateways.http_client import NoAnswerError
from gateways.secret import Secret
from ivr.carriers.twilio.rest import CarrierHttp, make_client
from ivr.messaging.channels import InList, Lost, NotInList, OutgoingMessage, Refused, Sent, Unclear
from ivr.messaging.delivery_errors import Refusal, kind_of_refusal

if TYPE_CHECKING:
    from twilio.rest.api.v2010.account.message import MessageList

LIST_MAX = 500
"""So many texts to one number are read; where there are more, the list was not read to its end."""
CLOCKS_DIFFER = timedelta(minutes=10)
"""The carrier's clock and ours may differ by so much. Older texts are ignored in the search."""
_UNAVAILABLE = 503

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    """Texts from `sender`: a number, a short code, a name, or the MG... of a messaging service."""

    name = "sms"
    account_sid: str
    token: Secret
    api_base: str
    public_url: str
    sender: str
    http: CarrierHttp = field(default_factory=CarrierHttp)

    def send(self, message: OutgoingMessage) -> Sent | Refused | Lost:
        """Sends it, once. Every fault on the way is an answer: `Lost` where the carrier may have it."""
        from twilio.base.exceptions import TwilioRestException, TwilioServiceException

        callback = f"{self.public_url}/messages/status?c={quote(message.confirmation_id)}"
        is_service = self.sender.startswith("MG")
        sender = {"messaging_service_sid" if is_service else "from_": self.sender}
        try:
            taken = self._messages().create(
                to=message.recipient, body=message.body, status_callback=callback, **sender
            )
        except (TwilioRestException, TwilioServiceException) as answer:
            return _refusal(int(answer.status), int(answer.code or 0))
        except NoAnswerError as fault:
            return Refused("unreachable", Refusal.TEMPORARY) if fault.never_sent else Lost(str(fault))
        except Exception as fault:
            # Whatever it was that we could not read, it may have been taken: not to be sent again.
            log.exception("confirmation_answer_unreadable", confirmation=message.confirmation_id)
            return Lost(type(fault).__name__)
        return Sent(taken.sid) if taken.sid else Lost("an answer without an id")

    def find_sent(self, message: OutgoingMessage) -> InList | NotInList | Unclear:
        """Looks through the carrier's list of texts to this number."""
        try:
            texts = self._messages().list(to=message.recipient, limit=LIST_MAX)
        except Exception as fault:  # noqa: BLE001 - whatever broke, the list was not read, and we say so
            return Unclear(f"the carrier's list could not be read: {type(fault).__name__}")
        since = message.tried_at - CLOCKS_DIFFER
        recent = [text for text in texts if text.date_created is None or text.date_created >= since]
        ours = [
            text for text in recent if message.mark in (text.body or "") and text.sid != message.earlier_id
        ]
        if ours:
            return InList(ours[0].sid)
        if any(not text.body for text in recent):
            return Unclear("the carrier keeps no bodies, so ours cannot be told from others")
        if len(texts) >= LIST_MAX:
            return Unclear(f"the carrier has {LIST_MAX} texts or more to this number")
        return NotInList()

    def _messages(self) -> "MessageList":
        return make_client(self.account_sid, self.token, self.api_base, self.http).messages


def _refusal(status: int, code: int) -> Refused | Lost:
    """What a failed answer says. `code` is the carrier's own, or the status where it gave none."""
    has_own_code = code not in {0, status}
    if status >= 500 and not (status == _UNAVAILABLE and has_own_code):  # noqa: PLR2004 - HTTP's server errors
        return Lost(f"HTTP {status}")
    return Refused(str(code or status), kind_of_refusal(code, status))

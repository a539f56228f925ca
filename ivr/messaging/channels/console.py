"""The channel of development: the text appears on standard output, as the payer would read it.

Production refuses it. Nobody can look a printed text up again, so one whose printing broke off stays unclear
and is not printed twice.
"""

from dataclasses import dataclass
from typing import TextIO

from ivr.messaging.channels import OutgoingMessage, Sent, Unclear


@dataclass(frozen=True, slots=True)
class Console:
    """Prints to `out`."""

    name = "console"
    out: TextIO

    def send(self, message: OutgoingMessage) -> Sent:
        body = "\n".join(f"  | {line}" for line in message.body.splitlines())
        self.out.write(f"\n  +-- text to {message.recipient}\n{body}\n  +--\n\n")
        self.out.flush()
        return Sent(provider_id=f"console:{message.confirmation_id}")

    def find_sent(self, message: OutgoingMessage) -> Unclear:  # noqa: ARG002 - the port's signature
        return Unclear("a terminal keeps no list")

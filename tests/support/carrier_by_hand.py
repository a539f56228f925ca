"""The carrier of one call, whose webhooks a test posts one by one."""

from ivr.simulators.phone.webhooks import Webhooks
from tests.support.phone import WEB, call_settings
from tests.support.server import ENGLISH, Server


class Carrier:
    """Posts webhooks of one call by hand."""

    def __init__(self, server: Server, **changed: str) -> None:
        self.settings = call_settings(to_number=ENGLISH, **changed)
        self._webhooks = Webhooks(self.settings, server.transport, lambda _: None)

    def post(self, path: str, **fields: str) -> str:
        """The answer's TwiML."""
        form = self._webhooks._form("in-progress", fields)
        return self._webhooks._post(f"{WEB}{path}", form).body.decode()


def turn_after(document: str) -> str:
    """Where the document's last Gather posts to: the one that listens when the question is over."""
    return document.rpartition('action="')[2].partition('"')[0]

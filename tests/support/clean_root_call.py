"""Rings a server once, and pays: run inside the clean root, by the package that was installed there.

Arguments: the web process's public URL, the PCI process's, the carrier's account and token, a bill's
reference. Prints what was said and what went wrong as JSON.
"""

import json
import sys
from dataclasses import replace

from gateways.secret import Secret
from ivr.platform.clock import SystemClock
from ivr.platform.ids import RandomIds
from ivr.simulators.phone.demo import DemoCaller
from ivr.simulators.phone.engine import Call
from ivr.simulators.phone.events import PhoneEvent, Said
from ivr.simulators.phone.transport import HttpTransport
from ivr.simulators.phone.webhooks import CallSettings

public_url, pci_public_url, account, token, reference = sys.argv[1:]
said: list[str] = []


def hear(event: PhoneEvent) -> None:
    if isinstance(event, Said):
        said.append(event.text)


settings = CallSettings.to_server(
    public_url,
    ids=RandomIds(),
    account_sid=account,
    auth_token=Secret(token),
    from_number="+34600000001",
    to_number="+34910000000",
)
settings = replace(settings, fallback_url=f"{pci_public_url}/pci/fallback")
clock = SystemClock()
caller = DemoCaller.with_test_card(reference, clock)
ended = Call(settings, caller=caller, transport=HttpTransport(clock), clock=clock, listener=hear).run()
print(json.dumps({"said": " ".join(said), "faults": [str(fault) for fault in ended.faults]}))  # noqa: T201 - its answer

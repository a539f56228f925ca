"""No route of the PCI process breaks on a value: the answer is a refusal or a success, never a 500."""

from urllib.parse import unquote_to_bytes

import pytest
from structlog.testing import capture_logs

from ivr.platform import request_signing as signing
from tests.support import hostile_values
from tests.support.card_entry import (
    ACCOUNT_SID,
    CALL_SID,
    CARRIER_TOKEN,
    ENTRY_ID,
    INTERNAL_SECRET,
    PCI_URL,
    RETURN_URL,
    CardEntryHarness,
    both_engines,
)
from tests.support.carrier_signature import signed_headers
from tests.support.hostile_values import addresses, send_hostile

pytestmark = pytest.mark.slow


@both_engines
def test_no_door_of_pci_breaks(harness: CardEntryHarness) -> None:
    with capture_logs() as logs:
        caller = harness.caller()
        for method, path in addresses(harness.app):
            form = {"CallSid": CALL_SID, "AccountSid": ACCOUNT_SID, "Digits": "1"}
            send_hostile(
                harness.app,
                method,
                path,
                data=form,
                headers=signed_headers(CARRIER_TOKEN, PCI_URL + path, form),
            )
            _ask(harness, path, b'{"claimant": "x", "declined": true, "by": "me"}')
        order = {
            "key": "att_1",
            "amount_minor": 4990,
            "currency": "EUR",
            "description": "A bill",
            "metadata": {"bill": "bill_1"},
            "statement": "SHOP",
        }
        opening = {
            "id": "entry.call_9.1",
            "call_sid": CALL_SID,
            "account_sid": ACCOUNT_SID,
            "language": "en",
            "return_url": RETURN_URL,
            "postal_code": False,
            "authorize": order,
        }
        for body in hostile_values.bodies(opening):
            _ask(harness, "/pci/internal/entries", body)
        for path, template in (
            (f"/pci/internal/entries/{ENTRY_ID}/collect", {"claimant": "call_1.4"}),
            (f"/pci/internal/entries/{ENTRY_ID}/outcome", {"declined": True}),
            ("/pci/internal/lockouts", {"also_over": True}),
            ("/pci/internal/lockouts/cardlock_1/lift", {"by": "me"}),
        ):
            for body in hostile_values.bodies(template):
                _ask(harness, path, body)
        for name in (signing.HEADER_TIMESTAMP, signing.HEADER_NONCE, signing.HEADER_SIGNATURE):
            for value in hostile_values.HEADERS:
                _ask(harness, "/pci/internal/lockouts", b"{}", **{name: value})
        for value in (*hostile_values.TEXTS, "4242"):
            for name in ("Digits", "FinishedOnKey", "CallSid", "From", "CallStatus"):
                form = {"CallSid": CALL_SID, "AccountSid": ACCOUNT_SID, "Digits": "1", name: value}
                for url in (caller.url, f"{PCI_URL}/pci/fallback"):
                    headers = signed_headers(CARRIER_TOKEN, url, form)
                    send_hostile(harness.app, "POST", url.removeprefix(PCI_URL), data=form, headers=headers)
    broken = [one for one in logs if one["log_level"] in {"error", "critical"}]
    assert not broken, broken[:3]


def _ask(harness: CardEntryHarness, path: str, body: bytes, **changed: str) -> None:
    """Signed as web signs, whatever the headers hold."""
    harness._nonces += 1
    timestamp = changed.get(signing.HEADER_TIMESTAMP, str(int(harness.clock.now().timestamp())))
    nonce = changed.get(signing.HEADER_NONCE, f"n{harness._nonces}")
    target = unquote_to_bytes(path).decode("utf-8", "replace")
    mac = signing._mac(INTERNAL_SECRET, "POST", target, timestamp, nonce, body=body)
    headers = {
        signing.HEADER_TIMESTAMP: timestamp,
        signing.HEADER_NONCE: nonce,
        signing.HEADER_SIGNATURE: changed.get(signing.HEADER_SIGNATURE, mac),
    }
    send_hostile(harness.app, "POST", path, data=body, headers=headers)

"""A billing system that works with Pay-by-Call, as an example: Python's standard library, one SQLite file.

It may be stopped at any line, by a crash or a power cut, and run again: nothing is done twice and nothing is
lost. Three rules make it so:

1. What is wanted is written down first, sent second, and marked as sent third. Every request may be repeated:
   a bill has its reference, a refund its idempotency key.
2. What was read is booked in the same transaction that stores the cursor. Every booking has a key of its own,
   so that the same news books nothing twice.
3. A webhook is only a hint: it is stored under its id and answered, then the payment is read.

    export PAYBYCALL_URL=https://pay.example.org PAYBYCALL_KEY=pbc_... MERCHANT_SECRET=...
    python billing_system.py invoice 12345678 4990 EUR        # an invoice of 49.90 EUR
    python billing_system.py push                             # sends new invoices
    python billing_system.py follow                           # reads what was paid; run it every minute
    python billing_system.py refund credit-17 10482233 990    # your name for it, the payment, 9.90
    python billing_system.py listen 8090                      # receives webhooks
    python billing_system.py balance 12345678

`payment` in `refund` is the payment's id, or the eight digits that the caller heard.
"""

import hashlib
import hmac
import http.client
import json
import os
import random
import re
import sqlite3
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

TRIES = 6
TIMEOUT_S = 15
PAUSE_MAX_S = 60
REPLAY_WINDOW_S = 300
WEBHOOK_MAX_BYTES = 100_000

TABLES = """
CREATE TABLE IF NOT EXISTS invoice (
    reference TEXT PRIMARY KEY, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, phone TEXT,
    is_sent INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS payment (
    id TEXT PRIMARY KEY, bill_reference TEXT NOT NULL, state TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS booking (
    key TEXT PRIMARY KEY, bill_reference TEXT NOT NULL, amount_minor INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS refund (
    key TEXT PRIMARY KEY, payment TEXT NOT NULL, amount_minor INTEGER NOT NULL, refund_id TEXT,
    refused_because TEXT);
CREATE TABLE IF NOT EXISTS webhook (
    id TEXT PRIMARY KEY, payment_id TEXT NOT NULL, is_done INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS cursor (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class RefusedError(Exception):
    """Pay-by-Call refuses this bill, refund or name; the message says why. Others may go on."""


class SetupError(Exception):
    """No request will be taken like this: a wrong key, a wrong address, a fault of this program."""


class PayByCall:
    """Requests to the API. Each may be repeated, so each is repeated until there is an answer."""

    def __init__(self, url, key):
        self.url = url.rstrip("/") + "/api/v1"
        self.key = key

    def request(self, method, path, body=None, idempotency_key=None, **query):
        """The answer. Raises RefusedError, SetupError, or ConnectionError after the last try."""
        address = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        data = None if body is None else json.dumps(body).encode()
        for attempt in range(TRIES):
            try:
                sent = urllib.request.Request(address, data, headers, method=method)
                with urllib.request.urlopen(sent, timeout=TIMEOUT_S) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refusal:
                if refusal.code in (404, 409, 422):
                    raise RefusedError(detail_of(refusal)) from None
                if refusal.code < 500 and refusal.code != 429:
                    raise SetupError(f"{method} {path}: {detail_of(refusal)}") from None
                wait_s = pause_of(refusal, 2**attempt)
            except (OSError, ValueError, http.client.HTTPException):  # no answer, or half of one
                wait_s = 2**attempt
            if attempt < TRIES - 1:
                time.sleep(wait_s * random.uniform(0.8, 1.2))
        raise ConnectionError(f"no answer to {method} {path} after {TRIES} tries: run this again later")


def detail_of(refusal):
    """The sentence of a problem document (RFC 9457); a proxy in between may answer something else."""
    try:
        return json.load(refusal)["detail"]
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return f"status {refusal.code}"


def pause_of(refusal, otherwise):
    """`Retry-After` in seconds; a proxy in between may give a date, which is not read."""
    given = refusal.headers.get("Retry-After", "")
    return min(int(given), PAUSE_MAX_S) if re.fullmatch("[0-9]{1,9}", given) else otherwise


class BillingSystem:
    """Invoices, and what was paid on them."""

    def __init__(self, database, api):
        self.db = sqlite3.connect(database, timeout=30)
        self.db.executescript(TABLES)
        self.api = api

    # Bills in ---

    def add_invoice(self, reference, amount_minor, currency, phone=None):
        """The same invoice again changes nothing."""
        invoice = (reference, amount_minor, currency, phone)
        with self.db:
            self.db.execute(
                "INSERT OR IGNORE INTO invoice (reference, amount_minor, currency, phone) "
                "VALUES (?, ?, ?, ?)",
                invoice,
            )
        query = "SELECT reference, amount_minor, currency, phone FROM invoice WHERE reference = ?"
        if self.db.execute(query, (reference,)).fetchone() != invoice:
            raise SystemExit(f"There is another invoice {reference} already.")

    def push(self):
        """Sends what was not sent. After a crash a bill is sent again, which changes nothing there."""
        unsent = self.db.execute(
            "SELECT reference, amount_minor, currency, phone FROM invoice WHERE NOT is_sent"
        ).fetchall()
        for reference, amount_minor, currency, phone in unsent:
            bill = {
                "reference": reference,
                "amount_minor": amount_minor,
                "currency": currency,
                "phone": phone,
            }
            try:
                stored = self.api.request("POST", "/bills", bill)
            except RefusedError as refusal:  # it stays unsent: correct it, and push again
                print(f"Bill {reference} is refused: {refusal}")
                continue
            with self.db:
                self.db.execute("UPDATE invoice SET is_sent = 1 WHERE reference = ?", (reference,))
            print(f"Bill {reference}: {stored['result']}. {stored.get('warning', '')}".strip())

    # Payments out ---

    def follow(self):
        """Books what changed since the last time."""
        while True:
            found = self.db.execute("SELECT value FROM cursor WHERE name = 'payments'").fetchone()
            cursor = found[0] if found else ""
            page = self.api.request("GET", "/payments", cursor=cursor, limit=100)
            with self.db:  # the bookings and the cursor, together or not at all
                for payment in page["payments"]:
                    self.book(payment)
                self.db.execute("REPLACE INTO cursor (name, value) VALUES ('payments', ?)", (page["cursor"],))
            if not page["has_more"]:
                return

    def book(self, payment):
        """Within the caller's transaction. The same payment again, or older news of it, books nothing."""
        self.db.execute(
            "INSERT INTO payment (id, bill_reference, state, updated_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at "
            "WHERE excluded.updated_at >= payment.updated_at",
            (payment["id"], payment["bill_reference"], payment["state"], payment["updated_at"]),
        )
        if payment["state"] == "approved":
            self._book_once(f"charge {payment['id']}", payment, payment["amount_minor"])
        for refund in payment["refunds"]:
            key = f"refund {refund['id']}"
            if refund["status"] == "approved":
                self._book_once(key, payment, -refund["amount_minor"])
            elif refund["status"] == "declined" and self._is_booked(key):  # given back, and it came back
                self._book_once(f"came back {refund['id']}", payment, refund["amount_minor"])

    def _book_once(self, key, payment, amount_minor):
        self.db.execute(
            "INSERT OR IGNORE INTO booking (key, bill_reference, amount_minor) VALUES (?, ?, ?)",
            (key, payment["bill_reference"], amount_minor),
        )

    def _is_booked(self, key):
        return self.db.execute("SELECT 1 FROM booking WHERE key = ?", (key,)).fetchone() is not None

    def paid_minor(self, reference):
        query = "SELECT coalesce(sum(amount_minor), 0) FROM booking WHERE bill_reference = ?"
        return self.db.execute(query, (reference,)).fetchone()[0]

    # Refunds ---

    def want_refund(self, key, payment, amount_minor):
        """`key` is your own name for this refund, such as a credit note's number: it is given back once."""
        if not re.fullmatch("[!-~]{1,80}", key):  # it would be refused each time, and hold up the others
            raise SystemExit("The name of a refund has 1 to 80 visible ASCII characters, without spaces.")
        with self.db:
            self.db.execute(
                "INSERT OR IGNORE INTO refund (key, payment, amount_minor) VALUES (?, ?, ?)",
                (key, payment, amount_minor),
            )
        kept = self.db.execute("SELECT payment, amount_minor FROM refund WHERE key = ?", (key,)).fetchone()
        if kept != (payment, amount_minor):
            raise SystemExit(f"{key} is another refund already: {kept[1]} of payment {kept[0]}.")

    def send_refunds(self):
        """Sends what was wanted and not sent. After a crash the same key gets the same refund."""
        unsent = self.db.execute(
            "SELECT key, payment, amount_minor FROM refund "
            "WHERE refund_id IS NULL AND refused_because IS NULL"
        ).fetchall()
        for key, payment, amount_minor in unsent:
            path = f"/payments/{urllib.parse.quote(payment, safe='')}/refunds"
            refund_id = why = None
            try:
                refund = self.api.request("POST", path, {"amount_minor": amount_minor}, idempotency_key=key)
                refund_id = refund["id"]
                print(f"Refund {key}: {refund['status']}.")
            except RefusedError as refusal:
                why = str(refusal)
                print(f"Refund {key} is refused: {why}")
            with self.db:
                self.db.execute(
                    "UPDATE refund SET refund_id = ?, refused_because = ? WHERE key = ?",
                    (refund_id, why, key),
                )

    # Webhooks ---

    def receive(self, secret, signature, body):
        """Stores a webhook. False: it is not from Pay-by-Call, or too old."""
        if not is_genuine(secret, signature, body, time.time()):
            return False
        webhook = json.loads(body)
        payment_id = webhook["data"].get("payment_id")
        if payment_id is not None:  # a later release may have webhooks about something else
            with self.db:  # the same webhook again is dropped by its id
                self.db.execute(
                    "INSERT OR IGNORE INTO webhook (id, payment_id) VALUES (?, ?)",
                    (webhook["id"], payment_id),
                )
        return True

    def work_off_webhooks(self):
        """Webhooks come in any order, so the payment itself is read and booked."""
        waiting = self.db.execute("SELECT id, payment_id FROM webhook WHERE NOT is_done").fetchall()
        for webhook_id, payment_id in waiting:
            try:
                payment = self.api.request("GET", f"/payments/{payment_id}")
            except RefusedError as refusal:  # it waits for the next time, and holds up no other
                print(f"Webhook {webhook_id} is worked off later: {refusal}", flush=True)
                continue
            with self.db:
                self.book(payment)
                self.db.execute("UPDATE webhook SET is_done = 1 WHERE id = ?", (webhook_id,))


def is_genuine(secret, signature, body, now):
    """Whether this body was signed with `secret` within the last minutes. `signature` is the header
    Paybycall-Signature, `body` the raw bytes: check before parsing.
    """
    parts = [part.partition("=") for part in signature.split(",")]
    signed_at = next((value for name, _, value in parts if name == "t"), "")
    if not re.fullmatch("[0-9]{1,12}", signed_at) or abs(now - int(signed_at)) > REPLAY_WINDOW_S:
        return False
    expected = hmac.new(secret.encode(), signed_at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(
        hmac.compare_digest(expected.encode(), value.encode()) for name, _, value in parts if name == "v1"
    )


def listen(billing, secret, port):
    """Receives webhooks. Put it behind TLS."""

    class Handler(BaseHTTPRequestHandler):
        timeout = TIMEOUT_S

        def do_POST(self):
            length = self.headers.get("Content-Length", "")
            is_short = re.fullmatch("[0-9]{1,9}", length) and int(length) <= WEBHOOK_MAX_BYTES
            body = self.rfile.read(int(length)) if is_short else b""
            is_taken = billing.receive(secret, self.headers.get("Paybycall-Signature", ""), body)
            self.send_response(204 if is_taken else 403)
            self.end_headers()

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        print(f"Listening on port {server.server_port}.", flush=True)
        while True:
            server.handle_request()
            try:
                billing.work_off_webhooks()
            except (ConnectionError, SetupError) as fault:
                print(f"Webhooks are worked off later: {fault}", flush=True)


def setting(name):
    if name not in os.environ:
        raise SystemExit(f"{name} is not set.")
    return os.environ[name]


def minor_units(text):
    if not re.fullmatch("[0-9]{1,15}", text):
        raise SystemExit(f"{text!r} is no amount in minor units: write 990 for 9.90 EUR.")
    return int(text)


def main(arguments):
    if not arguments:
        raise SystemExit(__doc__)
    api = PayByCall(setting("PAYBYCALL_URL"), setting("PAYBYCALL_KEY"))
    billing = BillingSystem(os.environ.get("BILLING_DATABASE", "billing.db"), api)
    match arguments:
        case ["invoice", reference, amount_minor, currency, *phone]:
            billing.add_invoice(reference, minor_units(amount_minor), currency, *phone)
        case ["push"]:
            billing.push()
        case ["follow"]:
            billing.follow()
            billing.work_off_webhooks()
        case ["refund", key, payment, amount_minor]:
            billing.want_refund(key, payment, minor_units(amount_minor))
            billing.send_refunds()
        case ["listen", port] if port.isdecimal():
            listen(billing, setting("MERCHANT_SECRET"), int(port))
        case ["balance", reference]:
            print(f"Paid, in minor units: {billing.paid_minor(reference)}")
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (ConnectionError, SetupError) as fault:
        raise SystemExit(str(fault)) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None

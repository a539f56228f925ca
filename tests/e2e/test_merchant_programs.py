"""Programs of merchants at the running server: a client generated from its OpenAPI document, and the example
of a billing system, which crashes between two steps.
"""

import importlib
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

from gateways.secret import Secret
from ivr.integrations.signed_post import HEADER, sign
from ivr.platform.clock import SystemClock
from tests.support.deployed_server import MERCHANT_SECRET, DeployedServer
from tests.support.http_phone_line import PATIENCE_S
from tests.support.load_balancer import LoadBalancer, Request, balancing
from tests.support.merchant_server import MerchantServer, Posted, is_genuine
from tests.support.waiting import eventually

EXAMPLE = Path(__file__).parents[2] / "docs/examples/billing_system.py"


def api_key(server: DeployedServer) -> str:
    made = server.command("apikey", "create", "billing system")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def outcomes(merchant: MerchantServer, bill: str) -> list[tuple[Posted, dict[str, Any]]]:
    """What the merchant heard of this bill's payments; each is signed."""
    heard = [(posted, json.loads(posted.body)) for posted in list(merchant.posted)]
    found = [(posted, body) for posted, body in heard if body["data"]["bill_reference"] == bill]
    for posted, _ in found:
        assert is_genuine(Secret(MERCHANT_SECRET), posted.headers[HEADER], posted.body, SystemClock().now())
    return found


def wait_for(merchant: MerchantServer, bill: str, *kinds: str) -> None:
    def are_there() -> bool:
        return sorted(body["type"] for _, body in outcomes(merchant, bill)) == sorted(kinds)

    eventually(are_there, timeout_s=PATIENCE_S, what=f"the webhooks {kinds}")


def refunded_at_the_bank(server: DeployedServer, charge: str) -> list[int]:
    rows = server.bank_rows("SELECT amount_minor, charge_id FROM movement WHERE kind = 'refund'")
    return [row["amount_minor"] for row in rows if row["charge_id"] == charge]


# A generated client ---


@pytest.fixture
def generated(server: DeployedServer, tmp_path: Path) -> Iterator[ModuleType]:
    """A Python client, generated from what the server serves."""
    (tmp_path / "config.yaml").write_text("post_hooks: []\n")
    command = [
        str(Path(sys.executable).parent / "openapi-python-client"),
        *("generate", "--url", f"{server.environ['PUBLIC_URL']}/api/v1/openapi.json", "--meta", "none"),
        *("--output-path", "paybycall_client", "--config", "config.yaml", "--fail-on-warning"),
    ]
    environ = {**os.environ, "NO_PROXY": "127.0.0.1"}
    ended = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    sys.path.insert(0, str(tmp_path))
    try:
        yield importlib.import_module("paybycall_client")
    finally:
        sys.path.remove(str(tmp_path))
        for name in [name for name in sys.modules if name.partition(".")[0] == "paybycall_client"]:
            del sys.modules[name]


def test_a_generated_client_lives_a_bills_life(
    server: DeployedServer, merchant: MerchantServer, generated: ModuleType
) -> None:
    models = importlib.import_module("paybycall_client.models")
    client = generated.AuthenticatedClient(
        f"{server.environ['PUBLIC_URL']}/api/v1",
        api_key(server),
        timeout=PATIENCE_S,
        httpx_args={"trust_env": False},
    )

    def call(operation: str, *arguments: str, status: int = 200, **more: Any) -> Any:
        """Read into the model that the document promises."""
        module = importlib.import_module(f"paybycall_client.api.{operation}")
        answer = module.sync_detailed(*arguments, client=client, **more)
        assert answer.status_code == status, answer.content
        return answer.parsed

    bill = models.NewBill(reference="20406080", amount="49.90", currency="EUR")
    assert call("bills.store_bill", body=bill, status=201).result == "added"
    [again] = call("bills.store_bills", body=models.NewBills(bills=[bill])).results
    assert again.result == "unchanged"
    [listed] = call("bills.list_bills", bill="20406080", state=models.ListBillsState.OPEN).bills
    assert (listed.payable_minor, listed.status) == (4990, "open")
    assert "You have paid" in server.ring("20406080").words

    page = call("payments.list_payments", bill="20406080", state="approved", limit=1)
    [paid] = page.payments
    assert (paid.state, paid.amount_minor, paid.last_four) == ("approved", 4990, "4242")
    assert call("payments.get_payment", paid.reference).id == paid.id
    wait_for(merchant, "20406080", "payment.approved")
    assert outcomes(merchant, "20406080")[0][1]["data"]["state"] == paid.state

    wanted = models.NewRefund(amount_minor=990)
    for expected in (202, 200):  # the second is a repeat
        refund = call(
            "payments.refund_payment", paid.reference, body=wanted, idempotency_key="once", status=expected
        )
    wait_for(merchant, "20406080", "payment.approved", "refund.approved")
    read = call("payments.get_refund", refund.id)
    assert (read.status, read.amount_minor, read.payment_id) == ("approved", 990, paid.id)
    assert read.updated_at >= read.created_at
    [changed] = call("payments.list_payments", cursor=page.cursor, bill="20406080").payments
    assert (changed.refunded_minor, changed.updated_at) == (990, read.updated_at)
    assert call("bills.get_bill", "20406080").paid_minor == 4000
    assert refunded_at_the_bank(server, paid.gateway_reference) == [990]

    assert call("payouts.list_payouts", until=paid.created_at).payouts == []
    assert call("disputes.list_disputes", bill="20406080").disputes == []
    refused = call("payments.list_payments", state="paid", status=400)
    assert (type(refused), refused.field) == (models.Problem, "state")
    document = call("meta.get_open_api").to_dict()
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", ()):
            getattr(models, name).from_dict(example)


# The example of a billing system ---


@dataclass
class Crash:
    """A line on which the answer to a request is the last that its client's machine ever saw of it."""

    line: LoadBalancer
    answer: Callable[[Request], Any] = field(init=False)
    client: subprocess.Popen[str] | None = None
    """Who is killed once the server has answered; None: nobody."""

    def __post_init__(self) -> None:
        self.answer = self.line.relay
        self.line.relay = self.relay  # type: ignore[method-assign]

    def relay(self, request: Request) -> Any:
        found = self.answer(request)
        if self.client is None:
            return found
        self.client.kill()
        self.client.wait()
        return None


@dataclass
class Billing:
    """Runs the very file of the documentation, each time as a process of its own."""

    environ: dict[str, str]
    crash: Crash

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-u", str(EXAMPLE), *arguments]
        return subprocess.Popen(
            command, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *arguments: str) -> str:
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, said
        return said

    def run_twice(self, *arguments: str) -> str:
        """First it is killed when the server has answered and it has not heard so."""
        process = self.start(*arguments)
        self.crash.client = process
        process.communicate(timeout=PATIENCE_S)
        self.crash.client = None
        assert process.returncode == -9, "it was to be killed by its first request"
        return self.run(*arguments)

    def paid_minor(self, reference: str) -> int:
        return int(self.run("balance", reference).partition("minor units: ")[2])


@pytest.fixture
def billing(server: DeployedServer, tmp_path: Path) -> Iterator[Billing]:
    web = int(server.environ["PUBLIC_URL"].rpartition(":")[2])
    with balancing(lambda: [web]) as line:
        environ = {
            "PAYBYCALL_URL": line.url,
            "PAYBYCALL_KEY": api_key(server),
            "MERCHANT_SECRET": MERCHANT_SECRET,
            "BILLING_DATABASE": str(tmp_path / "billing.db"),
            "NO_PROXY": "127.0.0.1",
        }
        yield Billing(environ, Crash(line))


def test_the_billing_system_does_nothing_twice(
    server: DeployedServer, merchant: MerchantServer, billing: Billing
) -> None:
    billing.run("invoice", "30506070", "4990", "EUR")
    assert "unchanged" in billing.run_twice("push")
    assert billing.run("push") == ""
    assert "You have paid" in server.ring("30506070").words

    billing.run_twice("follow")
    assert billing.paid_minor("30506070") == 4990
    [paid] = server.attempts("30506070")
    for _ in range(2):
        billing.run("follow")
    assert billing.paid_minor("30506070") == 4990

    refund = ("refund", "credit-17", paid.reference, "990")
    billing.run_twice(*refund)
    assert billing.run(*refund) == "", "it was sent"
    wait_for(merchant, "30506070", "payment.approved", "refund.approved")
    billing.run_twice("follow")
    assert billing.paid_minor("30506070") == 4000
    [paid] = server.attempts("30506070")
    assert refunded_at_the_bank(server, paid.gateway_reference) == [990]
    assert "refused" in billing.run("refund", "credit-18", "30506070", "1")


def test_the_billing_system_takes_each_genuine_webhook_once(
    server: DeployedServer, merchant: MerchantServer, billing: Billing
) -> None:
    billing.run("invoice", "30506071", "4970", "EUR")
    billing.run("push")
    assert "You have paid" in server.ring("30506071").words
    wait_for(merchant, "30506071", "payment.approved")
    [(posted, _)] = outcomes(merchant, "30506071")
    now = SystemClock().now()
    long_ago = sign([Secret(MERCHANT_SECRET)], posted.body, now - timedelta(minutes=6))
    by_another = sign([Secret("a secret of somebody else's")], posted.body, now)
    rotated = sign([Secret("the next one, not known here"), Secret(MERCHANT_SECRET)], posted.body, now)
    changed = posted.body.replace(b"4970", b"9970")
    true = posted.headers[HEADER]
    listening = billing.start("listen", "0")
    try:
        assert listening.stdout is not None
        port = re.search(r"port (\d+)", listening.stdout.readline())
        assert port is not None
        statuses = [
            requests.post(
                f"http://127.0.0.1:{port[1]}/", data=body, headers={HEADER: header}, timeout=PATIENCE_S
            ).status_code
            for header, body in (
                *(
                    (header, posted.body)
                    for header in (long_ago, by_another, "", "t=,v1=", "t=1", "t=x,v1=x")
                ),
                (true, changed),
                *itertools.repeat((true, posted.body), 2),
                (rotated, posted.body),
            )
        ]
        assert statuses == [403] * 7 + [204] * 3
        eventually(lambda: billing.paid_minor("30506071") == 4970, timeout_s=PATIENCE_S, every_s=0.3)
    finally:
        listening.kill()
        listening.communicate()
    billing.run("follow")
    assert billing.paid_minor("30506071") == 4970

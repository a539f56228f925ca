"""docs/production.md is followed to the letter in a clean Debian, and ends in a paid call over TLS.

Production mode, PostgreSQL with two users, the shipped nginx files, the processes as their units start them.
What a test cannot have is put in by hand, and nothing else: certificates (of a throw-away authority, which
the installed packages are made to trust), the accounts at carrier and gateway, and the two themselves, which
answer at their real names in a network of their own.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.carrier_api import ACCOUNT, TOKEN
from tests.support.clean_root import CleanRoot, clean_root, code_blocks, copies
from tests.support.settings_of_readme import FILLED
from tests.support.stripe.account import WEBHOOK_SECRET
from tests.support.tools import ROOT
from tests.support.waiting import eventually

PAGE = ROOT / "docs/production.md"
SOURCE = "/usr/src/pay-by-call"
HOSTS = ("pay.example.org", "card.example.org")
OUTSIDE = ("api.twilio.com", "api.stripe.com")
ACCOUNTS = {
    **FILLED,
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
    "MERCHANT_NAME": "'Sample Town'",
}
STAND_INS = """server {{
    listen 443 ssl;
    server_name {host};
    ssl_certificate /etc/letsencrypt/live/{host}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/{host}/privkey.pem;
    location / {{ proxy_pass {url}; }}
}}
"""
BOOKS = """
SELECT a.state, c.state, count(*) FROM attempt a JOIN confirmation c ON c.attempt_id = a.id GROUP BY 1, 2;
"""
PAID_TWICE = "approved|sent|2\n"
CERTIFI = "/opt/paybycall/bin/python -c 'import certifi; print(certifi.where())'"


class Outside:
    """Carrier and gateway."""

    def __init__(self, root: CleanRoot) -> None:
        self._process = subprocess.Popen(
            [
                *("nsenter", "--target", str(root.pid), "--net", sys.executable),
                *("-m", "tests.support.clean_root_outside", FILLED["STRIPE_API_KEY"]),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.urls: dict[str, str] = json.loads(self._process.stdout.readline())

    def took(self) -> dict[str, Any]:
        """What they took; they end with it."""
        out, _ = self._process.communicate("", timeout=30)
        found: dict[str, Any] = json.loads(out)
        return found

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def root(tmp_path: Path) -> Iterator[CleanRoot]:
    with clean_root(tmp_path) as made:
        made.write(
            "/usr/local/bin/systemctl", "#!/usr/bin/python3\n" + copies("clean_root_systemctl.py"), 0o755
        )
        names = "".join(f"192.0.2.10 {host}\n" for host in (*HOSTS, *OUTSIDE))
        made.write("/etc/hosts", f"127.0.0.1 localhost\n{names}")
        made.copy_tree(SOURCE)
        yield made


def _certificates(root: CleanRoot) -> None:
    """In certbot's place; what was installed trusts them."""
    authority = trustme.CA()
    for host in (*HOSTS, *OUTSIDE):
        certificate = authority.issue_cert(host)
        live = f"/etc/letsencrypt/live/{host}"
        root.write(f"{live}/fullchain.pem", certificate.cert_chain_pems[0].bytes().decode())
        root.write(f"{live}/privkey.pem", certificate.private_key_pem.bytes().decode(), 0o600)
    root.write("/srv/authority.pem", authority.cert_pem.bytes().decode())
    root.shell(f'cat /srv/authority.pem >> "$({CERTIFI})"')


def _fill_in(root: CleanRoot) -> None:
    """The accounts, where `deploy/new-settings` left an empty value. What is optional stays empty."""
    for name in ("web", "pci"):
        path = f"/etc/paybycall/{name}.env"
        text = root.run("cat", path)
        filled = re.sub(
            r"^(\w+)=$", lambda found: f"{found[1]}={ACCOUNTS.get(found[1], '')}", text, flags=re.MULTILINE
        )
        root.write(path, filled, 0o600)


def _ready(root: CleanRoot) -> bool:
    ready = (
        "import urllib.request as r; [r.urlopen(f'http://127.0.0.1:{port}/readyz') for port in (8000, 8001)]"
    )
    done = subprocess.run(root.command("python3", "-c", ready), capture_output=True, check=False)
    return done.returncode == 0 and "worker_started" in root.run("cat", "/var/log/units/paybycall-worker.log")


def test_the_page_leads_to_a_paid_call(root: CleanRoot) -> None:
    packages, code, settings, databases, processes, port_80, tls, doctor, bill, *release = code_blocks(
        PAGE, "With systemd"
    )
    outside = Outside(root)
    try:
        root.shell(packages, folder=SOURCE, network=True)
        root.shell(code, folder=SOURCE, network=True)
        root.shell(settings, folder=SOURCE)
        _fill_in(root)
        root.shell(databases, folder=SOURCE)
        root.shell("nginx")  # as Debian's package does where packages may start what they install
        root.shell(port_80)
        root.shell("! (exec 3<>/dev/tcp/127.0.0.1/80) 2> /dev/null")  # certbot listens there
        _certificates(root)
        root.shell(processes, folder=SOURCE)
        for host, url in outside.urls.items():
            root.write(f"/etc/nginx/conf.d/{host}.conf", STAND_INS.format(host=host, url=url))
        root.shell(tls, folder=SOURCE)
        eventually(lambda: _ready(root), timeout_s=60, what="web, pci and worker")
        root.shell(doctor)
        root.shell(bill)
        _pay(root, "12345678")
        new_code, restarts = release
        root.shell(new_code, folder=SOURCE, network=True)
        root.shell(restarts, folder=SOURCE)
        eventually(lambda: _ready(root), timeout_s=60, what="the new release")
        root.shell(bill.replace("12345678", "87654321"))
        _pay(root, "87654321")
        eventually(lambda: _in_the_books(root) == PAID_TWICE, timeout_s=60, what="two receipts")
        took = outside.took()
    except BaseException as failed:
        failed.add_note(root.shell("tail -n 40 /var/log/units/* /var/log/nginx/* || true"))
        raise
    finally:
        outside.close()
    assert took["violations"] == []
    assert (took["charges"], took["taken_minor"]) == (2, 2 * 4990)
    assert [text for text in took["texts"] if "49.90" in text] == took["texts"]
    assert len(took["texts"]) == 2


def _in_the_books(root: CleanRoot) -> str:
    return root.run(
        *["runuser", "--user", "postgres", "--", "psql", "--no-align", "--tuples-only", "paybycall"],
        stdin=BOOKS,
    )


def _pay(root: CleanRoot, reference: str) -> None:
    urls = [f"https://{host}" for host in HOSTS]
    rung = root.run(
        "/opt/paybycall/bin/python", "-", *urls, ACCOUNT, TOKEN, reference, stdin=copies("clean_root_call.py")
    )
    call = json.loads(rung)
    assert call["faults"] == []
    assert "You have paid" in call["said"], call["said"]

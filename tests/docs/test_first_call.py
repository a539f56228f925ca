"""docs/first-call.md is followed as it stands: its settings, its commands and its call, with another carrier
and other ports; and what it names exists.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest

from gateways.secret import Secret
from ivr.cli import main
from ivr.cli.config import every_setting
from ivr.demo.environment import free_ports
from ivr.demo.processes import Processes
from ivr.pci.settings import load_pci_config
from ivr.platform.clock import SystemClock
from ivr.platform.ids import RandomIds
from ivr.platform.settings.web_settings import load_config
from ivr.simulators.phone.demo import DemoCaller
from ivr.simulators.phone.engine import Call
from ivr.simulators.phone.events import PhoneEvent, Said
from ivr.simulators.phone.transport import Form, HttpAnswer, HttpTransport
from ivr.simulators.phone.webhooks import CallSettings
from tests.support.carrier_api import ACCOUNT, TOKEN, CarrierApi, carrier_api
from tests.support.payer import WAY, pay
from tests.support.server import Server
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/first-call.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
NUMBER, PHONE = "+34910000000", "+34600111222"
FILLED = {
    "WEB-TUNNEL": "warm-words",
    "PCI-TUNNEL": "cold-cards",
    "ACCOUNT-SID": ACCOUNT,
    "AUTH-TOKEN": TOKEN,
    "YOUR-TWILIO-NUMBER": NUMBER,
}


def _settings_of_the_page(folder: Path) -> dict[str, str]:
    """Step 4 is run; the values that a person fills in are filled in; step 5 reads them."""
    (making,) = [block for block in BLOCKS if "cat > var/first-call/env" in block]
    subprocess.run(["bash", "-e", "-c", making], cwd=folder, check=True)
    file = folder / "var/first-call/env"
    assert file.stat().st_mode & 0o077 == 0, "it holds secrets"
    text = file.read_text()
    for blank, value in FILLED.items():
        assert blank in text
        text = text.replace(blank, value)
    file.write_text(text)
    (reading,) = [block for block in BLOCKS if block.startswith("set -a")]
    shown = subprocess.run(
        ["env", "-i", "bash", "-e", "-c", f"{reading}\nenv -0"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    pairs = (line.partition("=") for line in shown.stdout.split("\0") if line)
    return {name: value for name, _, value in pairs if re.search(rf"^{name}=", text, re.MULTILINE)}


def test_the_settings_of_the_page_are_enough(tmp_path: Path) -> None:
    settings = _settings_of_the_page(tmp_path)
    read = load_config(settings)
    assert (read.environment, read.channel, read.sms_from) == ("development", "sms", NUMBER)
    assert load_pci_config(settings).pci_public_url == "https://cold-cards.trycloudflare.com"
    (stripe,) = re.findall(r"^```\n(GATEWAY=stripe.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    changes = dict(line.split("=") for line in stripe.replace("...", "123").split())
    kept = {name: value for name, value in settings.items() if not name.startswith("SANDBOX_")}
    assert load_config(kept | changes).gateway == "stripe"
    assert load_pci_config(kept | changes)


def test_what_the_page_names_exists(server: Server) -> None:
    names = {one.setting.name for one in every_setting()}
    told = set(re.findall(r"`([A-Z][A-Z_]+[A-Z])(?:=[^`]*)?`", PAGE)) - {"REFERENCE", "AUTO"}
    told |= set(re.findall(r"^([A-Z_]+)=", PAGE, re.MULTILINE)) - {"AUTO"}
    assert told <= names
    routes = {str(rule) for app in (server.web, server.pci) for rule in app.url_map.iter_rules()}
    paths = set(re.findall(r"(?:trycloudflare\.com|127\.0\.0\.1:\d+)(/[a-z][a-z/]+)", PAGE))
    gateways = {path for path in paths if path.startswith("/gateways/")}
    assert paths - gateways <= routes
    assert gateways == {"/gateways/sandbox/webhook", "/gateways/stripe/webhook"}
    anchors = {f"#{_anchor(title)}" for title in re.findall(r"^##+ (.*)$", PAGE, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        path, _, anchor = target.partition("#")
        if not path:
            assert target in anchors
        elif not path.startswith("http"):
            there = (ROOT / "docs" / path).read_text(encoding="utf-8")
            assert not anchor or anchor in {
                _anchor(title) for title in re.findall(r"^##+ (.*)$", there, re.MULTILINE)
            }


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def test_every_command_of_the_page_exists() -> None:
    commands = re.findall(r"paybycall ([a-z][^`\n]*)", PAGE)
    assert len(commands) > 10
    for line in commands:
        command: click.Command = main
        words = shlex.split(line.split(" (")[0])
        while isinstance(command, click.Group) and words:
            found = command.get_command(click.Context(command), words[0])
            assert found is not None, line
            command = found
            words = words[1:]
        options = {name for one in command.params for name in one.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_the_shortest_payment_takes_as_many_steps_as_the_page_says(server: Server) -> None:
    """A trial account of the carrier's ends a call at the tenth."""
    server.add_bill()
    pay(server, WAY["tokenize"])
    first, *steps, last = server.transport.webhooks
    assert (first, last) == ("/voice/incoming", "/voice/status")
    assert len(steps) == 9
    assert "The shortest payment takes nine" in PAGE


@dataclass
class Tunnels:
    """Host names to ports, as two tunnels have it; what comes is signed for the host name."""

    ports: Mapping[str, int]
    inner: HttpTransport

    def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
        parts = urlsplit(url)
        local = parts._replace(scheme="http", netloc=f"127.0.0.1:{self.ports[parts.netloc]}").geturl()
        return self.inner.post(local, form, {**headers, "Host": parts.netloc})


@pytest.fixture
def carrier() -> Iterator[CarrierApi]:
    with carrier_api() as running:
        yield running


def test_the_page_leads_to_a_paid_call_and_a_text(tmp_path: Path, carrier: CarrierApi) -> None:
    environ = _settings_of_the_page(tmp_path)
    ports = dict(zip(("8000", "8001", "8099"), map(str, free_ports(3)), strict=True))

    def moved(text: str) -> str:
        return re.sub(r"\b(8000|8001|8099)\b", lambda found: ports[found[0]], text)

    environ = {name: moved(value) for name, value in environ.items()}
    for name in ("DATABASE_URL", "PCI_DATABASE_URL"):
        environ[name] = environ[name].replace("sqlite:///", f"sqlite:///{tmp_path}/")
    environ |= {
        "TWILIO_API_BASE": carrier.url,
        "PCI_KEY_DIRECTORY": str(tmp_path / "keys"),
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
    }
    commands = {
        words[0] if words[0] != "serve" else words[1]: ["paybycall", *words]
        for block in BLOCKS
        for line in moved(block).splitlines()
        if line.startswith(".venv/bin/paybycall")
        for words in [shlex.split(line)[1:]]
    }
    bank_file = commands["sandbox"].index("--database") + 1
    commands["sandbox"][bank_file] = str(tmp_path / "bank.db")
    with Processes(environ, tmp_path) as processes:
        processes.run("migrate", commands["migrate"])
        for name in ("sandbox", "web", "pci", "worker"):
            processes.start(name, commands[name])
        local = "http://127.0.0.1:"
        processes.wait_until_ready(
            {
                "sandbox": f"{local}{ports['8099']}/health",
                "web": f"{local}{ports['8000']}/readyz",
                "pci": f"{local}{ports['8001']}/readyz",
            }
        )
        processes.run("bill", commands["bill"])
        said = _call(environ, ports)
        table = PAGE.partition("| you hear |")[2].partition("\n\n")[0]
        for row in table.splitlines()[2:]:
            for sentence in row.split("|")[1].split("..."):
                assert sentence.strip() in " ".join(said)
        assert "You have paid 12 euros and 50 cents" in said[-1]
        eventually(lambda: carrier.texts, what="the text")
        (text,) = carrier.texts
        assert (text["to"], text["from"]) == (PHONE, NUMBER)
        assert "Example Town Hall: €12.50 received. Bill 12345678" in text["body"]
        processes.run("payment", commands["payment"])
        assert "approved" in (tmp_path / "payment.log").read_text()


def _call(environ: Mapping[str, str], ports: Mapping[str, str]) -> list[str]:
    """What the owner of the bill's phone hears, and keys, until the server hangs up."""
    hosts = {
        urlsplit(environ["PUBLIC_URL"]).netloc: int(ports["8000"]),
        urlsplit(environ["PCI_PUBLIC_URL"]).netloc: int(ports["8001"]),
    }
    settings = CallSettings.to_server(
        environ["PUBLIC_URL"],
        ids=RandomIds(),
        account_sid=environ["TWILIO_ACCOUNT_SID"],
        auth_token=Secret(environ["TWILIO_AUTH_TOKEN"]),
        from_number=PHONE,
        to_number=NUMBER,
    )
    said: list[str] = []

    def hear(event: PhoneEvent) -> None:
        if isinstance(event, Said):
            said.append(event.text)

    clock = SystemClock()
    Call(
        settings,
        caller=DemoCaller.with_test_card("12345678", clock),
        transport=Tunnels(hosts, HttpTransport(clock)),
        clock=SystemClock(),
        listener=hear,
    ).run()
    return said

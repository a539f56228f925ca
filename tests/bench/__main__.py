"""`make bench`: what a payment call costs the server, in CPU and memory, as ratios within one run.

The real processes are rung one call after the other; what they use is read from the operating system, so the
phone's own cost does not count. Beside them, in the same run, stands what someone would write instead
(`baseline.py`). Times on a busy machine are noise: quote the ratios.
"""

import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from gateways.secret import Secret
from ivr.bills import store
from ivr.bills.bill import NewBill
from ivr.carriers.twilio.signature import compute
from ivr.demo.environment import CALLED, DemoEnvironment, free_ports, prepare
from ivr.demo.processes import Processes, read_procfile
from ivr.platform.clock import SystemClock
from ivr.platform.database.engine import make_engine
from ivr.platform.ids import RandomIds
from ivr.simulators.phone.demo import DemoCaller
from ivr.simulators.phone.engine import Call
from ivr.simulators.phone.transport import Form, HttpAnswer, HttpTransport
from ivr.simulators.phone.webhooks import CallSettings
from tests.bench import pieces
from tests.support import call_time

CALLS = int(os.environ.get("BENCH_CALLS", "20"))
WARM_UP = 3
IDLE_S = 5
WEBHOOKS = 8


@dataclass(frozen=True)
class Used:
    """CPU seconds and resident memory of a process with its children."""

    cpu_s: float
    resident_mb: float


def used(process: psutil.Process) -> Used:
    family = [process, *process.children(recursive=True)]
    cpu = sum(sum(one.cpu_times()[:2]) for one in family)
    return Used(cpu, sum(one.memory_info().rss for one in family) / 1e6)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="paybycall-bench-") as folder:
        demo = prepare(Path(folder), RandomIds(), {"PCI_CARD_TRIES_MAX": "1000", **os.environ})
        with Processes(demo.environ, demo.logs) as processes:
            ours, posted = _ours(processes, demo)
            theirs = _theirs(processes, demo)
    _say(f"\nA payment call, CPU ms: {CALLS} calls of {posted:.1f} webhooks; the yardstick's have {WEBHOOKS}")
    for name, (cpu_ms, resident_mb) in ours.items():
        _say(f"  {name:<10} {cpu_ms:8.1f} ms {resident_mb:8.0f} MB resident")
    total = sum(cpu_ms for cpu_ms, _ in ours.values())
    _say(f"  {'yardstick':<10} {theirs[0]:8.1f} ms {theirs[1]:8.0f} MB resident")
    _say(f"  ratio, all processes to the yardstick:  {total / theirs[0]:.1f}")
    _say(
        f"  ratio, web alone per webhook:           {(ours['web'][0] / posted) / (theirs[0] / WEBHOOKS):.1f}"
    )
    pace = f"{call_time.WORDS_A_MINUTE} words a minute and {call_time.KEY_S} s a key"
    _say(f"\nSeconds until a caller has paid, at {pace}")
    for row in call_time.rows():
        _say(f"  {row}")
    _say("\nPieces, microseconds")
    for name, library_us, ours_us in pieces.measure():
        ratio = library_us / ours_us
        _say(f"  {name:<24} library {library_us:7.1f}   ours {ours_us:6.1f}   {ratio:4.1f} times faster")


def _ours(processes: Processes, demo: DemoEnvironment) -> tuple[dict[str, tuple[float, float]], float]:
    procfile = read_procfile(Path("Procfile"))
    processes.run("release", procfile["release"])
    bank = ["--port", str(demo.ports["sandbox"]), "--database", str(demo.folder / "bank.db")]
    processes.start("sandbox", ["paybycall", "sandbox", *bank])
    processes.start("web", procfile["web"], port=demo.ports["web"])
    processes.start("pci", procfile["pci"], port=demo.ports["pci"])
    processes.start("worker", procfile["worker"])
    environ = demo.environ
    processes.wait_until_ready(
        {
            "sandbox": f"{environ['SANDBOX_URL']}/",
            "web": f"{environ['PUBLIC_URL']}/readyz",
            "pci": f"{environ['PCI_PUBLIC_URL']}/readyz",
        }
    )
    for number in range(WARM_UP):
        _pay(demo, number)
    watched = {name: psutil.Process(processes.pid(name)) for name in ("web", "pci", "worker")}
    idle = _idle_ms(watched["worker"])
    _say(
        f"The worker with nothing to do: {idle:.1f} ms CPU a second (it looks for charges ten times a second)"
    )
    before = {name: used(process) for name, process in watched.items()}
    posted = sum(_pay(demo, WARM_UP + number) for number in range(CALLS)) / CALLS
    after = {name: used(process) for name, process in watched.items()}
    cost = {
        name: ((after[name].cpu_s - before[name].cpu_s) * 1000 / CALLS, after[name].resident_mb)
        for name in watched
    }
    return cost, posted


def _idle_ms(process: psutil.Process) -> float:
    """CPU milliseconds a second of a process that waits for work."""
    before = used(process).cpu_s
    SystemClock().sleep(IDLE_S)
    return (used(process).cpu_s - before) * 1000 / IDLE_S


def _pay(demo: DemoEnvironment, number: int) -> int:
    """One call that pays its own bill; how many webhooks it took."""
    reference, phone = str(20_000_000 + number), f"+346{number:08}"
    clock, ids = SystemClock(), RandomIds()
    engine = make_engine(demo.environ["DATABASE_URL"])
    with engine.begin() as tx:
        new = NewBill(
            reference=reference, currency="EUR", billed_minor=4990, minimum_minor=1000, payer_phone=phone
        )
        store.upsert(tx, new, "cli", clock=clock, ids=ids)
    engine.dispose()
    settings = CallSettings.to_server(
        demo.environ["PUBLIC_URL"],
        ids=ids,
        account_sid=demo.environ["TWILIO_ACCOUNT_SID"],
        auth_token=Secret(demo.environ["TWILIO_AUTH_TOKEN"]),
        from_number=phone,
        to_number=CALLED,
    )
    transport = _Counting(HttpTransport(clock))
    heard: list[object] = []
    Call(
        settings,
        caller=DemoCaller.with_test_card(reference, clock),
        transport=transport,
        clock=clock,
        listener=heard.append,
    ).run()
    if not any("You have paid" in str(event) for event in heard):
        raise AssertionError(f"call {number} did not pay: {heard[-3:]}")
    return transport.count


class _Counting:
    def __init__(self, inner: HttpTransport) -> None:
        self._inner = inner
        self.count = 0

    def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
        self.count += 1
        return self._inner.post(url, form, headers)


def _theirs(processes: Processes, demo: DemoEnvironment) -> tuple[float, float]:
    port = free_ports(1)[0]
    options = ["--interface", "wsgi", "--port", str(port), "--blocking-threads", "16", "--factory"]
    processes.start("yardstick", ["granian", *options, "tests.bench.baseline:app"])
    url = f"http://127.0.0.1:{port}/voice"
    processes.wait_until_ready({"yardstick": f"http://127.0.0.1:{port}/readyz"})
    watched = psutil.Process(processes.pid("yardstick"))
    token = Secret(demo.environ["TWILIO_AUTH_TOKEN"])
    for number in range(WARM_UP):
        _ring_theirs(url, token, f"CA{number}")
    before = used(watched)
    for number in range(CALLS):
        _ring_theirs(url, token, f"CA{WARM_UP + number}")
    after = used(watched)
    return (after.cpu_s - before.cpu_s) * 1000 / CALLS, after.resident_mb


def _ring_theirs(url: str, token: Secret, call_sid: str) -> None:
    form = {**pieces.FORM, "CallSid": call_sid, "Digits": "1"}
    signed = compute(token, url, {name: [value] for name, value in form.items()})
    for _ in range(WEBHOOKS):
        requests.post(url, data=form, headers={"X-Twilio-Signature": signed}, timeout=15).raise_for_status()


if __name__ == "__main__":
    sys.exit(main())

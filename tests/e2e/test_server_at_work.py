"""The running server as its operator and the merchant's program meet it, and while a release rolls out."""

import json

import requests

from tests.support.deployed_server import DeployedServer, on_postgres
from tests.support.http_phone_line import PATIENCE_S, HttpPhoneLine
from tests.support.waiting import eventually


def findings(server: DeployedServer) -> dict[str, tuple[str, str]]:
    """What the doctor says: check -> (ok or FAULT, sentence). At the carrier's address nobody is."""
    ended = server.command("doctor", TWILIO_API_BASE="http://127.0.0.1:9", NO_PROXY="127.0.0.1")
    assert "Traceback" not in ended.stderr
    lines = [line for line in ended.stdout.splitlines() if line.startswith(("ok", "FAULT"))]
    said = {line[7:21].strip(): (line[:5].strip(), line[21:]) for line in lines}
    assert ended.returncode == int(any(verdict == "FAULT" for verdict, _ in said.values()))
    return said


def test_the_doctor_finds_the_house_well_but_for_the_carrier(server: DeployedServer) -> None:
    said = findings(server)
    assert {name for name, (verdict, _) in said.items() if verdict == "FAULT"} == {"carrier", "clock"}
    assert {
        "settings",
        "web",
        "pci",
        "shared secret",
        "gateway",
        "database",
        "worker",
    } <= said.keys()


def test_the_doctor_names_what_is_stopped(server: DeployedServer) -> None:
    server.kill("pci")
    said = findings(server)
    faults = {name for name, (verdict, _) in said.items() if verdict == "FAULT"}
    assert faults == {"carrier", "clock", "pci", "pci, public", "shared secret"}
    assert "paybycall serve pci" in said["pci"][1]


@on_postgres
def test_two_web_processes_take_turns_in_one_call(server: DeployedServer) -> None:
    """A release rolls out: each webhook meets the other process."""
    reference = server.add_bill(4971)
    server.start("web2")
    try:
        balancers = tuple(f"http://127.0.0.1:{server.ports[name]}" for name in ("web", "web2"))
        rung = server.ring(reference, line=HttpPhoneLine(web_urls=balancers))
    finally:
        assert server.stop("web2") == 0
    assert rung.ended.faults == ()
    assert rung.statuses <= {200, 204}
    assert "You have paid" in rung.words
    assert len(server.charges(reference)) == 1


OF_A_CALL = {"call_sid", "attempt_id", "entry_id", "confirmation", "refund_id", "turn", "card_id"}
"""What a line names that belongs to a call."""


def test_every_log_line_is_json_and_names_its_call(server: DeployedServer) -> None:
    """Of every process from its first line on, through a whole call; and what starts says what it is."""
    server.anew("web", "pci", "worker")
    reference = server.add_bill(4971)
    rung = server.ring(reference)
    server.until(reference, "approved")
    eventually(server.settled, timeout_s=PATIENCE_S, what="the text")
    [attempt] = server.attempts(reference)
    of_call: dict[str, set[str]] = {}
    for name in ("web", "pci", "worker"):
        lines = [json.loads(line) for line in server.log(name).splitlines() if not _is_text(line)]
        start = lines[0]
        assert (start["event"], start["process"], start["gateway"]) == ("starting", name, "sandbox")
        assert (start["environment"], start["database"]) == ("development", "sqlite")
        assert {"TWILIO_AUTH_TOKEN", "INTERNAL_SECRET"} <= set(start["settings_set"])
        for line in lines:
            assert {"timestamp", "level", "event", "process", "logger"} <= line.keys()
            of_a_call = OF_A_CALL & line.keys() or str(line.get("subject_id", "")).startswith(_OF_A_CALL)
            assert not of_a_call or line.get("call_id"), line
        of_call[name] = {line["event"] for line in lines if line.get("call_id") == attempt.call_id}
        secrets = [value for key, value in server.environ.items() if "TOKEN" in key or "SECRET" in key]
        assert not [one for one in secrets if one in server.log(name)]
    assert rung.call_sid in server.log("web")
    assert "call_ended" in of_call["web"]
    assert "card_entry_ended" in of_call["pci"]
    assert {"attempt_moved", "confirmation_moved"} <= of_call["worker"]


_OF_A_CALL = ("attempt_", "call_", "refund_", "confirmation_", "out_", "card_")


def _is_text(line: str) -> bool:
    """What the console channel prints in development: the text to the payer itself."""
    return not line or line.startswith("  ")


def test_a_worker_answers_on_its_own_port(server: DeployedServer) -> None:
    reference = server.add_bill(4972)
    server.ring(reference)
    server.until(reference, "approved")
    door = f"http://127.0.0.1:{server.ports['worker']}"
    ask = requests.Session()
    ask.trust_env = False
    assert ask.get(f"{door}/healthz", timeout=PATIENCE_S).json() == {"status": "ok"}
    ready = ask.get(f"{door}/readyz", timeout=PATIENCE_S)
    assert (ready.status_code, ready.json()["parts"]["work"]) == (200, "ok")
    shown = ask.get(f"{door}/metrics", timeout=PATIENCE_S).text
    assert 'paybycall_worker_runs_total{job_name="charge_attempt",outcome="done"}' in shown
    assert 'paybycall_ready{part="work",process="worker"} 1.0' in shown
    of_web = ask.get(f"{server.environ['PUBLIC_URL']}/metrics", timeout=PATIENCE_S).text
    assert "paybycall_workers_alive 1.0" in of_web

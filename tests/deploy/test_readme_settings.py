"""README's settings are enough for production, none of them is idle, and its command of honcho works."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from ivr.demo.environment import free_ports
from ivr.pci.settings import load_pci_config
from ivr.platform.settings.reading import SettingsError
from ivr.platform.settings.web_settings import load_config
from tests.support.databases import Databases
from tests.support.http_phone_line import PATIENCE_S
from tests.support.settings_of_readme import FILLED, ROOT, filled, readme_settings
from tests.support.waiting import eventually

OPTIONAL = {"METRICS_TOKEN"}
"""Wanted by /metrics, and not by a process that starts."""
HONCHO = re.compile(r"PORT=8000 (honcho start [a-z ]+[a-z])")
BIN = Path(sys.executable).parent


def test_only_known_placeholders_are_filled() -> None:
    assert {name for name, value in readme_settings().items() if value.endswith("...")} == FILLED.keys()


@pytest.mark.parametrize("name", [one for one in readme_settings() if one not in OPTIONAL])
def test_no_setting_is_idle(name: str) -> None:
    less = {other: value for other, value in filled().items() if other != name}
    refused = []
    for load in (load_config, load_pci_config):
        try:
            load(less)
        except SettingsError as fault:
            refused.append(str(fault))
    assert any(name in sentence for sentence in refused)


def test_web_pci_and_worker_start_with_exactly_these(databases: Databases, tmp_path: Path) -> None:
    [command] = set(HONCHO.findall((ROOT / "README.md").read_text()))
    assert f"PORT=8000 {command}" in (ROOT / "docs/production.md").read_text()
    urls = {name: databases._named(databases._create(None)) for name in ("DATABASE_URL", "PCI_DATABASE_URL")}
    port = _free_port()
    environ = {**filled(), **urls, "PORT": str(port), "PATH": f"{BIN}:{os.environ['PATH']}"}
    log = tmp_path / "log"
    try:
        subprocess.run(
            ["paybycall", "migrate"], env=environ, check=True, cwd=ROOT, executable=BIN / "paybycall"
        )
        with log.open("wb") as file:
            runner = subprocess.Popen(
                command.split(),
                executable=BIN / "honcho",
                env=environ,
                cwd=ROOT,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            for each in (port, port + 100):
                eventually(lambda at=each: _is_ready(at), timeout_s=PATIENCE_S, what=f"an answer at {each}")
            eventually(lambda: "worker_started" in log.read_text(), timeout_s=PATIENCE_S, what="the worker")
            assert runner.poll() is None, log.read_text()
            runner.terminate()
            runner.wait(PATIENCE_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(runner.pid, signal.SIGKILL)
            runner.wait()
    finally:
        for url in urls.values():
            databases.drop(url)


def _free_port() -> int:
    """One of which the port that honcho gives to the second process is free, too."""
    for port in free_ports(20):
        with suppress(OSError):
            socket.create_server(("127.0.0.1", port + 100)).close()
            return port
    raise AssertionError("no free port")


def _is_ready(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE_S).ok
    except requests.RequestException:
        return False

"""A process that cannot work does not start: it says in sentences what to set, and ends with status 2."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli import main
from ivr.demo.environment import free_ports, prepare
from ivr.platform.ids import RandomIds

PAYBYCALL = str(Path(sys.executable).parent / "paybycall")


def serve(name: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PAYBYCALL, "serve", name],
        env={"PATH": os.defpath, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("web", "DATABASE_URL PUBLIC_URL PCI_INTERNAL_URL INTERNAL_SECRET TWILIO_AUTH_TOKEN GATEWAY"),
        ("pci", "PCI_DATABASE_URL PCI_PUBLIC_URL PUBLIC_URL INTERNAL_SECRET TWILIO_AUTH_TOKEN GATEWAY"),
        ("worker", "DATABASE_URL PUBLIC_URL TWILIO_ACCOUNT_SID GATEWAY"),
    ],
)
def test_without_any_setting(name: str, needed: str) -> None:
    ended = serve(name, {})
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    for setting in needed.split():
        assert f"Set {setting}" in ended.stderr


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("web", ["sandbox", "https://", "CHANNEL"]),
        ("pci", ["sandbox", "https://"]),
        ("worker", ["sandbox", "https://", "CHANNEL"]),
    ],
)
def test_production_refuses_what_the_demo_has(tmp_path: Path, name: str, refused: list[str]) -> None:
    environ = prepare(tmp_path, RandomIds(), {}).environ
    ended = serve(name, {**environ, "ENVIRONMENT": "production"})
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    for word in refused:
        assert word in ended.stderr
    for secret in ("TWILIO_AUTH_TOKEN", "INTERNAL_SECRET"):
        assert environ[secret] not in ended.stderr + ended.stdout


def test_a_worker_on_a_database_that_nobody_migrated(tmp_path: Path) -> None:
    ended = serve("worker", prepare(tmp_path, RandomIds(), {}).environ)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "paybycall migrate" in ended.stderr


def migrated(folder: Path) -> dict[str, str]:
    """The demo's environment, with its databases."""
    environ = prepare(folder, RandomIds(), {}).environ
    assert CliRunner().invoke(main, ["migrate"], env=environ).exit_code == 0
    return environ


@pytest.mark.parametrize(
    ("name", "setting", "sentence"),
    [
        ("web", "RECORDINGS", "recorded.toml: "),
        ("pci", "PCI_RECORDINGS", "recorded.toml: "),
        ("pci", "PCI_KEY_DIRECTORY", "PCI_KEY_DIRECTORY"),
    ],
)
def test_what_only_a_worker_process_sees(tmp_path: Path, name: str, setting: str, sentence: str) -> None:
    """It is no traceback either, and the status is the same."""
    environ = migrated(tmp_path)
    (tmp_path / "recorded.toml").write_text("= no TOML")
    (tmp_path / "recorded.toml").chmod(0o644)
    [port] = free_ports(1)
    ended = serve(name, environ | {setting: str(tmp_path / "recorded.toml"), "PORT": str(port)})
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert sentence in ended.stderr


@pytest.mark.parametrize("name", ["web", "pci"])
def test_a_port_that_is_taken(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = serve(name, {**migrated(tmp_path), "PORT": port})
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert f"Port {port} on 127.0.0.1 is already in use" in ended.stderr

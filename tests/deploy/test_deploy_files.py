"""The files that bring the server onto a machine are what the tools that read them take, and keep what
docs/production.md promises: no privileges, `pci` apart, every setting that README calls enough.
"""

import configparser
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ivr.cli.serve import PCI_BODY_BYTES_MAX, WEB_BODY_BYTES_MAX
from tests.support.settings_of_readme import ROOT, readme_settings
from tests.support.tools import python_tool, tool

UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
EXPOSURE_MAX = 15
"""In tenths, of 100: systemd's own measure of how much of the machine a service could reach."""
WORLD = {"web", "pci"}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = ("migrate", "web", "pci", "worker")


def _run(*command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_the_dockerfile_is_clean() -> None:
    linted = _run(python_tool("hadolint"), str(ROOT / "Dockerfile"))
    assert linted.returncode == 0, linted.stdout


def test_compose_is_as_its_specification_says() -> None:
    checked = _run(
        python_tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(ROOT / "compose.yaml")
    )
    assert checked.returncode == 0, checked.stdout


def test_units_are_as_systemd_reads_them(tmp_path: Path) -> None:
    analyze = tool("systemd-analyze", package="systemd")
    for path in (ROOT / "deploy/systemd").iterdir():
        text = path.read_text().replace("/opt/paybycall/bin/paybycall", "/bin/true")
        (tmp_path / path.name).write_text(text)
    verified = _run(analyze, "verify", "--man=no", *map(str, sorted(tmp_path.iterdir())))
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_service_reaches_little(unit: Path) -> None:
    analyze = tool("systemd-analyze", package="systemd")
    rated = _run(analyze, "security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", str(unit))
    assert rated.returncode == 0, rated.stdout


def _unit(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, delimiters="=", interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / f"deploy/systemd/paybycall-{name}.service")
    return parser["Service"]


@pytest.mark.parametrize("name", ["web", "pci", "worker"])
def test_a_process_starts_with_the_machine(name: str) -> None:
    """Not with the first connection alone: the first caller would wait for it."""
    unit = (ROOT / f"deploy/systemd/paybycall-{name}.service").read_text()
    assert unit.endswith("\n[Install]\nWantedBy=multi-user.target\n")


@pytest.mark.parametrize("name", sorted(COMPOSE["services"].keys() - {"migrate"}))
def test_a_container_starts_with_the_machine(name: str) -> None:
    """By `on-failure` it would not: it ended well when the machine went down. Source: docs.docker.com, "Start
    containers automatically".
    """
    assert COMPOSE["services"][name]["restart"] == "unless-stopped"


def test_pci_has_a_user_and_settings_of_its_own() -> None:
    users = {name: _unit(name).get("User") for name in ("web", "worker", "pci")}
    assert users == {"web": "paybycall", "worker": "paybycall", "pci": "paybycall-pci"}
    for name in ("web", "worker"):
        assert "pci.env" not in (ROOT / f"deploy/systemd/paybycall-{name}.service").read_text()
    assert "web.env" not in (ROOT / "deploy/systemd/paybycall-pci.service").read_text()


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_has_no_privileges(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "ipc"} & service.keys()
    assert ("ports" in service) == (name == "proxy")


def test_containers_of_pci_are_on_a_network_of_their_own() -> None:
    networks = {name: set(service["networks"]) for name, service in COMPOSE["services"].items()}
    assert networks == {
        "db": {"web"},
        "web": {"web"},
        "worker": {"web"},
        "pci-db": {"pci"},
        "pci": {"pci"},
        "migrate": WORLD,
        "proxy": WORLD,
    }
    published = COMPOSE["services"]["proxy"]["ports"]
    assert published == ["80:80", "443:443"]  # and not the port of /pci/internal/
    assert {COMPOSE["services"][name]["image"] for name in OURS} == {"paybycall"}


def test_the_keys_of_pci_are_in_memory() -> None:
    pci = COMPOSE["services"]["pci"]
    folder = Path(pci["environment"]["PCI_KEY_DIRECTORY"]).parent
    assert any(mount.startswith(f"{folder}:") and "mode=0700" in mount for mount in pci["tmpfs"])
    assert pci["memswap_limit"] == pci["mem_limit"]  # no swap
    unit = _unit("pci")
    assert unit["Environment"] == f"PCI_KEY_DIRECTORY=/run/{unit['RuntimeDirectory']}/keys"
    assert unit["RuntimeDirectoryPreserve"] == "yes"


def _written(way: str, folder: Path) -> dict[str, dict[str, str]]:
    """File -> its settings, as `deploy/new-settings` writes them."""
    command = (str(ROOT / "deploy/new-settings"), way, "pay.example.org", "card.example.org", "made")
    made = _run(*command, cwd=folder)
    assert made.returncode == 0, made.stderr
    assert _run(*command, cwd=folder).returncode == 2  # it overwrites nothing
    assert {path.stat().st_mode & 0o777 for path in (folder / "made").iterdir()} == {0o600}
    return {
        path.name: dict(
            line.split("=", 1) for line in path.read_text().splitlines() if not line.startswith("#")
        )
        for path in (folder / "made").glob("*.env")
    }


@pytest.mark.parametrize("way", ["systemd", "compose"])
def test_new_settings_are_those_of_readme(way: str, tmp_path: Path) -> None:
    tool("openssl")
    files = _written(way, tmp_path)
    web, pci = files["web.env"], files["pci.env"]
    optional = {"STRIPE_WEBHOOK_SECRET", "MERCHANT_PHONE", "TIME_ZONE"}
    assert {*web, *pci} - optional == readme_settings().keys()
    assert not {"PCI_DATABASE_URL", "PCI_FINGERPRINT_KEY"} & web.keys()
    assert not {"DATABASE_URL", "SMS_FROM", "STRIPE_WEBHOOK_SECRET"} & pci.keys()
    assert {name for name in web.keys() & pci.keys() if web[name] != pci[name]} == set()
    assert web["DATABASE_URL"].split(":")[2] != pci["PCI_DATABASE_URL"].split(":")[2]
    if way == "compose":
        assert (tmp_path / ".env").read_text() == "WEB_HOST=pay.example.org\nPCI_HOST=card.example.org\n"
        for name, url in (("db", web["DATABASE_URL"]), ("pci-db", pci["PCI_DATABASE_URL"])):
            own = files[f"{name}.env"]
            user, password, database = (own[f"POSTGRES_{one}"] for one in ("USER", "PASSWORD", "DB"))
            assert url == f"postgresql://{user}:{password}@{name}/{database}"


@pytest.mark.parametrize(
    ("name", "bytes_max"),
    [("web", WEB_BODY_BYTES_MAX), ("pci", PCI_BODY_BYTES_MAX), ("pci-internal", PCI_BODY_BYTES_MAX)],
)
def test_nginx_takes_bodies_as_large_as_we_do_and_keeps_all_in_memory(name: str, bytes_max: int) -> None:
    text = (ROOT / f"deploy/nginx/paybycall-{name}.conf").read_text()
    for setting in ("client_max_body_size", "client_body_buffer_size"):
        assert re.findall(rf"{setting} (\d+);", text) == [str(bytes_max)]
    assert "proxy_max_temp_file_size 0;" in text


def test_the_image_has_no_more_than_the_builder_is_sent() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert "*" in ignored
    assert sent == {name for line in copied for name in line.split()}


def test_the_command_of_root_reads_settings_as_systemd_does(tmp_path: Path) -> None:
    """Spaces, dollars and quotes are part of a value; nothing in the file is run."""
    values = {
        "A": "Sample Town",
        "B": "'$HOME `id` \\ x'",
        "C": '"a b"',
        "D": "",
        "E": "x=y#z",
        "F": "O'Neill",
    }
    text = (ROOT / "deploy/paybycall").read_text().replace("/etc/paybycall", str(tmp_path))
    text = text.replace("runuser --user paybycall -- /opt/paybycall/bin/paybycall", "env")
    (tmp_path / "paybycall").write_text(text.replace('$(id -u)" = 0', '0" = 0'))
    settings = tmp_path / "web.env"

    def run() -> subprocess.CompletedProcess[str]:
        return _run("sh", str(tmp_path / "paybycall"), cwd=tmp_path)

    missing = run()
    assert (missing.returncode, missing.stderr.count("deploy/new-settings")) == (2, 1)
    settings.write_text("# A comment.\n\n" + "".join(f"{name}={value}\n" for name, value in values.items()))
    settings.chmod(0o600)
    tmp_path.chmod(0o755)
    closed = run()
    assert closed.stderr == ""
    assert {f"{name}={value.strip(chr(34)).strip(chr(39))}" for name, value in values.items()} <= set(
        closed.stdout.splitlines()
    )
    settings.chmod(0o644)
    assert f"Every user of this machine can read the secrets in {settings}" in run().stderr
    tmp_path.chmod(0o700)
    assert run().stderr == ""
    settings.write_text("A=1\nexport B=2\n")
    refused = run()
    assert (refused.returncode, refused.stderr) == (2, f"{settings}, line 2: write NAME=value.\n")

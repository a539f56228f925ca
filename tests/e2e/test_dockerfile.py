"""The image of the Dockerfile, made step by step in clean Debians: every process of compose.yaml starts from
it as its user, without privileges, and becomes healthy by the check that stands there.
"""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.dockerfile import Image, built
from tests.support.settings_of_readme import filled
from tests.support.tools import ROOT
from tests.support.waiting import eventually

SIZE_MB_MAX = 400
"""Of the base image, Python, our packages and us."""
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
SERVED = ("web", "pci", "worker")
PATIENCE_S = 60
DATABASES = {name: f"sqlite:////dev/shm/{name}.db" for name in ("DATABASE_URL", "PCI_DATABASE_URL")}
"""compose.yaml has PostgreSQL; tests/e2e/test_clean_root.py does, too."""


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Image]:
    with built(ROOT / "Dockerfile", tmp_path) as made:
        yield made


def test_every_process_of_compose_becomes_healthy(image: Image, tmp_path: Path) -> None:
    size_mb = int(image.root.run("du", "--summarize", "--one-file-system", "--block-size=1M", "/").split()[0])
    assert size_mb < SIZE_MB_MAX
    assert image.user == "10001:10001"
    settings = {**filled(), **DATABASES}
    _run(image, *image.entrypoint, *SERVICES["migrate"]["command"], **settings)
    with ExitStack() as stack:
        for name in SERVED:
            own = SERVICES[name].get("environment", {})
            command = image.command(*image.entrypoint, *SERVICES[name]["command"], **settings, **own)
            log = stack.enter_context((tmp_path / f"{name}.log").open("wb"))
            stack.callback(subprocess.Popen(command, stdout=log, stderr=log).wait)
        try:
            for name in SERVED:
                eventually(lambda of=name: _is_healthy(image, of), timeout_s=PATIENCE_S, what=name)
        except BaseException as failed:
            failed.add_note("\n".join((tmp_path / f"{name}.log").read_text() for name in SERVED))
            raise
        finally:
            image.root.run("sh", "-c", "kill $(pidof paybycall python3) || true")


def _run(image: Image, *command: str, **settings: str) -> None:
    done = subprocess.run(image.command(*command, **settings), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _is_healthy(image: Image, name: str) -> bool:
    _cmd, *check = SERVICES[name]["healthcheck"]["test"]
    return subprocess.run(image.command(*check), capture_output=True, check=False).returncode == 0

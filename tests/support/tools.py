"""Programs that some tests need beside python3 and make: found, or the test is skipped and names them.

`.ci/run` installs the Debian packages of `.ci/debian-packages` and the npm packages of `tests/node`; there
such a skip fails the run.
"""

import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE_MODULES = ROOT / "tests/node/node_modules"


def tool(name: str, *, package: str | None = None) -> str:
    """The path of a program; `package` is its Debian package where that has another name."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed (Debian package {package or name})")
    return found


def node_tool(name: str) -> str:
    """The path of a command that an npm package of `tests/node` brings."""
    return str(node_file(f".bin/{name}"))


def node_file(path: str) -> Path:
    """The path of a file under `tests/node/node_modules`, such as `axe-core/axe.min.js`."""
    tool("node", package="nodejs")
    found = NODE_MODULES / path
    if not found.exists():
        pytest.skip(f"{path} is not installed: run npm ci --prefix tests/node")
    return found


def python_tool(name: str) -> str:
    """The path of a program that a Python package of requirements/dev.txt brings."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} is not installed: run make install")
    return found

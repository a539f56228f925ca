"""A clean Debian in memory, with processes and a network of its own: what docs/production.md is followed in.

The root is a tmpfs inside a mount namespace, its processes are in a PID namespace, and its network is the
loopback interface alone (where it is 192.0.2.10, too), except for steps that install packages. When the first
process of the namespaces ends, all of it is gone: mounts, processes, files. Packages that were downloaded are
kept in the user's cache folder.
"""

import fcntl
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.tools import ROOT, tool

SUITE = "trixie"
STEP_S_MAX = 600
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "paybycall-tests"
_HOLD = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=0755 root "$1"
cd "$1"
tar --extract --file "$2" --exclude ./dev/* --exclude './usr/share/doc/*' --exclude './usr/share/man/*'
mount -t tmpfs -o mode=0755 dev dev
for name in null zero full random urandom tty; do : > dev/$name; mount --bind /dev/$name dev/$name; done
ln -s /proc/self/fd dev/fd
mkdir dev/shm
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t proc proc proc
mount -t tmpfs -o mode=0755 run run
mkdir -p var/cache/apt/archives root/.cache
mount --bind "$3/debs" var/cache/apt/archives
mount --bind "$3/pip" root/.cache
ip link set lo up
ip address add 192.0.2.10/32 dev lo
echo ready
exec sleep infinity
"""
_NO_SERVICES = "#!/bin/sh\n# Packages start nothing here: the steps do.\nexit 101\n"
_NO_CACHES = 'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n'
"""As Debian's own images have it."""


@dataclass
class CleanRoot:
    """A Debian that does what it is told, until its block ends."""

    folder: Path
    pid: int
    """Of the first process of the namespaces, as this machine sees it."""

    def command(self, *command: str, network: bool = False) -> list[str]:
        """The command line that runs this in there."""
        inside = ["nsenter", "--target", str(self.pid), "--mount", "--pid"]
        inside += [] if network else ["--net"]
        environment = ["env", "--ignore-environment", *(f"{name}={value}" for name, value in ENVIRON.items())]
        return [*inside, "chroot", str(self.folder), *environment, *command]

    def run(self, *command: str, network: bool = False, stdin: str = "") -> str:
        """Its output; a command that fails fails the test with all that it said."""
        with _alone() if network else nullcontext():
            done = subprocess.run(
                self.command(*command, network=network),
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
                timeout=STEP_S_MAX,
            )
        assert done.returncode == 0, f"{' '.join(command)}\n{stdin}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def shell(self, script: str, *, folder: str = "/", network: bool = False) -> str:
        """Runs a script as a person would at a prompt, to the first line that fails."""
        return self.run("bash", "-euo", "pipefail", stdin=f"cd {folder}\n{script}", network=network)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        self.run(
            "sh", "-c", f'mkdir -p "$(dirname {path})" && cat > {path} && chmod {mode:o} {path}', stdin=text
        )

    def copy_tree(self, to: str) -> None:
        """What a clone of this repository would have: tracked files, as they are here."""
        tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        packed = subprocess.run(
            ["tar", "--create", "--null", "--files-from=-", "--owner=0", "--group=0"],
            cwd=ROOT,
            input=tracked,
            capture_output=True,
            check=True,
        ).stdout
        self.run("mkdir", "-p", to)
        subprocess.run(self.command("tar", "--extract", "--directory", to), input=packed, check=True)


ENVIRON = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_CERT": "/etc/ssl/certs/of-this-machine.crt",
    "PIP_ROOT_USER_ACTION": "ignore",
}


def _base() -> Path:
    """The smallest Debian there is, packed; made once and kept."""
    made, draft = CACHE / f"{SUITE}.tar", CACHE / f"{SUITE}.draft.tar"
    with _alone():
        if not made.exists():
            command = [tool("mmdebstrap"), "--variant=minbase", "--quiet", SUITE, str(draft)]
            subprocess.run(command, check=True, timeout=STEP_S_MAX)
            draft.rename(made)
    return made


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time on this machine: whoever installs packages wants the cache for itself."""
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def clean_root(folder: Path) -> Iterator[CleanRoot]:
    """One for the length of a block. Needs root, and mmdebstrap."""
    if os.geteuid() != 0:
        pytest.skip("a clean Debian can be made by root alone")
    for name, package in (("mmdebstrap", None), ("unshare", "util-linux"), ("ip", "iproute2")):
        tool(name, package=package)
    for name in ("debs/partial", "pip"):
        (CACHE / name).mkdir(parents=True, exist_ok=True)
    base = _base()
    script = ["sh", "-c", _HOLD, "hold", str(folder), str(base), str(CACHE)]
    holder = subprocess.Popen(
        ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", *script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        root = CleanRoot(folder, _first_child(holder.pid))
        for path in ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt"):
            here = Path(path)
            if here.exists():
                there = path.replace("ca-certificates", "of-this-machine")
                root.write(there, here.read_text())
        root.write("/usr/sbin/policy-rc.d", _NO_SERVICES, 0o755)
        root.write("/etc/dpkg/dpkg.cfg.d/test", "force-unsafe-io\npath-exclude=/usr/share/doc/*\n")
        root.write("/etc/apt/apt.conf.d/docker-clean", _NO_CACHES)
        yield root
    finally:
        holder.kill()  # and with it everything in there
        holder.wait()


def _first_child(pid: int) -> int:
    [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def code_blocks(page: Path, section: str) -> Sequence[str]:
    """The ```sh blocks of a section, in their order."""
    text = page.read_text()
    start = text.index(f"\n## {section}\n")
    end = text.find("\n## ", start + 1)
    return [part.partition("\n```")[0] for part in text[start:end].split("\n```sh\n")[1:]]


def copies(name: str) -> str:
    """The text of a script beside this file."""
    return (Path(__file__).parent / name).read_text()

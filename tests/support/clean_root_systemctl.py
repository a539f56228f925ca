"""`systemctl` for a root without systemd: it starts our units as their files say.

User, settings, sockets, the folder in /run, a read-only root, no privileges and no memory that is written and
run: what of systemd's hardening the kernel offers to anybody is real here. Debian's own postgresql and nginx
are started by their own commands.
"""

import ctypes
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

UNITS = Path("/etc/systemd/system")
STATE = Path("/run/units")
LOGS = Path("/var/log/units")
ANYBODY = 61184
"""What DynamicUser gives, at least."""
PR_SET_MDWE = 65
_START = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=1777 tmp /tmp
[ -z "$RUNTIME" ] || mount --bind "/run/$RUNTIME" "/run/$RUNTIME"
mount -o remount,bind,ro /run
mount -o remount,bind,ro /
umask 0077
ulimit -c 0
[ -z "$LISTEN_FDS" ] || export LISTEN_PID=$$
user=$UNIT_USER
unset RUNTIME UNIT_USER
exec setpriv --reuid "$user" --regid "$user" --clear-groups \\
    --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
"""
NATIVE = {
    ("postgresql", "start"): "pg_lsclusters -h | while read -r v n _; do pg_ctlcluster $v $n start; done",
    ("nginx", "start"): "[ -s /run/nginx.pid ] || nginx",
    (
        "nginx",
        "restart",
    ): "[ ! -s /run/nginx.pid ] || nginx -s quit; while [ -s /run/nginx.pid ]; do sleep 0.1; done; nginx",
    ("nginx", "reload"): "nginx -s reload",
}


def read(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (UNITS / unit).read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def environment(unit: dict[str, list[str]]) -> dict[str, str]:
    made = {"PATH": os.defpath, "LANG": "C.UTF-8"}
    lines = list(unit.get("Environment", []))
    for path in unit.get("EnvironmentFile", []):
        lines += [line for line in Path(path).read_text().splitlines() if not line.startswith("#")]
    for line in lines:
        name, equals, value = line.partition("=")
        if equals:
            made[name] = value.strip().strip("'")
    return made


def start(name: str) -> None:
    unit = read(f"{name}.service")
    hardened = {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "MemoryDenyWriteExecute": "yes"}
    if any(unit.get(key) != [value] for key, value in hardened.items()):
        raise SystemExit(f"{name}: only a hardened unit is started here")
    environ = environment(unit)
    user = unit.get("User", [""])[0]
    environ["UNIT_USER"] = user or str(ANYBODY)
    environ["RUNTIME"] = unit.get("RuntimeDirectory", [""])[0]
    if environ["RUNTIME"]:
        folder = Path("/run") / environ["RUNTIME"]
        folder.mkdir(mode=int(unit["RuntimeDirectoryMode"][0], 8), exist_ok=True)
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    listening = None
    environ["LISTEN_FDS"] = ""
    if (UNITS / f"{name}.socket").exists():
        host, _, port = read(f"{name}.socket")["ListenStream"][0].rpartition(":")
        listening = socket.create_server((host, int(port)))
        environ["LISTEN_FDS"] = "1"

    def before() -> None:
        if listening is not None:
            os.dup2(listening.fileno(), 3)
        if ctypes.CDLL(None).prctl(PR_SET_MDWE, 1, 0, 0, 0) != 0:
            raise OSError("the kernel has no PR_SET_MDWE")

    LOGS.mkdir(exist_ok=True)
    STATE.mkdir(exist_ok=True)
    with (LOGS / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", _START, "unit", *unit["ExecStart"][0].split()],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=() if listening is None else (3,),
            preexec_fn=before,  # noqa: PLW1509 - there is one thread
        )
    if unit["Type"] == ["oneshot"]:
        if process.wait():
            raise SystemExit(f"{name} failed: {(LOGS / f'{name}.log').read_text()}")
        return
    (STATE / name).write_text(str(process.pid))


def is_active(name: str) -> bool:
    try:
        pid = int((STATE / name).read_text())
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def stop(name: str) -> None:
    if not is_active(name):
        return
    os.kill(int((STATE / name).read_text()), signal.SIGTERM)
    for _ in range(600):
        if not is_active(name):
            return
        time.sleep(0.1)
    raise SystemExit(f"{name} did not stop")


def act(verb: str, unit: str) -> None:
    name, _, kind = unit.partition(".")
    if not (UNITS / f"{name}.service").exists():
        if (name, verb) not in NATIVE:
            raise SystemExit(f"{verb} {unit}: not known here")
        subprocess.run(["sh", "-ec", NATIVE[name, verb]], check=True)
        return
    if kind == "socket":  # its service binds it
        return
    if verb == "restart":
        stop(name)
    if not is_active(name):
        start(name)


def main(arguments: list[str]) -> None:
    verb, *rest = [one for one in arguments if not one.startswith("--")]
    if verb == "daemon-reload":
        return
    if verb == "enable":
        verb = "start" if "--now" in arguments else ""
    for unit in rest if verb else []:
        act(verb, unit)


main(sys.argv[1:])

"""The whole server of the demo: migrated, started, and waited for."""

from collections.abc import Callable
from pathlib import Path

from ivr.demo.environment import DemoEnvironment
from ivr.demo.processes import Processes, read_procfile


def start_server(processes: Processes, demo: DemoEnvironment, tell: Callable[[str], object]) -> None:
    """Starts the Procfile's processes and the sandbox bank; raises StartError where one does not start."""
    names = ("web", "worker") if demo.by_carrier else ("web", "pci", "worker")
    tell(f"Starting {', '.join(names[:-1])} and worker, with the sandbox bank ...")
    procfile = read_procfile(Path("Procfile"), ("release", *names))
    processes.run("release", procfile["release"])
    bank = [
        "--port",
        str(demo.ports["sandbox"]),
        "--database",
        str(demo.folder / "sandbox-bank.db"),
    ]
    bank += ["--notify", f"{demo.environ['PUBLIC_URL']}/gateways/sandbox/webhook"]
    processes.start("sandbox", ["paybycall", "sandbox", *bank])
    for name in names:
        processes.start(name, procfile[name], port=demo.ports.get(name))
    ready = {
        "sandbox": f"{demo.environ['SANDBOX_URL']}/",
        "web": f"{demo.environ['PUBLIC_URL']}/readyz",
    }
    if not demo.by_carrier:
        ready["pci"] = f"{demo.environ['PCI_PUBLIC_URL']}/readyz"
    processes.wait_until_ready(ready)

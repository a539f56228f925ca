"""The whole server of the demo: migrated, started, and waited for."""

from collections.abc import Callable
from pathlib import Path

from ivr.demo.environment import Ground
from ivr.demo.processes import Processes, read_procfile


def start_server(processes: Processes, ground: Ground, tell: Callable[[str], object]) -> None:
    """Starts the Procfile's processes and the sandbox bank; raises StartError where one does not start."""
    names = ("web", "worker") if ground.by_carrier else ("web", "pci", "worker")
    tell(f"Starting {', '.join(names[:-1])} and worker, with the sandbox bank ...")
    procfile = read_procfile(Path("Procfile"), ("release", *names))
    processes.run("release", procfile["release"])
    bank = ["--port", str(ground.ports["sandbox"]), "--database", str(ground.folder / "sandbox-bank.db")]
    bank += ["--notify", f"{ground.environ['PUBLIC_URL']}/gateways/sandbox/webhook"]
    processes.start("sandbox", ["paybycall", "sandbox", *bank])
    for name in names:
        processes.start(name, procfile[name], port=ground.ports.get(name))
    ready = {"sandbox": f"{ground.environ['SANDBOX_URL']}/", "web": f"{ground.environ['PUBLIC_URL']}/readyz"}
    if not ground.by_carrier:
        ready["pci"] = f"{ground.environ['PCI_PUBLIC_URL']}/readyz"
    processes.wait_until_ready(ready)

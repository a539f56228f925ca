"""The thread that renews leases, sweeps, and asks for a new worker; what fails is logged and tried again."""

import threading
from collections.abc import Callable

from ivr.pci.gateway_submission import RENEW_S
from ivr.pci.safe_logging import tell

SWEEP_S = 15


class BackgroundThread:
    """A thread that renews leases each second and sweeps now and then; what fails is told and tried again."""

    def __init__(
        self, *, renew: Callable[[], None], sweep: Callable[[], None], look: Callable[[], None] = lambda: None
    ) -> None:
        """`look` runs each second, as `renew` does."""
        self._renew = renew
        self._sweep = sweep
        self._look = look
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts once, in the process that serves: a thread does not survive a fork."""
        with self._lock:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="pci-background", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Ends the thread, and sweeps once more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._try("sweep_failed", self._sweep)

    def _run(self) -> None:
        rounds = 0
        while not self._stop.is_set():
            self._try("lease_renewal_failed", self._renew)
            self._try("replacement_failed", self._look)
            if rounds % SWEEP_S == 0:
                self._try("sweep_failed", self._sweep)
            rounds += 1
            self._stop.wait(RENEW_S)

    def _try(self, failure: str, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001 - the thread's edge: it lives on
            tell(failure, error)

"""`/api/v1/lockouts`: who cannot pay by card for now, and lifting that.

Lockouts of cards and BINs belong to the PCI process. If it does not answer, the list says that it is not
complete, and lifting is refused with 503.
"""

from dataclasses import dataclass

import flask
import structlog

from ivr.fraud.lockout_admin import LockoutAdmin
from ivr.integrations.pci_client import PciRefusedError, PciUnreachableError
from ivr.platform.database.availability import RETRY_AFTER_S
from ivr.web.api.documents.lockouts import LockoutDocument, LockoutsDocument, lockout_document
from ivr.web.api.keys import ApiKey
from ivr.web.api.problem import Problem, missing
from ivr.web.api.request import query

log = structlog.get_logger()
_WHICH = {"": False, "active": False, "all": True, "standing": False}
"""`standing` is what `active` was called before; it is taken until the next release."""


@dataclass(frozen=True, slots=True)
class LockoutRoutes:
    """What a program may do with lockouts."""

    admin: LockoutAdmin

    def listed(self) -> tuple[LockoutsDocument, int]:
        """The active ones, or with `which=all` also those of the last 30 days."""
        which = query("which").get("which", "")
        if which not in _WHICH:
            raise Problem(400, "bad_query", "which must be active or all.", field="which")
        found = self.admin.listed(also_over=_WHICH[which])
        if not found.complete:
            log.warning("pci_lock_outs_not_listed", fault=found.missing_because)
        return {
            "lockouts": [lockout_document(one, found.at) for one in found.lockouts],
            "complete": found.complete,
        }, 200

    def lift(self, lock_out_id: str) -> tuple[LockoutDocument, int]:
        """Lifts it; one that is lifted already stays as it is."""
        asker: ApiKey = flask.g.api_key
        try:
            lifted = self.admin.lift(lock_out_id, by=f"api: {asker.name}")
        except (PciUnreachableError, PciRefusedError):
            raise Problem(
                503,
                "pci_unreachable",
                "The PCI process does not answer: nothing was lifted. Send the same request again later.",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            ) from None
        if lifted is None:
            raise missing("lockout with this id")
        return lockout_document(lifted, self.admin.clock.now()), 200

"""Forgets work that was over long ago; dbos itself keeps everything for ever.

Runs once a night in one of the workers. What is done can then be asked for anew under the same name, so the
time kept is longer than any chain; jobs change nothing twice anyway.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbos import DBOSClient

NAME = "clean_up_work"
"""The name of the workflow and of its schedule, kept in the database."""
EVERY_NIGHT = "30 3 * * *"
KEPT_DAYS = 30
_BATCH = 500
OVER = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


def forget_work(client: "DBOSClient", now: datetime, kept_days: int = KEPT_DAYS) -> int:
    """Deletes what was over `kept_days` before `now`, some at a time; gives how many."""
    until = (now - timedelta(days=kept_days)).isoformat()
    count = 0
    while True:
        found = client.list_workflows(
            status=OVER, completed_before=until, limit=_BATCH, load_input=False, load_output=False
        )
        if not found:
            return count
        client.delete_workflows([work.workflow_id for work in found])
        count += len(found)

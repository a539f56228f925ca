"""What depends on PostgreSQL is tested there: locks, threads, migrations, stores with SQL of their own."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ON_POSTGRES = (
    "ivr/bills/test_bill_store.py",
    "ivr/customers/test_customer.py",
    "ivr/finance/test_ledger.py",
    "ivr/jobs/test_enqueue.py",
    "ivr/jobs/test_job_retention.py",
    "ivr/jobs/test_liveness_locks.py",
    "ivr/jobs/test_running_jobs.py",
    "ivr/jobs/test_stopping.py",
    "ivr/jobs/test_worker_death.py",
    "ivr/messaging/test_messages.py",
    "ivr/payments/test_attempts.py",
    "ivr/payments/test_payments_simulation.py",
    "ivr/payments/test_payments_threads.py",
    "ivr/payments/test_reservation.py",
    "ivr/platform/database/test_one_person_migrations.py",
    "ivr/platform/database/test_schema.py",
)
"""Each of these has the mark for all its tests. Of other modules single tests have it."""
RUNS_THERE = re.compile(r"postgres|@both_engines")
TOUCHES_CONCURRENCY = ("*threads*", "*locks*", "*migrations*", "*death*")
"""A new module named so belongs in the list, or says by its parameters what runs on PostgreSQL."""


def marks_of_module(path: Path) -> str:
    tree = ast.parse(path.read_text())
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    return " ".join(
        ast.unparse(node.value) for node in assigned if ast.unparse(node.targets[0]) == "pytestmark"
    )


@pytest.mark.parametrize("module", ON_POSTGRES)
def test_the_whole_module_has_the_mark(module: str) -> None:
    assert "pytest.mark.postgres" in marks_of_module(ROOT / "tests" / module), f"{module} lost its mark"


def test_no_module_about_concurrency_runs_on_sqlite_alone() -> None:
    found = {
        path for pattern in TOUCHES_CONCURRENCY for path in (ROOT / "tests/ivr").rglob(f"test_{pattern}.py")
    }
    assert len(found) > 3
    assert [path.name for path in sorted(found) if not RUNS_THERE.search(path.read_text())] == []

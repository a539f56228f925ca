"""The last landed release: its databases, and what is to come of each of its open calls."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from ivr.cli import main
from tests.releases.snapshot import Snapshot
from tests.support.payer import CARD

LAST = Snapshot(Path(__file__).parent / "2026-11")
SCHEMA = "0018"
"""At which revision of the schema it stands."""
PAID = r"You have paid|Ha pagado"
LINK_SENT = "The link is on its way"
BY_CARD = (*CARD, "1")
GOES_ON: dict[str, tuple[Sequence[str], str]] = {
    # Callers who wait come first: they do not wait for ever.
    "card_is_sent": (("1",), PAID),
    "charge": ((), PAID),
    "charge_and_keep": ((), PAID),
    "charge_saved_card": ((), PAID),
    "charge_taken": ((), PAID),
    "charge_never_arrived": ((), "could not be sent, and you were not charged"),
    "charge_was_sent": ((), "could not be sent, and you were not charged"),
    "sends_link": ((), LINK_SENT),
    "sends_link_again": ((), LINK_SENT),
    "renews_link": ((), LINK_SENT),
    "closes_link": (BY_CARD, PAID),
    # Webhooks that were never answered are sent again.
    "look_up_not_answered": (("1", *BY_CARD), PAID),
    "card_entry_not_opened": (BY_CARD, PAID),
    "card_entry_not_collected": (("1",), PAID),
    # Questions.
    "asks_language": (("1", "40000001", "1", *BY_CARD), PAID),
    "asks_reference": (("40000001",), "This bill is already paid"),
    "offers_all_or_part": (("1", *BY_CARD), PAID),
    "offers_all": (("1", *BY_CARD), PAID),
    "offers_less": (("1", "10*00#", "1", *BY_CARD), PAID),
    "asks_amount": (("10*00#", "1", *BY_CARD), PAID),
    "confirms_amount": (("1", *BY_CARD), PAID),
    "card_number": (BY_CARD, PAID),
    "card_expiry": (("(expiry)", "(code)", "1"), PAID),
    "card_code": (("(code)", "1"), PAID),
    "confirms": (("1",), PAID),
    "confirms_or_keeps": (("7",), PAID),
    "offers_saved_card": (("1",), PAID),
    "asks_to_delete": (("1", *BY_CARD), f"Your card is deleted(?s:.)*({PAID})"),
    "link_is_open": (("1", *BY_CARD), PAID),
    "link_is_open_for_a_part": (("1", *BY_CARD), PAID),
    "rings_a_person": ((), "rings .*: completed"),
    "rings_a_person_for_help": ((), "rings .*: completed"),
}
"""What the caller of each open call keys from where it stands, and what comes of it."""
WITH_OTHER_SETTINGS = {
    "confirms_amount_before_card",
    "card_number_to_authorize",
    "charge_authorized",
    "card_at_the_carrier",
}


def column(database: Path, query: str, *values: object) -> list[Any]:
    """The first column of this query."""
    with closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute(query, values)]


def rows(database: Path, table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f'SELECT * FROM "{table}" ORDER BY rowid')]  # noqa: S608


def tables(database: Path) -> set[str]:
    return set(column(database, "SELECT name FROM sqlite_master WHERE type = 'table'"))


def migrate(url: str, pci_url: str) -> None:
    """As an operator does it."""
    environ = {"DATABASE_URL": url, "PCI_DATABASE_URL": pci_url}
    result = CliRunner().invoke(main, ["migrate"], env=environ, catch_exceptions=False)
    assert result.exit_code == 0, result.output

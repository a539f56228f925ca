"""How a command takes an amount: the same options everywhere, read as a CSV file's cells are."""

from collections.abc import Mapping

import click

from ivr.cli.faults import Fault
from ivr.platform.amounts import Spelling

decimal = click.option(
    "--decimal",
    type=click.Choice(["point", "comma"]),
    help="The decimal mark of the amounts. Without it 1.000 and 1,000 are refused: each could mean two "
    "amounts.",
)


def spelling_of(mark: str | None) -> Spelling:
    """Of the value of `--decimal`."""
    return Spelling.UNSAID if mark is None else Spelling(mark)


def amount_of(given: Mapping[str, str | None], currency: str, mark: str | None) -> int | None:
    """Minor units of --amount or --amount-minor, `given` by these names; None where neither was given. An
    empty one is refused: it may be a variable that nobody set.
    """
    from ivr.bills.bill import BillError
    from ivr.bills.fields import read_amount

    if any(value is not None and not value.strip() for value in given.values()):
        raise Fault("The amount is empty. Leave the option out, or give an amount.")
    try:
        return read_amount(given, "amount", currency, spelling_of(mark))
    except BillError as fault:
        raise Fault(f"{fault}.") from None

"""Makes Stripe's library keep quiet: at DEBUG it logs whole bodies, card number and code in clear.

The level of a logger can be set by anybody at any time, and STRIPE_LOG=debug prints to the terminal without
any logger: so a filter stands on the logger, and the library's own switches are turned off. Paths of the line
below are logged too, and a token stands in some.
"""

import logging

import stripe
from stripe import _util


def library() -> None:
    """Harmless to repeat. Called before anything is sent."""
    stripe.enable_telemetry = False
    stripe.log = None
    _util.STRIPE_LOG = None
    said_by_the_library = logging.getLogger("stripe")
    said_by_the_library.setLevel(logging.WARNING)
    _stand(said_by_the_library, _only_warnings)
    _stand(logging.getLogger("urllib3.connectionpool"), _no_tokens)


def _stand(logger: logging.Logger, guard: object) -> None:
    if guard not in logger.filters:
        logger.addFilter(guard)  # type: ignore[arg-type] # a plain function does since Python 3.2


def _only_warnings(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def _no_tokens(record: logging.LogRecord) -> bool:
    return "pm_" not in record.getMessage()

"""The settings of the defences against card testing."""

from dataclasses import dataclass

from gateways.settings import number


@dataclass(frozen=True, slots=True)
class FraudSettings:
    """As `ivr.fraud.guard.FraudLimits` takes them."""

    window_h: int = number("CARD_WINDOW_H", "For how many hours a tried card is counted.", 24)
    lockout_h: int = number(
        "CARD_LOCK_OUT_H", "How many hours a lockout lasts. A person may lift it sooner.", 24
    )
    declines_max_call: int = number(
        "CARD_DECLINES_MAX_CALL", "Declined cards in one call, after which no more are taken.", 4
    )
    declines_max_caller: int = number(
        "CARD_DECLINES_MAX_CALLER", "Declined cards from one caller's number, over all its calls.", 8
    )
    declines_max_withheld: int = number(
        "CARD_DECLINES_MAX_WITHHELD",
        "Declined cards from all withheld numbers together, and from all forged numbers together.",
        20,
    )
    declines_max_bill: int = number(
        "CARD_DECLINES_MAX_BILL", "Declined cards for one bill, whoever pays it.", 10
    )
    tries_max_call: int = number(
        "CARD_TRIES_MAX_CALL",
        "Tried cards in one call, approved or declined, after which no more are taken.",
        8,
    )
    tries_max_caller: int = number(
        "CARD_TRIES_MAX_CALLER", "Tried cards from one caller's number, over all its calls.", 40
    )
    tries_max_withheld: int = number(
        "CARD_TRIES_MAX_WITHHELD",
        "Tried cards from all withheld numbers together, and from all forged numbers together.",
        200,
    )
    tries_max_bill: int = number("CARD_TRIES_MAX_BILL", "Tried cards for one bill, whoever pays it.", 20)
    doubtful_weight: int = number(
        "CARD_DOUBTFUL_WEIGHT",
        "How many cards one card counts as, where the carrier cannot vouch for the caller's number "
        "(STIR/SHAKEN).",
        2,
    )
    breaker_window_min: int = number(
        "CARD_BREAKER_WINDOW_MIN", "How many minutes the breaker looks back.", 15
    )
    breaker_charges_min: int = number(
        "CARD_BREAKER_CHARGES_MIN", "How many answered charges the breaker needs before it decides.", 20
    )
    breaker_declines_percent: int = number(
        "CARD_BREAKER_DECLINES_PERCENT",
        "The breaker opens where more than this percentage of them is declined: 1 to 100.",
        60,
        most=100,
    )
    breaker_pause_min: int = number(
        "CARD_BREAKER_PAUSE_MIN", "For how many minutes no card is taken once the breaker has opened.", 15
    )

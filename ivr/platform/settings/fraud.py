"""The settings of the defences against card testing."""

from dataclasses import dataclass

from gateways.setting_readers import whole
from gateways.settings import setting


@dataclass(frozen=True, slots=True)
class FraudSettings:
    """As `ivr.fraud.limits` takes them."""

    window_h: int = setting("CARD_WINDOW_H", "For how many hours a tried card is counted.", whole(1), "24")
    lockout_h: int = setting(
        "CARD_LOCK_OUT_H", "How many hours a lockout lasts. A person may lift it sooner.", whole(1), "24"
    )
    declines_max_call: int = setting(
        "CARD_DECLINES_MAX_CALL", "Declined cards in one call, after which no more are taken.", whole(1), "4"
    )
    declines_max_caller: int = setting(
        "CARD_DECLINES_MAX_CALLER",
        "Declined cards from one caller's number, over all its calls.",
        whole(1),
        "8",
    )
    declines_max_withheld: int = setting(
        "CARD_DECLINES_MAX_WITHHELD",
        "Declined cards from all withheld numbers together, and from all forged numbers together.",
        whole(1),
        "20",
    )
    declines_max_bill: int = setting(
        "CARD_DECLINES_MAX_BILL", "Declined cards for one bill, whoever pays it.", whole(1), "10"
    )
    tries_max_call: int = setting(
        "CARD_TRIES_MAX_CALL",
        "Tried cards in one call, approved or declined, after which no more are taken.",
        whole(1),
        "8",
    )
    tries_max_caller: int = setting(
        "CARD_TRIES_MAX_CALLER", "Tried cards from one caller's number, over all its calls.", whole(1), "40"
    )
    tries_max_withheld: int = setting(
        "CARD_TRIES_MAX_WITHHELD",
        "Tried cards from all withheld numbers together, and from all forged numbers together.",
        whole(1),
        "200",
    )
    tries_max_bill: int = setting(
        "CARD_TRIES_MAX_BILL", "Tried cards for one bill, whoever pays it.", whole(1), "20"
    )
    doubtful_weight: int = setting(
        "CARD_DOUBTFUL_WEIGHT",
        "How many cards one card counts as, where the carrier cannot vouch for the caller's number "
        "(STIR/SHAKEN).",
        whole(1),
        "2",
    )
    breaker_window_min: int = setting(
        "CARD_BREAKER_WINDOW_MIN", "How many minutes the breaker looks back.", whole(1), "15"
    )
    breaker_charges_min: int = setting(
        "CARD_BREAKER_CHARGES_MIN",
        "How many answered charges the breaker needs before it decides.",
        whole(1),
        "20",
    )
    breaker_declines_percent: int = setting(
        "CARD_BREAKER_DECLINES_PERCENT",
        "The breaker opens where more than this percentage of them is declined: 1 to 100.",
        whole(1, 100),
        "60",
    )
    breaker_pause_min: int = setting(
        "CARD_BREAKER_PAUSE_MIN",
        "For how many minutes no card is taken once the breaker has opened.",
        whole(1),
        "15",
    )

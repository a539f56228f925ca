"""The currencies Stripe takes, their decimals, and the least it charges.

https://docs.stripe.com/currencies. Amounts are in the smallest unit; what divides them is a rule of its own:
a currency of three decimals takes multiples of 10, and ISK and UGX are written with two decimals that are 00.
"""

from tests.support.stripe.errors import Refusal


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


ZERO_DECIMALS = _codes("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
THREE_DECIMALS = _codes("bhd jod kwd omr tnd")
WRITTEN_WITH_TWO = _codes("isk ugx")
TWO_DECIMALS = _codes(
    "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf "
    "cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr "
    "jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio "
    "nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs "
    "top try ttd twd tzs uah uyu uzs wst xcd yer zar zmw"
)
SUPPORTED = ZERO_DECIMALS | THREE_DECIMALS | WRITTEN_WITH_TWO | TWO_DECIMALS
LEAST_MINOR = {
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300,
    "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
MOST_MINOR = 99_999_999
MOST_MINOR_IDR = 999_999_999_999


def check_currency(currency: str) -> None:
    if currency.lower() not in SUPPORTED:
        raise Refusal(
            400,
            f"Invalid currency: {currency}. Stripe currently supports these currencies: usd, aed, afn, ...",
            param="currency",
        )


def check_divides(amount_minor: int, currency: str, param: str = "amount") -> None:
    step = 10 if currency in THREE_DECIMALS else 100 if currency in WRITTEN_WITH_TWO else 1
    if amount_minor % step:
        raise Refusal(
            400,
            f"Invalid {param}: amounts in {currency} must be evenly divisible by {step}.",
            code="parameter_invalid_integer",
            param=param,
        )


def check_charge(amount_minor: int, currency: str) -> None:
    """What may be charged: not below the least, at most eight digits, in steps that the currency has."""
    if amount_minor < 1:
        raise Refusal(
            400,
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    most = MOST_MINOR_IDR if currency == "idr" else MOST_MINOR
    if amount_minor > most:
        raise Refusal(400, f"Amount must be no more than {most}", code="amount_too_large", param="amount")
    check_divides(amount_minor, currency)
    least = LEAST_MINOR.get(currency, 1)
    if amount_minor < least:
        raise Refusal(
            400, f"Amount must be at least {least} {currency}", code="amount_too_small", param="amount"
        )

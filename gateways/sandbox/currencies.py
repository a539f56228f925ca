"""The currencies that the sandbox takes, by their number of decimals.

Kept to those on which ISO 4217 and CLDR agree, so that an amount reads the same in the bank's dashboard and
in the server.
"""

_BY_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: "AED ARS AUD BAM BOB BRL CAD CHF CNY COP CRC CZK DKK DOP DZD EGP EUR GBP GEL GHS GTQ HKD HNL HUF IDR "
    "ILS INR JMD KES KZT MAD MDL MXN MYR NAD NGN NIO NOK NZD PAB PEN PHP PKR PLN QAR RON SAR SEK SGD THB TRY "
    "TTD TWD TZS UAH USD UYU ZAR ZMW",
    3: "BHD JOD KWD LYD OMR TND",
}
_DECIMALS = {code: places for places, codes in _BY_DECIMALS.items() for code in codes.split()}

CURRENCIES = frozenset(_DECIMALS)

AMOUNT_MAX_MINOR = 10**12
"""The most that one charge may take, in every currency."""


def decimals(currency: str) -> int:
    return _DECIMALS[currency]


def plain(amount_minor: int, currency: str) -> str:
    """The amount with a point and its code: "49.90 EUR", "500 JPY", "1.234 KWD"."""
    places = _DECIMALS[currency]
    whole, rest = divmod(amount_minor, 10**places)
    return f"{whole}.{rest:0{places}d} {currency}" if places else f"{whole} {currency}"

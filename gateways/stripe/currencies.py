"""The currencies that this adapter takes, and how Stripe writes them.

Kept to those in which Stripe's smallest unit is that of ISO 4217 and CLDR, so that no amount is ever
multiplied: ISK, UGX and MGA are left out, for Stripe counts them in another unit. An account may take fewer.
"""

_THREE_DECIMALS = "BHD JOD KWD OMR TND"
_CODES = (
    "BIF CLP DJF GNF JPY KMF KRW PYG RWF VND VUV XAF XOF XPF "  # no decimals
    "AED ANG ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BZD CAD CHF CNY COP CRC CZK DKK DOP DZD "
    "EGP ETB EUR FJD GBP GEL GIP GMD GTQ HKD HNL HTG HUF IDR ILS INR JMD KES KHR KYD KZT LKR MAD MDL MKD MOP "
    "MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON SAR SCR SEK SGD THB TRY "
    "TTD TWD TZS UAH USD UYU ZAR ZMW " + _THREE_DECIMALS  # two
)

CURRENCIES = frozenset(_CODES.split())

STEP_MINOR = dict.fromkeys(_THREE_DECIMALS.split(), 10)
"""Amounts with three decimals have to end in 0."""

LEAST_MINOR = {
    "AED": 200,
    "AUD": 50,
    "BGN": 100,
    "BRL": 50,
    "CAD": 50,
    "CHF": 50,
    "CZK": 1500,
    "DKK": 250,
    "EUR": 50,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17500,
    "INR": 50,
    "JPY": 50,
    "MXN": 1000,
    "MYR": 200,
    "NOK": 300,
    "NZD": 50,
    "PLN": 200,
    "RON": 200,
    "SEK": 300,
    "SGD": 50,
    "THB": 1000,
    "USD": 50,
}
"""The least that is charged where the account is paid out in the same currency; else Stripe converts, and
the least of the other one holds. Source: docs.stripe.com/currencies, "Minimum and maximum charge amounts".
"""

MOST_MINOR = {**dict.fromkeys(CURRENCIES, 99_999_999), "IDR": 999_999_999_999}
"""An amount has eight digits at most, and twelve in IDR (same source). Cards and accounts may allow less."""

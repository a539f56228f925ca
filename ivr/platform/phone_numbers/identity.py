"""One identity for one number, where a country writes its mobile numbers in two ways.

Argentina's mobiles have a 9 behind +54 when they are rung or texted from abroad, and share their digits with
no landline. Brazil put a 9 before the eight digits of its mobiles (2012 to 2016), but not of trunked radios,
which begin with 7: with a 9 before it such a number is somebody else's. Mexico dropped the 1 behind +52
(2019). Carriers and merchants still give both forms.
"""

import re

_FORMS = (
    (re.compile(r"\+549(\d{10})"), r"+54\1"),
    (re.compile(r"\+55([1-9][1-9])([689]\d{7})"), r"+55\g<1>9\2"),
    (re.compile(r"\+521(\d{10})"), r"+52\1"),
)
_OTHER_FORMS = (
    (re.compile(r"\+54(\d{10})"), r"+549\1"),
    (re.compile(r"\+55([1-9][1-9])9([689]\d{7})"), r"+55\1\2"),
    (re.compile(r"\+52(\d{10})"), r"+521\1"),
)


def identity_of(number: str) -> str:
    """The one E.164 form under which this E.164 number is kept and counted.

    >>> identity_of("+5491123456781"), identity_of("+551187654321"), identity_of("+5215512345678")
    ('+541123456781', '+5511987654321', '+525512345678')
    """
    for pattern, form in _FORMS:
        if pattern.fullmatch(number):
            return pattern.sub(form, number)
    return number


def forms_of(number: str) -> tuple[str, ...]:
    """Every E.164 form of the same number, its identity first.

    >>> forms_of("+5491123456781")
    ('+541123456781', '+5491123456781')
    """
    identity = identity_of(number)
    others = (pattern.sub(form, identity) for pattern, form in _OTHER_FORMS if pattern.fullmatch(identity))
    return (identity, *others)

"""Every refusal of a text that the carrier documents, by who can mend it."""

import pytest

from ivr.messaging import delivery_errors as refusals
from ivr.messaging.delivery_errors import Refusal, kind_of_refusal, kind_of_stored_code

PAYER = """
    21211 21214 21217 21265 21266 21268 21610 21614 21635 30004 30005 30006 30630 30640 63003 63014
    63024 63032
"""
TIME = """
    10004 14107 20429 20503 21611 21702 21730 30001 30003 30017 30020 30021 30022 30023 30027 30035
    30036 30410 30450 30453 30500 30610 30615 63038 63010 63012 63017 63018
"""
OPERATOR = """
    10001 10002 20003 20005 20008 20403 20404 21212 21264 21267 21401 21408 21601 21603 21606 21607
    21608 21609 21612 21616 21617 21618 21657 21659 21660 21661 21701 21703 21704 21705 21712 30002
    30007 30010 30018 30024 30032 30033 30034 30037 30038 30040 30041 30042 30044 30454 90010 21666
    21667 63005 63007 63013 63016 63019 63020 63021 63022 63025 63027 63028 63029 63030 63049
"""
UNKNOWN = "0 20007 29999 30008 99999"  # 20007 is of lists alone; 30008: the carrier knows no more either


@pytest.mark.parametrize(
    ("codes", "mends"),
    [
        (PAYER, Refusal.PERMANENT),
        (TIME, Refusal.TEMPORARY),
        (OPERATOR, Refusal.NEEDS_OPERATOR),
        (UNKNOWN, Refusal.UNKNOWN),
    ],
)
def test_a_documented_code_is_sorted_by_who_can_mend_it(codes: str, mends: Refusal) -> None:
    assert [code for code in codes.split() if kind_of_refusal(int(code), 400) is not mends] == []


def test_what_is_no_code_is_unknown() -> None:
    assert {kind_of_stored_code(text) for text in (None, "", "missing", "unreachable", "²")} == {
        Refusal.UNKNOWN
    }


def test_no_code_is_sorted_twice() -> None:
    lists = (refusals._PAYER, refusals._TIME, refusals._OPERATOR)
    assert sum(map(len, lists)) == len(frozenset().union(*lists))

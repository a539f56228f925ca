"""A `<Pay>` that a carrier would refuse, and one that is lawful and not run here: both are told by name."""

import pytest

from ivr.simulators.phone.schema import validate
from tests.support.phone import ring
from tests.support.time_and_ids import ManualClock
from tests.support.twiml_server import TinyServer


@pytest.mark.parametrize(
    ("attributes", "prompts", "fault"),
    [
        ('maxAttempts="4"', "", "maxAttempts must be 1, 2 or 3"),
        ('maxAttempts="0"', "", "whole number from 1 on"),
        ('timeout="soon"', "", "timeout must be a whole number"),
        ('tokenType="free"', "", "tokenType must be one of"),
        ('language="ca-ES"', "", "language must be one of"),
        ('validCardTypes="visa, amex"', "", "validCardTypes must be some of"),
        ('securityCode="perhaps"', "", "securityCode must be true or false"),
        ('chargeAmount="ten"', "", "chargeAmount must be a decimal"),
        ('input="speech"', "", "input must be one of dtmf"),
        ("", "<Prompt><Say>x</Say></Prompt>", "for must be one of"),
        ("", '<Prompt for="pin"><Say>x</Say></Prompt>', "for must be one of"),
        (
            "",
            '<Prompt for="security-code" attempt="11"><Say>x</Say></Prompt>',
            "attempt must be whole numbers",
        ),
        ("", '<Prompt for="security-code" errorType="input-timeout"><Say>x</Say></Prompt>', "errorType"),
        ("", '<Prompt for="security-code" cardType="visa debit"><Say>x</Say></Prompt>', "cardType"),
        (
            "",
            '<Prompt for="security-code" requireMatchingInputs="true"><Say>x</Say></Prompt>',
            "bank accounts",
        ),
        ("", '<Gather action="/a"/>', "may not hold <Gather>"),
        ('amount="1"', "", "has no attribute amount"),
    ],
)
def test_a_pay_that_a_carrier_would_refuse(attributes: str, prompts: str, fault: str) -> None:
    faults = validate(f'<Response><Pay action="/a" {attributes}>{prompts}</Pay></Response>')
    assert any(fault in one for one in faults), faults


@pytest.mark.parametrize("attributes", ['chargeAmount="20.45"', 'paymentMethod="ach-debit"'])
def test_what_is_lawful_and_not_run_is_refused_by_name(clock: ManualClock, attributes: str) -> None:
    assert validate(f"<Response><Pay {attributes}/></Response>") == []
    server = TinyServer({"/voice/incoming": f"<Pay {attributes}/>"})
    ended, _ = ring(server.transport, clock)
    assert "<Pay>" in ended.faults[0].fault

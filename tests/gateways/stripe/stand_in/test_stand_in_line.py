"""What can go wrong on the line, seen through the library: what was done, what was not, and what is said."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import stripe

from tests.gateways.stripe.stand_in.conftest import Merchant
from tests.support.stripe.account import StripeAccount
from tests.support.stripe.in_process import InProcessClient
from tests.support.stripe.line import Harm, Line
from tests.support.stripe.server import StripeServer
from tests.support.time_and_ids import ManualClock, SequentialIds

CONFIRM = "payment_intents.confirm"


@pytest.fixture
def confirm(merchant: Merchant) -> Callable[[], stripe.PaymentIntent]:
    """Confirms one intent under one key, as often as it is called."""
    intent, method = merchant.intent(metadata={"attempt": "a-1"}), merchant.method()
    return lambda: merchant.v1.payment_intents.confirm(
        intent.id, {"payment_method": method}, {"idempotency_key": "a-1"}
    )


@pytest.mark.parametrize(
    ("harm", "done", "error"),
    [
        (Harm.DROP_BEFORE, False, stripe.APIConnectionError),
        (Harm.DROP_AFTER, True, stripe.APIConnectionError),
        (Harm.ERROR_BEFORE, False, stripe.APIError),
        (Harm.ERROR_AFTER, True, stripe.APIError),
        (Harm.GARBAGE_AFTER, True, stripe.APIError),
        (Harm.RATE_LIMIT, False, stripe.RateLimitError),
        (Harm.CONFLICT, False, stripe.APIError),
    ],
)
def test_a_harm_happens_once_and_the_same_request_again_is_answered(
    stand_in: StripeServer,
    confirm: Callable[[], stripe.PaymentIntent],
    harm: Harm,
    done: bool,
    error: type[stripe.StripeError],
) -> None:
    stand_in.harm(harm, CONFIRM)
    with pytest.raises(error):
        confirm()
    assert stand_in.account.books(attempt="a-1").taken_minor == (5000 if done else 0)

    assert confirm().status == "succeeded"
    assert stand_in.account.books(attempt="a-1").charges == 1


def test_a_harm_is_for_its_kind_and_for_so_many_requests(
    stand_in: StripeServer, merchant: Merchant, confirm: Callable[[], stripe.PaymentIntent]
) -> None:
    stand_in.harm(Harm.DROP_AFTER, CONFIRM, times=2)
    merchant.customer()
    for _ in range(2):
        with pytest.raises(stripe.APIConnectionError):
            confirm()

    assert confirm().last_response.headers["Idempotent-Replayed"] == "true"


def test_a_repeated_request_is_done_once(
    stand_in: StripeServer, confirm: Callable[[], stripe.PaymentIntent]
) -> None:
    stand_in.harm(Harm.REPEAT, CONFIRM)

    assert confirm().last_response.headers["Idempotent-Replayed"] == "true"
    assert stand_in.account.books(attempt="a-1").charges == 1


def test_a_repeat_after_its_key_expired_is_judged_by_the_state(
    stand_in: StripeServer, confirm: Callable[[], stripe.PaymentIntent], clock: ManualClock
) -> None:
    stand_in.harm(Harm.REPEAT_LATER, CONFIRM)
    confirm()
    clock.advance(25 * 3600)
    (late,) = stand_in.line.replay_now()

    assert late.json["error"]["code"] == "payment_intent_unexpected_state"
    assert stand_in.account.books(attempt="a-1").charges == 1


def test_a_late_request_meets_what_was_done_meanwhile(
    stand_in: StripeServer, merchant: Merchant, confirm: Callable[[], stripe.PaymentIntent]
) -> None:
    (intent,) = merchant.v1.payment_intents.list().data
    with ThreadPoolExecutor() as threads:
        with stand_in.line.held(CONFIRM, Harm.STALL) as held:
            late = threads.submit(confirm)
            held.wait_until_reached()
            assert merchant.v1.payment_intents.cancel(intent.id).status == "canceled"
        with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
            late.result()

    assert stand_in.account.books(attempt="a-1").charges == 0


def test_nobody_takes_the_connection_until_it_is_open_again(
    stand_in: StripeServer, confirm: Callable[[], stripe.PaymentIntent]
) -> None:
    stand_in.refuse()
    with pytest.raises(stripe.APIConnectionError):
        confirm()
    stand_in.accept()

    assert confirm().status == "succeeded"


def test_requests_at_once_meet_each_other_where_a_test_lets_them(
    stand_in: StripeServer, confirm: Callable[[], stripe.PaymentIntent]
) -> None:
    """Both have begun before either is done: one pays, the other is told of it; nobody pays twice."""
    stand_in.line.between = Barrier(2, timeout=10).wait
    with ThreadPoolExecutor() as threads:
        asked = [threads.submit(confirm) for _ in range(2)]
        faults = [one.exception() for one in asked]

    (fault,) = [one for one in faults if one is not None]
    assert isinstance(fault, stripe.APIError)
    assert fault.http_status == 409
    with stand_in.line.alone() as account:
        assert account.books(attempt="a-1").charges == 1


def test_a_wrong_key_and_a_path_that_is_not_there(
    client: stripe.StripeClient, stand_in: StripeServer
) -> None:
    wrong = stripe.StripeClient("sk_test_wrong", base_addresses={"api": stand_in.url})
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided"):
        wrong.v1.balance.retrieve()
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL") as lost:
        client.v1.products.list()

    assert lost.value.http_status == 404
    assert client.v1.accounts.retrieve_current().charges_enabled
    assert stand_in.account.asked[-1].version == stripe.api_version


def test_in_process_the_library_tries_again_on_the_clock_s_time() -> None:
    """No socket and no sleep: what a simulator uses, and the same story under the same ids every time."""

    def story() -> tuple[str, float, int]:
        clock = ManualClock()
        line = Line(StripeAccount(clock, SequentialIds()), clock.sleep)
        client = stripe.StripeClient(
            line.account.key, http_client=InProcessClient(line, clock), max_network_retries=2
        )
        began = clock.now()
        line.harm(Harm.DROP_AFTER, "payment_intents.create", times=2)
        wanted = {"amount": 5000, "currency": "eur", "allowed_payment_method_types": ["card"]}
        made = client.v1.payment_intents.create(wanted)
        waited_s = (clock.now() - began).total_seconds()
        return made.id, waited_s, len(line.account.of("payment_intent"))

    assert story() == story() == ("pi_1", 1.5, 1)

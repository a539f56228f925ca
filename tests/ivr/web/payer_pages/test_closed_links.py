"""A link that is over is told like one that never was: in the same words, by the same number of queries."""

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from ivr.platform.flask_app import set_up_requests
from tests.ivr.web.payer_pages.conftest import Client
from tests.support.link_gateway import LinkGateway
from tests.support.link_pages import OVER, over, token_of
from tests.support.payment_services import PaymentServices
from tests.support.time_and_ids import SequentialIds


@pytest.mark.parametrize("page", ["pay", "receipt"])
@pytest.mark.parametrize(
    "token", ["%00", "a%00b", "%ff", "x" * 5000, "'%20or%201=1--", "%0d%0aSet-Cookie:%20x"]
)
def test_what_can_be_no_token_is_over_like_any_other(client: Client, page: str, token: str) -> None:
    with capture_logs() as logs:
        answer = client().get(f"/{page}/{token}")
    assert (answer.status_code, logs) == (404, [])
    assert answer.text == client().get(f"/{page}/linktoken00000000000000000").text


@pytest.mark.parametrize("page", ["pay", "receipt"])
def test_an_odd_address_is_over_like_any_other(
    client: Client, services: PaymentServices, opened: str, page: str
) -> None:
    """Nothing is wrong on our side, and to try again in a minute does not help."""
    browser = client()
    set_up_requests(browser.application, SequentialIds())
    with capture_logs() as logs:
        answer = browser.get("/", environ_overrides={"PATH_INFO": f"//{page}/{token_of(services, opened)}"})
    assert (answer.status_code, logs) == (404, [])
    assert answer.text == client().get("/pay/linktoken00000000000000000").text


@pytest.mark.slow
@pytest.mark.parametrize("accepted", ["en", "es", "fr", ""])
def test_what_is_over_is_told_like_what_never_was(
    services: PaymentServices, bank: LinkGateway, client: Client, accepted: str
) -> None:
    headers = {"Accept-Language": accepted} if accepted else {}
    answers = [client().get(f"/pay/{over(services, bank, how)}", headers=headers) for how in OVER]
    assert len({answer.data for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers)) for answer in answers}) == 1
    first = answers[0]
    assert first.status_code == 404
    assert "This link is no longer valid" in first.text
    assert "Este enlace ya no es válido" in first.text
    assert ('<html lang="es">' in first.text) == (accepted == "es")


@pytest.mark.parametrize("how", ["never was", "closed", "expired", "not open yet"])
def test_a_receipt_of_what_is_over(
    services: PaymentServices, bank: LinkGateway, client: Client, how: str
) -> None:
    answer = client().get(f"/receipt/{over(services, bank, how)}")
    assert answer.status_code == 404
    assert "This link is no longer valid" in answer.text


@pytest.mark.slow
def test_each_token_costs_one_query(
    services: PaymentServices, bank: LinkGateway, client: Client, opened: str, engine: sa.Engine
) -> None:
    """Whether there is such a link cannot be told by how long the answer takes."""
    tokens = [token_of(services, opened), *(over(services, bank, how) for how in OVER), "x", "x" * 5000]
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    counts = set()
    for token in tokens:
        asked.clear()
        client().get(f"/pay/{token}")
        counts.add(tuple(one for one in asked if one.startswith("SELECT")))
    assert len(counts) == 1
    assert [len(one) for one in counts] == [1]

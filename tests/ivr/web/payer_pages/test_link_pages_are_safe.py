"""What every page of a link holds, and what none ever does: no script, no frame, no copy, no logged token."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import flask
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from ivr.payments.attempts.states import State
from ivr.web.payer_pages import view
from tests.ivr.web.payer_pages.conftest import Client
from tests.support.link_gateway import LinkGateway
from tests.support.link_pages import HOUR_S, token_of
from tests.support.payment_services import PaymentServices

NASTY = '<script>alert("x")</script> & "Sons"'


def _every_answer(
    services: PaymentServices, bank: LinkGateway, client: FlaskClient
) -> Iterator[flask.Response]:
    opened = services.linked()
    services.run_due()
    token = token_of(services, opened)
    for path in (
        f"/pay/{token}",
        f"/pay/{token}?left",
        f"/receipt/{token}",
        f"/receipt/{token}?done",
        "/pay/x",
        "/receipt/x",
    ):
        yield client.get(path)
    bank.pay(opened)
    services.pass_time(2 * HOUR_S)
    yield client.get(f"/receipt/{token}")


def test_every_answer_forbids_to_keep_frame_index_or_pass_on(
    services: PaymentServices, bank: LinkGateway, client: Client
) -> None:
    for answer in _every_answer(services, bank, client()):
        headers = answer.headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Robots-Tag"].startswith("noindex")
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "Set-Cookie" not in headers


class _Tags(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.style = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "style" and not self.style:
            self.style = data


@pytest.mark.parametrize("merchant", ["Demo Town Hall", NASTY])
def test_no_page_runs_or_fetches_anything(
    services: PaymentServices, bank: LinkGateway, client: Client, merchant: str
) -> None:
    for answer in _every_answer(services, bank, client(merchant)):
        page = _Tags(answer.text)
        names = {tag for tag, _ in page.tags}
        assert not names & {"script", "img", "link", "iframe", "form", "object", "base", "input"}
        for _, attributes in page.tags:
            assert not {name for name in attributes if name.startswith("on") or name in {"src", "style"}}
            assert re.fullmatch(r"|\?|\.\./pay/\w+", attributes.get("href") or "")
        if answer.text:
            assert NASTY not in answer.text
            assert page.style == view._CSS, "the policy's hash is over these very bytes"


def test_pages_are_whole_for_those_who_hear_or_zoom_them(
    services: PaymentServices, bank: LinkGateway, client: Client
) -> None:
    for answer in _every_answer(services, bank, client()):
        if not answer.text:
            continue
        page = _Tags(answer.text)
        found = dict(page.tags)
        assert found["html"]["lang"] in {"en", "es"}
        assert found["meta"] is not None
        assert [tag for tag, _ in page.tags].count("main") == 1
        assert "h1" in found
        assert "width=device-width, initial-scale=1" in answer.text
        assert "user-scalable" not in answer.text
        assert re.search(r"<title>\S.* · Demo Town Hall</title>", answer.text)


def test_both_languages_have_the_same_words() -> None:
    assert view.languages() == ("en", "es")
    assert view.words("en").keys() == view.words("es").keys()
    for key, text in view.words("en").items():
        assert re.findall(r"{\w+}", text) == re.findall(r"{\w+}", view.words("es")[key])
    assert view.spoken("xx") == "en"


@pytest.mark.parametrize(
    ("database", "told"),
    [("/nowhere/at/all.db", (503, "database_away")), (":memory:", (500, "link_page_failed"))],
)
def test_a_fault_of_ours_says_so_and_logs_no_token(
    services: PaymentServices, client: Client, opened: str, database: str, told: tuple[int, str]
) -> None:
    """A database that is away, and one without tables."""
    token = token_of(services, opened)
    broken = sa.create_engine(f"sqlite:///{database}")
    with capture_logs() as logs:
        answer = client(on=broken).get(f"/pay/{token}")
    assert "Something went wrong on our side" in answer.text
    assert (answer.status_code, *[entry["event"] for entry in logs]) == told
    assert token not in repr(logs)
    assert "/pay/" not in repr(logs)


@pytest.mark.slow
def test_nothing_that_is_logged_on_the_way_holds_the_token(
    services: PaymentServices, bank: LinkGateway, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as logs:
        attempt_id = services.linked()
        services.run_due()
        token = token_of(services, attempt_id)
        for path in ("/pay/", "/receipt/"):
            client().get(path + token)
        bank.pay(attempt_id)
        services.pass_time(2 * HOUR_S)
    assert services.state(attempt_id) is State.APPROVED
    assert logs
    assert token not in repr(logs) + caplog.text

"""The payer's pages: where a link leads, what is said once it is over, and what no page ever does."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import flask
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from ivr.clock import ManualClock
from ivr.links import view
from ivr.links.pages import make_blueprint
from ivr.payments import pay_link, records
from ivr.payments.states import State
from ivr.storage import schema
from tests.support.bank import Fate
from tests.support.link_bank import LinkBank
from tests.support.till import Till

HOUR_S = 3600
NASTY = '<script>alert("x")</script> & "Sons"'
Client = Callable[..., FlaskClient]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def bank(clock: ManualClock) -> LinkBank:
    return LinkBank(clock)


@pytest.fixture
def till(engine: sa.Engine, clock: ManualClock, bank: LinkBank) -> Till:
    return Till(engine, clock, bank=bank)


@pytest.fixture
def client(engine: sa.Engine, clock: ManualClock) -> Client:
    def made(merchant_name: str = "Demo Town Hall", on: sa.Engine = engine) -> FlaskClient:
        app = flask.Flask("pages", static_folder=None, template_folder=None)
        app.register_blueprint(make_blueprint(on, clock=clock, merchant_name=merchant_name))
        return app.test_client()

    return made


def token_of(till: Till, attempt_id: str) -> str:
    with till.engine.begin() as tx:
        link = pay_link.of(tx, records.get(tx, attempt_id))
    assert link is not None
    return link.token.reveal()


def speak_spanish(till: Till) -> None:
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(language="es"))


@pytest.fixture
def opened(till: Till) -> str:
    """An attempt whose link is open."""
    attempt_id = till.linked()
    till.run_due()
    return attempt_id


@pytest.mark.parametrize("page", ["pay", "receipt"])
@pytest.mark.parametrize(
    "token", ["%00", "a%00b", "%ff", "x" * 5000, "'%20or%201=1--", "%0d%0aSet-Cookie:%20x"]
)
def test_what_can_be_no_token_is_over_like_any_other(client: Client, page: str, token: str) -> None:
    with capture_logs() as logs:
        answer = client().get(f"/{page}/{token}")
    assert (answer.status_code, logs) == (404, [])
    assert answer.text == client().get(f"/{page}/linktoken00000000000000000").text


# Where it leads ---------------------------------------------------------------------------------------------


def test_an_open_link_leads_to_the_gateways_page(till: Till, client: Client, opened: str) -> None:
    answer = client().get(f"/pay/{token_of(till, opened)}")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"https://bank.example/pay/{opened}"
    assert answer.text == ""


def test_a_robot_that_looks_first_changes_nothing(till: Till, client: Client, opened: str) -> None:
    before = _whole_database(till)
    for path in (f"/pay/{token_of(till, opened)}", f"/receipt/{token_of(till, opened)}"):
        for method in ("HEAD", "GET", "OPTIONS"):
            assert client().open(path, method=method).status_code in {200, 303}
        for method in ("POST", "PUT", "DELETE"):
            assert client().open(path, method=method).status_code == 405
    assert _whole_database(till) == before


def _whole_database(till: Till) -> list[object]:
    with till.engine.begin() as tx:
        return [tx.execute(sa.select(table)).all() for table in schema.metadata.sorted_tables]


def test_who_leaves_without_paying_is_not_sent_back_at_once(till: Till, client: Client, opened: str) -> None:
    answer = client().get(f"/pay/{token_of(till, opened)}?left=1")
    assert answer.status_code == 200
    assert "You have not paid yet" in answer.text
    assert "The link is good for 60 min more." in answer.text
    assert 'href="?"' in answer.text, "the way on is this page without its query"


def test_paid_says_the_books_and_nothing_else(
    till: Till, bank: LinkBank, client: Client, opened: str
) -> None:
    token = token_of(till, opened)
    bank.pay(opened)
    waiting = client().get(f"/receipt/{token}?done=1")
    assert waiting.status_code == 200
    assert "being confirmed" in waiting.text
    assert "has arrived" not in waiting.text
    till.pass_time(2 * HOUR_S)
    for path in (f"/receipt/{token}", f"/receipt/{token}?done=1", f"/pay/{token}", f"/pay/{token}?left=1"):
        paid = client().get(path)
        assert paid.status_code == 200
        assert "Your payment has arrived" in paid.text
        assert {"€40.00", till.attempt(opened).reference, "10000001"} <= set(
            re.findall(r"<dd>(.*?)</dd>", paid.text)
        )


def test_a_receipt_of_a_link_that_is_open_says_so_and_leads_back(
    till: Till, client: Client, opened: str
) -> None:
    token = token_of(till, opened)
    till.clock.advance(15 * 60)
    page = client().get(f"/receipt/{token}")
    assert page.status_code == 200
    assert "Not paid yet" in page.text
    assert "We have not heard of a payment by this link yet." in page.text
    assert "The link is good for 45 min more." in page.text
    assert "There is nothing more to do" not in page.text
    way_on = urljoin(f"https://pay.example.com/receipt/{token}", f"../pay/{token}")
    assert f'href="../pay/{token}"' in page.text
    assert client().get(urlsplit(way_on).path).headers["Location"] == f"https://bank.example/pay/{opened}"
    till.clock.advance(45 * 60)
    assert "The link is good for less than a minute more." in client().get(f"/receipt/{token}").text


def test_who_comes_from_the_gateway_never_reads_that_they_have_not_paid(
    till: Till, bank: LinkBank, client: Client, opened: str
) -> None:
    """They are ahead of the webhook. The address is the one that the gateway was given."""
    done = urlsplit(bank.asked[0].done_url)
    bank.pay(opened)
    for _ in range(2):
        page = client().get(f"{done.path}?{done.query}").text
        assert "Your payment is being confirmed" in page
        assert "Not paid yet" not in page
        assert 'href=""' in page, "looked at again, the address keeps its mark"
    till.close_link(opened)
    for path in (done.path, f"{done.path}?{done.query}"):
        assert "Your payment is being confirmed" in client().get(path).text


@pytest.mark.parametrize("query", ["?done=1", "?paid=1", "?done=1&left=1", "?state=approved", "?refunded"])
def test_no_address_makes_a_payment(till: Till, client: Client, opened: str, query: str) -> None:
    for path in (f"/receipt/{token_of(till, opened)}", f"/pay/{token_of(till, opened)}"):
        page = client().get(path + query).text
        assert not any(word in page for word in ("has arrived", ">Paid<", "Refunded", "given back"))


def _give_back(till: Till, attempt_id: str, amount_minor: int | None = None, *, run: bool = True) -> str:
    with till.engine.begin() as tx:
        refund = till.cashier.ask_refund(tx, attempt_id, amount_minor, asked_by="finance")
    if run:
        till.run_due()
    return refund.id


def test_what_was_given_back_is_told_by_the_books(
    till: Till, bank: LinkBank, client: Client, opened: str
) -> None:
    token = token_of(till, opened)
    bank.pay(opened)
    till.pass_time(2 * HOUR_S)
    _give_back(till, opened, 1_000, run=False)
    asked = client().get(f"/receipt/{token}").text
    assert "Your payment has arrived.<" in asked, "asked for is not given back"
    assert "€10.00" not in asked
    till.run_due()
    part = client().get(f"/receipt/{token}").text
    assert "Paid</h1>" in part
    assert "Your payment has arrived, and €10.00 of it was given back to you." in part
    assert "<dt>Given back</dt><dd>€10.00</dd>" in part
    _give_back(till, opened)
    for path in (f"/receipt/{token}", f"/receipt/{token}?done=1", f"/pay/{token}", f"/pay/{token}?left=1"):
        whole = client().get(path)
        assert whole.status_code == 200
        assert "Refunded</h1>" in whole.text
        assert "given back to you in full" in whole.text
        assert "<dt>Given back</dt><dd>€40.00</dd>" in whole.text
        assert "has arrived" not in whole.text
    speak_spanish(till)
    assert "Devuelto</h1>" in client().get(f"/receipt/{token}").text


def test_a_refund_that_the_gateway_refused_was_not_given_back(
    till: Till, bank: LinkBank, client: Client, opened: str
) -> None:
    bank.pay(opened)
    till.pass_time(2 * HOUR_S)
    bank.refunded["by hand"] = (opened, 4_000)
    _give_back(till, opened)
    page = client().get(f"/receipt/{token_of(till, opened)}").text
    assert "Your payment has arrived.<" in page
    assert "Given back" not in page


def test_in_the_payers_language(till: Till, bank: LinkBank, client: Client, opened: str) -> None:
    speak_spanish(till)
    token = token_of(till, opened)
    assert '<html lang="es">' in client().get(f"/receipt/{token}").text
    left = client().get(f"/pay/{token}?left=1").text
    assert "Todavía no ha pagado" in left
    assert "El enlace es válido durante 60 min más." in left
    assert "en cuanto se confirme" in client().get(f"/receipt/{token}?done=1").text
    bank.pay(opened)
    till.pass_time(2 * HOUR_S)
    paid = client().get(f"/receipt/{token}", headers={"Accept-Language": "en"}).text
    assert "Hemos recibido su pago" in paid
    assert "40,00 €" in paid


# What is over -----------------------------------------------------------------------------------------------


def _over(till: Till, bank: LinkBank, how: str) -> str:
    """A token that leads nowhere."""
    if how == "never was":
        return "0" * 26
    if how == "lost":
        bank.fates.append(Fate.NEVER)
    attempt_id = till.linked()
    if how == "not open yet":
        return token_of(till, attempt_id)
    till.run_due()
    if how == "closing":
        till.close_link(attempt_id)
    if how == "closed":
        till.close_link(attempt_id)
        till.run_due()
    if how == "past, and nobody looked":
        till.clock.advance(HOUR_S + 60)
    if how in {"expired", "lost"}:
        till.pass_time(2 * HOUR_S)
    return token_of(till, attempt_id)


OVER = ("never was", "not open yet", "closing", "closed", "past, and nobody looked", "expired", "lost")


@pytest.mark.parametrize("accepted", ["en", "es", "fr", ""])
def test_what_is_over_is_told_like_what_never_was(
    till: Till, bank: LinkBank, client: Client, accepted: str
) -> None:
    headers = {"Accept-Language": accepted} if accepted else {}
    answers = [client().get(f"/pay/{_over(till, bank, how)}", headers=headers) for how in OVER]
    assert len({answer.data for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers)) for answer in answers}) == 1
    first = answers[0]
    assert first.status_code == 404
    assert "This link has ended" in first.text
    assert "Este enlace ya no es válido" in first.text
    assert ('<html lang="es">' in first.text) == (accepted == "es")


@pytest.mark.parametrize("how", ["never was", "closed", "expired", "not open yet"])
def test_a_receipt_of_what_is_over(till: Till, bank: LinkBank, client: Client, how: str) -> None:
    answer = client().get(f"/receipt/{_over(till, bank, how)}")
    assert answer.status_code == 404
    assert "This link has ended" in answer.text


def test_each_token_costs_one_query(
    till: Till, bank: LinkBank, client: Client, opened: str, engine: sa.Engine
) -> None:
    """Whether there is such a link cannot be told by how long the answer takes."""
    tokens = [token_of(till, opened), *(_over(till, bank, how) for how in OVER), "x", "x" * 5000]
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


# What every answer holds ------------------------------------------------------------------------------------


def _every_answer(till: Till, bank: LinkBank, client: FlaskClient) -> Iterator[flask.Response]:
    opened = till.linked()
    till.run_due()
    token = token_of(till, opened)
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
    till.pass_time(2 * HOUR_S)
    yield client.get(f"/receipt/{token}")


def test_every_answer_forbids_to_keep_frame_index_or_pass_on(
    till: Till, bank: LinkBank, client: Client
) -> None:
    for answer in _every_answer(till, bank, client()):
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
def test_no_page_runs_or_fetches_anything(till: Till, bank: LinkBank, client: Client, merchant: str) -> None:
    for answer in _every_answer(till, bank, client(merchant)):
        page = _Tags(answer.text)
        names = {tag for tag, _ in page.tags}
        assert not names & {"script", "img", "link", "iframe", "form", "object", "base", "input"}
        for _, attributes in page.tags:
            assert not {name for name in attributes if name.startswith("on") or name in {"src", "style"}}
            assert re.fullmatch(r"|\?|\.\./pay/\w+", attributes.get("href") or "")
        if answer.text:
            assert NASTY not in answer.text
            assert page.style == view._CSS, "the policy's hash is over these very bytes"


def test_pages_are_whole_for_those_who_hear_or_zoom_them(till: Till, bank: LinkBank, client: Client) -> None:
    for answer in _every_answer(till, bank, client()):
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


# Logs -------------------------------------------------------------------------------------------------------


def test_a_fault_of_ours_says_so_and_logs_no_token(till: Till, client: Client, opened: str) -> None:
    token = token_of(till, opened)
    broken = sa.create_engine("sqlite:////nowhere/at/all.db")
    with capture_logs() as logs:
        answer = client(on=broken).get(f"/pay/{token}")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert [entry["event"] for entry in logs] == ["link_page_failed"]
    assert token not in repr(logs)
    assert "/pay/" not in repr(logs)


def test_nothing_that_is_logged_on_the_way_holds_the_token(
    till: Till, bank: LinkBank, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as logs:
        attempt_id = till.linked()
        till.run_due()
        token = token_of(till, attempt_id)
        for path in ("/pay/", "/receipt/"):
            client().get(path + token)
        bank.pay(attempt_id)
        till.pass_time(2 * HOUR_S)
    assert till.state(attempt_id) is State.APPROVED
    assert logs
    assert token not in repr(logs) + caplog.text

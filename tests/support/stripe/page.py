"""The hosted page of a Checkout Session, small: what is paid, a choice of test card, pay, or go back.

Plain HTML without a script; a browser's test finds the buttons by their labels. A card's number never
travels: the form names the test card's behaviour.
"""

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from tests.support.stripe import checkout
from tests.support.stripe.cards import TEST_CARDS
from tests.support.stripe.wire import Answer, Request, Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount

PATH = checkout.PATH
_DECLINED = "generic_decline"
_PAGE = """<!doctype html>
<html lang="{lang}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title></head>
<body><main><h1>{title}</h1>{body}</main></body>
</html>"""


def shown(account: "StripeAccount", request: Request) -> Answer:
    account.tidy()
    session = account.objects.get(request.path.removeprefix(PATH))
    if session is None or session["object"] != "checkout.session":
        return _html(404, "Something went wrong", "<p>The page you were looking for could not be found.</p>")
    if request.method == "POST" and session["status"] == "open":
        card = parse_qs(request.body.decode()).get("card", ["approved"])[0]
        number = next(number for number, one in TEST_CARDS.items() if one.name == card)
        checkout.pay(account, session["id"], number)
    if session["status"] == "complete":
        where = session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
        return Answer(303, {"Location": where}, b"")
    if session["status"] == "expired":
        return _html(200, "You're all set", "<p>This checkout session has timed out or was completed.</p>")
    return _html(200, "Pay", _form(account, session), session["locale"])


def _form(account: "StripeAccount", session: Thing) -> str:
    intent = account.objects.get(session["payment_intent"] or "")
    refused = intent and intent["last_payment_error"]
    alert = f'<p role="alert">{escape(refused["message"])}</p>' if refused else ""
    names = "".join(f"<li>{escape(name)}</li>" for name in account.item_names[session["id"]])
    back = f'<a href="{escape(session["cancel_url"])}">Back</a>' if session["cancel_url"] else ""
    return (
        f"{alert}<ul>{names}</ul><p>{session['amount_total']} {session['currency'].upper()}</p>"
        '<form method="post"><button name="card" value="approved">Pay</button> '
        f'<button name="card" value="{_DECLINED}">Pay with a card that is declined</button></form>{back}'
    )


def _html(status: int, title: str, body: str, language: str | None = None) -> Answer:
    page = _PAGE.format(lang=escape(language or "en"), title=escape(title), body=body)
    return Answer(status, {"Content-Type": "text/html; charset=utf-8"}, page.encode())

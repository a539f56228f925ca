"""The page on which a payer pays an order at the bank: `GET` and `POST /pay/<id>`, in English and Spanish.

May import Flask, babel and the bank's own files. No number is keyed here: the payer chooses one of the public
test cards by its last four. One of them asks for the payer's own approval, which is a second form on the same
page.
"""

from decimal import Decimal
from http import HTTPStatus

from babel import numbers
from flask import Flask, Response, make_response, redirect, render_template_string, request

from gateways.sandbox.bank import cards
from gateways.sandbox.bank.cards import APPROVED, CardFacts
from gateways.sandbox.bank.links import Links
from gateways.sandbox.bank.pages import Page
from gateways.sandbox.currencies import decimals

_AUTHENTICATION = "authentication_required"
CHOICES = ("4242", "3155", "0002", "9995")
"""The cards that are offered, by their last four."""

_WORDS = {
    "en": {
        "title": "Sandbox bank",
        "test": "A test page: no real money, no real cards.",
        "amount": "To pay",
        "choose": "Pay by one of these test cards:",
        APPROVED: "is accepted",
        _AUTHENTICATION: "asks you to approve the payment",
        "generic_decline": "is declined",
        "insufficient_funds": "has too little money",
        "declined": "The card was not accepted, and nothing was charged. Try another one.",
        "is_it_you": "Your bank asks: is it you who pays?",
        "yes": "Yes, I approve it",
        "no": "No",
        "leave": "Leave without paying",
        "over": "This page can no longer be paid.",
    },
    "es": {
        "title": "Banco de pruebas",
        "test": "Página de pruebas: sin dinero ni tarjetas de verdad.",
        "amount": "Importe",
        "choose": "Pague con una de estas tarjetas de prueba:",
        APPROVED: "se acepta",
        _AUTHENTICATION: "le pide que autorice el pago",
        "generic_decline": "se rechaza",
        "insufficient_funds": "no tiene saldo",
        "declined": "La tarjeta no se ha aceptado y no se ha cobrado nada. Pruebe con otra.",
        "is_it_you": "Su banco pregunta: ¿es usted quien paga?",
        "yes": "Sí, lo autorizo",
        "no": "No",
        "leave": "Salir sin pagar",
        "over": "Ya no se puede pagar en esta página.",
    },
}

_PAGE = """<!doctype html>
<html lang="{{ language }}"><head><meta charset="utf-8"><title>{{ words.title }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark }
body { font: 18px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 28rem; padding: 0 1rem;
  background: #f4f5f7; color: #1b1f24; overflow-wrap: anywhere }
button { font: inherit; width: 100%; padding: .7rem; margin: .3rem 0; text-align: left; border-radius: .75rem;
  border: 1px solid #d5d9df; background: #fff; color: inherit }
a { color: #0b5fce }
@media (prefers-color-scheme: dark) {
  body { background: #14171a; color: #eceff2 }
  button { background: #1e2328; border-color: #353c44 }
  a { color: #4d94f5 }
}
</style></head><body>
<h1>{{ words.title }}</h1>
<p><small>{{ words.test }}</small></p>
{% if not page %}<p role="alert">{{ words.over }}</p>
{% else %}<p>{{ words.amount }}: <strong>{{ amount }}</strong><br>{{ page.description }}</p>
{% if declined %}<p role="alert">{{ words.declined }}</p>{% endif %}
<form method="post">
{% if asks %}<p>{{ words.is_it_you }}</p><input type="hidden" name="card" value="{{ asks }}">
<button name="approved" value="yes">{{ words.yes }}</button>
<button name="approved" value="no">{{ words.no }}</button>
{% else %}<p>{{ words.choose }}</p>
{% for card in choices %}<button name="card" value="{{ card.last_four }}">{{ card.brand.title() }}
{{ card.last_four }}: {{ words[card.outcome] }}</button>
{% endfor %}{% endif %}</form>
<p><a href="{{ page.left_url }}">{{ words.leave }}</a></p>{% endif %}
</body></html>
"""


def install(app: Flask, links: Links) -> None:
    """Adds the page to the bank."""
    offered = {card.last_four: card for card in cards.table() if card.last_four in CHOICES}

    def show(page_id: str) -> Response:
        page = links.show(page_id)
        return _made(page if page is not None and links.can_be_paid(page) else None, page)

    def pay(page_id: str) -> Response:
        page = links.show(page_id)
        if page is None or not links.can_be_paid(page):
            return _made(None, page)
        card = offered.get(request.form.get("card", ""))
        approved = request.form.get("approved", "")
        if card is not None and card.outcome == _AUTHENTICATION and not approved:
            return _made(page, page, asks=card.last_four)
        if card is None or not _pays(card, approved):
            return _made(page, page, declined=True)
        if not links.pay(page_id, card):
            return _made(None, page)
        return make_response(redirect(page.done_url, HTTPStatus.SEE_OTHER))

    app.add_url_rule("/pay/<page_id>", "show page", show, methods=["GET"])
    app.add_url_rule("/pay/<page_id>", "pay page", pay, methods=["POST"])


def _pays(card: CardFacts, approved: str) -> bool:
    return card.outcome == APPROVED or (card.outcome == _AUTHENTICATION and approved == "yes")


def _made(page: Page | None, known: Page | None, *, asks: str = "", declined: bool = False) -> Response:
    """`page` is None where nothing can be paid; `known` says in which language."""
    language = known.language if known is not None and known.language in _WORDS else "en"
    choices = sorted(
        (card for card in cards.table() if card.last_four in CHOICES),
        key=lambda card: CHOICES.index(card.last_four),
    )
    body = render_template_string(
        _PAGE,
        language=language,
        words=_WORDS[language],
        page=page,
        amount=_written(page, language) if page is not None else "",
        asks=asks,
        declined=declined,
        choices=choices,
    )
    return make_response(body, HTTPStatus.OK if page is not None else HTTPStatus.GONE)


def _written(page: Page, language: str) -> str:
    """The amount as a reader of that language expects it."""
    value = Decimal(page.amount_minor).scaleb(-decimals(page.currency))
    return numbers.format_currency(value, page.currency, locale=language)

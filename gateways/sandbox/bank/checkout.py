"""The page on which a payer pays an order at the bank: `GET` and `POST /pay/<id>`, in English and Spanish.

No card number is entered here: the payer chooses one of the public test cards by its last four digits. One of
them asks for the payer's approval, which is a second form on the same page.
"""

from decimal import Decimal
from http import HTTPStatus

from babel import numbers
from flask import Flask, Response, make_response, redirect, render_template, request

from gateways.sandbox.bank import cards
from gateways.sandbox.bank.cards import APPROVED, TestCard
from gateways.sandbox.bank.links import BankLinks, PaymentPage
from gateways.sandbox.currencies import decimals

_AUTHENTICATION = "authentication_required"
CHOICES = ("4242", "3155", "0002", "9995")
"""The cards that are offered, by their last four."""

_WORDS = {
    "en": {
        "title": "Sandbox bank",
        "test": "A test page: no real money, no real cards.",
        "amount": "Amount",
        "choose": "Choose a test card to pay with:",
        APPROVED: "is approved",
        _AUTHENTICATION: "asks you to approve the payment",
        "generic_decline": "is declined",
        "insufficient_funds": "has insufficient funds",
        "declined_title": "Card declined",
        "declined": "The card was declined. Nothing was charged. Choose another card.",
        "is_it_you": "Your bank asks: do you approve this payment?",
        "yes": "Yes, I approve it",
        "no": "No",
        "leave": "Leave without paying",
        "over": "This page can no longer be paid.",
    },
    "es": {
        "title": "Banco de pruebas",
        "test": "Página de pruebas: sin dinero ni tarjetas de verdad.",
        "amount": "Importe",
        "choose": "Elija una tarjeta de prueba para pagar:",
        APPROVED: "se aprueba",
        _AUTHENTICATION: "le pide que autorice el pago",
        "generic_decline": "se rechaza",
        "insufficient_funds": "no tiene saldo suficiente",
        "declined_title": "Tarjeta rechazada",
        "declined": "La tarjeta se ha rechazado. No se ha cobrado nada. Elija otra tarjeta.",
        "is_it_you": "Su banco pregunta: ¿autoriza este pago?",
        "yes": "Sí, lo autorizo",
        "no": "No",
        "leave": "Salir sin pagar",
        "over": "Ya no se puede pagar en esta página.",
    },
}


def install(app: Flask, links: BankLinks) -> None:
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


def _pays(card: TestCard, approved: str) -> bool:
    return card.outcome == APPROVED or (card.outcome == _AUTHENTICATION and approved == "yes")


def _made(
    page: PaymentPage | None, known: PaymentPage | None, *, asks: str = "", declined: bool = False
) -> Response:
    """`page` is None where nothing can be paid; `known` says in which language."""
    language = known.language if known is not None and known.language in _WORDS else "en"
    choices = sorted(
        (card for card in cards.table() if card.last_four in CHOICES),
        key=lambda card: CHOICES.index(card.last_four),
    )
    body = render_template(
        "checkout.html",
        language=language,
        words=_WORDS[language],
        page=page,
        amount=_written(page, language) if page is not None else "",
        asks=asks,
        declined=declined,
        choices=choices,
    )
    return make_response(body, HTTPStatus.OK if page is not None else HTTPStatus.GONE)


def _written(page: PaymentPage, language: str) -> str:
    """The amount as a reader of that language expects it."""
    value = Decimal(page.amount_minor).scaleb(-decimals(page.currency))
    return numbers.format_currency(value, page.currency, locale=language)

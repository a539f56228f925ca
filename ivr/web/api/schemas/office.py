"""Texts that wait for the operator, and lockouts."""

from ivr.web.api.schemas.terms import MOMENT, Schema, answer, array, flag, or_null, ref, text

SCHEMAS: dict[str, Schema] = {
    "HeldMessages": answer({"messages": array(ref("HeldMessage"))}),
    "HeldMessage": answer(
        {
            "id": text(),
            "purpose": text(enum=["receipt", "link"]),
            "payment": text("The payment's reference."),
            "error_code": or_null(text("The carrier's.")),
            "created_at": MOMENT,
            "tried_at": or_null(MOMENT),
        }
    ),
    "Resent": answer({"id": text(), "outcome": text(enum=["queued"])}),
    "Lockout": answer(
        {
            "id": text(),
            "kind": text("What was counted by: call, caller, bill, breaker, card or bin."),
            "subject": text("Masked: a number's last digits, the beginning of a card's keyed hash, an id."),
            "state": text(enum=["locked_out", "half_open", "over"]),
            "since": MOMENT,
            "until": MOMENT,
            "why": text(),
            "call_id": or_null(text("The call in which it began.")),
            "lifted_at": or_null(MOMENT),
            "lifted_by": or_null(text()),
        }
    ),
    "Lockouts": answer(
        {
            "lockouts": array(ref("Lockout")),
            "complete": flag("False: the PCI process did not answer; those of cards and BINs are missing."),
        }
    ),
}

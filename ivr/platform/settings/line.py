"""The settings of the line: who is called, in which languages and voices, and whom `0` rings."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers

import flows.pay_bill
from flows.language import Noun, NounError, read_noun
from gateways.setting_readers import mapping, sentences, text
from gateways.settings import field_of, setting
from ivr.platform.settings import shared
from ivr.platform.settings.reading import wrong

DEMO_MERCHANT = "Demo Town Hall"
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_NUMBER = "be a number in E.164 form, such as +34910000000, or be left unset"


def time_zone(value: str) -> tzinfo:
    """A time zone by its name in the IANA database, or UTC."""
    name = value.strip()
    if name == "UTC":
        return UTC
    with suppress(OSError, ValueError, ZoneInfoNotFoundError):
        if "/" in name and not name.startswith("Etc/"):
            return ZoneInfo(name)
    raise ValueError("must be UTC or the name of a time zone by its city, such as Europe/Madrid")


def listed(value: str) -> tuple[str, ...]:
    """`en,es` as a tuple."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def spoken_languages() -> tuple[str, ...]:
    """The languages in which the default flow has prompts."""
    folder = Path(flows.pay_bill.__file__).parent
    return tuple(sorted(path.name.split(".")[1] for path in folder.glob("prompts.*.toml")))


@dataclass(frozen=True, slots=True)
class Wording:
    """How the merchant words what payers hear and read: speech, texts, pages, and what the gateway shows."""

    home_country: str = ""
    """ISO code: its own currency is written there as everybody there writes it. Empty: nowhere."""
    nouns: Mapping[str, Noun] = field(default_factory=dict)
    """What a bill is called, by language; where there is none, the language's own word."""


PLAIN = Wording()


def wording_of(home_country: str, bill_nouns: Mapping[str, str]) -> Wording:
    """HOME_COUNTRY and BILL_NOUN as the pages and the speech take them; a noun that cannot be read is left
    out, and is one of the `faults`.
    """
    nouns = {}
    for language, noun in bill_nouns.items():
        with suppress(NounError):
            nouns[language] = read_noun(noun, language)
    return Wording(home_country, nouns)


@dataclass(frozen=True, slots=True)
class LineSettings:
    """What a caller of this line hears and is offered."""

    merchant_name: str = setting(
        "MERCHANT_NAME", "The merchant's name as callers hear it and payers read it.", text, DEMO_MERCHANT
    )
    merchant_phone: str = setting(
        "MERCHANT_PHONE",
        "The number that payers call with questions about a payment, in E.164; their pages and receipts show "
        "it. Empty: they show the number that was called.",
        text,
        "",
    )
    time_zone: tzinfo = setting(
        "TIME_ZONE",
        "The time zone of dates and times that payers read: UTC, or a name such as Europe/Madrid.",
        time_zone,
        "UTC",
    )
    bill_nouns: Mapping[str, str] = setting(
        "BILL_NOUN",
        "The word for a bill in each language, such as en=fine,es=la multa. In Spanish with its article, "
        "which gives the gender. Empty: bill, factura.",
        mapping,
        "",
    )
    person_number: str = field_of(shared.PERSON_NUMBER)
    home_country: str = setting(
        "HOME_COUNTRY",
        "The ISO code of the country whose telephone numbers may be written without a country code.",
        text,
        "ES",
    )
    languages: tuple[str, ...] = setting(
        "LANGUAGES", "The languages offered, separated by commas. The first is the default.", listed, "en,es"
    )
    language_by_number: Mapping[str, str] = setting(
        "LANGUAGE_BY_NUMBER",
        "The first language by the number called, such as +34910000000=es,+442000000000=en.",
        mapping,
        "",
    )
    say_language: Mapping[str, str] = field_of(shared.SAY_LANGUAGE)
    say_voice: Mapping[str, str] = field_of(shared.SAY_VOICE)
    recordings: str = setting(
        "RECORDINGS",
        "A TOML file that lists recorded prompts. Empty: every prompt is spoken by the carrier's voice.",
        text,
        "",
    )
    other_ways_to_pay: Mapping[str, str] = setting(
        "OTHER_WAYS_TO_PAY",
        "Other ways to pay, said where the call cannot help, such as en=You can also pay at ...|es=También "
        "puede pagar en .... Empty: nothing is said.",
        sentences,
        "",
    )
    reference_place: Mapping[str, str] = setting(
        "REFERENCE_PLACE",
        "Where the reference is printed on the bill, said to a caller who does not find it, such as en=It is "
        "at the top right.|es=Está arriba a la derecha. Empty: nothing is said.",
        sentences,
        "",
    )

    @property
    def wording(self) -> Wording:
        return wording_of(self.home_country, self.bill_nouns)

    def faults(self, *, in_production: bool) -> Iterator[str]:
        """What callers would otherwise hear or miss."""
        if self.person_number and not E164.fullmatch(self.person_number):
            yield wrong("PERSON_NUMBER", self.person_number, _NUMBER)
        if self.merchant_phone and not E164.fullmatch(self.merchant_phone):
            yield wrong("MERCHANT_PHONE", self.merchant_phone, _NUMBER)
        if self.home_country not in phonenumbers.SUPPORTED_REGIONS:
            must = "be the two capital letters of a country, such as ES"
            yield wrong("HOME_COUNTRY", self.home_country, must)
        if self.recordings and not Path(self.recordings).is_file():
            yield wrong("RECORDINGS", self.recordings, "be a TOML file that exists, or be left unset")
        yield from self._language_faults()
        for language, noun in self.bill_nouns.items():
            try:
                read_noun(noun, language)
            except NounError as fault:
                yield f"BILL_NOUN must have a noun for each language, such as en=fine,es=la multa: {fault}."
        if in_production and self.merchant_name == DEMO_MERCHANT:
            yield (
                f"Set MERCHANT_NAME: the merchant's name as callers hear it; {DEMO_MERCHANT!r}, its default, "
                "is for the demo."
            )

    def _language_faults(self) -> Iterator[str]:
        offered, spoken = set(self.languages), spoken_languages()
        if not offered or not offered <= set(spoken):
            must = f"be one or more of {', '.join(spoken)}, separated by commas"
            yield wrong("LANGUAGES", ",".join(self.languages), must)
        by_number = self.language_by_number
        if not set(by_number.values()) <= offered or not all(map(E164.fullmatch, by_number)):
            yield (
                "LANGUAGE_BY_NUMBER must have numbers in E.164 form, each with one of LANGUAGES, such as "
                "+34910000000=es,+442000000000=en."
            )
        for name, given in (
            ("OTHER_WAYS_TO_PAY", self.other_ways_to_pay),
            ("REFERENCE_PLACE", self.reference_place),
        ):
            if given and set(given) != offered:
                yield (
                    f"{name} must have a sentence in each of LANGUAGES, such as "
                    "en=A sentence.|es=Una frase., or be left unset."
                )

"""Spanish numbers before a feminine unit: "veintiuna libras", "doscientas coronas".

A voice reads the figures "21" and "200" as masculine whatever follows them, so these are written in
words. Where both genders sound alike, as in 49, the figures stay: they are shorter and never misread.
"""

_FEMININE = frozenset({
    "baisa", "corona", "décima", "diezmilésima", "centésima", "grivna", "leona", "libra", "lira", "milésima",
    "naira", "pataca", "peseta", "pula", "rufiya", "rupia", "unidad",
})  # fmt: skip
"""First words of units, in the singular."""
_SMALL = (
    "cero", "una", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez", "once", "doce",
    "trece", "catorce", "quince", "dieciséis", "diecisiete", "dieciocho", "diecinueve", "veinte", "veintiuna",
    "veintidós", "veintitrés", "veinticuatro", "veinticinco", "veintiséis", "veintisiete", "veintiocho",
    "veintinueve",
)  # fmt: skip
_TENS = ("", "", "", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa")
_HUNDREDS = (
    "", "ciento", "doscient", "trescient", "cuatrocient", "quinient", "seiscient", "setecient", "ochocient",
    "novecient",
)  # fmt: skip
_MILLION = 1_000_000
_SPELLED_BELOW = _MILLION * _MILLION


def spelled_feminine(count: int, unit: str) -> str | None:
    """The number in words where `unit` is feminine and its figures would be read as masculine; or None."""
    first = unit.split(maxsplit=1)[0]
    if not ({first, first.removesuffix("s"), first.removesuffix("es")} & _FEMININE):
        return None
    if count >= _SPELLED_BELOW or not _differs(count % _MILLION):
        return None
    return _words(count)


def _differs(count: int) -> bool:
    """Whether a number below a million has a feminine form: it ends in one, or holds 200 to 900."""
    thousands, rest = divmod(count, 1000)
    ends_in_one = rest % 10 == 1 and rest % 100 != 11  # noqa: PLR2004 - once
    return ends_in_one or rest // 100 > 1 or thousands // 100 > 1 or (thousands % 10 == 1 and thousands > 20)  # noqa: PLR2004


def _words(count: int) -> str:
    """Millions are counted in the masculine ("doscientos millones de libras"), all below in the feminine."""
    millions, rest = divmod(count, _MILLION)
    said = []
    if millions:
        said.append("un millón" if millions == 1 else f"{_below_million(millions, feminine=False)} millones")
    if rest or not millions:
        said.append(_below_million(rest, feminine=True))
    return " ".join(said)


def _below_million(count: int, *, feminine: bool) -> str:
    thousands, rest = divmod(count, 1000)
    said = []
    if thousands:
        said += [_below_thousand(thousands, feminine=feminine, before_mil=True)] * (thousands > 1) + ["mil"]
    if rest or not thousands:
        said.append(_below_thousand(rest, feminine=feminine, before_mil=not feminine))
    return " ".join(said)


def _below_thousand(count: int, *, feminine: bool, before_mil: bool) -> str:
    """`before_mil`: a number that ends in one is shortened there, "veintiún mil"."""
    hundreds, rest = divmod(count, 100)
    said = []
    if count == 100:  # noqa: PLR2004 - cien libras, ciento una libras
        return "cien"
    if hundreds:
        said.append(_HUNDREDS[hundreds] + ("" if hundreds == 1 else "as" if feminine else "os"))
    if rest or not hundreds:
        said.append(_below_hundred(rest, before_mil=before_mil))
    return " ".join(said)


def _below_hundred(count: int, *, before_mil: bool) -> str:
    if count < len(_SMALL):
        said = _SMALL[count]
    else:
        tens, ones = divmod(count, 10)
        said = _TENS[tens] + (f" y {_SMALL[ones]}" if ones else "")
    if before_mil and said.endswith("una"):
        return f"{said.removesuffix('una')}ún" if said == "veintiuna" else f"{said.removesuffix('una')}un"
    return said

"""A moment as a payer reads it, with the place whose time it is: "30 November 2026, 19:12 (Madrid)"."""

from datetime import UTC, datetime, tzinfo

from babel import dates

from ivr.platform.money import locale_of

_BLANKS = str.maketrans("\xa0\u202f", "  ")


def written(moment: datetime, zone: tzinfo, language: str, home_country: str = "") -> str:
    """The date with its month as a word, so that no reader takes the day for the month.

    `home_country`, an ISO code, decides between "30 November 2026, 19:12" and "November 30, 2026, 7:12 PM".
    """
    locale = locale_of(language, home_country)
    day = dates.format_date(moment.astimezone(zone), "long", locale=locale)
    time = dates.format_time(moment, "short", tzinfo=zone, locale=locale)
    is_utc = zone is UTC or str(zone) == "UTC"
    place = "UTC" if is_utc else dates.get_timezone_location(zone, locale=locale, return_city=True)
    city = place.rpartition("/")[2]  # "Argentina/Buenos Aires", where the language has no word for it
    return f"{day}, {time} ({city})".translate(_BLANKS)

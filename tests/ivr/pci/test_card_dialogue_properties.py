"""Whatever is keyed, the dialogue asks for something sensible, ends, and takes only cards that can exist."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from gateways.secret import Secret
from ivr.pci import brand_ranges, keypad
from ivr.pci.dialogue import AskOn, CardComplete, DialogueState, GaveUp, LeftEntry, begin, hear
from ivr.pci.field_checks import Field

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEYED = st.one_of(
    st.text(alphabet="0123456789*", max_size=25),
    st.sampled_from(["4242424242424242", "378282246310005", "6200000000000005", "1231", "123", "1234", ""]),
)
GATHERS = st.lists(st.tuples(KEYED, st.sampled_from(["", "#"])), min_size=1, max_size=40)


@given(gathers=GATHERS, wants_postal_code=st.booleans())
def test_every_move_is_sensible(gathers: list[tuple[str, str]], wants_postal_code: bool) -> None:
    ask = begin(DialogueState(wants_postal_code=wants_postal_code))
    taken: dict[Field, Secret] = {}
    for keys, ending in gathers:
        standing = ask.standing
        assert 1 <= ask.question.num_digits <= 19
        assert 0 <= standing.mistakes < 4
        form = {"Digits": [keys], "FinishedOnKey": [ending]}
        move = hear(standing, keypad.read(form, star_before=standing.star_last), NOW)
        if isinstance(move, LeftEntry):
            assert "**" in keys or (standing.star_last and keys.startswith("*"))
            return
        if isinstance(move, GaveUp):
            assert standing.mistakes == 3
            return
        if move.taken is not None:
            taken[move.taken[0]] = move.taken[1]
        if isinstance(move, CardComplete):
            break
        assert isinstance(move, AskOn)
        ask = move
    if Field.NUMBER in taken:
        number = taken[Field.NUMBER].reveal()
        brand = brand_ranges.brand_of(number)
        assert brand is not None
        assert len(number) in brand.lengths
        assert luhn.is_valid(number)
        if Field.CODE in taken:
            assert len(taken[Field.CODE].reveal()) == brand.code_digits
    if Field.EXPIRY in taken:
        assert 1 <= int(taken[Field.EXPIRY].reveal()[:2]) <= 12


@given(digits=st.text(alphabet="0123456789", min_size=1, max_size=19))
def test_a_number_keyed_in_parts_is_judged_like_one_keyed_at_once(digits: str) -> None:
    """A pause between two keys changes nothing, as long as the number is not whole before it."""

    def last(parts: list[str]) -> object:
        move: object = None
        standing = DialogueState()
        for number, part in enumerate(parts):
            ending = "#" if number == len(parts) - 1 else ""
            heard = keypad.read({"Digits": [part], "FinishedOnKey": [ending]}, star_before=False)
            move = hear(standing, heard, NOW)
            if not isinstance(move, AskOn):
                return move
            if move.standing.field is not Field.NUMBER or move.mistake is not None:
                return (move.taken, move.mistake)
            standing = move.standing
        return move

    brand = brand_ranges.brand_of(digits)
    shortest = min(brand.lengths) if brand else brand_ranges.BIN_DIGITS
    cut = min(shortest, len(digits)) // 2
    if cut:
        assert last([digits[:cut], digits[cut:]]) == last([digits])


def test_every_brand_is_found_by_its_first_digits_and_has_lengths_that_fit() -> None:
    samples = {
        "4": "visa",
        "51": "mastercard",
        "55": "mastercard",
        "2221": "mastercard",
        "2720": "mastercard",
        "34": "amex",
        "37": "amex",
        "6011": "discover",
        "644": "discover",
        "65": "discover",
        "300": "diners",
        "305": "diners",
        "3095": "diners",
        "36": "diners",
        "38": "diners",
        "3528": "jcb",
        "3589": "jcb",
        "62": "unionpay",
        "81": "unionpay",
        "50": "maestro",
        "6304": "maestro",
        "6759": "maestro",
    }
    for prefix, name in samples.items():
        found = brand_ranges.brand_of(prefix.ljust(12, "0"))
        assert found is not None
        assert (prefix, found.name) == (prefix, name)
    assert {brand.name for brand in brand_ranges.ALL} == set(samples.values())
    for never in ("2220", "2721", "306", "3527", "3590", "70", "90", "00"):
        assert brand_ranges.brand_of(never.ljust(12, "0")) is None

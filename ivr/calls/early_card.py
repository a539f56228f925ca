"""A card number keyed too early: recognised over several turns without keeping a digit of it.

Outside the PCI process no Gather takes more than eight keys, so a card keyed at the wrong moment arrives in
pieces. The tally keeps the two running Luhn sums, the count and whether it began like a card: not enough to
know any digit, enough to notice the last piece. The piece is thrown away and the event is counted.
"""

from dataclasses import dataclass

_LENGTHS = range(13, 20)
_FIRST_DIGITS = "23456"
"""Payment cards begin with these (ISO/IEC 7812)."""
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


@dataclass(frozen=True, slots=True)
class Tally:
    """What is remembered of the keys of the last turns, together."""

    count: int = 0
    plain_sum: int = 0
    """The Luhn sum so far where the last key is a check digit, modulo ten."""
    shifted_sum: int = 0
    """The same where one more key is to come, modulo ten."""
    like_a_card: bool = False

    def add(self, digits: str) -> "Tally":
        """The tally with these keys after the earlier ones."""
        like = digits[0] in _FIRST_DIGITS if self.count == 0 else self.like_a_card
        plain, shifted = self.plain_sum, self.shifted_sum
        for digit in map(int, digits):
            plain, shifted = (shifted + digit) % 10, (plain + _DOUBLED[digit]) % 10
        return Tally(self.count + len(digits), plain, shifted, like)

    @property
    def could_begin_a_card(self) -> bool:
        """Like a card, as far as it goes."""
        return self.like_a_card and self.count <= _LENGTHS[-1]

    @property
    def could_be_a_card(self) -> bool:
        """Long enough for a card, and perhaps not all of it yet."""
        return self.like_a_card and self.count in _LENGTHS

    @property
    def holds_a_card(self) -> bool:
        """Long enough for a card, whatever came after it."""
        return self.like_a_card and self.count >= _LENGTHS[0]

    @property
    def is_a_card(self) -> bool:
        return self.could_be_a_card and self.plain_sum == 0

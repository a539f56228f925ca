"""What is drawn in one world, from its seed alone: how often what goes wrong, and where it strikes.

Every draw comes from one source of randomness, and the world asks it in one order, so the same seed is the
same world. What others do beside callers and payers is drawn `apart`, so that it moves no draw where they do
nothing. From the moment of `heal` nothing goes wrong any more.
"""

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum, auto
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FaultRates:
    """How often what goes wrong: rates for each time it could."""

    carrier: float
    """A webhook of the carrier is lost, late, repeated, or its answer lost."""
    internal: float
    """The same between web and PCI."""
    gateway: float
    """The same between us and the gateway."""
    kills: float
    """A process dies at a commit, or at a request."""
    pauses: float
    """A process is slow at a commit, and others go on meanwhile."""
    database: float
    """The database refuses a commit, or its answer is lost."""
    queue: float
    """A job is lost, late or run twice."""
    source: float
    """A bill's source says something of it again."""
    by_hand: float
    """Somebody gives a payment back in the gateway's dashboard."""
    ahead: float = 0.0
    """A caller presses a key while something is said, or in a pause."""
    late_s: float = 0.0
    """Every webhook of a call, and every answer to one, is up to so many seconds late."""


CALM = FaultRates(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


class Fate(Enum):
    """What becomes of one request."""

    ANSWERED = auto()
    LOST = auto()
    """It never arrives."""
    ANSWER_LOST = auto()
    LATE = auto()
    """It arrives when nobody waits for its answer any more."""
    SLOW = auto()
    """It is answered in time, barely."""
    REPEATED = auto()
    """The network brings it twice, the second time after a while."""
    FAILED = auto()
    """Nothing is done, and the answer is a 5xx."""
    ANSWER_FAILED = auto()
    """It is done, and the answer is a 5xx."""
    GARBAGE = auto()
    """It is done, and the answer is somebody else's page."""
    KILLED_BEFORE = auto()
    """The sender dies with the request in hand."""
    KILLED_DURING = auto()
    KILLED_AFTER = auto()
    """The sender dies with the answer in hand."""


class Chance:
    """The one source of randomness of a world."""

    def __init__(self, seed: str, **fixed: float) -> None:
        """`fixed`: rates that are not drawn."""
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 - a simulation must be repeatable
        self.rates = replace(self._draw_rates(), **fixed)

    def apart(self, name: str) -> "Chance":
        """Another source of randomness, at the same rates: its draws move none of this one's."""
        return Chance(f"{self._seed}/{name}", **asdict(self.rates))

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.rates = CALM

    @property
    def healed(self) -> bool:
        return self.rates is CALM

    def strikes(self, rate: float) -> bool:
        return rate > 0 and self._random.random() < rate

    def one_of(self, among: Sequence[T]) -> T:
        return among[self._random.randrange(len(among))]

    def whole(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def seconds(self, least: float, most: float) -> float:
        """To the millisecond."""
        return round(self._random.uniform(least, most), 3)

    def fate(self, rate: float, fates: Sequence[Fate]) -> Fate:
        return self.one_of(fates) if self.strikes(rate) else Fate.ANSWERED

    def _draw_rates(self) -> FaultRates:
        """Most worlds suffer from a few things at once; some from everything, some from one thing alone."""
        rates = {
            "carrier": (0.0, 0.02, 0.06, 0.15),
            "internal": (0.0, 0.0, 0.04, 0.15),
            "gateway": (0.0, 0.15, 0.3, 0.6),
            "kills": (0.0, 0.0, 0.004, 0.02),
            "pauses": (0.0, 0.05, 0.2, 0.2),
            "database": (0.0, 0.0, 0.004, 0.02),
            "queue": (0.0, 0.0, 0.1, 0.3),
        }
        drawn = {name: self.one_of(among) for name, among in rates.items()}
        others = random.Random(f"{self._seed}/others")  # noqa: S311 - as above
        return FaultRates(
            **drawn,
            source=others.choice((0.0, 0.0, 0.4, 0.9)),
            by_hand=others.choice((0.0, 0.0, 0.3, 0.8)),
            ahead=others.choice((0.0, 0.0, 0.05, 0.2)),
            late_s=others.choice((0.0, 0.0, 2.0, 6.0)),
        )

"""When something that has no certain answer yet is tried again, and when a person has to look instead.

The delay is as long as it has been open already, within bounds, so the tries fall at 0, 2, 4, 8, 16 ...
seconds. What has no age, such as a job that raised, can count the time since its first try.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`RetryPolicy(2, 300, 86_400)`: after 2, 4, 8 ... seconds, then every five minutes, for a day."""

    first_s: float
    most_s: float
    """No delay is longer."""
    give_up_after_s: float
    """From then on a person has to look."""

    def next_delay_s(self, open_s: float) -> float | None:
        """Seconds until the next try of what has been open for so many; None: a person has to look."""
        if open_s >= self.give_up_after_s:
            return None
        return min(max(open_s, self.first_s), self.most_s)

"""Phone numbers as people and carriers write them: read into E.164, and told from withheld ones."""

from ivr.platform.phone_numbers.reading import Ambiguous, PhoneNumber, Unreadable, is_possible, read

__all__ = ["Ambiguous", "PhoneNumber", "Unreadable", "is_possible", "read"]

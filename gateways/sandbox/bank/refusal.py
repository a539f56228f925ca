"""What the bank neither grants nor denies: it has seen the key before, or the thing is under way.

Over HTTP it is a 409, never a decline.
"""


class RefusedError(Exception):
    """Neither yes nor no; `code` says why, and a lookup what became of the key."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

"""The examples at the end of a command's `--help`. A test parses each one with its own command."""


def example(*lines: str) -> str:
    """The epilog of a command; each line is what follows `paybycall`."""
    shown = "\n".join(f"  paybycall {line}" for line in lines)
    return f"\b\nExample{'s' if len(lines) > 1 else ''}:\n{shown}"

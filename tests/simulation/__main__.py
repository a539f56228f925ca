"""`make simulate`: as many worlds as asked for, one after the other, each with its books checked.

Ends with the first world that is not clean: its seed, how to play it again, and what happened in it are
printed, and the exit code is 1.
"""

import argparse
import secrets
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from tests.simulation.runs import DEPLOYMENTS, Simulation
from tests.support.databases import memory

HURRIED = {"ahead": 1.0, "late_s": 6.0}


def main() -> int:
    given = _arguments()
    seed = given.seed or str(secrets.randbelow(10**9))
    began = time.monotonic()
    names = [given.deployment] if given.deployment else list(DEPLOYMENTS)
    tqdm.write(f"{given.worlds} worlds of seed {seed}")
    calls = charges = links = cards = words = 0
    played_in: Counter[str] = Counter()
    differences: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory(dir=memory()) as folder,
        Simulation(Path(folder), names) as simulation,
        tqdm(total=given.worlds, unit="world", disable=given.quiet) as bar,
    ):
        rates = HURRIED if given.hurried else {}
        for played in simulation.worlds(seed, first=given.first, count=given.worlds, **rates):
            bar.update()
            played_in[played.deployment] += 1
            calls, charges = calls + played.calls, charges + played.charges
            links, cards, words = links + played.links, cards + played.cards, words + played.words
            differences.update(played.differences)
            bar.set_postfix(calls=calls, charges=charges, links=links, cards=cards)
            if given.trace:
                tqdm.write(played.trace.told())
            if played.violations:
                bar.close()
                tqdm.write(played.told())
                if given.hurried:
                    tqdm.write("It was played with --hurried.")
                return 1
    took_s = time.monotonic() - began
    tqdm.write(
        f"{given.worlds} worlds, {calls} calls, {charges} charges ({links} by link), {cards} cards kept,"
        f" no violation, in {took_s:.0f} s"
    )
    tqdm.write(", ".join(f"{name}: {times}" for name, times in played_in.items()))
    told = ", ".join(f"{name} {times} times" for name, times in sorted(differences.items()))
    tqdm.write(f"{words} words of bills' sources; told to finance: {told or 'nothing'}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--worlds", type=int, default=1000, help="how many worlds (1000)")
    parser.add_argument("--seed", help="any word; without it, one is drawn and printed")
    parser.add_argument("--first", type=int, default=0, help="the number of the first world (0)")
    parser.add_argument(
        "--house",
        dest="deployment",
        choices=DEPLOYMENTS,
        help="one gateway and way of taking cards; without: each in turn",
    )
    parser.add_argument(
        "--hurried",
        action="store_true",
        help="callers press a key into each sentence, and all webhooks and answers are late by seconds",
    )
    parser.add_argument("--trace", action="store_true", help="tell what happens in each world")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""`make mutants`: puts one small fault at a time into a copy of the code, runs the tests near it, and prints
which faults no test noticed. Ends with 1 where fewer than 95 % are noticed.

    make mutants                          all of them
    make mutants ONLY=payments/resolve    those whose file or description contains that text
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

from tqdm import tqdm

from tests.mutants.fault import ROOT, Fault, load
from tests.mutants.running import Checkout, Outcome
from tests.support.databases import postgres_server

NOTICED_LEAST = 0.95


def main() -> int:
    given = _arguments()
    faults = [one for one in load() if given.only in f"{one.file} {one.what}"]
    if not faults:
        sys.stderr.write(f"No fault's file or description contains {given.only!r}.\n")
        return 2
    outcomes = _tried(faults, given.workers)
    survivors = [one for one, outcome in outcomes if outcome is not Outcome.NOTICED]
    noticed = len(faults) - len(survivors)
    tqdm.write(f"{noticed} of {len(faults)} faults noticed ({100 * noticed / len(faults):.1f} %)")
    return 0 if noticed >= NOTICED_LEAST * len(faults) else 1


def _tried(faults: Sequence[Fault], workers: int) -> list[tuple[Fault, Outcome]]:
    with (
        tempfile.TemporaryDirectory(prefix="paybycall-mutants-") as folder,
        postgres_server() as postgres,
        ThreadPoolExecutor(workers) as pool,
        tqdm(total=len(faults), unit="fault") as bar,
    ):
        checkouts = [Checkout(ROOT, Path(folder) / str(number), postgres) for number in range(workers)]
        shares = [faults[number::workers] for number in range(workers)]

        def work(checkout: Checkout, share: Sequence[Fault]) -> list[tuple[Fault, Outcome]]:
            outcomes = []
            for fault in share:
                outcome = checkout.outcome(fault)
                outcomes.append((fault, outcome))
                if outcome is not Outcome.NOTICED:
                    tqdm.write(f"{outcome}: {fault.file}: {fault.what}")
                bar.update()
            return outcomes

        return [one for done in pool.map(work, cycle(checkouts), shares) for one in done]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default="", help="a part of a fault's file or description")
    parser.add_argument("--workers", type=int, default=2, help="faults tried at the same time (2)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

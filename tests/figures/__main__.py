"""`make figures`: how much a reader of the code has to hold in mind, as one table.

`--root` counts another checkout of this repository, without its call; `-v` says where each figure comes from.
"""

import argparse
import io
import statistics
import sys
from contextlib import redirect_stdout
from pathlib import Path

import structlog

from tests.figures import source, walk
from tests.figures.source import Module


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.figures", description=__doc__)
    parser.add_argument("--root", type=Path, default=walk.ROOT)
    parser.add_argument("-v", "--verbose", action="store_true")
    asked = parser.parse_args()
    figures: list[tuple[str, str]] = []
    details: list[tuple[str, object]] = []
    if asked.root == walk.ROOT:
        figures += _of_a_call()
    modules = source.product(asked.root)
    for part in (_sizes, _places, _tables, _words):
        its_figures, its_details = part(asked.root, modules)
        figures += its_figures
        details += its_details
    width = max(len(name) for name, _ in figures)
    lines = [f"| {name:{width}} | {value} |" for name, value in figures]
    if asked.verbose:
        lines += [f"\n{name}: {found}" for name, found in details]
    sys.stdout.write("\n".join(lines) + "\n")


Found = tuple[list[tuple[str, str]], list[tuple[str, object]]]


def _of_a_call() -> list[tuple[str, str]]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with redirect_stdout(io.StringIO()):  # the text that the caller gets
        traces = walk.trace_call()

    def shown(trace: walk.Trace) -> str:
        return f"{len(trace.files)} files ({trace.crossings} crossings), {len(trace.functions)} functions"

    return [
        ("the first webhook goes through", shown(walk.first(traces))),
        ('"1" asks for the charge through', shown(walk.charge(traces))),
    ]


def _sizes(root: Path, modules: list[Module]) -> Found:
    of_ivr = source.read(root, "ivr")
    without = sum(module.lines for module in of_ivr if not module.is_migration)
    lines = {
        folder: sum(m.lines for m in source.read(root, folder)) for folder in ("flows", "gateways", "tests")
    }
    by_size = sorted(modules, key=lambda module: -module.lines)
    sizes = [module.lines for module in modules if module.lines]
    figures = [
        ("lines of ivr without migrations (with)", f"{without:,} ({sum(m.lines for m in of_ivr):,})"),
        *((f"lines of {folder}", f"{count:,}") for folder, count in lines.items()),
        (
            "files of the product; lines, median and most",
            f"{len(sizes)}; {statistics.median(sizes):.0f}, {max(sizes)}",
        ),
        ("docstrings, of all lines that are not blank", f"{source.docstring_share(modules):.1%}"),
    ]
    return figures, [("largest files", [(module.path, module.lines) for module in by_size[:10]])]


def _places(root: Path, modules: list[Module]) -> Found:
    by_setting = {name: source.modules_naming(modules, name) for name in source.settings(root)}
    counts = [len(paths) for paths in by_setting.values()]
    most = max(by_setting, key=lambda name: len(by_setting[name]))
    inner = [module for module in modules if not module.path.startswith("gateways/")]
    by_wait = {name: source.files_naming(inner, name) for name in source.waits(root)}
    ladders, retries = source.ladders(modules), source.retries(modules)
    figures = [
        (
            "files that name one setting, median and most",
            f"{statistics.median(counts):.0f}, {max(counts)} ({most})",
        ),
        ("files that name one wait", ", ".join(f"{name} {len(paths)}" for name, paths in by_wait.items())),
        ("ladders of delays written by hand", str(len(ladders))),
        ("functions that decide by themselves whether to try again", str(len(retries))),
    ]
    details = [("files that name each setting", by_setting), ("files that name each wait", by_wait)]
    return figures, [*details, ("ladders", ladders), ("functions that retry", retries)]


def _tables(_: Path, modules: list[Module]) -> Found:
    users = source.tables(modules)
    most = max(users, key=lambda name: len(users[name]))
    shown = ", ".join(f"{name} {len(users[name])}" for name in ("attempt", "bill", "refund") if name in users)
    figures = [
        ("packages that query attempt, bill, refund; the most queried", f"{shown}; {most} {len(users[most])}")
    ]
    return figures, [("packages that query each table", {name: sorted(users[name]) for name in users})]


def _words(_: Path, modules: list[Module]) -> Found:
    again = {kind: source.duplicates(modules, kind) for kind in ("types", "functions")}
    participles = {ending: source.participles(modules, ending) for ending in ("ing", "ed")}
    figures = [
        ('module docstrings with "May import"', str(source.may_import(modules))),
        *((f"public {kind} defined more than once", str(len(names))) for kind, names in again.items()),
        (
            "types named by a participle, in -ing, in -ed",
            ", ".join(str(len(p)) for p in participles.values()),
        ),
    ]
    return figures, [("defined more than once", again), ("participles", participles)]


main()

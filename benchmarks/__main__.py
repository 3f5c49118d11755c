"""``make bench``: what a synthesis costs, with and without the fast bindings, then a review and the data plane."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import dataplane, review
from errors import exit_on_user_error

FAST_RUNS = 11
NAIVE_RUNS = 2
TARGET_SECONDS, TARGET_MEGABYTES, TARGET_MORE_SECONDS = 2.0, 300, 0.3


@dataclass(frozen=True)
class Figure:
    """One synthesis: wall-clock seconds, and peak resident megabytes of Python and Node together."""

    seconds: float
    megabytes: float


def main() -> None:
    """Measure and print; raises ``UserError`` when a program of the data plane is missing."""
    console = Console(highlight=False)
    synthesis(console)
    console.print()
    review.main(console)
    console.print()
    dataplane.main(console)


def synthesis(console: Console) -> None:
    """The fast runs alternate, so that whatever else the machine does hits both alike."""
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("synthesising", total=2 * FAST_RUNS + NAIVE_RUNS + 1)

        def run(copies: int, *, naive: bool = False) -> Figure:
            figure = _synthesise(copies, naive=naive)
            progress.advance(task)
            return figure

        run(1)  # warms the disk's cache
        pairs = [(run(1), run(2)) for _ in range(FAST_RUNS)]
        naive = _median([run(1, naive=True) for _ in range(NAIVE_RUNS)])
    fast, two = _median([one for one, _ in pairs]), _median([two for _, two in pairs])
    more = median(two.seconds - one.seconds for one, two in pairs)

    table = Table("synthesis of the whole app", "seconds", "MB, Python + Node", "target")
    table.add_row("naive import", f"{naive.seconds:.2f}", f"{naive.megabytes:.0f}", "")
    table.add_row(
        "fast bindings",
        f"{fast.seconds:.2f}",
        f"{fast.megabytes:.0f}",
        f"<= {TARGET_SECONDS} s, <= {TARGET_MEGABYTES} MB",
    )
    table.add_row("fast, two environments", f"{two.seconds:.2f}", f"{two.megabytes:.0f}", "")
    table.add_row("one more environment", f"{more:.2f}", "", f"<= {TARGET_MORE_SECONDS} s")
    console.print(table)
    console.print(f"medians of {FAST_RUNS} runs; naive: of {NAIVE_RUNS}")
    console.print(
        f"naive / fast: {naive.seconds / fast.seconds:.1f} times as long, "
        f"{naive.megabytes / fast.megabytes:.1f} times the memory"
    )


def _synthesise(copies: int, *, naive: bool) -> Figure:
    environment = {**os.environ, **({"SLOW_BINDINGS": "1", "PYTHONWARNINGS": "ignore"} if naive else {})}
    command = [sys.executable, "-m", "benchmarks.synthesis", str(copies)]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return Figure(**json.loads(answer))


def _median(figures: list[Figure]) -> Figure:
    return Figure(median(f.seconds for f in figures), median(f.megabytes for f in figures))


if __name__ == "__main__":
    exit_on_user_error(main)

"""What came of a smoke test: one result for each step, and how people see them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.table import Table
from rich.text import Text

from deployment.progress import Display

Outcome = Literal["ok", "failed", "not run"]

_STYLES: dict[Outcome, str] = {"ok": "green", "failed": "red", "not run": "yellow"}


class StepError(Exception):
    """A step did not go as it should: what was expected, what came instead, and what to look at."""

    def __init__(self, expected: str, came: str, look_at: str) -> None:
        super().__init__(f"expected {expected}; came {came}; look at {look_at}")
        self.expected = expected
        self.came = came
        self.look_at = look_at


@dataclass(frozen=True)
class Result:
    """One step; *failure* only of one that failed."""

    step: str
    outcome: Outcome
    seconds: float = 0.0
    detail: str = ""
    failure: StepError | None = None


def perform(target: str, step: str, check: Callable[[], str | None], display: Display) -> Result:
    """Do one step: what *check* returns is what there is to say, None that there was nothing to do."""
    started = time.monotonic()
    try:
        with display.step(target, step) as shown:
            detail = check()
            shown.result = "not run" if detail is None else "ok"
    except StepError as failure:
        return Result(step, "failed", time.monotonic() - started, failure=failure)
    seconds = time.monotonic() - started
    return Result(step, "not run") if detail is None else Result(step, "ok", seconds, detail)


def all_went_well(results: Sequence[Result]) -> bool:
    """Whether no step failed, and any was run at all."""
    return any(result.outcome == "ok" for result in results) and not any(
        result.outcome == "failed" for result in results
    )


def show(results: Sequence[Result], display: Display) -> None:
    """Print a table, and below it what is known of each failure."""
    table = Table("step", "result", "time", "what", box=None, pad_edge=False)
    table.columns[2].justify = "right"
    for result in results:
        outcome = Text(result.outcome, style=_STYLES[result.outcome])
        seconds = "" if result.outcome == "not run" else latency(result.seconds)
        # Text, since what came over the network may look like markup.
        table.add_row(Text(result.step), outcome, seconds, Text(result.detail))
    display.say("")
    display.console.print(table)
    for result in results:
        if result.failure is not None:
            display.say(
                f"\n{result.step} failed\n  expected  {result.failure.expected}\n  came      {result.failure.came}\n"
                f"  look at   {result.failure.look_at}"
            )


def latency(seconds: float) -> str:
    """Return a duration as people compare it: 87 ms, 1.2 s."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"

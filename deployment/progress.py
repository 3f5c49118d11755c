"""What people see while stacks are worked on: a live line on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

HEARTBEAT_SECONDS = 15.0


class Step:
    """One step of one stack, for as long as it runs. Set ``result`` to say what came of it."""

    def __init__(self, stack: str, name: str, clock: Callable[[], float]) -> None:
        self.stack = stack
        self.name = name
        self.result = ""
        self._clock = clock
        self._started = clock()
        self._done = 0
        self._total: int | None = None
        self._current = ""
        self._heartbeat: Callable[[], None] = lambda: None

    def update(self, done: int, total: int | None, current: str) -> None:
        """Say how far the step is: resources done, in all (None: unknown), and what is under way."""
        self._done, self._total, self._current = done, total, current
        self._heartbeat()

    @property
    def elapsed(self) -> float:
        """Seconds since the step began."""
        return self._clock() - self._started

    def describe(self) -> str:
        """Return the line that says where the step is now."""
        parts = [self.stack, self.name]
        if self._current:
            parts.append(f"{self._done}" if self._total is None else f"{self._done}/{self._total}")
        return "  ".join([*parts, clock_text(self.elapsed), self._current]).rstrip()


class Display:
    """Shows one step after the other: stack, step, resources done, time.

    On a terminal the running step is one line that keeps moving. Elsewhere each step is a line when it starts and one
    when it ends and, while Terraform reports anything, a line at most every ``HEARTBEAT_SECONDS``.
    """

    def __init__(self, console: Console | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console or Console(highlight=False)
        self._clock = clock
        self._started = clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the display was made."""
        return self._clock() - self._started

    @contextmanager
    def step(self, stack: str, name: str) -> Iterator[Step]:
        """Show a step until the block ends; an exception shows it as failed and goes on its way."""
        step = Step(stack, name, self._clock)
        try:
            with self._running(step):
                yield step
        except BaseException as error:
            self._line(step, "interrupted" if isinstance(error, KeyboardInterrupt) else "failed", style="red")
            raise
        self._line(step, step.result or "done", style="green")

    @contextmanager
    def _running(self, step: Step) -> Iterator[None]:
        if not self.console.is_terminal:
            self.say(f"{step.stack}  {step.name}  started")
            step._heartbeat = self._heartbeat_of(step)
            yield
            return
        spinner = Spinner("dots")

        def line() -> Spinner:
            spinner.update(text=Text(step.describe(), no_wrap=True, overflow="ellipsis"))
            return spinner

        # Transient, and only as long as the step runs: between two steps the terminal belongs to questions and answers.
        with Live(get_renderable=line, console=self.console, transient=True, refresh_per_second=8):
            yield

    def _heartbeat_of(self, step: Step) -> Callable[[], None]:
        last = 0.0

        def beat() -> None:
            nonlocal last
            if step.elapsed - last >= HEARTBEAT_SECONDS:
                last = step.elapsed
                self.say(step.describe())

        return beat

    def say(self, text: str) -> None:
        """Print a line above whatever is live, as it is: no markup, no wrapping."""
        self.console.print(Text(text), soft_wrap=True)

    def _line(self, step: Step, result: str, *, style: str) -> None:
        text = Text(f"{step.stack}  {step.name}  ").append(result, style=style).append(f"  {clock_text(step.elapsed)}")
        self.console.print(text, soft_wrap=True)


def clock_text(seconds: float) -> str:
    """Return a duration as people read it: 0:07, 12:34, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

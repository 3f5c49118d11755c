"""What a log and a terminal are shown."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from deployment.progress import HEARTBEAT_SECONDS, Display, clock_text


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def display(clock: Clock, *, terminal: bool = False) -> tuple[Display, io.StringIO]:
    shown = io.StringIO()
    return Display(Console(file=shown, force_terminal=terminal, width=80), clock=clock), shown


def test_a_log_gets_a_line_when_a_step_starts_and_one_when_it_ends() -> None:
    clock = Clock()
    shows, shown = display(clock)
    with shows.step("dev-platform", "apply") as step:
        step.update(1, 2, "aws_s3_bucket.artifacts")
        clock.now += 65
        step.result = "2 added"
    assert shown.getvalue() == "dev-platform  apply  started\ndev-platform  apply  2 added  1:05\n"


def test_a_long_step_gives_a_sign_of_life_at_most_every_so_often() -> None:
    clock = Clock()
    shows, shown = display(clock)
    with shows.step("dev-platform", "apply") as step:
        for done in range(4):
            clock.now += HEARTBEAT_SECONDS / 2
            step.update(done, 9, f"aws_subnet.private[{done}]")
    assert shown.getvalue().splitlines()[1:-1] == [
        "dev-platform  apply  1/9  0:15  aws_subnet.private[1]",
        "dev-platform  apply  3/9  0:30  aws_subnet.private[3]",
    ]


@pytest.mark.parametrize(("error", "word"), [(ValueError, "failed"), (KeyboardInterrupt, "interrupted")])
def test_a_step_that_did_not_end_well_is_shown_as_such(error: type[BaseException], word: str) -> None:
    shows, shown = display(Clock())
    with pytest.raises(error), shows.step("dev-platform", "apply"):
        raise error
    assert shown.getvalue().splitlines()[-1] == f"dev-platform  apply  {word}  0:00"


def test_a_terminal_shows_the_running_step_and_keeps_one_line_of_it() -> None:
    clock = Clock()
    shows, shown = display(clock, terminal=True)
    with shows.step("dev-platform", "plan") as step:
        step.update(7, None, "aws_vpc.network")
        clock.now += 3
        assert step.describe() == "dev-platform  plan  7  0:03  aws_vpc.network"
    assert "dev-platform  plan" in shown.getvalue()
    assert shown.getvalue().endswith("0:03\n")
    assert "started" not in shown.getvalue()


def test_what_looks_like_markup_is_printed_as_it_is() -> None:
    shows, shown = display(Clock())
    shows.say("aws_subnet.private[0] [red] " + "x" * 100)
    assert shown.getvalue() == "aws_subnet.private[0] [red] " + "x" * 100 + "\n"


def test_durations_read_like_a_clock() -> None:
    assert [clock_text(seconds) for seconds in (7.9, 754, 3723)] == ["0:07", "12:34", "1:02:03"]

"""``make rehearse``: the whole platform applied, planned again and destroyed on the emulator; no AWS account needed."""

from __future__ import annotations

import argparse
import os
import shlex
import threading
from collections import Counter

from rich.console import Console

import settings as settings_files
from deployment.__main__ import print_outputs
from deployment.progress import Display, clock_text
from deployment.toolchain import CACHE, find_terraform
from errors import UserError, exit_on_user_error
from rehearsal.emulator import Emulator
from rehearsal.life_cycle import Rehearsal, pointed_at
from settings import Settings

DEFAULT_ACCOUNT = "123456789012"


def main() -> None:
    """Rehearse the environments that ENV names, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the emulator and the platform on it until Ctrl-C")
    parser.add_argument("--port", type=int, help="the emulator's port (default: a free one)")
    options = parser.parse_args()
    selected = settings_files.load_selected(os.environ.get("ENV"))
    if options.keep and len(selected) > 1:
        raise UserError(f"--keep waits with one environment, and ENV names {len(selected)}: choose one.")
    find_terraform()
    for settings in selected:
        rehearse(settings, keep=options.keep, port=options.port)


def rehearse(settings: Settings, *, keep: bool, port: int | None) -> None:
    """One environment on an emulator of its own; with *keep* it waits there instead of destroying."""
    display = Display(Console(highlight=False))
    emulator = Emulator(port=port, account_id=settings.account_id or DEFAULT_ACCOUNT, region=settings.region)
    with emulator, pointed_at(emulator):
        display.say(f"{settings.environment}: AWS emulator at {emulator.url}")
        rehearsal = Rehearsal(settings, emulator, CACHE / "rehearsal" / settings.environment, display)
        rehearsal.deploy()
        print_outputs(rehearsal.report.outputs, display)
        if keep:
            _wait(rehearsal, emulator, display)
            return
        rehearsal.destroy()
    _summarise(settings, rehearsal, display)


def _summarise(settings: Settings, rehearsal: Rehearsal, display: Display) -> None:
    for reason, count in Counter(reason for _, reason in rehearsal.report.kept).items():
        display.say(f"kept, as on real AWS ({count}): {reason}")
    applied = sum(changes.add for changes in rehearsal.report.applied.values())
    display.say(
        f"{settings.environment}: {applied} resources applied, planned again without changes, destroyed; "
        f"nothing else is left. {clock_text(display.elapsed)}"
    )


def _wait(rehearsal: Rehearsal, emulator: Emulator, display: Display) -> None:
    display.say("\nThe platform stays until Ctrl-C. In another terminal:\n")
    for name, value in emulator.environment.items():
        display.say(f"  export {name}={shlex.quote(value)}" if value else f"  unset {name}")
    display.say(f"\n  terraform -chdir={rehearsal.outdir}/stacks/STACK state list\n  aws ecs list-clusters\n")
    threading.Event().wait()


if __name__ == "__main__":
    exit_on_user_error(main, interrupted="stopped; nothing of the emulator is left")

"""``python -m client``: ``smoke`` tries out a platform as its users would, ``ui`` opens it to this machine's browsers.

The variable ENV chooses the environment: a name from environments/, dev by default; for ``smoke`` also all.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from client import proxy, smoke
from client.identity import identify
from client.results import all_went_well, show
from client.target import LOCAL_FOLDER, Target, of_deployment, of_local
from deployment.progress import Display, clock_text
from errors import UserError, exit_on_user_error

DEFAULT_PORT = 5001


def main(arguments: list[str] | None = None) -> None:
    """Run one of the two; raises ``UserError`` for what the user can mend, ``SystemExit`` if a smoke test failed."""
    options = _parse(arguments)
    display = Display(Console(highlight=False))
    if options.command == "smoke":
        _smoke(_targets(options.local, display), display)
        return
    targets = _targets(options.local, display)
    if len(targets) > 1:
        raise UserError(f"make ui opens one environment, and ENV names {len(targets)}: choose one.")
    proxy.serve(targets[0], identify(targets[0]), options.port, display)


def _smoke(targets: Sequence[Target], display: Display) -> None:
    failed = []
    for target in targets:
        identity = identify(target)
        display.say(f"{target.name}: {target.url} (access: {target.access}), as {identity}")
        results = smoke.run(target, identity, display)
        show(results, display)
        if not all_went_well(results):
            failed.append(target.name)
    verdict = f"{', '.join(failed)}: failed" if failed else "all is well"
    display.say(f"\n{verdict}. {clock_text(display.elapsed)}")
    if failed:
        raise SystemExit(1)


def _targets(local: Path | None, display: Display) -> Sequence[Target]:
    if local is not None:
        return [of_local(local)]
    import settings  # here, since a local data plane needs none

    return [of_deployment(environment, display) for environment in settings.load_selected(os.environ.get("ENV"))]


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m client", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    smoke_options = commands.add_parser("smoke", help="log, read, refuse: does the platform work?")
    ui_options = commands.add_parser("ui", help="the platform on this machine's loopback address, until Ctrl-C")
    for options in (smoke_options, ui_options):
        options.add_argument(
            "--local",
            nargs="?",
            type=Path,
            const=LOCAL_FOLDER,
            metavar="FOLDER",
            help="what `make local` runs, in place of an environment (its --folder, by default .local)",
        )
    ui_options.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"where it listens ({DEFAULT_PORT})")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    exit_on_user_error(main, interrupted="stopped")

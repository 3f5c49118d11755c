"""``make local``: the whole data plane on this machine until Ctrl-C; what was logged is there again the next time."""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import time
from pathlib import Path

from rich.console import Console

from dataplane.address import Address
from dataplane.plane import DataPlane
from dataplane.process import LOOPBACK, find_program
from deployment.progress import Display, clock_text
from errors import UserError, exit_on_user_error

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".local"
DEFAULT_PORT = 8080
_WATCH_SECONDS = 0.5
_PROGRAMS = ("mariadbd", "mariadb-install-db", "nginx", "envsubst")


def main(arguments: list[str] | None = None) -> None:
    """Run it, or with ``--clean`` remove what it has kept; raises ``UserError`` if a part of it cannot be started."""
    parser = argparse.ArgumentParser(prog="python -m dataplane", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"where it listens (default: {DEFAULT_PORT})")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where its data is kept (default: .local)")
    parser.add_argument("--clean", action="store_true", help="remove the data instead")
    options = parser.parse_args(arguments)
    if options.clean:
        shutil.rmtree(options.folder, ignore_errors=True)
        return
    for program in _PROGRAMS:
        find_program(program)
    _check_port(options.port)
    run(options.folder.resolve(), options.port, Display(Console(highlight=False)))


def run(folder: Path, port: int, display: Display) -> None:
    """Start everything, say how to use it, and wait; raises ``UserError`` when a part of it ends."""
    with (
        DataPlane(folder, display, port=port) as plane,
        Address(plane.url, plane.username, plane.password).written_to(folder),
    ):
        display.say(
            f"\nMLflow answers after {clock_text(display.elapsed)}; Ctrl-C stops it. Its data is kept in {folder}.\n\n"
            f"  export MLFLOW_TRACKING_URI={plane.url}\n"
            f"  export MLFLOW_TRACKING_USERNAME={plane.username}\n"
            f"  export MLFLOW_TRACKING_PASSWORD={plane.password}\n"
        )
        while all(process.exit_code is None for process in plane.processes):
            time.sleep(_WATCH_SECONDS)
        for process in plane.processes:
            if process.exit_code is not None:
                raise UserError(f"{process.name} ended by itself; what it said is in {process.log}")


def _check_port(port: int) -> None:
    """Now, and not when everything else has been started."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            raise UserError(
                f"port {port} of {LOOPBACK} cannot be used ({reason}). Stop what listens there, or choose another one: "
                "make local ARGS='--port 8081'."
            ) from error


if __name__ == "__main__":
    exit_on_user_error(main, interrupted="stopped")

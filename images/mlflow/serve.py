"""``mlflow`` as process 1 of a container has to be: it hears SIGTERM at once, and ends as its server did."""

import runpy
import signal
import subprocess
import sys
from typing import Any

_ENDED_WELL = (None, 0, -signal.SIGTERM)  # uvicorn ends itself by the signal, once it has answered its requests


def main() -> None:
    """Run it; this function does not return."""
    # Process 1 ignores a signal that it has no handler for, and `mlflow server` sets its own only seconds from now:
    # until then the task would hang until ECS kills it.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    servers = _remember_servers()
    try:
        runpy.run_module("mlflow", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        failed = [code for server in servers if (code := server.poll()) not in _ENDED_WELL]
        if not end.code and failed:
            sys.exit(failed[0] if failed[0] > 0 else 128 - failed[0])  # by a signal: as a shell would show it
        raise


def _remember_servers() -> list[subprocess.Popen[Any]]:
    """The servers that MLflow starts from now on; it looks at none of their exit codes, and ends with 0 itself."""
    from mlflow.utils import process

    servers: list[subprocess.Popen[Any]] = []
    execute = process._exec_cmd

    def remember(*arguments: Any, **options: Any) -> Any:
        started = execute(*arguments, **options)
        servers.append(started)
        return started

    process._exec_cmd = remember
    return servers


if __name__ == "__main__":
    main()

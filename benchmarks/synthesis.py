"""Synthesises copies of an environment in this process and prints what it took, as JSON.

``python -m benchmarks.synthesis COPIES``: seconds from the start of Python to the written files, and the peak resident
memory in MB of Python and of the Node processes it started.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

STARTED = time.perf_counter()


def main(copies: int) -> None:
    """Measure one synthesis of *copies* environments with the settings of dev."""
    import settings
    from main import synthesise

    dev = settings.load("dev")
    environments = [dev, *(dev.model_copy(update={"environment": f"dev{copy}"}) for copy in range(1, copies))]
    with tempfile.TemporaryDirectory() as folder:
        synthesise(environments, Path(folder))
    seconds = time.perf_counter() - STARTED
    print(json.dumps({"seconds": seconds, "megabytes": _peak_megabytes()}))


def _peak_megabytes() -> float:
    """The sum of the peaks of this process and its descendants, as Linux keeps them."""
    processes = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:  # it ended meanwhile
            continue
        peak = fields.get("VmHWM", "0 kB").split()[0]
        processes[int(fields["Pid"])] = (int(fields["PPid"]), int(peak))
    return sum(peak for pid, (_, peak) in processes.items() if _is_ours(pid, processes)) / 1000


def _is_ours(pid: int, processes: dict[int, tuple[int, int]]) -> bool:
    while pid in processes and pid != os.getpid():
        pid = processes[pid][0]
    return pid == os.getpid()


if __name__ == "__main__":
    main(int(sys.argv[1]))

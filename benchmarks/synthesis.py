"""Synthesises copies of an environment in this process and prints what it took, as JSON.

``python -m benchmarks.synthesis COPIES``: seconds from the start of Python to the written files, and the peak resident
memory in MB of Python and of the Node processes it started.
"""

from __future__ import annotations

import json
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
    parents = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:  # it ended meanwhile
            continue
        peak = fields.get("VmHWM", "0 kB").split()[0]
        parents[int(fields["Pid"])] = (int(fields["PPid"]), int(peak))
    return sum(peak for pid, (_, peak) in parents.items() if _descends(pid, parents)) / 1000


def _descends(pid: int, parents: dict[int, tuple[int, int]]) -> bool:
    own = int(Path("/proc/self").resolve().name)
    while pid in parents:
        if pid == own:
            return True
        pid = parents[pid][0]
    return False


if __name__ == "__main__":
    main(int(sys.argv[1]))

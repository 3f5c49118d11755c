"""What nginx costs in front of MLflow, how long MLflow takes to start, and how much memory the two containers need."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median, quantiles

import requests
from rich.console import Console
from rich.table import Table

from dataplane.plane import DataPlane
from dataplane.process import LOOPBACK, Process
from deployment.progress import Display

THREADS, ROUNDS = 4, 3
# Every few seconds all clients wait for 0.2 s, with nginx and without: of so many requests that is less than 1 in 100.
REQUESTS = 1000
_PATH = "/api/2.0/mlflow/experiments/search?max_results=10"


@dataclass(frozen=True)
class Load:
    """Latencies in milliseconds, and requests per second of all threads together."""

    p50: float
    p99: float
    rate: float


def main(console: Console) -> None:
    """Measure and print; rounds through nginx and round it alternate, so that other work hits both alike."""
    with tempfile.TemporaryDirectory() as folder, DataPlane(Path(folder), Display(Console(stderr=True))) as plane:
        first_start = plane.seconds_to_healthy
        bare_url = f"http://{LOOPBACK}:{plane.mlflow_port}{_PATH}"
        through, bare = [], []
        for _ in range(ROUNDS + 1):
            through.append(_load(plane.url + _PATH, (plane.username, plane.password)))
            bare.append(_load(bare_url, None))
        memory = {process.name: _megabytes(process) for process in (plane.mlflow, plane.nginx)}
    nginx, mlflow = _median(through[1:]), _median(bare[1:])  # the first round warms both up
    table = Table(f"{THREADS} clients searching experiments", "p50 ms", "p99 ms", "requests/s")
    table.add_row("nginx and MLflow", f"{nginx.p50:.1f}", f"{nginx.p99:.1f}", f"{nginx.rate:.0f}")
    table.add_row("MLflow alone", f"{mlflow.p50:.1f}", f"{mlflow.p99:.1f}", f"{mlflow.rate:.0f}")
    table.add_row(
        "ratio", f"{nginx.p50 / mlflow.p50:.2f}", f"{nginx.p99 / mlflow.p99:.2f}", f"{nginx.rate / mlflow.rate:.2f}"
    )
    console.print(table)
    console.print(f"from start to healthy, the schema of an empty database included: {first_start:.1f} s")
    console.print("memory after that, MB: " + ", ".join(f"{name} {size:.0f}" for name, size in memory.items()))


def _load(url: str, auth: tuple[str, str] | None) -> Load:
    """REQUESTS requests by THREADS clients, each on a connection of its own that stays open."""
    latencies: list[float] = []

    def client() -> None:
        with requests.Session() as session:
            session.auth = auth
            for _ in range(REQUESTS // THREADS):
                latencies.append(_timed(lambda: session.get(url, timeout=30).raise_for_status()))

    def all_clients() -> None:
        threads = [threading.Thread(target=client) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    seconds = _timed(all_clients)
    cuts = quantiles(latencies, n=100)
    return Load(p50=cuts[49] * 1000, p99=cuts[98] * 1000, rate=len(latencies) / seconds)


def _median(rounds: list[Load]) -> Load:
    return Load(*(median(values) for values in zip(*map(astuple, rounds), strict=True)))


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _megabytes(process: Process) -> float:
    """Resident memory of the process and its children, as a container would have it."""
    children = [path.parent for path in Path("/proc").glob("[0-9]*/stat") if _group(path) == process.pid]
    return sum(_resident(folder) for folder in children)


def _group(stat: Path) -> int | None:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[2])
    except OSError:  # it ended meanwhile
        return None


def _resident(folder: Path) -> float:
    fields = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
    return int(fields.get("VmRSS", "0 kB").split()[0]) / 1000

"""Many Dask workers in one process: a cluster of a hundred on a machine that cannot run a hundred processes.

They are Dask's own workers, registered with a real scheduler, and set up its plugins as all workers do; but the workers
of one process share its environment. Run as `python -m tests.sharing.dask_cluster.many_workers`, with a WorkerGroup as
JSON on standard input.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from .tasks import NO_PACKAGE

_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class WorkerGroup:
    """The workers of one process.

    Attributes:
        scheduler: The scheduler's address.
        workers: The number of workers.
        folder: The folder for their files.
    """

    scheduler: str
    workers: int
    folder: str


@contextmanager
def worker_groups(sizes: list[int], scheduler: str, folder: Path) -> Iterator[list[int]]:
    """Starts processes with workers, which join as soon as they can; yields the process ids.

    Args:
        sizes: The number of workers of each process.
        scheduler: The scheduler's address.
        folder: The folder for their files.
    """
    with ExitStack() as stack:
        processes = [stack.enter_context(_process()) for _ in sizes]
        for process, size in zip(processes, sizes, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps(asdict(WorkerGroup(scheduler, size, str(folder)))) + "\n")
            process.stdin.flush()
        yield [process.pid for process in processes]


@contextmanager
def _process() -> Iterator[subprocess.Popen[str]]:
    """Starts a process, which ends when its standard input does."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sharing.dask_cluster.many_workers"], stdin=subprocess.PIPE, cwd=_ROOT, text=True
    )
    try:
        yield process
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()


async def run_workers(group: WorkerGroup) -> None:
    """Runs the workers until standard input ends."""
    import dask
    from distributed import Worker

    # Without the profiler: it has one thread per worker that samples it a hundred times a second.
    dask.config.set({"distributed.worker.profile.enabled": False})
    async with AsyncExitStack() as stack:
        workers = [
            Worker(group.scheduler, nthreads=1, dashboard=False, memory_limit=0, local_directory=group.folder)
            for _ in range(group.workers)
        ]
        await asyncio.gather(*(stack.enter_async_context(worker) for worker in workers))
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    exec(NO_PACKAGE)
    asyncio.run(run_workers(WorkerGroup(**json.loads(sys.stdin.readline()))))

"""Many Dask workers, in one process or in one each that is forked: clusters of hundreds on a small machine.

They are Dask's own workers, registered with a real scheduler, and set up its plugins as all workers do; but the workers
of one process share its environment. Run as `python -m tests.sharing.dask_cluster.many_workers`, with a WorkerGroup as
JSON on standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .tasks import NO_PACKAGE

_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class WorkerGroup:
    """The workers that one program runs.

    Attributes:
        scheduler: The scheduler's address.
        workers: The number of workers.
        folder: The folder for their files.
        forked: Whether each has a process of its own, forked from one that has imported Dask.
    """

    scheduler: str
    workers: int
    folder: str
    forked: bool = False


@contextmanager
def worker_groups(sizes: list[int], scheduler: str, folder: Path, *, forked: bool = False) -> Iterator[list[int]]:
    """Starts processes with workers, which join as soon as they can; yields the process ids.

    Args:
        sizes: The number of workers of each process.
        scheduler: The scheduler's address.
        folder: The folder for their files.
        forked: Whether each worker has a process of its own, which these processes fork.
    """
    with ExitStack() as stack:
        processes = [stack.enter_context(_process()) for _ in sizes]
        for process, size in zip(processes, sizes, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps(asdict(WorkerGroup(scheduler, size, str(folder), forked))) + "\n")
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


def run_forked_workers(group: WorkerGroup) -> None:
    """Runs each worker in a process of its own, until standard input ends; it has no threads before it forks."""
    import distributed  # noqa: F401 - once for all of them: in each it would take a second

    children = []
    for _ in range(group.workers):
        child = os.fork()
        if child == 0:
            asyncio.run(run_workers(replace(group, workers=1)))
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * group.workers


if __name__ == "__main__":
    exec(NO_PACKAGE)
    workers = WorkerGroup(**json.loads(sys.stdin.readline()))
    if workers.forked:
        run_forked_workers(workers)
    else:
        asyncio.run(run_workers(workers))

"""What leaves the kernel for a Dask cluster: keys that end, and nothing that could get others."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.sharing import dask
from tests.support.polling import TEST_TIMEOUT, wait_until
from tests.support.proxies import RecordingProxy

from . import tasks

if TYPE_CHECKING:
    from distributed import Client

pytestmark = pytest.mark.long

MANAGER = {b"CognitoCredentialsManager", b"CognitoOAuthAuthenticator", b"cognito_jupyter.credentials"}
"""What a pickled manager would name: its class, the class of what refreshes its tokens, and where they are."""
WORKERS = 2


AN_HOUR = timedelta(hours=1)
CARRIERS = {"wire", "scheduler", "memory"}
"""Where the keys are, and are meant to be."""


def test_nothing_that_leaves_the_kernel_holds_a_token_or_a_manager(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    """The wire, the scheduler's state, memory, environments, arguments and files; past renewals and a refresh."""
    cognito.knobs.credentials_seconds = 4
    secrets = pieces_of(manager)
    with cluster_behind_a_proxy(tmp_path) as (tap, client, commands):
        with dask(manager, client, "Analyst") as share:
            client.gather(client.map(tasks.read, range(4), pure=False))
            manager.refresh_user_pool_tokens()
            secrets |= pieces_of(manager)
            wait_until(lambda: share.pusher.pushes >= 3, "renewals")
            cognito.knobs.credentials_seconds = 3600
            wait_until(lambda: share.until and share.until > datetime.now(UTC) + AN_HOUR / 2, "the last renewal")
            keys = cognito.aws.issued_keys.find(client.submit(tasks.access_key_id, pure=False).result(TEST_TIMEOUT))
            places, every_argument = places_of(client, commands, tmp_path), arguments_of(psutil.process_iter())
            environments = client.run(tasks.environment).values()
    places["wire"] = bytes(tap.recorded)
    assert len(secrets) > 6
    assert found(secrets | MANAGER, places) == set()
    # Whoever started it; but for the names, which programs of other tests may have in theirs.
    assert found(secrets, {"every argument": every_argument}) == set()
    # The search has looked where something is: the keys, the endpoints' tokens, Dask's own words.
    assert keys is not None
    assert found({keys.secret_key.encode()}, places) == CARRIERS
    for held in environments:
        assert held["AWS_CONTAINER_AUTHORIZATION_TOKEN"].encode() in places["environments"]
    assert b"scheduler.json" in places["arguments"]
    assert b"Starting Worker plugin cognito-dask" in places["files"]


def test_the_search_finds_a_leaked_token_in_each_place(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    """Otherwise the test above could not fail: here one is given away on purpose."""
    secrets = pieces_of(manager)
    assert manager.auth_tokens is not None
    with cluster_behind_a_proxy(tmp_path) as (tap, client, commands):
        client.set_metadata("given away", manager.auth_tokens["refresh_token"])
        client.run(tasks.leak_token, manager.auth_tokens["id_token"], str(tmp_path / "given away"))
        places = places_of(client, commands, tmp_path)
    places["wire"] = bytes(tap.recorded)
    assert found(secrets, places) == set(places)


def pieces_of(manager: CognitoCredentialsManager) -> set[bytes]:
    """The tokens' parts, each of which would be too much; but for a header, which says only how a token is signed."""
    assert manager.auth_tokens is not None
    tokens = [str(manager.auth_tokens[name]) for name in ("id_token", "access_token", "refresh_token")]
    return {part.encode() for token in tokens for part in token.split(".")[1:] or [token]}


def found(pieces: set[bytes], places: dict[str, bytes]) -> set[str]:
    """The places where one of them is."""
    return {place for place, held in places.items() if any(piece in held for piece in pieces)}


# -- where to look


def places_of(client: Client, commands: list[psutil.Process], folder: Path) -> dict[str, bytes]:
    """What a cluster has, by the place where it is: the wire is not among them."""
    processes = [process for command in commands for process in (command, *command.children(recursive=True))]
    # The two commands, the workers, and what those have started.
    assert len(processes) >= 2 + WORKERS
    now: dict[str, dict[str, str]] = client.run(tasks.environment)
    began = [process.environ() for process in processes]
    client.dump_cluster_state(str(folder / "dump"), format="yaml")
    return {
        "scheduler": str(client.run_on_scheduler(tasks.scheduler_state)).encode(),
        "environments": json.dumps([*now.values(), *began]).encode(),
        "arguments": arguments_of(psutil.Process().children(recursive=True)),
        "files": b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()),
        "memory": b"".join(piece for process in processes for piece in memory(process.pid)),
    }


def arguments_of(processes: Iterable[psutil.Process]) -> bytes:
    """What stands in their command lines."""
    lines: list[list[str]] = []
    for process in processes:
        # It may be over by now.
        with suppress(psutil.NoSuchProcess):
            lines.append(process.cmdline())
    return json.dumps(lines).encode()


def memory(pid: int) -> Iterator[bytes]:
    """What a process has written to its memory, as Linux shows it to the parent."""
    with Path(f"/proc/{pid}/maps").open() as regions, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for region in regions:
            where, rights, *_ = region.split()
            start, end = (int(address, 16) for address in where.split("-"))
            # What is given back meanwhile can be read no more.
            with suppress(OSError):
                if rights.startswith("rw"):
                    memory.seek(start)
                    yield memory.read(end - start)


# -- a cluster as people start one


@contextmanager
def cluster_behind_a_proxy(folder: Path) -> Iterator[tuple[RecordingProxy, Client, list[psutil.Process]]]:
    """Scheduler and workers by Dask's own commands, a client that reaches them by a tap, and all their processes."""
    import dask as dask_itself
    from distributed import Client

    file = folder / "scheduler.json"
    with ExitStack() as stack:
        stack.enter_context(dask_itself.config.set({"distributed.comm.compression": False}))
        own = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file)]
        started = [stack.enter_context(command("scheduler", folder, *own, "--port", "0"))]
        wait_until(lambda: file.exists() and file.read_text(), "the scheduler listens")
        limits = ["--nworkers", str(WORKERS), "--nthreads", "1", "--local-directory", str(folder)]
        started.append(stack.enter_context(command("worker", folder, *own, *limits)))
        scheduler = urlsplit(json.loads(file.read_text())["address"])
        tap = stack.enter_context(RecordingProxy(str(scheduler.hostname), scheduler.port or 0))
        client = stack.enter_context(Client(f"tcp://127.0.0.1:{tap.port}", timeout=TEST_TIMEOUT))
        client.wait_for_workers(WORKERS, timeout=TEST_TIMEOUT)
        yield tap, client, started


@contextmanager
def command(name: str, folder: Path, *arguments: str) -> Iterator[psutil.Process]:
    """`dask scheduler` or `dask worker`, which writes its log into the folder."""
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "dask", name, *arguments], stdout=log, stderr=log)
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(TEST_TIMEOUT)

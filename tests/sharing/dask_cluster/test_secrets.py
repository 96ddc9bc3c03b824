"""What leaves the kernel for a Dask cluster: credentials that expire, and nothing that could get new ones."""

from __future__ import annotations

import json
import pickle
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
from cognito_jupyter.sharing.cluster.shipped_modules import ShippedModules
from tests.sharing.conftest import LIFETIME
from tests.support.polling import TEST_TIMEOUT, wait_until
from tests.support.proxies import RecordingProxy

from . import tasks
from .clusters import cluster_of, command

if TYPE_CHECKING:
    from distributed import Client

pytestmark = pytest.mark.long

MANAGER = {b"CognitoCredentialsManager", b"CognitoOAuthAuthenticator", b"cognito_jupyter.credentials"}
"""Names that a pickled manager would contain: its class, its authenticator's class, and its package."""
WORKERS = 2


AN_HOUR = timedelta(hours=1)
EXPECTED_PLACES = {"network", "scheduler", "memory"}
"""Where the credentials are, as intended."""


def test_nothing_that_leaves_the_kernel_holds_a_token_or_a_manager(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    """Searches network traffic, scheduler state, memory, environments, arguments and files, after refreshes."""
    cognito.knobs.credentials_seconds = LIFETIME
    secrets = pieces_of(manager)
    with cluster_behind_a_proxy(tmp_path) as (proxy, client, commands):
        with dask(manager, client, "Analyst") as share:
            client.gather(client.map(tasks.read, range(4), pure=False))
            manager.refresh_user_pool_tokens()
            secrets |= pieces_of(manager)
            wait_until(lambda: share.pusher.pushes >= 3, "The credentials were not refreshed.")
            cognito.knobs.credentials_seconds = 3600
            wait_until(
                lambda: share.until and share.until > datetime.now(UTC) + AN_HOUR / 2,
                "The last refresh did not happen.",
            )
            keys = cognito.aws.issued_keys.get(client.submit(tasks.access_key_id, pure=False).result(TEST_TIMEOUT))
            places, every_argument = places_of(client, commands, tmp_path), arguments_of(psutil.process_iter())
            environments = client.run(tasks.environment).values()
    places["network"] = bytes(proxy.recorded)
    assert len(secrets) > 6
    assert found(secrets | MANAGER, places) == set()
    # Of all processes; without the names, which programs of other tests may contain.
    assert found(secrets, {"every argument": every_argument}) == set()
    # The search finds what is there: the credentials, the endpoints' tokens, Dask's own texts.
    assert keys is not None
    assert found({keys.secret_key.encode()}, places) == EXPECTED_PLACES
    for environment in environments:
        assert environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"].encode() in places["environments"]
    assert b"scheduler.json" in places["arguments"]
    assert b"Starting Worker plugin cognito-dask" in places["files"]


def test_the_search_finds_a_leaked_token_in_each_place(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    """Shows that the test above can fail: here a token is leaked on purpose."""
    secrets = pieces_of(manager)
    assert manager.auth_tokens is not None
    with cluster_behind_a_proxy(tmp_path) as (proxy, client, commands):
        # As plain texts: the tokens themselves refuse to be pickled.
        client.set_metadata("given away", str(manager.auth_tokens["refresh_token"]))
        client.run(tasks.leak_token, str(manager.auth_tokens["id_token"]), str(tmp_path / "given away"))
        places = places_of(client, commands, tmp_path)
    places["network"] = bytes(proxy.recorded)
    assert found(secrets, places) == set(places)


def test_the_logs_of_a_worker_at_debug_hold_no_secret(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    """Logging starts before the task imports boto3, and this package is not there."""
    log = tmp_path / "debug.log"
    with cluster_of(1, tmp_path) as (_, client), dask(manager, client, "Analyst"):
        client.run(tasks.log_everything, str(log))
        client.submit(tasks.read_by_boto3, 1, pure=False).result(TEST_TIMEOUT)
        client.submit(tasks.read_by_s3fs, 1, pure=False).result(TEST_TIMEOUT)
        keys = cognito.aws.issued_keys.get(client.submit(tasks.access_key_id, pure=False).result(TEST_TIMEOUT))
        assert keys is not None
        secrets = {keys.secret_key, keys.session_token}
        secrets |= {each["AWS_CONTAINER_AUTHORIZATION_TOKEN"] for each in client.run(tasks.environment).values()}
        text = log.read_text()
        assert "X-Amz-Security-Token" in text
        assert len(secrets) > 2
        assert not [secret[:6] for secret in secrets if secret in text]
        # Without the filter the search finds what is logged.
        client.run(tasks.remove_log_filters)
        client.submit(tasks.read_by_boto3, 2, pure=False).result(TEST_TIMEOUT)
        assert [secret for secret in secrets if secret in log.read_text()]


def test_secrets_come_after_the_first_ten_thousand_bytes_of_a_pickle() -> None:
    """Dask logs so much of a pickle that it cannot load."""
    from cognito_jupyter.sharing.cluster.worker_endpoint import CredentialsMessage
    from cognito_jupyter.sharing.dask_cluster.push import SHIPPED_MODULES
    from cognito_jupyter.sharing.dask_cluster.worker_plugin import CredentialsPlugin

    message = CredentialsMessage(
        kernel="kernel", principal="", serial=1, credentials={"Token": "the secret"}, until=0, region="", program=""
    )
    shipped = CredentialsPlugin(message, ShippedModules(SHIPPED_MODULES))
    assert pickle.dumps(shipped).index(b"the secret") > 10_000


def pieces_of(manager: CognitoCredentialsManager) -> set[bytes]:
    """Returns the parts of the tokens, none of which may leak; the headers, which are not secret, are left out."""
    assert manager.auth_tokens is not None
    tokens = [str(manager.auth_tokens[name]) for name in ("id_token", "access_token", "refresh_token")]
    return {part.encode() for token in tokens for part in token.split(".")[1:] or [token]}


def found(pieces: set[bytes], places: dict[str, bytes]) -> set[str]:
    """Returns the places that contain one of the pieces."""
    return {place for place, content in places.items() if any(piece in content for piece in pieces)}


# -- where to look


def places_of(client: Client, commands: list[psutil.Process], folder: Path) -> dict[str, bytes]:
    """Returns the content of each place in a cluster, except the network traffic."""
    processes = [process for command in commands for process in (command, *command.children(recursive=True))]
    # The two commands, the workers, and their child processes.
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
    """Returns the command lines."""
    lines: list[list[str]] = []
    for process in processes:
        # The process may have ended by now.
        with suppress(psutil.NoSuchProcess):
            lines.append(process.cmdline())
    return json.dumps(lines).encode()


def memory(pid: int) -> Iterator[bytes]:
    """Yields the writable memory of a process, which Linux lets its parent read."""
    with Path(f"/proc/{pid}/maps").open() as regions, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for region in regions:
            where, rights, *_ = region.split()
            start, end = (int(address, 16) for address in where.split("-"))
            # A region that has been freed since cannot be read.
            with suppress(OSError):
                if rights.startswith("rw"):
                    memory.seek(start)
                    yield memory.read(end - start)


# -- a cluster as users start one


@contextmanager
def cluster_behind_a_proxy(folder: Path) -> Iterator[tuple[RecordingProxy, Client, list[psutil.Process]]]:
    """Starts scheduler and workers; yields a proxy, a client that connects through it, and the processes."""
    import dask as dask_itself
    from distributed import Client

    file = folder / "scheduler.json"
    with ExitStack() as stack:
        stack.enter_context(dask_itself.config.set({"distributed.comm.compression": False}))
        own = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file)]
        started = [stack.enter_context(command("scheduler", folder, *own, "--port", "0"))]
        wait_until(lambda: file.exists() and file.read_text(), "The scheduler does not listen.")
        limits = ["--nworkers", str(WORKERS), "--nthreads", "1", "--local-directory", str(folder)]
        started.append(stack.enter_context(command("worker", folder, *own, *limits)))
        scheduler = urlsplit(json.loads(file.read_text())["address"])
        proxy = stack.enter_context(RecordingProxy(str(scheduler.hostname), scheduler.port or 0))
        client = stack.enter_context(Client(f"tcp://127.0.0.1:{proxy.port}", timeout=TEST_TIMEOUT))
        client.wait_for_workers(WORKERS, timeout=TEST_TIMEOUT)
        yield proxy, client, started

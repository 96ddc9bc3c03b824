"""A program that signs in and has worker processes read S3 across expiries; the tests run it in another process.

It reads facts as JSON from standard input, because they contain tokens. It prints, as JSON, the access keys with which
each worker signed its requests, and whether the sign-in is well.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any

from cognito_jupyter import CognitoCredentialsManager, CognitoOAuthAuthenticator
from cognito_jupyter.sharing import share

WORKERS = 2
_READ_TIMEOUT = 120.0


def read_with(credentials: int, client: Any = None) -> Iterator[tuple[int, str]]:
    """Reads S3 with one client; yields the process and the access key of each read.

    Args:
        credentials: With how many different credentials: until the last ones come.
        client: The client; None: a new one, which finds its credentials through the environment.
    """
    import boto3

    client, until = client or boto3.client("s3"), time.monotonic() + _READ_TIMEOUT
    used: set[str] = set()
    while len(used) < credentials and time.monotonic() < until:
        client.list_objects_v2(Bucket="cognito-jupyter-demo")
        used.add(access_key := client._request_signer._credentials.get_frozen_credentials().access_key)
        yield os.getpid(), access_key
        time.sleep(0.1)


def list_with(credentials: int) -> list[tuple[int, str]]:
    """The same as a list, which an engine of ipyparallel can return."""
    from tests.sharing.workers.worker_program import read_with

    return list(read_with(credentials))


def update_environment(variables: dict[str, str]) -> None:
    """Sets environment variables of the process that calls it."""
    import os

    os.environ.update(variables)


def read_by_engines(manager: CognitoCredentialsManager, credentials: int) -> Iterator[tuple[int, str]]:
    """Reads in engines of ipyparallel that start after the share."""
    import ipyparallel

    with share(manager, ["Analyst"]), ipyparallel.Cluster(n=WORKERS, log_level=40) as client:
        for reads in client[:].apply_sync(list_with, credentials):
            yield from reads


def read_by_earlier_engines(manager: CognitoCredentialsManager, credentials: int) -> Iterator[tuple[int, str]]:
    """Reads in engines of ipyparallel that were started before the share, and are given its variables."""
    import ipyparallel

    with ipyparallel.Cluster(n=WORKERS, log_level=40) as client, share(manager, ["Analyst"]) as shared:
        client[:].apply_sync(update_environment, shared.environment())
        for reads in client[:].apply_sync(list_with, credentials):
            yield from reads


def read_by_data_loader(
    manager: CognitoCredentialsManager, credentials: int, start: str, *, inherit: bool
) -> Iterator[tuple[int, str]]:
    """Reads in the worker processes of PyTorch's DataLoader.

    Args:
        manager: The sign-in.
        credentials: With how many different credentials each of them reads.
        start: How multiprocessing starts them.
        inherit: Whether they use a client of the session that they inherit; False: the share.
    """
    from torch.utils.data import DataLoader

    from tests.sharing.workers.data_set import ReadsOfWorkers

    client = manager.make_refreshing_session("Analyst").client("s3") if inherit else None
    with share(manager, ["Analyst"]):
        data = ReadsOfWorkers(credentials, client)
        yield from DataLoader(data, num_workers=WORKERS, batch_size=None, multiprocessing_context=start)


def main() -> None:
    """Signs in, has the workers read, and prints the result."""
    facts = json.load(sys.stdin)
    authenticator = CognitoOAuthAuthenticator(facts["domain"], facts["client_id"])
    identity_pool_id, user_pool_id, region = facts["pools"]
    manager = CognitoCredentialsManager(identity_pool_id, user_pool_id, region, facts["tokens"], authenticator)
    keys = defaultdict(set)
    for worker, key in WAYS[facts["way"]](manager, facts["credentials"]):
        keys[worker].add(key)
    print(json.dumps([[sorted(each) for each in keys.values()], manager.warning is None and not manager.ended]))


WAYS: dict[str, Any] = {
    "ipyparallel": read_by_engines,
    "ipyparallel, started before the share": read_by_earlier_engines,
    "DataLoader, fork": partial(read_by_data_loader, start="fork", inherit=False),
    "DataLoader, forkserver": partial(read_by_data_loader, start="forkserver", inherit=False),
    "DataLoader, spawn": partial(read_by_data_loader, start="spawn", inherit=False),
    "DataLoader, fork, with the session": partial(read_by_data_loader, start="fork", inherit=True),
}
"""The ways to start workers, by the name that the tests and docs/sharing.md use."""

if __name__ == "__main__":
    main()

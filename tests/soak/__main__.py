"""Uses AWS for a while under random faults: `python -m tests.soak`, from the repository's root.

Credentials are valid for ten seconds, every refresh rotates the refresh token, and faults occur at the user pool, the
identity pool and S3. Forked children work for longer than an id token is valid. The exit code is 1 if an AWS call
failed for any other reason than a fault of S3, or if the process has grown.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cognito_jupyter._util.timeouts import Timeouts
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator

from .faults import inject_until
from .forks import Forks
from .growth import ProcessSize, find_growth, median_thirds
from .repetitions import run_repetitions
from .soak_server import CREDENTIALS_SECONDS, SoakServer
from .workload import Outcome, Workload

_THREAD_COUNT = 16
_CHILD_SECONDS = 3 * CREDENTIALS_SECONDS
"""Longer than an id token is valid."""
_TIMEOUTS = Timeouts(connect=1.0, read=1.0, total=2.0)
"""As ten seconds are to an hour: a stall must not take longer than the credentials are valid."""


def main() -> int:
    """Runs the soak, prints one line of figures, and returns the exit code."""
    arguments = _parser().parse_args()
    if not arguments.repetitions:
        print(f"soak: {arguments.minutes:g} minutes, seed {arguments.seed}", flush=True)
    with SoakServer() as server:
        os.environ.update({**server.facts["environment"], "AWS_EC2_METADATA_DISABLED": "true"})
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            os.environ[name] = os.devnull
        if arguments.repetitions:
            growing = run_repetitions(server)
            for what in growing:
                print(f"soak: growth of {what}", file=sys.stderr)
            return 1 if growing else 0
        return _soak(server, arguments.minutes * 60, arguments.seed)


def _soak(server: SoakServer, seconds: float, seed: int) -> int:
    manager = _manager(server)
    workload, stop = Workload(_calls(server, manager), _THREAD_COUNT), threading.Event()
    forks = Forks(lambda: _calls(server, manager)[1], _CHILD_SECONDS)
    with ThreadPoolExecutor(1) as pool:
        injecting = pool.submit(inject_until, stop, server, seed)
        workload.start()
        forks.start()
        try:
            sizes = _measure(seconds)
        finally:
            stop.set()
            workload.stop()
            forks.stop()
        fault_count = injecting.result()
    first, last = median_thirds(sizes)
    counts, outcomes = server.counts(), workload.outcomes
    print(
        f"soak: {outcomes.total()} AWS calls by {_THREAD_COUNT} threads, {outcomes[Outcome.S3_FAILURE]} failed at S3, "
        f"{outcomes[Outcome.CREDENTIALS_FAILURE]} failed because of the credentials; {fault_count} faults, "
        f"{counts.get(LocalCognito.EXCHANGE, 0)} exchanges, {counts.get(LocalCognito.REFRESH, 0)} refreshes; "
        f"threads {first.threads:.0f} -> {last.threads:.0f}, sockets {first.sockets:.0f} -> {last.sockets:.0f}, "
        f"memory {first.memory:.1f} -> {last.memory:.1f} MiB",
        flush=True,
    )
    print(
        f"soak: {forks.outcomes.total()} AWS calls in {forks.children} forked children of {_CHILD_SECONDS:.0f} s, "
        f"{forks.outcomes[Outcome.S3_FAILURE]} failed at S3, {len(forks.errors)} children failed",
        flush=True,
    )
    growing = find_growth(first, last)
    for error in [*workload.credentials_errors, *forks.errors]:
        print(f"soak: failed because of the credentials: {error!r}", file=sys.stderr)
    for what in growing:
        print(f"soak: {what} {'has' if what == 'memory' else 'have'} grown", file=sys.stderr)
    failed = workload.credentials_errors or forks.errors or growing
    return 1 if failed or not outcomes[Outcome.SUCCESS] or not forks.outcomes[Outcome.SUCCESS] else 0


def _measure(seconds: float) -> list[ProcessSize]:
    sizes, deadline = [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.5)
        sizes.append(ProcessSize.measure())
    return sizes


def _manager(server: SoakServer) -> CognitoCredentialsManager:
    environment = server.facts["environment"]
    authenticator = CognitoOAuthAuthenticator(
        environment["COGNITO_DOMAIN"], environment["COGNITO_CLIENT_ID"], region=environment["COGNITO_REGION"],
        timeouts=_TIMEOUTS,
    )  # fmt: skip
    return CognitoCredentialsManager(
        environment["COGNITO_IDENTITY_POOL_ID"], environment["COGNITO_USER_POOL_ID"], environment["COGNITO_REGION"],
        server.facts["tokens"], authenticator, timeouts=_TIMEOUTS,
    )  # fmt: skip


def _calls(server: SoakServer, manager: CognitoCredentialsManager) -> list[Callable[[], Any]]:
    """Returns calls that read, list and write, with two roles of one manager."""
    bucket, key = server.facts["bucket"], server.facts["data_key"]
    reading: Any = manager.make_refreshing_session("Analyst").client("s3")
    writing: Any = manager.make_refreshing_session("Uploader").client("s3")

    def read() -> None:
        reading.get_object(Bucket=bucket, Key=key)["Body"].read()

    return [
        read,
        lambda: reading.list_objects_v2(Bucket=bucket),
        lambda: writing.put_object(Bucket=bucket, Key="soak", Body=b"x" * 10_000),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long to run; 10 by default")
    parser.add_argument("--repetitions", action="store_true", help="many logins, refreshes and sessions instead")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="seed of the faults")
    return parser


if __name__ == "__main__":
    sys.exit(main())

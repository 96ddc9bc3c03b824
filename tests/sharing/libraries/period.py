"""A process that signs in, shares, and lets all libraries read in parallel for some seconds.

`python -m tests.sharing.libraries.period` reads a Task as JSON from standard input, because it contains tokens, and
prints the outcome of each case as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.tokens import CognitoTokens

from .by_adapter import BY_ADAPTER
from .by_environment import BY_ENVIRONMENT
from .by_tool import BY_TOOL
from .case import ROWS, SHARED, Case, Place, Read

CASES = {case.name: case for case in (*BY_ENVIRONMENT, *BY_ADAPTER, *BY_TOOL)}
_HEAVY = (
    "awswrangler", "boto3", "deltalake", "duckdb", "obstore", "pandas", "polars", "pyarrow.dataset",
    "pyiceberg.io.fsspec", "pyiceberg.io.pyarrow", "pyiceberg.table", "s3fs",
)  # fmt: skip
"""Modules that take longer to import than credentials live: they are imported before the first credentials are made."""
READY = "all have read once"
"""The line that is printed then."""
PAUSE = 0.7
"""Seconds between two reads of a case."""


@dataclass(frozen=True)
class Task:
    """The task of a process.

    Attributes:
        cases: The names of the cases.
        seconds: How long to read after all of them have read once.
        share: How the environment gets its credentials: shared, or pasted by hand.
        hide_profiles: Whether the shared credentials file is hidden.
        cognito: The settings, and the tokens of a sign-in.
        places: Where each case reads; see Place.
    """

    cases: list[str]
    seconds: float
    share: Literal["shared", "pasted"]
    hide_profiles: bool
    cognito: dict[str, Any]
    places: dict[str, dict[str, str]]


@dataclass
class Outcome:
    """The outcome of a case.

    Attributes:
        reads: The number of successful reads.
        last: When the last of them began, in seconds since the epoch.
        errors: The errors of the other reads, with the second in which they occurred.
    """

    reads: int = 0
    last: float = 0.0
    errors: list[tuple[float, str]] = field(default_factory=list)


def main() -> None:
    """Executes the task on standard input."""
    task = Task(**json.load(sys.stdin))
    for module in (*_HEAVY, *(module for name in task.cases for module in CASES[name].modules)):
        importlib.import_module(module)
    manager = _signed_in(task.cognito)
    with _environment(task, manager):
        outcomes = {name: Outcome() for name in task.cases}
        readers = {
            name: _open_case(CASES[name], Place(**task.places[name], manager=manager), outcomes[name])
            for name in task.cases
        }
        _read_side_by_side(readers, outcomes, task.seconds)
    print(json.dumps({name: asdict(outcome) for name, outcome in outcomes.items()}), flush=True)
    # Some libraries leave threads that do not end.
    os._exit(0)


def _signed_in(cognito: dict[str, Any]) -> CognitoCredentialsManager:
    authenticator = CognitoOAuthAuthenticator(
        cognito["domain"], cognito["client_id"], cognito["redirect_uri"], cognito["region"], open_browser=False
    )
    tokens: CognitoTokens = cognito["tokens"]
    return CognitoCredentialsManager(
        cognito["identity_pool_id"], cognito["user_pool_id"], cognito["region"], tokens, authenticator
    )


@contextmanager
def _environment(task: Task, manager: CognitoCredentialsManager) -> Iterator[None]:
    """Prepares the environment that the libraries find."""
    if task.share == "shared":
        with sharing.share(manager, [SHARED], hide_credentials_file=task.hide_profiles):
            yield
        return
    keys = manager.ensure_credentials(SHARED)
    os.environ["AWS_ACCESS_KEY_ID"] = keys["access_key_id"]
    os.environ["AWS_SECRET_ACCESS_KEY"] = keys["secret_access_key"]
    os.environ["AWS_SESSION_TOKEN"] = keys["session_token"]
    os.environ["AWS_REGION"] = manager.region
    yield


def _open_case(case: Case, place: Place, outcome: Outcome) -> Read | None:
    try:
        return case.opens(place)
    except Exception as error:  # noqa: BLE001 - any exception of a library is its case's outcome
        outcome.errors.append((0.0, _describe(error)))
        return None


def _read_side_by_side(readers: dict[str, Read | None], outcomes: dict[str, Outcome], seconds: float) -> None:
    """Reads in one thread per case for some seconds."""
    parties = sum(reader is not None for reader in readers.values())
    ready = threading.Barrier(parties, action=lambda: print(READY, flush=True), timeout=120)
    threads = [
        threading.Thread(target=_read_repeatedly, args=(reader, outcomes[name], ready, seconds), name=name)
        for name, reader in readers.items()
        if reader is not None
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _read_repeatedly(read: Read, outcome: Outcome, ready: threading.Barrier, seconds: float) -> None:
    _read_once(read, outcome, 0.0)
    # The first read of some libraries includes seconds of imports, so the period begins when all have read once.
    ready.wait()
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        time.sleep(PAUSE)
        _read_once(read, outcome, time.monotonic() - began)


def _read_once(read: Read, outcome: Outcome, second: float) -> None:
    began = time.time()
    try:
        rows = read()
    except Exception as error:  # noqa: BLE001 - any exception of a library is its case's outcome
        outcome.errors.append((round(second, 1), _describe(error)))
        return
    if rows != ROWS:
        outcome.errors.append((round(second, 1), f"{rows} rows instead of {ROWS}"))
        return
    outcome.reads += 1
    outcome.last = began


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:300]}"


if __name__ == "__main__":
    main()

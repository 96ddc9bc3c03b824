"""A kernel of its own that takes the kept sign-in: `python -m tests.benchmarks.kernel FOLDER`.

Its settings come on standard input as JSON, one line; a second line is its sign to begin. It answers with one line of
JSON: the seconds that each step took.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

# A kernel has imported it long before a cell runs.
import IPython  # noqa: F401

ROLES = ("Analyst", "Uploader")
CLOCK_ADVANCE = 3_590.0
"""Seconds after which tokens and credentials that live an hour have expired, by this process's clock and Cognito's."""


def main() -> None:
    """Ready at the first line, restarted at the second."""
    settings = json.loads(sys.stdin.readline())
    folder, warm = Path(sys.argv[1]), settings.pop("warm")
    # Where many do this at once, they are to meet at Cognito, and not at the disk from which boto3 is read.
    manager = _restore_manager(settings, folder, 0.0)[0] if warm else None
    print("ready", flush=True)
    sys.stdin.readline()
    del manager
    print(json.dumps(_restart(settings, folder, CLOCK_ADVANCE if warm else 0.0)), flush=True)
    sys.stdin.readline()


def _restart(settings: dict[str, str], folder: Path, clock_offset: float) -> dict[str, float]:
    began = time.perf_counter()
    import boto3  # noqa: F401 - its time is told apart

    imported_at = time.perf_counter()
    manager, restored_at = _restore_manager(settings, folder, clock_offset)
    for role in ROLES if clock_offset else ROLES[:1]:
        session = manager.make_refreshing_session(role)
        session.get_credentials().get_frozen_credentials()
    usable_at = time.perf_counter()
    return {
        "boto3": imported_at - began,
        "sign-in": restored_at - imported_at,
        "session": usable_at - restored_at,
        "whole": usable_at - began,
    }


def _restore_manager(settings: dict[str, str], folder: Path, clock_offset: float) -> tuple[Any, float]:
    """A manager with the kept sign-in, and when it had it."""
    import cognito_jupyter
    from cognito_jupyter._util.clock import Clock
    from cognito_jupyter.credentials.store.store import Store, StoreKey
    from cognito_jupyter.settings import CognitoConfiguration

    def now() -> float:
        return time.time() + clock_offset

    configuration = CognitoConfiguration(**settings)
    authenticator = cognito_jupyter.CognitoOAuthAuthenticator(
        configuration.domain, configuration.client_id, configuration.redirect_uri, configuration.region, now=now
    )
    manager = cognito_jupyter.CognitoCredentialsManager(
        configuration.identity_pool_id,
        configuration.user_pool_id,
        configuration.region,
        authenticator=authenticator,
        clock=Clock(now=now),
    )
    if not manager.restore_from_store(Store(StoreKey.from_configuration(configuration), folder)):
        raise RuntimeError("There is no kept sign-in.")
    return manager, time.perf_counter()


if __name__ == "__main__":
    main()

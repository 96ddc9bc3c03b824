"""A kernel that restores the stored sign-in: `python -m tests.benchmarks.kernel FOLDER`.

It reads its settings from standard input, one line of JSON; a second line starts it. It then writes one line of JSON:
the seconds of each step.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import IPython  # noqa: F401 - a kernel has imported it long before a cell runs

ROLES = ("Analyst", "Uploader")
CLOCK_ADVANCE = 3_590.0
"""Seconds after which tokens and credentials with a lifetime of an hour must be refreshed, by both clocks."""


def main() -> None:
    """Reports that it is ready after the first line, and restores the sign-in after the second."""
    settings = json.loads(sys.stdin.readline())
    folder, warm = Path(sys.argv[1]), settings.pop("warm")
    # If many kernels start at once, they should compete for Cognito, not for the disk from which boto3 is read.
    manager = _restore_manager(settings, folder, 0.0)[0] if warm else None
    print("ready", flush=True)
    sys.stdin.readline()
    del manager
    print(json.dumps(_restart(settings, folder, CLOCK_ADVANCE if warm else 0.0)), flush=True)
    sys.stdin.readline()


def _restart(settings: dict[str, str], folder: Path, clock_offset: float) -> dict[str, float]:
    began = time.perf_counter()
    manager, restored_at = _restore_manager(settings, folder, clock_offset)
    for role in ROLES if clock_offset else ROLES[:1]:
        session = manager.make_refreshing_session(role)
        session.get_credentials().get_frozen_credentials()
    usable_at = time.perf_counter()
    return {
        "sign-in": restored_at - began,
        "session": usable_at - restored_at,
        "whole": usable_at - began,
    }


def _restore_manager(settings: dict[str, str], folder: Path, clock_offset: float) -> tuple[Any, float]:
    """Returns a manager with the stored sign-in, and the time at which it was restored."""
    import cognito_jupyter
    from cognito_jupyter._util.clock import Clock
    from cognito_jupyter.credentials.store.sign_in import StoreKey
    from cognito_jupyter.credentials.store.store import Store
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
        raise RuntimeError("There is no stored sign-in.")
    return manager, time.perf_counter()


if __name__ == "__main__":
    main()

"""What many roles on one manager cost: memory, and refreshes."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

from cognito_jupyter.credentials.manager import CognitoCredentialsManager

from .implementations import API, implementations, signed_in
from .signing import static_session
from .stage import ROLES, Stage
from .table import Figure, Group, Samples

_ROUNDS = 3
_HOUR = 3600.0
_REFERENCE_ADVISORY = 15 * 60.0
"""Seconds before the expiry from which the reference's sessions refresh; see its `advisory_timeout`."""


def measure_roles(stage: Stage) -> Group:
    """Measures the memory of each further role, and counts the refreshes in an hour."""
    package, reference = implementations()
    with stage.environment():
        sessions = _memory(lambda count: _sessions(package, stage, count))
        reference_sessions = _memory(lambda count: _sessions(reference, stage, count)) if reference else None
        credentials = _memory(lambda count: _credentials(package, stage, count))
        static = _memory(lambda count: [_with_loaded_credentials(static_session()) for _ in range(count)])
        refreshes = _refreshes_per_hour(package, stage)
    floor = "a boto3 session with static keys"
    return Group(
        f"{ROLES} roles on one manager",
        (
            Figure("each further role, its session included", "KiB", sessions, static, floor, reference_sessions),
            Figure("only each further role's credentials", "KiB", credentials, static, floor),
            Figure(
                "refreshes in an hour, by the policy",
                "calls",
                (refreshes,),
                (float(ROLES),),
                "one for each role",
                (ROLES * _HOUR / (_HOUR - _REFERENCE_ADVISORY),) if reference else None,
            ),
        ),
    )


def _memory(make: Callable[[int], object]) -> Samples:
    """Returns the KiB of each further role, without what the manager needs once."""
    make(1)
    return tuple((_allocated(make, ROLES) - _allocated(make, 1)) / (ROLES - 1) / 1024 for _ in range(_ROUNDS))


def _allocated(make: Callable[[int], object], count: int) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        result = make(count)
        gc.collect()
        size = tracemalloc.get_traced_memory()[0]
        del result
        return size
    finally:
        tracemalloc.stop()


def _sessions(api: API, stage: Stage, count: int) -> object:
    manager = signed_in(api, stage, username="everyone")
    return manager, [_with_loaded_credentials(manager.make_refreshing_session(suffix)) for suffix in _suffixes(count)]


def _credentials(api: API, stage: Stage, count: int) -> Any:
    manager = signed_in(api, stage, username="everyone")
    for suffix in _suffixes(count):
        manager.ensure_credentials(suffix)
    return manager


def _with_loaded_credentials(session: Any) -> Any:
    session.get_credentials().get_frozen_credentials()
    return session


def _suffixes(count: int) -> list[str]:
    return [f"Role{number:03}" for number in range(count)]


def _refreshes_per_hour(api: API, stage: Stage) -> float:
    """Computes them from the time at which each role's credentials become due for a refresh."""
    manager: CognitoCredentialsManager = _credentials(api, stage, ROLES)
    cached = [role.cached for role in manager._role_credentials.values() if role.cached is not None]
    return float(sum(_HOUR / (each.advisory_refresh_at - (each.expires_at - each.lifetime)) for each in cached))

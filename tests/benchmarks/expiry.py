"""Counts the calls to Cognito when tokens and credentials have expired and many threads need new ones at once.

The threads belong to one process; kernels.py measures processes that share the store.
"""

from __future__ import annotations

import time
from typing import Any

from cognito_jupyter.local import LocalCognito
from tests.support.signing_threads import SigningThreads

from .implementations import API, implementations, signed_in, without_background_refresh
from .stage import Stage
from .table import Figure, Group, Reach, Samples

_THREADS = 256
_ROUNDS = 3
_ENDPOINTS = {"token endpoint": LocalCognito.REFRESH, "GetCredentialsForIdentity": LocalCognito.EXCHANGE}

_Counts = dict[str, int]


def measure_expiry(stage: Stage) -> Group:
    """Counts the calls of each endpoint."""
    package, reference = implementations()
    with stage.environment():
        counts = [_count_calls(package, stage) for _ in range(_ROUNDS)]
        reference_counts = [_count_calls(reference, stage) for _ in range(_ROUNDS)] if reference else None
    figures = tuple(_figure(name, counts, reference_counts) for name in _ENDPOINTS)
    return Group(f"Calls at one expiry, {_THREADS} threads of one process", figures)


def _figure(name: str, ours: list[_Counts], reference_counts: list[_Counts] | None) -> Figure:
    def samples(counts: list[_Counts]) -> Samples:
        return tuple(float(each[name]) for each in counts)

    one = (1.0,) * _ROUNDS
    return Figure(
        name,
        "calls",
        samples(ours),
        one,
        "one call",
        samples(reference_counts) if reference_counts is not None else None,
        Reach(1),
    )


def _count_calls(api: API, stage: Stage) -> _Counts:
    session = _about_to_expire(api, stage)
    time.sleep(2.2)
    stage.reset_knobs()
    stage.reset_counts()
    result = SigningThreads(session, _THREADS).run(0.0)
    if result.errors:
        raise RuntimeError(f"{result.errors} of {_THREADS} threads got no credentials, so the counts mean nothing.")
    return {name: stage.count(endpoint) for name, endpoint in _ENDPOINTS.items()}


def _about_to_expire(api: API, stage: Stage) -> Any:
    stage.set_knobs(id_token_seconds=2, credentials_seconds=2)
    return without_background_refresh(signed_in(api, stage)).make_refreshing_session()

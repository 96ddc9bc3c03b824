"""The actor of a Ray job, without Ray: it is a class of the standard library's asyncio."""

from __future__ import annotations

import asyncio

import pytest

from cognito_jupyter.sharing.ray_cluster import holder
from cognito_jupyter.sharing.ray_cluster.holder import CredentialsHolder


def test_a_share_ends_although_a_worker_that_it_waits_for_is_found_to_be_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holder, "POLL_TIMEOUT", 0.05)
    monkeypatch.setattr(holder, "_CONFIRM_TIMEOUT", 10.0)

    async def end_share() -> int:
        credentials = CredentialsHolder()
        # A worker that asks once, and is killed.
        await credentials.next_message("worker", 0)
        push = asyncio.create_task(credentials.push(None, 1))
        while not push.done():
            await asyncio.sleep(0.02)
            await credentials.status()
        return await push

    assert asyncio.run(end_share()) == 0

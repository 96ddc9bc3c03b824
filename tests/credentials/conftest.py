"""A laptop whose clock a test moves."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from cognito_jupyter.local import LocalCognito
from tests.support.laptop import SimulatedLaptop
from tests.support.polling import wait_until


@pytest.fixture
def laptop(cognito: LocalCognito) -> Iterator[SimulatedLaptop]:
    laptop = SimulatedLaptop(cognito)
    cognito.knobs.id_token_seconds = 86_400
    laptop.manager.refresh_user_pool_tokens()
    yield laptop
    laptop.manager.auth_tokens = None
    laptop.clock.advance(60)
    wait_until(lambda: not laptop.running)


@pytest.fixture
def short_lived(laptop: SimulatedLaptop, monkeypatch: pytest.MonkeyPatch) -> SimulatedLaptop:
    """A laptop with credentials of three minutes and id tokens of four; Cognito's clock stands still as the laptop's.

    So a machine that stands still lets none of them expire. AWS accepts a signature whose time differs by up to 15
    minutes, and clients sign with the real time: 14 steps of a minute outlive four credentials and three id tokens.
    """
    now = laptop.clock.now
    monkeypatch.setattr("cognito_jupyter.local.model.time", SimpleNamespace(time=lambda: now))
    laptop.cognito.knobs.credentials_seconds, laptop.cognito.knobs.id_token_seconds = 180, 240
    laptop.manager.refresh_user_pool_tokens()
    return laptop

"""A laptop whose clock a test moves."""

from __future__ import annotations

from collections.abc import Iterator

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

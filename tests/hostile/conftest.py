"""Fixtures of the attempts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cognito_jupyter.credentials.store.store import Store
from tests.credentials.store.sign_ins import KEY, make_sign_in

from .attempts import Attempts


@pytest.fixture
def attempts(request: pytest.FixtureRequest) -> Iterator[Attempts]:
    """Counts the attempts of one test, and fails it at its end if one of them does not hold."""
    counted = Attempts()
    yield counted
    counted.report(request.node.user_properties)


@pytest.fixture
def filled_store(tmp_path: Path) -> Store:
    """A store with a sign-in in it."""
    store = Store(KEY, tmp_path / "sign-ins")
    store.save_new(make_sign_in())
    return store

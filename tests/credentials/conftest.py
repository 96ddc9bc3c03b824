"""A store of one test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from cognito_jupyter.credentials.store import Store
from tests.credentials.stored import KEY, sign_in


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(KEY, tmp_path / "sign-ins")


@pytest.fixture
def kept(store: Store) -> Store:
    """A store with a sign-in in it."""
    store.create(sign_in())
    return store

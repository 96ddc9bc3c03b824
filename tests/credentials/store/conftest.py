"""A new store for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from cognito_jupyter.credentials.store.store import Store
from tests.credentials.store.sign_ins import KEY, make_sign_in


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(KEY, tmp_path / "sign-ins")


@pytest.fixture
def filled_store(store: Store) -> Store:
    """A store with a sign-in in it."""
    store.save_new(make_sign_in())
    return store

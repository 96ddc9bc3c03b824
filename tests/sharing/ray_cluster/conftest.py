"""Ray in all tests of this folder: on loopback only, from its first import."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .clusters import ON_LOOPBACK


@pytest.fixture(autouse=True, scope="session")
def ray_on_loopback() -> Iterator[None]:
    """Ray reads these variables when it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ON_LOOPBACK.items():
            patch.setenv(name, value)
        yield

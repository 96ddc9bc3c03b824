"""A pytest plugin: `local_cognito` for any project that wants to be tested against a Cognito.

Loaded by pytest in every environment that has this package, so nothing is imported before a fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .server import LocalCognito


@pytest.fixture(scope="session")
def local_cognito() -> Iterator[LocalCognito]:
    """A Cognito on this machine with S3 behind it, started once for all tests."""
    from .server import LocalCognito

    with LocalCognito() as cognito:
        yield cognito


@pytest.fixture
def local_cognito_environment(local_cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> LocalCognito:
    """The same, with its settings in this test's environment."""
    for name, value in local_cognito.environment.items():
        monkeypatch.setenv(name, value)
    return local_cognito

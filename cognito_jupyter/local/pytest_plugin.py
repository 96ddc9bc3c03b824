"""A pytest plugin with the fixture `local_cognito`, for any project that tests against a Cognito.

pytest loads it in every environment that has this package, so it imports nothing before a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cognito_jupyter import local


@pytest.fixture(scope="session")
def local_cognito() -> Iterator[local.LocalCognito]:
    """A Cognito on this machine with S3 behind it, started once for all tests."""
    with local.LocalCognito() as cognito:
        yield cognito


@pytest.fixture
def local_cognito_environment(local_cognito: local.LocalCognito, monkeypatch: pytest.MonkeyPatch) -> local.LocalCognito:
    """The same, with its settings in this test's environment.

    Args:
        local_cognito: The fixture above.
        monkeypatch: pytest's own fixture.
    """
    for name, value in local_cognito.environment.items():
        monkeypatch.setenv(name, value)
    return local_cognito

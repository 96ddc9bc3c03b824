"""One local Cognito, and one copy of the data set per case; each period is run once for all tests that use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cognito_jupyter.local import LocalCognito
from tests.conftest import manager_for

from .data import write_copies
from .period import CASES
from .stage import Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A local Cognito for these tests only, because its credentials live for seconds."""
    from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator

    with pytest.MonkeyPatch.context() as patch, LocalCognito() as cognito:
        for name, value in cognito.environment.items():
            patch.setenv(name, value)
        authenticator = CognitoOAuthAuthenticator(
            cognito.domain, cognito.client_id, cognito.redirect_uri, cognito.region, open_browser=False
        )
        manager = manager_for(cognito, authenticator)
        places = write_copies(cognito, manager, CASES.values(), tmp_path_factory.mktemp("tables"))
        yield Stage(cognito, places, tmp_path_factory.mktemp("home"))

"""A laptop on which a manager works, and the Cognito that it uses: the test moves both clocks."""

from __future__ import annotations

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.role_credentials import RoleCredentials
from cognito_jupyter.credentials.user_pool_tokens import UserPoolTokens
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from tests.conftest import manager_for
from tests.support.clock import FakeClock
from tests.support.polling import wait_until


class SimulatedLaptop:
    """A laptop and a Cognito, whose clocks the test moves together."""

    def __init__(self, cognito: LocalCognito) -> None:
        self.cognito = cognito
        self.clock = FakeClock()
        self.manager = self.new_manager("demo")

    def new_manager(self, username: str) -> CognitoCredentialsManager:
        cognito = self.cognito
        authenticator = CognitoOAuthAuthenticator(
            cognito.domain, cognito.client_id, cognito.redirect_uri, cognito.region, now=lambda: self.clock.now
        )
        return manager_for(cognito, authenticator, username, clock=self.clock.clock)

    def advance(self, seconds: float) -> None:
        """Lets time pass while the laptop is awake."""
        self.cognito.knobs.clock_offset += seconds
        self.clock.advance(seconds)
        if self.running:
            # The refresher may be about to sleep by the clock as it was before.
            self.manager._refresher.loop.ensure_running(run_now=True)

    def advance_when_idle(self, seconds: float) -> None:
        """Lets time pass once nothing is due; see `wait_until_nothing_is_due`."""
        wait_until_nothing_is_due(self.manager, self.clock)
        self.advance(seconds)

    def suspend(self, seconds: float) -> None:
        """Lets the laptop sleep, and wakes it up."""
        self.cognito.knobs.clock_offset += seconds
        self.clock.suspend(seconds)

    def count(self, endpoint: str) -> int:
        return self.cognito.counts[endpoint]

    @property
    def running(self) -> bool:
        return self.manager._refresher.loop.running

    def wait_for_refresher(self) -> None:
        """Waits until the refresher has run once more, or has ended."""
        seen = self.manager._refresher._last_seen_clocks
        self.advance(1)
        wait_until(lambda: self.manager._refresher._last_seen_clocks != seen or not self.running)


def wait_until_nothing_is_due(manager: CognitoCredentialsManager, clock: FakeClock) -> None:
    """Waits until the refresher has refreshed what is due: a clock that is moved during a request looks like a skew.

    Args:
        manager: The manager.
        clock: Its clock, which stands still meanwhile.
    """
    refreshed: list[UserPoolTokens | RoleCredentials] = [manager._tokens, *manager._role_credentials.values()]
    loop = manager._refresher.loop
    wait_until(lambda: not loop.running or all(each.refresh_due_at > clock.now for each in refreshed))

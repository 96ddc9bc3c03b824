"""A sign-in with an app client that has a secret, from the settings file to the end; nothing shows the secret."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.settings.toml_file import user_path
from tests.support.forked_commands import Commands
from tests.support.polling import wait_until
from tests.support.systems import needs_modes
from tests.support.terminal import run_command_in_terminal


class SecretTerminal:
    """Runs commands with an environment that has no client secret, and records what they print.

    Args:
        cognito: The Cognito to sign in at.
        commands: Starts the commands.
    """

    def __init__(self, cognito: LocalCognito, commands: Commands) -> None:
        self._commands = commands
        self._user = cognito.demo_user.username, cognito.demo_user.password
        self._secret = str(cognito.client_secret)
        self.environment = os.environ | cognito.environment
        del self.environment["COGNITO_CLIENT_SECRET"]

    def run(self, *words: str, code: int = 0) -> str:
        output = run_command_in_terminal(self._commands, words, self.environment, self._user, code=code)
        assert self._secret not in output
        return output


@pytest.fixture
def confidential() -> Iterator[LocalCognito]:
    """A Cognito whose app client has a secret."""
    with LocalCognito(aws=False, client_secret=True) as cognito:
        yield cognito


@pytest.fixture
def terminal(confidential: LocalCognito, own_environment: Path, commands: Commands) -> SecretTerminal:
    return SecretTerminal(confidential, commands)


def write_secret(cognito: LocalCognito, head: str = "") -> None:
    user_path().parent.mkdir(parents=True, exist_ok=True)
    user_path().write_text(f"{head}client_id = '{cognito.client_id}'\nclient_secret = '{cognito.client_secret}'\n")
    user_path().chmod(0o600)


def test_the_users_file_is_enough_from_the_login_to_the_logout(
    confidential: LocalCognito, terminal: SecretTerminal
) -> None:
    write_secret(confidential)
    terminal.run("login")
    (facts,) = json.loads(terminal.run("status", "--json"))
    # The tokens must be refreshed with the secret, by a process that knows the stored sign-in only.
    confidential.knobs.credentials_seconds = confidential.knobs.id_token_seconds = 1
    terminal.run("login", "--fresh")
    expired_at = time.time() + 1
    wait_until(lambda: time.time() > expired_at)
    terminal.environment = {
        name: value
        for name, value in terminal.environment.items()
        if not name.startswith("COGNITO_") or name == "COGNITO_JUPYTER_FOLDER"
    }
    confidential.knobs.credentials_seconds = confidential.knobs.id_token_seconds = 3600
    refreshes = confidential.counts[confidential.REFRESH]
    assert "AccessKeyId" in terminal.run("credential-process", facts["sign_in"])
    assert confidential.counts[confidential.REFRESH] == refreshes + 1
    terminal.run("logout", "--all")
    assert confidential.counts[confidential.REVOKE] == 1


def test_the_secret_of_a_profile_is_found_for_a_stored_sign_in(
    confidential: LocalCognito, terminal: SecretTerminal
) -> None:
    write_secret(confidential, "[profile.lab]\n")
    terminal.environment["COGNITO_PROFILE"] = "lab"
    terminal.run("login")
    del terminal.environment["COGNITO_PROFILE"]
    terminal.run("logout", "--all")
    assert confidential.counts[confidential.REVOKE] == 1


def test_without_the_secret_a_login_says_where_to_put_it(terminal: SecretTerminal) -> None:
    assert "set COGNITO_CLIENT_SECRET, or client_secret in your own settings file" in terminal.run("login", code=1)


@needs_modes
def test_a_file_that_others_can_read_is_not_used(confidential: LocalCognito, terminal: SecretTerminal) -> None:
    write_secret(confidential)
    user_path().chmod(0o644)
    assert "other users of this computer can read it" in terminal.run("login", code=1)

"""`cognito-jupyter doctor`, run as a user runs it; where a test is about more than its report, it is forked."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from tests.support.forked_commands import SCRIPT, Commands

AUTHORIZE = re.compile(r"https?://\S+/oauth2/authorize\?\S+")


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *options], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False
    )


def test_a_right_set_up_ends_with_0_and_a_wrong_one_with_1(cognito: LocalCognito, commands: Commands) -> None:
    right = run("doctor")
    assert right.returncode == 0, right.stdout
    assert right.stderr.startswith("Checking the set-up")
    assert "redirect URI\n  ok  " in right.stdout
    assert "versions\n  ok  Python " in right.stdout
    wrong = commands.run(["doctor", "--client-id", "abcdefghijklmnopqrstuvwxyz"])
    assert wrong.returncode == 1
    assert "FAIL  " in wrong.stdout
    assert "checks failed." in wrong.stdout


def test_json_is_all_that_is_printed_on_standard_output(cognito: LocalCognito) -> None:
    report = json.loads(run("doctor", "--json").stdout)
    assert report["failed"] is False
    assert {"topic", "verdict", "what", "remedy"} == set(report["checks"][0])


def sign_in_with_doctor(cognito: LocalCognito, commands: Commands) -> tuple[str, int]:
    """Runs `doctor --sign-in` and signs in; returns what it printed and its exit code."""
    command = commands.start_with_pipes(("doctor", "--sign-in", "--no-browser"), os.environ)
    shown = ""
    while (found := AUTHORIZE.search(shown)) is None:
        line = command.stderr.readline()
        assert line, shown
        shown += line
    submit_login(found[0], cognito.demo_user.username, cognito.demo_user.password)
    printed = command.stdout.read()
    return printed, command.wait(60)


def test_a_sign_in_tries_each_role_and_leaves_nothing(
    cognito: LocalCognito, own_environment: Path, commands: Commands
) -> None:
    printed, code = sign_in_with_doctor(cognito, commands)
    assert code == 0, printed
    for role in ("Analyst", "Uploader"):
        assert re.search(rf"ok  {role}.*: AWS gives credentials for it", printed), printed
    assert not list((own_environment / "state").rglob("*.sign-in"))
    assert cognito.counts[cognito.REVOKE] >= 1
    assert not [secret for secret in cognito.secrets if secret in printed]


def test_a_role_whose_trust_policy_refuses_is_red(cognito: LocalCognito, commands: Commands) -> None:
    cognito.knobs.fail(cognito.EXCHANGE, like="invalid-pool-configuration", times=None)
    printed, code = sign_in_with_doctor(cognito, commands)
    assert code == 1
    assert re.search(r"FAIL  Analyst.*: ", printed), printed


def test_a_login_that_fails_ends_with_the_name_of_the_doctor(
    cognito: LocalCognito, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without_client:
        without_client.delenv("COGNITO_CLIENT_ID")
        missing = commands.run(["login"])
    assert missing.returncode == 1
    refused = commands.run(["login", "--timeout", "1", "--no-browser"])
    assert refused.returncode == 1
    for failed in (missing, refused):
        # In brackets where the message ends with an address.
        assert failed.stderr.rstrip(" \n)").endswith("cognito-jupyter doctor in a terminal."), failed.stderr

"""Pools whose identity pool chooses the role: none is requested, wherever the sign-in is used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.remembered import default_store, load_manager
from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.errors import RoleError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.cognito.identity_pool import MappingRule, RoleMapping
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.settings import Settings
from cognito_jupyter.sharing.endpoint.share import share
from cognito_jupyter.sharing.profile.profile import write_profile
from tests.conftest import as_tokens
from tests.support.forked_commands import SCRIPT
from tests.support.notebook import Notebook, started_notebook
from tests.support.shared_kernels import configuration_from_environment


@pytest.fixture
def settings(cognito: LocalCognito) -> Settings:
    """Settings of a pool whose rule gives the demo user a role that the token does not name."""
    rule = MappingRule("email", "Equals", "demo@example.org", cognito.roles["Admin"])
    cognito.identity_pool.mapping = RoleMapping([rule])
    return Settings(configuration_from_environment(), role_selection="identity_pool", remember=True)


@pytest.fixture
def manager(cognito: LocalCognito, settings: Settings) -> CognitoCredentialsManager:
    """A manager that has just signed in and stored that."""
    authenticator = CognitoOAuthAuthenticator.from_settings(settings)
    manager = CognitoCredentialsManager.from_settings(settings, authenticator)
    manager.adopt_tokens(as_tokens(cognito.issue_tokens()), default_store(settings))
    return manager


def role_of(session: boto3.Session) -> str:
    return str(session.client("sts").get_caller_identity()["Arn"]).split("/")[1]


def test_the_identity_pools_rule_chooses_the_role(manager: CognitoCredentialsManager) -> None:
    assert manager.roles == ()
    assert manager.resolve_role() is None
    assert role_of(manager.make_session()) == "cognito-jupyter-Admin"
    assert role_of(manager.make_refreshing_session()) == "cognito-jupyter-Admin"
    manager.get_credentials()
    assert manager.last_role_suffix is None


def test_a_suffix_is_refused_without_a_request(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    before = cognito.counts.copy()
    with pytest.raises(RoleError, match="The identity pool chooses the role of this sign-in"):
        manager.ensure_credentials("Analyst")
    with pytest.raises(RoleError, match="role_selection"):
        manager.get_credentials(cognito.issue_tokens()["id_token"], "Analyst")
    assert cognito.counts == before


def test_by_token_the_same_pool_is_sent_the_users_role(cognito: LocalCognito, settings: Settings) -> None:
    by_token = replace(settings, role_selection="token")
    manager = CognitoCredentialsManager.from_settings(by_token, auth_tokens=as_tokens(cognito.issue_tokens()))
    assert role_of(manager.make_session()) == "cognito-jupyter-Analyst"


def test_a_share_has_the_role_that_the_identity_pool_chooses(manager: CognitoCredentialsManager) -> None:
    environ = {**os.environ}
    with share(manager, environ=environ):
        program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environ)
    assert "cognito-jupyter-Admin" in ran.stdout


def test_programs_without_settings_leave_the_choice_to_the_identity_pool_too(
    cognito: LocalCognito, manager: CognitoCredentialsManager, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`credential-process` reads the choice from the stored sign-in: at first, after a refresh, and from the cache."""
    manager.refresh_user_pool_tokens()
    for name in [name for name in os.environ if name.startswith("COGNITO_") and name != "COGNITO_JUPYTER_FOLDER"]:
        monkeypatch.delenv(name)
    name = default_store(settings).name
    keys = []
    for _ in range(2):
        ran = subprocess.run([SCRIPT, "credential-process", name], capture_output=True, text=True, check=True)
        printed = json.loads(ran.stdout)
        keys.append(printed["AccessKeyId"])
        session = boto3.Session(
            printed["AccessKeyId"], printed["SecretAccessKey"], printed["SessionToken"], region_name="us-east-1"
        )
        assert role_of(session) == "cognito-jupyter-Admin"
    assert keys[0] == keys[1]
    ran = subprocess.run(
        [SCRIPT, "credential-process", name, cognito.roles["Analyst"]], capture_output=True, text=True, check=False
    )
    assert "The identity pool chooses the role" in ran.stderr
    shown = subprocess.run([SCRIPT, "status"], capture_output=True, text=True, check=True).stdout
    assert "the identity pool's choice" in shown
    assert "ROLE_ARN" not in shown


def test_a_profile_names_no_role(manager: CognitoCredentialsManager) -> None:
    assert ":role/" not in write_profile(manager, "science").read_text(encoding="utf-8")


def test_a_restarted_kernel_and_a_changed_setting_are_honoured(
    manager: CognitoCredentialsManager, settings: Settings
) -> None:
    """The setting decides in a kernel, whatever was stored; programs without settings follow it."""
    restarted = load_manager(settings)
    assert restarted is not None
    assert restarted.resolve_role() is None
    by_token = load_manager(replace(settings, role_selection="token"))
    assert by_token is not None
    assert role_of(by_token.make_session()) == "cognito-jupyter-Analyst"
    stored = default_store(settings).read_sign_in()
    assert stored is not None
    assert stored.role_selection == "token"


# -- in a notebook


@pytest.fixture
def chooser_notebook(cognito: LocalCognito, settings: Settings, tmp_path: Path) -> Iterator[Notebook]:
    environment = clean_environment(tmp_path / "settings", cognito.environment)
    with started_notebook(cognito, environment | {"COGNITO_ROLE_SELECTION": "identity_pool"}) as notebook:
        yield notebook


def test_the_magics_show_and_use_the_role_that_the_identity_pool_chooses(chooser_notebook: Notebook) -> None:
    notebook = chooser_notebook
    assert "the pool's default role" in notebook.text("%cognito_login")
    arn = notebook.value("session.client('sts').get_caller_identity()['Arn']")
    assert "cognito-jupyter-Admin" in arn
    assert "The identity pool chooses the role" in notebook.text("%cognito_roles")
    assert "The identity pool chooses the role" in notebook.error("%cognito_login Analyst")
    assert "The identity pool chooses the role" in notebook.error("%cognito_share Analyst")
    notebook.text("%cognito_share")
    assert "cognito-jupyter-Admin" in notebook.value("__import__('boto3').client('sts').get_caller_identity()['Arn']")


def test_changing_the_setting_changes_the_role_of_the_session(chooser_notebook: Notebook) -> None:
    notebook = chooser_notebook
    notebook.text("%config CognitoMagics.role_selection = 'token'")
    assert "role cognito-jupyter-Uploader" in notebook.text("%cognito_login Uploader")
    notebook.text("%config CognitoMagics.role_selection = 'identity_pool'")
    assert "the pool's default role" in notebook.text("%cognito_login")
    assert "cognito-jupyter-Admin" in notebook.value("session.client('sts').get_caller_identity()['Arn']")
    assert notebook.user.login_count == 1

"""A role that an administrator grants after the sign-in, and the role of a user who names none."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import cognito_jupyter
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import RoleError, SignedOutError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.sharing.endpoint.share import share
from tests.conftest import as_tokens, credentials_of, manager_for
from tests.support.laptop import SimulatedLaptop
from tests.support.shared_kernels import new_manager, restart_kernel, store_in

MAY_BE_ADDED = "an administrator may still have to add you"


def grant(cognito: LocalCognito, *groups: str) -> None:
    """Adds the demo user to more groups; the tokens that are there do not know it."""
    user = cognito.demo_user
    cognito.pool.users[user.username] = replace(user, groups=(*user.groups, *groups))


WAYS_IN: tuple[Callable[[CognitoCredentialsManager], object], ...] = (
    lambda manager: manager.resolve_role("Admin"),
    lambda manager: manager.ensure_credentials("Admin"),
    lambda manager: manager.get_credentials(role_suffix="Admin"),
    lambda manager: manager.make_session("Admin"),
    lambda manager: manager.make_refreshing_session("Admin"),
    lambda manager: share(manager, ["Admin"], environ={}).close(),
)


def test_no_other_module_looks_for_a_role_in_the_token_alone() -> None:
    """So a role that was granted after the sign-in works wherever a suffix comes in.

    `credential-process` does, for credentials that are stored already, while Cognito cannot be reached.
    """
    modules = Path(cognito_jupyter.__file__).parent.rglob("*.py")
    callers = {path.name for path in modules if "choose_role(" in path.read_text(encoding="utf-8")}
    assert callers == {"roles.py", "role_lookup.py", "credential_process.py"}


@pytest.mark.parametrize("use", WAYS_IN)
def test_a_role_granted_after_the_sign_in_needs_no_new_login(
    cognito: LocalCognito, manager: CognitoCredentialsManager, use: Callable[[CognitoCredentialsManager], object]
) -> None:
    manager.ensure_credentials("Analyst")
    grant(cognito, "Admin")
    before = cognito.counts[cognito.REFRESH]
    use(manager)
    assert cognito.roles["Admin"] in manager.roles
    assert cognito.counts[cognito.REFRESH] == before + 1


def test_a_first_role_granted_after_the_sign_in_is_found_too(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    cognito.add_user("newcomer", "pw")
    manager = manager_for(cognito, authenticator, "newcomer")
    assert manager.roles == ()
    cognito.pool.users["newcomer"] = replace(cognito.pool.users["newcomer"], groups=("Analyst",))
    assert manager.resolve_role("Analyst") == cognito.roles["Analyst"]


def test_an_unknown_suffix_has_the_tokens_refreshed_once_a_minute(laptop: SimulatedLaptop) -> None:
    """The message says which roles there are, that an administrator may still have to act, and when to try again."""
    laptop.advance(60)
    before = laptop.count(LocalCognito.REFRESH)
    with pytest.raises(RoleError, match=rf"This sign-in allows: Analyst, Uploader\..*{MAY_BE_ADDED}"):
        laptop.manager.resolve_role("Admin")
    laptop.advance(59)
    grant(laptop.cognito, "Admin")
    for _ in range(10):
        with pytest.raises(RoleError, match=r"This sign-in allows: Analyst, Uploader\..*try again in a minute"):
            laptop.manager.resolve_role("Admin")
    assert laptop.count(LocalCognito.REFRESH) == before + 1
    laptop.advance(1)
    assert laptop.manager.resolve_role("Admin") == laptop.cognito.roles["Admin"]
    assert laptop.count(LocalCognito.REFRESH) == before + 2


def test_many_threads_with_an_unknown_suffix_refresh_once(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    def resolve(_: int) -> str:
        with pytest.raises(RoleError) as raised:
            manager.resolve_role("Nobody")
        return str(raised.value)

    before = cognito.counts[cognito.REFRESH]
    with ThreadPoolExecutor(20) as pool:
        assert all("This sign-in allows: Analyst, Uploader." in text for text in pool.map(resolve, range(60)))
    assert cognito.counts[cognito.REFRESH] == before + 1


def test_a_suffix_that_fits_a_role_or_several_makes_no_request(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    roles = [cognito.roles["Analyst"], cognito.roles["Analyst"].replace("Analyst", "SeniorAnalyst")]
    claims: dict[str, Any] = {"cognito:roles": roles}
    manager = manager_for(cognito, authenticator, **claims)
    before = cognito.counts.copy()
    assert manager.resolve_role("SeniorAnalyst") == roles[1]
    with pytest.raises(RoleError, match="2 roles end with 'Analyst'"):
        manager.resolve_role("Analyst")
    assert cognito.counts == before


def test_a_failed_look_for_new_roles_leaves_tokens_and_credentials_in_place(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    credentials, tokens = manager.ensure_credentials("Analyst"), manager.auth_tokens
    cognito.knobs.fail(cognito.REFRESH, status=503, times=None)
    with pytest.raises(RoleError, match=r"This sign-in allows: Analyst, Uploader\. New roles could not be looked for"):
        manager.resolve_role("Admin")
    assert manager.auth_tokens is tokens
    assert manager.ensure_credentials() == credentials


def test_a_sign_in_that_has_ended_is_named_instead_of_the_role(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """A new login gives tokens with all roles, so it comes first."""
    assert manager.authenticator is not None
    manager.authenticator.revoke(str(dict(manager.auth_tokens or {})["refresh_token"]))
    with pytest.raises(SignedOutError):
        manager.resolve_role("Admin")
    assert manager.ended


@pytest.mark.parametrize("missing", ["authenticator", "refresh_token"])
def test_without_the_means_to_refresh_the_roles_of_the_token_are_named(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator, missing: str
) -> None:
    manager = manager_for(cognito, authenticator)
    if missing == "authenticator":
        manager.authenticator = None
    else:
        manager.auth_tokens = as_tokens({**cognito.issue_tokens(), "refresh_token": ""})
    with pytest.raises(RoleError, match=rf"This sign-in allows: Analyst, Uploader\..*{MAY_BE_ADDED}"):
        manager.resolve_role("Admin")


def test_an_id_token_of_the_caller_is_not_refreshed(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    id_token = cognito.issue_tokens()["id_token"]
    grant(cognito, "Admin")
    before = cognito.counts.copy()
    with pytest.raises(RoleError, match="This sign-in allows: Analyst, Uploader"):
        manager.get_credentials(id_token, "Admin")
    assert cognito.counts == before


# -- several kernels


def test_a_kernel_that_finds_old_tokens_of_another_kernel_refreshes_them_itself(
    cognito: LocalCognito, tmp_path: Path
) -> None:
    """The other kernel refreshed before the role was granted."""
    cognito.knobs.id_token_seconds = 86_400
    new_manager().adopt_tokens(as_tokens(cognito.issue_tokens()), store_in(tmp_path / "sign-ins"))
    mine, other = restart_kernel(tmp_path / "sign-ins"), restart_kernel(tmp_path / "sign-ins")
    cognito.knobs.clock_offset = -120
    other.refresh_user_pool_tokens()
    cognito.knobs.clock_offset = 0
    grant(cognito, "Admin")
    assert mine.resolve_role("Admin") == cognito.roles["Admin"]


def test_processes_that_start_again_and_again_refresh_once_a_minute(cognito: LocalCognito, tmp_path: Path) -> None:
    """AWS's tools start `credential-process` for each need: a withdrawn role must not load the token endpoint."""
    cognito.knobs.clock_offset -= 600
    new_manager().adopt_tokens(as_tokens(cognito.issue_tokens()), store_in(tmp_path / "sign-ins"))
    cognito.knobs.clock_offset = 0
    before = cognito.counts[cognito.REFRESH]
    for _ in range(5):
        with pytest.raises(RoleError):
            restart_kernel(tmp_path / "sign-ins").resolve_role("Nobody")
    assert cognito.counts[cognito.REFRESH] == before + 1


# -- the role of a user who names none


def test_the_preferred_role_is_used_where_the_user_names_none(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    """A lambda of the user pool may prefer another role than the first."""
    claims: dict[str, Any] = {"cognito:preferred_role": cognito.roles["Uploader"]}
    manager = manager_for(cognito, authenticator, **claims)
    assert manager.roles[0] == cognito.roles["Analyst"]
    assert manager.select_role() == cognito.roles["Uploader"]
    assert manager.select_role("Analyst") == cognito.roles["Analyst"]
    assert manager.select_role() == cognito.roles["Analyst"]


def test_without_a_preferred_role_in_the_token_the_first_role_is_used(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    """It is not safe to expect one: https://github.com/rollthecloudinc/hedge/issues/238 shows a token without."""
    cognito.knobs.preferred_role = False
    manager = manager_for(cognito, authenticator)
    assert "cognito:preferred_role" not in manager.claims
    assert manager.select_role() == cognito.roles["Analyst"]


def test_a_new_role_that_fits_the_last_suffix_too_does_not_change_the_users_role(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    manager.select_role("Analyst")
    cognito.add_group("Senior", f"{cognito.roles['Analyst'].removesuffix('Analyst')}SeniorAnalyst", 9)
    grant(cognito, "Senior")
    manager.refresh_user_pool_tokens()
    assert len(manager.roles) == 3
    assert manager.resolve_role() == cognito.roles["Analyst"]
    with pytest.raises(RoleError, match=r"Choose one of: jupyter-Analyst, SeniorAnalyst\."):
        manager.resolve_role("Analyst")


def test_a_session_of_the_old_role_goes_on_after_the_look_for_a_new_one(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    analyst = credentials_of(manager, "Analyst")
    grant(cognito, "Admin")
    key = analyst.get_frozen_credentials().access_key
    manager.select_role("Admin")
    assert analyst.get_frozen_credentials().access_key == key

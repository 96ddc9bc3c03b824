"""The operations of the identity pool run without sending anything, so that the first call finds botocore ready."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from cognito_jupyter.credentials.identity_pool.dry_run import run_without_sending
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito


@pytest.fixture
def client(manager: CognitoCredentialsManager) -> Any:
    """The botocore client of a manager's identity pool."""
    return manager._identity_pool._begin_call()


def test_both_operations_run_and_no_request_is_made(client: Any, cognito: LocalCognito) -> None:
    before, operations = cognito.counts.copy(), []
    client.meta.events.register("after-call.cognito-identity", lambda model, **_: operations.append(model.name))
    run_without_sending(client)
    assert operations == ["GetId", "GetCredentialsForIdentity"]
    assert not cognito.counts - before


def test_another_thread_gets_a_real_response_in_the_meantime(
    client: Any, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    identities: list[str] = []
    tokens = manager.auth_tokens
    assert tokens is not None
    logins = {f"cognito-idp.us-east-1.amazonaws.com/{cognito.user_pool_id}": str(tokens["id_token"])}

    def call_for_real() -> None:
        response = client.get_id(IdentityPoolId=cognito.identity_pool_id, Logins=logins)
        identities.append(response["IdentityId"])

    def call_in_another_thread(**_: object) -> None:
        if not identities and threading.current_thread() is threading.main_thread():
            thread = threading.Thread(target=call_for_real, daemon=True)
            thread.start()
            thread.join(30)

    client.meta.events.register("before-call.cognito-identity", call_in_another_thread)
    run_without_sending(client)
    assert identities[0].startswith("us-east-1:")


def test_a_real_call_after_it_is_sent(client: Any, manager: CognitoCredentialsManager, cognito: LocalCognito) -> None:
    run_without_sending(client)
    before = cognito.counts.copy()
    assert manager.get_credentials()["access_key_id"] != "none"
    assert (cognito.counts - before)["GetCredentialsForIdentity"] == 1

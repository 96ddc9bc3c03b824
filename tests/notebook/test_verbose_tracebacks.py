"""A notebook whose tracebacks show variables, and whose cells end with what tokens are in, shows no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cognito_jupyter.local import LocalCognito
from tests.support.notebook import Notebook

USE_TOKENS = """
import json
def use(tokens, numerator):
    copied, header = dict(tokens), {"Authorization": "Bearer " + tokens["access_token"]}
    key = credentials["secret_access_key"]
    return numerator / 0
credentials = cognito.get_credentials()
use(cognito.auth_tokens, 1)
"""
EXCHANGE = """
cognito.authenticator.exchange_code_for_tokens("4321-edoc-na"[::-1] * 3, "niamer-reifirev-a"[::-1] * 3)
"""
READ_WITHOUT_CREDENTIALS = """
for role in cognito._role_credentials.values():
    role.cached = None
session.client("s3").list_buckets()
"""
REFUSED = {"status": 400, "body": '{"error": "invalid_grant", "__type": "NotAuthorizedException"}'}
FAILURES: dict[str, tuple[str, dict[str, Any], str]] = {
    "a refused refresh": (LocalCognito.REFRESH, REFUSED, "cognito.refresh_user_pool_tokens()"),
    "a refresh without a response": (LocalCognito.REFRESH, {"kind": "drop"}, "cognito.refresh_user_pool_tokens()"),
    "a refused code": (LocalCognito.CODE_EXCHANGE, REFUSED, EXCHANGE),
    "a refused exchange": (LocalCognito.EXCHANGE, REFUSED, "cognito.get_credentials()"),
    "a read without credentials": (LocalCognito.EXCHANGE, REFUSED, READ_WITHOUT_CREDENTIALS),
    "the user's own fault": (LocalCognito.REVOKE, REFUSED, USE_TOKENS),
}
"""By what fails: the endpoint that fails, how it does, and the cell that meets it."""
VIEWS = """
display(t, t.copy(), dict(t), t | {}, {} | t, t.items(), t.values(), list(t.values()), {**t}, t["id_token"])
display(cognito.credentials, dict(cognito.credentials), cognito.creds_response, cognito.creds_response["Credentials"])
display(list(cognito.credentials.values()), session.get_credentials().get_frozen_credentials()[1:])
"""
"""What a user may look at."""


def search(shown: str, cognito: LocalCognito) -> list[str]:
    """Returns the beginnings of the secrets that were shown; rich shows no more than 80 characters of a text."""
    secrets = cognito.secrets | {"an-code-1234" * 3, "a-verifier-remain" * 3}
    return [secret[:8] for secret in secrets if len(secret) > 20 and (secret[:12] in shown or secret[-12:] in shown)]


@pytest.mark.parametrize("tool", ["%xmode Verbose", "import rich.traceback; rich.traceback.install(show_locals=True)"])
def test_verbose_tracebacks_show_no_secret(notebook: Notebook, cognito: LocalCognito, tool: str) -> None:
    notebook.text("%load_ext cognito_jupyter\n%cognito_login")
    notebook.text("cognito.get_credentials() and None")
    notebook.text(tool)
    notebook.text("cognito.refresh_user_pool_tokens() and None")
    # The user's own fault first: after the refused refresh the sign-in has ended.
    for failure, (endpoint, fault, cell) in reversed(FAILURES.items()):
        cognito.knobs.fail(endpoint, times=None, **fault)
        run = notebook.run(cell)
        shown = json.dumps([run.error, run.outputs, run.text])
        # A sign-in that has ended is told in one sentence; the user's own fault is shown with its variables.
        assert "numerator" in shown or cell is not USE_TOKENS, failure
        assert search(shown, cognito) == [], failure
        cognito.knobs.faults.clear()
    plain = notebook.run(f"def show(plain):\n    return 1 / 0\nshow('{next(iter(cognito.secrets))}'[:60])")
    assert "plain" in json.dumps([plain.error, plain.outputs])


def test_tokens_at_a_cells_end_and_in_store_show_no_secret(notebook: Notebook, cognito: LocalCognito) -> None:
    notebook.text("%load_ext cognito_jupyter\n%cognito_login")
    notebook.text("cognito.get_credentials() and None\nt = cognito.auth_tokens")
    run = notebook.run(VIEWS)
    assert run.error is None
    assert "id_token" in json.dumps(run.outputs)
    assert search(json.dumps([run.outputs, run.text]), cognito) == []
    refused = notebook.run("copied = dict(t)\n%store copied")
    assert "they stay in this process" in json.dumps([refused.error, refused.outputs])
    assert search(json.dumps([refused.error, refused.outputs]), cognito) == []

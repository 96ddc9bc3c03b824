"""A sign-in that ends in the middle of work: each cell that needs it shows one sentence, which names the command."""

from __future__ import annotations

from cognito_jupyter.local import LocalCognito
from tests.support.notebook import Notebook

REVOKE = "cognito.authenticator.revoke(cognito.auth_tokens['refresh_token'])"
AGAIN = "Sign in again: %cognito_login in a notebook, cognito-jupyter login in a terminal."
EXPIRE = """
import time
role = next(iter(cognito._role_credentials.values()))
while role.cached is not None and role.cached_if_usable() is not None:
    time.sleep(0.05)
"""
EXPIRE_ID_TOKEN = """
while time.time() < cognito.claims["exp"]:
    time.sleep(0.05)
"""
READ = 'client.list_objects_v2(Bucket="cognito-jupyter-demo")'
WORK = (
    READ,
    f"%xmode Verbose\n{READ}",
    f"from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor(1).submit(lambda: {READ}).result()",
    f"import asyncio\nawait asyncio.to_thread(lambda: {READ})",
    "session.client('s3').generate_presigned_url('get_object', Params={'Bucket': 'b', 'Key': 'k'})",
    "cognito.ensure_credentials()",
    "cognito.make_refreshing_session()",
)


def shown_lines(notebook: Notebook, code: str) -> list[str]:
    """Returns the lines of the error that a cell displays, without the line that a magic prints."""
    return [line for line in notebook.error(code).splitlines() if line.strip()]


def test_work_after_the_user_pool_has_ended_the_sign_in_shows_one_line(
    cognito: LocalCognito, notebook: Notebook
) -> None:
    cognito.knobs.id_token_seconds, cognito.knobs.credentials_seconds = 3, 3
    notebook.text("%cognito_login --role-suffix Analyst")
    notebook.text(f"client = session.client('s3')\n{READ}")
    notebook.text(REVOKE)
    # A valid id token would bring new credentials: it may have been refreshed later than they.
    notebook.text(f"{EXPIRE}{EXPIRE_ID_TOKEN}")
    for code in WORK:
        lines = shown_lines(notebook, code)
        assert len(lines) == 1, (code, lines)
        assert lines[0].endswith(AGAIN), (code, lines)


def test_the_status_of_an_ended_sign_in_says_so_and_names_the_command(notebook: Notebook) -> None:
    """It says "Signed in" before; it does not say that anything is renewed after."""
    notebook.text("%cognito_login --role-suffix Analyst")
    assert "account 123456789012, region us-east-1; keys until" in notebook.text("%cognito_status")
    notebook.text(f"{REVOKE}\ntry:\n    cognito.refresh_user_pool_tokens()\nexcept PermissionError:\n    pass")
    status = notebook.text("%cognito_status")
    assert status.startswith("Your sign-in has ended\n")
    assert "Sign in again by %cognito_login, and this notebook's session works again." in status
    assert "renewed automatically" not in status
    assert "Stays signed in" not in status


def test_work_after_signing_out_shows_one_line_and_a_failure_of_the_network_too(
    cognito: LocalCognito, notebook: Notebook
) -> None:
    cognito.knobs.id_token_seconds, cognito.knobs.credentials_seconds = 60, 2
    notebook.text("%cognito_login --role-suffix Analyst")
    notebook.text(f"client, manager = session.client('s3'), cognito\n{READ}")
    cognito.knobs.fail(LocalCognito.EXCHANGE, status=400, body="{}", times=None)
    cognito.knobs.fail(LocalCognito.GET_ID, status=400, body="{}", times=None)
    notebook.text(EXPIRE)
    assert len(shown_lines(notebook, READ)) == 1
    notebook.text("%cognito_logout")
    assert shown_lines(notebook, READ) == [
        f"You are signed out, so this session has no AWS credentials any more. {AGAIN}"
    ]


def test_the_debugger_still_has_the_traceback(notebook: Notebook) -> None:
    lines = shown_lines(notebook, "from cognito_jupyter import errors\nraise errors.RefusedError('No.', 'Ask.')")
    assert lines == ["No. Ask."]
    assert notebook.value("__import__('sys').last_traceback is not None") == "True"

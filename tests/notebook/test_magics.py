"""Status, roles, logout; loading, reloading and unloading; completion and help."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cognito_jupyter.local import LocalCognito
from tests.support.notebook import Notebook
from tests.support.polling import wait_until

NOT_SIGNED_IN = "You are not signed in. Run %cognito_login."


@pytest.mark.parametrize("magic", ["%cognito_status", "%cognito_roles", "%cognito_logout"])
def test_before_a_sign_in_each_magic_says_so(unchanged_notebook: Notebook, magic: str) -> None:
    assert unchanged_notebook.text(magic).strip() == NOT_SIGNED_IN
    assert "takes no arguments" in unchanged_notebook.error(f"{magic} now")


def test_status_shows_user_role_expiry_and_variables(notebook: Notebook) -> None:
    notebook.text("%cognito_login --role-suffix Analyst")
    run = notebook.run("%cognito_status")
    for part in ("demo (demo@example.org)", "session", "role cognito-jupyter-Analyst", "keys until", "cognito"):
        assert part in run.text
    page = run.outputs[0]["data"]["text/html"]
    assert "<table>" in page
    assert "<caption" in page


def test_where_the_user_name_is_an_id_the_user_is_named_by_the_e_mail_address(
    notebook: Notebook, cognito: LocalCognito
) -> None:
    """As in pools that users sign in to by e-mail address."""
    cognito.knobs.username_is_sub = True
    shown = notebook.text("%cognito_login") + notebook.text("%cognito_status")
    assert shown.count("demo@example.org") == 2
    assert cognito.demo_user.sub not in shown


def test_text_from_outside_is_escaped(notebook: Notebook, cognito: LocalCognito) -> None:
    cognito.pool.users["demo"] = replace(cognito.demo_user, email='<img src=x onerror="alert(1)">@example.org')
    notebook.text("%cognito_login")
    page = notebook.run("%cognito_status").outputs[0]["data"]["text/html"]
    assert "<img" not in page
    assert "&lt;img" in page


def test_roles_shows_the_suffix_of_each_and_which_is_in_use(notebook: Notebook) -> None:
    notebook.text("%cognito_login --role-suffix Uploader --name uploads")
    lines = notebook.text("%cognito_roles").splitlines()
    assert any(line.split()[0] == "Analyst" for line in lines[2:])
    assert any(line.split() == ["Uploader", *line.split()[1:2], "uploads"] for line in lines[2:])


def test_logout_revokes_and_removes_only_variables_that_are_unchanged(
    notebook: Notebook, cognito: LocalCognito
) -> None:
    notebook.text("%cognito_login --role-suffix Analyst")
    notebook.text("%cognito_login --role-suffix Uploader --name uploads")
    notebook.text("old, token, session = session, cognito.auth_tokens['refresh_token'], 'mine now'")
    run = notebook.run("%cognito_logout")
    assert "cognito, uploads" in run.text
    assert "within an hour" in run.text
    assert f"{cognito.domain}/logout?client_id={cognito.client_id}" in run.outputs[0]["data"]["text/html"]
    assert notebook.value("session, 'uploads' in globals(), 'cognito' in globals()") == "mine now False False"
    assert "You are signed out" in notebook.error("old.client('s3').list_buckets()")
    again = "from cognito_jupyter import CognitoOAuthAuthenticator as A\n"
    again += f"A({cognito.domain!r}, {cognito.client_id!r}, {cognito.redirect_uri!r}).refresh_tokens(token)"
    assert "has ended" in notebook.error(again) or "expired" in notebook.error(again)
    assert notebook.text("%cognito_status").strip() == NOT_SIGNED_IN


def test_logout_clears_everything_even_when_cognito_cannot_be_reached(
    notebook: Notebook, cognito: LocalCognito
) -> None:
    notebook.text("%cognito_login")
    cognito.knobs.fail(cognito.REVOKE, status=503, times=None)
    error = notebook.error("%cognito_logout")
    assert "503" in error
    assert notebook.value("'session' in globals(), 'cognito' in globals()") == "False False"
    assert notebook.text("%cognito_status").strip() == NOT_SIGNED_IN


def test_loading_twice_changes_nothing(notebook: Notebook) -> None:
    notebook.text("%cognito_login")
    notebook.run("%load_ext cognito_jupyter")
    assert "Signed in" in notebook.text("%cognito_status")


def test_reloading_leaves_one_instance(notebook: Notebook) -> None:
    notebook.text("%reload_ext cognito_jupyter")
    count = "sum(type(c).__name__ == 'CognitoMagics' for c in get_ipython().configurables)"
    assert notebook.value(count) == "1"
    notebook.text("%cognito_login")
    assert "Signed in" in notebook.text("%cognito_status")


SHELL_STATE = """
ip = get_ipython()
print({
    "magics": sorted(name for kind in ip.magics_manager.magics.values() for name in kind if "cognito" in name),
    "registry": [name for name in ip.magics_manager.registry if "ognito" in name],
    "configurables": [type(c).__name__ for c in ip.configurables if "ognito" in type(c).__name__],
    "hooks": {name: sorted(chains.strs) for name, chains in ip.strdispatchers.items()},
    "matchers": len(ip.Completer.custom_matchers),
    "events": {name: len(calls) for name, calls in ip.events.callbacks.items()},
    "variables": sorted(n for n in ("session", "cognito") if n in globals()),
})
"""


THREADS = """
import threading
THREADS = lambda: [thread for thread in threading.enumerate() if thread.name.startswith("cognito")]
"""


def test_unloading_undoes_everything(notebook: Notebook) -> None:
    """Also the variables of a sign-in; the shell is as it was before loading."""
    notebook.text("%unload_ext cognito_jupyter")
    before = notebook.text(f"{THREADS}\n{SHELL_STATE}")
    notebook.text("%load_ext cognito_jupyter")
    notebook.text("%cognito_login")
    assert notebook.text(SHELL_STATE) != before
    names = "[thread.name for thread in THREADS()]"
    wait_until(lambda: notebook.value(names) == "['cognito-refresh']", lambda: notebook.value(names))
    notebook.text("%unload_ext cognito_jupyter")
    assert notebook.text(SHELL_STATE) == before
    wait_until(lambda: notebook.value(names) == "[]", lambda: notebook.value(names))
    assert "not found" in notebook.run("%cognito_status").text + str(notebook.run("%cognito_status").error)


def completions(notebook: Notebook, line: str) -> list[str]:
    client = notebook.kernel.client
    reply = client.complete(line, reply=True, timeout=30)
    matches: list[str] = reply["content"]["matches"]
    return matches


def test_tab_completes_options_and_roles(notebook: Notebook) -> None:
    assert "--role-suffix" in completions(notebook, "%cognito_login --ro")
    assert not {"Analyst", "Uploader"} & set(completions(notebook, "%cognito_login --role-suffix "))
    notebook.text("%cognito_login")
    assert completions(notebook, "%cognito_login --role-suffix A") == ["Analyst"]
    assert set(completions(notebook, "%cognito_login -r ")) >= {"Analyst", "Uploader"}
    assert completions(notebook, "%cognito_login Up") == ["Uploader"]


@pytest.mark.parametrize(
    "magic", ["cognito_login", "cognito_status", "cognito_roles", "cognito_logout", "cognito_share", "cognito_profile"]
)
def test_each_magic_explains_itself(unchanged_notebook: Notebook, magic: str) -> None:
    client = unchanged_notebook.kernel.client
    reply = client.inspect(f"%{magic}", detail_level=0, reply=True, timeout=30)
    text = reply["content"]["data"]["text/plain"]
    assert "Docstring" in text
    assert len(text.splitlines()) <= 26, "it fits a screen"
    if magic == "cognito_login":
        for option in (
            "--role-suffix",
            "--name",
            "--manager-name",
            "--profile",
            "--paste",
            "--no-browser",
            "--timeout",
        ):
            assert option in text

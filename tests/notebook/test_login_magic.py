"""%cognito_login in a real kernel: the listener, the paste box, the stop button, Run All."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cognito_jupyter.demo.kernel import Kernel
from cognito_jupyter.local import LocalCognito
from tests.support.notebook import READS_S3, Notebook, NotebookUser, stop_at_link
from tests.support.polling import wait_until
from tests.support.printed_login import AUTHORIZE_URL

OPEN_RESOURCES = """
import threading, psutil
me = psutil.Process()
print(sorted(t.name for t in threading.enumerate() if t.name.startswith("cognito")),
      [c.laddr.port for c in me.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port in PORTS],
      [child.name() for child in me.children(recursive=True)])
"""


def ports(cognito: LocalCognito) -> list[int]:
    return [int(uri.rpartition(":")[2]) for uri in cognito.redirect_uri.split()]


def open_resources(notebook: Notebook, cognito: LocalCognito) -> str:
    return notebook.text(f"PORTS = {ports(cognito)}\n{OPEN_RESOURCES}").strip()


def wait_for_open_resources(notebook: Notebook, cognito: LocalCognito, expected: str) -> None:
    """Waits until no more is open than expected: a login's thread closes the listener after the cell has its result."""
    wait_until(lambda: open_resources(notebook, cognito).endswith(expected), lambda: open_resources(notebook, cognito))


@pytest.mark.first_login
def test_one_sign_in_and_the_next_cell_reads_s3(notebook: Notebook, cognito: LocalCognito) -> None:
    shown = notebook.text("%cognito_login --role-suffix Analyst")
    assert "demo (demo@example.org)" in shown
    assert "role cognito-jupyter-Analyst" in shown
    assert notebook.text(READS_S3) == "361\n"
    assert cognito.aws.proxy.requests[-1].role_arn == cognito.roles["Analyst"]


@pytest.mark.first_login
def test_the_link_is_removed_from_the_output_when_the_login_ends(notebook: Notebook) -> None:
    """State and nonce stay in no saved notebook."""
    run = notebook.run("%cognito_login")
    assert notebook.user.login_count == 1
    assert "/oauth2/authorize" not in str(run.outputs)


def test_a_second_login_is_silent(notebook: Notebook) -> None:
    notebook.text("%cognito_login --role-suffix Analyst")
    assert notebook.text("%cognito_login --role-suffix Analyst") == ""
    assert notebook.text("%cognito_login") == ""
    assert notebook.user.login_count == 1


def test_changing_the_role_needs_no_new_login(notebook: Notebook, cognito: LocalCognito) -> None:
    notebook.text("%cognito_login --role-suffix Analyst")
    assert "role cognito-jupyter-Uploader" in notebook.text("%cognito_login --role-suffix Uploader")
    notebook.text(READS_S3)
    assert cognito.aws.proxy.requests[-1].role_arn == cognito.roles["Uploader"]
    assert notebook.user.login_count == 1


def test_the_role_needs_no_option(notebook: Notebook, cognito: LocalCognito) -> None:
    """As in %cognito_share; the option still works, before and after other ones."""
    assert "role cognito-jupyter-Uploader" in notebook.text("%cognito_login Uploader")
    assert "role cognito-jupyter-Analyst" in notebook.text("%cognito_login --no-browser Analyst --timeout 60")
    assert "role cognito-jupyter-Uploader" in notebook.text("%cognito_login Uploader -r Uploader")
    assert notebook.value("cognito.last_role_suffix") == "Uploader"
    assert notebook.user.login_count == 1


def test_a_role_granted_after_the_sign_in_needs_no_new_login(notebook: Notebook, cognito: LocalCognito) -> None:
    """By the magics and by the panel alike."""
    notebook.text("%cognito_login Analyst")
    cognito.pool.users["demo"] = replace(cognito.demo_user, groups=("Admin", "Analyst", "Uploader"))
    assert "Admin" not in notebook.text("%cognito_roles").partition("granted")[0]
    assert "role cognito-jupyter-Admin" in notebook.text("%cognito_share Admin")
    assert "role cognito-jupyter-Admin" in notebook.text("%cognito_login Admin")
    assert notebook.user.login_count == 1


@pytest.mark.parametrize("line", ["{}", "Analyst {}", "-r {}", "--timeout {}", "--nonsense={}"])
def test_the_address_after_a_sign_in_is_never_repeated_from_a_line(unchanged_notebook: Notebook, line: str) -> None:
    """argparse's own message would show it, and the role's too; both would be saved with the notebook."""
    address = "http://localhost:3000/?code=5f0e6b7c-secret&state=abc"
    for magic in ("%cognito_login", "%cognito_share", "%cognito_profile"):
        run = unchanged_notebook.run(f"{magic} {line.format(address)}")
        assert run.error is not None
        assert "paste the address into the box below the link" in run.error
        assert "5f0e6b7c" not in run.error + run.text
    assert unchanged_notebook.user.login_count == 0


def test_switching_accounts_makes_cognito_request_a_login(notebook: Notebook, cognito: LocalCognito) -> None:
    notebook.text("%cognito_login Analyst")
    shown: list[str] = []

    def on_output(text: str) -> None:
        shown.append(text)
        notebook.user.on_output(text)

    run = notebook.kernel.run_cell("%cognito_login --switch-account", on_output=on_output)
    assert run.error is None
    assert any("prompt=login" in text for text in shown)
    assert "the same user as before" in run.text
    assert notebook.user.login_count == 2
    assert notebook.text("%cognito_login") == ""


def test_a_role_that_does_not_exist_leaves_the_sign_in_valid(notebook: Notebook) -> None:
    """The message names the roles there are, and choosing one of them needs no browser."""
    assert "This sign-in allows: Analyst, Uploader." in notebook.error("%cognito_login --role-suffix Nobody")
    notebook.text("%cognito_login --role-suffix Analyst")
    assert notebook.user.login_count == 1


def test_quotes_around_a_role_are_removed(notebook: Notebook) -> None:
    assert "role cognito-jupyter-Analyst" in notebook.text("%cognito_login -r \"Analyst\" --name 'data'")
    assert notebook.value("isinstance(data, __import__('boto3').Session)") == "True"


def test_the_names_of_the_variables_can_be_chosen(notebook: Notebook) -> None:
    notebook.text("%config CognitoMagics.manager_name = 'who'")
    notebook.text("%cognito_login --name s1 --role-suffix Analyst")
    assert notebook.value("'s1' in globals(), 'who' in globals(), 'session' in globals(), 'cognito' in globals()") == (
        "True True False False"
    )


def test_a_name_that_holds_something_else_is_refused_before_the_browser_opens(notebook: Notebook) -> None:
    notebook.text("session = 'my work of the morning'")
    error = notebook.error("%cognito_login")
    assert "The variable session already holds something else" in error
    assert "--name" in error
    assert notebook.user.login_count == 0
    assert notebook.value("session") == "my work of the morning"


@pytest.mark.first_login
def test_a_url_pasted_from_another_computer_signs_in(cognito: LocalCognito, environment: dict[str, str]) -> None:
    """The box is password-style, so that the address is not echoed into the notebook."""
    user = NotebookUser(cognito, remote_browser=True)
    with Kernel(environment) as kernel:
        kernel.run_cell("%load_ext cognito_jupyter")
        run = kernel.run_cell("%cognito_login --paste", on_output=user.on_output, on_input=lambda _: user.final_url)
        assert run.error is None
        assert [hidden for _, hidden in run.prompts] == [True]
        assert user.final_url is not None
        assert user.final_url not in str(run.outputs)
        assert kernel.run_cell(READS_S3).text == "361\n"
        # A thread of IPython's writes it, and the end of the `with` kills the kernel.
        wait_until(lambda: "body.read()" in _history(environment))
    assert user.final_url not in _history(environment)


def test_a_wrong_url_is_explained_and_the_box_opens_again(cognito: LocalCognito, environment: dict[str, str]) -> None:
    user = NotebookUser(cognito, remote_browser=True)
    replies = iter(["https://example.com/?code=abc&state=def", "   "])
    with Kernel(environment) as kernel:
        kernel.run_cell("%load_ext cognito_jupyter")
        shown: list[str] = []

        def reply(_: str) -> str | None:
            return next(replies, user.final_url)

        def on_output(text: str) -> None:
            shown.append(text)
            user.on_output(text)

        run = kernel.run_cell("%cognito_login --paste", on_output=on_output, on_input=reply)
    assert run.error is None
    assert len(run.prompts) == 3
    assert any("belongs to another sign-in" in text for text in shown)


@pytest.mark.first_login
def test_on_a_jupyterhub_the_paste_box_is_open_while_the_listener_listens(
    cognito: LocalCognito, environment: dict[str, str]
) -> None:
    """Both ways work: here the listener receives the response while the box is open."""
    with Kernel(environment | {"JUPYTERHUB_USER": "demo"}) as kernel:
        kernel.run_cell("%load_ext cognito_jupyter")
        user, shown = NotebookUser(cognito), list[str]()

        def sign_in_now(_: str) -> None:
            for text in shown:
                user.on_output(text)

        run = kernel.run_cell("%cognito_login", on_output=shown.append, on_input=sign_in_now)
        assert run.error is None
        assert len(run.prompts) == 1
        assert "press Enter in it" in run.text
        assert kernel.run_cell(READS_S3).text == "361\n"


def test_a_settings_file_marks_the_kernel_as_remote_and_the_notebook_overrides_it(
    cognito: LocalCognito, environment: dict[str, str], tmp_path: Path
) -> None:
    """An administrator writes it for all users; a trait set in the notebook has priority."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "cognito.toml").write_text("remote_kernel = true\n", encoding="ascii")
    with Kernel(environment | {"COGNITO_JUPYTER_FOLDER": str(tmp_path)}) as kernel:
        kernel.run_cell("%load_ext cognito_jupyter")
        user, shown = NotebookUser(cognito), list[str]()

        def sign_in_now(_: str) -> None:
            for text in shown:
                user.on_output(text)

        run = kernel.run_cell("%cognito_login", on_output=shown.append, on_input=sign_in_now)
        assert (run.error, len(run.prompts)) == (None, 1)
        assert any("(remote_kernel is set)" in text for text in shown)
        assert kernel.run_cell("%config CognitoMagics.remote_kernel = False").error is None
        shown.clear()

        def on_output(text: str) -> None:
            shown.append(text)
            user.on_output(text)

        run = kernel.run_cell("%cognito_login --fresh", on_output=on_output)
        assert (run.error, run.prompts, user.login_count) == (None, [], 2)
        assert not any("remote_kernel" in text for text in shown)


@pytest.mark.first_login
def test_the_stop_button_ends_the_login_with_one_line_and_leaves_nothing_behind(
    notebook: Notebook, cognito: LocalCognito
) -> None:
    before = open_resources(notebook, cognito)
    assert before.endswith("[] [] []")
    run = notebook.kernel.run_cell("%cognito_login", on_output=stop_at_link(notebook.kernel))
    assert run.error is not None
    assert run.error.splitlines() == ["Stopped. Nothing has changed; run the cell again when you like."]
    assert "The sign-in was stopped." in run.text
    assert AUTHORIZE_URL.search(str(run.outputs)) is None
    wait_for_open_resources(notebook, cognito, before)
    assert notebook.value("'session' in globals()") == "False"


@pytest.mark.first_login
def test_an_unfinished_login_times_out_and_says_what_to_check(notebook: Notebook, cognito: LocalCognito) -> None:
    notebook.user.ignore_links()
    error = notebook.error("%cognito_login --timeout 1")
    assert "1 second" in error
    assert "redirect" in error
    wait_for_open_resources(notebook, cognito, "[] [] []")


@pytest.mark.first_login
def test_after_a_login_only_the_refresh_thread_and_connections_are_left(
    notebook: Notebook, cognito: LocalCognito
) -> None:
    notebook.text("%cognito_login")
    wait_for_open_resources(notebook, cognito, "['cognito-refresh'] [] []")


def test_the_session_of_the_next_role_is_prepared_after_each_change_of_the_role(notebook: Notebook) -> None:
    """By the refresh thread: nothing more is left of it than the test above finds."""
    for role_suffix in ("Analyst", "Uploader", "Analyst"):
        notebook.text(f"%cognito_login {role_suffix}")
        wait_until(lambda: notebook.value("len(cognito._prebuilt_session._prebuilt)") == "1")
        notebook.text("assert session is not cognito._prebuilt_session._prebuilt[0][1]")


@pytest.mark.first_login
def test_after_logout_and_failure_no_socket_is_left(notebook: Notebook, cognito: LocalCognito) -> None:
    """Counted in the kernel, before and after: listening ones and connections, threads and children."""
    count = (
        "(len(psutil.Process().net_connections('inet')), threading.active_count(), len(psutil.Process().children()))"
    )
    notebook.text("import gc, psutil, threading")
    before = notebook.value(count)
    notebook.text("%cognito_login --role-suffix Analyst")
    notebook.text(READS_S3.replace("body =", "body = None; body ="))
    notebook.text("%cognito_logout")
    notebook.text("del body; gc.collect()")
    # The thread of the login closes the listener after the cell has its result.
    wait_until(lambda: notebook.value(count) == before, lambda: f"{notebook.value(count)}, before: {before}")
    cognito.knobs.fail(cognito.CODE_EXCHANGE, status=500, times=None)
    notebook.error("%cognito_login")
    notebook.text("gc.collect()")
    wait_until(lambda: notebook.value(count) == before, lambda: f"{notebook.value(count)}, before: {before}")


@pytest.mark.first_login
def test_run_all_waits_in_the_first_cell(notebook: Notebook) -> None:
    """All cells are sent at once, as JupyterLab does; none is lost, and they run in order."""
    client = notebook.kernel.client
    sources = ["%cognito_login --role-suffix Analyst", READS_S3, "print('last')"]
    requests = [client.execute(source, allow_stdin=True) for source in sources]
    shown, done = "", set[str]()
    until = time.monotonic() + 60
    while len(done) < len(requests) and time.monotonic() < until:
        message = client.get_iopub_msg(timeout=30)
        content, parent = message["content"], message["parent_header"].get("msg_id")
        if message["msg_type"] in {"display_data", "update_display_data"}:
            notebook.user.on_output(content["data"]["text/plain"])
        shown += content.get("text", "") if message["msg_type"] == "stream" else ""
        if message["msg_type"] == "status" and content["execution_state"] == "idle" and parent in requests:
            done.add(parent)
    assert shown == "361\nlast\n"


def test_a_sign_in_that_the_server_has_ended_needs_a_new_login(notebook: Notebook) -> None:
    notebook.text("%cognito_login --role-suffix Analyst")
    notebook.text("cognito.authenticator.revoke(cognito.auth_tokens['refresh_token'])")
    notebook.run("import contextlib\nwith contextlib.suppress(PermissionError): cognito.refresh_user_pool_tokens()")
    assert "Signed in" in notebook.text("%cognito_login --role-suffix Uploader --name uploads")
    assert notebook.user.login_count == 2


def test_without_a_front_end_a_login_fails_immediately_with_one_line(
    cognito: LocalCognito, environment: dict[str, str]
) -> None:
    with Kernel(environment, allow_stdin=False) as kernel:
        kernel.run_cell("%load_ext cognito_jupyter")
        run = kernel.run_cell("%cognito_login")
    assert run.error is not None
    assert run.error.startswith("No user can sign in here")
    assert "\n" not in run.error
    assert not cognito.counts["authorize"] or run.text.find("authorize") == -1


def test_without_a_front_end_an_existing_sign_in_is_used(notebook: Notebook) -> None:
    notebook.text("%cognito_login --role-suffix Analyst")
    notebook.kernel._allow_stdin = False
    assert notebook.text("%cognito_login --role-suffix Analyst") == ""
    assert "Uploader" in notebook.text("%cognito_login --role-suffix Uploader")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--role-sufix Analyst", "unrecognized arguments"),
        ('-r "Analyst', "quotation mark"),
        ("Analyst -r Uploader", "it was given twice"),
        ("Analyst Uploader", "unrecognized arguments: Uploader"),
        ("-Analyst", "unrecognized arguments: -Analyst"),
        ("''", "The role suffix is empty"),
        ("--timeout soon", "not a number of seconds"),
        ("--timeout -1", "not a possible number of seconds"),
        ("--name 1st", "cannot be the name of a variable"),
        ("--name print", "name is 'print', which is a name of Python's own"),
        ("--manager-name \uff53ession", "which Python reads as 'session'"),
        ("-r ''", "The role suffix is empty"),
        ("--name cognito", "cannot both be called cognito"),
        ("--profile nowhere", "There is no profile 'nowhere'"),
    ],
)
def test_a_wrong_argument_is_named_in_one_line(unchanged_notebook: Notebook, line: str, message: str) -> None:
    error = unchanged_notebook.error(f"%cognito_login {line}")
    assert message in error
    assert "Traceback" not in error
    assert unchanged_notebook.user.login_count == 0


def _history(environment: dict[str, str]) -> str:
    """Everything in IPython's history file."""
    path = Path(environment["IPYTHONDIR"], "profile_default", "history.sqlite")
    with sqlite3.connect(path) as database:
        return str(database.execute("select source, source_raw from history").fetchall())

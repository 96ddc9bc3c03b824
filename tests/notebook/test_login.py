"""Signing in by a top-level `await`, and what a login leaves of asyncio to the cells after it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.support.notebook import READS_S3, Notebook, stop_at_link
from tests.support.polling import wait_until
from tests.support.printed_login import AUTHORIZE_URL

pytestmark = pytest.mark.first_login

ASYNCIO_STATE = """
import asyncio
print(asyncio.run.__module__, asyncio.Task.__module__, hasattr(asyncio, "_nest_patched"),
      hasattr(asyncio.get_running_loop(), "_nest_patched"))
coroutine = asyncio.sleep(0)
try:
    asyncio.run(coroutine)
except RuntimeError as error:
    print(error)
finally:
    coroutine.close()
"""


def test_awaiting_signs_in_and_gives_the_session(notebook: Notebook) -> None:
    shown = notebook.text('import cognito_jupyter\nmine = await cognito_jupyter.login("Analyst")')
    assert "demo (demo@example.org)" in shown
    assert notebook.value("mine is session, cognito.roles[0][-7:]") == "True Analyst"
    assert notebook.text(READS_S3) == "361\n"
    assert notebook.text('uploads = await cognito_jupyter.login("Uploader", name="uploads")').count("Uploader")
    assert notebook.user.login_count == 1


def test_the_kernels_loop_keeps_running_during_a_login(notebook: Notebook) -> None:
    counting = "import asyncio, cognito_jupyter\nticks = []\nasync def count():\n"
    counting += "    while True:\n        ticks.append(1); await asyncio.sleep(0.01)\n"
    counting += "counter = asyncio.create_task(count())\nbefore = len(ticks)\n"
    notebook.text(counting + "s = await cognito_jupyter.login()\nafter = len(ticks)\ncounter.cancel()")
    assert int(notebook.value("after - before")) > 1


@pytest.mark.parametrize("login", ["%cognito_login", "import cognito_jupyter; await cognito_jupyter.login()"])
def test_asyncio_is_unchanged_after_a_login(notebook: Notebook, login: str) -> None:
    """asyncio.run in a cell keeps raising its normal error: nothing has made the kernel's loop re-entrant."""
    before = notebook.text(ASYNCIO_STATE)
    assert "asyncio.run() cannot be called from a running event loop" in before
    notebook.text(login)
    assert notebook.text(ASYNCIO_STATE) == before


def test_the_stop_button_ends_an_awaited_login_and_leaves_nothing_behind(notebook: Notebook) -> None:
    code = "import cognito_jupyter\nawait cognito_jupyter.login()"
    run = notebook.kernel.run_cell(code, on_output=stop_at_link(notebook.kernel))
    assert run.error is not None
    assert "The sign-in was stopped." in run.text
    assert AUTHORIZE_URL.search(str(run.outputs)) is None
    names = "[t.name for t in threading.enumerate() if t.name.startswith('cognito')]"
    notebook.text("import threading")
    wait_until(lambda: notebook.value(names) == "[]", lambda: notebook.value(names))
    assert notebook.value("'session' in globals()") == "False"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("''", "The role suffix is empty"),
        ("name='1st'", "cannot be the name of a variable"),
        ("timeout=-1", "not a possible number of seconds"),
        ("profile='nowhere'", "There is no profile 'nowhere'"),
    ],
)
def test_a_wrong_argument_is_an_error_that_names_it(unchanged_notebook: Notebook, arguments: str, message: str) -> None:
    error = unchanged_notebook.error(f"import cognito_jupyter\nawait cognito_jupyter.login({arguments})")
    assert message in error
    assert unchanged_notebook.user.login_count == 0


BUTTON = """
import asyncio, ipywidgets
clicks, finished = [], []
async def later():
    await asyncio.sleep(0.05)
    finished.append(1)
def clicked(_):
    clicks.append(1)
    open(CLICKED, "w").close()
    tasks.append(asyncio.ensure_future(later()))
tasks = []
button = ipywidgets.Button()
button.on_click(clicked)
print(button.comm.comm_id)
"""


def test_a_task_that_a_widget_starts_while_a_magic_waits_completes(notebook: Notebook, tmp_path: Path) -> None:
    """The click on a user's button is processed while the cell blocks, and its task belongs to the kernel's loop."""
    has_been_clicked = tmp_path / "clicked"
    comm = notebook.text(f"CLICKED = {str(has_been_clicked)!r}\n{BUTTON}").strip()
    client = notebook.kernel.client
    users: list[threading.Thread] = []

    def on_output(text: str) -> None:
        if not users and AUTHORIZE_URL.search(text):
            click = {"comm_id": comm, "data": {"method": "custom", "content": {"event": "click"}}}
            client.shell_channel.send(client.session.msg("comm_msg", click))
            users.append(threading.Thread(target=sign_in_after_click, args=[text]))
            users[0].start()

    def sign_in_after_click(text: str) -> None:
        wait_until(has_been_clicked.exists, timeout=30)
        notebook.user.on_output(text)

    run = notebook.kernel.run_cell("%cognito_login\nprint(len(clicks))", on_output=on_output)
    users[0].join()
    assert run.error is None
    assert run.text.endswith("1\n")
    wait_until(lambda: notebook.value("len(finished)") == "1")
    assert notebook.value("len(clicks)") == "1"

"""A login in a thread shows its link in the cell that has started the thread, whichever cell is running."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cognito_jupyter.local import LocalCognito
from tests.support.notebook import Notebook
from tests.support.polling import wait_until

_OF_A_LOGIN = re.compile("To sign in at|Getting the sign-in ready")
_SETUP = """
import asyncio, concurrent.futures, threading, cognito_jupyter
begin, shell, pool = threading.Event(), get_ipython(), concurrent.futures.ThreadPoolExecutor(1)
pool.submit(int)

def login(magic="cognito_login", options="--no-browser --timeout 20"):
    begin.wait()
    try:
        shell.run_line_magic(magic, options)
    except ConnectionError:
        pass  # the end of the test stops it

def awaited_login():
    begin.wait()
    asyncio.run(cognito_jupyter.login(no_browser=True, timeout=20))

async def in_task(function):
    return asyncio.get_running_loop().create_task(asyncio.to_thread(function))
"""
_STARTS = {
    "a magic in a thread": "threading.Thread(target=login, daemon=True).start()",
    "a panel in a thread": "threading.Thread(target=login, args=['cognito_panel', ''], daemon=True).start()",
    "a coroutine in a thread": "threading.Thread(target=awaited_login, daemon=True).start()",
    "a thread of a thread": "threading.Thread(target=threading.Thread(target=login, daemon=True).start).start()",
    "asyncio.to_thread": "task = await in_task(login)",
    "a thread that runs at once": "begin.set()\nthreading.Thread(target=login, daemon=True).start()",
}


@pytest.fixture
def waiting_notebook(notebook: Notebook, cognito: LocalCognito) -> Notebook:
    notebook.user.ignore_links()
    notebook.text(_SETUP)
    return notebook


@pytest.mark.parametrize("start", _STARTS.values(), ids=_STARTS)
def test_the_link_is_in_the_threads_own_cell(waiting_notebook: Notebook, start: str) -> None:
    kernel = waiting_notebook.kernel
    own_cell = kernel._send(start)
    cells = {own_cell, kernel._send("1 + 1"), kernel._send("begin.set()"), kernel._send("import time; time.sleep(1)")}
    shown_in: list[str] = []

    def link_is_shown() -> bool:
        message: dict[str, Any] | None = kernel.next_message()
        is_display = message is not None and message["msg_type"] == "display_data"
        if message is not None and is_display and _OF_A_LOGIN.search(message["content"]["data"].get("text/plain", "")):
            shown_in.append(message["parent_header"]["msg_id"])
        return bool(shown_in)

    wait_until(link_is_shown)
    assert cells >= set(shown_in)
    assert shown_in == [own_cell]


def test_the_next_cell_shows_its_own_outputs(waiting_notebook: Notebook) -> None:
    """What a thread displays is led to its cell, and nothing else."""
    waiting_notebook.text("begin.set()\nthreading.Thread(target=login, daemon=True).start()")
    assert waiting_notebook.text("display('mine')") == "'mine'\n"
    assert "You are not signed in" in waiting_notebook.text("%cognito_status")

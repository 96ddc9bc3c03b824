"""Logins beside other work: two at once, in a task, in a thread, in a forked child. Each cell of the kernel replies."""

from __future__ import annotations

import random
import re

import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from tests.support.notebook import READS_S3, Notebook
from tests.support.polling import wait_until

_CONTROLLER = "get_ipython().magics_manager.registry['CognitoMagics'].state.controller"
_TWO = (
    "import asyncio, cognito_jupyter\n"
    "two = [cognito_jupyter.login('Analyst', {0}), cognito_jupyter.login('Uploader', name='up', {0})]\n"
)


def link_of_the_running_login(notebook: Notebook, unlike: str = "") -> str:
    """Waits for the link of a login that no cell shows, other than the given one."""
    found: list[str] = []

    def find() -> bool:
        # The login may display something at that moment, and a thread's output goes to the cell that runs.
        shown = notebook.text(f"print('LINK', getattr({_CONTROLLER}.login, 'authorization_url', ''))")
        found.extend(re.findall(r"^LINK (http\S+)", shown, re.MULTILINE))
        return bool(found) and found[-1] != unlike

    wait_until(find)
    return found[-1]


def sign_in_at(link: str, cognito: LocalCognito) -> None:
    submit_login(link, cognito.demo_user.username, cognito.demo_user.password)


_RANDOM_LOGINS = """
import asyncio, random, signal, threading, time, cognito_jupyter
from cognito_jupyter.notebook.kernel.comms import CommPump
shell, tasks, threads, main = get_ipython(), [], [], threading.main_thread().ident

def magic(timeout):
    try:
        shell.run_line_magic("cognito_login", f"--no-browser --timeout {timeout}")
    except ConnectionError as error:
        return str(error)

def stopped(chance):
    pressed = []
    def press():
        time.sleep(chance.uniform(0, 0.2))
        signal.pthread_kill(main, signal.SIGINT)
        pressed.append(True)
    try:
        threading.Thread(target=press).start()
        while not magic(60).startswith("Stopped."):  # a thread's login has replaced it
            pass
    except KeyboardInterrupt:
        pass
    while not pressed:
        time.sleep(0.001)

def login(chance, **options):
    return cognito_jupyter.login(no_browser=True, timeout=chance.choice([0.1, 0.2]), **options)

async def gathered(chance):
    two = [asyncio.ensure_future(each) for each in (login(chance), login(chance, name="up"))]
    if chance.random() < 0.5:
        asyncio.get_running_loop().call_later(chance.uniform(0, 0.2), chance.choice(two).cancel)
    await asyncio.gather(*two, return_exceptions=True)

def in_task(chance):
    tasks.append(asyncio.get_running_loop().create_task(login(chance)))
    if chance.random() < 0.5:
        asyncio.get_running_loop().call_later(chance.uniform(0, 0.2), tasks[-1].cancel)

def in_thread(chance):
    threads.append(threading.Thread(target=magic, args=[chance.choice([0.1, 0.2])]))
    threads[-1].start()

async def all_ended():
    await asyncio.gather(*tasks, return_exceptions=True)
    while any(thread.is_alive() for thread in threads):
        await asyncio.sleep(0.01)
"""


def test_logins_that_start_and_end_in_random_order_leave_nothing_behind(
    notebook: Notebook, cognito: LocalCognito
) -> None:
    """Gathered, cancelled, stopped, timed out, in tasks and threads, each beside those before; nobody signs in."""
    notebook.user.ignore_links()
    notebook.text(_RANDOM_LOGINS)
    chance = random.Random(7)
    for number in range(40):
        kind = chance.choice(["stopped", "await gathered", "in_task", "in_thread"])
        assert f"cell {number}\n" in notebook.text(f"{kind}(random.Random({number}))\nprint('cell {number}')")
    notebook.text("await all_ended()")
    ports = [int(uri.rpartition(":")[2]) for uri in cognito.redirect_uri.split()]
    left = (
        "[t.name for t in threading.enumerate() if t.name.startswith('cognito')],"
        " [c.laddr.port for c in psutil.Process().net_connections('tcp')"
        f" if c.status == 'LISTEN' and c.laddr.port in {ports}],"
        f" {_CONTROLLER}.login_task, signal.getsignal(signal.SIGINT) is signal.default_int_handler,"
        " [each for each in gc.get_objects() if isinstance(each, CommPump) and each._user_count]"
    )
    notebook.text("import gc, psutil")
    wait_until(lambda: notebook.value(left) == "[] [] None True []", lambda: notebook.value(left))


@pytest.mark.first_login
def test_two_logins_at_once_need_one_sign_in_and_give_two_sessions(notebook: Notebook) -> None:
    notebook.text(_TWO.format("") + "first, second = await asyncio.gather(*two)")
    assert notebook.user.login_count == 1
    assert notebook.value("first is session, second is up, first is not second") == "True True True"
    assert notebook.text(READS_S3) == "361\n"


@pytest.mark.first_login
def test_two_logins_at_once_of_a_user_who_does_not_sign_in_end_together(notebook: Notebook) -> None:
    notebook.user.ignore_links()
    code = _TWO.format("timeout=1") + "errors = await asyncio.gather(*two, return_exceptions=True)\n"
    shown = notebook.text(code + "print([type(error).__name__ for error in errors])")
    assert "['LoginTimeoutError', 'LoginTimeoutError']" in shown
    assert shown.count("/oauth2/authorize") <= 1
    threads = "[t.name for t in threading.enumerate() if t.name.startswith('cognito')]"
    notebook.text("import threading")
    wait_until(lambda: notebook.value(threads) == "[]", lambda: notebook.value(threads))


@pytest.mark.first_login
def test_a_login_goes_on_by_itself_if_the_one_that_it_waited_for_is_cancelled(
    notebook: Notebook, cognito: LocalCognito
) -> None:
    notebook.user.ignore_links()
    notebook.text(_TWO.format("") + "tasks = [asyncio.create_task(each) for each in two]")
    first = link_of_the_running_login(notebook)
    notebook.text("tasks[0].cancel();")
    sign_in_at(link_of_the_running_login(notebook, unlike=first), cognito)
    assert notebook.text("print((await tasks[1]) is up, tasks[0].cancelled())").endswith("True True\n")


@pytest.mark.parametrize("beside", ["task", "thread"])
@pytest.mark.first_login
def test_a_login_beside_the_cells_holds_none_of_them_back(
    notebook: Notebook, cognito: LocalCognito, beside: str
) -> None:
    notebook.user.ignore_links()
    if beside == "task":
        notebook.text("import asyncio, cognito_jupyter\nbackground = asyncio.create_task(cognito_jupyter.login())")
    else:
        code = "import threading\nbackground = threading.Thread(target=lambda: get_ipython().run_line_magic"
        notebook.text(code + "('cognito_login', '--no-browser'))\nbackground.start()")
    for number in range(30):
        assert f"cell {number}\n" in notebook.text(f"print('cell {number}')")
        notebook.text("await __import__('asyncio').sleep(0.01)")
    sign_in_at(link_of_the_running_login(notebook), cognito)
    notebook.text("await background" if beside == "task" else "background.join()")
    assert notebook.text(READS_S3) == "361\n"


@pytest.mark.first_login
def test_a_login_in_a_thread_takes_no_input_of_a_cell(notebook: Notebook, cognito: LocalCognito) -> None:
    """With --paste a box would be open, and read what the user types into the box of the cell."""
    notebook.user.ignore_links()
    code = "import threading\nbackground = threading.Thread(target=lambda: get_ipython().run_line_magic"
    notebook.text(code + "('cognito_login', '--no-browser --paste'))\nbackground.start()")
    for _ in range(10):
        run = notebook.kernel.run_cell("print(input('?'))", on_input=lambda _: "typed")
        assert run.error is None
        assert "typed\n" in run.text  # the login may display its link in the cell, too
    sign_in_at(link_of_the_running_login(notebook), cognito)
    notebook.text("background.join()")
    assert notebook.value("'session' in globals()") == "True"


@pytest.mark.parametrize("options", ["", "--paste"])
@pytest.mark.first_login
def test_a_login_in_a_forked_child_ends_by_its_timeout(notebook: Notebook, options: str) -> None:
    notebook.user.ignore_links()
    notebook.text(f"options = '--no-browser --timeout 1 {options}'")
    notebook.text("""
import os, time
child = os.fork()
if child == 0:
    try:
        get_ipython().run_line_magic("cognito_login", options)
    except ConnectionError as error:
        os._exit(41 if "timed out after 1 second" in str(error) else 1)
    finally:
        os._exit(1)
ended, until = 0, time.monotonic() + 50
while not ended and time.monotonic() < until:
    ended, status = os.waitpid(child, os.WNOHANG)
    time.sleep(0.05)
""")
    assert notebook.value("bool(ended), os.waitstatus_to_exitcode(status)") == "True 41"
    assert notebook.value("1 + 1") == "2"
